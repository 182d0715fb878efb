"""A server's connections to a real Redis that comes and goes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pylingo.reactor.bus.redis.deployment import Deployment
from pylingo.reactor.bus.redis.link import LinkLost
from pylingo.reactor.engine.loop import Reactor
from tests.fakes.redis_listeners import DeploymentLog, answered, settle, turn_until
from tests.redis_server import RedisProcess, need_redis, running


@pytest.fixture
def reactor() -> Iterator[Reactor]:
    made = Reactor()
    yield made
    settle(made)
    made.close()


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
    assert answered(reactor, deployment.ears(5), "PING") == b"PONG"
    assert [node.address for node in deployment.nodes()] == [redis.path]


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
