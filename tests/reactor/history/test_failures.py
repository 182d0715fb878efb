"""A history whose file cannot be used, or fails. It goes on from memory, and leaves files of other programs alone."""

import contextlib
import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pylingo.reactor.history import database, store, writer
from pylingo.reactor.history import sqlite as disk
from pylingo.reactor.history.database import VERSION, open_file
from pylingo.reactor.history.history import Page
from pylingo.shared.messages import (
    Entry,
    HistoryRequest,
)
from tests.fakes.history import ALL, Desk, damaged, make_file, rows
from tests.support import DEADLINE, wait_until


def not_a_database(path: Path) -> None:
    path.write_bytes(b"These are the words of another program.\n" * 1_000)


def a_few_letters(path: Path) -> None:
    path.write_bytes(b"hello\n")


def truncated(path: Path) -> None:
    make_file(path, [(at, "tea", "alice", "x" * 1_000, None) for at in range(1, 1_001)])
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


def not_utf8(path: Path) -> None:
    make_file(path, [])
    with contextlib.closing(sqlite3.connect(path)) as file, file:
        file.execute("insert into message (at, room, name, text) values (1, 'tea', 'alice', cast(x'ff' as text))")


def a_newer_version(path: Path) -> None:
    make_file(path, [(1, "tea", "alice", "hi", None)])
    with contextlib.closing(sqlite3.connect(path)) as file:
        file.execute(f"pragma user_version = {VERSION + 1}")


def another_programs(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as file:
        file.execute("create table song (title text)")


def without_its_table(path: Path) -> None:
    path.touch(0o600)
    with contextlib.closing(sqlite3.connect(path)) as file:
        file.execute(f"pragma user_version = {VERSION}")


def a_folder_that_is_none(path: Path) -> None:
    path.parent.rmdir()


FOREIGN = [not_a_database, a_few_letters, a_newer_version, another_programs]
UNUSABLE: list[Callable[[Path], object]] = [
    Path.mkdir,
    truncated,
    damaged,
    not_utf8,
    without_its_table,
    a_folder_that_is_none,
    *FOREIGN,
]


def assert_goes_on_from_memory(
    log: Desk, caplog: pytest.LogCaptureFixture, first: int = 1, is_lost: bool = True
) -> None:
    """The log has failed and says so once; everything works, and what is said from `first` on is in memory.

    In the end the file is tried once more; `is_lost` if it still cannot be used: then a line says what is lost.
    """
    for at in range(first, first + 3):
        log.say(at, f"{at}", key=f"k-{at}")
        log.loop.until(lambda at=at: log.kept[-1:] == [at])
    assert [entry.at for entry in log.page(request=HistoryRequest(limit=3)).messages] == list(range(first, first + 3))
    assert log.page(request=HistoryRequest(limit=1)).messages == [
        Entry("alice", f"{first + 2}", first + 2, f"k-{first + 2}")
    ]
    assert log.history.find("tea", f"k-{first}", 1, "alice") == first
    assert log.page("nowhere") == Page([], False, None)
    log.history.occupied("coffee")
    log.history.emptied("coffee")
    assert log.close() < DEADLINE / 4
    assert len(log.failures) == 1
    records = [
        record for record in caplog.records if record.name != "pylingo.reactor.history.clock"
    ]  # these stamps are of 1970
    line, *last = (record for record in records if record.levelno >= logging.WARNING)
    assert log.failures[0] in line.getMessage()
    assert "memory" in line.getMessage()
    assert line.exc_info is None
    assert ["lost: " in record.getMessage() for record in last] == [True] * is_lost


@pytest.mark.parametrize("spoil", UNUSABLE, ids=lambda spoil: spoil.__name__)
def test_a_file_that_cannot_be_used(desk, tmp_path, caplog, spoil):
    folder = tmp_path / "folder"
    folder.mkdir()
    path = folder / "chat.db"
    spoil(path)
    before = path.read_bytes() if spoil in FOREIGN else b""
    log = desk(path)
    assert log.stamps == [0]
    assert log.failures
    assert str(path) in log.failures[0]
    assert_goes_on_from_memory(log, caplog)
    assert log.stamps == [0]
    assert (path.read_bytes() if spoil in FOREIGN else b"") == before, "somebody else's file was written to"


@pytest.mark.parametrize("spoil", [a_newer_version, not_a_database, Path.mkdir], ids=lambda spoil: spoil.__name__)
def test_messages_sent_before_the_file_was_found_unusable_are_answered(desk, path, spoil):
    spoil(path)
    log = desk(opened=False)
    log.history.open(log.stamps.append)
    log.say(1, "early")
    pages: list[Page] = []
    log.history.page("tea", ALL, pages.append)
    log.history.when_committed(lambda: log.kept.append(2))
    log.loop.until(lambda: len(log.kept) == 2 and pages)
    assert log.kept == [1, 2]
    assert [entry.text for entry in pages[0].messages] == ["early"]
    assert log.stamps == [0]
    assert len(log.failures) == 1


@pytest.mark.parametrize(
    ("spoil", "why"),
    [(a_newer_version, "newer server"), (another_programs, "another program"), (not_a_database, "not a database")],
    ids=lambda it: getattr(it, "__name__", ""),
)
def test_the_sentence_says_why(desk, path, spoil, why):
    spoil(path)
    log = desk()
    assert why in log.failures[0]
    assert "\n" not in log.failures[0]


def test_a_file_in_use_by_another_program(desk, path, caplog, monkeypatch):
    """One who writes and does not end. Readers are in nobody's way."""
    monkeypatch.setattr(writer, "_BUSY", 0.05)
    make_file(path, [(7, "tea", "alice", "hi", None)])
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("begin exclusive")
        log = desk()
        assert log.stamps == [7]
        log.say(8)
        log.loop.until(lambda: log.failures)
        assert "locked" in log.failures[0]
        assert_goes_on_from_memory(log, caplog, first=10)
        other.execute("rollback")
    assert desk().stamps == [7]


def test_two_logs_on_one_file(desk, path, caplog, monkeypatch):
    monkeypatch.setattr(database, "BUSY", 0.05)
    first = desk()
    first.say(1, "mine")
    first.loop.until(lambda: first.kept)
    second = Desk(path)
    assert second.open() == 0
    assert "another server has it open" in second.failures[0]
    assert_goes_on_from_memory(second, caplog, first=10)
    first.say(2, "still mine")
    first.loop.until(lambda: len(first.kept) == 2)
    assert first.texts() == ["mine", "still mine"]
    assert first.failures == []


def test_a_lock_that_is_let_go_in_time_is_waited_for(desk, path):
    make_file(path, [(7, "tea", "alice", "hi", None)])
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("begin exclusive")
    log = desk(opened=False)
    log.history.open(log.stamps.append)
    wait_until(lambda: log.history.is_running)
    log.say(8)
    other.execute("rollback")
    other.close()
    log.loop.until(lambda: log.kept)
    assert log.stamps == [7]
    assert log.failures == []


def test_a_disk_that_becomes_full(desk, path, caplog, small_disk, monkeypatch):
    log = desk()
    at = 0
    while not log.failures:
        at += 1
        assert at < 1_000
        log.say(at, f"{at} " + "x" * 1_000)
        log.loop.until(lambda at=at: len(log.kept) == at)
        log.loop.rest()
    assert log.kept == list(range(1, at + 1))
    assert "full" in log.failures[0]
    assert [entry.at for entry in log.page(request=HistoryRequest(limit=3)).messages] == [at - 2, at - 1, at]
    assert_goes_on_from_memory(log, caplog, first=at + 1)
    kept = [row[0] for row in rows(path)]
    assert kept == list(range(1, len(kept) + 1))
    assert len(kept) in (at - 1, at - 2)  # what the file had no place for, and nothing else
    monkeypatch.setattr(disk, "open_file", open_file)
    again = desk()
    assert again.stamps == [kept[-1]]
    again.say(at + 100, "there is place again")
    again.loop.until(lambda: again.kept)
    assert again.failures == []


def test_a_disk_that_becomes_full_while_much_waits(desk, caplog, small_disk):
    """Callbacks and pages that are behind the failure in the queue are all answered, in order."""
    log = desk()
    go_on = threading.Event()
    log.hold(go_on)
    pages: list[Page] = []
    for at in range(1, 61):
        log.say(at, "x" * 2_000)
        if at % 20 == 0:
            log.history.page("tea", HistoryRequest(limit=1), pages.append)
        log.loop.end_tick()
    go_on.set()
    log.loop.until(lambda: len(log.kept) == 60 and len(pages) == 3)
    assert log.kept == list(range(1, 61))
    assert [page.messages[0].at >= 20 * number for number, page in enumerate(pages, 1)] == [True] * 3
    assert_goes_on_from_memory(log, caplog, first=61)


def test_a_disk_that_is_full_at_the_end(desk, small_disk):
    """The last commit fails: closing says so, and does not wait for anything."""
    log = desk()
    for at in range(1, 201):
        log.say(at, "x" * 1_000)
    assert log.close() < DEADLINE / 4
    assert len(log.failures) == 1
    assert log.kept == list(range(1, 201))


def test_damage_that_is_found_by_a_page_only(desk, path, caplog):
    make_file(path, [(at, "tea", "alice", f"{at}", None) for at in range(1, 401)])
    with contextlib.closing(sqlite3.connect(path)) as file:
        (root,) = file.execute("select rootpage from sqlite_master where name = 'message_of_room'").fetchone()
    with path.open("r+b") as raw:
        raw.seek((root - 1) * 4_096)
        raw.write(b"\xff" * 4_096)
    log = desk()
    assert log.stamps == [400]
    assert log.failures == []
    assert [entry.at for entry in log.page(request=HistoryRequest(limit=3)).messages] == [398, 399, 400]
    assert len(log.failures) == 1
    assert_goes_on_from_memory(log, caplog, first=401)


def test_a_failure_while_old_messages_are_deleted(desk, caplog, monkeypatch):
    def failing(*args: Any) -> bool:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(store, "sweep", failing)
    log = desk(keep=1_000.0)
    log.say(1, "before")
    log.loop.until(lambda: log.failures)
    assert_goes_on_from_memory(log, caplog, first=10, is_lost=False)
    assert log.kept[0] == 1


def test_a_disk_that_hangs_does_not_hold_up_the_end_for_ever(desk, caplog):
    log = desk()
    go_on = threading.Event()
    log.hold(go_on)
    log.say(1)
    begin = time.monotonic()
    log.history.close(0.1)
    assert time.monotonic() - begin < DEADLINE / 4
    assert any("0.1 s" in record.getMessage() for record in caplog.records)
    go_on.set()
