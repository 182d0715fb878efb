"""All rooms of this server: one call to Redis in each tick and lane for everything that was proposed."""

from collections.abc import Callable

from pylingo.reactor.bus.redis.blob import Event
from pylingo.reactor.bus.redis.feed import Feed, FeedListener, Lines, Ordered, Proposal
from pylingo.reactor.bus.redis.keys import Keys
from pylingo.reactor.engine.loop import Reactor
from pylingo.reactor.history.clock import wall_clock


class Feeds:
    """The rooms of the server with the number `server`, whose fence was set up with `generation` (see `Health`).

    A room keeps about `keep` batches in Redis. With `replicas` above 0, an own batch takes effect when that many
    replicas have it. `clock` gives microseconds since 1970; it is corrected by Redis's.
    """

    def __init__(
        self,
        reactor: Reactor,
        deployment: Lines,
        keys: Keys,
        server: int,
        generation: int,
        listener: FeedListener,
        keep: int = 1000,
        replicas: int = 0,
        clock: Callable[[], int] = wall_clock,
    ) -> None: ...

    def open(self, room: str, name: str, opened: Callable[[Feed], object]) -> None:
        """Follow the room with the compared form `room`, spelled `name` if nobody has spelled it differently.

        `opened` gets the feed with its spelling, head, roll and topic; at once if it is followed already.
        """

    def close(self, room: str) -> None:
        """Follow a room no more, once everything proposed to it has taken effect."""

    def propose(self, room: str, event: Event, ordered: Ordered | None = None) -> None:
        """Propose an event for a room, followed or not. It is sent at the end of the tick.

        `ordered` gets the event's stamp. The listener calls it for a room that is followed, `Feeds` itself for others.
        """

    def withdraw(self, is_unwanted: Callable[[Proposal], bool]) -> list[Proposal]:
        """Take back what is unwanted among the proposals that are not on their way. Return it."""
        raise NotImplementedError

    def hold(self, room: str, numbers: list[int], giver: int) -> None:
        """These sessions in a room belong to this server from now on. `giver` is the server that they belonged to."""

    def when_settled(self, callback: Callable[[], object]) -> None:
        """Call `callback` when everything proposed until now has taken effect; at once if it has."""

    def up(self) -> None:
        """All links of the deployment are up, for the first time or again."""

    def down(self, why: str) -> None:
        """A link of the deployment is lost."""

    def pushed(self, channel: bytes, data: bytes) -> bool:
        """Take a message of a channel. Return whether the channel is one of a room."""
        raise NotImplementedError

    @property
    def is_idle(self) -> bool:
        """Whether everything that was proposed has taken effect."""
        raise NotImplementedError

    @property
    def lag(self) -> float:
        """The seconds since the oldest proposal that has not taken effect; 0 if there is none."""
        raise NotImplementedError
