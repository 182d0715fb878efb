"""Timers on a clock that the test moves."""

import heapq
import tracemalloc
import weakref

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pylingo.reactor.engine.timers import MOST_DUE, TimerQueue


def fire_due(queue, now):
    """Do the timers' part of one turn of the loop."""
    for callback, args, _ in queue.due(now):
        callback(*args)


# --- order ------------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(st.lists(st.integers(0, 5)))
def test_timers_fire_by_deadline_and_then_in_the_order_of_adding(deadlines):
    queue, fired = TimerQueue(), []
    for index, when in enumerate(deadlines):
        queue.add(when, fired.append, ((when, index),))
    fire_due(queue, 5)
    assert fired == sorted((when, index) for index, when in enumerate(deadlines))
    assert len(queue) == 0


@pytest.mark.parametrize(("now", "names"), [(0.9, []), (1, ["a"]), (1.5, ["a"]), (2, ["a", "b"]), (9, ["a", "b", "c"])])
def test_only_what_is_due_is_taken_out(now, names):
    queue, fired = TimerQueue(), []
    for when, name in ((3, "c"), (1, "a"), (2, "b")):
        queue.add(when, fired.append, (name,))
    fire_due(queue, now)
    assert fired == names
    assert len(queue) == 3 - len(names)
    fire_due(queue, 9)
    assert fired == ["a", "b", "c"], "each fires once"


def test_the_arguments_are_handed_over():
    queue, calls = TimerQueue(), []
    queue.add(1, lambda *args: calls.append(args), (1, "two", None))
    queue.add(1, lambda *args: calls.append(args))
    fire_due(queue, 1)
    assert calls == [(1, "two", None), ()]


def test_a_timer_added_by_a_callback_waits_for_the_next_call_even_if_it_is_overdue():
    queue, fired = TimerQueue(), []
    queue.add(1, lambda: queue.add(0, fired.append, ("added",)))
    fire_due(queue, 1)
    assert fired == []
    fire_due(queue, 1)
    assert fired == ["added"]


def test_the_next_deadline_is_the_earliest_that_is_not_cancelled():
    queue = TimerQueue()
    assert queue.next_deadline() is None
    timers = [queue.add(when, print) for when in (3, 1, 2)]
    assert queue.next_deadline() == 1
    timers[1].cancel()
    assert queue.next_deadline() == 2
    timers[2].cancel()
    timers[0].cancel()
    assert queue.next_deadline() is None
    assert len(queue) == 0


# --- cancelling -------------------------------------------------------------------------------------------------


def test_a_cancelled_timer_never_fires_and_lets_go_of_what_it_held():
    class Held:
        pass

    queue, fired, held = TimerQueue(), [], Held()
    gone = weakref.ref(held)
    timer = queue.add(1, fired.append, (held,))
    del held
    timer.cancel()
    assert gone() is None, "though the timer itself may lie in the heap for long"
    assert timer.call is None
    fire_due(queue, 1)
    assert fired == []


def test_cancelling_twice_counts_once():
    queue = TimerQueue()
    timer, other = queue.add(1, print), queue.add(2, print)
    timer.cancel()
    timer.cancel()
    assert len(queue) == 1
    other.cancel()
    assert len(queue) == 0


def test_cancelling_after_it_fired_changes_nothing():
    queue, fired = TimerQueue(), []
    timer = queue.add(1, fired.append, ("a",))
    queue.add(2, fired.append, ("b",))
    fire_due(queue, 1)
    timer.cancel()
    assert len(queue) == 1, "it is not counted as a cancelled one in the heap"
    fire_due(queue, 2)
    assert fired == ["a", "b"]
    assert len(queue) == 0


def test_one_that_is_due_can_still_be_cancelled_by_an_earlier_one():
    queue, fired = TimerQueue(), []
    queue.add(1, lambda: later.cancel())
    later = queue.add(2, fired.append, ("later",))
    fire_due(queue, 2)
    assert fired == []
    assert len(queue) == 0


def test_a_callback_may_cancel_its_own_timer():
    queue, fired = TimerQueue(), []

    def callback():
        timer.cancel()
        fired.append("once")

    timer = queue.add(1, callback)
    fire_due(queue, 1)
    fire_due(queue, 1)
    assert fired == ["once"]
    assert len(queue) == 0


def test_cancelling_cannot_fill_the_memory():
    queue, fired = TimerQueue(), []
    for index in range(300):
        queue.add(1_000 - index, fired.append, (1_000 - index,))
    tracemalloc.start()
    try:
        for index in range(30_000):
            queue.add(10 + index, print).cancel()
        used, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert used < 300_000, "30,000 timers take several megabytes"
    assert len(queue) == 300
    assert queue.next_deadline() == 701
    while queue:
        fire_due(queue, 1_000)
    assert fired == list(range(701, 1_001)), "a rebuilt heap still knows the order"


def test_timers_that_are_not_cancelled_hardly_ever_have_the_heap_rebuilt(monkeypatch):
    sizes = []
    heapify = heapq.heapify
    monkeypatch.setattr(heapq, "heapify", lambda heap: sizes.append(len(heap)) or heapify(heap))
    queue = TimerQueue()
    for number in range(5_000):
        queue.add(number, print)
    assert sizes == [256, 512, 1_024, 2_048, 4_096]


@settings(deadline=None)
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("add"), st.integers(0, 50)),
            st.tuples(st.just("add many and cancel them"), st.integers(200, 600)),
            st.tuples(st.just("cancel"), st.integers(0, 1_000)),
            st.tuples(st.just("advance"), st.integers(0, 10)),
        ),
        max_size=30,
    )
)
def test_any_sequence_does_what_a_sorted_list_would(steps):
    queue, fired, expected = TimerQueue(), [], []
    model, timers, now, serial = [], [], 0, 0
    for step, value in steps:
        if step == "add":
            serial += 1
            timers.append((queue.add(now + value, fired.append, (serial,)), serial))
            heapq.heappush(model, (now + value, serial))
        elif step == "add many and cancel them":
            for timer in [queue.add(now + index % 60, fired.append, (None,)) for index in range(value)]:
                timer.cancel()
        elif step == "cancel" and timers:
            timer, number = timers[value % len(timers)]
            timer.cancel()
            model = sorted(entry for entry in model if entry[1] != number)
        elif step == "advance":
            now += value
            fire_due(queue, now)
            while model and model[0][0] <= now:
                expected.append(heapq.heappop(model)[1])
        assert fired == expected
        assert len(queue) == len(model)
        assert queue.next_deadline() == (model[0][0] if model else None)


def test_many_that_are_due_at_once_are_shared_by_several_calls():
    queue = TimerQueue()
    fired = []
    for number in range(2 * MOST_DUE + 1):
        queue.add(5, fired.append, (number,))
    for count in (MOST_DUE, 2 * MOST_DUE, 2 * MOST_DUE + 1):
        assert queue.next_deadline() == 5
        fire_due(queue, 5)
        assert fired == list(range(count))
    assert queue.next_deadline() is None
