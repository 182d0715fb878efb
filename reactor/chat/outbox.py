"""The outbox of a connection: everything that it is sent, in one order.

A connection is sent two kinds of frames: direct replies, and the frames of the rooms that its session is in. While a
session only listens, `Room.flush` offers it the same buffer as everybody else. A session that made a request in this
tick gets its own list of pieces: the room's frames before the request, the reply, the room's frames after it. For this
the outbox keeps, for each room, a *mark*: how far the batch of this tick is in the pieces already. This keeps replies
and room frames in order; no other rule is needed, and neither joins nor leaves force a flush. Between frames of
different rooms no order is promised.

Private messages come by a room of their own, the *inbox* of the person. So they take their place in that order, and a
flood of them is left out like any other.

A connection whose queue is above the soft limit is left out of room frames. The outbox keeps a *gap* for each room
that spoke meanwhile, and sends `skipped` where the missing frames would have been, once the connection has taken
everything.

A connection that speaks another dialect has a *voice* (see `dialect`). Everything is written to its outbox as frames,
and the outbox sends what the voice makes of them.

The outbox belongs to the connection, and a session borrows it. When a connection breaks, its session goes on with an
empty outbox (`Outbox()` without a transport), and the old one still delivers what was queued and its goodbye. When a
session is resumed, it takes the outbox of the new connection. A late reply is written to the outbox of the connection
that asked; if that outbox is closed, the reply is dropped.
"""

from collections.abc import Callable, Hashable
from typing import Protocol

from pylingo.reactor.chat.dialect import Changes, Voice, record_of
from pylingo.reactor.chat.gaps import Gap
from pylingo.reactor.chat.pieces import Piece, count_messages, send_pieces
from pylingo.reactor.chat.room import Room, Tick
from pylingo.shared.codec import encode
from pylingo.shared.schema import Record


class Transport(Protocol):
    """The part of the engine's transport that an outbox uses."""

    tell_drained: bool

    @property
    def queued(self) -> int: ...

    @property
    def queued_direct(self) -> int: ...

    def write(self, data: bytes | memoryview, direct: int = 0) -> None:
        """Queue `data`, in which `direct` bytes are direct replies."""

    def flush_soon(self) -> None:
        """Flush at the end of the tick, and tell `drained` if nothing is queued."""

    def write_now(self, data: bytes | memoryview) -> bool:
        """Within the flush phase: offer `data`, which holds no direct reply, to the socket unless something is queued.

        Return whether it was offered. If not, nothing has happened.
        """


class Outbox[M]:
    """See the module. `rooms` are those whose frames go here, the current room of the session first.

    `M` is the type of the rooms' members. Without a `transport`, everything is dropped.
    """

    __slots__ = (
        "_finished",
        "_gaps",
        "_marks",
        "_pieces",
        "_promised",
        "_tick",
        "_transport",
        "inbox",
        "owes",
        "rooms",
        "voice",
    )

    def __init__(self, tick: Tick, transport: Transport | None = None, voice: Voice | None = None) -> None:
        self.voice = voice
        self.rooms: tuple[Room[M], ...] = ()
        self.inbox: Room[M] | None = None
        self.owes = False
        """Whether a direct reply may wait. If not, `is_full` need not be asked, which takes two calls."""
        self._tick = tick
        self._transport = transport
        self._pieces: list[Piece] | None = None  # of this tick; None while the session only listens
        self._marks: dict[Room[M], int] | None = None  # frames of each room's batch that are in the pieces, or left out
        self._gaps: dict[Room[M], Gap] | None = None  # not None while room frames are left out
        self._promised = 0  # bytes of direct replies that are not in the transport yet: in pieces, or still to be made
        self._finished: Callable[[], object] | None = None  # to be called when the goodbye is in the transport

    @property
    def is_closed(self) -> bool:
        """Whether frames are dropped: there is no connection, or its goodbye is queued."""
        return self._transport is None or self._finished is not None

    @property
    def is_full(self) -> bool:
        """Whether the direct replies that wait, for the peer or for the history, have reached the hard limit.

        Asked before each request, so what is queued stays below the limit and one reply more.
        """
        if self._transport is None:
            return False
        waiting = self._transport.queued_direct + self._promised
        self.owes = waiting > 0
        return waiting >= self._tick.hard

    @property
    def is_skipping(self) -> bool:
        """Whether room frames are left out, until the connection has taken everything."""
        return self._gaps is not None

    def has_room(self) -> bool:
        """Whether the queue is within the soft limit. If not, `drained` is called once it is empty."""
        transport = self._transport
        if transport is None or transport.queued <= self._tick.soft:
            return True
        transport.tell_drained = True
        return False

    # --- rooms

    def enter(self, room: Room[M], member: M) -> None:
        """Take the frames of `room` from now on, for `member`. It becomes the first of `rooms`."""
        self._collect()
        room.members[self] = member
        if self.voice is not None:
            room.voices += 1
        self.rooms = (room, *self.rooms) if self.rooms else room.only
        self._mark(room)

    def focus(self, room: Room[M]) -> None:
        """Make `room`, which is one of `rooms`, the first of them."""
        if self.rooms[0] is not room:
            self.rooms = (room, *(other for other in self.rooms if other is not room))

    def leave(self, room: Room[M]) -> None:
        """Take no more frames of `room`. If messages were left out, `skipped` says so first."""
        self._drop(room)
        rest = tuple(other for other in self.rooms if other is not room)
        self.rooms = rest if len(rest) != 1 else rest[0].only

    def enter_inbox(self, inbox: Room[M], member: M) -> None:
        """Take the private messages of `inbox` from now on, for `member`."""
        inbox.members[self] = member
        self.inbox = inbox
        if inbox.batch.frames:  # not for this one
            self._mark(inbox)
            self._collect()

    def leave_inbox(self) -> None:
        """Take no more private messages."""
        if self.inbox is not None:
            self._drop(self.inbox)
            if not self.inbox.members:
                self.inbox.dissolve()
            self.inbox = None

    def hand_rooms_to(self, other: "Outbox[M]") -> None:
        """Move all rooms to `other`. Gaps are dropped: no `skipped` is sent for them."""
        self._collect()
        for room in self._sources():
            room.members[other] = room.members.pop(self)
            if room.name:
                room.voices += (other.voice is not None) - (self.voice is not None)
        other.rooms, self.rooms = self.rooms, ()
        other.inbox, self.inbox = self.inbox, None
        self._gaps = None
        for room in other._sources():
            other._mark(room)
        other._collect()  # or the whole batch of this tick would be offered to it

    # --- what is sent

    def write(self, frame: bytes) -> None:
        """Queue a direct reply, after everything that the rooms have said so far."""
        if self._transport is None or self._finished is not None:
            return
        if self.voice is not None:
            self.write_lines(self.voice.reply(record_of(frame)))
            return
        self._tick.copied += len(frame)
        self.owes = True
        if self._pieces is None and not any(room.batch.frames for room in self._sources()):
            self._tick.bytes += len(frame)
            self._transport.write(frame, len(frame))
        else:
            self._collect()
            self._append(frame)

    def write_lines(self, data: bytes) -> None:
        """As `write`, with bytes that are in the dialect of the connection already."""
        if data and not self.is_closed:
            self._tick.copied += len(data)
            self._append(data)

    def hear(self, record: Record, deed: Hashable) -> None:
        """Send `record`, which concerns a person and not one room alone, if this connection speaks another dialect.

        It comes once for each room that the person is in, and is sent once: those that follow have the same `deed`.
        """
        voice = self.voice
        if voice is None or self.is_closed or voice.heard == deed:
            return
        voice.heard = deed
        self._collect()
        if self._gaps is None:
            self.write_lines(voice.told(record))

    def promise(self, size: int) -> Callable[[Record | None], None]:
        """Return `deliver`: `deliver(record)` queues a direct reply, `deliver(None)` says that there will be none.

        Until then `size` bytes, an upper bound of the reply, count as queued.
        """
        self._promised += size
        self.owes = True

        def deliver(record: Record | None) -> None:
            self._promised -= size
            if record is not None:
                self.write(encode(record))
            elif self._transport is not None:
                self._transport.flush_soon()  # requests may wait for that alone

        return deliver

    def write_to_room(self, room: Room[M], frame: bytes, at: int = 0) -> None:
        """Have every other member of `room` get `frame`. `at` is its stamp if it is a message.

        It may be the inbox of somebody else.
        """
        marks = self._marks_of(room)
        room.tell(self._tick, frame, at)
        marks[room] = len(room.batch.frames)
        if self.voice is not None and at and not self.is_closed:
            self.write_lines(self.voice.echo(frame))

    def write_messages_to_room(self, room: Room[M], frames: bytes, first: int, count: int) -> None:
        """As `write_to_room`, for the joined `frames` of `count` messages, stamped `first` and so on.

        For a session that speaks no other dialect.
        """
        marks = self._marks_of(room)
        room.tell_messages(self._tick, frames, first, count)
        marks[room] = len(room.batch.frames)

    def close(self, goodbye: bytes, finished: Callable[[], object], discard: bool = False) -> None:
        """Queue `goodbye` as the last frame, and call `finished` once it is in the transport, at the end of the tick.

        An empty `goodbye` is none. With `discard`, what this tick has for the connection is not sent.
        """
        if self.is_closed:
            return
        pieces = self._collect()
        if discard:
            pieces.clear()
        if self.voice is not None and goodbye:
            goodbye = self.voice.reply(record_of(goodbye))
        pieces.append(goodbye)
        self._finished = finished

    # --- the flush

    def offer(self, room: Room[M], data: memoryview) -> None:
        """Send the sealed batch of `room`, unless there are pieces for this tick. Leave it out for a slow reader."""
        transport = self._transport
        if self._pieces is not None or transport is None:
            self._tick.withdraw(room.batch, len(data))  # `flush` counts the pieces
            return
        if self._gaps is not None:
            self._leave_out_batch(room, len(data))
            return
        if self.voice is not None:
            try:
                said = room.batch.said_in(self.voice.dialect)
            except MemoryError:
                self._leave_out_batch(room, len(data))
                return
            self._tick.bytes += len(said) - len(data)
            data = said
            if not data:
                self._tick.offers -= 1
                return
        # If other rooms may have spoken in this tick, one send serves all of them.
        is_alone = len(self.rooms) == 1 and (self.inbox is None or not self.inbox.batch.frames)
        if is_alone and transport.write_now(data):
            return
        if transport.queued > self._tick.soft:
            self._leave_out_batch(room, len(data))
        else:
            self._tick.offers -= 1
            transport.write(data)

    def flush(self) -> None:
        """Put the pieces of this tick into the transport. All batches are sealed."""
        try:
            pieces = self._collect()
            if self._transport is not None:
                dialect = self.voice.dialect if self.voice is not None else None
                self._tick.deliveries += count_messages(pieces)
                direct, size = send_pieces(pieces, self._transport, dialect)
                self._tick.bytes += size
                self._promised -= direct
        finally:  # without memory too: or nothing would be flushed again, and the connection would never close
            self._pieces = self._marks = None
            if self._finished is not None:
                finished, self._finished, self._transport = self._finished, None, None
                finished()

    def leave_out(self, room: Room[M]) -> None:
        """Leave the whole batch of `room` out: there was no memory to join it."""
        self._leave_out(room, *room.batch.messages(0, len(room.batch.frames)))

    def drained(self) -> None:
        """The transport has taken everything: send `skipped` for each gap."""
        if self._gaps is not None and not self.is_closed:
            self._collect()
            gaps, self._gaps = self._gaps, None
            for room, gap in gaps.items():
                self._append(self._skipped(room, gap))

    def _append(self, data: bytes) -> None:
        """Add a direct reply to the pieces."""
        self._collect().append(data)
        self._promised += len(data)
        self.owes = True

    def _collect(self) -> list[Piece]:
        """The pieces of this tick, with everything that the rooms have said so far."""
        if self._pieces is None:
            self._pieces = []
            self._tick.outbox_acted(self)
            if self._gaps is None and self._transport is not None and self._transport.queued > self._tick.soft:
                self._begin_gaps()
        for room in self._sources() if self._finished is None else ():  # nothing follows a goodbye
            frames = room.batch.frames
            if frames:
                mark = self._marks.get(room, 0) if self._marks is not None else 0
                if len(frames) > mark:
                    if self._gaps is None:
                        self._pieces.append((room.batch, mark, len(frames)))
                    else:
                        self._leave_out(room, *room.batch.messages(mark, len(frames))).note(room.batch, mark)
                    self._mark(room)
        return self._pieces

    def _marks_of(self, room: Room[M]) -> dict[Room[M], int]:
        """Collect what was said before this session speaks in `room`; return the marks."""
        marks = self._marks
        # Often a session keeps speaking in one room: the last frame is its own, and there is nothing to collect.
        if marks is None or marks.get(room) != len(room.batch.frames):
            self._collect()
            marks = self._marks = self._marks if self._marks is not None else {}
        return marks

    def _sources(self) -> tuple[Room[M], ...]:
        """The rooms whose frames go here, the inbox included."""
        return self.rooms if self.inbox is None else (*self.rooms, self.inbox)

    def _drop(self, room: Room[M]) -> None:
        """Take what `room` has said so far, and no more. If messages were left out, `skipped` says so."""
        self._collect()
        if self._gaps is not None and room in self._gaps and self._finished is None:
            self._append(self._skipped(room, self._gaps.pop(room)))
        del room.members[self]
        if self.voice is not None and room.name:
            room.voices -= 1

    def _mark(self, room: Room[M]) -> None:
        """Note that the pieces hold every frame of `room` so far."""
        if self._marks is None:
            self._marks = {}
        self._marks[room] = len(room.batch.frames)

    # --- gaps

    def _begin_gaps(self) -> dict[Room[M], Gap]:
        """Leave room frames out until the transport has taken everything that is queued."""
        if self._gaps is None:
            self._gaps = {}
            if self._transport is not None:
                self._transport.tell_drained = True
        return self._gaps

    def _leave_out(self, room: Room[M], count: int, first: int, last: int) -> Gap:
        gaps = self._begin_gaps()
        if room not in gaps:
            gaps[room] = Gap(Changes() if self.voice is not None else None)
        gap = gaps[room]
        gap.add(count, first, last)
        self._tick.skipped += count
        return gap

    def _leave_out_batch(self, room: Room[M], size: int) -> None:
        """Leave the whole sealed batch of `room`, which has `size` bytes here, out."""
        batch = room.batch
        self._tick.withdraw(batch, size)
        self._leave_out(room, batch.count, batch.first, batch.last).note(batch, 0)

    def _skipped(self, room: Room[M], gap: Gap) -> bytes:
        if self.voice is not None and gap.changes is not None:
            return self.voice.caught_up(room.name, gap.count, gap.changes)
        return gap.skipped(room.name, self._tick.newest_stamp)
