"""The way back after the connections were lost, in a real Redis that comes and goes."""

from pylingo.reactor.bus.redis.recovery import HEALING_PAUSE
from pylingo.reactor.engine.loop import Reactor
from tests.fakes.redis_listeners import turn_until
from tests.fakes.room_log import RoomLog
from tests.redis_server import RedisProcess


def test_the_others_have_time_to_restore_what_they_have() -> None:
    assert HEALING_PAUSE > 1.0  # seconds: the longest pause before a server connects again


def test_all_connections_are_cut(servers: list[RoomLog], loop: Reactor, redis: RedisProcess) -> None:
    one, other = servers
    for index in range(200):
        for server in servers:
            server.say("lobby", f"{server.number}-{index}")
        if index % 50 == 20:
            redis.call("CLIENT", "KILL", "TYPE", "normal")
            redis.call("CLIENT", "KILL", "TYPE", "pubsub")
        loop.tick(0.002)
    turn_until(loop, lambda: one.feeds.is_idle and other.feeds.is_idle and one.log == other.log)
    texts = one.texts("lobby")
    assert sorted(texts) == sorted(f"{number}-{index}" for index in range(200) for number in (1, 2))
    for server in servers:
        assert [text for _, text in server.ordered] == [f"{server.number}-{index}" for index in range(200)]
