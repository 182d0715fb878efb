"""The hearts of servers in a real Redis."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pylingo.reactor.bus.redis.health import Health
from pylingo.reactor.bus.redis.hearts import LONGEST_REPLY
from pylingo.reactor.engine.loop import Reactor
from tests.fakes.clock import Clock
from tests.fakes.health_log import HealthLog
from tests.fakes.redis_listeners import turn_until
from tests.redis_server import RedisProcess

type MakeHealth = Callable[..., HealthLog]


@pytest.fixture
def make_health(loop: Reactor, redis: RedisProcess) -> Iterator[MakeHealth]:
    made: list[HealthLog] = []

    def make(patience: float = 2.0, **options: Any) -> HealthLog:
        server = HealthLog(loop, redis, patience, **options)
        made.append(server)
        turn_until(loop, lambda: server.number)
        return server

    yield make
    for server in made:
        server.health.stop(lambda: None)
        server.close()


def test_servers_are_numbered_and_see_each_other(make_health: MakeHealth, loop: Reactor) -> None:
    one, other = make_health(), make_health()
    assert (one.number, other.number) == (1, 2)
    assert one.generation != other.generation
    turn_until(loop, lambda: set(one.health.servers) == {1, 2} == set(other.health.servers))
    state = one.health.servers[2]
    assert (state.people, state.lag, state.version, state.address) == (3, 500, "1.0", "a")
    assert one.health.has_company()


def test_a_server_alone(make_health: MakeHealth, loop: Reactor) -> None:
    one = make_health()
    turn_until(loop, lambda: one.health.servers)
    assert not one.health.has_company()


def test_a_server_that_stops_in_order_is_gone_at_once(make_health: MakeHealth, loop: Reactor) -> None:
    one, other = make_health(), make_health()
    turn_until(loop, lambda: len(one.health.servers) == 2)
    stopped: list[bool] = []
    other.health.stop(lambda: stopped.append(True))
    turn_until(loop, lambda: stopped and list(one.health.servers) == [1])
    assert not one.health.has_company()
    assert (one.reaps, one.fences, other.fences) == ([], 0, 0)


def test_a_killed_server_is_given_up_and_the_other_owns_its_sessions(
    make_health: MakeHealth, loop: Reactor, redis: RedisProcess
) -> None:
    one, other = make_health(), make_health()
    other.put(redis, 5, n="ann", r=["Lobby"])
    other.put(redis, 6, n="bob", r=[])
    turn_until(loop, lambda: len(one.health.servers) == 2)
    other.close()
    turn_until(loop, lambda: one.reaps)
    server, sessions, rooms = one.reaps[0]
    assert (server, rooms) == (2, {})
    assert {number: (record["s"], record["n"]) for number, record in sessions.items()} == {5: (1, "ann"), 6: (1, "bob")}
    assert redis.call("GET", "pylingo:{0}fence:2") == b"reaped"
    turn_until(loop, lambda: list(one.health.servers) == [1])


def test_a_server_that_was_given_up_is_fenced_once(make_health: MakeHealth, loop: Reactor, redis: RedisProcess) -> None:
    one = make_health()
    redis.call("SET", f"pylingo:{{0}}fence:{one.number}", "reaped")
    turn_until(loop, lambda: one.fences)
    redis.call("CLIENT", "KILL", "TYPE", "normal")
    turn_until(loop, lambda: one.deployment.is_up)
    for _ in range(20):
        loop.tick(0.01)
    assert one.fences == 1


def test_two_servers_find_the_same_one_dead(make_health: MakeHealth, loop: Reactor) -> None:
    servers = [make_health(), make_health(), make_health()]
    turn_until(loop, lambda: all(len(server.health.servers) == 3 for server in servers))
    servers.pop().close()
    turn_until(loop, lambda: all(len(server.health.servers) == 2 for server in servers))
    turn_until(loop, lambda: any(server.reaps for server in servers))
    assert [server for one in servers for server, _, _ in one.reaps] == [3]


def test_nobody_is_given_up_while_redis_hangs(make_health: MakeHealth, loop: Reactor, redis: RedisProcess) -> None:
    servers = [make_health(1.5), make_health(1.5)]
    turn_until(loop, lambda: all(len(server.health.servers) == 2 for server in servers))
    redis.pause()
    end = loop.clock() + 4.0
    turn_until(loop, lambda: loop.clock() > end)
    redis.resume()
    beats = servers[0].health.servers[2].beat
    turn_until(loop, lambda: servers[0].health.servers[2].beat > beats + 1)
    assert [server.reaps for server in servers] == [[], []]
    assert [server.fences for server in servers] == [0, 0]


def test_a_server_is_given_up_after_ten_seconds_unless_told_otherwise() -> None:
    assert Health.__init__.__defaults__ is not None
    assert Health.__init__.__defaults__[0] == 10.0


def test_a_server_is_sure_only_while_redis_answers(make_health: MakeHealth, loop: Reactor) -> None:
    """It was stopped for a while: the reactor's clock does not count that, but the others have gone on."""
    awake = Clock()
    server = make_health(awake=awake)
    turn_until(loop, lambda: server.health.servers)
    called: list[str] = []
    server.health.when_sure(lambda: called.append("at once"))
    assert called == ["at once"]
    awake.advance(LONGEST_REPLY + 0.1)
    server.health.when_sure(lambda: called.append("later"))
    assert called == ["at once"]
    turn_until(loop, lambda: called == ["at once", "later"])
