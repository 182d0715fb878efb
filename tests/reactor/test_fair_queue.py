"""The order of a fair queue: turns, waiting, and the cost of both."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pylingo.reactor.engine.loop import Reactor
from pylingo.reactor.engine.timers import MOST_DUE
from pylingo.reactor.fair_queue import BUDGET, SECONDS, FairQueue, cost_of
from tests.fakes.clock import Clock
from tests.fakes.selector import Selector


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def reactor(clock: Clock) -> Iterator[Reactor]:
    reactor = Reactor(clock)
    yield reactor
    reactor.close()


class Desk:
    """Peers with requests, and in which tick they were handled."""

    def __init__(self, reactor: Reactor) -> None:
        self.reactor = reactor
        self.queue: FairQueue[Any] = FairQueue(reactor)
        self.done: list[tuple[int, str]] = []
        self.turns = 0

    def tick(self, count: int = 1) -> list[str]:
        """The names of the peers served in `count` ticks, in order."""
        before = len(self.done)
        for _ in range(count):
            self.reactor.tick(0)
        return [name for _, name in self.done[before:]]


class Peer:
    def __init__(self, desk: Desk, name: str, work: Callable[[], object] = lambda: None) -> None:
        self.used = 0.0
        self._desk = desk
        self._name = name
        self._work = work
        self.costs: list[float] = []

    def ask(self, *costs: float) -> None:
        """In the next tick, and before what was left over for it, as with what comes from sockets."""
        self._desk.reactor.call_later(0, self._came, costs)

    def _came(self, costs: tuple[float, ...]) -> None:
        is_new = not self.costs
        self.costs += costs
        if is_new:
            self._go_on()

    def take_turn(self) -> None:
        self._desk.turns += 1
        self._go_on()

    def _go_on(self) -> None:
        while self.costs and self._desk.queue.admit(self, self.costs[0]):
            self._work()
            self._desk.queue.charge(self, self.costs.pop(0))
            self._desk.done.append((self._desk.reactor.ticks, self._name))


@pytest.fixture
def desk(reactor: Reactor) -> Desk:
    return Desk(reactor)


def test_a_request_costs_more_for_each_byte_that_may_begin_a_map_or_an_array():
    containers = {*range(0x80, 0xA0), *range(0xDC, 0xE0)}  # those with their size in the byte, and with one behind it
    plain = cost_of(b"a" * 100)
    assert 11 < plain < 12
    for code in range(256):
        more = cost_of(bytes([code]) * 100) - plain
        assert more == pytest.approx(12 if code in containers else 0)


def test_work_that_fits_the_budget_does_not_wait(desk: Desk):
    ada, bob = Peer(desk, "ada"), Peer(desk, "bob")
    ada.ask(*[BUDGET / 5] * 2)
    bob.ask(*[BUDGET / 5] * 3)
    assert desk.tick() == ["ada", "ada", "bob", "bob", "bob"]


@pytest.mark.parametrize("cost", [10.0, 100.0, 569.0, 1_000.0])
def test_a_tick_has_one_budget_whatever_one_request_costs(desk: Desk, cost: float):
    """Frames just below a threshold cost no less than those above it."""
    for number in range(1_000):
        Peer(desk, str(number)).ask(*[cost] * 2)
    for _ in range(20):
        assert (len(desk.tick()) - 1) * cost <= BUDGET


def test_everybody_gets_the_same_work_done_and_not_the_same_number(desk: Desk):
    cheap, dear = Peer(desk, "cheap"), Peer(desk, "dear")
    dear.ask(*[BUDGET] * 100)
    cheap.ask(*[BUDGET / 10] * 1_000)
    desk.tick(40)
    done = desk.tick(40)
    assert done.count("cheap") == pytest.approx(10 * done.count("dear"), rel=0.2)


def test_a_cheap_request_overtakes_the_dear_ones_of_a_thousand(desk: Desk):
    for number in range(1_000):
        Peer(desk, str(number)).ask(*[500.0] * 10)
    desk.tick(1_000 // MOST_DUE)
    ping = Peer(desk, "ping")
    for _ in range(40):  # all of them together cost less than one of the others
        ping.ask(10.0)
        assert desk.tick()[0] == "ping"


def test_a_peer_that_asked_much_while_alone_is_not_put_back_for_long(desk: Desk):
    ada, bob = Peer(desk, "ada"), Peer(desk, "bob")
    ada.ask(*[BUDGET] * 100)
    desk.tick(120)
    assert ada.costs == []
    for peer in (bob, ada):
        peer.ask(*[BUDGET] * 20)
    assert "ada" in desk.tick(6)


def test_a_peer_that_asked_much_when_nobody_else_did_is_a_little_behind(desk: Desk):
    ada, bob, cyd = (Peer(desk, name) for name in ("ada", "bob", "cyd"))
    ada.ask(BUDGET)
    desk.tick()
    cyd.ask(BUDGET)
    ada.ask(100.0)
    bob.ask(1_000.0)
    assert desk.tick() == ["cyd"]
    assert desk.tick() == ["bob", "ada"]


def test_a_peer_that_was_quiet_for_long_does_not_delay_the_others_for_long(desk: Desk):
    ada, bob = Peer(desk, "ada"), Peer(desk, "bob")
    ada.ask(*[BUDGET] * 100)
    desk.tick(50)
    bob.ask(*[BUDGET] * 50)
    assert "ada" in desk.tick(6)


def test_a_tick_costs_the_same_however_many_wait(desk: Desk):
    for number in range(1_000):
        Peer(desk, str(number)).ask(BUDGET)
    desk.tick()
    for turn in range(1, 1_000):
        desk.tick()
        assert desk.turns == turn
    assert len(desk.done) == 1_000


def test_time_that_no_count_foresees_ends_the_turn_too_and_one_is_handled_in_each_tick(desk: Desk, clock: Clock):
    def take_long() -> None:
        clock.now += 2 * SECONDS

    for number in range(10):
        Peer(desk, str(number), take_long).ask(1.0)
    assert [len(desk.tick()) for _ in range(10)] == [1] * 10


@pytest.mark.parametrize("leave", ["quietly", "with an error"])
def test_a_turn_that_is_not_needed_goes_to_the_next_peer(desk: Desk, leave: str, caplog: pytest.LogCaptureFixture):
    def gone() -> None:
        if leave != "quietly":
            raise ValueError("a bug")

    ada, bob, cyd = (Peer(desk, name) for name in ("ada", "bob", "cyd"))
    ada.ask(BUDGET)
    bob.ask(1.0)
    cyd.ask(2.0)
    assert desk.tick() == ["ada"]
    bob.take_turn = gone  # type: ignore[method-assign]
    assert desk.tick() == ["cyd"]
    assert len(caplog.records) == (0 if leave == "quietly" else 1)
    ada.ask(1.0)
    assert desk.tick() == ["ada"]


def test_a_turn_that_was_not_used_is_not_kept(desk: Desk):
    ada, bob = Peer(desk, "ada"), Peer(desk, "bob")
    bob.ask(BUDGET)
    ada.ask(1.0)
    assert desk.tick() == ["bob"]
    ada.take_turn = lambda: None  # type: ignore[method-assign]
    assert desk.tick() == []
    ada.costs.clear()
    bob.ask(BUDGET)
    ada.ask(1.0)
    assert desk.tick() == ["bob"]


def test_when_nobody_waits_the_loop_sleeps(clock: Clock):
    selector = Selector()
    reactor = Reactor(clock, selector)
    desk = Desk(reactor)
    Peer(desk, "ada").ask(BUDGET, BUDGET)
    desk.tick(3)
    selector.asked.clear()
    reactor.tick()
    assert selector.asked == [None]
    reactor.close()


def test_while_what_was_said_is_still_sent_little_more_is_handled(desk: Desk, reactor: Reactor):
    """Or the queues would grow until members who read well are left out."""
    for number in range(100):
        Peer(desk, str(number)).ask(*[BUDGET / 50] * 3)
    assert len(desk.tick()) == 50
    reactor.is_behind = True
    assert len(desk.tick()) == 5
    assert len(desk.tick()) == 50  # nothing was left over this time
