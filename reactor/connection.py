"""One peer on the server: its transport on one side, its session on the other.

Here bytes become records. Before each request the connection asks whether it may be handled now: the rates of the
connection and of its address (`pace`), the work of the current tick (`fair_queue`), a reply that must be out first,
and replies that the peer has not taken yet can all put it off. Meanwhile the peer is not read, so TCP slows it down;
nothing is dropped.
"""

import enum

from pylingo.reactor import peer_deadlines
from pylingo.reactor.chat.session import Session, State
from pylingo.reactor.config import ServerSettings
from pylingo.reactor.connection_log import log_connected, log_ended
from pylingo.reactor.engine.listener import address_key
from pylingo.reactor.engine.transport import Transport
from pylingo.reactor.face import NATIVE, Decoder, Face
from pylingo.reactor.fair_queue import cost_of
from pylingo.reactor.service import Service
from pylingo.shared.address import Address, show_address
from pylingo.shared.errors import FrameError, RequestError
from pylingo.shared.messages import Notice

UNPACED = 60
"""Requests after `hello` that are not paced: twenty rooms are entered, and their history and people are asked for."""


class Pause(enum.IntEnum):
    """Whether the peer is read. The first is false."""

    READING = 0
    UNTIL_CALLED = enum.auto()  # a timer, the fair queue or the session calls when the next request may be handled
    UNTIL_DRAINED = enum.auto()  # the peer must take the replies before it


READING, UNTIL_CALLED, UNTIL_DRAINED = Pause
ATTACHED = State.ATTACHED


class Connection:
    """See the module. `address` is the peer's, and `face` what is spoken.

    `used` belongs to the fair queue, `shelf` to the wheel of deadlines, and the times to these.
    """

    __slots__ = (
        "_arrival",
        "_decoder",
        "_end",
        "_face",
        "_is_counted",
        "_opened",
        "_pause",
        "_port",
        "_service",
        "_session",
        "_unpaced",
        "frame_since",
        "heard",
        "host",
        "pinged",
        "shelf",
        "silent_since",
        "transport",
        "used",
    )

    def __init__(
        self,
        service: Service,
        transport: Transport,
        address: Address,
        face: Face = NATIVE,
    ) -> None:
        now = service.reactor.now
        host, self._port = address
        key = address_key(host)
        self.host = key if key == host else host  # most are equal: share the string
        """The address of the peer, without the port."""
        self.transport = transport
        self.shelf: list[Connection] | None = None
        self.used = 0.0
        self.heard = self.silent_since = now
        self.frame_since = self.pinged = 0.0
        self._service = service
        self._opened = now
        self._face = face
        self._decoder: Decoder | None = None  # while bytes are held back
        self._arrival = 0.0  # the theoretical arrival time of the next request (see `pace`)
        self._is_counted = False  # whether the next request was counted for the address already
        self._pause = READING
        self._end = "lost", 0  # the reason, and the bytes that were discarded
        self._unpaced = 0  # further requests that do not count for the rate of the connection
        motd = service.settings.motd if face is NATIVE else ""
        origin = None if service.is_exempt(host) else key
        self._session = Session(service.hub, self, transport, motd, origin, face.voice)
        face.begin(self._session)
        if service.notice:
            self._session.reply(Notice(service.notice))
        log_connected(self.address, self._session.person.name)

    def __repr__(self) -> str:
        return f"<{self._session.person.name} at {self.address}>"

    @property
    def address(self) -> str:
        """`HOST:PORT` of the peer."""
        return show_address(self.host, self._port)

    @property
    def certificate(self) -> bytes | None:
        """The server's certificate of this connection's handshake, as DER; None without TLS."""
        return self.transport.certificate

    @property
    def settings(self) -> ServerSettings:
        return self._service.settings

    @property
    def is_attached(self) -> bool:
        """Whether this connection carries its session, and the session has not ended."""
        return self._session.peer is self

    @property
    def is_paused(self) -> bool:
        """Whether a request waits, and the peer is not read."""
        return self._pause is not READING

    @property
    def is_handled(self) -> bool:
        """Whether requests of this peer are still handled."""
        return self.is_attached and self._session.state is ATTACHED

    @property
    def pending(self) -> int:
        """The bytes that have come and are not handled yet."""
        return 0 if self._decoder is None else self._decoder.pending

    @property
    def is_behind(self) -> bool:
        """Whether requests have come that may still be handled."""
        return self.is_handled and (self.is_paused or self.transport.has_unread)

    @property
    def is_waiting(self) -> bool:
        """Whether the next request waits for something that makes the connection go on: an answer, or the peer."""
        return self._session.is_busy or self._session.outbox.is_full

    # --- from the transport

    def data_received(self, data: bytes) -> None:
        """Handle the requests in `data`, as far as they may be handled now."""
        peer_deadlines.byte_came(self, self._service.reactor.now)
        if self._decoder is None:
            self._decoder = self._face.decoder()
        self._decoder.feed(data)
        self._handle_requests()

    def eof_received(self) -> None:
        """The peer will send no more: the connection is lost."""
        if self.is_attached:
            self._session.lost()

    def drained(self) -> None:
        """The socket has taken everything that was queued."""
        if self.is_attached:
            self._session.drained()
        if self._pause is UNTIL_DRAINED:
            self._pause = UNTIL_CALLED
            self._service.reactor.call_soon(self.go_on)

    def connection_lost(self, error: Exception | None) -> None:
        """The socket is closed."""
        if self._is_counted:
            self._service.address_pace.give_back(address_key(self.host))
        try:
            self.eof_received()
        finally:
            self._service.closed(self)
            self._face.closed()
            self._log_end()

    # --- from the session

    def attach(self, session: Session) -> None:
        """Carry `session` from now on."""
        self._session = session

    def said_hello(self) -> None:
        """The client comes back to its rooms: its next requests are not paced, but for the rate of the address."""
        self._unpaced = 1 + UNPACED  # the hello itself counts as well

    def ended(self, reason: str) -> None:
        """The goodbye is in the transport: flush it and close."""
        self._service.counts[reason] += 1
        self._end = reason, self._end[1]
        self.transport.close()

    def go_on(self) -> None:
        """Handle requests again, as soon as the pace allows."""
        self._face.went_on()
        if delay := self._pace_delay():
            self._wait(delay)
        else:
            self._resume()

    # --- from the fair queue, and at the end of the server

    def take_turn(self) -> None:
        """The request that waits may be handled."""
        self._resume()

    def catch_up(self) -> None:
        """Handle what has come: there is no pace any more."""
        if self.is_paused:
            self._resume()

    # --- requests

    def _handle_requests(self) -> None:
        """Handle the requests that have come, until one must wait."""
        decoder = self._decoder
        if decoder is None:
            return
        is_paced = self._service.pace.emission_interval > 0
        face = self._face
        try:
            handled = not is_paced and self._handle_many(decoder)
            for body in decoder if not self._pause else ():
                session = self._session
                if session.peer is not self or session.state is not ATTACHED:
                    self._decoder = None  # release the buffer: the goodbye may wait long for the disk
                    return
                outbox = session.outbox
                cost = cost_of(body) if is_paced else 0.0
                if (outbox.owes and outbox.is_full) or (is_paced and not self._may_handle(cost)):
                    self._put_back(decoder, body)
                    break
                handled = True
                try:
                    face.handle(session, face.decode(body))
                except RequestError as error:
                    session.refuse(error)
                if is_paced:
                    self._charge(cost)
                if self._session.is_busy:
                    self._stop_reading(UNTIL_CALLED)
                if self._pause:
                    break
        except FrameError as error:
            self._decoder = None  # nothing behind a broken frame can be read
            if self.is_handled:
                self._session.end(error.reason, error.text)
        else:
            is_pending = decoder.pending > 0
            if not is_pending:
                self._decoder = None
            peer_deadlines.frames_came(self, handled, is_pending, self._service.reactor.now)

    def _handle_many(self, decoder: Decoder) -> bool:
        """Handle together the requests that come first and allow for it. Return whether there were any."""
        session, outbox = self._session, self._session.outbox
        if session.peer is not self or session.state is not ATTACHED or (outbox.owes and outbox.is_full):
            return False
        handled = self._face.handle_many(session, decoder)
        if self._session.is_busy:
            self._stop_reading(UNTIL_CALLED)
        return handled

    def _put_back(self, decoder: Decoder, body: bytes) -> None:
        """A request must wait: for its turn, or until the peer has taken the replies before it."""
        decoder.put_back(body)
        if not self._pause:
            self._stop_reading(UNTIL_DRAINED)
            self.transport.tell_drained = True

    def _may_handle(self, cost: float) -> bool:
        """Whether the rate of the address and the work of this tick allow another request, which is read for `cost`."""
        service = self._service
        origin = self._session.origin
        if origin is not None and not self._is_counted:
            self._is_counted = True
            if delay := service.address_pace.reserve(origin, service.reactor.now):
                self._wait(delay)
                return False
        if not service.queue.admit(self, cost):
            self._stop_reading(UNTIL_CALLED)
            return False
        self._is_counted = False
        return True

    def _charge(self, cost: float) -> None:
        """Count the work of a handled request, with `cost` for reading it, and wait if it was the last of the burst."""
        service = self._service
        service.queue.charge(self, cost + service.hub.take_work())
        if self._unpaced:
            self._unpaced -= 1
            return
        if self._face.is_light:
            return
        self._arrival = service.pace.next_arrival(self._arrival, service.reactor.now)
        if (delay := self._pace_delay()) and not self._session.is_busy:
            self._wait(delay)

    def _pace_delay(self) -> float:
        return self._service.pace.delay(self._arrival, self._service.reactor.now)

    def _stop_reading(self, pause: Pause) -> None:
        if not self._pause:
            self._pause = pause
            self.transport.pause_reading()

    def _wait(self, delay: float) -> None:
        self._stop_reading(UNTIL_CALLED)
        self._service.reactor.call_later(delay, self._resume)

    def _resume(self) -> None:
        """Handle requests again, and read the peer again unless one of them must wait."""
        if self._session.is_busy and self.is_handled:
            return  # a timer or a turn from before: `Session.go_on` comes
        self._pause = READING
        peer_deadlines.resumed(self, self._service.reactor.now)
        self._service.reactor.run_safely(self._handle_requests, owner=self.transport)
        if not self._pause and self.transport.is_open:
            self.transport.resume_reading()

    def stop_reading(self) -> None:
        """Read no more, until `read_again`: somebody else may go on with the session."""
        self.transport.hold_reading()

    def read_again(self) -> None:
        """Go on after `stop_reading`."""
        self.transport.release_reading()
        if not self._pause and self.transport.is_open:
            self.transport.resume_reading()

    # --- from the deadlines

    def check(self, now: float) -> float | None:
        """See `peer_deadlines.check`."""
        return peer_deadlines.check(self, now)

    def fail(self, error: Exception) -> None:
        """The check raised, which is a bug: this connection ends."""
        self.transport.abort()

    def ping(self) -> None:
        """Ask the peer for a byte."""
        self._service.hub.tick.bytes += len(self._face.ping)
        self.transport.write(self._face.ping)

    def expire(self, reason: str, text: str) -> None:
        """End the connection, as a deadline has passed."""
        is_stalled = reason == "stalled"
        if is_stalled:
            self._end = "lost", self.transport.queued
            self.transport.discard_unsent(self._face.unit_end)
        self._session.end(reason, text, discard=is_stalled)

    def abort(self) -> None:
        """Cut the connection."""
        self.transport.abort()

    def _log_end(self) -> None:
        reason, unsent = self._end
        log_ended(
            reason,
            self.address,
            self._session.person.name,
            self._service.reactor.now - self._opened,
            self.transport.tcp_bytes,
            unsent,
        )
