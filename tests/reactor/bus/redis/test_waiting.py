"""Waiting until replicas have what was committed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pylingo.reactor.bus.redis.waiting import Replicas
from pylingo.reactor.engine.loop import Reactor
from tests.fakes.redis_listeners import turn_until
from tests.fakes.room_log import RoomLog, join, leave
from tests.redis_server import RedisProcess, running


@pytest.fixture
def two_redis(tmp_path: Path) -> Iterator[tuple[RedisProcess, RedisProcess]]:
    with running(tmp_path / "one", tcp=True) as one, running(tmp_path / "two", tcp=True) as two:
        yield one, two


def test_own_batches_wait_for_replicas_and_those_of_others_behind_them(
    two_redis: tuple[RedisProcess, RedisProcess], loop: Reactor
) -> None:
    redis, replica = two_redis
    servers = [RoomLog(loop, redis, 1, replicas=1), RoomLog(loop, redis, 2)]
    one, other = servers
    for server in servers:
        server.open("lobby")
    turn_until(loop, lambda: one.rooms and other.rooms)
    one.say("lobby", "first")
    turn_until(loop, lambda: other.texts("lobby") == ["first"])
    other.say("lobby", "second")
    turn_until(loop, lambda: other.texts("lobby") == ["first", "second"] and one.stills)
    assert one.texts("lobby") == []  # no replica has it
    assert one.stills == [(True, "0 of 1 replica has the newest messages: see to the others")]
    replica.call("REPLICAOF", "127.0.0.1", redis.port)
    turn_until(loop, lambda: one.texts("lobby") == ["first", "second"] and len(one.stills) == 2)
    assert one.ordered == one.log["lobby"][:1]
    assert one.stills[1] == (False, "")
    for server in servers:
        server.close()


@pytest.mark.parametrize("is_cut", [False, True])
def test_a_proposal_for_a_room_that_nobody_follows_waits_for_replicas(
    two_redis: tuple[RedisProcess, RedisProcess], loop: Reactor, is_cut: bool
) -> None:
    redis, replica = two_redis
    one = RoomLog(loop, redis, 1, replicas=1)
    turn_until(loop, lambda: one.feeds.is_ready)
    one.propose("attic", leave(7))
    turn_until(loop, lambda: redis.call("XLEN", one.keys.of_room("r", "attic")) == 1)
    if is_cut:
        redis.call("CLIENT", "KILL", "TYPE", "normal")
        turn_until(loop, lambda: not one.deployment.is_up)
        turn_until(loop, lambda: one.feeds.is_ready)
    for _ in range(10):
        loop.tick(0.01)
    assert (one.ordered, one.feeds.waiting) == ([], 1)
    replica.call("REPLICAOF", "127.0.0.1", redis.port)
    turn_until(loop, lambda: one.feeds.is_idle)
    assert len(one.ordered) == redis.call("XLEN", one.keys.of_room("r", "attic")) == 1
    one.close()


def test_the_connections_are_cut_while_replicas_are_waited_for(
    two_redis: tuple[RedisProcess, RedisProcess], loop: Reactor
) -> None:
    """What Redis has is not proposed again, and is waited for again."""
    redis, replica = two_redis
    one = RoomLog(loop, redis, 1, replicas=1)
    one.open("lobby")
    turn_until(loop, lambda: one.rooms)
    one.say("lobby", "first")
    turn_until(loop, lambda: one.rooms["lobby"].received > one.rooms["lobby"].head)
    redis.call("CLIENT", "KILL", "TYPE", "normal")
    redis.call("CLIENT", "KILL", "TYPE", "pubsub")
    one.say("lobby", "second")
    turn_until(loop, lambda: not one.deployment.is_up)
    turn_until(loop, lambda: one.feeds.is_ready)
    for _ in range(10):
        loop.tick(0.01)
    assert one.texts("lobby") == []
    replica.call("REPLICAOF", "127.0.0.1", redis.port)
    turn_until(loop, lambda: one.feeds.is_idle)
    assert one.texts("lobby") == ["first", "second"]
    assert one.ordered == one.log["lobby"]
    assert redis.call("XLEN", one.keys.of_room("r", "lobby")) == 2
    one.close()


def test_without_replicas_nothing_waits(servers: list[RoomLog]) -> None:
    replicas = Replicas(servers[0].deployment, 0, lambda flight: None)
    calls = servers[0].deployment.commits(0).calls
    replicas.wait(0, [])
    assert servers[0].deployment.commits(0).calls == calls


def test_a_room_is_whole_when_what_has_come_has_taken_effect(
    two_redis: tuple[RedisProcess, RedisProcess], loop: Reactor
) -> None:
    """A key may be among what has come, from a server that had the session before."""
    redis, replica = two_redis
    one = RoomLog(loop, redis, 1, replicas=1)
    one.open("lobby")
    turn_until(loop, lambda: one.rooms)
    called: list[str] = []
    one.feeds.when_whole("lobby", lambda: called.append("at once"))
    assert called == ["at once"]
    one.say("lobby", "first")
    turn_until(loop, lambda: not one.feeds.is_whole("lobby"))
    one.feeds.when_whole("lobby", lambda: called.append(f"after {len(one.texts('lobby'))}"))
    one.feeds.when_whole("attic", lambda: called.append("nobody is there"))
    assert called == ["at once", "nobody is there"]
    replica.call("REPLICAOF", "127.0.0.1", redis.port)
    turn_until(loop, lambda: called[-1] == "after 1")
    one.close()


def test_what_waits_counts_when_redis_is_restored(two_redis: tuple[RedisProcess, RedisProcess], loop: Reactor) -> None:
    """A member whose leave is not confirmed would stay in Redis for ever."""
    redis, replica = two_redis
    one = RoomLog(loop, redis, 1, replicas=1)
    replica.call("REPLICAOF", "127.0.0.1", redis.port)
    one.open("lobby")
    one.propose("lobby", join(7, "ann"))
    turn_until(loop, lambda: one.ordered)
    replica.call("REPLICAOF", "NO", "ONE")
    one.propose("lobby", leave(7))
    turn_until(loop, lambda: not one.feeds.is_whole("lobby"))
    for kind in "rhmno":
        redis.call("DEL", one.keys.of_room(kind, "lobby"))
    redis.call("CLIENT", "KILL", "TYPE", "normal")
    turn_until(loop, lambda: not one.deployment.is_up)
    turn_until(loop, lambda: one.feeds.is_ready)
    assert redis.call("HGETALL", one.keys.of_room("m", "lobby")) == []
    assert int(redis.call("GET", one.keys.of_room("h", "lobby"))) == one.rooms["lobby"].received
    one.close()
