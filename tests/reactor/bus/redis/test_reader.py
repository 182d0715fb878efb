"""Reading rooms from Redis."""

from pylingo.reactor.bus.redis.blob import encode_batch
from pylingo.reactor.bus.redis.feed import Arrival, Feed, Flight
from pylingo.reactor.bus.redis.reader import is_batch_of, read_arrival
from pylingo.reactor.engine.loop import Reactor
from tests.fakes.redis_listeners import turn_until
from tests.fakes.room_log import RoomLog, message


def test_an_entry_of_a_stream() -> None:
    assert read_arrival((b"12-0", [b"b", b"data", b"p", b"7"])) == Arrival(7, 12, b"data")
    assert read_arrival((b"12-0", [b"b", b"data"])) == Arrival(0, 12, b"data")


def test_whose_batch_it_is() -> None:
    arrival = Arrival(0, 5, encode_batch(3, 9, [message("hello")]))
    feed = Feed("lobby", "Lobby")
    assert is_batch_of(Flight(feed, 9, []), 3, arrival)
    assert not is_batch_of(Flight(feed, 8, []), 3, arrival)
    assert not is_batch_of(Flight(feed, 9, []), 4, arrival)


def test_more_than_a_page_is_missing(servers: list[RoomLog], loop: Reactor) -> None:
    one, other = servers
    one.deployment.ears(0).tell("SUNSUBSCRIBE", one.keys.channel(0, "r:lobby"))
    for index in range(250):
        other.say("lobby", str(index))
        turn_until(loop, lambda index=index: str(index) in other.texts("lobby"))
    one.deployment.ears(0).tell("SSUBSCRIBE", one.keys.channel(0, "r:lobby"))
    turn_until(loop, lambda: one.deployment.ears(0).waiting == 0)
    other.say("lobby", "the end")
    turn_until(loop, lambda: one.log == other.log)
    assert len(one.texts("lobby")) == 251
    assert (one.gaps, one.feeds.counters.repairs) == ([], 1)
