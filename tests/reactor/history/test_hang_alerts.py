"""Reports of a disk that hangs: the notices, the log lines, and how often they come."""

import logging
import re

import pytest

from pylingo.reactor.history.hang_alerts import HangAlerts
from pylingo.reactor.history.writer_queue import WriterQueue
from pylingo.reactor.history.writer_tasks import Query
from tests.fakes.history import MOST, Thread, batch


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
    assert "not answered for 2 seconds: 1 messages wait, and 0 did not fit in memory" in first
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


def test_that_a_disk_still_hangs_is_told_less_and_less_often(desk, caplog):
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
