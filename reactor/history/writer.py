"""The thread that owns the log's file, so that the reactor never waits for a disk.

It takes all batches that have come meanwhile and commits them together: one flush to the disk serves everybody who
spoke. Questions come behind what was said before them, so their answers hold everything stamped earlier.

When the file fails, the thread goes on without: it collects what is said, has questions answered from memory, and
tries the file again now and then. Once it can be used, what was collected is written, and what could not be is counted.
A file that was deleted, renamed or replaced has failed, too, though the system would let one write to it for ever.
"""

import itertools
import logging
import math
import queue
import sqlite3
import threading
import time
from collections.abc import Callable

from pylingo.reactor.history import marks, store
from pylingo.reactor.history.backlog import Backlog
from pylingo.reactor.history.clock import Trust
from pylingo.reactor.history.keys import Scan
from pylingo.reactor.history.opening import begin_serving
from pylingo.reactor.history.place import FileGoneError, Place
from pylingo.reactor.history.store import FAILURES
from pylingo.reactor.history.tasks import Batch, Question, Rescan, Task, WriterListener

logger = logging.getLogger(__name__)

_COMMIT_EVERY = 0.005  # seconds: more commits than that take the reactor's time, and its lock, for little
_ROWS_AT_ONCE = 5_000  # in one commit, so that each is a matter of moments
_ROWS_OF_QUESTION = 20  # a question takes about as long as so many of them
_SWEEP = 60.0  # seconds between two looks for what is too old or too much
_SLICES_AT_ONCE = 50  # of a file with few keys, these are read before anybody comes
_RETRY = 5.0  # seconds after a failure; twice as many after each further one
_RETRY_MOST = 300.0
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


class _Nothing:
    """No task has come."""


NOTHING = _Nothing()


class Writer:
    """The thread. `keep` is in seconds, `most` in bytes, 0 for no bound.

    `backlog` is in bytes as told by the rows, `most_filter` in bytes of the filter of the file's keys.
    """

    def __init__(
        self,
        path: str,
        call_from_thread: Callable[..., object],
        told: WriterListener,
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
        self._undone: list[Batch | Question] = []  # what the file failed with
        self._backlog = Backlog(backlog)
        self._backlog_most = backlog
        self._newest = 0  # stamp in a file that came back
        self._is_anew = False  # whether it was made in place of one that had been open
        self._is_damaged = False
        self._place = Place(path)
        self._delay = _RETRY
        self._next_sweep = self._next_commit = 0.0
        self._scan: Scan | None = None
        self._trust: Trust | None = None
        self._doubted: tuple[int, int] | None = None  # as it stands in the file
        self._put_back: Task | _Nothing = NOTHING
        self.done = 0
        """Tasks that are done; the opening counts as the first one. The loop may read it at any time."""
        self.tasks: queue.SimpleQueue[Task] = queue.SimpleQueue()
        self.thread = threading.Thread(target=self._run, name="history", daemon=True)

    def put(self, task: Task) -> None:
        """Have something done. From any thread."""
        self.tasks.put(task)

    def _run(self) -> None:
        file = self._begin()
        first_delay = self._delay
        gone = -math.inf
        while True:
            if file is None:
                file = self._wait_for_file(first_delay)
                if file is None:
                    return
            since = time.monotonic()
            try:
                self._serve(file)
                return
            except Exception as error:
                now = time.monotonic()
                if now - since > _RETRY_MOST:
                    self._delay = _RETRY
                first_delay = self._delay
                if isinstance(error, FileGoneError):  # nothing is wrong with the disk, unless it comes again and again
                    self._place.let_go(file)
                    first_delay = 0.0 if now - gone > _RETRY else self._delay
                    gone = now
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
            newest = self._prepare(file, None if is_over else scan)
        except Exception as error:
            if file is not None:
                file.close()
            self._fail(error)
            self._note_damage()
            self.done += 1
            self._tell(self._told.opened, 0, [], None)
            return None
        self.done += 1
        self._tell(self._told.opened, newest, entries, scan.keys if is_over else None)
        return file

    def _prepare(self, file: sqlite3.Connection, scan: Scan | None) -> int:
        """Begin to use the file; returns the newest stamp that was given, or may have been."""
        newest = store.newest_stamp(file)
        known = marks.read(file)
        if self._trust is None:
            self._trust = Trust(newest, self._keep, known.get("sound"), known.get("ran", 0))
        self._doubted = (known["sound"], known.get("ran", 0)) if "sound" in known else None
        self._place.note()
        self._scan = scan
        self._next_sweep = time.monotonic() + 1.0
        return max(newest, known.get("reserved", 0))

    def _serve(self, file: sqlite3.Connection) -> None:
        """Commit batches and answer questions until there are no more to come. Raises what a file can raise."""
        begin_serving(file)
        while True:
            self._do_chores(file)
            task = self._take(self._patience())
            if isinstance(task, Batch | Question):
                self._do(file, self._gather(task))
            elif isinstance(task, Rescan):
                self._scan = Scan(file, task.number, self._most_filter)
                self.done += 1
            elif task is None:
                self._put_back = None  # if the file is gone, this is the end all the same
                self._place.check()
                return

    def _gather(self, task: Task | _Nothing) -> list[Batch | Question]:
        """The task with those that have come behind it, and that come before the time of the next commit."""
        work: list[Batch | Question] = []
        rows = 0
        has_waited = False
        while isinstance(task, Batch | Question) and rows < _ROWS_AT_ONCE:
            if isinstance(task, Batch) and not has_waited:
                time.sleep(max(0.0, self._next_commit - time.monotonic()))
                has_waited = True
            work.append(task)
            rows += len(task.rows) if isinstance(task, Batch) else _ROWS_OF_QUESTION
            task = self._take(0)
        self._put_back = task
        return work

    def _do_chores(self, file: sqlite3.Connection) -> None:
        if self._scan is not None and self._scan.go_on():
            logger.info("%d keys of the history were read in %.1f s", self._scan.count, self._scan.age)
            self._tell(self._told.scanned, self._scan.keys)
            self._scan = None
        begin = time.monotonic()
        if begin >= self._place.next_look:
            self._place.check()
        if (self._keep or self._most) and begin >= self._next_sweep:
            oldest = self._trust.oldest() if self._trust is not None else 0
            self._put_doubt(file)
            more = store.sweep(file, oldest, self._most)
            end = time.monotonic()
            self._next_sweep = end + (max(0.05, 2 * (end - begin)) if more else _SWEEP)

    def _put_doubt(self, file: sqlite3.Connection) -> None:
        """Keep with the next commit what a restart must not forget: else the clock's own stamps would speak for it."""
        doubted = self._trust.doubted if self._trust is not None else None
        if doubted != self._doubted:
            sound, ran = doubted or (None, None)
            marks.put(file, sound=sound, ran=ran)
            self._doubted = doubted

    def _patience(self) -> float:
        """Seconds to wait for a task before there is something else to do."""
        if self._scan is not None:
            return 0.0
        next_chore = min(self._place.next_look, self._next_sweep) if self._keep or self._most else self._place.next_look
        return max(0.0, next_chore - time.monotonic())

    def _take(self, timeout: float) -> Task | _Nothing:
        task, self._put_back = self._put_back, NOTHING
        if task is not NOTHING:
            return task
        try:
            return self.tasks.get(timeout=timeout) if timeout > 0 else self.tasks.get_nowait()
        except queue.Empty:
            return NOTHING

    def _do(self, file: sqlite3.Connection, work: list[Batch | Question]) -> None:
        """Write and ask in one transaction, and then say so in the same order. If the file fails, that is said first.

        A question reads what was written before it and not yet committed. If each had a commit before it instead, a
        few hundred peers with a question each would make everybody wait for seconds.
        """
        told: list[tuple[Callable[..., object], *tuple[object, ...]]] = []
        try:
            with file:
                for kind, tasks in itertools.groupby(work, type):
                    if kind is Batch:
                        told.append(self._write(file, [task for task in tasks if isinstance(task, Batch)]))
                    else:
                        told += [
                            (task.settle, task.ask(file))
                            for task in tasks
                            if isinstance(task, Question) and not task.is_settled
                        ]
            if any(isinstance(task, Batch) for task in work):
                self._place.check()
                self._next_commit = time.monotonic() + _COMMIT_EVERY
        except BaseException:
            self._undone = work
            raise
        self.done += len(work)
        for call in told:
            self._tell(*call)

    def _write(
        self, file: sqlite3.Connection, batches: list[Batch]
    ) -> tuple[Callable[..., object], list[Callable[[], object]], int | None]:
        """Write what several ticks have added; returns what to tell of it when it is committed."""
        reserved = next((batch.reserved for batch in reversed(batches) if batch.reserved is not None), None)
        self._put_doubt(file)
        if reserved is not None:
            marks.put(file, reserved=reserved)
        store.write(file, (row for batch in batches for row in batch.rows))
        return self._told.kept, [callback for batch in batches for callback in batch.kept], reserved

    # --- while it cannot

    def _fail(self, error: Exception) -> None:
        _log_bug(error)
        self._is_damaged = getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGED
        self._tell(self._told.failed, f"the history in {self._path} failed: {error}")
        for task in self._undone:
            self._answer_without(task)
        self._undone = []

    def _note_damage(self) -> None:
        """A file that is damaged is not tried again before it is another one. After it was closed."""
        if self._is_damaged:
            self._place.note_damage()

    def _wait_for_file(self, first_delay: float) -> sqlite3.Connection | None:
        """Answer what comes without the file, and try to open it now and then; None if that was the end."""
        retry = time.monotonic() + first_delay
        while True:
            task = self._take(retry - time.monotonic())
            if task is None or time.monotonic() >= retry:
                if task is not None and task is not NOTHING:
                    self._answer_without(task)
                file = self._try_again()
                self._delay = min(2 * self._delay, _RETRY_MOST)
                if file is not None and task is not None:
                    backlog, self._backlog = self._backlog, Backlog(self._backlog_most)
                    self._tell(self._told.came_back, self._newest, backlog.written, backlog.lost, self._is_anew)
                    return file
                if task is None:
                    self._end_without(file)
                    return None
                retry = time.monotonic() + self._delay
            elif task is not NOTHING:
                self._answer_without(task)

    def _answer_without(self, task: Task | _Nothing) -> None:
        if isinstance(task, Batch):
            self._backlog.add(task.rows)
            self._tell(self._told.kept, task.kept, None)
        elif isinstance(task, Question):
            self._tell(task.settle, task.without)
        self.done += 1

    def _try_again(self) -> sqlite3.Connection | None:
        """Open the file, and write what was said since it has failed; None if that cannot be."""
        if self._place.is_damaged():
            return None
        file = None
        try:
            file = self._open_file(self._path, 0.0)
            self._is_anew = self._trust is not None and not store.newest_stamp(file)
            self._backlog.write(file, self._answer_meanwhile)
            self._newest = self._prepare(file, Scan(file, most=self._most_filter))
        except Exception as error:
            _log_bug(error)
            logger.debug("the history in %s cannot be used yet: %s", self._path, error)
            if file is not None:
                file.close()
            return None
        return file

    def _answer_meanwhile(self) -> None:
        while (task := self._take(0)) is not NOTHING:
            if task is None:
                self._put_back = None
                return
            self._answer_without(task)

    def _end_without(self, file: sqlite3.Connection | None) -> None:
        if file is not None:
            if self._is_anew:  # the loop has nothing more to do, so its memory can be read from here
                store.insert(file, self._told.remembered())
            file.close()
        lost = len(self._backlog) + self._backlog.lost
        if lost:
            logger.error("%d messages are lost: they were said since the history in %s failed", lost, self._path)


def _log_bug(error: Exception) -> None:
    """What no file can raise is a bug of ours. The thread goes on all the same: nobody may wait for it for ever."""
    if not isinstance(error, FAILURES):
        logger.error("a bug in the writing of the history", exc_info=error)
