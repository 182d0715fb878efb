"""A reactor, a Redis, and two servers on them."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pylingo.reactor.engine.loop import Reactor
from tests.fakes.cluster import ChatServer, ClusterWorld
from tests.fakes.redis_listeners import settle, turn_until
from tests.fakes.room_log import RoomLog
from tests.redis_server import RedisProcess, free_port, running

type MakeServer = Callable[..., RoomLog]


@pytest.fixture
def loop() -> Iterator[Reactor]:
    errors: list[Exception] = []
    made = Reactor(on_error=lambda source, error: errors.append(error))
    yield made
    settle(made)
    made.close()
    assert errors == []


@pytest.fixture
def reactor(loop: Reactor) -> Reactor:
    """The loop, where it is one part of a test among others."""
    return loop


@pytest.fixture
def redis_options() -> list[str]:
    """Settings of the Redis of a test."""
    return []


@pytest.fixture
def redis(tmp_path: Path, redis_options: list[str]) -> Iterator[RedisProcess]:
    """A Redis of the test alone."""
    with running(tmp_path / "redis", *redis_options) as process:
        yield process


@pytest.fixture
def redis_node(tmp_path: Path) -> Iterator[RedisProcess]:
    """One node of a Redis Cluster, without slots."""
    with running(tmp_path / "node", "cluster-enabled yes", f"cluster-port {free_port()}", tcp=True) as process:
        yield process


@pytest.fixture
def make_server(loop: Reactor, redis: RedisProcess) -> Iterator[MakeServer]:
    made: list[RoomLog] = []

    def make(number: int = 1, **options: Any) -> RoomLog:
        server = RoomLog(loop, redis, number, **options)
        made.append(server)
        turn_until(loop, lambda: server.feeds.is_ready, "the first way to Redis")
        return server

    yield make
    for server in made:
        server.close()


@pytest.fixture
def servers(make_server: MakeServer, loop: Reactor) -> list[RoomLog]:
    """Two servers that follow the room lobby."""
    made = [make_server(1), make_server(2)]
    for server in made:
        server.open("lobby", "Lobby")
    turn_until(loop, lambda: all(server.rooms for server in made))
    return made


@pytest.fixture
def world(redis: RedisProcess) -> Iterator[ClusterWorld]:
    """Servers of a cluster with people on them."""
    made = ClusterWorld(redis)
    yield made
    made.close()


@pytest.fixture
def pair(world: ClusterWorld) -> tuple[ChatServer, ChatServer]:
    """Two servers of the world."""
    return world.server(), world.server()
