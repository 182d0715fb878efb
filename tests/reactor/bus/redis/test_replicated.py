"""Commands whose replies wait for replicas: one WAIT for many, an error at once, and a connection that breaks."""

from typing import Any

import pytest

from pylingo.reactor.bus.redis.link import LinkLost, RedisError
from pylingo.reactor.bus.redis.replicated import ReplicatedLinks
from pylingo.reactor.bus.redis.waiting import Replicas
from tests.fakes.clock import Clock

LOST = LinkLost("the connection broke")


class Far:
    """The one connection for commits, on which a test replies by hand."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, tuple[Any, ...]]] = []
        self.answers: list[Any] = []

    def commits(self, lane: int) -> "Far":
        return self

    def call(self, answer: Any, *args: bytes | str | int) -> None:
        self.calls.append((answer, args))

    def reply(self, *replies: Any) -> None:
        """Reply to the oldest calls."""
        for reply in replies:
            answer, _ = self.calls.pop(0)
            answer(reply)

    @property
    def commands(self) -> list[Any]:
        return [args[0] for _, args in self.calls]


@pytest.fixture
def far() -> Far:
    return Far()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def links(far: Far, clock: Clock) -> ReplicatedLinks:
    return ReplicatedLinks(far, Replicas(far, 1, lambda flight: None), clock)


def test_a_reply_is_given_when_enough_replicas_have_it(far: Far, links: ReplicatedLinks) -> None:
    links.ears(0).call(far.answers.append, "SET", "a", 1)
    assert far.commands == ["SET", "WAIT"]
    far.reply(b"OK", 0)
    assert (far.answers, far.commands) == ([], ["WAIT"])
    far.reply(1)
    assert (far.answers, far.commands) == ([b"OK"], [])


def test_what_is_sent_behind_a_wait_has_the_next_one_together(far: Far, links: ReplicatedLinks) -> None:
    for key in "abc":
        links.ears(0).call(far.answers.append, "SET", key, 1)
    assert far.commands == ["SET", "WAIT", "SET", "SET"]
    far.reply("a", 1, "b", "c")
    assert (far.answers, far.commands) == (["a"], ["WAIT"])
    far.reply(1)
    assert far.answers == ["a", "b", "c"]


def test_an_error_is_told_at_once_and_once(far: Far, links: ReplicatedLinks) -> None:
    links.ears(0).call(far.answers.append, "SET", "a", 1)
    error = RedisError("OOM no memory")
    far.reply(error)
    assert far.answers == [error]
    far.reply(1)
    assert far.answers == [error]


def test_a_connection_that_breaks_leaves_nobody_waiting(far: Far, links: ReplicatedLinks) -> None:
    """Redis may have done it or not: the caller asks again."""
    for key in "ab":
        links.ears(0).call(far.answers.append, "SET", key, 1)
    far.reply("a", LOST, LOST, LOST)
    assert (far.answers, far.commands) == ([LOST, LOST], [])


def test_the_lag_is_that_of_the_oldest_command(far: Far, links: ReplicatedLinks, clock: Clock) -> None:
    assert links.lag == 0
    links.ears(0).call(None, "SET", "a", 1)
    clock.advance(3)
    links.ears(1).call(None, "SET", "b", 1)
    assert links.lag == 3
    far.reply("a", 1)
    assert links.lag == 0
