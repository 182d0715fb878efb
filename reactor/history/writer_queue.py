"""The tasks of the writer thread, and the event loop's bounded queue of them, which notices a disk that hangs.

A system call on a hanging disk does not return, so the thread cannot say that it is stuck. The loop counts the tasks
that it has given away and those that are done instead. The disk counts as hanging if no task is done for two seconds,
or if more is waiting than the bound allows for two seconds. From then on, batches are held back here within that bound,
and queries are to be answered from memory.
"""

import logging
import queue
import sqlite3
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from pylingo.reactor.history.charter import Charter
from pylingo.reactor.history.clock import show_span
from pylingo.reactor.history.key_filters import BloomFilter
from pylingo.reactor.history.store import Row, redacted_row
from pylingo.reactor.history.topics import StoredTopic
from pylingo.shared.messages import Entry
from pylingo.shared.text import counted
from pylingo.shared.value_class import value_class

logger = logging.getLogger(__name__)

CHECK_EVERY = 0.5
"""Seconds between two calls of `check`."""
_PATIENCE = 4  # checks: two seconds in which the loop ran, so that a suspended machine does not count
_REPEAT_EVERY = 600  # checks between two lines in the log; before that, a line each time that the span has doubled
_HANGS = "the server's disk does not answer: new messages are confirmed as soon as it does"
_LOSES = "the server's disk does not answer: some of the new messages will be kept in memory only"
_ANSWERS = "the server's disk answers again"


@dataclass(slots=True)
class RoomChanges:
    """The topics and the charters of rooms, by compared form, that were set, or cleared (None)."""

    topics: dict[str, StoredTopic | None] = field(default_factory=dict)
    charters: dict[str, Charter | None] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.topics) + len(self.charters)

    def update(self, newer: "RoomChanges") -> None:
        """Take changes that were made later."""
        self.topics |= newer.topics
        self.charters |= newer.charters

    def cleared(self) -> "RoomChanges":
        """The changes that clear something."""
        topics = {room: None for room, topic in self.topics.items() if topic is None}
        charters = {room: None for room, charter in self.charters.items() if charter is None}
        return RoomChanges({**topics}, {**charters})


@dataclass(slots=True)
class WriteBatch:
    """The messages of one tick, and the callbacks that wait for their commit.

    If the batch is discarded, the callbacks in `lost` are called instead. Once it is committed, stamps up to `reserved`
    may be given. `rooms` has what is kept of rooms besides. `size` is an estimate in bytes.
    """

    rows: list[Row] = field(default_factory=list)
    committed: list[Callable[[], object]] = field(default_factory=list)
    lost: list[Callable[[], object]] = field(default_factory=list)
    reserved: int | None = None
    size: int = 0
    rooms: RoomChanges = field(default_factory=RoomChanges)


@dataclass(slots=True, eq=False)
class Query:
    """A query of the file. `ask` runs in the thread and returns a callback, which answers in the loop.

    `fallback` answers in its place if the file has failed or does not respond in time.
    """

    ask: Callable[[sqlite3.Connection], Callable[[], object]]
    fallback: Callable[[], object]
    is_settled: bool = False

    def settle(self, answer: Callable[[], object]) -> None:
        """Call `answer`, in the loop, unless the query has an answer already."""
        if not self.is_settled:
            self.is_settled = True
            answer()


@dataclass(slots=True, eq=False)
class Redaction(Query):
    """A query that takes the text of a message out of the file. It is carried out even after its `fallback`."""

    room: str = ""
    at: int = 0

    def settle(self, answer: Callable[[], object]) -> None:
        """Call `answer`, in the loop. Both may be called: the fallback, and what `ask` returns."""
        answer()


@value_class
class Rescan:
    """Build the filter of the file's keys again, and give it this number."""

    number: int


@value_class
class DropChapter:
    """Build a chapter of the index again: a search has found it damaged."""

    number: int


class Stop:
    """End the thread. The last task."""


Task = WriteBatch | Query | Rescan | DropChapter | Stop


class WriterListener(Protocol):
    """The reports of the thread, which are made in the loop, in order.

    `rooms_read` brings the topics and charters of a file that is opened for the first time. `opened` ends the opening,
    whether the file can be used or not. No stamp above `newest` was given before. `entries` are the newest messages. If
    `keys`, the filter of the file's keys, is None, `scanned` brings it later. `committed` gets the callbacks of all
    batches in a commit, and their last reservation. `came_back` ends the failure of a file: of the messages sent
    meanwhile, `written` are in the file and `lost` are not. `is_new` if the file was created in place of one that
    had been open. `remembered` returns all messages in memory; the thread calls it at the very end.
    """

    def rooms_read(self, topics: list[tuple[str, StoredTopic]], charters: list[tuple[str, Charter]]) -> None: ...
    def opened(self, newest: int, entries: list[tuple[str, Entry]], keys: BloomFilter | None) -> None: ...
    def committed(self, callbacks: list[Callable[[], object]], reserved: int | None) -> None: ...
    def scanned(self, keys: BloomFilter) -> None: ...
    def failed(self, sentence: str) -> None: ...
    def came_back(self, newest: int, written: int, lost: int, is_new: bool) -> None: ...
    def remembered(self) -> list[Row]: ...


class Inbox:
    """The tasks that wait for the thread, in order. `put` and `done` may be used by any thread.

    `done` is the number of tasks that are done. The opening of the file counts as the first one.
    """

    def __init__(self) -> None:
        self.done = 0
        self._tasks: queue.SimpleQueue[Task] = queue.SimpleQueue()
        self.put = self._tasks.put
        self._next: Task | None = None

    def put_back(self, task: Task | None) -> None:
        """Make `task` the next one again."""
        self._next = task

    def take(self, timeout: float = 0.0) -> Task | None:
        """Return the next task, or None if none comes within `timeout` seconds."""
        task, self._next = self._next, None
        if task is not None:
            return task
        try:
            return self._tasks.get(timeout > 0, timeout)
        except queue.Empty:
            return None


class WriterQueue:
    """Gives tasks to the thread's inbox. `most` bounds the bytes of batches that are not committed.

    `checks` counts the checks since the disk began to hang, `lost` the messages discarded since then.
    """

    def __init__(self, inbox: Inbox, most: int) -> None:
        self._inbox = inbox
        self._most = most
        self._given: deque[Task] = deque([WriteBatch()])  # not done yet; the first one stands for the opening
        self._held: deque[WriteBatch] = deque()
        self._size = self._done = self._done_before = self._late_checks = 0
        self.is_hanging = False
        self.checks = self.lost = 0

    @property
    def is_busy(self) -> bool:
        """Whether any task is not done yet."""
        self._collect()
        return bool(self._given or self._held)

    @property
    def waiting(self) -> int:
        """Messages that are not committed."""
        self._collect()
        return sum(len(task.rows) for task in (*self._given, *self._held) if isinstance(task, WriteBatch))

    def put(self, task: Task) -> list[WriteBatch]:
        """Give a task to the thread, or hold it back.

        Return the batches that are discarded because more are held than the bound allows: the oldest, which are never
        confirmed.
        """
        self._collect()
        discarded: list[WriteBatch] = []
        self._size += task.size if isinstance(task, WriteBatch) else 0
        if not isinstance(task, WriteBatch) or not self.is_hanging:
            self._give(task)
            return discarded
        self._held.append(task)
        while self._size > self._most and len(self._held) > 1:
            batch = self._held.popleft()
            self._size -= batch.size
            self.lost += len(batch.rows)
            discarded.append(batch)
        return discarded

    def redact(self, room: str, at: int) -> None:
        """Empty the text of a message that is held back."""
        for batch in self._held:
            batch.rows = [redacted_row(row, room, at) for row in batch.rows]

    def check(self) -> None:
        """See whether the disk has begun or ceased to hang. Call it every `CHECK_EVERY` seconds while `is_busy`."""
        self._collect()
        if self.is_hanging:
            self.checks += 1
            if not self._given:
                self.release()
        elif self._late_checks >= _PATIENCE:
            self.is_hanging = True
            self.checks = _PATIENCE
            self.lost = 0
        is_late = (self._given and self._done == self._done_before) or self._size > self._most
        self._late_checks = self._late_checks + 1 if is_late else 0
        self._done_before = self._done

    def unanswered(self) -> list[Query]:
        """Return the queries that the thread has not answered yet."""
        return [task for task in self._given if isinstance(task, Query)]

    def release(self) -> None:
        """Give the thread everything that was held back: the disk responds, or the end has come."""
        self.is_hanging = False
        self._late_checks = 0
        while self._held:
            self._give(self._held.popleft())

    def _give(self, task: Task) -> None:
        self._given.append(task)
        self._inbox.put(task)

    def _collect(self) -> None:
        """Forget the tasks that are done."""
        done = self._inbox.done
        for _ in range(done - self._done):
            task = self._given.popleft()
            if isinstance(task, WriteBatch):
                self._size -= task.size
        self._done = done


class HangAlerts:
    """Checks `tasks` for a hanging disk and reports changes. For `announce` see `sqlite.SqliteHistory`."""

    def __init__(self, path: str, tasks: WriterQueue, announce: Callable[[str, str], object]) -> None:
        self._path = path
        self._tasks = tasks
        self._announce = announce
        self._notice = ""  # announced during this hang

    def check(self, is_open: bool, trouble: str) -> None:
        """Check once, every `CHECK_EVERY` seconds. Answer the queries that wait for a disk that hangs.

        Before `is_open`, nobody is connected, so only the log reports it. `trouble` is the notice for newcomers while
        the disk does not hang.
        """
        tasks = self._tasks
        was_hanging = tasks.is_hanging
        tasks.check()
        disk, span = f"the disk of the history in {self._path}", show_span(tasks.checks * CHECK_EVERY)
        is_due = not tasks.checks & tasks.checks - 1 or not tasks.checks % _REPEAT_EVERY  # true when a hang begins
        if not is_open:
            if tasks.is_hanging and is_due:
                logger.warning("nobody can connect yet: waiting for %s, which does not open", self._path)
        elif tasks.is_hanging:
            notice = _LOSES if tasks.lost else _HANGS
            if notice != self._notice:
                is_due = True
                self._notice = notice
                self._announce(notice, notice)
                for query in tasks.unanswered():
                    query.settle(query.fallback)
            if is_due:
                waiting = counted(tasks.waiting, "message waits", "messages wait")
                counts = f"{waiting}, and {tasks.lost} did not fit in memory"
                logger.error("%s has not answered for %s: %s", disk, span, counts)
        elif was_hanging:
            self._notice = ""
            counts = counted(
                tasks.lost, "message did not fit in memory and is lost", "messages did not fit in memory and are lost"
            )
            logger.warning("%s answers again, after %s: %s", disk, span, counts)
            self._announce(_ANSWERS, trouble)
