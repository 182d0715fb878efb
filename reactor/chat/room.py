"""A room, its members, and the tick, at whose end it sends its batch of frames.

This is where the server's speed comes from. A frame for a room is encoded once and appended once, whatever the number
of members. At the end of the tick the batch is joined once, and every member is offered that same buffer: one `send`
per member and tick, nothing per message. The busier the server, the larger the batches.

A session that made a request in this tick gets a list of pieces of its own: slices of the batch, which share its
memory, with the replies between them. `outbox` makes it.
"""

from collections.abc import Callable, Hashable
from typing import Any, Protocol

from pylingo.reactor.chat.batch import Batch
from pylingo.reactor.chat.listing import Directory
from pylingo.reactor.history import charter
from pylingo.reactor.history.charter import Charter
from pylingo.reactor.history.topics import StoredTopic
from pylingo.shared.schema import Record

WORK_PER_BYTE = 0.0005
"""The work of sending one byte to one connection, in units of about a microsecond."""


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
