"""Sending what was proposed."""

from pylingo.reactor.bus.redis.committer import room_keys
from pylingo.reactor.bus.redis.feed import Feed
from pylingo.reactor.bus.redis.keys import Keys
from pylingo.reactor.engine.loop import Reactor
from tests.fakes.redis_listeners import turn_until
from tests.fakes.room_log import RoomLog, join, leave, message
from tests.redis_server import RedisProcess


def key(rest: str) -> str:
    return f"pylingo:{{0}}{rest}"


def test_the_keys_of_a_room() -> None:
    keys = room_keys(Keys(), Feed("lobby", "Lobby"))
    assert keys == [key(f"{kind}:lobby") for kind in ("r", "h", "m", "n", "t", "o", "dead")]


def test_people_are_counted_and_not_sessions(servers: list[RoomLog], loop: Reactor, redis: RedisProcess) -> None:
    one, other = servers
    one.propose("lobby", join(1, "Ann"))
    other.propose("lobby", join(2, "ANN"))
    other.propose("lobby", join(3, "bob"))
    turn_until(loop, lambda: len(one.texts("lobby")) == 3)
    assert redis.call("HGET", key("rooms"), "lobby") == b"\x92\xa5Lobby\x02"
    assert redis.call("SMEMBERS", key("here:1")) == [b"1 lobby"]
    assert sorted(redis.call("SMEMBERS", key("here:2"))) == [b"2 lobby", b"3 lobby"]
    other.propose("lobby", leave(2))
    turn_until(loop, lambda: len(one.texts("lobby")) == 4)
    assert redis.call("HGET", key("rooms"), "lobby") == b"\x92\xa5Lobby\x02"
    one.propose("lobby", leave(1))
    turn_until(loop, lambda: len(one.texts("lobby")) == 5)
    assert redis.call("HGET", key("rooms"), "lobby") == b"\x92\xa5Lobby\x01"


def test_a_room_without_people_expires(servers: list[RoomLog], loop: Reactor, redis: RedisProcess) -> None:
    one, _ = servers
    one.propose("lobby", join(1, "ann"))
    one.propose("lobby", message("hello"))
    turn_until(loop, lambda: len(one.ordered) == 2)
    assert [redis.call("TTL", key(f"{kind}:lobby")) for kind in "rh"] == [-1, -1]
    one.propose("lobby", leave(1))
    turn_until(loop, lambda: len(one.ordered) == 3)
    assert all(0 < redis.call("TTL", key(f"{kind}:lobby")) <= 7 * 86_400 for kind in "rh")
    assert redis.call("HEXISTS", key("rooms"), "lobby") == 0
    one.propose("lobby", join(1, "ann"))
    turn_until(loop, lambda: len(one.ordered) == 4)
    assert [redis.call("TTL", key(f"{kind}:lobby")) for kind in "rh"] == [-1, -1]
    assert redis.call("HGET", key("rooms"), "lobby") == b"\x92\xa5Lobby\x01"


def test_a_session_that_was_put_out_is_not_renamed_into_the_room(
    servers: list[RoomLog], loop: Reactor, redis: RedisProcess
) -> None:
    from pylingo.reactor.bus.redis.blob import Event

    one, other = servers
    one.propose("lobby", join(1, "ann"))
    turn_until(loop, lambda: other.texts("lobby"))
    other.propose("lobby", leave(1))
    turn_until(loop, lambda: len(other.ordered) == 1)
    one.propose("lobby", Event(op=["rename", 1, "anna", None, None]))
    turn_until(loop, lambda: len(one.ordered) == 2)
    assert redis.call("HLEN", key("m:lobby")) == 0
    turn_until(loop, lambda: redis.call("SCARD", key("here:1")) == 0)


def test_a_head_that_was_lost_is_found_in_the_stream(
    servers: list[RoomLog], loop: Reactor, redis: RedisProcess
) -> None:
    one, other = servers
    redis.call("XADD", key("r:lobby"), "4000000000000000-0", "b", "x", "p", "0")
    redis.call("DEL", key("r:lobby"))
    one.say("lobby", "a")
    turn_until(loop, lambda: one.ordered)
    redis.call("SET", key("h:lobby"), "5")
    other.say("lobby", "b")
    turn_until(loop, lambda: other.ordered)
    assert one.ordered[0][0] < other.ordered[0][0]
