"""The thread that owns the log's file, so that the reactor never waits for a disk.

It takes all batches that have come meanwhile and commits them together: one flush to the disk serves everybody who
spoke. Questions come behind what was said before them, so their answers hold everything stamped earlier.

When the file fails, the thread goes on without: it collects what is said, has questions answered from memory, and
tries the file again now and then. Once it can be used, what was collected is written, and what could not be is counted.
"""

import itertools
import logging
import os
import queue
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from reactor.chat import store
from reactor.chat.keys import Filter, Scan
from reactor.chat.store import FAILURES, Row
from shared.messages import Entry

logger = logging.getLogger(__name__)

_COMMIT_EVERY = 0.005  # seconds: more commits than that take the reactor's time, and its lock, for little
_SWEEP = 60.0  # seconds between two looks for what is too old or too much
_SLICES_AT_ONCE = 50  # of a file with few keys, these are read before anybody comes
_RETRY = 5.0  # seconds after a failure; twice as many after each further one
_RETRY_MOST = 300.0
_AT_ONCE = 2_000  # rows of the backlog in one commit
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


@dataclass(slots=True)
class Batch:
    """What was said in a tick, and who is to be told that it is kept."""

    rows: list[Row] = field(default_factory=list)
    kept: list[Callable[[], object]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Question:
    """Something to ask the file. `without` is called in its place, or when it has failed."""

    ask: Callable[[sqlite3.Connection], object]
    without: Callable[[], object]


@dataclass(frozen=True, slots=True)
class Rescan:
    """Have the filter of the file's keys made anew, under that number."""

    number: int


class _Nothing:
    """No task has come."""


NOTHING = _Nothing()
Task = Batch | Question | Rescan | None
"""None is the last one."""


class Told(Protocol):
    """Who is told what became of things. All of it in the loop, in order."""

    def opened(self, newest: int, entries: list[tuple[str, Entry]], keys: Filter | None) -> None:
        """The file can be used, or will not be for now: its newest stamp and messages, and its keys if it has few."""

    def kept(self, callbacks: list[Callable[[], object]]) -> None: ...

    def scanned(self, keys: Filter) -> None:
        """These are the keys of the file."""

    def failed(self, sentence: str) -> None:
        """The file has failed."""

    def came_back(self, newest: int, written: int, lost: int) -> None:
        """The file can be used again: how many messages were said meanwhile, and are in it now or nowhere."""


class Writer:
    """The thread. `keep` is in seconds, `most` in bytes, 0 for no bound.

    `backlog` is in bytes as told by the rows, `most_filter` in bytes of the filter of the file's keys.
    """

    def __init__(
        self,
        path: str,
        call_from_thread: Callable[..., object],
        told: Told,
        open_file: Callable[..., sqlite3.Connection],
        keep: float,
        most: int,
        backlog: int,
        most_filter: int,
    ) -> None:
        self._path = path
        self._tell = call_from_thread
        self._told = told
        self._open_file = open_file
        self._keep = keep
        self._most = most
        self._most_filter = most_filter
        self._uncommitted: list[Batch] = []  # what the file failed with
        self._backlog: deque[Row] = deque()  # said since the file failed
        self._backlog_size = 0
        self._backlog_most = backlog
        self._written = self._lost = 0  # of what was said since the file failed
        self._newest = 0  # stamp in a file that came back
        self._damage: object = None  # the damaged file, as it was when that was noticed
        self._delay = _RETRY
        self._next_sweep = self._next_commit = 0.0
        self._scan: Scan | None = None
        self._put_back: Task | _Nothing = NOTHING
        self.tasks: queue.SimpleQueue[Task] = queue.SimpleQueue()
        self.thread = threading.Thread(target=self._run, name="history", daemon=True)

    def _run(self) -> None:
        file = self._begin()
        while True:
            if file is None:
                file = self._wait_for_file()
                if file is None:
                    return
            since = time.monotonic()
            try:
                self._serve(file)
                return
            except Exception as error:
                if time.monotonic() - since > _RETRY_MOST:
                    self._delay = _RETRY
                self._fail(error)
            finally:
                file.close()
            self._note_damage()
            file = None

    # --- while the file can be used

    def _begin(self) -> sqlite3.Connection | None:
        file = None
        try:
            file = self._open_file(self._path)
            entries = store.load(file)
            scan = Scan(file, most=self._most_filter)
            is_over = any(scan.go_on() for _ in range(_SLICES_AT_ONCE))
        except Exception as error:
            if file is not None:
                file.close()
            self._fail(error)
            self._note_damage()
            self._tell(self._told.opened, 0, [], None)
            return None
        self._prepare(None if is_over else scan)
        self._tell(self._told.opened, entries[-1][1].at if entries else 0, entries, scan.keys if is_over else None)
        return file

    def _prepare(self, scan: Scan | None) -> None:
        self._scan = scan
        self._next_sweep = time.monotonic() + 1.0

    def _serve(self, file: sqlite3.Connection) -> None:
        """Commit batches and answer questions until there are no more to come. Raises what a file can raise."""
        store.begin_serving(file)
        while True:
            self._do_chores(file)
            task = self._take(self._patience())
            batches = []
            if isinstance(task, Batch):
                time.sleep(max(0.0, self._next_commit - time.monotonic()))
            while isinstance(task, Batch):
                batches.append(task)
                task = self._take(0)
            if batches:
                self._put_back = task
                self._commit(file, batches)
            elif isinstance(task, Question):
                try:
                    task.ask(file)
                except BaseException:
                    self._put_back = task
                    raise
            elif isinstance(task, Rescan):
                self._scan = Scan(file, task.number, self._most_filter)
            elif task is None:
                return

    def _do_chores(self, file: sqlite3.Connection) -> None:
        if self._scan is not None and self._scan.go_on():
            logger.info("%d keys of the history were read in %.1f s", self._scan.count, self._scan.age)
            self._tell(self._told.scanned, self._scan.keys)
            self._scan = None
        if (self._keep or self._most) and time.monotonic() >= self._next_sweep:
            begin = time.monotonic()
            more = store.sweep(file, self._keep, self._most)
            end = time.monotonic()
            self._next_sweep = end + (max(0.05, 2 * (end - begin)) if more else _SWEEP)

    def _patience(self) -> float | None:
        """Seconds to wait for a task before there is something else to do."""
        if self._scan is not None:
            return 0.0
        return max(0.0, self._next_sweep - time.monotonic()) if self._keep or self._most else None

    def _take(self, timeout: float | None) -> Task | _Nothing:
        task, self._put_back = self._put_back, NOTHING
        if task is not NOTHING:
            return task
        try:
            return self.tasks.get(timeout=timeout) if timeout != 0 else self.tasks.get_nowait()
        except queue.Empty:
            return NOTHING

    def _commit(self, file: sqlite3.Connection, batches: list[Batch]) -> None:
        """Write what several ticks have added, and say so. If the file fails, that is said first."""
        try:
            store.insert(file, (row for batch in batches for row in batch.rows))
        except BaseException:
            self._uncommitted = batches
            raise
        self._next_commit = time.monotonic() + _COMMIT_EVERY
        self._tell(self._told.kept, [callback for batch in batches for callback in batch.kept])

    # --- while it cannot

    def _fail(self, error: Exception) -> None:
        _log_bug(error)
        self._damage = error if getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGED else None
        self._tell(self._told.failed, f"the history in {self._path} failed: {error}")
        for batch in self._uncommitted:
            self._answer_without(batch)
        self._uncommitted = []

    def _note_damage(self) -> None:
        """A file that is damaged is not tried again before it is another one. After it was closed."""
        if self._damage is not None:
            self._damage = self._identity()

    def _identity(self) -> object:
        try:
            status = os.stat(self._path)
        except OSError:
            return None
        return status.st_ino, status.st_size, status.st_mtime_ns

    def _wait_for_file(self) -> sqlite3.Connection | None:
        """Answer what comes without the file, and try to open it now and then; None if that was the end."""
        retry = time.monotonic() + self._delay
        while True:
            task = self._take(max(0.0, retry - time.monotonic()))
            if task is None or time.monotonic() >= retry:
                if task is not None and task is not NOTHING:
                    self._answer_without(task)
                file = self._try_again()
                self._delay = min(2 * self._delay, _RETRY_MOST)
                if file is not None and task is not None:
                    self._tell(self._told.came_back, self._newest, self._written, self._lost)
                    self._written = self._lost = 0
                    return file
                if task is None:
                    self._end_without(file)
                    return None
                retry = time.monotonic() + self._delay
            elif task is not NOTHING:
                self._answer_without(task)

    def _answer_without(self, task: Task | _Nothing) -> None:
        if isinstance(task, Batch):
            self._set_aside(task.rows)
            self._tell(self._told.kept, task.kept)
        elif isinstance(task, Question):
            task.without()

    def _set_aside(self, rows: list[Row]) -> None:
        """Collect what was said until the file can be used; the oldest goes when there is too much of it."""
        self._backlog.extend(rows)
        self._backlog_size += sum(map(_size, rows))
        while self._backlog_size > self._backlog_most:
            self._backlog_size -= _size(self._backlog.popleft())
            self._lost += 1

    def _try_again(self) -> sqlite3.Connection | None:
        """Open the file, and write what was said since it has failed; None if that cannot be."""
        if self._damage is not None and self._damage == self._identity():
            return None
        file = None
        try:
            file = self._open_file(self._path, 0.0)
            self._write_backlog(file)
            self._newest = store.newest_stamp(file)
            self._prepare(Scan(file, most=self._most_filter))
        except Exception as error:
            _log_bug(error)
            logger.debug("the history in %s cannot be used yet: %s", self._path, error)
            if file is not None:
                file.close()
            return None
        self._damage = None
        return file

    def _write_backlog(self, file: sqlite3.Connection) -> None:
        """In pieces, between which what comes is answered, and joins the backlog."""
        while self._backlog:
            rows = list(itertools.islice(self._backlog, _AT_ONCE))
            new = store.insert(file, rows)
            self._written += new
            self._lost += len(rows) - new
            for row in rows:
                self._backlog.popleft()
                self._backlog_size -= _size(row)
            while (task := self._take(0)) is not NOTHING:
                if task is None:
                    self._put_back = None
                    break
                self._answer_without(task)

    def _end_without(self, file: sqlite3.Connection | None) -> None:
        if file is not None:
            file.close()
        lost = len(self._backlog) + self._lost
        if lost:
            logger.error("%d messages are lost: they were said since the history in %s failed", lost, self._path)


def _log_bug(error: Exception) -> None:
    """What no file can raise is a bug of ours. The thread goes on all the same: nobody may wait for it for ever."""
    if not isinstance(error, FAILURES):
        logger.error("a bug in the writing of the history", exc_info=error)


def _size(row: Row) -> int:
    """About the bytes that a row takes in memory."""
    return 300 + 4 * len(row[3])
