"""A history in a file whose loop tests turn by hand, history files in several states, and a fake writer thread."""

import contextlib
import queue
import shutil
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from pylingo.reactor.history.database import prepare
from pylingo.reactor.history.history import Page
from pylingo.reactor.history.key_filters import BloomFilter
from pylingo.reactor.history.memory import MemoryHistory
from pylingo.reactor.history.sqlite import SqliteHistory
from pylingo.reactor.history.store import Row, insert
from pylingo.reactor.history.writer_queue import Inbox, Task, WriteBatch
from pylingo.shared.messages import MAX_PAGE, Entry, HistoryRequest
from tests.support import DEADLINE, wait_until

ALL = HistoryRequest(since=0, limit=MAX_PAGE)


class SlowLog(MemoryHistory):
    """Keys that begin with "old" may be in a file, and the test says when it has been looked at.

    A search has all the time that it wants.
    """

    def __init__(self) -> None:
        super().__init__(clock=lambda: 0.0)
        self.questions: list[tuple[tuple[str, str, int, str], Callable[[int | None], object]]] = []
        self.others: list[tuple[int, ...]] = []
        """The sessions that did not count, for each question."""

    def may_hold(self, room: str, key: str, session: int, name: str) -> bool:
        return key.startswith("old")

    def look_up(
        self,
        room: str,
        key: str,
        session: int,
        name: str,
        answer: Callable[[int | None], object],
        others: tuple[int, ...] = (),
    ) -> None:
        self.others.append(others)
        self.questions.append(((room, key, session, name), answer))

    def answer(self, at: int | None) -> None:
        self.questions.pop(0)[1](at)


class Loop:
    """A reactor as a history knows it. Tests end its ticks, and make the calls of threads one by one."""

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
    """A history in a file, whose loop the test turns, and everything that it has reported."""

    def __init__(
        self,
        path: Path,
        memory: MemoryHistory | None = None,
        call_later: Callable[..., object] = lambda delay, callback: None,
        **bounds: Any,
    ) -> None:
        self.loop = Loop()
        self.failures: list[str] = []
        self.announced: list[tuple[str, str]] = []
        self.stamps: list[int] = []
        self.kept: list[int] = []
        self.came_back: list[int] = []
        self.scans = 0
        self.memory = memory or MemoryHistory()
        self.history = SqliteHistory(
            str(path),
            self.loop.scheduled.append,
            self.loop.call_from_thread,
            call_later,
            lambda *words: self.announced.append(words),
            self.came_back.append,
            self.memory,
            **bounds,
        )
        failed, scanned = self.history.failed, self.history.scanned

        def note_failure(sentence: str) -> None:
            self.failures.append(sentence)
            failed(sentence)

        def note_scan(keys: BloomFilter) -> None:
            self.scans += 1
            scanned(keys)

        self.history.failed = note_failure  # type: ignore[method-assign]
        self.history.scanned = note_scan  # type: ignore[method-assign]

    def open(self) -> int:
        """Returns the newest stamp."""
        self.history.open(self.stamps.append)
        self.loop.until(lambda: self.stamps)
        return self.stamps[0]

    def say(self, at: int, text: str = "hi", room: str = "tea", name: str = "alice", key: str | None = None) -> None:
        self.history.add(room, Entry(name, text, at, key), 1)
        self.history.when_committed(lambda: self.kept.append(at))

    def page(self, room: str = "tea", request: HistoryRequest = ALL) -> Page:
        pages: list[Page] = []
        self.history.page(room, request, pages.append)
        self.loop.until(lambda: pages)
        return pages[0]

    def texts(self, room: str = "tea") -> list[str]:
        return [entry.text for entry in self.page(room).messages]

    def known(self, key: str, session: int = 1, name: str = "alice", room: str = "tea") -> int | None:
        """Since when a message with the key is in the log, wherever that must be looked up."""
        at = self.history.find(room, key, session, name)
        if at is not None or not self.history.may_hold(room, key, session, name):
            return at
        answers: list[int | None] = []
        self.history.look_up(room, key, session, name, answers.append)
        self.loop.until(lambda: answers)
        return answers[0]

    def hold(self, go_on: threading.Event) -> None:
        """The disk is busy until then."""

        begun = threading.Event()

        def wait(file: sqlite3.Connection) -> Callable[[], object]:
            begun.set()
            go_on.wait(DEADLINE)
            return lambda: None

        self.history.query(wait, lambda: None)
        assert begun.wait(DEADLINE)

    def close(self) -> float:
        """Returns how long it took. The thread must have ended."""
        begin = time.monotonic()
        self.history.close(DEADLINE)
        taken = time.monotonic() - begin
        assert not self.history.is_running
        self.loop.rest()
        return taken


# --- files


def rows(path: Path) -> list[tuple[Any, ...]]:
    """The content of the file and its journal, as if the server had been killed now."""
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
        insert(file, [(*row, *[None] * 6) for row in said])


def damaged(path: Path) -> None:
    """The first page is sound, so the file opens; all the others are not."""
    make_file(path, [(at, "tea", "alice", "x" * 1_000, None) for at in range(1, 1_001)])
    with path.open("r+b") as file:
        file.seek(4_096)
        file.write(b"\xff" * (path.stat().st_size - 4_096))


def in_memory() -> sqlite3.Connection:
    """A file that is none."""
    file = sqlite3.connect(":memory:")
    prepare(file)
    return file


# --- the writer thread

MOST = 10_000


class Thread:
    """Does the tasks of an inbox when the test says so."""

    def __init__(self) -> None:
        self.inbox = Inbox()
        self.inbox.done = 1  # the opening
        self.stamps: list[int] = []
        self._tasks: deque[Task] = deque()

    @property
    def tasks(self) -> deque[Task]:
        """Those that are not done."""
        while (task := self.inbox.take()) is not None:
            self._tasks.append(task)
        return self._tasks

    def work(self, count: int | None = None) -> None:
        tasks = self.tasks
        for _ in range(len(tasks) if count is None else count):
            task = tasks.popleft()
            self.inbox.done += 1
            if isinstance(task, WriteBatch):
                self.stamps += [row[0] for row in task.rows]


def row(at: int) -> Row:
    return at, "tea", "alice", "hi", *[None] * 7


def batch(at: int, size: int = 100) -> WriteBatch:
    return WriteBatch([row(at)], size=size)
