"""The part of a server in a cluster, on a Redis of its own."""

import contextlib
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pylingo.reactor.config import ServerSettings
from pylingo.reactor.engine.loop import Reactor
from pylingo.reactor.membership import Membership
from pylingo.reactor.server import Server
from pylingo.shared.launch import LaunchError
from pylingo.shared.messages import Goodbye, Welcome
from tests.fakes.bench import Wire
from tests.redis_server import RedisProcess, running
from tests.support import wait_until


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisProcess]:
    with running(tmp_path / "redis") as process:
        yield process


class Member:
    """A server of a cluster on a reactor of its own, which the test turns."""

    def __init__(self, redis: RedisProcess, **cluster: Any) -> None:
        self.reactor = Reactor()
        self.server = Server(ServerSettings(port=0, rate=0), self.reactor, cluster=redis.settings(**cluster))
        self.port = int(self.server.start().rpartition(":")[2])

    def turn_until(self, condition: Callable[[], Any]) -> Any:
        return wait_until(lambda: self.reactor.tick(0.01) or condition())

    def heard(self, wire: Wire, kind: type) -> Any:
        """The next frame of a kind that comes to a wire."""
        found: list[Any] = []
        self.turn_until(lambda: found.extend(it for it in wire.got() if isinstance(it, kind)) or found)
        return found[0]


@contextlib.contextmanager
def members(redis: RedisProcess, *options: dict[str, Any]) -> Iterator[list[Member]]:
    made = [Member(redis, **more) for more in options]
    try:
        yield made
    finally:
        redis.kill()  # so that no connection to it stays open
        for member in made:
            for _ in range(5):
                member.reactor.tick(0.01)
            member.server.close()


def test_people_come_to_a_server_of_a_cluster_when_it_has_its_number(redis: RedisProcess) -> None:
    with members(redis, {}) as (member,), contextlib.ExitStack() as stack:
        assert member.server.trouble == "the server cannot reach its Redis"
        wire = Wire(stack.enter_context(socket.create_connection(("127.0.0.1", member.port))))
        assert member.heard(wire, Welcome).name == "guest-1"
        assert not member.server.failure
        assert member.server.trouble == ""
        redis.kill()
        member.turn_until(lambda: member.server.trouble == "the server cannot reach its Redis")


def test_a_server_that_was_given_up_holds_its_port_until_it_has_another_number(redis: RedisProcess) -> None:
    with members(redis, {}) as (member,), contextlib.ExitStack() as stack:
        wire = Wire(stack.enter_context(socket.create_connection(("127.0.0.1", member.port))))
        member.heard(wire, Welcome)
        redis.call("SET", "pylingo:{0}fence:1", "reaped")
        assert member.heard(wire, Goodbye).reason == "shutdown"
        assert member.turn_until(lambda: wire.got() or wire.ended)
        late = Wire(stack.enter_context(socket.create_connection(("127.0.0.1", member.port))))
        assert member.heard(late, Welcome).name.startswith("guest-")
        assert redis.call("GET", "pylingo:{0}next-server") == b"2"


def test_a_server_that_does_not_fit_the_cluster_says_why(redis: RedisProcess) -> None:
    with members(redis, {"lanes": 2}) as (first,):
        first.turn_until(lambda: redis.call("HEXISTS", "pylingo:{0}config", "layout"))
        redis.call("HSET", "pylingo:{0}config", "layout", "999")
        with members(redis, {"lanes": 2}) as (second,):
            words = second.turn_until(lambda: second.server.failure)
            assert words.startswith("the cluster has the layout 999 in Redis")


def test_a_server_that_is_stopped_while_it_waits_for_redis_has_not_failed(redis: RedisProcess) -> None:
    redis.kill()
    with members(redis, {}) as (member,):
        membership = Membership(member.server, redis.settings())
        member.reactor.call_soon(member.reactor.stop)
        with pytest.raises(LaunchError, match="stopped before Redis could be reached") as caught:
            membership.wait()
        assert caught.value.status == 0
        membership.cluster.close()
