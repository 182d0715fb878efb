"""A server's connections to a real Redis that comes and goes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pylingo.reactor.bus.redis.deployment import Deployment
from pylingo.reactor.bus.redis.finder import FixedFinder
from pylingo.reactor.bus.redis.layout import slot_of, whole
from pylingo.reactor.bus.redis.link import LinkLost, WrongServer
from pylingo.reactor.bus.redis.place import Place
from pylingo.reactor.bus.redis.settings import ClusterSettings, parse_redis_address
from pylingo.reactor.engine.loop import Reactor
from tests.fakes.redis_listeners import DeploymentLog, answered, settle, turn_until
from tests.fakes.tls import certificate
from tests.redis_server import RedisProcess, free_port, need_redis, running, running_cluster, running_sentinel


@pytest.fixture
def log() -> DeploymentLog:
    return DeploymentLog()


@pytest.fixture
def deployment(reactor: Reactor, redis: RedisProcess, log: DeploymentLog) -> Iterator[Deployment]:
    made = Deployment(reactor, redis.settings(), log)
    turn_until(reactor, lambda: made.is_up)
    yield made
    made.close()


def test_it_comes_up(deployment: Deployment, log: DeploymentLog, redis: RedisProcess, reactor: Reactor) -> None:
    assert (log.ups, log.downs, deployment.trouble) == (1, [], "")
    assert answered(reactor, deployment.commits(0), "PING") == b"PONG"
    assert answered(reactor, deployment.ears(0), "PING") == b"PONG"
    assert [node.address for node in deployment.nodes()] == [redis.path]


def test_there_are_no_links_before_the_lanes_are_found(
    redis: RedisProcess, reactor: Reactor, log: DeploymentLog
) -> None:
    deployment = Deployment(reactor, redis.settings(lanes=2), log)
    with pytest.raises(LookupError):
        deployment.commits(0)
    turn_until(reactor, lambda: deployment.is_up)
    assert deployment.commits(0) is deployment.commits(1)
    deployment.use_lanes(4)
    assert deployment.is_up
    assert deployment.commits(3) is deployment.commits(0)
    deployment.close()


def test_over_tcp(tmp_path: Path, reactor: Reactor, log: DeploymentLog) -> None:
    with running(tmp_path / "redis", tcp=True) as redis:
        deployment = Deployment(reactor, redis.settings(), log)
        turn_until(reactor, lambda: deployment.is_up)
        assert answered(reactor, deployment.ears(0), "PING") == b"PONG"
        deployment.close()


def test_pushes(deployment: Deployment, log: DeploymentLog, redis: RedisProcess, reactor: Reactor) -> None:
    deployment.ears(0).tell("SSUBSCRIBE", "a")
    answered(reactor, deployment.ears(0), "PING")
    redis.call("SPUBLISH", "a", "1")
    turn_until(reactor, lambda: log.pushes)
    assert log.pushes == [(b"a", b"1")]


def test_it_comes_up_again_after_redis_was_killed(
    deployment: Deployment, log: DeploymentLog, redis: RedisProcess, reactor: Reactor
) -> None:
    redis.kill()
    turn_until(reactor, lambda: log.downs)
    assert not deployment.is_up
    assert deployment.trouble == log.downs[0]
    replies: list[object] = []
    deployment.commits(0).call(replies.append, "PING")
    assert [type(reply) for reply in replies] == [LinkLost]
    redis.start()
    turn_until(reactor, lambda: log.ups == 2)
    assert len(log.downs) == 1  # once for both links and all attempts
    assert answered(reactor, deployment.commits(0), "PING") == b"PONG"
    assert deployment.trouble == ""


def test_redis_that_starts_later(tmp_path: Path, reactor: Reactor, log: DeploymentLog) -> None:
    need_redis()
    redis = RedisProcess(tmp_path / "redis")
    deployment = Deployment(reactor, redis.settings(), log)
    turn_until(reactor, lambda: log.downs)
    assert log.downs == [f"{redis.path}: No such file or directory"]
    redis.start()
    try:
        turn_until(reactor, lambda: log.ups)
    finally:
        deployment.close()
        redis.kill()


# --- a Redis that cannot be used


@pytest.mark.parametrize(
    ("setting", "value", "words"),
    [
        ("maxmemory-policy", "allkeys-lru", "maxmemory-policy is allkeys-lru: set it to noeviction"),
        (
            "replicaof",
            "127.0.0.1 1",
            "is a replica, which takes no writes: give the address of its primary, 127.0.0.1:1",
        ),
        ("requirepass", "secret", "demands a password"),
    ],
)
def test_refused_at_the_start(
    redis: RedisProcess, reactor: Reactor, log: DeploymentLog, setting: str, value: str, words: str
) -> None:
    if setting == "replicaof":
        redis.call("REPLICAOF", *value.split())
    else:
        redis.call("CONFIG", "SET", setting, value)
    deployment = Deployment(reactor, redis.settings(), log)
    turn_until(reactor, lambda: log.refusals)
    deployment.close()
    assert log.refusals[0].startswith(f"{redis.path}: ")
    assert words in log.refusals[0]
    assert log.ups == 0


def test_what_would_be_refused_at_the_start_is_logged_later(
    deployment: Deployment, log: DeploymentLog, redis: RedisProcess, reactor: Reactor, caplog: pytest.LogCaptureFixture
) -> None:
    redis.call("REPLICAOF", "127.0.0.1", "1")
    error = answered(reactor, deployment.commits(0), "SET", "k", "v")
    assert (error.code, type(error)) == ("READONLY", WrongServer)
    assert len(log.downs) == 1
    turn_until(reactor, lambda: "is a replica" in deployment.trouble)
    calls = deployment.ears(0).calls
    turn_until(reactor, lambda: deployment.ears(0).calls >= calls + 3)  # it was looked at again
    redis.call("REPLICAOF", "NO", "ONE")
    turn_until(reactor, lambda: deployment.is_up)
    assert log.refusals == []
    assert sum("is a replica" in record.getMessage() for record in caplog.records) == 1


def test_a_listener_that_closes_when_it_is_refused(redis: RedisProcess, reactor: Reactor) -> None:
    class Closing(DeploymentLog):
        """Gives up."""

        def refused(self, why: str) -> None:
            super().refused(why)
            deployment.close()

    redis.call("CONFIG", "SET", "requirepass", "secret")
    log = Closing()
    deployment = Deployment(reactor, redis.settings(), log)
    turn_until(reactor, lambda: log.refusals)
    settle(reactor)
    assert (log.ups, log.downs, len(log.refusals)) == (0, [], 1)


# --- TLS and passwords


def test_over_tls_with_a_password(tmp_path: Path, reactor: Reactor, log: DeploymentLog) -> None:
    file, key = certificate()
    port = free_port()
    tls = (f"tls-port {port}", f"tls-cert-file {file}", f"tls-key-file {key}", "tls-auth-clients no")
    with running(tmp_path / "redis", *tls, "requirepass secret"):
        address = parse_redis_address(f"rediss://127.0.0.1:{port}/2")
        deployment = Deployment(reactor, ClusterSettings(address=address, ca=file, password="secret"), log)
        turn_until(reactor, lambda: deployment.is_up)
        value = b"x" * 1_000_000
        answered(reactor, deployment.ears(0), "SET", "k", value)
        assert answered(reactor, deployment.commits(0), "GET", "k") == value
        deployment.close()
        untrusted = DeploymentLog()
        other = Deployment(reactor, ClusterSettings(address=address, password="secret"), untrusted)
        turn_until(reactor, lambda: untrusted.refusals)
        assert "self-signed certificate" in untrusted.refusals[0]
        other.close()


# --- sentinels


def test_a_server_counts_once_the_finder_has_confirmed_it(
    redis: RedisProcess, reactor: Reactor, log: DeploymentLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[FixedFinder] = []
    monkeypatch.setattr(FixedFinder, "seek", lambda finder: asked.append(finder))
    deployment = Deployment(reactor, redis.settings(), log)
    layout = whole(Place(path=redis.path))
    deployment.found(layout)
    turn_until(reactor, lambda: len(asked) == 2)
    assert not deployment.is_up
    deployment.found(layout)
    assert deployment.is_up
    deployment.close()


def test_a_failover_is_followed(tmp_path: Path, reactor: Reactor, log: DeploymentLog) -> None:
    with running_sentinel(tmp_path) as (primary, replica, sentinel):
        address = parse_redis_address(f"redis+sentinel://127.0.0.1:{sentinel.port}/main")
        deployment = Deployment(reactor, ClusterSettings(address=address), log)
        turn_until(reactor, lambda: deployment.is_up)
        assert [node.address for node in deployment.nodes()] == [f"127.0.0.1:{primary.port}"]
        answered(reactor, deployment.commits(0), "SET", "k", "v")
        assert answered(reactor, deployment.commits(0), "WAIT", 1, 5000) == 1
        primary.kill()
        turn_until(reactor, lambda: log.ups == 2)
        assert len(log.downs) == 1
        assert [node.address for node in deployment.nodes()] == [f"127.0.0.1:{replica.port}"]
        assert answered(reactor, deployment.commits(0), "GET", "k") == b"v"
        assert answered(reactor, deployment.commits(0), "SET", "k", "w") == b"OK"
        deployment.close()


def test_an_old_primary_that_comes_back_is_not_taken_before_a_sentinel_answers(
    tmp_path: Path, reactor: Reactor, log: DeploymentLog
) -> None:
    with running_sentinel(tmp_path) as (primary, _, sentinel):
        address = parse_redis_address(f"redis+sentinel://127.0.0.1:{sentinel.port}/main")
        deployment = Deployment(reactor, ClusterSettings(address=address), log)
        turn_until(reactor, lambda: deployment.is_up)
        sentinel.pause()
        for kind in ("normal", "pubsub"):
            primary.call("CLIENT", "KILL", "TYPE", kind)
        turn_until(reactor, lambda: log.downs)
        node = next(deployment.nodes())
        turn_until(reactor, lambda: node.is_up)
        assert not deployment.is_up
        sentinel.resume()
        turn_until(reactor, lambda: deployment.is_up)
        deployment.close()


# --- a Redis Cluster


def test_the_lanes_of_a_redis_cluster(tmp_path: Path, reactor: Reactor, log: DeploymentLog) -> None:
    with running_cluster(tmp_path) as (first, second):
        deployment = Deployment(reactor, first.settings(lanes=1), log)  # it has no lane itself
        turn_until(reactor, lambda: deployment.is_up)
        assert [node.address for node in deployment.nodes()] == [f"127.0.0.1:{second.port}"]
        deployment.use_lanes(3)
        assert not deployment.is_up
        turn_until(reactor, lambda: deployment.is_up)
        assert (log.ups, len(log.downs)) == (2, 1)
        for lane in range(3):
            assert answered(reactor, deployment.commits(lane), "SET", f"{{{lane}}}k", lane) == b"OK"
            deployment.ears(lane).tell("SSUBSCRIBE", f"{{{lane}}}c")
            assert answered(reactor, deployment.ears(lane), "SPUBLISH", f"{{{lane}}}c", "1") == 1
        turn_until(reactor, lambda: len(log.pushes) == 3)
        assert deployment.ears(0) is deployment.ears(1)
        assert deployment.ears(0) is not deployment.ears(2)
        assert log.refusals == []

        move(slot_of(2), first, second)
        error = answered(reactor, deployment.commits(2), "SET", "{2}other", "v")
        assert (error.code, type(error)) == ("MOVED", WrongServer)
        turn_until(reactor, lambda: deployment.is_up)
        assert deployment.ears(2) is deployment.ears(0)
        assert answered(reactor, deployment.commits(2), "SET", "{2}other", "v") == b"OK"
        deployment.close()


def test_a_channel_that_moves_to_another_node_is_noticed(tmp_path: Path, reactor: Reactor, log: DeploymentLog) -> None:
    with running_cluster(tmp_path) as (first, second):
        deployment = Deployment(reactor, second.settings(lanes=1), log)
        turn_until(reactor, lambda: deployment.is_up)
        deployment.ears(0).tell("SSUBSCRIBE", "{0}c")
        answered(reactor, deployment.ears(0), "PING")
        move(slot_of(0), second, first)
        turn_until(reactor, lambda: log.ups == 2)  # without a call
        assert [node.address for node in deployment.nodes()] == [f"127.0.0.1:{first.port}"]
        deployment.close()


def move(slot: int, source: RedisProcess, target: RedisProcess) -> None:
    """Move a slot and its keys from one node of a Redis Cluster to another."""
    numbers = {node: node.call("CLUSTER", "MYID") for node in (source, target)}
    assert target.call("CLUSTER", "SETSLOT", slot, "IMPORTING", numbers[source]) == b"OK"
    assert source.call("CLUSTER", "SETSLOT", slot, "MIGRATING", numbers[target]) == b"OK"
    keys = source.call("CLUSTER", "GETKEYSINSLOT", slot, 100)
    if keys:
        assert source.call("MIGRATE", "127.0.0.1", target.port, "", 0, 5000, "KEYS", *keys) == b"OK"
    for node in (target, source):
        assert node.call("CLUSTER", "SETSLOT", slot, "NODE", numbers[target]) == b"OK"
