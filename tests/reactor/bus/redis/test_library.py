"""The functions that run inside Redis."""

import re

from pylingo.reactor.bus.redis.library import LIBRARY, function, load, source
from pylingo.reactor.bus.redis.link import LinkLost, RedisError
from pylingo.reactor.engine.loop import Reactor
from tests.fakes.redis_listeners import LinkLog, turn_until
from tests.fakes.room_log import RoomLog
from tests.redis_server import RedisProcess


def test_the_names_in_the_library_carry_its_version() -> None:
    assert source().startswith(f"#!lua name={LIBRARY}\n")
    assert f"'{LIBRARY}_' .. name" in source()
    assert function("commit") == f"{LIBRARY}_commit"


def test_loading_it_twice(servers: list[RoomLog], loop: Reactor) -> None:
    loaded: list[RedisError | None] = []
    link = servers[0].deployment.ears(0)
    load([link, link], loaded.append)
    turn_until(loop, lambda: loaded)
    assert loaded == [None]


def test_an_older_and_a_newer_version_beside_it(servers: list[RoomLog], loop: Reactor, redis: RedisProcess) -> None:
    other = source().replace("pylingo_1", "pylingo_2")
    assert redis.call("FUNCTION", "LOAD", other) == b"pylingo_2"
    servers[0].say("lobby", "hello")
    turn_until(loop, lambda: servers[1].texts("lobby") == ["hello"])


def test_without_a_connection(loop: Reactor, servers: list[RoomLog]) -> None:
    loaded: list[RedisError | None] = []
    link = servers[0].deployment.ears(0)
    link.close()
    load([link], loaded.append)
    assert isinstance(loaded[0], LinkLost)
    assert LinkLog().ups == 0


def test_all_functions_are_registered(servers: list[RoomLog], redis: RedisProcess) -> None:
    listed = redis.call("FUNCTION", "LIST", "LIBRARYNAME", LIBRARY)[0]
    names = {dict(zip(entry[::2], entry[1::2], strict=True))[b"name"].decode() for entry in listed[5]}
    assert names == {function(name) for name in re.findall(r"^register\('(\w+)'", source(), re.MULTILINE)}
    assert len(names) > 10
