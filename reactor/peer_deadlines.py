"""The deadlines of one peer: the first frame, a whole frame, the answer to a ping, and taking what is sent.

They are checked periodically (see `engine.deadlines`) against the times noted here, so a byte costs no timer. While a
peer is not read, for its pace or because a reply is awaited, the deadlines that wait for its bytes stand still.

The times are kept in the connection itself: an object of their own would take 48 bytes more for each.
"""

from typing import Protocol

from pylingo.reactor.config import ServerSettings
from pylingo.reactor.engine.transport import Transport


class WatchedPeer(Protocol):
    """A connection, as its deadlines see it. No deadline holds for a peer that is not attached any more.

    The times are on the reactor's clock. `heard` and `silent_since` begin with the start, the others with 0.
    """

    transport: Transport
    heard: float
    """When the last byte came, or the peer was read again."""
    silent_since: float
    """The start of the connection, until the first valid frame; then 0."""
    frame_since: float
    """The first byte of a frame that is not whole yet, else 0."""
    pinged: float
    """The ping that nothing has answered yet, else 0."""

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


def byte_came(peer: WatchedPeer, now: float) -> None:
    """Any byte shows that the peer is alive."""
    peer.heard = now
    peer.pinged = 0.0


def frames_came(peer: WatchedPeer, handled: bool, pending: bool, now: float) -> None:
    """Note whether a request was `handled`, and whether a part of the next frame is `pending`."""
    if handled:
        peer.silent_since = peer.frame_since = 0.0
    if pending and not peer.frame_since:
        peer.frame_since = now


def resumed(peer: WatchedPeer, now: float) -> None:
    """The peer is read again: restart the deadlines that were suspended."""
    peer.heard = now
    peer.frame_since = 0.0


def check(peer: WatchedPeer, now: float) -> float | None:
    """Act on a deadline that has passed; return the seconds until the next check, or None for never again."""
    if not peer.is_attached:
        return None
    if expired := _expired(peer, now):
        peer.expire(*expired)
        return None
    if not peer.is_paused and not peer.pinged and now - peer.heard >= peer.settings.ping_after:
        peer.pinged = now
        peer.ping()
    return next_check(peer, now)


def next_check(peer: WatchedPeer, now: float) -> float:
    """The seconds until a deadline can pass that runs, or that may begin right after `now`."""
    settings, transport = peer.settings, peer.transport
    waits = [settings.frame_timeout, settings.stall_timeout, settings.ping_after, settings.ping_timeout]
    if transport.waiting_since:
        waits.append(transport.waiting_since + settings.stall_timeout - now)
    if not peer.is_paused:
        if peer.silent_since:
            waits.append(peer.silent_since + settings.first_frame_timeout - now)
        if peer.frame_since:
            waits.append(peer.frame_since + settings.frame_timeout - now)
        if peer.pinged:
            waits.append(peer.pinged + settings.ping_timeout - now)
        else:
            waits.append(peer.heard + settings.ping_after - now)
    return max(0.0, min(waits))


def _expired(peer: WatchedPeer, now: float) -> tuple[str, str] | None:
    """The reason and the text of the goodbye, if a deadline has passed."""
    settings, transport = peer.settings, peer.transport
    if transport.is_blocked and now - transport.waiting_since >= settings.stall_timeout:
        return "stalled", f"nothing that was sent to you was taken for {settings.stall_timeout:g} s"
    if peer.is_paused:
        return None
    if peer.silent_since and now - peer.silent_since >= settings.first_frame_timeout:
        return "silent", f"no frame came within {settings.first_frame_timeout:g} s"
    if peer.frame_since and now - peer.frame_since >= settings.frame_timeout:
        return "frame-timeout", f"a frame was not finished within {settings.frame_timeout:g} s"
    if peer.pinged and now - peer.pinged >= settings.ping_timeout:
        return "idle", f"nothing came within {settings.ping_timeout:g} s of a ping"
    return None
