"""A room, its members, and the batch of frames that it sends in one tick.

This is where the server's speed comes from. A frame for a room is encoded once and appended once, whatever the number
of members. At the end of the tick the batch is joined once, and every member is offered that same buffer: one `send`
per member and tick, nothing per message. The busier the server, the larger the batches.

A session that made a request in this tick gets a list of pieces of its own: slices of the batch, which share its
memory, with the replies between them. `outbox` makes it.
"""

import itertools
from collections.abc import Callable, Hashable
from typing import Any, Protocol

from pylingo.reactor.chat.dialect import Dialect, records_of
from pylingo.reactor.chat.listing import Directory
from pylingo.reactor.history import charter
from pylingo.reactor.history.charter import Charter
from pylingo.reactor.history.topics import StoredTopic
from pylingo.shared.schema import Record

WORK_PER_BYTE = 0.0005
"""The work of sending one byte to one connection, in units of about a microsecond."""


class Batch:
    """The frames of one room in one tick, in order. `stamps[i]` is the `at` of a message, else 0.

    Joined messages with stamps one after another are one frame, which has the stamp of the first.
    `Outbox.write_to_room` appends to both. Once the batch is sealed, `count`, `first` and `last` are the number of
    messages and the stamps of the first and the last, and `size` is the number of bytes. In other dialects it exists
    once somebody asks for it.
    """

    __slots__ = (
        "_data",
        "_foreign",
        "_records",
        "_runs",
        "_starts",
        "_translations",
        "count",
        "first",
        "frames",
        "last",
        "personal",
        "size",
        "stamps",
    )

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.stamps: list[int] = []
        self.count = self.size = 0
        self.personal: set[int] | None = None
        """The places of frames about a person, which `Room.tell_once` has told those who speak another dialect."""
        self._foreign: list[tuple[int, int]] | None = None
        self._runs: dict[int, int] | None = None  # the number of messages of a frame that has several, by its place
        self._starts: list[int] | None = None
        self._records: list[list[Record]] | None = None
        self._translations: dict[Dialect, tuple[memoryview, list[int]]] | None = None

    def add_joined(self, frames: bytes, first: int, count: int) -> None:
        """Add the joined frames of `count` messages, stamped `first` and so on. They are one frame from now on."""
        if count > 1:
            self._runs = self._runs if self._runs is not None else {}
            self._runs[len(self.frames)] = count
        self.frames.append(frames)
        self.stamps.append(first)

    def seal(self) -> memoryview:
        """Join the frames and return them as one buffer. No frame may be added after that."""
        self._data = memoryview(b"".join(self.frames))
        self.size = len(self._data)
        self.count, self.first, self.last = self.messages(0, len(self.frames))
        return self._data

    def cut(self, begin: int, end: int, dialect: Dialect | None = None) -> memoryview:
        """The bytes of the frames `begin` to `end`, not copied. The batch must be sealed."""
        if dialect is not None:
            data, starts = self._translation(dialect)
            return data[starts[begin] : starts[end]]
        if self._starts is None:
            self._starts = [0, *itertools.accumulate(map(len, self.frames))]
        return self._data[self._starts[begin] : self._starts[end]]

    def messages(self, begin: int, end: int) -> tuple[int, int, int]:
        """The number of messages among the frames `begin` to `end`, and the stamps of the first and the last."""
        stamps = [at for at in self.stamps[begin:end] if at]
        if not stamps:
            return 0, 0, 0
        if self._runs is None:
            return len(stamps), stamps[0], stamps[-1]
        counts = [self._runs.get(place, 1) for place in range(begin, end) if self.stamps[place]]
        return sum(counts), stamps[0], stamps[-1] + counts[-1] - 1

    @property
    def frame_count(self) -> int:
        """The number of frames, messages that were joined each counted."""
        return len(self.frames) + (sum(self._runs.values()) - len(self._runs) if self._runs is not None else 0)

    def count_messages(self, begin: int, end: int) -> int:
        """The number of messages among the frames `begin` to `end`. The batch must be sealed."""
        is_plain = self.count == len(self.frames) and self._runs is None
        return end - begin if is_plain else self.messages(begin, end)[0]

    def note_foreign(self, begin: int) -> None:
        """The frames from `begin` on came from another server."""
        if len(self.frames) > begin:
            self._foreign = [*(self._foreign or ()), (begin, len(self.frames))]

    def count_own(self) -> int:
        """The number of messages that were said on this server. The batch must be sealed."""
        if self._foreign is None:
            return self.count
        return self.count - sum(self.count_messages(*part) for part in self._foreign)

    def said_in(self, dialect: Dialect) -> memoryview:
        """The whole batch in another dialect. The batch must be sealed."""
        return self._translation(dialect)[0]

    def records(self, begin: int, end: int) -> list[Record]:
        """The records of the frames `begin` to `end`. Each frame is decoded once."""
        return [record for records in self._decoded(end)[begin:end] for record in records]

    def _decoded(self, end: int) -> list[list[Record]]:
        """The records of each frame, at least up to `end`."""
        if self._records is None:
            self._records = []
        self._records += [records_of(frame) for frame in self.frames[len(self._records) : end]]
        return self._records

    def _translation(self, dialect: Dialect) -> tuple[memoryview, list[int]]:
        """The bytes in a dialect, and where those of each frame begin."""
        if self._translations is None:
            self._translations = {}
        found = self._translations.get(dialect)
        if found is None:
            parts = [
                dialect.encode(records[0]) if len(records) == 1 else b"".join(map(dialect.encode, records))
                for records in self._decoded(len(self.frames))
            ]
            for place in self.personal or ():
                parts[place] = b""
            found = memoryview(b"".join(parts)), [0, *itertools.accumulate(map(len, parts))]
            self._translations[dialect] = found
        return found


class RoomListener(Protocol):
    """The part of `Outbox` that a room calls."""

    def offer(self, room: "Room[Any]", data: memoryview) -> None:
        """Take the sealed batch of `room`, once per tick, unless the outbox has pieces of its own for this tick."""

    def leave_out(self, room: "Room[Any]") -> None:
        """Leave out the batch of `room`, which could not be sealed."""

    def hear(self, record: Record, deed: Hashable) -> None:
        """Take `record` about a person, if another dialect is spoken here and `deed` was not heard last."""


class Flushable(Protocol):
    """An object with something for its connection at the end of the tick."""

    def flush(self) -> None: ...


class Tick:
    """The rooms and outboxes to flush at the end of the tick, and the limits and counters that all outboxes share.

    `schedule(callback)` must run `callback` at the end of the tick; it is called at most once per tick. `soft` and
    `hard` are limits of an outbox's queue, in bytes.
    """

    __slots__ = (
        "_acting",
        "_schedule",
        "_speaking",
        "bytes",
        "copied",
        "deliveries",
        "hard",
        "messages",
        "newest_stamp",
        "observe_batch",
        "offers",
        "skipped",
        "soft",
        "work",
    )

    def __init__(self, schedule: Callable[[Callable[[], object]], object], soft: int, hard: int) -> None:
        self.soft = soft
        self.hard = hard
        self.newest_stamp = 0
        """The `at` of the newest message of all rooms."""
        self.skipped = 0
        """Messages that slow readers were not sent, in total."""
        self.messages = 0
        """Messages that were said on this server, in rooms and to persons, in total."""
        self.deliveries = 0
        """Messages that connections were given, in total. As the next two, right between two flushes, and counted once
        for a batch and not for each member."""
        self.bytes = 0
        """Bytes that connections were given."""
        self.offers = 0
        """How often a socket was offered the batch of a room, unless it was queued first."""
        self.observe_batch: Callable[[int], object] | None = None
        """Called with the number of frames of each batch."""
        self.work = 0.0
        """The work done since `Hub.take_work`, in units of about a microsecond (see `reactor.fair_queue`)."""
        self.copied = 0
        """The bytes that connections are to be sent since `Hub.take_work`. They count as work."""
        self._schedule = schedule
        self._speaking: list[Room[Any]] = []
        self._acting: list[Flushable] = []

    def room_spoke(self, room: "Room[Any]") -> None:
        """Flush `room` at the end of the tick: its batch is no longer empty."""
        self._request_flush()
        self._speaking.append(room)

    def outbox_acted(self, outbox: Flushable) -> None:
        """Flush `outbox` at the end of the tick, after all rooms."""
        self._request_flush()
        self._acting.append(outbox)

    def flush(self) -> None:
        """Put the batches of rooms and the pieces of outboxes into the connections."""
        speaking, self._speaking = self._speaking, []
        acting, self._acting = self._acting, []
        failure = None
        for part in (*speaking, *acting):
            try:
                part.flush()
            except Exception as error:  # no memory, say: the others must get theirs all the same
                failure = error
        for room in speaking:
            self._count(room)
            room.batch = Batch()
        if failure is not None:
            raise failure

    def _count(self, room: "Room[Any]") -> None:
        """Count the batch of `room` as if all members had got it. Outboxes make up for the rest."""
        batch = room.batch
        members = len(room.members)
        self.deliveries += batch.count * members
        self.bytes += batch.size * members
        self.offers += members if batch.size else 0
        if room.name:
            self.messages += batch.count_own()
        if self.observe_batch is not None:
            self.observe_batch(batch.frame_count)

    def withdraw(self, batch: Batch, size: int) -> None:
        """A member was not given `batch`, which has `size` bytes in the dialect of the member."""
        self.deliveries -= batch.count
        self.bytes -= size
        self.offers -= 1

    def _request_flush(self) -> None:
        if not self._speaking and not self._acting:
            self._schedule(self.flush)


class Room[M]:
    """The members of a room, by the outbox that their frames go to, and the batch of the current tick.

    `name` is spelled as its first member typed it; `key` is the form by which names are compared. An *inbox* is a room
    without a name: one person is in it, and others write private messages to it.
    """

    __slots__ = ("batch", "charter", "directory", "key", "members", "name", "only", "since", "topic", "voices")

    def __init__(self, name: str, key: str, since: int = 0) -> None:
        self.name = name
        self.key = key
        self.since = since
        """Since when somebody has been in the room on this server, in microseconds since 1970."""
        self.members: dict[RoomListener, M] = {}
        self.voices = 0
        """The number of members who are not sent frames, but another dialect."""
        self.directory = Directory()
        """The compared forms of the members' names."""
        self.batch = Batch()
        self.topic: StoredTopic | None = None
        self.charter: Charter = charter.NONE
        self.only: tuple[Room[M], ...] = (self,)
        """`(self,)`, shared by the outboxes that are in this room alone."""

    def dissolve(self) -> None:
        """Nobody will enter the room any more. It refers to itself, and the collector hardly ever looks at the old."""
        self.only = ()

    def tell(self, tick: Tick, frame: bytes, at: int = 0) -> None:
        """Have every member get `frame`. `at` is its stamp if it is a message. See `Outbox.write_to_room`."""
        batch = self.batch
        if not batch.frames:
            tick.room_spoke(self)
        tick.copied += len(self.members) * len(frame)
        batch.frames.append(frame)
        batch.stamps.append(at)

    def tell_messages(self, tick: Tick, frames: bytes, first: int, count: int) -> None:
        """Have every member get the joined `frames` of `count` messages, stamped `first` and so on."""
        if not self.batch.frames:
            tick.room_spoke(self)
        tick.copied += len(self.members) * len(frames)
        self.batch.add_joined(frames, first, count)

    def tell_once(self, record: Record, deed: Hashable, besides: RoomListener | None = None) -> None:
        """The frame told last was `record`, which concerns a person, and comes in every room of the person.

        Those who are sent frames get it for each room. Another dialect says it once, and not in the batch: at once, to
        each member who has not heard of the same `deed` from another room, `besides` the one whose deed it is.
        """
        if not self.voices or not self.batch.frames:
            return
        if self.batch.personal is None:
            self.batch.personal = set()
        self.batch.personal.add(len(self.batch.frames) - 1)
        for member in self.members:
            if member is not besides:
                member.hear(record, deed)

    def flush(self) -> None:
        """Offer the batch to every member."""
        try:
            data = self.batch.seal()
        except MemoryError:
            for listener in self.members:
                listener.leave_out(self)
            raise
        for listener in self.members:
            listener.offer(self, data)
