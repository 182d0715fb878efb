"""Whether a Redis can carry a cluster, and what its servers have agreed on."""

import pytest

from pylingo.reactor.bus.redis.founding import Charter, Founding, check_redis, found
from pylingo.reactor.engine.loop import Reactor
from tests.fakes.redis_listeners import turn_until
from tests.fakes.room_log import RoomLog
from tests.redis_server import RedisProcess

INFO = {"redis_version": "7.0.15", "role": "master", "aof_enabled": "1"}
CONFIG = {"maxmemory": "0", "maxmemory-policy": "noeviction", "stream-node-max-bytes": "1024"}


@pytest.mark.parametrize(
    ("info", "config", "words"),
    [
        ({"redis_version": "6.2.14"}, {}, "Redis 6.2.14 is too old"),
        ({"redis_version": "8.0"}, {}, ""),
        ({"redis_version": "10.1.1"}, {}, ""),
        ({"role": "slave"}, {}, "is a replica"),
        ({}, {"maxmemory": "100", "maxmemory-policy": "allkeys-lru"}, "set it to noeviction"),
        ({}, {"maxmemory-policy": "allkeys-lru"}, ""),
        ({}, {"maxmemory": "100"}, ""),
    ],
)
def test_what_is_refused(info: dict[str, str], config: dict[str, str], words: str) -> None:
    refusal, _ = check_redis(INFO | info, CONFIG | config)
    assert words in refusal
    assert bool(words) == bool(refusal)


def test_a_hosted_redis_that_does_not_tell_its_settings() -> None:
    info = INFO | {"maxmemory": "100", "maxmemory_policy": "volatile-lru"}
    assert "noeviction" in check_redis(info, {})[0]
    assert check_redis(INFO, {}) == ("", ())


def test_warnings() -> None:
    assert check_redis(INFO, CONFIG) == ("", ())
    _, warnings = check_redis(INFO | {"aof_enabled": "0"}, CONFIG | {"stream-node-max-bytes": "4096"})
    assert [word in warning for word, warning in zip(("appendonly", "1024"), warnings, strict=True)] == [True, True]


def ask(loop: Reactor, server: RoomLog, wanted: Charter, name: str = "pylingo") -> Founding:
    replies: list[Founding] = []
    found(server.deployment, name, 0, wanted, replies.append)
    turn_until(loop, lambda: replies)
    return replies[0]


def test_the_first_server_decides(servers: list[RoomLog], loop: Reactor) -> None:
    server = servers[0]
    first = ask(loop, server, Charter(64, "aa"))
    assert (first.charter, first.refusal) == (Charter(64, "aa"), "")
    assert ask(loop, server, Charter(1, "aa")).charter == Charter(64, "aa")
    assert ask(loop, server, Charter(1)).charter == Charter(64, "aa")
    assert "another certificate" in ask(loop, server, Charter(1, "bb")).refusal
    assert ask(loop, server, Charter(1, "bb"), "other").charter == Charter(1, "bb")


def test_the_first_certificate_may_come_later(servers: list[RoomLog], loop: Reactor) -> None:
    assert ask(loop, servers[0], Charter()).charter == Charter()
    assert ask(loop, servers[0], Charter(1, "aa")).charter == Charter(1, "aa")


def test_an_incompatible_layout(servers: list[RoomLog], loop: Reactor, redis: RedisProcess) -> None:
    redis.call("HSET", "pylingo:{0}config", "layout", "9")
    assert "layout 9" in ask(loop, servers[0], Charter()).refusal


def test_a_real_redis_that_evicts(servers: list[RoomLog], loop: Reactor, redis: RedisProcess) -> None:
    redis.call("CONFIG", "SET", "maxmemory", "100mb", "maxmemory-policy", "allkeys-lru")
    founding = ask(loop, servers[0], Charter())
    assert "noeviction" in founding.refusal
    assert founding.is_final


def test_without_a_connection(servers: list[RoomLog], loop: Reactor) -> None:
    servers[0].deployment.ears(0).close()
    replies: list[Founding] = []
    found(servers[0].deployment, "pylingo", 0, Charter(), replies.append)
    assert not replies[0].is_final
