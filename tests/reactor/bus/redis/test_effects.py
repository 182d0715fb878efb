"""What has come takes effect."""

from pylingo.reactor.bus.redis.blob import Event, encode_batch
from pylingo.reactor.bus.redis.effects import Effects
from pylingo.reactor.bus.redis.feed import Arrival, Feed, Flight, Gap, Reading
from pylingo.reactor.bus.redis.holdings import Holdings
from pylingo.reactor.bus.redis.ring import Ring
from pylingo.reactor.bus.redis.roll import Member
from pylingo.reactor.engine.loop import Reactor
from tests.fakes.clock import Clock
from tests.fakes.room_log import RoomLog, message


def test_what_comes_takes_effect_in_its_order(servers: list[RoomLog], loop: Reactor) -> None:
    server = servers[0]
    stamps: list[int] = []
    landed: list[Flight] = []
    ring = Ring(Clock())
    holdings = Holdings(server.deployment, server.keys, 1)
    effects = Effects(loop, 1, ring, holdings, server, stamps.append, landed.append)
    feed = Feed("tea", "Tea")
    feed.flight = flight = Flight(feed, 4, [], is_confirmed=False)
    feed.take(Arrival(0, 5, encode_batch(2, 9, [message("theirs")])))
    feed.ready.append(Gap(5, 7))
    feed.take(Arrival(7, 8, encode_batch(1, 4, [message("ours")])))
    feed.ready.append(Reading("Tea", 8, {1: Member("ann")}, None))
    feed.take(Arrival(8, 9, encode_batch(2, 10, [Event(op=["redact", 8, "op", None])])))
    effects.drain(feed)
    assert (server.texts("tea"), server.gaps, landed) == (["theirs"], [("tea", 5, 7)], [])
    assert (feed.head, feed.received) == (5, 9)
    flight.is_confirmed = True
    effects.drain(feed)
    assert server.texts("tea")[1] == "ours"
    assert (landed, stamps, server.rereads, feed.head) == ([flight], [5, 8, 9], ["tea"], 9)
    assert feed.roll.get(1) == Member("ann")
    assert b"ours" not in b"".join(arrival.data for arrival in ring.above("tea", 0))
