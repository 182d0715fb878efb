"""The names of keys and channels."""

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pylingo.reactor.bus.redis.keys import Keys


def test_a_key_has_the_name_of_the_cluster_and_the_tag_of_its_lane():
    assert Keys().key(0, "names") == "pylingo:{0}names"
    assert Keys("tea", 3, 64).key(17, "r:lobby") == "tea:{17}r:lobby"


def test_a_channel_has_the_number_of_the_database():
    assert Keys().channel(0, "r:lobby") == "pylingo/0:{0}r:lobby"
    assert Keys("tea", 3, 64).channel(17, "all") == "tea/3:{17}all"


@pytest.mark.parametrize(("room", "lane"), [("lobby", 55), ("été", 20), ("", 0)])
def test_the_lane_of_a_room_is_never_another_one(room: str, lane: int):
    assert Keys(lanes=64).lane(room) == lane
    assert Keys(lanes=1).lane(room) == 0


@given(st.text(max_size=32), st.integers(1, 100))
def test_a_room_has_all_its_keys_in_its_lane(room: str, lanes: int):
    keys = Keys("c", 0, lanes)
    lane = keys.lane(room)
    assert lane == zlib.crc32(room.encode()) % lanes
    assert keys.of_room("h", room) == keys.key(lane, f"h:{room}") == f"c:{{{lane}}}h:{room}"


def test_the_lanes_share_the_rooms():
    keys = Keys(lanes=8)
    assert {keys.lane(f"room-{number}") for number in range(200)} == set(range(8))
