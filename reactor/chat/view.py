"""What somebody is sent: answers of their own and the frames of their room, in one order.

Who only listens in a tick gets the room's batch as everybody. Who did something gets a *view*: the room's frames up to
the deed, the own answer in the deed's place, the frames after it. Where the others get the message, its sender gets
`sent` or nothing. Who joined gets the batch from its place on, who left up to its place. So answers and room frames
keep one order without any further rule, and neither joins nor leaves force a flush. What happens, `session` decides.
"""

from typing import TYPE_CHECKING, Protocol

from reactor.chat.room import Batch, Room
from shared.codec import encode
from shared.messages import Skipped
from shared.schema import Record

if TYPE_CHECKING:
    from reactor.chat.hub import Hub
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


class Recipient:
    """Somebody on a connection, in the room `room` or in none.

    `view` and `gap` are for `Room`: the pieces of this tick where there are any, and what is being missed. `closing` is
    the reason of the end, once it has come.
    """

    __slots__ = ("_hub", "_mark", "_owed", "_peer", "closing", "gap", "out", "pending", "room", "view")

    def __init__(self, hub: "Hub", peer: Peer, out: Outlet) -> None:
        self._hub = hub
        self._peer = peer
        self.out = out
        self.room: Room | None = None
        self.view: list[Piece] | None = None
        self._mark = 0  # the place in the room's batch up to which the view has it
        self.pending = 0
        """The most bytes of direct answers that wait for the peer, or that the log is still to give."""
        self._owed = 0  # bytes of the latter
        self.gap: Gap | None = None
        self.closing: str | None = None

    def answer(self, record: Record) -> None:
        """Queue a record for this person alone, after what the room has said so far."""
        if self.closing is None:
            self.answer_frame(encode(record))

    def answer_frame(self, frame: bytes) -> None:
        """As `answer`, with a record that is encoded already."""
        if self.closing is not None:
            return
        if self.view is not None or (self.room is not None and self.room.batch.frames):
            self._view().append(frame)
        else:
            if not self.out.queued:
                self.pending = self._owed
            self.out.write(frame)
        self.pending += len(frame)
        self._hub.copied += len(frame)

    def tell_room(self, record: Record, at: int = 0) -> None:
        """Have everybody else in the room get a frame; `at` if it is a message."""
        room = self.room
        assert room is not None
        batch = room.batch
        hub = self._hub
        if not batch.frames:
            hub.room_spoke(room)
        self._view()
        frame = encode(record)
        hub.copied += len(room.members) * len(frame)
        batch.add(frame, at)
        self._mark = len(batch.frames)

    def miss(self, batch: Batch) -> None:
        """The whole of this tick's batch is left out."""
        self._behind().add(batch.count, batch.first, batch.last)

    def flush(self) -> None:
        """The tick ends and all batches are sealed: put the view into the connection."""
        if self.view is None:  # handed over
            return
        send(self._view(), self.out)
        self.view = None
        self._mark = 0
        if self.closing is not None:
            self._peer.ended(self.closing)
            self._peer = self.out = NOWHERE  # they hold each other, and should not wait for the collector

    def _view(self) -> list[Piece]:
        """The view of this tick, with what the room has said so far."""
        if self.view is None:
            self.view = []
            self._hub.session_acted(self)
            if self.room is not None and self.gap is None and self.out.queued > self._hub.soft:
                self._behind()
        room = self.room
        if room is not None:
            end = len(room.batch.frames)
            if end > self._mark:
                if self.gap is None:
                    self.view.append((room.batch, self._mark, end))
                else:
                    missed = room.batch.missed(self._mark, end)
                    self._hub.skipped += missed[0]
                    self.gap.add(*missed)
                self._mark = end
        return self.view

    @property
    def is_full(self) -> bool:
        """Whether so many bytes of direct answers wait for the peer, or for the log, that requests must wait, too.

        Asked before each request, so that what is queued stays below the hard limit and one answer more. Walks the
        queue when the running sum is suspicious.
        """
        hard = self._hub.hard
        if self.pending < hard:
            return False
        waiting = sum(len(piece) for piece in self.view or () if type(piece) is bytes)
        self.pending = self.out.queued_as(bytes) + waiting + self._owed
        return self.pending >= hard

    def _behind(self) -> Gap:
        if self.gap is None:
            self.gap = Gap()
            self.out.tell_drained = True
        return self.gap

    def _close_gap(self) -> None:
        view = self._view()
        gap, self.gap = self.gap, None
        if gap is not None and gap.missed and self.room is not None:
            if not gap.count:
                gap.after = gap.until = self._hub.last_stamp
            view.append(encode(Skipped(self.room.name, gap.count, gap.after, gap.until)))


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
