"""A file that fails and comes back: the messages sent meanwhile are written, and those that are lost are counted."""

import contextlib
import itertools
import logging
import os
import resource
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import types
from collections.abc import Iterator
from pathlib import Path

import pytest

from pylingo.reactor.history import database, outage, store
from pylingo.reactor.history.memory import MemoryHistory
from pylingo.shared.messages import Notice, Say, Sent
from tests.fakes.history import Desk, damaged, make_file, rows
from tests.support import DEADLINE, Peer, ServerProcess, wait_until


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that has failed is tried again soon, and a lock is not waited for."""
    monkeypatch.setattr(outage, "_RETRY", 0.02)
    monkeypatch.setattr(outage, "_RETRY_MOST", 0.1)
    monkeypatch.setattr(database, "BUSY", 0.02)


@pytest.fixture
def lock(path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process has the file, until it is killed."""
    code = (
        "import os, sqlite3, sys; os.umask(0o077); file = sqlite3.connect(sys.argv[1], isolation_level=None);"
        "file.execute('begin exclusive'); print('locked', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "locked\n"
        yield process
        process.kill()


def say(desk: Desk, *stamps: int, text: str = "hi") -> None:
    for at in stamps:
        desk.say(at, f"{text} {at}", key=f"k-{at}")
    desk.loop.until(lambda: desk.kept[-1:] == [stamps[-1]])


def until_back(desk: Desk, count: int = 1) -> None:
    desk.loop.until(lambda: len(desk.came_back) == count)
    desk.loop.until(lambda: desk.history.knows_keys)


def back_after_lock(path: Path) -> Desk:
    """A history whose file was locked when it was opened and is free again. Two messages were sent meanwhile."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("begin exclusive")
        desk = Desk(path)
        desk.open()
        say(desk, 10, 11)
        other.execute("rollback")
    until_back(desk)
    return desk


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The warnings in the log, except that stamps such as 10 are from 1970."""
    records = [record for record in caplog.records if record.name != "pylingo.reactor.history.clock"]
    return [record.getMessage() for record in records if record.levelno >= logging.WARNING]


def stamps(path: Path) -> list[int]:
    return [row[0] for row in rows(path)]


def test_a_file_locked_by_another_process_comes_back_with_all_that_was_said(path, lock, caplog):
    make_file(path.with_name("before"), [(7, "tea", "alice", "before", "k-7")])
    desk = Desk(path)
    assert desk.open() == 0
    assert "locked" in desk.failures[0]
    say(desk, *range(10, 20))
    assert desk.texts() == [f"hi {at}" for at in range(10, 20)]
    lock.kill()
    until_back(desk)
    assert stamps(path) == list(range(10, 20))
    say(desk, 20)
    assert stamps(path) == list(range(10, 21))
    assert [desk.known(f"k-{at}") for at in range(10, 21)] == list(range(10, 21))
    assert desk.known("k-21") is None
    desk.close()
    assert desk.failures == desk.failures[:1]
    failed, back = lines(caplog)
    assert "locked" in failed
    assert "10 were written and 0 are lost" in back


def test_a_file_that_was_not_open_yet_tells_its_newest_stamp_when_it_comes(path):
    """The clock may have stepped back behind what the file holds."""
    make_file(path, [(1_000, "tea", "alice", "of the future", None)])
    desk = back_after_lock(path)
    assert desk.came_back == [1_000]
    assert stamps(path) == [10, 11, 1_000]
    desk.close()


def test_a_stamp_that_the_file_has_already_is_counted_as_lost(path, caplog):
    make_file(path, [(10, "tea", "alice", "first", None)])
    desk = back_after_lock(path)
    assert [row[3] for row in rows(path)] == ["first", "hi 11"]
    assert "1 was written and 1 is lost" in lines(caplog)[-1]
    desk.close()


class Disk:
    """Room for so many pages; tests make it larger and smaller."""

    def __init__(self) -> None:
        self.pages = 24

    def open_file(self, *args: object) -> sqlite3.Connection:
        file = database.open_file(*args)  # type: ignore[arg-type]
        file.execute(f"pragma max_page_count = {self.pages}")
        return file


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> Disk:
    place = Disk()
    monkeypatch.setattr("pylingo.reactor.history.sqlite.open_file", place.open_file)
    return place


def test_a_full_disk_comes_back_when_there_is_place_and_becomes_full_again(path, small, caplog):
    desk = Desk(path)
    desk.open()
    at = itertools.count(1)
    last = 0
    for times in (1, 2):
        while len(desk.failures) < times:
            say(desk, last := next(at), text="x" * 1_000)
            desk.loop.rest()
            assert last < 1_000
        assert "full" in desk.failures[-1]
        say(desk, *itertools.islice(at, 5))
        small.pages += 40
        until_back(desk, times)
    say(desk, last := next(at))
    assert stamps(path) == list(range(1, last + 1))
    desk.close()
    assert len(lines(caplog)) == 4
    assert all("0 are lost" in line for line in lines(caplog)[1::2])


def test_a_failure_of_the_file_is_announced_before_messages_in_memory_are_confirmed(path, small):
    """So nobody has a `sent` for what is in memory only without having been told."""
    desk = Desk(path)
    desk.open()
    failures: list[int] = []
    for at in range(1, 1_000):
        desk.say(at, "x" * 1_000)
        desk.history.when_committed(lambda: failures.append(len(desk.failures)))
        desk.loop.until(lambda at=at: len(failures) == at)
        if desk.failures:
            break
    assert len(stamps(path)) == failures.count(0)
    desk.close()


def test_a_backlog_that_is_too_large_loses_its_oldest_messages_which_are_counted(path, lock, caplog):
    desk = Desk(path, MemoryHistory(most=10_000))
    desk.open()
    say(desk, *range(1, 101))
    lock.kill()
    until_back(desk)
    kept = stamps(path)
    assert kept == list(range(101 - len(kept), 101))
    assert 10 < len(kept) < 50
    assert f"{len(kept)} were written and {100 - len(kept)} are lost" in lines(caplog)[-1]
    desk.close()


def test_a_backlog_is_written_in_pieces_and_what_comes_meanwhile_joins_it(path, lock, monkeypatch):
    monkeypatch.setattr(outage, "_ROWS_PER_COMMIT", 10)
    desk = Desk(path)
    desk.open()
    say(desk, *range(1, 101))
    inserted: list[int] = []

    def insert(file, rows):
        rows = list(rows)
        inserted.append(len(rows))
        if len(inserted) == 3:
            desk.say(101, "meanwhile", key="k-101")
            desk.loop.end_tick()
        return store.insert(file, rows)

    monkeypatch.setattr(outage, "store", types.SimpleNamespace(**{**vars(store), "insert": insert}))
    lock.kill()
    until_back(desk)
    assert inserted == [10] * 10 + [1]
    assert stamps(path) == list(range(1, 102))
    desk.close()


def test_messages_that_can_be_written_at_the_very_end_are_written(path, lock, caplog, monkeypatch):
    monkeypatch.setattr(outage, "_RETRY", 1_000.0)
    desk = Desk(path)
    desk.open()
    say(desk, 1, 2)
    lock.kill()
    lock.wait(DEADLINE)
    desk.close()
    assert stamps(path) == [1, 2]
    assert len(lines(caplog)) == 1


def test_messages_that_cannot_be_written_at_the_very_end_are_counted(path, lock, caplog, monkeypatch):
    monkeypatch.setattr(outage, "_RETRY", 1_000.0)
    desk = Desk(path)
    desk.open()
    say(desk, 1, 2)
    desk.close()
    assert lines(caplog)[1:] == [f"2 messages are lost: they were sent after the history in {path} failed"]


def test_a_damaged_file_is_left_alone_until_it_is_another_one(path, caplog, monkeypatch):
    damaged(path)
    tries: list[object] = []

    def open_file(*args):
        tries.append(args)
        return database.open_file(*args)

    monkeypatch.setattr("pylingo.reactor.history.sqlite.open_file", open_file)
    desk = Desk(path)
    desk.open()
    say(desk, 2_000)
    time.sleep(0.3)  # several tries would have been made
    assert len(tries) == 1
    path.rename(path.with_name("damaged.db"))
    for part in path.parent.glob("chat.db-*"):
        part.unlink()
    until_back(desk)
    assert stamps(path) == [2_000]
    desk.close()
    assert len(lines(caplog)) == 2


def test_a_file_that_fails_again_and_again_is_tried_less_and_less_often(path, monkeypatch):
    monkeypatch.setattr(outage, "_RETRY", 0.05)
    monkeypatch.setattr(outage, "_RETRY_MOST", 0.8)
    path.mkdir()
    tries: list[float] = []

    def open_file(*args):
        tries.append(time.monotonic())
        return database.open_file(*args)

    monkeypatch.setattr("pylingo.reactor.history.sqlite.open_file", open_file)
    desk = Desk(path)
    desk.open()
    wait_until(lambda: len(tries) == 6)
    waits = [after - before for before, after in itertools.pairwise(tries)]
    assert [wait >= least for wait, least in zip(waits, (0.05, 0.1, 0.2, 0.4, 0.8), strict=True)] == [True] * 5
    desk.close()
    assert len(desk.failures) == 1


def test_an_end_that_comes_while_the_backlog_is_written_is_the_end(path, lock, monkeypatch):
    desk = Desk(path)
    desk.open()
    say(desk, 10)
    begun, ended = threading.Event(), threading.Event()
    insert = store.insert

    def insert_and_end(*args):
        begun.set()
        assert ended.wait(DEADLINE)
        return insert(*args)

    monkeypatch.setattr(store, "insert", insert_and_end)
    lock.kill()
    assert begun.wait(DEADLINE)
    desk.history.close(0.0)
    ended.set()
    desk.close()
    assert stamps(path) == [10]


def test_a_failure_of_the_file_is_not_told_again_when_it_fails_once_more(path, monkeypatch):
    desk = Desk(path)
    desk.open()

    def broken(*_):
        raise sqlite3.OperationalError("disk I/O error")

    with monkeypatch.context() as patch:
        patch.setattr(store, "write", broken)
        say(desk, 10)
    until_back(desk)
    desk.history.query(broken, lambda: None)
    until_back(desk, 2)
    say(desk, 11)
    desk.close()
    assert desk.kept == [10, 11]


@pytest.mark.parametrize("tries", [1, 3])
def test_a_bug_of_ours_at_the_opening_is_logged_and_the_file_is_tried_again(path, caplog, monkeypatch, tries):
    tried = itertools.count(1)

    def open_file(*args):
        if next(tried) <= tries:
            raise ZeroDivisionError("a bug")
        return database.open_file(*args)

    monkeypatch.setattr("pylingo.reactor.history.sqlite.open_file", open_file)
    desk = Desk(path)
    assert desk.open() == 0
    say(desk, 10)
    until_back(desk)
    desk.close()
    assert stamps(path) == [10]
    assert caplog.text.count("ZeroDivisionError: a bug") == tries


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="takes Linux's prlimit")
def test_a_server_whose_disk_is_full_for_a_while_loses_nothing_and_says_so(path):
    """The file may grow no further, by a real limit of the system; then it may."""
    with ServerProcess("--history", str(path), "--rate", "0") as server, Peer(server.port) as alice:
        alice.join("tea")
        limit = resource.prlimit(server.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (300_000, limit[1]))
        number = 0
        notices: list[str] = []

        def talk() -> None:
            nonlocal number
            alice.send(Say("x" * 2_000, f"k-{number}", number))
            number += 1
            while not isinstance(record := alice.recv(), Sent):
                if isinstance(record, Notice):
                    notices.append(record.text)

        while not notices:
            talk()
            assert number < 2_000
        for _ in range(10):
            talk()
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, limit)
        end = time.monotonic() + 2 * DEADLINE
        while len(notices) < 2 and time.monotonic() < end:
            talk()
            time.sleep(0.05)
        assert ["cannot" in notices[0], "again" in notices[1]] == [True, True]
        wait_until(lambda: "0 are lost" in server.log(), "the line of the log")
        os.kill(server.pid, signal.SIGKILL)
        server.process.wait(DEADLINE)
    assert len(rows(path)) == number
    assert [row[4] for row in rows(path)] == [f"k-{each}" for each in range(number)]
