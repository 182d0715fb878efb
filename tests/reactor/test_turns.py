"""Who comes first, who waits, and what that costs."""

import functools
from collections.abc import Iterator

import pytest

from reactor.engine.loop import Reactor
from reactor.turns import Turns


@pytest.fixture
def reactor() -> Iterator[Reactor]:
    reactor = Reactor()
    yield reactor
    reactor.close()


class Queue:
    """Peers with some dear things to do each, and in which tick they did them."""

    def __init__(self, reactor: Reactor) -> None:
        self.reactor = reactor
        self.turns = Turns(reactor)
        self.done: list[tuple[int, str]] = []
        self.calls = 0

    def add(self, name: str, count: int = 1) -> None:
        """In the next tick, and before what was left over for it, as with what comes from sockets."""
        self.reactor.call_later(0, self._go_on, name, count)

    def tick(self, count: int) -> list[str]:
        for _ in range(count):
            self.reactor.tick(0)
        return [name for _, name in self.done]

    def _go_on(self, name: str, count: int) -> None:
        self.calls += 1
        while count and self.turns.take(functools.partial(self._go_on, name, count)):
            count -= 1
            self.done.append((self.reactor.ticks, name))


@pytest.fixture
def queue(reactor: Reactor) -> Queue:
    return Queue(reactor)


def test_the_first_in_a_tick_does_not_wait(queue: Queue):
    queue.add("ada")
    assert queue.tick(1) == ["ada"]
    queue.add("bob")
    assert queue.tick(1) == ["ada", "bob"]


def test_one_in_a_tick_one_peer_after_the_other(queue: Queue):
    queue.add("ada", 3)
    queue.add("bob", 2)
    queue.add("cyd", 1)
    assert queue.tick(9) == ["ada", "ada", "bob", "cyd", "ada", "bob"]
    assert [tick for tick, _ in queue.done] == list(range(6))


def test_who_comes_later_does_not_overtake(queue: Queue):
    for name in "abc":
        queue.add(name)
    queue.tick(1)
    queue.add("d")
    assert queue.tick(9) == ["a", "b", "c", "d"]


def test_a_tick_costs_the_same_however_many_wait(queue: Queue):
    for number in range(1_000):
        queue.add(str(number))
    queue.tick(1)
    calls = queue.calls
    for turn in range(1, 1_000):
        queue.tick(1)
        assert queue.calls == calls + turn
    assert len(queue.done) == 1_000


@pytest.mark.parametrize("leave", ["quietly", "with an error"])
def test_who_needs_the_turn_no_more_leaves_it_to_the_next(queue: Queue, leave: str, caplog: pytest.LogCaptureFixture):
    def gone() -> None:
        if leave != "quietly":
            raise ValueError("a bug")

    queue.add("ada")
    queue.reactor.call_later(0, queue.turns.take, gone)
    queue.reactor.call_later(0, queue.turns.take, gone)
    queue.add("bob")
    assert queue.tick(1) == ["ada"]
    assert queue.tick(1) == ["ada", "bob"]
    assert len(caplog.records) == (0 if leave == "quietly" else 2)
    queue.add("cyd")
    assert queue.tick(1) == ["ada", "bob", "cyd"]


def test_when_nobody_waits_the_loop_sleeps(queue: Queue, reactor: Reactor):
    timeouts: list[float | None] = []
    select = reactor._selector.select
    queue.add("ada", 2)
    queue.tick(3)
    reactor._selector.select = lambda timeout=None: timeouts.append(timeout) or select(0)  # type: ignore[method-assign,func-returns-value]
    reactor.tick()
    assert timeouts == [None]
