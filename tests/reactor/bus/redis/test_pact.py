"""What the servers of a cluster share: whether they are encrypted, and one first invitation."""

from collections.abc import Iterator
from typing import Any

import pytest

from pylingo.reactor.bus.redis.deployment import Deployment
from pylingo.reactor.bus.redis.keys import Keys
from pylingo.reactor.bus.redis.pact import Pact
from pylingo.reactor.engine.loop import Reactor
from tests.fakes.redis_listeners import DeploymentLog, settle, turn_until
from tests.redis_server import RedisProcess

PIN = "SHA256:" + "A" * 43


class Asked:
    """A pact whose answers are returned."""

    def __init__(self, reactor: Reactor, pact: Pact) -> None:
        self._reactor = reactor
        self._pact = pact

    def _wait(self, answers: list[Any]) -> Any:
        turn_until(self._reactor, lambda: answers)
        return answers[0]

    def join(self, is_encrypted: bool = True, is_excused: bool = False) -> str:
        answers: list[str] = []
        self._pact.join(is_encrypted, is_excused, answers.append)
        sentence: str = self._wait(answers)
        return sentence

    def found(self) -> bool:
        answers: list[bool] = []
        self._pact.found(answers.append)
        is_first: bool = self._wait(answers)
        return is_first

    def certificate(self) -> str | None:
        answers: list[str | None] = []
        self._pact.certificate(answers.append)
        turn_until(self._reactor, lambda: answers)
        return answers[0]


@pytest.fixture
def pact(redis: RedisProcess) -> Iterator[Asked]:
    reactor = Reactor()
    deployment = Deployment(reactor, redis.settings(), DeploymentLog())
    turn_until(reactor, lambda: deployment.is_up)
    yield Asked(reactor, Pact(deployment.ears(0), Keys()))
    deployment.close()
    settle(reactor)
    reactor.close()


def test_no_server_without_tls_joins_encrypted_ones(pact: Asked) -> None:
    assert pact.join(is_encrypted=False) == ""
    assert [pact.join(), pact.join()] == ["", ""]
    words = "the servers of this cluster are encrypted, and this one is not: copy cert.pem and key.pem from "
    assert pact.join(is_encrypted=False).startswith(words)
    assert pact.join(is_encrypted=False, is_excused=True) == ""


def test_the_certificate_of_the_charter(pact: Asked, redis: RedisProcess) -> None:
    assert pact.certificate() is None
    redis.call("HSET", Keys().key(0, "config"), "certificate", PIN)
    assert pact.certificate() == PIN


def test_only_the_first_founds(pact: Asked) -> None:
    assert [pact.found(), pact.found(), pact.found()] == [True, False, False]


def test_a_refusal_of_redis_is_told(pact: Asked, redis: RedisProcess) -> None:
    redis.call("SET", Keys().key(0, "config"), "x")
    words = "Redis does not say what the servers of this cluster share: WRONGTYPE"
    assert pact.join().startswith(words)
    assert pact.join(is_encrypted=False, is_excused=True).startswith(words)
    assert not pact.found()
    assert pact.certificate() is None
