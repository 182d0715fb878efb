"""What a session has for its connection in one tick, and how it gets there: pieces, gaps, and where they go.

A *view* is a list of pieces: direct answers, and parts of a room's batch between them. At the end of the tick it is put
into the connection. Here nothing is decided: `session` does that.
"""

from typing import TYPE_CHECKING, Protocol

from reactor.chat.room import Batch

if TYPE_CHECKING:
    from reactor.chat.session import Session

_SMALL_PIECE = 1_024  # bytes: below that, copying pieces together is cheaper than sending them apart

Piece = bytes | tuple[Batch, int, int]
"""A direct answer, or the frames of a batch from one place to another."""


class Outlet(Protocol):
    """Where a session's frames go: the transport, as chat knows it."""

    queued: int
    tell_drained: bool

    def write(self, data: bytes | memoryview) -> None: ...
    def send(self, data: bytes | memoryview) -> None: ...
    def queued_as(self, kind: type) -> int: ...


class Peer(Protocol):
    """Who carries the session."""

    def ended(self, reason: str) -> None:
        """The goodbye is queued: flush and close."""

    def adopt(self, session: "Session") -> None:
        """From now on it is `session` that is carried."""

    def abandon(self) -> None:
        """The session goes on elsewhere: nothing more of this peer is handled."""

    def overwhelmed(self) -> None:
        """The direct answers alone have reached the hard limit."""

    def go_on(self) -> None:
        """The session is not `waiting` any more: hand it what has come since."""


class Nowhere:
    """The outlet and the peer of a session whose connection broke: what it misses is in the log."""

    queued = 0
    tell_drained = False

    def write(self, data: bytes | memoryview) -> None: ...
    def send(self, data: bytes | memoryview) -> None: ...
    def queued_as(self, kind: type) -> int:
        return 0

    def ended(self, reason: str) -> None: ...
    def adopt(self, session: "Session") -> None: ...
    def abandon(self) -> None: ...
    def overwhelmed(self) -> None: ...
    def go_on(self) -> None: ...


NOWHERE = Nowhere()


class Gap:
    """What a slow reader was not sent: `count` messages with `after` < at <= `until`, and other frames maybe."""

    __slots__ = ("after", "count", "missed", "until")

    def __init__(self) -> None:
        self.missed = False
        self.count = self.after = self.until = 0

    def add(self, count: int, first: int, last: int) -> None:
        self.missed = True
        if count:
            if not self.count:
                self.after = first - 1
            self.count += count
            self.until = last


class Farewell:
    """What a connection is still to get whose session goes on without it."""

    def __init__(self, view: list[Piece], out: Outlet, peer: Peer, reason: str) -> None:
        self._view = view
        self._out = out
        self._peer = peer
        self._reason = reason

    def flush(self) -> None:
        send(self._view, self._out)
        self._peer.ended(self._reason)


def send(view: list[Piece], out: Outlet) -> None:
    """Put the pieces of a view into a connection, small ones together. All batches are sealed."""
    pieces = [piece if isinstance(piece, bytes) else piece[0].cut(piece[1], piece[2]) for piece in view]
    if len(pieces) > 1 and sum(map(len, pieces)) < _SMALL_PIECE * len(pieces):
        direct = all(isinstance(piece, bytes) for piece in pieces)
        joined = b"".join(pieces)
        pieces = [joined if direct else memoryview(joined)]
    for piece in pieces:
        out.write(piece)
