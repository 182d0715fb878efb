"""The log in a file: what was kept is there again, and whatever happens to the file, the chat goes on."""

import contextlib
import gc
import itertools
import logging
import queue
import re
import shutil
import sqlite3
import threading
import time
import tracemalloc
import types
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pylingo.reactor.chat.hub import Hub
from pylingo.reactor.engine.loop import Reactor
from pylingo.reactor.history import keys, opening, place, store, writer
from pylingo.reactor.history import sqlite as disk
from pylingo.reactor.history.memory import FOREVER, MemoryHistory, Page, folded
from pylingo.reactor.history.opening import VERSION, open_file, prepare
from pylingo.reactor.history.sqlite import SqliteHistory
from pylingo.reactor.history.store import insert
from pylingo.reactor.history.tasks import Question
from pylingo.shared.messages import (
    MAX_PAGE,
    Command,
    Entry,
    HistoryRequest,
    Message,
    Notice,
    PongRequest,
    Say,
    Sent,
    Welcome,
)
from pylingo.shared.names import fold
from tests.fakes.bench import benches
from tests.fakes.chat import Chat
from tests.reactor.history.test_memory import LONGEST_ROOM
from tests.support import DEADLINE, wait_until

ALL = HistoryRequest(since=0, limit=MAX_PAGE)


class Loop:
    """The reactor as a log knows it: its ticks end when the test says so, and calls of threads are made one by one."""

    def __init__(self) -> None:
        self.scheduled: list[Callable[[], object]] = []
        self.calls: queue.SimpleQueue[tuple[Callable[..., object], tuple[Any, ...]]] = queue.SimpleQueue()

    def call_from_thread(self, callback: Callable[..., object], *args: Any) -> None:
        self.calls.put((callback, args))

    def end_tick(self) -> None:
        scheduled, self.scheduled[:] = self.scheduled[:], []
        for callback in scheduled:
            callback()

    def until(self, condition: Callable[[], Any]) -> None:
        """Turn until it is true."""
        end = time.monotonic() + DEADLINE
        self.end_tick()
        while not condition():
            callback, args = self.calls.get(timeout=max(0.0, end - time.monotonic()))
            callback(*args)
            self.end_tick()

    def rest(self) -> None:
        """Make the calls that have come."""
        with contextlib.suppress(queue.Empty):
            while True:
                callback, args = self.calls.get_nowait()
                callback(*args)


class Desk:
    """A log on disk whose loop the test turns, and what it has told."""

    def __init__(self, path: Path, memory: MemoryHistory | None = None, **bounds: Any) -> None:
        self.loop = Loop()
        self.failures: list[str] = []
        self.announced: list[tuple[str, str]] = []
        self.stamps: list[int] = []
        self.kept: list[int] = []
        self.came_back: list[int] = []
        self.memory = memory or MemoryHistory()
        self.log = SqliteHistory(
            str(path),
            self.loop.scheduled.append,
            self.loop.call_from_thread,
            lambda *words: self.announced.append(words),
            self.memory,
            came_back=self.came_back.append,
            **bounds,
        )
        failed = self.log.failed

        def note(sentence: str) -> None:
            self.failures.append(sentence)
            failed(sentence)

        self.log.failed = note  # type: ignore[method-assign]

    def open(self) -> int:
        """Returns the newest stamp."""
        self.log.open(self.stamps.append)
        self.loop.until(lambda: self.stamps)
        return self.stamps[0]

    def say(self, at: int, text: str = "hi", room: str = "tea", name: str = "alice", key: str | None = None) -> None:
        self.log.add(room, Entry(name, text, at, key), 1)
        self.log.when_kept(lambda: self.kept.append(at))

    def page(self, room: str = "tea", request: HistoryRequest = ALL) -> Page:
        pages: list[Page] = []
        self.log.page(room, request, pages.append)
        self.loop.until(lambda: pages)
        return pages[0]

    def texts(self, room: str = "tea") -> list[str]:
        return [entry.text for entry in self.page(room).messages]

    def known(self, key: str, session: int = 1, name: str = "alice", room: str = "tea") -> int | None:
        """Since when a message with the key is in the log, wherever that must be looked up."""
        at = self.log.find(room, key, session, name)
        if at is not None or not self.log.may_hold(room, key, session, name):
            return at
        answers: list[int | None] = []
        self.log.look_up(room, key, session, name, answers.append)
        self.loop.until(lambda: answers)
        return answers[0]

    def hold(self, go_on: threading.Event) -> None:
        """The disk is busy until then."""

        begun = threading.Event()

        def wait(file: sqlite3.Connection) -> Callable[[], object]:
            begun.set()
            go_on.wait(DEADLINE)
            return lambda: None

        self.log._put(Question(wait, lambda: None))
        assert begun.wait(DEADLINE)

    def close(self) -> float:
        """Returns how long it took. The thread must have ended."""
        begin = time.monotonic()
        self.log.close(DEADLINE)
        taken = time.monotonic() - begin
        assert not self.log._writer.thread.is_alive()
        self.loop.rest()
        return taken


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "chat.db"


@pytest.fixture
def desk(path: Path) -> Iterator[Callable[..., Desk]]:
    """Opens logs, one after the other; each is closed before the next one."""
    desks: list[Desk] = []

    def close() -> None:
        while desks:
            desks.pop().close()

    def make(path: Path = path, *, opened: bool = True, **options: Any) -> Desk:
        close()
        desks.append(Desk(path, **options))
        if opened:
            desks[-1].open()
        return desks[-1]

    yield make
    close()


def rows(path: Path) -> list[tuple[Any, ...]]:
    """What is in the file and in its journal, as if the server had been killed now."""
    copy = path.parent / "copy"

    def parts() -> list[tuple[Path, int, int]]:
        found = [(part, part.stat()) for part in sorted(path.parent.glob(path.name + "*"))]
        return [(part, state.st_size, state.st_mtime_ns) for part, state in found]

    def copied() -> bool:
        """Not so if the thread has closed the file meanwhile, which moves the journal into it."""
        shutil.rmtree(copy, ignore_errors=True)
        copy.mkdir()
        try:
            before = parts()
            for part, *_ in before:
                shutil.copy(part, copy)
            return parts() == before
        except FileNotFoundError:
            return False

    wait_until(copied, "a copy of the file")
    with contextlib.closing(sqlite3.connect(copy / path.name)) as file:
        assert file.execute("pragma integrity_check").fetchall() == [("ok",)]
        return file.execute("select * from message order by at").fetchall()


def make_file(path: Path, said: Iterable[tuple[int, str, str, str, str | None]]) -> None:
    path.touch(0o600)
    with contextlib.closing(sqlite3.connect(path)) as file:
        prepare(file)
        insert(file, [(*row, None) for row in said])


# --- what is kept


def test_everything_is_there_again(desk):
    first = desk()
    assert first.stamps == [0]
    texts = ["hi", "", "\x00", "a\nb\tc", "\N{GRINNING FACE}" * 4_096, "'; drop table message; --", "e\u0301"]
    said = [Entry("Zoë", text, at, f"k-{at}" if at % 2 else None) for at, text in enumerate(texts, 10)]
    for entry in said:
        first.log.add("straße", entry, 7)
    first.log.add("tea", Entry("bob", "elsewhere", 100), 8)
    first.close()
    second = desk()
    assert second.stamps == [100]
    have: list[Entry] = []
    request = ALL
    while True:
        page = second.page("straße", request)
        have += page.messages
        if not page.more:
            break
        request = HistoryRequest(since=have[-1].at)
    assert have == said
    assert second.page("tea") == Page([Entry("bob", "elsewhere", 100)], False, 100)
    assert second.page("nowhere") == Page([], False, None)


def test_the_names_of_the_longest_room_and_person_come_back(desk):
    first = desk()
    entry = Entry("\U00010c00" * 32, "x", 2**62, "k" * 32)
    first.log.add(LONGEST_ROOM, entry, 1)
    first.close()
    assert desk().page(LONGEST_ROOM).messages == [entry]


def test_a_log_can_be_added_to_again_and_again(desk):
    for generation in range(4):
        log = desk()
        assert log.stamps == [generation]
        log.say(generation + 1, f"{generation}")
        log.loop.until(lambda log=log: log.kept)
    assert desk().texts() == ["0", "1", "2", "3"]


def test_what_is_said_in_the_last_tick_is_kept_without_its_end(desk):
    first = desk()
    first.say(1, "last words")
    first.close()
    assert first.kept == [1]
    assert desk().texts() == ["last words"]


def test_what_is_said_before_the_file_is_open_is_kept(desk):
    log = desk(opened=False)
    log.log.open(log.stamps.append)
    log.say(1, "early")
    assert log.texts() == ["early"]
    assert log.kept == [1]
    assert log.stamps == [0]
    log.close()
    assert desk().texts() == ["early"]


def test_to_close_what_was_never_opened_returns(path):
    assert Desk(path).log.close(1) is None
    assert not path.exists()


def test_a_callback_comes_after_the_commit_and_they_come_in_order(desk, path):
    log = desk()
    told: list[int] = []
    for at in range(1, 31):
        log.log.add("tea", Entry("alice", "hi", at), 1)
        log.log.when_kept(lambda at=at: told.append(at) or seen.append(at <= rows(path)[-1][0]))
        if at % 3 == 0:
            log.log.when_kept(lambda: told.append(0))
            log.loop.end_tick()
    seen: list[bool] = []
    log.loop.until(lambda: len(told) == 40)
    assert told == [number for at in range(1, 31) for number in ((at, 0) if at % 3 == 0 else (at,))]
    assert all(seen)


def test_a_callback_without_anything_to_keep_comes_too_and_behind_those_before(desk):
    log = desk()
    log.log.when_kept(lambda: log.kept.append(0))
    log.loop.until(lambda: log.kept)
    log.say(1)
    log.loop.end_tick()
    log.log.when_kept(lambda: log.kept.append(2))
    log.loop.until(lambda: len(log.kept) == 3)
    assert log.kept == [0, 1, 2]


def test_a_callback_that_fails_keeps_none_of_the_others_back(desk, caplog):
    def broken() -> None:
        raise ZeroDivisionError("a bug")

    log = desk()
    log.say(10)
    log.log.when_kept(broken)
    log.say(11)
    log.loop.until(lambda: log.kept)
    assert log.kept == [10, 11]
    assert "ZeroDivisionError: a bug" in caplog.text


def test_no_callback_comes_within_the_call(desk):
    log = desk()
    log.say(1)
    assert log.kept == []


@pytest.fixture
def commits(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the thread has committed so far."""
    statements: list[str] = []

    def traced(*args: Any) -> sqlite3.Connection:
        file = open_file(*args)
        file.set_trace_callback(lambda sql: statements.append(sql) if sql.upper().startswith("COMMIT") else None)
        return file

    monkeypatch.setattr(disk, "open_file", traced)
    return statements


def test_what_comes_while_the_disk_is_busy_is_committed_together(desk, commits):
    log = desk()
    go_on = threading.Event()
    log.hold(go_on)
    for at in range(1, 51):
        log.say(at)
        log.loop.end_tick()
    go_on.set()
    log.loop.until(lambda: len(log.kept) == 50)
    assert len(commits) == 1
    assert log.kept == list(range(1, 51))


def test_one_tick_is_one_commit(desk, commits):
    log = desk()
    for at in range(1, 51):
        log.say(at)
    log.loop.until(lambda: len(log.kept) == 50)
    assert len(commits) == 1


def test_a_page_has_what_was_said_before_it_was_asked_for_and_nothing_later(desk):
    log = desk()
    pages: list[Page] = []
    for at in range(1, 21):
        log.say(at, f"{at}")
        log.log.page("tea", ALL, pages.append)  # in the same tick
    log.loop.until(lambda: len(pages) == 20)
    for count, page in enumerate(pages, 1):
        assert [entry.at for entry in page.messages] == list(range(1, count + 1))


def test_questions_between_batches_cost_no_commits(desk, commits):
    """A few hundred peers with a question each would make everybody wait for as many commits."""
    log = desk()
    log.hold(go_on := threading.Event())
    told: list[object] = []
    for at in range(1, 101):
        log.say(at, key=f"k-{at}")
        log.log.when_kept(lambda at=at: told.append(at))
        log.log.look_up("tea", f"k-{at}", 9, "alice", lambda at: told.append(("found", at)))
        log.log.page("tea", HistoryRequest(limit=1), lambda page: told.append(page.messages[0].at * 1.0))
    go_on.set()
    log.loop.until(lambda: len(told) == 300)
    assert told == [one for at in range(1, 101) for one in (at, ("found", at), float(at))]
    assert len(commits) == 1


def test_an_answer_from_what_could_not_be_committed_is_not_given(desk, path, caplog, monkeypatch):
    """The file fails with the commit: what was asked within it is answered from memory, in its place."""
    log = desk()
    log.hold(go_on := threading.Event())
    told: list[object] = []

    def fail(file: sqlite3.Connection, rows: object) -> int:
        raise sqlite3.OperationalError("disk I/O error")

    for at in range(1, 4):
        log.log.page("tea", ALL, lambda page: told.append(len(page.messages)))
        log.say(at)
        log.log.when_kept(lambda at=at: told.append(f"kept {at}"))
    monkeypatch.setattr(store, "write", fail)
    go_on.set()
    log.loop.until(lambda: len(told) == 6)
    monkeypatch.undo()
    assert len(log.failures) == 1
    assert [one for one in told if isinstance(one, str)] == ["kept 1", "kept 2", "kept 3"]
    assert [one for one in told if isinstance(one, int)] == [3, 3, 3]  # memory holds what was said meanwhile
    log.close()


def test_a_page_comes_behind_the_callbacks_before_it(desk):
    log = desk()
    log.say(1)
    pages: list[Page] = []
    log.log.page("tea", ALL, pages.append)
    log.loop.until(lambda: pages)
    assert log.kept == [1]


# --- keys


def test_keys_are_known_after_a_restart(desk):
    first = desk()
    first.say(5, key="k")
    first.say(6, room="coffee", name="Bob", key="k")
    assert first.log.find("tea", "k", 1, "anybody") == 5
    second = desk()
    assert second.log.find("tea", "k", 1, "ALICE") == 5
    assert second.log.find("coffee", "k", 2, "bob") == 6
    assert second.log.find("tea", "k", 1, "bob") is None  # session 1 is another one now
    assert second.log.find("tea", "other", 1, "alice") is None


def test_keys_of_a_failed_file_are_known(desk, path):
    path.mkdir()
    log = desk()
    log.say(5, key="k")
    assert log.log.find("tea", "k", 1, "alice") == 5


def test_a_key_is_known_while_the_log_holds_its_message(desk):
    """Also when newer messages have driven it out of the memory: the log is the file."""
    log = desk(memory=MemoryHistory(per_room=3))
    for at in range(1, 8):
        log.say(at, key=f"k-{at}")
    assert [entry.key for entry in log.page().messages] == [f"k-{at}" for at in range(1, 8)]
    assert [log.known(f"k-{at}") for at in range(1, 8)] == list(range(1, 8))
    assert [log.known(f"k-{at}", session=9) for at in range(1, 8)] == list(range(1, 8))
    assert [log.known(f"k-{at}", name="bob") for at in range(1, 8)] == list(range(1, 8))
    assert [log.known(f"k-{at}", session=9, name="bob") for at in range(1, 8)] == [None] * 7
    assert log.known("k-1", room="coffee") is None


@pytest.mark.parametrize("at_once", [1, 50], ids=["scanned in slices", "scanned at once"])
def test_old_keys_are_known_after_a_restart(desk, monkeypatch, at_once):
    monkeypatch.setattr(writer, "_SLICES_AT_ONCE", at_once)
    monkeypatch.setattr(keys, "_SLICE", 7)
    first = desk(memory=MemoryHistory(per_room=3))
    for at in range(1, 51):
        first.say(at, key=f"k-{at}")
    second = desk(memory=MemoryHistory(per_room=3))
    assert [second.known(f"k-{at}", session=9) for at in range(1, 51)] == list(range(1, 51))
    assert [second.known(f"k-{at}", name="bob") for at in range(1, 51)] == [None] * 50  # session 1 is another one now
    second.loop.until(lambda: second.log._keys.is_complete)
    assert [second.known(f"k-{at}", session=9) for at in range(1, 51)] == list(range(1, 51))
    assert not any(second.log.may_hold("tea", f"new-{at}", 9, "alice") for at in range(100))


def test_a_fresh_key_does_not_wait_for_the_disk(desk):
    log = desk()
    log.hold(go_on := threading.Event())
    looked_up = 0
    for at in range(1, 5_001):
        looked_up += log.log.may_hold("tea", f"k-{at}", 1, "alice")
        log.say(at, key=f"k-{at}")
    assert looked_up < 10  # a filter may be wrong now and then: here for about one key in 300,000
    go_on.set()


def test_a_key_is_forgotten_with_its_message(desk, path, monkeypatch):
    monkeypatch.setattr(store, "_LOADED", 1)
    old = time.time_ns() // 1_000 - 2_000_000_000
    make_file(path, [(old + at, "tea", "alice", "old", f"k-{at}") for at in range(1, 31)])
    log = desk(keep=1_000.0)
    assert log.known("k-1") == old + 1
    end = time.monotonic() + DEADLINE
    while log.page().oldest is not None:
        assert time.monotonic() < end
        time.sleep(0.02)
    assert log.known("k-1") is None


@pytest.mark.parametrize("before", [0, 20_000], ids=["a new file", "a large file"])
def test_the_memory_of_a_log_with_a_file_is_within_its_bound_with_the_filters(desk, path, before):
    """Rooms and people with long names, keys of both kinds, the filters, and what SQLite adds to a text."""
    most = 2**22
    make_file(path, ((at, "coffee", "bob", "x" * 900, f"k-{at}") for at in range(1, before + 1)))
    folded.cache_clear()
    gc.collect()
    tracemalloc.start()
    try:
        log = desk(memory=MemoryHistory(most=most))
        log.loop.until(lambda: log.log._keys.is_complete)
        for at in range(10**6, 10**6 + 12_000):
            room = fold(f"{at % 700:04}" + "\N{GREEK SMALL LETTER ALPHA}" * 60)
            log.say(at, "\xe9" * 60, room, f"{at:07}" + "\N{GREEK SMALL LETTER OMEGA}" * 25, f"{at:032}")
            if at % 100 == 0:
                log.loop.end_tick()
                log.loop.until(lambda at=at: log.kept[-1:] == [at])
                log.kept.clear()
        gc.collect()
        taken = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert log.memory.size + log.log._keys.size <= most
    assert log.log._keys.size <= most // 2
    assert log.memory.size > most // 3
    assert log.log._keys.size >= (most // 8 if before else 2**18)
    assert taken < most * 1.15  # the file's side has some objects of its own


def test_a_full_filter_is_made_anew_and_no_key_is_forgotten_meanwhile(desk, monkeypatch):
    monkeypatch.setattr(keys, "_LEAST_TRACES", 32)
    monkeypatch.setattr(keys, "_SLICE", 5)
    log = desk(memory=MemoryHistory(per_room=2))
    for at in range(1, 301):
        log.say(at, key=f"k-{at}")
        log.loop.end_tick()
        log.loop.rest()
        assert log.known(f"k-{max(1, at - 10)}") == max(1, at - 10)
    assert log.log._keys._of_file.number > 2
    assert [log.known(f"k-{at}") for at in range(1, 301)] == list(range(1, 301))


def test_the_newest_messages_are_in_memory_after_a_restart(desk, path, monkeypatch):
    monkeypatch.setattr(store, "_LOADED", 10)
    make_file(path, [(at, "tea", "alice", f"{at}", f"k-{at}") for at in range(1, 31)])
    log = desk()
    assert log.stamps == [30]
    pages: list[Page] = []
    log.memory.page("tea", ALL, pages.append)
    assert [entry.at for entry in pages[0].messages] == list(range(21, 31))
    assert len(log.page().messages) == 30
    assert log.log.find("tea", "k-21", 1, "alice") == 21


def test_a_file_with_more_than_the_memory_may_hold_opens(desk, path):
    make_file(path, [(at, f"room-{at % 3}", "alice", "x" * 4_000, None) for at in range(1, 301)])
    log = desk(memory=MemoryHistory(most=2**16))
    assert log.stamps == [300]
    assert log.failures == []
    assert log.memory.size <= 2**16
    assert log.page("room-1", HistoryRequest(limit=1)).messages[0].at == 298


def test_an_open_file_of_many_rooms_keeps_the_bound_of_the_memory_when_people_come(desk, path):
    make_file(path, [(at, f"room-{at}", "alice", "x" * 400, None) for at in range(1, 301)])
    log = desk(memory=MemoryHistory(most=2**16))
    log.log.occupied("room-300")
    for at in range(301, 1_001):
        log.say(at, "x" * 400, "room-300")
    assert log.memory.size <= 2**16
    assert log.page("room-1").oldest == 1


# --- stamps


@pytest.mark.parametrize("newest", [1, 1_767_268_800_000_000, 2**62])
def test_the_newest_stamp_is_told(desk, path, newest):
    make_file(path, [(at, "tea", "alice", "hi", None) for at in (0, newest)])
    assert desk().stamps == [newest]


def test_a_file_at_the_end_of_time_does_not_break_the_chat(desk, path):
    make_file(path, [(2**63 - 1, "tea", "alice", "hi", None)])
    log = desk()
    log.say(2**63, "later")  # the next stamp of a hub
    log.loop.until(lambda: log.kept)
    assert "later" in log.texts()


class Later:
    """What is to be called some time: the test says when."""

    def __init__(self) -> None:
        self.calls: list[Callable[[], object]] = []

    def __call__(self, delay: float, callback: Callable[[], object]) -> None:
        self.calls.append(callback)

    def fire(self) -> None:
        calls, self.calls = self.calls, []
        for callback in calls:
            callback()


class Sky:
    """A clock that a test sets, in microseconds."""

    now = 5_000_000_000

    def __call__(self) -> int:
        return self.now


def reserved(path: Path) -> int:
    """Up to which stamp stamps are reserved in the file."""
    rows(path)
    with contextlib.closing(sqlite3.connect(path.parent / "copy" / path.name)) as file:
        return dict(file.execute("select * from mark")).get("reserved", 0)


def test_stamps_are_reserved_on_disk_while_somebody_is_in_a_room(desk, path):
    later, sky = Later(), Sky()
    log = desk(call_later=later, clock=sky)
    assert log.log.stamps_until == FOREVER
    log.log.occupied("tea")
    log.loop.until(lambda: reserved(path))
    for _ in range(30):
        later.fire()
        log.loop.until(lambda: reserved(path) == log.log._reserved)
        log.loop.rest()
        assert sky.now + 3_000_000 <= log.log.stamps_until == reserved(path) - 1_000_000
        sky.now += 1_000_000
    log.log.emptied("tea")
    later.fire()
    assert log.log.stamps_until == FOREVER
    assert later.calls == []  # nobody is there, and nothing is looked at


def test_stamps_are_not_reserved_more_often_than_need_be(desk, path, commits):
    later, sky = Later(), Sky()
    log = desk(call_later=later, clock=sky)
    log.log.occupied("tea")
    for _ in range(100):
        later.fire()
        log.loop.end_tick()
        log.page()  # behind what was to be committed
        sky.now += 100_000
    assert len(commits) == 2


@pytest.mark.parametrize("by", [-3_600_000_000, 3_600_000_000], ids=["back", "ahead"])
def test_a_clock_that_is_set_moves_the_reservation_along(desk, path, by):
    later, sky = Later(), Sky()
    log = desk(call_later=later, clock=sky)
    log.log.occupied("tea")
    log.loop.until(lambda: log.log.stamps_until != FOREVER and reserved(path))
    before = log.log.stamps_until
    sky.now += by
    later.fire()
    assert log.log.stamps_until <= before  # never above what is on disk
    log.loop.until(lambda: reserved(path) == sky.now + 10_000_000)
    log.loop.until(lambda: log.log.stamps_until == sky.now + 9_000_000)


def test_a_proper_end_gives_back_what_was_reserved_and_a_sudden_one_does_not(desk, path):
    later, sky = Later(), Sky()
    log = desk(call_later=later, clock=sky)
    log.log.occupied("tea")
    log.say(sky.now)
    log.loop.until(lambda: log.kept)
    rows(path)
    sudden = path.parent / "copy" / path.name
    assert Desk(sudden).open() == sky.now + 10_000_000
    assert desk().stamps == [sky.now]


def test_a_file_that_has_failed_reserves_nothing(desk, path):
    path.mkdir()
    later = Later()
    log = desk(call_later=later)
    log.log.occupied("tea")
    later.fire()
    assert log.log.stamps_until == FOREVER


# --- a disk that hangs, a file that goes away


def test_nothing_is_said_of_a_hanging_disk_while_it_does_something(desk, caplog):
    later = Later()
    log = desk(call_later=later)
    for at in range(1, 31):
        log.say(at)
        log.loop.until(lambda at=at: at in log.kept)
        later.fire()
    assert log.announced == []
    assert "answer" not in caplog.text


def test_questions_that_wait_for_a_hanging_disk_are_answered_from_memory_in_their_order(desk):
    later = Later()
    log = desk(call_later=later)
    log.say(1, "first", key="k")
    log.loop.until(lambda: log.kept)
    go_on = threading.Event()
    log.hold(go_on)
    answers: list[object] = []
    log.log.page("tea", ALL, lambda page: answers.append(len(page.messages)))
    log.log.look_up("tea", "k", 1, "alice", answers.append)
    log.say(2, "second")
    log.loop.end_tick()
    for _ in range(6):
        assert answers == []
        later.fire()
    assert answers == [2, 1]  # the page has what is in memory by now
    assert "does not answer" in log.announced[0][0]
    assert log.announced[0][1]
    assert len(log.page().messages) == 2
    assert not log.log.may_hold("tea", "never said", 1, "alice")
    assert log.kept == [1]
    go_on.set()
    log.loop.until(lambda: log.kept == [1, 2])
    later.fire()
    assert "answers again" in log.announced[1][0]
    assert log.announced[1][1] == ""
    assert answers == [2, 1]
    assert len(log.announced) == 2


def test_that_a_disk_still_hangs_is_told_less_and_less_often(desk, caplog):
    later = Later()
    log = desk(call_later=later)
    log.hold(go_on := threading.Event())
    log.say(1)
    log.loop.end_tick()
    for _ in range(2_000):
        later.fire()
    assert len(log.announced) == 1
    spans = re.findall("has not answered for ([^:]*):", caplog.text)
    assert spans[:5] == ["2 seconds", "4 seconds", "8 seconds", "16 seconds", "32 seconds"]
    assert 10 <= len(spans) <= 15
    go_on.set()


def test_a_file_that_goes_away_at_the_very_end_is_made_anew(desk, path, monkeypatch):
    monkeypatch.setattr(place, "_LOOK", 1_000.0)
    log = desk()
    for at in range(1, 6):
        log.say(at, key=f"k-{at}")
    log.loop.until(lambda: len(log.kept) == 5)
    path.unlink()
    log.close()
    assert [row[0] for row in rows(path)] == [1, 2, 3, 4, 5]
    assert "deleted" in log.failures[0]


def test_a_file_that_is_replaced_gets_what_was_said_since_and_nothing_else(desk, path):
    log = desk()
    log.say(1, "of the old file")
    log.loop.until(lambda: log.kept)
    other = path.with_name("other.db")
    make_file(other, [(7, "tea", "bob", "of the other file", None)])
    other.replace(path)
    log.say(8, "since")
    log.loop.until(lambda: log.came_back)
    assert log.came_back == [8]
    assert log.texts() == ["of the other file", "since"]
    assert "again" in log.announced[-1][0]


def test_a_file_that_is_made_anew_knows_its_keys(desk, path, monkeypatch):
    monkeypatch.setattr(disk, "_GIVEN_AT_ONCE", 10)
    log = desk(memory=MemoryHistory(per_room=50))
    for at in range(1, 101):
        log.say(at, room=f"room-{at % 5}", key=f"k-{at}")
    log.loop.until(lambda: len(log.kept) == 100)
    path.unlink()
    log.loop.until(lambda: log.came_back)
    assert "anew" in log.announced[-1][0]
    log.loop.until(lambda: len(rows(path)) == 100)
    for at in range(101, 301):
        log.say(at, room=f"room-{at % 5}")
    assert [log.known(f"k-{at}", room=f"room-{at % 5}") for at in range(1, 101)] == list(range(1, 101))


# --- bounds


def test_a_new_file_can_shrink(desk, path):
    log = desk()
    log.say(1)
    log.close()
    with contextlib.closing(sqlite3.connect(path)) as file:
        assert file.execute("pragma auto_vacuum").fetchone() == (2,)
        assert file.execute("pragma user_version").fetchone() == (VERSION,)
        assert file.execute("pragma journal_mode").fetchone() == ("wal",)


@pytest.mark.parametrize("bounds", [{"keep": 1_000.0}, {"most": 100_000}], ids=["keep", "most"])
def test_a_log_keeps_its_bounds_while_it_serves(desk, path, monkeypatch, bounds):
    monkeypatch.setattr(store, "_SWEEP_ROWS", 100)
    now = time.time_ns() // 1_000
    make_file(path, [(now - 2_000_000_000 + at, "tea", "alice", "x" * 1_000, None) for at in range(300)])
    log = desk(**bounds)
    assert log.page().oldest == now - 2_000_000_000
    log.say(now, "new")
    end = time.monotonic() + DEADLINE
    while (page := log.page(request=HistoryRequest(limit=MAX_PAGE))).oldest <= now - 2_000_000_000 + 200:
        assert time.monotonic() < end
        log.loop.until(lambda: True)
        time.sleep(0.02)
    assert page.messages[-1].text == "new"
    assert log.failures == []


def test_without_bounds_nothing_is_ever_deleted_and_nobody_looks(desk, monkeypatch):
    looks: list[object] = []
    monkeypatch.setattr(store, "sweep", lambda *args: looks.append(args) and False)
    moments = itertools.count(0, 1_000)  # a quarter of an hour goes by with each look at the clock
    monkeypatch.setattr(writer, "time", types.SimpleNamespace(monotonic=lambda: next(moments), sleep=lambda _: None))
    log = desk(keep=0.0, most=0)
    log.say(1)
    assert log.texts() == ["hi"]
    assert log.failures == []
    assert looks == []


# --- failing


def not_a_database(path: Path) -> None:
    path.write_bytes(b"These are the words of another program.\n" * 1_000)


def a_few_letters(path: Path) -> None:
    path.write_bytes(b"hello\n")


def truncated(path: Path) -> None:
    make_file(path, [(at, "tea", "alice", "x" * 1_000, None) for at in range(1, 1_001)])
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


def damaged(path: Path) -> None:
    """The first page is sound, so the file opens; all the others are not."""
    make_file(path, [(at, "tea", "alice", "x" * 1_000, None) for at in range(1, 1_001)])
    with path.open("r+b") as file:
        file.seek(4_096)
        file.write(b"\xff" * (path.stat().st_size - 4_096))


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
    assert log.log.find("tea", f"k-{first}", 1, "alice") == first
    assert log.page("nowhere") == Page([], False, None)
    log.log.occupied("coffee")
    log.log.emptied("coffee")
    assert log.close() < DEADLINE / 4
    assert len(log.failures) == 1
    records = [
        record for record in caplog.records if record.name != "pylingo.reactor.history.clock"
    ]  # these stamps are of 1970
    line, *last = (record for record in records if record.levelno >= logging.WARNING)
    assert log.failures[0] in line.getMessage()
    assert "memory" in line.getMessage()
    assert line.exc_info is None
    assert ["messages are lost" in record.getMessage() for record in last] == [True] * is_lost


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
def test_what_was_said_before_the_file_was_found_unusable_is_answered(desk, path, spoil):
    spoil(path)
    log = desk(opened=False)
    log.log.open(log.stamps.append)
    log.say(1, "early")
    pages: list[Page] = []
    log.log.page("tea", ALL, pages.append)
    log.log.when_kept(lambda: log.kept.append(2))
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
    monkeypatch.setattr(opening, "_COMMIT_BUSY", 0.05)
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
    monkeypatch.setattr(opening, "BUSY", 0.05)
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
    log.log.open(log.stamps.append)
    wait_until(lambda: log.log._writer.thread.is_alive())
    log.say(8)
    other.execute("rollback")
    other.close()
    log.loop.until(lambda: log.kept)
    assert log.stamps == [7]
    assert log.failures == []


@pytest.fixture
def small_disk(monkeypatch: pytest.MonkeyPatch) -> list[sqlite3.Connection]:
    """A disk with room for so little that it is soon full."""
    files: list[sqlite3.Connection] = []

    def small(*args: Any) -> sqlite3.Connection:
        file = open_file(*args)
        file.execute("pragma max_page_count = 16")
        files.append(file)
        return file

    monkeypatch.setattr(disk, "open_file", small)
    return files


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
            log.log.page("tea", HistoryRequest(limit=1), pages.append)
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
    log.log.close(0.1)
    assert time.monotonic() - begin < DEADLINE / 4
    assert any("0.1 s" in record.getMessage() for record in caplog.records)
    go_on.set()
    log.log._writer.thread.join(DEADLINE)


# --- with a reactor, a hub and a server


def test_in_a_reactor(path):
    loop = Reactor()
    told: list[object] = []
    log = SqliteHistory(str(path), loop.call_before_flush, loop.call_from_thread, told.append, MemoryHistory())  # type: ignore[arg-type]
    log.open(lambda newest: told.append(newest))
    log.add("tea", Entry("alice", "hi", 5), 1)
    log.when_kept(lambda: told.append("kept"))
    log.page("tea", ALL, told.append)
    wait_until(lambda: loop.tick(0.01) or len(told) == 3)
    assert told == [0, "kept", Page([Entry("alice", "hi", 5)], False, 5)]
    log.close(DEADLINE)
    loop.close()


def test_sent_follows_the_commit_and_the_room_does_not_wait(desk, path):
    log = desk()
    chat = Chat(log=log.log)
    chat.scheduled = log.loop.scheduled
    chat.hub = Hub(log.loop.scheduled.append, lambda: chat.now, history=log.log)
    alice, bob = chat.people("alice", "bob")
    alice.ask(Say("hi", "k", 1), Say("hi", "k", 2))
    chat.tick()
    assert [type(record) for record in bob.got()] == [Message]
    assert alice.got() == []
    before = len(alice.out.buffers)
    log.loop.until(lambda: len(alice.out.buffers) == before + 2)
    at = rows(path)[0][0]
    assert alice.got() == [Sent("tea", at, 1, "k"), Sent("tea", at, 2, "k")]


def test_a_server_whose_file_cannot_be_used_lets_everybody_in(path, caplog):
    damaged(path)
    with benches() as bench:
        desk = bench(history=str(path))
        address = desk.server.start()
        desk.turn_until(lambda: desk.server.admission.listeners)
        assert address
        wire = desk.connect()
        wire.send(PongRequest())
        desk.turn()
        assert [type(record) for record in wire.got()] == [Welcome, Notice]


def test_everybody_is_told_when_the_file_fails(path, small_disk):
    with benches() as bench:
        desk = bench(history=str(path))
        desk.server.start()
        desk.turn_until(lambda: desk.server.admission.listeners)
        alice, bob = desk.guest(Command("join", "tea")), desk.guest()
        heard: dict[str, list[Any]] = {"alice": [], "bob": []}
        for number in range(200):
            alice.send(Say("x" * 2_000, id=number))
            desk.turn()
        for name, wire in (("alice", alice), ("bob", bob)):
            desk.turn_until(
                lambda name=name, wire=wire: heard[name].extend(wire.got()) or Notice in map(type, heard[name])
            )
        desk.turn_until(
            lambda: heard["alice"].extend(alice.got()) or list(map(type, heard["alice"])).count(Sent) == 200
        )
        for records in heard.values():
            assert len([record for record in records if type(record) is Notice]) == 1
