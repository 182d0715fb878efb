"""One room on this server: its newest stamp, who is in it, what this server proposes, and what comes back from Redis.

An event takes effect when its batch has been read back from Redis, whose order is the one order. Each batch is
published with the stamp of the batch before it. If that is not the newest stamp here, batches are missing, and they are
read from the room's stream. Batches that are published meanwhile wait.
"""

import enum
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from pylingo.reactor.bus.redis.blob import VERSION, Batch, Part, events_in
from pylingo.reactor.bus.redis.roll import Member, Roll
from pylingo.reactor.history import charter
from pylingo.reactor.history.charter import Charter
from pylingo.reactor.history.topics import StoredTopic

type Ordered = Callable[[int], object]
"""Gets the stamp of an event, or of the first one of several, once Redis has put them in its order.

It is 0 if they were withdrawn while their fate was unknown.
"""


class FeedState(enum.Enum):
    """`UNHEARD`: nobody here needs the room, but something is proposed to it. `OPENING`: its head is being asked for.

    `OPEN`: it is followed. `REPAIRING`: missing batches are being read.
    """

    UNHEARD = enum.auto()
    OPENING = enum.auto()
    OPEN = enum.auto()
    REPAIRING = enum.auto()


@dataclass(slots=True, eq=False)
class Proposal:
    """An event that this server proposes, or several messages, since the time `since` of the reactor's clock."""

    part: Part
    ordered: Ordered | None
    since: float
    is_withdrawn: bool = False


def in_place(proposals: Sequence[Proposal], top: int) -> Iterator[tuple[int, Proposal]]:
    """Each proposal of a batch with the stamp `top`, behind the stamp of its first event."""
    at = top - events_in(proposal.part for proposal in proposals) + 1
    for proposal in proposals:
        yield at, proposal
        at += proposal.part.count


class Arrival(NamedTuple):
    """A batch that has come: its stamp `top`, the stamp `before` it, and the bytes, from `offset` on."""

    before: int
    top: int
    data: bytes
    offset: int = 0


class Gap(NamedTuple):
    """The batches above the stamp `after`, up to `until`, are gone."""

    after: int
    until: int


class Reading(NamedTuple):
    """A room as Redis knows it at the stamp `head`."""

    name: str
    head: int
    members: dict[int, Member]
    topic: StoredTopic | None
    charter: Charter = charter.NONE


@dataclass(slots=True, eq=False)
class Flight:
    """A batch on its way to Redis. `top` is its stamp, 0 until Redis has answered, which it did at the time `answered`.

    `is_lost` means that the answer will not come: whether Redis has the batch is found in the room's stream.
    """

    feed: "Feed"
    sequence: int
    proposals: list[Proposal]
    top: int = 0
    answered: float = 0.0
    is_confirmed: bool = True
    is_lost: bool = False


class Feed:
    """A room on this server. `key` is its compared form, `name` its spelling, `head` the newest stamp that took effect.

    The listener applies ops to `roll`, `topic` and `charter`; the feed sets them when it opens, and after a gap.
    """

    __slots__ = (
        "_announced",
        "charter",
        "flight",
        "head",
        "held",
        "is_closing",
        "key",
        "lane",
        "name",
        "opened",
        "own",
        "pending",
        "proposed",
        "ready",
        "received",
        "roll",
        "settled",
        "state",
        "topic",
        "whole",
    )

    def __init__(self, key: str, name: str, lane: int = 0, state: FeedState = FeedState.OPENING) -> None:
        self.key = key
        self.name = name
        self.lane = lane
        self.head = 0
        self.roll = Roll()
        self.topic: StoredTopic | None = None
        self.charter = charter.NONE
        self.state = state
        self.received = 0
        """The newest stamp that has come. It is above `head` while replicas are waited for."""
        self.pending: list[Proposal] = []
        self.flight: Flight | None = None
        self.held: list[Arrival] = []
        """The batches that were published while the feed was not open."""
        self.ready: deque[Arrival | Gap | Reading] = deque()
        """The batches that take effect next, and the gaps between them."""
        self.own: set[int] = set()
        """The sessions in the room that this server answers for."""
        self.opened: list[Callable[[Feed], object]] = []
        self.is_closing = False
        self.proposed = 0
        """How many proposals this server has made, and how many of these are `settled`."""
        self.settled = 0
        self._announced: tuple[int, int] | None = None
        self.whole: list[Callable[[], object]] = []
        """Those that wait until the feed is drained, and nothing is known to be missing."""

    @property
    def is_drained(self) -> bool:
        """Whether everything that has come has taken effect."""
        return not self.ready and not self.held

    @property
    def waiting(self) -> int:
        """How many events that this server has proposed have not taken effect."""
        flying = self.flight.proposals if self.flight is not None else []
        return events_in(proposal.part for proposal in (*flying, *self.pending))

    @property
    def may_commit(self) -> bool:
        """Whether proposals may be committed in this state."""
        return self.state in (FeedState.OPEN, FeedState.UNHEARD)

    def hear_push(self, data: bytes) -> bool:
        """As `hear`, with what was published: a batch behind its stamps, or first the stamps and then a large batch."""
        arrival = self._read_push(data)
        return arrival is not None and self.hear(arrival)

    def _read_push(self, data: bytes) -> Arrival | None:
        if data[0] == VERSION:
            announced, self._announced = self._announced, None
            return Arrival(*announced, data) if announced is not None else None
        first = data.index(b" ")
        second = data.find(b" ", first + 1)
        if second < 0:
            self._announced = int(data[:first]), int(data[first + 1 :])
            return None
        return Arrival(int(data[:first]), int(data[first + 1 : second]), data, second + 1)

    def hear(self, arrival: Arrival) -> bool:
        """Take a batch that was published. Return whether others are missing before it."""
        if self.state is not FeedState.OPEN:
            self.held.append(arrival)
            return False
        if arrival.top <= self.received:
            return False
        if arrival.before > self.received:
            self.held.append(arrival)
            return True
        self.take(arrival)
        return False

    def take(self, arrival: Arrival) -> None:
        """A batch is the next one to take effect."""
        self.received = arrival.top
        self.ready.append(arrival)

    def begin(self, reading: Reading) -> None:
        """Begin with what Redis says: the feed was opened."""
        self.read_anew(reading)
        self.head = self.received = reading.head

    def read_anew(self, reading: Reading) -> None:
        """Replace the members, the topic and the charter."""
        self.name = reading.name
        self.topic = reading.topic
        self.charter = reading.charter
        self.roll.clear()
        for number, member in reading.members.items():
            self.roll.add(number, member)

    def release_held(self) -> bool:
        """The feed is open: take what was held. Return whether batches are missing among it."""
        self.state = FeedState.OPEN
        held, self.held = self.held, []
        is_missing = False
        for arrival in held:
            if is_missing:
                self.held.append(arrival)
            else:
                is_missing = self.hear(arrival)
        return is_missing

    def give_up_flight(self) -> list[Proposal]:
        """Redis does not have the batch in flight: propose its events again, before all others.

        Return those that were withdrawn meanwhile.
        """
        proposals = self.flight.proposals if self.flight is not None else []
        self.pending[:0] = [proposal for proposal in proposals if not proposal.is_withdrawn]
        withdrawn = [proposal for proposal in proposals if proposal.is_withdrawn]
        self.settled += len(withdrawn)
        self.flight = None
        return withdrawn

    def is_leaving(self, number: int) -> bool:
        """Whether this server has proposed that a session leaves the room."""
        flying = self.flight.proposals if self.flight is not None else []
        ops = (proposal.part.op for proposal in (*flying, *self.pending))
        return any(op is not None and op[:2] == ["leave", number] for op in ops)

    def note_own(self, ops: Iterable[list[object]]) -> None:
        """Note which sessions this server answers for, after an own batch with these ops."""
        for op in ops:
            match op:
                case ["join", int(number), *_]:
                    self.own.add(number)
                case ["leave", int(number), *_]:
                    self.own.discard(number)


class FeedListener(Protocol):
    """The server's side of the feeds: it does something with the batches of all rooms."""

    def applied(self, feed: Feed, top: int, batch: Batch, own: list[Proposal] | None) -> None:
        """A batch takes effect, in the one order. `top` is its stamp, which is `feed.head` now.

        `own` has this server's proposals in the order of the batch, None for another server's batch. The listener
        applies the ops to the roll, and calls `ordered` of each proposal that has one.
        """

    def missed(self, feed: Feed, after: int, until: int) -> None:
        """Redis no longer keeps the batches above the stamp `after`, up to `until`: `skipped` for the members."""

    def reread(self, feed: Feed) -> None:
        """The roll, the topic and the charter were read anew after a gap."""

    def taken(self, numbers: list[int]) -> None:
        """Other servers have taken these sessions while this one was away: drop them, and `withdraw` their proposals.

        It is called before anything is proposed again.
        """

    def healed(self) -> None:
        """Redis was started anew, or is another one: it may have lost something. Register names and sessions again."""

    def fenced(self) -> None:
        """The other servers gave this one up. Nothing it does takes effect any more. Called once."""

    def stands_still(self, is_still: bool, why: str) -> None:
        """Talk stands still for 2 s, for the reason `why`; or, with False, it goes on."""
