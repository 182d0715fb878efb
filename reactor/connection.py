"""One peer on the server: its transport on one side, its session on the other.

Here bytes become records. What a peer sends is paced: beyond a burst, requests are handled at a steady rate, and a
peer that sends more is not read for a while, so that TCP slows it down; nothing is dropped and nobody is punished. The
same holds for all connections of an address together (`pace`), for all requests of a tick (`fair_queue`), and for a
peer whose answers wait to be read.
Deadlines are kept by looking at the times noted here, now and then (`engine.deadlines`).
"""

import logging
from typing import TYPE_CHECKING

from reactor.chat.session import Session
from reactor.engine.listener import address_key
from reactor.engine.transport import Transport
from reactor.fair_queue import cost_of
from shared.address import host_of
from shared.codec import encode, request_codec
from shared.errors import FrameError, RequestError
from shared.framing import FrameDecoder, frame_end
from shared.messages import Notice, Ping

if TYPE_CHECKING:
    from reactor.server import Server

logger = logging.getLogger(__name__)

_PING = encode(Ping())
_decode = request_codec.decode


class Connection:
    """See the module. Made by the server for each accepted socket."""

    __slots__ = (
        "_address_key",
        "_counted",
        "_decoder",
        "_frame_since",
        "_heard",
        "_is_full",
        "_next_request",
        "_opened",
        "_over",
        "_paused",
        "_pinged",
        "_server",
        "_session",
        "_transport",
        "_valid",
        "address",
        "slot",
        "used",
    )

    def __init__(self, server: "Server", transport: Transport, address: str) -> None:
        now = server.reactor.now
        self._server = server
        self._transport = transport
        self.address = address
        host = host_of(address)
        self._address_key = None if server.is_exempt(host) else address_key(host)
        self._counted = False  # whether the next request is counted for the address already
        self._is_full = False  # whether requests wait until the answers have been taken
        self.slot = 0
        self.used = 0.0
        self._opened = self._heard = now
        self._pinged = 0.0  # when a ping went out that nothing has answered yet, else 0
        self._frame_since = 0.0  # when a frame began that is not whole yet, else 0
        self._next_request = 0.0  # when the burst is used up; later than now by what it is overdrawn
        self._paused = False
        self._over = False  # whether the session goes on without this connection
        self._valid = False  # whether there was a sound frame
        self._decoder = FrameDecoder()
        self._session = Session(server.hub, self, transport, server.settings.motd, self._address_key)
        if server.trouble:
            self._session.answer(Notice(server.trouble))

    def __repr__(self) -> str:
        return f"<{self._session.name} at {self.address}>"

    # --- from the transport

    def data_received(self, data: bytes) -> None:
        self._heard = self._server.reactor.now
        self._pinged = 0.0
        self._decoder.feed(data)
        self._pump()

    def eof_received(self) -> None:
        if not self._over:
            self._session.lost()

    def drained(self) -> None:
        if not self._over:
            self._session.drained()
        if self._is_full:
            self._is_full = False
            self._server.reactor.call_soon(self.go_on)

    def connection_lost(self, error: Exception | None) -> None:
        if self._counted and self._address_key is not None:
            self._server.addresses.give_back(self._address_key)
        if not self._over:
            self._session.lost()
        self._server.forget(self)

    # --- from the session

    def ended(self, reason: str) -> None:
        self._server.counts[reason] += 1
        if reason not in ("close", "lost", "shutdown", "stalled"):
            self._log_end(reason)
        self._transport.close()

    def adopt(self, session: Session) -> None:
        self._session = session

    def abandon(self) -> None:
        self._over = True

    def take_turn(self) -> None:
        """The fair queue's word: the request that waits may be handled."""
        self._resume()

    def go_on(self) -> None:
        server = self._server
        early = self._next_request - server.reactor.now - server.tolerance if server.interval else 0.0
        if early > 0:
            self._wait(early)
        else:
            self._resume()

    @property
    def is_behind(self) -> bool:
        """Whether requests have come that may still be handled."""
        if self._over or self._session.leaving or self._session.closing is not None:
            return False
        return self._paused or self._transport.has_unread

    def catch_up(self) -> None:
        """Handle what has come, now that there is no pace any more."""
        if self._paused and not self._session.waiting:
            self._resume()

    # --- requests

    def _pump(self) -> None:
        """Handle the requests that have come, as far as the pace allows."""
        paced = self._server.interval > 0
        hard = self._server.hub.hard
        handled = False
        try:
            for body in self._decoder:
                session = self._session
                if self._over or session.leaving or session.closing is not None:
                    self._decoder = FrameDecoder()  # nothing more is handled, so nothing is kept: a disk may be slow
                    return
                if (session.pending >= hard and session.is_full) or (paced and not self._may_handle(body)):
                    self._put_back(body)
                    break
                handled = True
                try:
                    session.handle(_decode(body))
                except RequestError as error:
                    session.refuse(error)
                if paced:
                    self._charge()
                if self._session.waiting:  # for the log on disk; what follows keeps its place, and `go_on` comes
                    self._pause()
                if self._paused:
                    break
        except FrameError as error:
            self._fail_stream(error)
        else:
            self._note_progress(handled)

    def _may_handle(self, body: bytes) -> bool:
        """Whether the address's pace and the work of this tick allow another request; if not, it is waited for."""
        server = self._server
        if self._address_key is not None and not self._counted:
            self._counted = True
            if delay := server.addresses.reserve(self._address_key, server.reactor.now):
                self._wait(delay)
                return False
        cost = cost_of(body)
        if not server.queue.admit(self, cost):
            self._pause()
            return False
        self._counted = False
        server.queue.charge(self, cost)
        return True

    def _charge(self) -> None:
        """A request was handled: count its work, and wait if it was the last of the burst."""
        server = self._server
        server.queue.charge(self, server.hub.take_work())
        now = server.reactor.now
        self._next_request = max(self._next_request, now) + server.interval
        early = self._next_request - now - server.tolerance
        if early > 0 and not self._session.waiting:
            self._wait(early)

    def _put_back(self, body: bytes) -> None:
        """A request waits, and all behind it: for its turn, or until the peer has taken the answers before it."""
        self._decoder.put_back(body)
        if not self._paused:
            self._pause()
            self._is_full = True
            self._transport.tell_drained = True

    def _fail_stream(self, error: FrameError) -> None:
        """What comes behind a broken frame cannot be read."""
        self._decoder = FrameDecoder()
        if not self._over and not self._session.leaving:
            self._session.end(error.reason, error.text)

    def _note_progress(self, handled: bool) -> None:
        if handled:
            self._valid = True
            self._frame_since = 0.0
        if not self._decoder.pending:
            self._frame_since = 0.0
        elif not self._frame_since:
            self._frame_since = self._server.reactor.now

    def _pause(self) -> None:
        if not self._paused:
            self._paused = True
            self._transport.pause_reading()

    def _wait(self, delay: float) -> None:
        self._pause()
        self._server.reactor.call_later(delay, self._resume)

    def _resume(self) -> None:
        """Another request may be handled. What stood still while nothing was read begins anew."""
        self._paused = False
        self._heard = self._server.reactor.now
        self._frame_since = 0.0
        try:
            self._pump()
        except Exception as error:  # who calls here knows of no connection
            logger.exception("handling what %r has sent failed and its connection ends", self)
            self._transport.fail(error)
        if not self._paused and self._transport.is_open:
            self._transport.resume_reading()

    # --- deadlines

    def look(self, now: float) -> float | None:
        """See whether a deadline has passed; the seconds until the next look."""
        settings = self._server.settings
        transport = self._transport
        if self._over or self._session.closing is not None:
            return None
        if transport.is_blocked and now - transport.waiting_since >= settings.stall_timeout:
            self._stall(f"nothing that was sent to you was taken for {settings.stall_timeout:g} s")
            return None
        if not self._paused:
            if not self._valid and now - self._opened >= settings.first_frame_timeout:
                self._session.end("silent", f"no frame came within {settings.first_frame_timeout:g} s")
                return None
            if self._frame_since and now - self._frame_since >= settings.frame_timeout:
                self._session.end("frame-timeout", f"a frame was not finished within {settings.frame_timeout:g} s")
                return None
            if self._pinged and now - self._pinged >= settings.ping_timeout:
                self._session.end("idle", f"nothing came within {settings.ping_timeout:g} s of a ping")
                return None
            if not self._pinged and now - self._heard >= settings.ping_after:
                self._pinged = now
                self._transport.write(_PING)
        return self._next_look(now)

    @property
    def first_look(self) -> float:
        """In how many seconds to look for the first time."""
        return self._next_look(self._opened)

    def _next_look(self, now: float) -> float:
        """When the first of the deadlines can be passed that are running, or that may begin right after now."""
        settings = self._server.settings
        transport = self._transport
        waits = [settings.frame_timeout, settings.stall_timeout, settings.ping_after, settings.ping_timeout]
        if transport.is_waiting:
            waits.append(transport.waiting_since + settings.stall_timeout - now)
        if not self._paused:
            if not self._valid:
                waits.append(self._opened + settings.first_frame_timeout - now)
            if self._frame_since:
                waits.append(self._frame_since + settings.frame_timeout - now)
            if self._pinged:
                waits.append(self._pinged + settings.ping_timeout - now)
            else:
                waits.append(self._heard + settings.ping_after - now)
        return max(0.0, min(waits))

    def fail(self, error: Exception) -> None:
        """Looking failed: our bug; this connection ends."""
        self._transport.abort()

    def _stall(self, text: str) -> None:
        self._log_end("stalled")  # while what it did not take is still there to be counted
        self._transport.drop(frame_end)
        self._session.end("stalled", text, drop=True)

    def _log_end(self, reason: str) -> None:
        logger.info(
            "ended %s: %s, %s, %d bytes queued, %.1f s old",
            reason,
            self.address,
            self._session.name,
            self._transport.queued,
            self._server.reactor.now - self._opened,
        )
