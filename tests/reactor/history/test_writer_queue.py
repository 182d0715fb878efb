"""The writer thread's tasks and their queue: its order, its bound, when a disk counts as hanging, and the reports."""

import logging
import re

import pytest

from pylingo.reactor.history.writer_queue import HangAlerts, Inbox, Query, Stop, WriteBatch, WriterQueue
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


def test_tasks_that_come_while_it_hangs_are_held_back_and_given_in_order(tasks, thread):
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


# --- tasks


def test_a_query_is_answered_once():
    answers: list[str] = []
    query = Query(lambda file: lambda: answers.append("file"), lambda: answers.append("memory"))
    query.settle(query.fallback)
    query.settle(lambda: answers.append("file"))
    assert answers == ["memory"]
    assert query.is_settled


def test_batches_share_nothing():
    WriteBatch().committed.append(lambda: None)
    assert WriteBatch() == WriteBatch([], [], [], None, 0)


def test_an_inbox_gives_tasks_in_their_order_and_one_that_was_put_back_first():
    inbox = Inbox()
    assert inbox.take() is None
    tasks = [WriteBatch(), Stop()]
    for task in tasks:
        inbox.put(task)
    inbox.put_back(inbox.take())
    inbox.done += 1
    assert [inbox.take(), inbox.take(), inbox.take(0.01)] == [*tasks, None]
    assert inbox.done == 1


# --- the reports of a disk that hangs


class Desk:
    """An alarm, and what it has announced."""

    def __init__(self) -> None:
        self.thread = Thread()
        self.tasks = WriterQueue(self.thread.inbox, MOST)
        self.announced: list[tuple[str, str]] = []
        self.alerts = HangAlerts("chat.db", self.tasks, lambda *words: self.announced.append(words))
        self.look()

    def look(self, times: int = 1, is_open: bool = True, trouble: str = "") -> None:
        for _ in range(times):
            self.alerts.check(is_open, trouble)


@pytest.fixture
def desk() -> Desk:
    return Desk()


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def test_a_hang_is_told_with_its_begin_its_losses_and_its_end(desk, caplog):
    answers: list[str] = []
    desk.tasks.put(batch(1))
    desk.tasks.put(Query(lambda file: lambda: None, lambda: answers.append("from memory")))
    desk.look(4)
    assert (desk.announced, answers, lines(caplog)) == ([], [], [])
    desk.look()
    assert answers == ["from memory"]
    for at in range(2, 30):
        desk.tasks.put(batch(at, 1_000))
    desk.look(2)
    desk.thread.work()
    desk.look(trouble="something else")
    words = [said for said, _ in desk.announced]
    assert ["does not answer" in words[0], "in memory only" in words[1], "again" in words[2]] == [True] * 3
    assert [trouble for _, trouble in desk.announced] == [words[0], words[1], "something else"]
    first, second, last = lines(caplog)
    assert "not answered for 2 seconds: 1 message waits, and 0 did not fit in memory" in first
    assert "10 messages wait, and 19 did not fit in memory" in second
    assert "19 messages did not fit in memory" in last


def test_before_the_file_is_open_the_log_alone_is_told(desk, caplog):
    desk.tasks.put(batch(1))
    desk.look(20, is_open=False)
    desk.thread.work()
    desk.look(is_open=False)
    assert desk.announced == []
    assert all("nobody can connect yet" in line for line in lines(caplog))
    assert len(lines(caplog)) == 3


def test_a_disk_that_keeps_hanging_is_reported_less_and_less_often(desk, caplog):
    desk.tasks.put(batch(1))
    desk.look(2_000)
    spans = re.findall("has not answered for ([^:]*):", caplog.text)
    assert spans[:5] == ["2 seconds", "4 seconds", "8 seconds", "16 seconds", "32 seconds"]
    assert 10 <= len(spans) <= 15
    assert len(desk.announced) == 1


def test_a_long_hang_is_told_of_every_five_minutes(desk, caplog):
    desk.tasks.put(batch(1))
    desk.look(6_000)
    assert 15 <= len(lines(caplog)) <= 25
    assert len(desk.announced) == 1
