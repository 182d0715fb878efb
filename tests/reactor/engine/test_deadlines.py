"""Deadlines on a clock that the test moves."""

import math
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pylingo.reactor.engine.deadlines import MOST_CHECKS, STEP, DeadlineWheel
from pylingo.reactor.engine.loop import Reactor
from tests.fakes.clock import Clock
from tests.fakes.selector import Selector


class Watched:
    """Notes when it is looked at, and answers with the next of the delays it was given."""

    def __init__(self, *delays, on_look=lambda: None):
        self.shelf = None
        self.looks, self.errors, self.delays, self.on_look = [], [], list(delays), on_look

    def check(self, now):
        self.looks.append(now)
        self.on_look()
        return self.delays.pop(0) if self.delays else None

    def fail(self, error):
        self.errors.append(error)


@pytest.fixture
def watch(reactor):
    return DeadlineWheel(reactor)


def pass_time(reactor, clock, seconds, step=0.05):
    """Let time pass in small steps."""
    end = clock.now + seconds
    while clock.now < end - 1e-9:
        clock.now = min(clock.now + step, end)
        reactor.tick(0)


@pytest.mark.parametrize("delay", [0, 0.01, STEP, 0.3, 1, 10.1])
@pytest.mark.parametrize("start", [1_000.0, 1_000.1, 1_000.24, 0.0, 123_456.789])
def test_one_is_looked_at_once_in_time(reactor, clock, watch, start, delay):
    clock.now = start
    reactor.tick(0)
    watched = Watched()
    watch.add(watched, delay)
    pass_time(reactor, clock, delay + 5, step=0.01)
    assert len(watched.looks) == 1
    assert start + delay <= watched.looks[0] <= start + delay + STEP + 0.011


def test_one_is_looked_at_again_as_it_asks(reactor, clock, watch):
    watched = Watched(2.0, 1.0, 5.0)
    watch.add(watched, 1.0)
    pass_time(reactor, clock, 20)
    gaps = [after - before for before, after in zip([1_000.0, *watched.looks], watched.looks, strict=False)]
    assert gaps == [pytest.approx(gap, abs=STEP + 0.051) for gap in (1, 2, 1, 5)]
    assert all(gap >= least for gap, least in zip(gaps, (1, 2, 1, 5), strict=True))


def test_all_members_are_known(watch):
    crowd = [Watched() for _ in range(5)]
    assert watch.members() == []
    for number, watched in enumerate(crowd):
        watch.add(watched, number % 3)
    assert sorted(watch.members(), key=id) == sorted(crowd, key=id)
    watch.discard(crowd[0])
    assert crowd[0] not in watch.members()


def test_one_may_ask_to_be_looked_at_again_at_once(reactor, clock, watch):
    watched = Watched(0.0, 0)
    watch.add(watched, 0.0)
    pass_time(reactor, clock, 5)
    assert len(watched.looks) == 3


def test_the_time_handed_over_is_that_of_the_tick(reactor, clock, watch):
    watched = Watched()
    watch.add(watched, 1.0)
    clock.now += 100  # the process was stopped, say
    reactor.tick(0)
    assert watched.looks == [1_100.0]


def test_those_of_one_slot_share_a_timer(reactor, clock, watch):
    """A timer each would cost more than the bytes."""
    crowd = [Watched() for _ in range(1_000)]
    for watched in crowd:
        watch.add(watched, 10.0)
    assert reactor.pending_timers == 1
    pass_time(reactor, clock, 11)
    assert all(len(watched.looks) == 1 for watched in crowd)
    assert reactor.pending_timers == 0


def test_the_timers_are_as_many_as_the_slots_however_many_come_and_go(reactor, clock, watch):
    for _ in range(200):
        for _ in range(20):
            watched = Watched()
            watch.add(watched, 10.0)
            watch.discard(watched)
        pass_time(reactor, clock, STEP)
        assert reactor.pending_timers <= 10 / STEP + 2
    pass_time(reactor, clock, 11)
    assert reactor.pending_timers == 0
    assert watch.members() == []


def test_nothing_is_left_of_slots_that_have_passed(reactor, clock, watch):
    watch.add(Watched(*[STEP] * 5_000), STEP)
    pass_time(reactor, clock, 10, STEP)
    tracemalloc.start()
    try:
        pass_time(reactor, clock, 500, STEP)
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taken < 100_000


def test_a_crowd_of_one_slot_is_shared_by_several_ticks(reactor, clock, watch):
    crowd = [Watched() for _ in range(2 * MOST_CHECKS + 1)]
    for watched in crowd:
        watch.add(watched, 1.0)
    clock.now += 1.0 + STEP
    for count in (MOST_CHECKS, 2 * MOST_CHECKS, 2 * MOST_CHECKS + 1):
        reactor.tick(0)
        assert sum(len(watched.looks) for watched in crowd) == count
    reactor.tick(0)
    assert watch.members() == []
    assert all(len(watched.looks) == 1 for watched in crowd)


def test_one_who_is_discarded_is_never_looked_at(reactor, clock, watch):
    gone, here = Watched(), Watched()
    for watched in (gone, here):
        watch.add(watched, 1.0)
    watch.discard(gone)
    watch.discard(gone)
    pass_time(reactor, clock, 5)
    assert gone.looks == []
    assert len(here.looks) == 1
    watch.discard(here)  # long after its last look


def test_one_who_is_discarded_by_another_of_its_slot_is_not_looked_at(reactor, clock, watch):
    """A deadline of one may end others too; whichever is looked at first must be the only one."""
    pair = []
    for index in range(2):
        pair.append(Watched(1.0, 1.0, 1.0, on_look=lambda index=index: watch.discard(pair[1 - index])))
    for watched in pair:
        watch.add(watched, 1.0)
    pass_time(reactor, clock, 2)
    assert sorted(bool(watched.looks) for watched in pair) == [False, True]


def test_one_who_is_discarded_by_its_own_look_is_not_looked_at_again(reactor, clock, watch):
    watched = Watched(1.0, 1.0, on_look=lambda: watch.discard(watched))
    watch.add(watched, 1.0)
    pass_time(reactor, clock, 10)
    assert len(watched.looks) == 1


def test_a_peer_added_by_a_check_is_checked_in_its_turn(reactor, clock, watch):
    late = Watched()
    watch.add(Watched(on_look=lambda: watch.add(late, 0.0)), 1.0)
    pass_time(reactor, clock, 5)
    assert len(late.looks) == 1


def test_a_failing_look_fails_that_one_alone(reactor, clock, watch, caplog):
    crowd = [Watched(1.0, on_look=lambda index=index: index == 2 and 1 / 0) for index in range(5)]
    for watched in crowd:
        watch.add(watched, 1.0)
    pass_time(reactor, clock, 10)
    assert [len(watched.looks) for watched in crowd] == [2, 2, 1, 2, 2]
    assert [len(watched.errors) for watched in crowd] == [0, 0, 1, 0, 0]
    assert isinstance(crowd[2].errors[0], ZeroDivisionError)
    assert caplog.text.count("Traceback") == 1


def test_even_one_that_fails_to_fail_does_not_keep_the_others_from_being_looked_at(reactor, clock, watch, caplog):
    class Hopeless(Watched):
        def fail(self, error):
            raise RuntimeError("a bug behind a bug")

    crowd = [Hopeless(on_look=lambda: 1 / 0), *(Watched() for _ in range(20))]
    for watched in crowd:
        watch.add(watched, 1.0)
    pass_time(reactor, clock, 5)
    assert "a bug behind a bug" in caplog.text
    assert [len(watched.looks) for watched in crowd] == [1] * 21


@settings(deadline=None)
@given(
    st.floats(0, 1e6, allow_nan=False),
    st.lists(st.floats(0, 30, allow_nan=False), min_size=1, max_size=8),
    st.floats(0.01, 0.6),
)
def test_any_deadline_is_found_no_earlier_and_at_most_a_step_late(start, delays, step):
    """Whatever the clock shows, and however its readings fall."""
    clock = Clock()
    clock.now = start
    reactor = Reactor(clock=clock, most_late=math.inf)
    try:
        watch = DeadlineWheel(reactor)
        crowd = [(Watched(), delay) for delay in delays]
        for watched, delay in crowd:
            watch.add(watched, delay)
        while clock.now < start + 31:
            clock.now += step
            reactor.tick(0)
        for watched, delay in crowd:
            (look,) = watched.looks
            assert start + delay - 1e-6 <= look <= start + delay + STEP + step + 1e-6
    finally:
        reactor.close()


@settings(deadline=None)
@given(
    st.floats(0, 10, allow_nan=False) | st.floats(0, 1e9, allow_nan=False),
    st.lists(st.floats(0, 3, allow_nan=False), min_size=1, max_size=5),
    st.booleans(),
)
def test_nobody_is_looked_at_twice_in_a_tick_however_little_time_they_ask_for(start, delays, again):
    """A deadline may be missed by a rounding error, and asked for again at no distance at all."""
    clock = Clock()
    clock.now = start
    selector = Selector()
    selector.before_select = lambda timeout: clock.advance(max(1e-6, min(1 if timeout is None else timeout, 1)))
    reactor = Reactor(clock=clock, selector=selector, most_late=math.inf)

    class Impatient(Watched):
        def check(self, now):
            assert now not in self.looks
            self.looks.append(now)
            return max(0.0, self.deadline - now) if again or now < self.deadline else None

    try:
        watch = DeadlineWheel(reactor)
        crowd = [Impatient() for _ in delays]
        for watched, delay in zip(crowd, delays, strict=True):
            watched.deadline = start + delay
            watch.add(watched, delay)
        while clock.now < start + 4:
            reactor.tick()
        assert all(watched.looks and not watched.errors for watched in crowd)
    finally:
        reactor.close()
