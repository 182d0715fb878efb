"""What the event loop and the writer thread say to each other: tasks one way, calls of a listener the other way."""

import queue
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from pylingo.reactor.history.key_filters import BloomFilter
from pylingo.reactor.history.store import Row
from pylingo.shared.messages import Entry


@dataclass(slots=True)
class WriteBatch:
    """The messages of one tick, and the callbacks that wait for their commit."""

    rows: list[Row] = field(default_factory=list)
    committed: list[Callable[[], object]] = field(default_factory=list)
    lost: list[Callable[[], object]] = field(default_factory=list)
    """The callbacks to call instead if the batch is discarded."""
    reserved: int | None = None
    """Once the batch is committed, stamps up to this one may be given."""
    size: int = 0
    """Bytes of memory, as estimated."""


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


@dataclass(frozen=True, slots=True)
class Rescan:
    """Build the filter of the file's keys again, and give it this number."""

    number: int


@dataclass(frozen=True, slots=True)
class Stop:
    """End the thread. The last task."""


Task = WriteBatch | Query | Rescan | Stop


class Inbox:
    """The tasks that wait for the thread, in order, and the number of those that are done."""

    def __init__(self) -> None:
        self.done = 0
        """Tasks that are done. The opening of the file counts as the first one. Any thread may read it."""
        self._tasks: queue.SimpleQueue[Task] = queue.SimpleQueue()
        self._next: Task | None = None

    def put(self, task: Task) -> None:
        """Append a task. Any thread may call it."""
        self._tasks.put(task)

    def put_back(self, task: Task | None) -> None:
        """Make `task` the next one again."""
        self._next = task

    def take(self, timeout: float = 0.0) -> Task | None:
        """Return the next task, or None if none comes within `timeout` seconds."""
        task, self._next = self._next, None
        if task is not None:
            return task
        try:
            return self._tasks.get(timeout=timeout) if timeout > 0 else self._tasks.get_nowait()
        except queue.Empty:
            return None


class WriterListener(Protocol):
    """What the thread reports. Everything is called in the loop, in order."""

    def opened(self, newest: int, entries: list[tuple[str, Entry]], keys: BloomFilter | None) -> None:
        """Handle the end of the opening, whether the file can be used or not.

        No stamp above `newest` was given before. `entries` are the newest messages; `keys` is None if it follows later.
        """

    def committed(self, callbacks: list[Callable[[], object]], reserved: int | None) -> None:
        """Handle a commit. `callbacks` are those of its batches, `reserved` is their last reservation."""

    def scanned(self, keys: BloomFilter) -> None:
        """Take the filter of the file's keys."""

    def failed(self, sentence: str) -> None:
        """Handle a failure of the file."""

    def came_back(self, newest: int, written: int, lost: int, is_new: bool) -> None:
        """Handle the end of a failure. Of the messages sent meanwhile, `written` are in the file and `lost` are not.

        The file holds no stamp above `newest`. `is_new` if it was created in place of one that had been open.
        """

    def remembered(self) -> list[Row]:
        """Return all messages in memory. The thread calls it, after the loop has ended."""
