"""The newest batches of all rooms."""

from pylingo.reactor.bus.redis.blob import encode_batch, read_batch
from pylingo.reactor.bus.redis.feed import Arrival
from pylingo.reactor.bus.redis.ring import Ring
from tests.fakes.clock import Clock
from tests.fakes.room_log import message


def batch(top: int, *texts: str) -> Arrival:
    return Arrival(top - len(texts), top, encode_batch(1, top, [message(text) for text in texts]))


def test_it_has_what_is_above_a_stamp() -> None:
    ring = Ring(Clock())
    arrivals = [batch(top, "a") for top in (1, 2, 3)]
    for arrival in arrivals:
        ring.add("lobby", arrival)
    ring.add("tea", batch(9, "a"))
    assert ring.above("lobby", 1) == arrivals[1:]
    assert ring.above("nowhere", 0) == []


def test_it_forgets_what_is_old() -> None:
    clock = Clock()
    ring = Ring(clock, seconds=10)
    ring.add("lobby", batch(1, "a"))
    clock.advance(9)
    ring.add("tea", batch(2, "a"))
    clock.advance(2)
    ring.add("tea", batch(3, "a"))
    assert (ring.above("lobby", 0), len(ring.above("tea", 0)), len(ring)) == ([], 2, 2)


def test_it_forgets_what_is_too_much() -> None:
    size = len(batch(1, "a").data)
    ring = Ring(Clock(), size=3 * size)
    for top in range(1, 10):
        ring.add("lobby", batch(top, "a"))
    assert [arrival.top for arrival in ring.above("lobby", 0)] == [7, 8, 9]
    assert ring.bytes == 3 * size


def test_it_has_no_text_that_was_redacted() -> None:
    ring = Ring(Clock())
    ring.add("lobby", batch(10, "a"))
    ring.add("lobby", batch(20, "b", "secret", "c"))
    ring.redact("lobby", 19)
    ring.redact("lobby", 15)  # the stamp of no message
    arrivals = ring.above("lobby", 0)
    entries = [entry.text for arrival in arrivals for entry in read_batch(arrival.data).entries(arrival.top)]
    assert entries == ["a", "b", "", "c"]
