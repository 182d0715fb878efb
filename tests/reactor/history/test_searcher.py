"""The thread that searches: whose turn it is, how long a search may take, and files that cannot be read."""

import contextlib
import sqlite3
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pylingo.reactor.history import searcher as module
from pylingo.reactor.history.chapters import read_chapters
from pylingo.reactor.history.database import open_file
from pylingo.reactor.history.history import Page
from pylingo.reactor.history.searcher import Job, Searcher, Turns
from pylingo.shared.messages import Entry, HistoryRequest
from tests.fakes.history import Loop
from tests.fakes.search import indexed, write
from tests.support import DEADLINE, wait_until


@dataclass(eq=False)
class Asker:
    is_closed: bool = False


class Room:
    """A searcher of a file, whose loop the test turns, and the answers that it has given."""

    def __init__(self, path: Path) -> None:
        self.now = 100.0
        self.loop = Loop()
        self.damaged: list[int] = []
        self.answers: list[tuple[int, Page | None]] = []
        self.searcher = Searcher(str(path), self.loop.call_from_thread, self.damaged.append, lambda: self.now)

    def ask(self, number: int, words: str = "word", asker: Asker | None = None, **fields: Any) -> Job:
        job = Job(
            "tea",
            HistoryRequest(search=words, **fields),
            lambda page: self.answers.append((number, page)),
            lambda: self.answers.append((number, None)),
            asker,
        )
        self.searcher.submit(job)
        return job

    def wait(self, count: int) -> list[tuple[int, Page | None]]:
        self.loop.until(lambda: len(self.answers) >= count)
        return self.answers


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "chat.db"
    with contextlib.closing(open_file(str(path))) as file:
        write(file, [(at, f"word {at}") for at in range(1, 1_001)])
        indexed(file)
    return path


@pytest.fixture
def file(path: Path) -> Iterator[sqlite3.Connection]:
    """The file, as the thread that owns it has it open."""
    with contextlib.closing(open_file(str(path))) as file:
        yield file


@pytest.fixture
def room(path: Path, file: sqlite3.Connection) -> Iterator[Room]:
    room = Room(path)
    room.searcher.resume()
    yield room
    room.searcher.stop(DEADLINE)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[threading.Event, threading.Event]]:
    """Two events: a search has begun, and it may go on."""
    begun, go_on = threading.Event(), threading.Event()
    find = module.find_in_file

    def wait(*arguments: Any) -> Page:
        begun.set()
        assert go_on.wait(DEADLINE)
        return find(*arguments)

    monkeypatch.setattr(module, "find_in_file", wait)
    yield begun, go_on
    go_on.set()


# --- answers


def test_a_search_is_answered_in_the_loop(room):
    room.ask(1, "word 7", limit=3)
    assert room.searcher.is_busy
    ((_, page),) = room.wait(1)
    assert not room.searcher.is_busy
    assert page == Page([Entry("alice", f"word {at}", at) for at in (797, 798, 799)], True, 1, 797)


def test_what_is_committed_is_found_though_the_file_stays_open(room, file):
    room.ask(1, "later")
    assert room.wait(1)[0][1].messages == []
    write(file, [(2_000, "later")])
    room.ask(2, "later")
    assert [entry.at for entry in room.wait(2)[1][1].messages] == [2_000]


def test_the_connection_cannot_write(room, monkeypatch):
    errors: list[Exception] = []

    def write_to(file: sqlite3.Connection, *_: object) -> Page:
        try:
            file.execute("delete from message")
        except sqlite3.Error as error:
            errors.append(error)
        return Page([], False, None)

    monkeypatch.setattr(module, "find_in_file", write_to)
    room.ask(1)
    room.wait(1)
    assert "readonly" in str(errors[0])


def test_the_owner_of_the_file_writes_while_a_search_reads(room, file, monkeypatch):
    begun, go_on = threading.Event(), threading.Event()

    def wait_in_the_middle(reader: sqlite3.Connection, *_: object) -> Page:
        reader.execute("begin")
        reader.execute("select count(*) from message").fetchone()
        begun.set()
        assert go_on.wait(DEADLINE)
        reader.execute("rollback")
        return Page([], False, None)

    monkeypatch.setattr(module, "find_in_file", wait_in_the_middle)
    room.ask(1)
    assert begun.wait(DEADLINE)
    file.execute("pragma busy_timeout = 0")
    write(file, [(2_000, "later")])
    go_on.set()
    room.wait(1)


# --- turns


def test_askers_take_turns():
    turns = Turns()
    one, two, three = Asker(), Asker(), Asker()
    jobs = [
        Job("tea", HistoryRequest(search=f"{number}"), print, print, asker)
        for number, asker in enumerate((one, one, one, two, None, two, None, three))
    ]
    for job in jobs:
        turns.put(job)
    assert len(turns) == 5
    order = [jobs.index(turns.take()) for _ in jobs]
    assert order == [0, 3, 4, 6, 7, 1, 5, 2]
    assert len(turns) == 0
    turns.put(jobs[0])
    turns.end()
    assert turns.take() is None


def test_the_search_of_one_who_is_gone_is_not_made(room, gate):
    begun, go_on = gate
    gone = Asker()
    room.ask(1)
    assert begun.wait(DEADLINE)
    room.ask(2, asker=gone)
    room.ask(3)
    gone.is_closed = True
    go_on.set()
    assert [number for number, _ in room.wait(2)] == [1, 3]
    assert not room.searcher.is_busy


def test_the_time_for_a_search_is_less_if_many_wait(room, monkeypatch):
    times: list[float] = []
    is_begun, go_on = threading.Event(), threading.Event()

    def measure(file: object, place: str, request: HistoryRequest, is_over: Callable[[], bool], *_: object) -> Page:
        is_begun.set()
        assert go_on.wait(DEADLINE)
        begin = room.now
        while not is_over():
            room.now += 0.001
        times.append(round(room.now - begin, 3))
        return Page([], False, None)

    monkeypatch.setattr(module, "find_in_file", measure)
    room.ask(0)
    assert is_begun.wait(DEADLINE)
    for number in range(1, 31):
        room.ask(number, asker=Asker())
    go_on.set()
    wait_until(lambda: len(times) == 31, "all searches")
    assert times[0] == pytest.approx(0.1, abs=0.002)
    assert times[1] == pytest.approx(0.01, abs=0.002)  # thirty wait
    assert times[-2:] == [pytest.approx(0.05, abs=0.002), pytest.approx(0.1, abs=0.002)]
    assert times[1:] == sorted(times[1:])


# --- files that cannot be read


def test_a_file_that_cannot_be_used_is_not_searched(room):
    room.ask(1)
    assert room.wait(1)[0][1] is not None
    room.searcher.suspend()
    room.ask(2)
    assert room.wait(2)[1] == (2, None)
    room.searcher.resume()
    room.ask(3)
    assert room.wait(3)[2][1] is not None


def test_a_search_is_ended_for_what_cannot_wait(room, monkeypatch):
    begun = threading.Event()

    def read_on(file: object, place: str, request: HistoryRequest, is_over: Callable[[], bool], *_: object) -> Page:
        begun.set()
        wait_until(is_over, "the end of the search")
        return Page([], True, None, 5)

    monkeypatch.setattr(module, "find_in_file", read_on)
    for number, pause in enumerate((room.searcher.paused, suspended(room.searcher)), 1):
        begun.clear()
        room.ask(number)
        assert begun.wait(DEADLINE)
        with pause():
            pass
        assert room.wait(number)[number - 1] == (number, Page([], True, None, 5))
    room.searcher.resume()
    begun.clear()
    room.ask(3)
    assert begun.wait(DEADLINE)
    room.searcher.stop(DEADLINE)
    assert not [thread for thread in threading.enumerate() if thread.name == "search" and thread.is_alive()]


def suspended(searcher: Searcher) -> Callable[[], Any]:
    return lambda: contextlib.nullcontext(searcher.suspend())


def test_a_file_that_hung_when_it_was_to_be_closed_is_closed_later(room, gate, monkeypatch):
    begun, go_on = gate
    closed: list[str] = []
    close = getattr(Searcher, "_close")  # noqa: B009 - not a name of this module

    def noting(searcher: Searcher) -> None:
        closed.append(threading.current_thread().name)
        close(searcher)

    monkeypatch.setattr(Searcher, "_close", noting)
    monkeypatch.setattr(module, "_PATIENCE", 0.01)
    room.ask(1)
    assert begun.wait(DEADLINE)
    room.searcher.suspend()
    assert closed == []
    go_on.set()
    wait_until(lambda: closed == ["search"], "the file is closed")


def test_nothing_is_searched_while_it_is_paused(room):
    room.ask(1)
    room.wait(1)
    with room.searcher.paused() as is_free:
        assert is_free
        room.ask(2)
        wait_until(lambda: room.loop.calls.empty(), "quiet")
    assert len(room.wait(2)) == 2


def test_a_file_that_is_not_there_is_answered_from_memory(tmp_path):
    room = Room(tmp_path / "nothing.db")
    room.searcher.resume()
    room.ask(1)
    assert room.wait(1) == [(1, None)]
    room.searcher.stop(DEADLINE)
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_other_bytes_is_answered_from_memory(tmp_path):
    path = tmp_path / "chat.db"
    path.write_bytes(b"not a database at all" * 1_000)
    room = Room(path)
    room.searcher.resume()
    room.ask(1)
    assert room.wait(1) == [(1, None)]
    room.searcher.stop(DEADLINE)


def test_a_damaged_chapter_is_reported(room, file, path):
    (chapter,) = read_chapters(file)
    with file:
        file.execute(f"update {chapter.table}_data set block = x'00000001ff'")
    room.ask(1, "999 absent")
    assert room.wait(1) == [(1, None)]
    assert room.damaged == [chapter.number]


def test_a_bug_is_logged_and_the_next_search_is_made(room, monkeypatch, caplog):
    find = module.find_in_file

    def fail(*_: object) -> Page:
        monkeypatch.setattr(module, "find_in_file", find)
        raise RuntimeError("a bug")

    monkeypatch.setattr(module, "find_in_file", fail)
    room.ask(1)
    room.ask(2)
    answers = room.wait(2)
    assert answers[0] == (1, None)
    assert answers[1][1] is not None
    assert "a search failed" in caplog.text


# --- a disk that hangs


def test_searches_on_a_disk_that_hangs_are_answered_from_memory(room, gate):
    begun, go_on = gate
    room.ask(1)
    room.ask(2)
    assert begun.wait(DEADLINE)
    room.searcher.check(False)
    assert room.answers == []
    room.searcher.check(True)
    assert sorted(room.answers) == [(1, None), (2, None)]
    assert not room.searcher.is_busy
    go_on.set()
    room.ask(3)
    assert room.wait(3)[2][1] is not None
    room.loop.rest()
    assert len(room.answers) == 3  # nobody is answered twice


def test_a_search_that_does_not_end_shows_that_the_disk_hangs(room, gate):
    begun, _ = gate
    room.ask(1)
    assert begun.wait(DEADLINE)
    room.now += 2.0
    room.searcher.check(False)
    assert room.answers == []
    room.now += 0.1
    room.searcher.check(False)
    room.ask(2)
    assert room.answers == [(1, None), (2, None)]


def test_the_end_does_not_wait_for_a_disk_that_hangs(room, gate):
    begun, _ = gate
    room.ask(1)
    assert begun.wait(DEADLINE)
    room.searcher.stop(0.01)
    assert room.searcher.is_busy
