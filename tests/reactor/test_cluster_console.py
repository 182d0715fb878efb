"""The register of a cluster in a command: read at the start, stored at once, and a sentence if Redis is not there."""

import pytest

from pylingo.reactor.cluster_console import open_console
from pylingo.shared.launch import LaunchError
from tests.fakes.people import fingerprint
from tests.redis_server import RedisProcess


def test_what_is_stored_is_read_by_the_next_one(redis: RedisProcess) -> None:
    with open_console(redis.settings(), founds=True) as console:
        assert console.certificate() is None
        assert console.store(console.register.op(fingerprint(1)))
    with open_console(redis.settings(), founds=True) as console:
        assert console.register.is_operator(fingerprint(1))
        assert [console.found(), console.found()] == [True, False]
    with open_console(redis.settings(name="other"), founds=True) as console:
        assert not console.register.is_operator(fingerprint(1))


def test_a_cluster_that_is_not_there_is_begun_by_an_import_alone(redis: RedisProcess) -> None:
    with (
        pytest.raises(LaunchError, match="there is no cluster called pylingo in the Redis at redis"),
        open_console(redis.settings()),
    ):
        pass
    assert redis.call("KEYS", "*") == []
    with open_console(redis.settings(lanes=8), founds=True) as console:
        assert console.keys.lanes == 8
    with open_console(redis.settings()):
        pass
    with open_console(redis.settings(lanes=2), founds=True) as console:
        assert console.keys.lanes == 8  # it was begun with them


def test_commands_are_done_in_order(redis: RedisProcess) -> None:
    with open_console(redis.settings(), founds=True) as console:
        assert console.call(0, [("SET", "a", "1"), ("INCR", "a"), ("GET", "a")]) == [b"OK", 2, b"2"]
        with pytest.raises(LaunchError, match="Redis does not take the change: WRONGTYPE"):
            console.call(0, [("SADD", "a", "1")])


def test_a_redis_that_takes_no_functions(redis: RedisProcess) -> None:
    redis.call("CONFIG", "SET", "maxmemory", "1")
    with pytest.raises(LaunchError, match="OOM "), open_console(redis.settings(), founds=True):
        pass


def test_rows_that_cannot_be_read(redis: RedisProcess) -> None:
    redis.call("HSET", "pylingo:{0}people:bans", "x", "1.0 {}")
    redis.call("SET", "pylingo:{0}people:version", "1 x")
    with (
        pytest.raises(LaunchError, match="the row 'x' of bans must have the fields"),
        open_console(redis.settings(), founds=True),
    ):
        pass


def test_a_change_that_redis_refuses(redis: RedisProcess) -> None:
    with open_console(redis.settings(), founds=True) as console:
        redis.call("CONFIG", "SET", "maxmemory", "1")
        assert not console.store(console.register.op(fingerprint(1)))
        assert not console.register.is_operator(fingerprint(1))
