"""Searching a whole history, as the hub does: in memory, in a file, and while the file cannot be used."""

import contextlib
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pylingo.reactor.history import finder, indexer, outage, searcher
from pylingo.reactor.history.chapters import read_chapters
from pylingo.reactor.history.database import open_file
from pylingo.reactor.history.history import Page
from pylingo.reactor.history.memory import MemoryHistory
from pylingo.reactor.history.store import redact
from pylingo.shared.errors import RequestError
from pylingo.shared.messages import Entry, HistoryRequest
from tests.fakes.history import Desk, make_file
from tests.fakes.search import all_pages, indexed, traces
from tests.support import wait_until


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexer, "SLICE", 20)
    monkeypatch.setattr(indexer, "_MOST_WORDS", 150)
    monkeypatch.setattr(finder, "_MOST", 5)


def search(desk: Desk, words: str, room: str = "tea", **fields: Any) -> list[int]:
    """The stamps of all messages that a search finds, page by page."""
    pages = all_pages(lambda request: desk.page(room, request), words, **fields)
    return [entry.at for page in reversed(pages) for entry in page.messages]


def chapters_of(path: Path) -> int:
    with contextlib.closing(sqlite3.connect(path)) as file:
        return len(read_chapters(file))


def turn_until(desk: Desk, condition: Callable[[], object], what: str) -> None:
    """Turn the loop until something has happened in another thread."""

    def has_happened() -> object:
        desk.loop.end_tick()
        desk.loop.rest()
        return condition()

    wait_until(has_happened, what)


def said(desk: Desk, first: int, last: int, text: str = "word {}") -> None:
    for at in range(first, last + 1):
        desk.say(at, text.format(at))
    desk.loop.until(lambda: desk.kept[-1:] == [last])


# --- in a file


def test_what_was_said_just_now_is_found_and_so_is_what_was_said_before_a_restart(desk, path):
    log = desk()
    said(log, 1, 300)
    log.say(301, "word 301")
    assert search(log, "word") == list(range(1, 302))  # asked before the last one is committed
    assert search(log, "WORD 30") == [30, 300, 301]
    wait_until(lambda: chapters_of(path) == 4, "the index")
    assert search(log, "word") == list(range(1, 302))
    log.close()
    log = desk(memory=MemoryHistory(per_room=1))
    assert search(log, "word") == list(range(1, 302))
    assert search(log, "30 wo", limit=2) == [30, 300, 301]
    assert log.page("tea", HistoryRequest(search="word 30", limit=2)) == Page(
        [Entry("alice", "word 300", 300), Entry("alice", "word 301", 301)], True, 1, 300
    )


def test_the_index_of_an_old_file_is_built_while_the_history_is_used(desk, path, caplog):
    caplog.set_level("INFO")
    make_file(path, [(at, "tea", "alice", f"word {at}", None) for at in range(1, 2_001)])
    log = desk(memory=MemoryHistory(per_room=1))
    assert search(log, "word 7")[:3] == [7, 70, 71]
    said(log, 2_001, 2_100)
    assert len(search(log, "word")) == 2_100
    wait_until(lambda: "2000 messages of the history were indexed" in caplog.text, "the index")
    assert len(search(log, "word")) == 2_100
    assert chapters_of(path) > 20


def test_conversations_and_inboxes_are_searched_apart(desk):
    log = desk()
    history = log.history
    for at in range(1, 100, 3):
        history.add_private(1, "SHA256:a", Entry("ada", "secret word", at, None, "eve"))
        history.add_private("SHA256:a", "SHA256:b", Entry("eve", "secret word", at + 1, None, "bob"), 7)
        log.say(at + 2, "secret word")
    log.loop.until(lambda: log.kept[-1:] == [99])

    def inbox(owner: int | str) -> list[int]:
        def ask(request: HistoryRequest) -> Page:
            pages: list[Page] = []
            history.inbox(owner, request, pages.append)
            log.loop.until(lambda: pages)
            return pages[0]

        return [entry.at for page in reversed(all_pages(ask, "word sec")) for entry in page.messages]

    for _ in range(2):
        first, second, room = (list(range(begin, 100, 3)) for begin in (1, 2, 3))
        assert search(log, "word", history.conversation(1, "SHA256:a")) == first
        assert search(log, "word", history.conversation("SHA256:b", "SHA256:a")) == second
        assert search(log, "word", history.conversation(1, "SHA256:b")) == []
        assert search(log, "word") == room
        assert inbox(1) == first
        assert inbox("SHA256:a") == sorted(first + second)
        assert inbox("SHA256:b") == second
        assert inbox(2) == []
        wait_until(lambda: chapters_of(Path(history.path)) > 0, "the index")


def test_old_messages_go_with_their_words(desk, path):
    make_file(path, [(at, "tea", "alice", f"zzyzxroad {at}", None) for at in range(1, 201)])
    with contextlib.closing(open_file(str(path))) as file:
        indexed(file)
    assert traces(path, "zzyzxroad")
    log = desk(most=1)  # every message is beyond the bound
    wait_until(lambda: chapters_of(path) == 0, "the index is gone")
    log.close()
    assert traces(path, "zzyzxroad") == []


# --- redactions


def test_the_words_of_a_redacted_message_leave_the_file(desk, path):
    log = desk()
    said(log, 1, 50)
    log.say(51, "the password is zzyzxroad")
    said(log, 52, 100)
    wait_until(lambda: chapters_of(path) > 0, "the index")
    assert search(log, "zzyzx") == [51]
    done: list[bool] = []
    log.history.redact("tea", 51, done.append)
    log.loop.until(lambda: done)
    assert search(log, "zzyzx") == []
    wait_until(lambda: traces(path, "zzyzxroad") == [], "the words are gone")
    assert search(log, "word") == [at for at in range(1, 101) if at != 51]
    log.close()
    assert traces(path, "zzyzxroad") == []


def test_words_that_were_taken_out_before_a_crash_leave_the_file_after_it(desk, path):
    texts = {at: f"word {at}" for at in range(1, 101)} | {51: "the password is zzyzxroad"}
    make_file(path, [(at, "tea", "alice", text, None) for at, text in texts.items()])
    with contextlib.closing(open_file(str(path))) as file:
        indexed(file)
        with file:
            assert redact(file, "tea", 51)
    assert traces(path, "zzyzxroad") == ["chat.db"]
    log = desk()
    wait_until(lambda: traces(path, "zzyzxroad") == [], "the words are gone")
    assert search(log, "word") == [at for at in range(1, 101) if at != 51]


# --- while the file cannot be used


def test_a_search_is_answered_from_memory_while_the_file_cannot_be_used(desk, path, monkeypatch):
    monkeypatch.setattr(outage, "_RETRY", 0.1)
    log = desk()
    said(log, 1, 60)
    assert len(search(log, "word")) == 60
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("begin immediate")
        log.say(61, "word 61")
        log.loop.until(lambda: log.failures)
        assert search(log, "word 6") == [6, 60, 61]
        other.execute("rollback")
    log.loop.until(lambda: log.came_back)
    assert search(log, "word 6") == [6, 60, 61]


@pytest.mark.parametrize("ending", ["", "-wal", "-shm"])
def test_a_file_that_goes_away_after_a_search_is_made_again_and_sound(desk, path, ending):
    """The connection that searches must not keep the old file's journal in use."""
    log = desk()
    said(log, 1, 60)
    assert len(search(log, "word")) == 60
    path.with_name(path.name + ending).rename(path.with_name("elsewhere"))
    log.say(61, "word 61")
    log.loop.until(lambda: log.came_back)
    said(log, 62, 100)
    assert search(log, "word") == list(range(1, 101))
    log.close()
    with contextlib.closing(sqlite3.connect(path)) as file:
        assert file.execute("pragma integrity_check").fetchall() == [("ok",)]
        assert file.execute("select count(*) from message").fetchone() == (100,)
    assert not path.with_name(path.name + "-wal").exists()


def test_a_file_made_again_from_memory_is_indexed_whatever_the_order_of_its_rooms(desk, path):
    log = desk()
    for at in range(1, 201):
        log.say(at, f"word {at}", "tea" if at % 2 else "coffee")
    log.loop.until(lambda: log.kept[-1:] == [200])
    path.rename(path.with_name("elsewhere"))
    log.say(201, "word 201")
    log.loop.until(lambda: log.came_back)
    wait_until(lambda: chapters_of(path) > 0, "the index")
    log.loop.until(lambda: log.kept[-1:] == [201])
    assert search(log, "word") == list(range(1, 202, 2))
    assert search(log, "word", "coffee") == list(range(2, 201, 2))
    log.close()
    log = desk(memory=MemoryHistory(per_room=1))
    assert search(log, "word") == list(range(1, 202, 2))
    assert search(log, "word", "coffee") == list(range(2, 201, 2))


def test_a_chapter_found_damaged_is_built_again(desk, path, caplog):
    make_file(path, [(at, "tea", "alice", f"word {at}", None) for at in range(1, 101)])
    with contextlib.closing(open_file(str(path))) as file:
        indexed(file)
        with file:
            for chapter in read_chapters(file):
                file.execute(f"update {chapter.table}_data set block = x'00000001ff' where id > 10")
    log = desk(memory=MemoryHistory(per_room=1))
    wait_until(lambda: (search(log, "word 7") or [0])[0] == 7 and len(search(log, "word")) == 100, "the index")
    assert not log.failures


# --- a disk that hangs, and the end


def test_a_search_on_a_disk_that_hangs_is_answered_from_memory(path, monkeypatch):
    later: list[Callable[[], object]] = []
    log = Desk(path, call_later=lambda delay, callback: later.append(callback))
    log.open()
    said(log, 1, 30)
    begun, go_on = threading.Event(), threading.Event()

    def hang(*_: object) -> Page:
        begun.set()
        go_on.wait()
        return Page([], False, None)

    monkeypatch.setattr(searcher, "find_in_file", hang)
    monkeypatch.setattr(searcher, "_PATIENCE", 0.0)
    pages: list[Page] = []
    log.history.page("tea", HistoryRequest(search="word 3"), pages.append)
    turn_until(log, begun.is_set, "a search")
    turn_until(log, lambda: pages or later.pop(0)(), "an answer")
    assert [entry.at for entry in pages[0].messages] == [3, 30]
    go_on.set()
    log.close()
    assert len(pages) == 1


def test_the_end_does_not_wait_for_a_search(desk, path, monkeypatch):
    log = desk()
    said(log, 1, 30)
    begun = threading.Event()

    def search_on(file: object, place: str, request: HistoryRequest, is_over: Callable[[], bool], *_: object) -> Page:
        begun.set()
        wait_until(is_over, "the end")
        return Page([], False, None)

    monkeypatch.setattr(searcher, "find_in_file", search_on)
    monkeypatch.setattr(searcher, "_LONGEST", 1_000.0)
    log.history.page("tea", HistoryRequest(search="word"), lambda page: None)
    turn_until(log, begun.is_set, "a search")
    log.close()
    assert sorted(part.name for part in path.parent.glob("chat.db*")) == ["chat.db", "chat.db.lock"]


# --- in memory


def test_a_search_in_memory_is_limited_by_the_time_that_it_takes():
    now = [0.0]

    def clock() -> float:
        now[0] += 0.0001
        return now[0]

    log = MemoryHistory(clock=clock)
    for at in range(1, 101):
        log.add("tea", Entry("alice", f"word {at}", at), 1)

    def ask(request: HistoryRequest) -> Page:
        pages: list[Page] = []
        log.page("tea", request, pages.append)
        return pages[0]

    pages = all_pages(ask, "word 5")
    assert [entry.at for page in reversed(pages) for entry in page.messages] == [5, *range(50, 60)]
    assert 5 <= len(pages) <= 20
    assert ask(HistoryRequest(search="absent")).messages == []


@pytest.mark.parametrize("words", ["", "...", "x" * 300])
def test_a_search_without_words_is_refused(words):
    with pytest.raises(RequestError):
        MemoryHistory().page("tea", HistoryRequest(search=words), print)
