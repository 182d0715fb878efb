"""The members that a server answers for."""

from pylingo.reactor.bus.redis.holdings import Holdings
from pylingo.reactor.engine.loop import Reactor
from tests.fakes.redis_listeners import turn_until
from tests.fakes.room_log import RoomLog, join, leave
from tests.redis_server import RedisProcess


def here(redis: RedisProcess, server: int) -> list[bytes]:
    return sorted(redis.call("SMEMBERS", f"pylingo:{{0}}here:{server}"))


def test_a_session_in_a_room_changes_its_server(servers: list[RoomLog], loop: Reactor, redis: RedisProcess) -> None:
    one, other = servers
    one.propose("lobby", join(5, "ann"))
    one.propose("lobby", join(6, "bob"))
    turn_until(loop, lambda: len(other.texts("lobby")) == 2)
    one.feeds.let_go("lobby", [5])
    other.feeds.hold("lobby", [5, 77], 1)  # 77 is not in the room
    turn_until(loop, lambda: here(redis, 2))
    assert (here(redis, 1), here(redis, 2)) == ([b"6 lobby"], [b"5 lobby"])
    assert (one.rooms["lobby"].own, other.rooms["lobby"].own) == ({6}, {5, 77})


def test_what_could_not_be_sent_is_sent_later(servers: list[RoomLog], loop: Reactor, redis: RedisProcess) -> None:
    one, other = servers
    one.propose("lobby", join(5, "ann"))
    turn_until(loop, lambda: other.texts("lobby"))
    redis.kill()
    turn_until(loop, lambda: not other.deployment.is_up)
    other.feeds.hold("lobby", [5], 1)
    one.feeds.let_go("lobby", [5])
    redis.start()
    turn_until(loop, lambda: here(redis, 2) == [b"5 lobby"])
    turn_until(loop, lambda: here(redis, 1) == [])


def test_it_is_restored_with_what_is_on_its_way(servers: list[RoomLog], loop: Reactor, redis: RedisProcess) -> None:
    one, _ = servers
    for number in (5, 6):
        one.propose("lobby", join(number, "ann"))
    turn_until(loop, lambda: len(one.ordered) == 2)
    redis.call("DEL", "pylingo:{0}here:1")
    redis.call("SADD", "pylingo:{0}here:1", "9 lobby")
    holdings = Holdings(one.deployment, one.keys, 1)
    one.propose("lobby", leave(6))
    one.propose("lobby", join(7, "carl"))
    feed = one.rooms["lobby"]
    loop.call_before_flush(lambda: holdings.restore([feed]))
    turn_until(loop, lambda: len(one.ordered) == 4)
    turn_until(loop, lambda: here(redis, 1) == [b"5 lobby", b"7 lobby"])
