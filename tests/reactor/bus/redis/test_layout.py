"""Which server has which lane."""

import pytest

from pylingo.reactor.bus.redis.layout import SLOTS, Layout, read_slots, slot_of, whole
from pylingo.reactor.bus.redis.place import Place
from tests.redis_server import RedisProcess

A, B, C = Place("10.0.0.1", 1), Place("10.0.0.2", 2), Place("10.0.0.3", 3)


def server(place: Place) -> list[object]:
    return [place.host.encode(), place.port, b"id", []]


def test_the_places_of_lanes() -> None:
    layout = read_slots([[0, 8191, server(A), server(C)], [8192, SLOTS - 1, server(B)]], A, Place)
    assert layout.all == (A, C, B)
    assert [layout.place(lane) for lane in range(3)] == [B, B, A]


def test_a_slot_that_no_server_has() -> None:
    assert Layout(((0, 100, A),)).place(0) is None
    assert [whole(A).place(lane) for lane in range(100)] == [A] * 100


@pytest.mark.parametrize(("host", "asked"), [(b"", A), (None, A), (b"", Place(path="/s"))])
def test_a_server_that_does_not_know_its_host_is_the_one_that_was_asked(host: bytes | None, asked: Place) -> None:
    layout = read_slots([[0, SLOTS - 1, [host, 1, b"id"]]], asked, Place)
    assert layout.place(0) == asked


def test_slots_as_redis_computes_them(redis_node: RedisProcess) -> None:
    for lane in (0, 1, 9, 10, 63, 12345):
        assert redis_node.call("CLUSTER", "KEYSLOT", f"x:{{{lane}}}r:room") == slot_of(lane)
