"""One room on this server: its newest stamp, who is in it, what this server proposes, and what comes back from Redis.

An event takes effect when its batch has been read back from Redis, whose order is the one order. Each batch is
published with the stamp of the batch before it. If that is not the newest stamp here, batches are missing, and they are
read from the room's stream. What is published meanwhile waits.
"""

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from pylingo.reactor.bus.redis.blob import Batch, Event
from pylingo.reactor.bus.redis.roll import Roll
from pylingo.reactor.history.topics import StoredTopic

type Ordered = Callable[[int], object]
"""Gets the stamp of an event, once Redis has put it in its order."""


class Line(Protocol):
    """One connection to Redis."""

    def call(self, answer: Callable[[Any], object] | None, *args: bytes | str | int) -> None: ...
    def tell(self, *args: bytes | str | int) -> None: ...


class Lines(Protocol):
    """The connections of a deployment: those of a lane for commits, and for everything else."""

    def commits(self, lane: int) -> Line: ...
    def ears(self, lane: int) -> Line: ...


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
    """An event that this server proposes, at the time `since` of the reactor's clock."""

    event: Event
    ordered: Ordered | None
    since: float


class Feed:
    """A room on this server. `key` is its compared form, `name` its spelling, `head` the newest stamp that took effect.

    The listener applies ops to `roll` and `topic`; the feed sets them when it opens, and after a gap.
    """

    __slots__ = ("head", "key", "name", "roll", "state", "topic")

    def __init__(self, key: str, name: str) -> None:
        self.key = key
        self.name = name
        self.head = 0
        self.roll = Roll()
        self.topic: StoredTopic | None = None
        self.state = FeedState.OPENING


class FeedListener(Protocol):
    """What is done with the batches of all rooms: the server's side of the feeds."""

    def applied(self, feed: Feed, top: int, batch: Batch, own: list[Proposal] | None) -> None:
        """A batch takes effect, in the one order. `top` is its stamp, which is `feed.head` now.

        `own` has this server's proposals in the order of the batch, None for another server's batch. The listener
        applies the ops to the roll, and calls `ordered` of each proposal that has one.
        """

    def missed(self, feed: Feed, after: int, until: int) -> None:
        """Redis no longer keeps the batches above the stamp `after`, up to `until`: `skipped` for the members."""

    def reread(self, feed: Feed) -> None:
        """The roll and the topic were read anew after a gap."""

    def taken(self, numbers: list[int]) -> None:
        """Other servers have taken these sessions while this one was away: drop them, and `withdraw` their proposals.

        It is called before anything is proposed again.
        """

    def healed(self) -> None:
        """Redis had lost its newest data. The rooms are restored: register names and sessions again."""

    def fenced(self) -> None:
        """The other servers gave this one up. Nothing it does takes effect any more. Called once."""

    def stands_still(self, is_still: bool, why: str) -> None:
        """Talk stands still for 2 s, for the reason `why`; or, with False, it goes on."""
