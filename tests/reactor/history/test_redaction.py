"""A redacted text is gone: from memory, from the file with its free pages and its journal, and from what waits."""

import contextlib
import sqlite3
import threading
from pathlib import Path

import pytest

from pylingo.reactor.history.database import open_file
from pylingo.reactor.history.memory import MemoryHistory
from pylingo.reactor.history.store import insert, redacted_row, sweep, truncate_journal
from pylingo.reactor.history.writer_queue import Redaction, WriterQueue
from pylingo.shared.messages import Entry, HistoryRequest
from tests.fakes.history import ALL, Desk, Thread, batch, row
from tests.support import wait_until

SECRET = "a secret that nobody should read"
BEFORE = Entry("alice", SECRET, 11, "k", fingerprint="SHA256:a", operator=True)
AFTER = Entry("alice", "", 11, "k", fingerprint="SHA256:a", operator=True, redacted=True)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "chat.db"


def redact(desk: Desk, at: int = 11, room: str = "tea") -> bool:
    found: list[bool] = []
    desk.history.redact(room, at, found.append)
    desk.loop.until(lambda: found)
    return found[0]


def traces(path: Path, text: str = SECRET) -> list[str]:
    """The files in which the text is."""
    return [part.name for part in sorted(path.parent.glob("chat.db*")) if text.encode() in part.read_bytes()]


def test_a_text_is_taken_out_of_memory():
    log = MemoryHistory()
    log.add("tea", Entry("bob", "before", 10), 0)
    log.add("tea", BEFORE, 1)
    log.add("tea", Entry("bob", "behind", 12), 0)
    told = []
    log.redact("tea", 11, told.append)
    log.redact("tea", 13, told.append)
    log.redact("coffee", 11, told.append)
    assert told == [True, False, False]
    pages = []
    log.page("tea", HistoryRequest(), pages.append)
    assert pages[0].messages == [Entry("bob", "before", 10), AFTER, Entry("bob", "behind", 12)]
    assert log.find("tea", "k", 1, "alice") == 11
    log.reserve(log.most)
    assert (log.size, log.rooms) == (0, [])


def test_a_text_is_taken_out_of_the_file_and_its_journal(path):
    """Also the parts of a long text that have pages of their own."""
    desk = Desk(path)
    desk.open()
    long = SECRET + "x" * 10_000 + SECRET[::-1]
    desk.history.add("tea", Entry("alice", long, 11), 1)
    desk.say(12, "kept words")
    desk.loop.until(lambda: desk.kept)
    assert traces(path)
    assert redact(desk)
    assert traces(path) == traces(path, SECRET[::-1]) == []
    assert desk.page().messages == [Entry("alice", "", 11, redacted=True), Entry("alice", "kept words", 12)]
    assert redact(desk)  # again
    assert not redact(desk, 13)
    assert not redact(desk, 12, "coffee")
    desk.close()
    assert traces(path) == []
    again = Desk(path)
    again.open()
    assert again.memory.messages("tea")[0][0] == Entry("alice", "", 11, redacted=True)
    again.close()


def test_a_text_that_is_deleted_leaves_nothing_in_free_pages(path):
    with contextlib.closing(open_file(str(path))) as file:
        rows = [(at, "tea", "alice", SECRET + "x" * 5_000, *[None] * 7) for at in range(1, 50)]
        insert(file, rows)
        sweep(file, 40, 0)
        truncate_journal(file)
        assert path.read_bytes().count(SECRET.encode()) == 10


def test_a_reader_does_not_keep_the_journal_for_long(path):
    desk = Desk(path)
    desk.open()
    desk.say(11, SECRET)
    desk.loop.until(lambda: desk.kept)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("begin")
        reader.execute("select count(*) from message").fetchall()
        assert redact(desk)
        assert traces(path)
    wait_until(lambda: not traces(path), "the journal is cut")
    desk.close()


def test_a_message_that_is_not_written_yet_is_redacted(path):
    desk = Desk(path)
    desk.open()
    go_on = threading.Event()
    desk.hold(go_on)
    desk.say(11, SECRET)
    found = []
    desk.history.redact("tea", 11, found.append)
    go_on.set()
    desk.loop.until(lambda: found)
    assert found == [True]
    desk.close()
    assert traces(path) == []


def test_messages_that_wait_for_a_hanging_disk_are_redacted_before():
    tasks = WriterQueue(Thread().inbox, 10_000)
    tasks.put(batch(1))
    for _ in range(10):
        tasks.check()
    assert tasks.is_hanging
    tasks.put(batch(2))
    held = batch(3)
    tasks.put(held)
    tasks.redact("tea", 3)
    assert held.rows == [(3, "tea", "alice", "", *[None] * 6, True)]
    assert redacted_row(row(3), "tea", 4) == redacted_row(row(3), "coffee", 3) == row(3)


def test_a_file_that_cannot_be_used_now_is_cleaned_when_it_can(path, caplog):
    desk = Desk(path)
    desk.open()
    desk.say(11, SECRET)
    desk.loop.until(lambda: desk.kept)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("begin immediate")
        desk.say(12, "kept words")
        desk.loop.until(lambda: desk.failures)
        desk.say(13, SECRET + " again")
        assert redact(desk)
        assert redact(desk, 13)
        assert desk.page().messages[0] == Entry("alice", "", 11, redacted=True)
        other.execute("rollback")
    desk.loop.until(lambda: desk.came_back)
    assert [entry.text for entry in desk.page(request=ALL).messages] == ["", "kept words", ""]
    wait_until(lambda: not traces(path), "the journal is cut")
    desk.close()
    assert "may be in" not in caplog.text


def test_a_text_that_stays_in_a_file_is_reported(path, caplog):
    desk = Desk(path)
    desk.open()
    desk.say(11, SECRET)
    desk.loop.until(lambda: desk.kept)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("begin immediate")
        desk.say(12, "x")
        desk.loop.until(lambda: desk.failures)
        assert redact(desk)
        desk.close()
    assert "the text of 1 redacted message may still be in" in caplog.text


def test_a_redaction_is_done_after_it_was_answered_without_the_disk():
    told = []
    redaction = Redaction(lambda file: lambda: told.append("done"), lambda: told.append("later"), room="tea", at=1)
    redaction.settle(redaction.fallback)
    assert not redaction.is_settled
    redaction.settle(redaction.ask(sqlite3.connect(":memory:")))
    assert told == ["later", "done"]
