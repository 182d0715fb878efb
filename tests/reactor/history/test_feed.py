"""What waits for the disk: noticed when it takes too long, within a bound, and in order."""

from collections import deque

import pytest

from pylingo.reactor.history.feed import Feed
from pylingo.reactor.history.store import Row
from pylingo.reactor.history.tasks import Batch, Question, Task

MOST = 10_000


class Thread:
    """Does its tasks when the test says so."""

    def __init__(self) -> None:
        self.done = 1  # the opening
        self.tasks: deque[Task] = deque()
        self.stamps: list[int] = []

    def put(self, task: Task) -> None:
        self.tasks.append(task)

    def work(self, count: int | None = None) -> None:
        for _ in range(len(self.tasks) if count is None else count):
            task = self.tasks.popleft()
            self.done += 1
            if isinstance(task, Batch):
                self.stamps += [row[0] for row in task.rows]


@pytest.fixture
def thread() -> Thread:
    return Thread()


@pytest.fixture
def feed(thread: Thread) -> Feed:
    feed = Feed(thread, MOST)
    feed.look()
    return feed


def row(at: int) -> Row:
    return at, "tea", "alice", "hi", None, None


def batch(at: int, size: int = 100) -> Batch:
    return Batch([row(at)], size=size)


def look(feed: Feed, times: int) -> list[bool]:
    """Whether it hangs, after each look."""
    return [(feed.look(), feed.is_hanging)[1] for _ in range(times)]


def test_a_disk_that_does_nothing_for_two_seconds_hangs(feed):
    assert look(feed, 10) == [False] * 10  # there is nothing to do
    assert not feed.is_busy
    feed.put(batch(1))
    assert feed.is_busy
    assert look(feed, 6) == [False] * 4 + [True] * 2
    assert (feed.looks, feed.waiting) == (5, 1)


def test_the_opening_is_something_to_do(thread):
    thread.done = 0
    feed = Feed(thread, MOST)
    assert feed.is_busy
    assert look(feed, 5)[-1]
    thread.done = 1
    assert look(feed, 1) == [False]


def test_a_disk_that_is_slow_and_does_something_does_not_hang(feed, thread):
    for at in range(60):
        feed.put(batch(at))
    for _ in range(20):
        assert look(feed, 3) == [False] * 3
        thread.work(1)


def test_a_machine_that_slept_has_looked_once(feed):
    """Looks count, and no clock: after a long sleep of the whole process nothing is late."""
    feed.put(batch(1))
    assert look(feed, 1) == [False]
    assert feed.is_busy


def test_what_comes_while_it_hangs_is_held_back_and_given_in_order(feed, thread):
    feed.put(batch(1))
    assert look(feed, 5)[-1]
    for at in range(2, 6):
        feed.put(batch(at))
    assert len(thread.tasks) == 1
    assert feed.waiting == 5
    thread.work()
    assert feed.is_hanging  # until it is looked at
    feed.put(batch(6))
    assert look(feed, 1) == [False]
    feed.put(batch(7))
    thread.work()
    assert thread.stamps == list(range(1, 8))
    assert (feed.waiting, feed.lost, feed.is_busy) == (0, 0, False)


def test_the_oldest_of_what_is_held_back_is_lost_beyond_the_bound(feed, thread):
    feed.put(batch(1, 1_000))
    assert look(feed, 5)[-1]
    lost = [row[0] for at in range(2, 30) for each in feed.put(batch(at, 1_000)) for row in each.rows]
    assert lost == list(range(2, 21))
    assert (feed.waiting, feed.lost) == (10, 19)
    thread.work()
    look(feed, 1)
    thread.work()
    assert thread.stamps == [1, *range(21, 30)]
    feed.put(batch(30, 9_500))  # nothing of what is done counts any more
    assert look(feed, 4) == [False] * 4


def test_a_batch_that_is_larger_than_the_bound_is_no_reason_to_lose_it(feed, thread):
    feed.put(batch(1, 2 * MOST))
    look(feed, 3)
    thread.work()
    assert not any(look(feed, 10))
    feed.put(batch(2))
    look(feed, 5)
    feed.put(batch(3, 2 * MOST))
    thread.work()
    look(feed, 1)
    thread.work()
    assert thread.stamps == [1, 2, 3]


def test_a_disk_that_cannot_keep_up_is_treated_like_one_that_hangs(feed, thread):
    at = 0
    for _ in range(5):
        for _ in range(20):
            feed.put(batch(at := at + 1, 1_000))
        thread.work(1)
        feed.look()
    assert feed.is_hanging
    given = len(thread.tasks)
    feed.put(batch(at + 1))
    assert len(thread.tasks) == given


def test_questions_that_have_no_answer_are_known_and_those_to_come_go_on(feed, thread):
    def ask(file: object) -> None: ...

    questions = [Question(ask, lambda: None) for _ in range(3)]  # type: ignore[arg-type, return-value]
    feed.put(batch(1))
    for question in questions[:2]:
        feed.put(question)
    thread.work(2)
    feed.put(questions[2])
    feed.look()
    assert feed.unsettled() == questions[1:]


def test_at_the_end_everything_is_given(feed, thread):
    feed.put(batch(1))
    look(feed, 5)
    feed.put(batch(2))
    feed.release()
    assert len(thread.tasks) == 2
    thread.work()
    assert thread.stamps == [1, 2]
