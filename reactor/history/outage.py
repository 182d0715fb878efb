"""The writer thread while the history file cannot be used.

It keeps new messages in a backlog, has queries answered from memory and tries to open the file again, less and less
often. When the file can be used, the backlog is written, and the messages that are lost are counted.
"""

import itertools
import logging
import math
import sqlite3
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from pylingo.reactor.history import store
from pylingo.reactor.history.database import FileGoneError, FileIdentity
from pylingo.reactor.history.store import Row, redacted_row, row_size
from pylingo.reactor.history.writer_queue import Inbox, Query, Redaction, Stop, Task, WriteBatch, WriterListener
from pylingo.shared.text import counted

logger = logging.getLogger(__name__)

_RETRY = 5.0  # seconds from a failure to the next try; twice as many after each further one
_RETRY_MOST = 300.0
_ROWS_PER_COMMIT = 2_000
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})  # not opened again before it is another file


class Backlog:
    """The rows to write after an outage, oldest first. Beyond about `most` bytes, the oldest are lost."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._rows: deque[Row] = deque()
        self._size = 0
        self.written = 0  # rows that are in the file by now
        self.lost = 0  # rows that did not fit, or whose stamps belong to other messages in the file

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, rows: list[Row]) -> None:
        self._rows.extend(rows)
        self._size += sum(map(row_size, rows))
        while self._size > self.most:
            self._size -= row_size(self._rows.popleft())
            self.lost += 1

    def redact(self, room: str, at: int) -> None:
        """Empty the text of a message that waits here."""
        self._size -= sum(map(row_size, self._rows))
        self._rows = deque(redacted_row(row, room, at) for row in self._rows)
        self._size += sum(map(row_size, self._rows))

    def write(self, file: sqlite3.Connection, between: Callable[[], object]) -> None:
        """Write the rows in several commits. `between` is called after each, and may add rows."""
        while self._rows:
            rows = list(itertools.islice(self._rows, _ROWS_PER_COMMIT))
            written = store.insert(file, rows)
            if written < len(rows):
                written = sum(store.holds(file, row) for row in rows)
            self.written += written
            self.lost += len(rows) - written
            for row in rows:
                self._rows.popleft()
                self._size -= row_size(row)
            between()


@dataclass(slots=True, eq=False)
class Outage:
    """Handles tasks without the file, until it can be opened. For the parameters see `Writer`.

    `prepare` begins to use an open file, and returns the newest stamp that was given, or may have been.
    """

    inbox: Inbox
    identity: FileIdentity
    report: Callable[..., object]
    listener: WriterListener
    open_file: Callable[..., sqlite3.Connection]
    prepare: Callable[[sqlite3.Connection], int]
    backlog: Backlog
    _delay: float = field(default_factory=lambda: _RETRY)
    _retry: float = 0.0
    _since: float = field(default_factory=time.monotonic)  # when the file was opened
    _gone: float = -math.inf
    _newest: int = 0
    _is_new: bool = False  # whether the file was created in place of one that had been open

    def begin(self, error: Exception, file: sqlite3.Connection | None, unfinished: list[WriteBatch | Query]) -> None:
        """Report that `file` failed with `error`, close it, and handle without it the tasks that it left unfinished."""
        now = time.monotonic()
        if now - self._since > _RETRY_MOST:
            self._delay = _RETRY
        delay = self._delay
        if isinstance(error, FileGoneError) and file is not None:
            self.identity.abandon(file)
            if now - self._gone > _RETRY:  # nothing is wrong with the disk, unless it happens repeatedly
                delay = 0.0
            self._gone = now
        _log_bug(error)
        self.report(self.listener.failed, f"the history in {self.identity.path} failed: {error}")
        for task in unfinished:
            self._handle(task)
        if file is not None:
            file.close()
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGED:
            self.identity.mark_damaged()
        self._retry = time.monotonic() + delay

    def wait_for_file(self) -> sqlite3.Connection | None:
        """Handle tasks, and try to open the file now and then.

        Return the file once it can be used and the backlog is written, or None after the last task.
        """
        while True:
            task = self.inbox.take(self._retry - time.monotonic())
            is_last = isinstance(task, Stop)
            if task is not None and not is_last:
                self._handle(task)
            if not is_last and time.monotonic() < self._retry:
                continue
            file = self._try_again()
            self._delay = min(2 * self._delay, _RETRY_MOST)
            if is_last:
                self._end(file)
                return None
            if file is not None:
                self._since = time.monotonic()
                backlog, self.backlog = self.backlog, Backlog(self.backlog.most)
                self.report(self.listener.came_back, self._newest, backlog.written, backlog.lost, self._is_new)
                return file
            self._retry = time.monotonic() + self._delay

    def _handle(self, task: Task) -> None:
        if isinstance(task, WriteBatch):
            self.backlog.add(task.rows)
            self.report(self.listener.committed, task.committed, None)
        elif isinstance(task, Query):
            if isinstance(task, Redaction):
                self.backlog.redact(task.room, task.at)
            self.report(task.settle, task.fallback)
        self.inbox.done += 1

    def _try_again(self) -> sqlite3.Connection | None:
        """Open the file and write the backlog. Return None if that fails, or if the file is the damaged one."""
        if self.identity.is_damaged():
            return None
        file = None
        try:
            file = self.open_file(self.identity.path, 0.0)
            self._is_new = bool(self.identity.files) and not store.newest_stamp(file)
            self.backlog.write(file, self._handle_waiting)
            self._newest = self.prepare(file)
        except Exception as error:
            _log_bug(error)
            logger.debug("the history in %s cannot be used yet: %s", self.identity.path, error)
            if file is not None:
                file.close()
            return None
        return file

    def _handle_waiting(self) -> None:
        while (task := self.inbox.take()) is not None:
            if isinstance(task, Stop):
                self.inbox.put_back(task)
                return
            self._handle(task)

    def _end(self, file: sqlite3.Connection | None) -> None:
        if file is not None:
            if self._is_new:  # the loop has ended, so its memory can be read from this thread
                store.insert(file, self.listener.remembered())
            file.close()
        lost = len(self.backlog) + self.backlog.lost
        if lost:
            logger.error(
                "%s sent after the history in %s failed",
                counted(lost, "message is lost: it was", "messages are lost: they were"),
                self.identity.path,
            )


def _log_bug(error: Exception) -> None:
    """Log an exception that no file can raise: it is a bug. The thread goes on, since others wait for it."""
    if not isinstance(error, sqlite3.Error | OSError | OverflowError):
        logger.error("a bug in the writing of the history", exc_info=error)
