"""A server of a cluster as far as rooms go: it remembers what took effect in each room."""

from collections.abc import Callable, Iterable
from typing import Any

from pylingo.reactor.bus.redis.blob import Author, Batch, Event, Part, Run
from pylingo.reactor.bus.redis.deployment import Deployment
from pylingo.reactor.bus.redis.feed import Feed, Proposal, in_place
from pylingo.reactor.bus.redis.feeds import Feeds
from pylingo.reactor.bus.redis.keys import Keys
from pylingo.reactor.bus.redis.roll import Member
from pylingo.reactor.engine.loop import Reactor
from pylingo.shared.codec import head_of_messages
from tests.redis_server import RedisProcess

_GENERATIONS = 1 << 20


def message(text: str, sender: str = "ann", room: str = "Lobby") -> Run:
    """A message as a part of a batch."""
    return Run(Author(1, sender), None, head_of_messages(room, sender), [text.encode()])


def says(proposal: Proposal, words: bytes) -> bool:
    """Whether a proposal is a message with these words."""
    return isinstance(proposal.part, Run) and words in proposal.part.bodies[0]


def join(number: int, name: str) -> Event:
    return Event(op=["join", number, name, None, None])


def leave(number: int) -> Event:
    return Event(op=["leave", number, "leave", None, None])


class RoomLog:
    """A server with the number `number` that follows rooms.

    `log` has, for each room, the stamp and the text of each message and the stamp and the op of other events, in the
    order in which they took effect; `said` has what this server proposed, once it was ordered.
    """

    def __init__(self, reactor: Reactor, redis: RedisProcess, number: int = 1, **options: Any) -> None:
        self.number = number
        self.log: dict[str, list[tuple[int, Any]]] = {}
        self.ordered: list[tuple[int, Any]] = []
        self.gaps: list[tuple[str, int, int]] = []
        self.rereads: list[str] = []
        self.stills: list[tuple[bool, str]] = []
        self.taken_numbers: list[int] = []
        self.heals = self.fences = self.own_batches = 0
        self.lanes = options.pop("lanes", 1)
        self.keys = Keys(lanes=self.lanes)
        self.when_taken: Callable[[], object] = lambda: None
        self.strange: Callable[[bytes, bytes], object] = lambda channel, data: None
        settings = options.pop("settings", None) or redis.settings(lanes=self.lanes)
        self.deployment = Deployment(reactor, settings, self)
        self.feeds = Feeds(reactor, self.deployment, self.keys, number, number * 5 * _GENERATIONS, self, **options)
        self.rooms: dict[str, Feed] = {}

    # --- what a test has it do

    def open(self, room: str, name: str = "") -> None:
        self.feeds.open(room, name or room, lambda feed: self.rooms.__setitem__(room, feed))

    def say(self, room: str, text: str) -> None:
        self.feeds.propose(room, message(text), lambda at: self.ordered.append((at, text)) if at else None)

    def propose(self, room: str, part: Part) -> None:
        self.feeds.propose(room, part, lambda at: self.ordered.append((at, part.op)))

    def texts(self, room: str) -> list[Any]:
        """What took effect in a room."""
        return [text for _, text in self.log.get(room, [])]

    def members(self, room: str) -> dict[int, str]:
        return {number: member.name for number, member in self.rooms[room].roll.sessions()}

    def close(self) -> None:
        self.feeds.stop()
        self.deployment.close()

    # --- of the deployment

    def up(self) -> None:
        self.feeds.up()

    def down(self, why: str) -> None:
        self.feeds.down(why)

    def pushed(self, channel: bytes, data: bytes) -> None:
        if not self.feeds.pushed(channel, data):
            self.strange(channel, data)

    # --- of the feeds

    def applied(self, feed: Feed, top: int, batch: Batch, own: list[Proposal] | None) -> None:
        assert top == feed.head
        entries = self.log.setdefault(feed.key, [])
        texts = {entry.at: entry.text for entry in batch.entries(top)}
        for first, part in batch.in_place(top):
            entries += [(at, texts.get(at, part.op)) for at in range(first, first + part.count)]
            if part.op is not None:
                _apply(feed, part.op)
        if own is not None:
            self.own_batches += 1
            for at, proposal in in_place(own, top):
                if proposal.ordered is not None:
                    proposal.ordered(at)

    def missed(self, feed: Feed, after: int, until: int) -> None:
        self.gaps.append((feed.key, after, until))

    def reread(self, feed: Feed) -> None:
        self.rereads.append(feed.key)

    def taken(self, numbers: list[int]) -> None:
        self.taken_numbers += numbers
        self.when_taken()

    def healed(self) -> None:
        self.heals += 1

    def fenced(self) -> None:
        self.fences += 1

    def stands_still(self, is_still: bool, why: str) -> None:
        self.stills.append((is_still, why))


def _apply(feed: Feed, op: list[Any]) -> None:
    match op:
        case ["join", number, name, *marks]:
            feed.roll.add(number, Member(name, *marks))
        case ["leave", number, *_]:
            feed.roll.remove(number)
        case ["rename", number, name, *marks]:
            feed.roll.rename(number, Member(name, *marks))


def in_order(stamps: Iterable[int]) -> bool:
    """Whether each stamp is above the one before it."""
    numbers = list(stamps)
    return numbers == sorted(set(numbers))
