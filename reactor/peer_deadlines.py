"""The deadlines of one peer: the first frame, a whole frame, the answer to a ping, and taking what is sent.

They are checked periodically (see `engine.deadlines`) against the times noted here, so a byte costs no timer. While a
peer is not read, for its pace or because a reply is awaited, the deadlines that wait for its bytes stand still.
"""

from typing import Protocol

from pylingo.reactor.config import ServerSettings
from pylingo.reactor.engine.transport import Transport


class WatchedPeer(Protocol):
    """A connection, as its deadlines see it. No deadline holds for a peer that is not attached any more."""

    transport: Transport

    @property
    def is_attached(self) -> bool: ...
    @property
    def is_paused(self) -> bool:
        """Whether the peer is not read."""

    @property
    def settings(self) -> ServerSettings: ...
    def expire(self, reason: str, text: str) -> None:
        """A deadline has passed: end the connection for `reason`."""

    def ping(self) -> None:
        """Nothing has come for a while: ask for a byte."""

    def abort(self) -> None:
        """Cut the connection: checking its deadlines failed."""


class PeerDeadlines[P: WatchedPeer]:
    """See the module. `slot` belongs to the wheel that calls `check`. All times are on the reactor's clock."""

    __slots__ = ("_frame_since", "_heard", "_pinged", "_silent_since", "peer", "slot")

    def __init__(self, peer: P, now: float) -> None:
        self.slot = 0
        self.peer = peer
        self._heard = now
        self._silent_since = now  # the start of the connection, until the first valid frame; then 0
        self._frame_since = 0.0  # the first byte of a frame that is not whole yet, else 0
        self._pinged = 0.0  # the ping that nothing has answered yet, else 0

    def byte_came(self, now: float) -> None:
        """Any byte shows that the peer is alive."""
        self._heard = now
        self._pinged = 0.0

    def frames_came(self, handled: bool, pending: bool, now: float) -> None:
        """Note whether a request was `handled`, and whether a part of the next frame is `pending`."""
        if handled:
            self._silent_since = self._frame_since = 0.0
        if pending and not self._frame_since:
            self._frame_since = now

    def resumed(self, now: float) -> None:
        """The peer is read again: restart the deadlines that were suspended."""
        self._heard = now
        self._frame_since = 0.0

    def check(self, now: float) -> float | None:
        """Act on a deadline that has passed; return the seconds until the next check, or None for never again."""
        peer = self.peer
        if not peer.is_attached:
            return None
        if expired := self._expired(now):
            peer.expire(*expired)
            return None
        if not peer.is_paused and not self._pinged and now - self._heard >= peer.settings.ping_after:
            self._pinged = now
            peer.ping()
        return self.next_check(now)

    def fail(self, error: Exception) -> None:
        """The check raised, which is a bug: this connection ends."""
        self.peer.abort()

    def release(self) -> None:
        """Let go of the peer, whose connection is over: a circle would be left to the garbage collector."""
        del self.peer

    def _expired(self, now: float) -> tuple[str, str] | None:
        """The reason and the text of the goodbye, if a deadline has passed."""
        settings, transport = self.peer.settings, self.peer.transport
        if transport.is_blocked and now - transport.waiting_since >= settings.stall_timeout:
            return "stalled", f"nothing that was sent to you was taken for {settings.stall_timeout:g} s"
        if self.peer.is_paused:
            return None
        if self._silent_since and now - self._silent_since >= settings.first_frame_timeout:
            return "silent", f"no frame came within {settings.first_frame_timeout:g} s"
        if self._frame_since and now - self._frame_since >= settings.frame_timeout:
            return "frame-timeout", f"a frame was not finished within {settings.frame_timeout:g} s"
        if self._pinged and now - self._pinged >= settings.ping_timeout:
            return "idle", f"nothing came within {settings.ping_timeout:g} s of a ping"
        return None

    def next_check(self, now: float) -> float:
        """The seconds until a deadline can pass that runs, or that may begin right after `now`."""
        settings, transport = self.peer.settings, self.peer.transport
        waits = [settings.frame_timeout, settings.stall_timeout, settings.ping_after, settings.ping_timeout]
        if transport.waiting_since:
            waits.append(transport.waiting_since + settings.stall_timeout - now)
        if not self.peer.is_paused:
            if self._silent_since:
                waits.append(self._silent_since + settings.first_frame_timeout - now)
            if self._frame_since:
                waits.append(self._frame_since + settings.frame_timeout - now)
            if self._pinged:
                waits.append(self._pinged + settings.ping_timeout - now)
            else:
                waits.append(self._heard + settings.ping_after - now)
        return max(0.0, min(waits))
