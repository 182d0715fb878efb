"""The thread that owns the history file, so that the event loop never waits for a disk.

It takes all batches that have come meanwhile and commits them together: one flush to the disk serves everybody who
sent a message. Queries see everything that was added before them.

This module is the thread while the file can be used. `outage` is the thread while it cannot. A file that was deleted,
renamed or replaced counts as unusable as well, though the system would let one write to it forever.
"""

import itertools
import logging
import math
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from pylingo.reactor.history import store
from pylingo.reactor.history.clock import ClockTrust
from pylingo.reactor.history.database import FileIdentity
from pylingo.reactor.history.indexer import Indexer
from pylingo.reactor.history.key_filters import FILTER_SHARE, KeyScan
from pylingo.reactor.history.outage import Backlog, Outage
from pylingo.reactor.history.searcher import Searcher
from pylingo.reactor.history.writer_queue import (
    DropChapter,
    Inbox,
    Query,
    Redaction,
    Rescan,
    Stop,
    Task,
    WriteBatch,
    WriterListener,
)
from pylingo.shared.text import counted

logger = logging.getLogger(__name__)

_BUSY = 2.0  # seconds that a commit waits for another program's lock; then the file counts as failed
_COMMIT_EVERY = 0.005  # seconds: more commits take time and the interpreter from the loop, and gain little
_ROWS_PER_COMMIT = 5_000  # so that each commit is short
_ROWS_OF_QUERY = 20  # a query takes about as long as writing so many rows
_SWEEP_EVERY = 60.0  # seconds between two searches for messages to delete
_TRUNCATE_AGAIN = 1.0  # seconds until the journal is cut, if a reader was in the way
_REST = 3.0  # times as long as a step of the index are spent without one
_SLICES_AT_ONCE = 50  # of the key scan: a file with few keys is read before anybody connects


@dataclass(eq=False)
class Writer:
    """The thread. `report(callback, *args)` calls `callback` in the loop.

    `keep` is in seconds, `most` in bytes of the file, 0 for no bound. `memory` bounds the bytes of messages kept during
    an outage, and its share those of the filter of the file's keys. `searcher` reads the file as well.
    """

    path: str
    report: Callable[..., object]
    listener: WriterListener
    open_file: Callable[..., sqlite3.Connection]
    keep: float
    most: int
    memory: int
    searcher: Searcher

    def __post_init__(self) -> None:
        self.inbox = Inbox()
        self.observe_commit: Callable[[float], object] | None = None
        """Called in the thread with the seconds of each commit."""
        self.thread = threading.Thread(target=self._run, name="history", daemon=True)
        self._identity = FileIdentity(self.path)
        self._most_filter = self.memory // FILTER_SHARE
        backlog = Backlog(self.memory)
        self._outage = Outage(
            self.inbox, self._identity, self.report, self.listener, self.open_file, self._prepare, backlog
        )
        self._trust: ClockTrust | None = None
        self._doubted: tuple[int, int] | None = None  # as stored in the file
        self._scan: KeyScan | None = None
        self._index: Indexer | None = None
        self._next_sweep = self._next_commit = self._next_step = 0.0
        self._next_truncation = math.inf
        self._unfinished: list[WriteBatch | Query] = []  # tasks that the file failed with

    def _run(self) -> None:
        file = self._open()
        while file is not None or (file := self._outage.wait_for_file()) is not None:
            try:
                self._serve(file)
                return
            except Exception as error:
                self.searcher.suspend()
                self._outage.begin(error, file, self._unfinished)
            finally:
                file.close()
            file = None

    def _open(self) -> sqlite3.Connection | None:
        """Open the file for the first time and report it. Return None if that failed."""
        file, keys = None, None
        try:
            file = self.open_file(self.path)
            entries = store.load(file)
            scan = KeyScan(file, most=self._most_filter)
            is_complete = any(scan.step() for _ in range(_SLICES_AT_ONCE))
            newest = self._prepare(file, scan)
            if is_complete:
                keys, self._scan = scan.keys, None
            self.report(self.listener.rooms_read, store.read_topics(file), store.read_charters(file))
        except Exception as error:
            self._outage.begin(error, file, [])
            file, newest, entries = None, 0, []
        self.inbox.done += 1
        self.report(self.listener.opened, newest, entries, keys)
        return file

    def _prepare(self, file: sqlite3.Connection, scan: KeyScan | None = None) -> int:
        """Begin to use the file. Return the newest stamp that was given, or may have been."""
        newest = store.newest_stamp(file)
        known = store.read_numbers(file)
        sound, ran = known.get("sound"), known.get("ran", 0)
        self._trust = self._trust or ClockTrust(newest, self.keep, sound, ran)
        self._doubted = (sound, ran) if sound is not None else None
        self._identity.remember()
        self._scan = scan or KeyScan(file, most=self._most_filter)
        self._index = Indexer(file, self.keep, self.most)
        self.searcher.resume()
        self._next_sweep = time.monotonic() + 1.0 if self.keep or self.most else math.inf
        return max(newest, known.get("reserved", 0))

    def _serve(self, file: sqlite3.Connection) -> None:
        """Commit batches and answer queries until the last task. Raises the exceptions of an unusable file."""
        file.execute(f"pragma busy_timeout = {_BUSY * 1e3:.0f}")
        self._unfinished = []
        while True:
            self._do_chores(file)
            next_step = self._next_step if self._index is not None and self._index.is_busy else math.inf
            next_chore = min(self._identity.next_check, self._next_sweep, self._next_truncation, next_step)
            task = self.inbox.take(0.0 if self._scan is not None else next_chore - time.monotonic())
            if isinstance(task, WriteBatch | Query):
                self._do(file, self._gather(task))
            elif isinstance(task, Rescan):
                self._scan = KeyScan(file, task.number, self._most_filter)
                self.inbox.done += 1
            elif isinstance(task, DropChapter):
                if self._index is not None:
                    self._index.give_up(task.number)
                self.inbox.done += 1
            elif isinstance(task, Stop):
                self.inbox.put_back(task)  # if the file is gone, this is still the end
                self._identity.check()
                return

    def _gather(self, first: WriteBatch | Query) -> list[WriteBatch | Query]:
        """Return the task and those behind it that come before the next commit is due."""
        work: list[WriteBatch | Query] = []
        task: Task | None = first
        rows = 0
        has_waited = False
        while isinstance(task, WriteBatch | Query) and rows < _ROWS_PER_COMMIT:
            if isinstance(task, WriteBatch) and not has_waited:
                time.sleep(max(0.0, self._next_commit - time.monotonic()))
                has_waited = True
            work.append(task)
            rows += len(task.rows) if isinstance(task, WriteBatch) else _ROWS_OF_QUERY
            task = self.inbox.take()
        self.inbox.put_back(task)
        return work

    def _do(self, file: sqlite3.Connection, work: list[WriteBatch | Query]) -> None:
        """Write and query in one transaction, then report in the same order. A failure is reported first.

        A query sees what was written before it and not yet committed. With a commit before each query instead, a few
        hundred peers with a query each would make everybody wait for seconds.
        """
        reports: list[Callable[[], object]] = []
        self._unfinished = work
        begin = time.monotonic()
        with file:
            for _, tasks in itertools.groupby(work, type):
                batches = []
                for task in tasks:
                    if isinstance(task, WriteBatch):
                        batches.append(task)
                    elif not task.is_settled:
                        reports.append(partial(task.settle, task.ask(file)))
                if batches:
                    reports.append(self._write(file, batches))
        if any(isinstance(task, Redaction) for task in work):
            if self._index is not None:
                self._index.reload()
            self._truncate(file)
        if any(isinstance(task, WriteBatch) for task in work):
            if self.observe_commit is not None:
                self.observe_commit(time.monotonic() - begin)
            self._identity.check()
            self._next_commit = time.monotonic() + _COMMIT_EVERY
        self._unfinished = []
        self.inbox.done += len(work)
        for report in reports:
            self.report(report)

    def _write(self, file: sqlite3.Connection, batches: list[WriteBatch]) -> Callable[[], object]:
        """Write the batches of several ticks. Return the report to make when they are committed."""
        reserved = next((batch.reserved for batch in reversed(batches) if batch.reserved is not None), None)
        self._store_doubt(file)
        if reserved is not None:
            store.write_numbers(file, reserved=reserved)
        for batch in batches:
            store.write_topics(file, batch.rooms.topics)
            store.write_charters(file, batch.rooms.charters)
        store.write(file, (row for batch in batches for row in batch.rows))
        if self._index is not None:
            self._index.wrote(row for batch in batches for row in batch.rows)
        callbacks = [callback for batch in batches for callback in batch.committed]
        return partial(self.listener.committed, callbacks, reserved)

    def _do_chores(self, file: sqlite3.Connection) -> None:
        if self._scan is not None and self._scan.step():
            logger.info(
                "%s read in %.1f s",
                counted(self._scan.count, "key of the history was", "keys of the history were"),
                time.monotonic() - self._scan.begin,
            )
            self.report(self.listener.scanned, self._scan.keys)
            self._scan = None
        begin = time.monotonic()
        if begin >= self._next_truncation:
            self._truncate(file)
        if begin >= self._identity.next_check:
            self._identity.check()
        if begin >= self._next_sweep:
            oldest = self._trust.oldest() if self._trust is not None else 0
            self._store_doubt(file)
            more = store.sweep(file, oldest, self.most)
            if more and self._index is not None:
                self._index.messages_deleted()
            end = time.monotonic()
            self._next_sweep = end + (max(0.05, 2 * (end - begin)) if more else _SWEEP_EVERY)

        if self._index is not None and self._index.is_busy and begin >= self._next_step:
            begin = time.monotonic()
            if self._index.step():
                self._truncate(file)
            end = time.monotonic()
            self._next_step = end + _REST * (end - begin)

    def _truncate(self, file: sqlite3.Connection) -> None:
        """Cut the journal, which has the text of redacted messages; later if somebody reads it just now."""
        with self.searcher.paused():
            is_done = store.truncate_journal(file)
        self._next_truncation = math.inf if is_done else time.monotonic() + _TRUNCATE_AGAIN

    def _store_doubt(self, file: sqlite3.Connection) -> None:
        """Add doubts about the clock to the next commit. After a restart, stamps of a wrong clock would confirm it."""
        doubted = self._trust.doubted if self._trust is not None else None
        if doubted != self._doubted:
            self._doubted = doubted
            sound, ran = doubted or (None, None)
            store.write_numbers(file, sound=sound, ran=ran)
