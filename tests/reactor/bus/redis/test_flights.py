"""What this server proposes, until it has taken effect. Most of it is in `test_faults`, with a real Redis."""

from typing import Any

from pylingo.reactor.bus.redis.committer import Committed
from pylingo.reactor.bus.redis.feed import Feed, FeedState, Flight, Proposal
from pylingo.reactor.bus.redis.flights import Flights
from pylingo.reactor.bus.redis.link import LinkLost, RedisError
from pylingo.reactor.bus.redis.settling import Settling
from pylingo.reactor.bus.redis.waiting import Replicas
from pylingo.reactor.engine.loop import Reactor
from tests.fakes.redis_listeners import turn_until
from tests.fakes.room_log import RoomLog, message


class Far:
    """What flights need: `answer` answers the oldest call."""

    def __init__(self, loop: Reactor, server: RoomLog) -> None:
        self.calls: list[tuple[list[Flight], Committed]] = []
        self.found: list[Feed] = []
        self.events: list[str] = []
        self.settling = Settling(loop.clock)
        replicas = Replicas(server.deployment, 0, lambda flight: None)
        self.flights = Flights(loop, 1, self.commit, self, replicas, self.settling, self)
        self.flights.is_ready = True

    def propose(self, feed: Feed, *texts: str) -> None:
        for text in texts:
            feed.pending.append(Proposal(message(text), lambda at, text=text: self.events.append(f"{text} {at}"), 0.0))
            self.settling.proposed(feed)
        self.flights.want(feed)

    def commit(self, feeds: list[Feed], committed: Committed) -> None:
        for feed in feeds:
            feed.flight = Flight(feed, 1, feed.pending)
            feed.pending = []
        self.calls.append(([feed.flight for feed in feeds], committed))

    def answer(self, reply: Any) -> None:
        flights, committed = self.calls.pop(0)
        committed(flights, reply)

    def repair(self, feed: Feed) -> None:
        self.found.append(feed)

    def rested(self, feed: Feed) -> None: ...

    def recover(self) -> None:
        self.events.append("recover")

    def fenced(self) -> None:
        self.events.append("fenced")


def feed_in(state: FeedState) -> Feed:
    return Feed("tea", "Tea", 0, state)


def test_nothing_is_sent_while_something_is_in_flight(loop: Reactor, servers: list[RoomLog]) -> None:
    far = Far(loop, servers[0])
    feed = feed_in(FeedState.UNHEARD)
    far.propose(feed, "a", "b")
    loop.tick(0)
    far.propose(feed, "c")
    loop.tick(0)
    assert len(far.calls) == 1
    far.answer([b"20"])
    assert far.events == ["a 19", "b 20"]
    loop.tick(0)
    far.answer([b"30"])
    assert far.events == ["a 19", "b 20", "c 30"]
    assert far.settling.is_idle


def test_errors_of_redis(loop: Reactor, servers: list[RoomLog]) -> None:
    for error, expected in (
        ("FENCED this server was given up", "fenced"),
        ("STALE this connection is not the newest one", "recover"),
        ("ERR Function not found", "recover"),
    ):
        far = Far(loop, servers[0])
        feed = feed_in(FeedState.OPEN)
        far.propose(feed, "a")
        loop.tick(0)
        far.answer(RedisError(error))
        turn_until(loop, lambda far=far: far.events)
        assert (far.events, far.found) == ([expected], [])
        assert feed.flight is not None
        assert feed.flight.is_lost


def test_a_batch_that_redis_refuses_is_looked_for_and_sent_again(loop: Reactor, servers: list[RoomLog]) -> None:
    far = Far(loop, servers[0])
    feed = feed_in(FeedState.OPEN)
    far.propose(feed, "a")
    loop.tick(0)
    far.propose(feed, "b")
    far.answer(RedisError("OOM command not allowed"))
    assert far.flights.trouble == "Redis says: OOM command not allowed"
    turn_until(loop, lambda: far.found)
    far.flights.caught_up(feed)  # it was not there
    loop.tick(0)
    [(flights, _)] = far.calls
    assert [len(flight.proposals) for flight in flights] == [2]
    far.answer([b"9"])
    assert far.flights.trouble == ""
    assert far.events == []  # it is read back, and the listener says so


def test_a_lost_connection_is_no_trouble_of_redis(loop: Reactor, servers: list[RoomLog]) -> None:
    far = Far(loop, servers[0])
    feed = feed_in(FeedState.OPEN)
    far.propose(feed, "a")
    loop.tick(0)
    far.answer(LinkLost("gone"))
    assert (far.flights.trouble, far.events) == ("", [])
    assert feed.flight is not None
    assert feed.flight.is_lost


def test_what_was_withdrawn_is_not_sent_again(loop: Reactor, servers: list[RoomLog]) -> None:
    far = Far(loop, servers[0])
    feed = feed_in(FeedState.OPEN)
    far.propose(feed, "a", "b")
    loop.tick(0)
    far.answer(LinkLost("gone"))
    assert feed.flight is not None
    feed.flight.proposals[0].is_withdrawn = True
    far.flights.caught_up(feed)
    loop.tick(0)
    assert [len(flight.proposals) for flight in far.calls[0][0]] == [1]
    assert feed.settled == 1
