"""The queue of the writer thread: its order, its bound, and when a disk counts as hanging."""

import pytest

from pylingo.reactor.history.writer_queue import WriterQueue
from pylingo.reactor.history.writer_tasks import Query
from tests.fakes.history import MOST, Thread, batch


@pytest.fixture
def thread() -> Thread:
    return Thread()


@pytest.fixture
def tasks(thread: Thread) -> WriterQueue:
    tasks = WriterQueue(thread.inbox, MOST)
    tasks.check()
    return tasks


def check(tasks: WriterQueue, times: int) -> list[bool]:
    """Whether it hangs, after each check."""
    return [(tasks.check(), tasks.is_hanging)[1] for _ in range(times)]


def test_a_disk_that_does_nothing_for_two_seconds_hangs(tasks):
    assert check(tasks, 10) == [False] * 10  # there is nothing to do
    assert not tasks.is_busy
    tasks.put(batch(1))
    assert tasks.is_busy
    assert check(tasks, 6) == [False] * 4 + [True] * 2
    assert (tasks.checks, tasks.waiting) == (5, 1)


def test_the_opening_is_something_to_do(thread):
    thread.inbox.done = 0
    tasks = WriterQueue(thread.inbox, MOST)
    assert tasks.is_busy
    assert check(tasks, 5)[-1]
    thread.inbox.done = 1
    assert check(tasks, 1) == [False]


def test_a_disk_that_is_slow_and_does_something_does_not_hang(tasks, thread):
    for at in range(60):
        tasks.put(batch(at))
    for _ in range(20):
        assert check(tasks, 3) == [False] * 3
        thread.work(1)


def test_a_machine_that_slept_has_looked_once(tasks):
    """Looks count, and no clock: after a long sleep of the whole process nothing is late."""
    tasks.put(batch(1))
    assert check(tasks, 1) == [False]
    assert tasks.is_busy


def test_what_comes_while_it_hangs_is_held_back_and_given_in_order(tasks, thread):
    tasks.put(batch(1))
    assert check(tasks, 5)[-1]
    for at in range(2, 6):
        tasks.put(batch(at))
    assert len(thread.tasks) == 1
    assert tasks.waiting == 5
    thread.work()
    assert tasks.is_hanging  # until it is looked at
    tasks.put(batch(6))
    assert check(tasks, 1) == [False]
    tasks.put(batch(7))
    thread.work()
    assert thread.stamps == list(range(1, 8))
    assert (tasks.waiting, tasks.lost, tasks.is_busy) == (0, 0, False)


def test_the_oldest_of_what_is_held_back_is_lost_beyond_the_bound(tasks, thread):
    tasks.put(batch(1, 1_000))
    assert check(tasks, 5)[-1]
    lost = [row[0] for at in range(2, 30) for each in tasks.put(batch(at, 1_000)) for row in each.rows]
    assert lost == list(range(2, 21))
    assert (tasks.waiting, tasks.lost) == (10, 19)
    thread.work()
    check(tasks, 1)
    thread.work()
    assert thread.stamps == [1, *range(21, 30)]
    tasks.put(batch(30, 9_500))  # nothing of what is done counts any more
    assert check(tasks, 4) == [False] * 4


def test_a_batch_that_is_larger_than_the_bound_is_no_reason_to_lose_it(tasks, thread):
    tasks.put(batch(1, 2 * MOST))
    check(tasks, 3)
    thread.work()
    assert not any(check(tasks, 10))
    tasks.put(batch(2))
    check(tasks, 5)
    tasks.put(batch(3, 2 * MOST))
    thread.work()
    check(tasks, 1)
    thread.work()
    assert thread.stamps == [1, 2, 3]


def test_a_disk_that_cannot_keep_up_is_treated_like_one_that_hangs(tasks, thread):
    at = 0
    for _ in range(5):
        for _ in range(20):
            tasks.put(batch(at := at + 1, 1_000))
        thread.work(1)
        tasks.check()
    assert tasks.is_hanging
    given = len(thread.tasks)
    tasks.put(batch(at + 1))
    assert len(thread.tasks) == given


def test_questions_that_have_no_answer_are_known_and_those_to_come_go_on(tasks, thread):
    def ask(file: object) -> None: ...

    questions = [Query(ask, lambda: None) for _ in range(3)]  # type: ignore[arg-type, return-value]
    tasks.put(batch(1))
    for question in questions[:2]:
        tasks.put(question)
    thread.work(2)
    tasks.put(questions[2])
    tasks.check()
    assert tasks.unanswered() == questions[1:]


def test_at_the_end_everything_is_given(tasks, thread):
    tasks.put(batch(1))
    check(tasks, 5)
    tasks.put(batch(2))
    tasks.release()
    assert len(thread.tasks) == 2
    thread.work()
    assert thread.stamps == [1, 2]
