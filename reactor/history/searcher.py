"""The thread that searches the history file, with a connection of its own that can only read.

A search never keeps a message waiting: SQLite lets one connection read while another one writes. There is one thread
for all searches. Each has a fraction of a second, less if many wait; after that, it is answered with what was found and
with the place where it can go on.
"""

import collections
import contextlib
import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from pylingo.reactor.history.chapters import DamagedChapterError
from pylingo.reactor.history.database import open_to_search
from pylingo.reactor.history.finder import find_in_file
from pylingo.reactor.history.history import Asker, Page
from pylingo.shared.messages import HistoryRequest

logger = logging.getLogger(__name__)

_LONGEST = 0.1  # seconds for a search
_SHORTEST = 0.01  # seconds for a search, however many wait
_ROUND = 0.004  # seconds for a round of queries, at least: the loop waits for the interpreter after each
_PATIENCE = 2.0  # seconds after which a search that has not ended is taken to wait for a disk that hangs


@dataclass(slots=True, eq=False)
class Job:
    """A search in a place of the file. `fallback` answers in its place if the file cannot be read."""

    place: str
    request: HistoryRequest
    answer: Callable[[Page], object]
    fallback: Callable[[], object]
    asker: Asker | None = None
    is_settled: bool = False

    def settle(self, answer: Callable[[], object]) -> None:
        """Call `answer`, in the loop, unless the search has an answer already."""
        if not self.is_settled:
            self.is_settled = True
            answer()


class Turns:
    """The searches that wait: each asker has one in turn."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._jobs: collections.OrderedDict[object, collections.deque[Job]] = collections.OrderedDict()
        self.is_over = False

    def __len__(self) -> int:
        """The number of askers that wait."""
        return len(self._jobs)

    def put(self, job: Job) -> None:
        with self._changed:
            self._jobs.setdefault(job if job.asker is None else job.asker, collections.deque()).append(job)
            self._changed.notify()

    def take(self) -> Job | None:
        """Wait for the next search and return it; None after the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._jobs or self.is_over)
            if self.is_over:
                return None
            asker, jobs = self._jobs.popitem(last=False)
            job = jobs.popleft()
            if jobs:
                self._jobs[asker] = jobs
            return job

    def end(self) -> None:
        """Have `take` return None from now on."""
        with self._changed:
            self.is_over = True
            self._changed.notify()


class Searcher:
    """Searches the file at `path`. `report(callback, *args)` calls `callback` in the loop.

    `damaged(number)` is called in the loop if a search has found that chapter damaged. The thread starts with the first
    search. Until `resume`, and after `suspend`, searches are answered by their fallback.
    """

    def __init__(
        self,
        path: str,
        report: Callable[..., object],
        damaged: Callable[[int], object],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path = path
        self._clock = clock
        self._report = report
        self._damaged = damaged
        self._turns = Turns()
        self._thread = threading.Thread(target=self._run, name="search", daemon=True)
        self._pending: set[Job] = set()  # those without an answer; it belongs to the loop
        self._begun = 0.0  # when the present search began, 0 between two of them
        self._lock = threading.Lock()  # held while the file is used
        self._may_search = threading.Event()
        self._may_search.set()
        self._file: sqlite3.Connection | None = None
        self._is_suspended = True

    # --- called by the loop

    @property
    def is_busy(self) -> bool:
        """Whether any search has no answer yet."""
        return bool(self._pending)

    def submit(self, job: Job) -> None:
        """Search, and have the job settled."""
        if self._is_stuck():
            job.settle(job.fallback)
            return
        self._pending.add(job)
        self._turns.put(job)
        if self._thread.ident is None:
            self._thread.start()

    def check(self, is_hanging: bool) -> None:
        """Settle all searches if the disk is known to hang, or if a search takes so long that it must."""
        if is_hanging or self._is_stuck():
            for job in list(self._pending):
                self._settle(job, job.fallback)

    def stop(self, timeout: float) -> None:
        """End the thread, within `timeout` seconds. The searches that wait get no answer."""
        self._turns.end()
        if self._thread.ident is not None:
            self._thread.join(timeout)

    def _is_stuck(self) -> bool:
        begun = self._begun
        return begun > 0 and self._clock() - begun > _PATIENCE

    def _settle(self, job: Job, answer: Callable[[], object]) -> None:
        self._pending.discard(job)
        job.settle(answer)

    # --- called by the thread that owns the file

    @contextlib.contextmanager
    def paused(self) -> Iterator[bool]:
        """Keep searches from reading the file. One that does so ends as if its time were over.

        Yields whether none reads it. It may wait for a disk that hangs.
        """
        self._may_search.clear()
        is_free = self._lock.acquire(timeout=_PATIENCE)
        try:
            yield is_free
        finally:
            if is_free:
                self._lock.release()
            self._may_search.set()

    def suspend(self) -> None:
        """Close the file: it cannot be used, or is another one soon."""
        self._is_suspended = True
        with self.paused() as is_free:
            if is_free:  # otherwise the thread closes it
                self._close()

    def resume(self) -> None:
        """The file can be used."""
        self._is_suspended = False

    # --- the thread

    def _run(self) -> None:
        while (job := self._turns.take()) is not None:
            if job.is_settled or (job.asker is not None and job.asker.is_closed):
                self._report(self._settle, job, lambda: None)
                continue
            self._may_search.wait()
            with self._lock:
                begin = self._begun = self._clock()
                answer = self._search(job)
                self._begun = 0.0
                if self._is_suspended:
                    self._close()
            self._report(self._settle, job, answer)
            _rest(self._clock() - begin)
        with self._lock:
            self._close()

    def _search(self, job: Job) -> Callable[[], object]:
        """Return the call that answers a search."""
        if self._is_suspended:
            return job.fallback
        end = self._clock() + max(_SHORTEST, _LONGEST / (1 + len(self._turns)))
        try:
            file = self._file = self._file or open_to_search(self._path)
            page = find_in_file(
                file, job.place, job.request, lambda: self._clock() >= end or self._is_wanted(), _rest, self._clock
            )
        except DamagedChapterError as error:
            self._report(self._damaged, error.number)
            return job.fallback
        except sqlite3.Error as error:
            logger.debug("the history in %s cannot be searched: %s", self._path, error)
            self._close()
            return job.fallback
        except Exception:  # a bug, but others wait for this thread
            logger.exception("a search failed: %r", job.request)
            return job.fallback
        return partial(job.answer, page)

    def _is_wanted(self) -> bool:
        """Whether somebody waits for the end of the search."""
        return self._turns.is_over or not self._may_search.is_set()

    def _close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()


def _rest(seconds: float) -> None:
    """Wait after a round that took so long."""
    time.sleep(max(0.0, _ROUND - seconds))
