"""The log in a file: SQLite, written by a thread of its own. The reactor never waits for a disk.

What a tick adds goes to the thread as one batch; the thread takes all batches that have come meanwhile and commits them
together, so that one flush to the disk serves everybody who spoke. Its answers come back through `call_from_thread`,
in order. Questions go the same way, behind what was said before them, so a page holds everything stamped earlier.

When the file fails (a full disk, a lock, damage, a newer version), a line in the log and a notice say so, and the chat
goes on from memory, which always holds the newest messages too.
"""

import logging
import queue
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from reactor.chat.history import MemoryLog, Page, fitting
from shared.messages import Entry, History

logger = logging.getLogger(__name__)

VERSION = 1
"""The version of the file's schema; a file of a later one is left alone."""
_LOADED = 20_000  # the newest messages are in memory again after a restart, and so are their keys
_MOST_AT = 2**63 - 1
_SWEEP = 60.0  # seconds between two looks for what is too old or too much
_SWEEP_ROWS = 2_000  # rows deleted in one commit
_BUSY = 5.0  # seconds that a lock of another program is waited for

_SCHEMA = """
create table message (
    at integer primary key,
    room text not null,
    name text not null,
    text text not null,
    key text
) strict;
create index message_of_room on message (room, at);
"""

Row = tuple[int, str, str, str, str | None]


class DiskError(Exception):
    """Why the file cannot be used, in a sentence."""


@dataclass(slots=True)
class _Batch:
    rows: list[Row] = field(default_factory=list)
    kept: list[Callable[[], object]] = field(default_factory=list)


class DiskLog:
    """A `Log` on disk, in front of one in memory.

    `schedule` has a callback called at the end of the tick, `call_from_thread` from any thread in the loop. `keep` is
    in seconds, `most` in bytes of the file, 0 for no bound. `failed(sentence)` is called in the loop when the file
    fails, at most once.
    """

    def __init__(
        self,
        path: str,
        schedule: Callable[[Callable[[], object]], object],
        call_from_thread: Callable[..., object],
        failed: Callable[[str], object],
        memory: MemoryLog,
        keep: float = 0.0,
        most: int = 0,
    ) -> None:
        self._path = path
        self._schedule = schedule
        self._call_from_thread = call_from_thread
        self._failed = failed
        self._memory = memory
        self._keep = keep
        self._most = most
        self._batch: _Batch | None = None
        self._is_broken = False
        self._tasks: queue.SimpleQueue[_Task] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._write, name="history", daemon=True)
        self._opened: Callable[[int], object] | None = None

    def open(self, opened: Callable[[int], object]) -> None:
        """Open the file in the background; `opened(newest stamp)` is called in the loop, 0 if there is none."""
        self._opened = opened
        self._thread.start()

    def close(self, timeout: float) -> None:
        """Commit what is left; waits at most `timeout` seconds. After the reactor has stopped."""
        if self._opened is None:
            return
        self._flush()
        self._tasks.put(None)
        self._thread.join(timeout)
        if self._thread.is_alive():
            logger.error("the history in %s was not finished within %g s", self._path, timeout)

    # --- for the hub

    def add(self, room: str, entry: Entry, session: int) -> None:
        self._memory.add(room, entry, session)
        if not self._is_broken:
            self._current().rows.append((entry.at, room, entry.from_, entry.text, entry.key))

    def find(self, room: str, key: str, session: int, name: str) -> int | None:
        return self._memory.find(room, key, session, name)

    def when_kept(self, callback: Callable[[], object]) -> None:
        if self._is_broken:
            callback()
        else:
            self._current().kept.append(callback)

    def page(self, room: str, request: History, answer: Callable[[Page], object]) -> None:
        if self._is_broken:
            self._memory.page(room, request, answer)
            return

        def read(file: sqlite3.Connection | None) -> None:
            if file is not None:
                try:
                    self._call_from_thread(answer, read_page(file, room, request))
                    return
                except sqlite3.Error as error:
                    self._break(error)
            self._call_from_thread(self._memory.page, room, request, answer)

        self._flush()
        self._tasks.put(read)

    def occupied(self, room: str) -> None:
        self._memory.occupied(room)

    def emptied(self, room: str) -> None:
        self._memory.emptied(room)

    def _current(self) -> _Batch:
        if self._batch is None:
            self._batch = _Batch()
            self._schedule(self._flush)
        return self._batch

    def _flush(self) -> None:
        if self._batch is not None:
            batch, self._batch = self._batch, None
            self._tasks.put(batch)

    # --- in the loop, from the thread

    def _is_open(self, newest: int, entries: list[tuple[str, Entry]]) -> None:
        for room, entry in entries:
            self._memory.add(room, entry, 0)
            self._memory.emptied(room)
        if self._opened is not None:
            self._opened(newest)

    def _are_kept(self, callbacks: list[Callable[[], object]]) -> None:
        for callback in callbacks:
            callback()

    def _has_failed(self, sentence: str) -> None:
        if not self._is_broken:
            self._is_broken = True
            logger.error("%s; the chat goes on, and keeps its history in memory only", sentence)
            self._failed(sentence)

    # --- in the thread

    def _write(self) -> None:
        file = None
        is_open = False
        try:
            file = open_file(self._path)
            newest, entries = load(file)
            is_open = True
            self._call_from_thread(self._is_open, newest, entries)
            self._serve(file)
        except (sqlite3.Error, OSError, OverflowError, DiskError) as error:
            self._break(error)
            if not is_open:
                self._call_from_thread(self._is_open, 0, [])
            self._give_back()
        finally:
            if file is not None:
                file.close()

    def _serve(self, file: sqlite3.Connection) -> None:
        """Commit batches and answer questions until there are no more to come. Raises `sqlite3.Error`."""
        next_sweep = time.monotonic() + 1.0
        bounded = bool(self._keep or self._most)
        while True:
            if bounded and time.monotonic() >= next_sweep:
                next_sweep = time.monotonic() + (0.05 if sweep(file, self._keep, self._most) else _SWEEP)
            try:
                task = self._tasks.get(timeout=max(0.0, next_sweep - time.monotonic()) if bounded else None)
            except queue.Empty:
                continue
            batches = []
            while isinstance(task, _Batch):
                batches.append(task)
                task = _NOTHING if self._tasks.empty() else self._tasks.get()
            try:
                if batches:
                    self._commit(file, batches)
            except (sqlite3.Error, OverflowError) as error:
                if task is None:  # that was the last there is
                    self._break(error)
                    return
                self._answer_without(task)
                raise
            if task is None:
                return
            task(file)

    def _commit(self, file: sqlite3.Connection, batches: list[_Batch]) -> None:
        """Write what several ticks have added, and say so; also if it fails: then it is kept in memory."""
        kept = [callback for batch in batches for callback in batch.kept]
        try:
            with file:
                file.executemany(
                    "insert into message values (?, ?, ?, ?, ?)", (row for batch in batches for row in batch.rows)
                )
        finally:
            self._call_from_thread(self._are_kept, kept)

    def _give_back(self) -> None:
        """The file has failed: what waits, and what still comes, is answered from memory."""
        task: _Task = _NOTHING
        while task is not None:
            task = self._tasks.get()
            self._answer_without(task)

    def _answer_without(self, task: "_Task") -> None:
        if isinstance(task, _Batch):
            self._call_from_thread(self._are_kept, task.kept)
        elif task is not None:
            task(None)

    def _break(self, error: Exception) -> None:
        self._call_from_thread(self._has_failed, f"the history in {self._path} failed: {error}")


def _NOTHING(file: sqlite3.Connection | None) -> None:  # noqa: N802 - stands where a task could
    """No task."""


_Task = _Batch | Callable[[sqlite3.Connection | None], object] | None


def open_file(path: str) -> sqlite3.Connection:
    """Open the file, or make it. Raises `sqlite3.Error` or `DiskError`."""
    file = sqlite3.connect(path, timeout=_BUSY)
    try:
        file.execute("pragma locking_mode = exclusive")  # two servers on one file would mix their stamps
        version = file.execute("pragma user_version").fetchone()[0]
        if version > VERSION:
            raise DiskError(f"it is of version {version}, and this server knows {VERSION}: use a newer server")
        if version == 0:
            if file.execute("select count(*) from sqlite_master").fetchone()[0]:
                raise DiskError("it is a database of another program")
            file.execute("pragma auto_vacuum = incremental")
        file.execute("pragma journal_mode = wal")
        file.execute("pragma synchronous = full")
        if version == 0:
            file.executescript(f"begin; {_SCHEMA} pragma user_version = {VERSION}; commit;")
    except BaseException:
        file.close()
        raise
    return file


def load(file: sqlite3.Connection) -> tuple[int, list[tuple[str, Entry]]]:
    """The newest stamp, 0 if there is none, and the newest messages with their rooms, ascending."""
    rows = file.execute("select room, name, text, at, key from message order by at desc limit ?", (_LOADED,)).fetchall()
    entries = [(room, Entry(name, text, at, key)) for room, name, text, at, key in reversed(rows)]
    return entries[-1][1].at if entries else 0, entries


def read_page(file: sqlite3.Connection, room: str, request: History) -> Page:
    """The page that a request asks for. Raises `sqlite3.Error`."""
    forward = request.since is not None
    since = min(request.since, _MOST_AT) if request.since is not None else -1
    before = min(request.before, _MOST_AT) if request.before is not None else _MOST_AT
    rows = file.execute(
        "select name, text, at, key from message where room = ? and at > ? and at < ? order by at"
        f" {'asc' if forward else 'desc'} limit ?",
        (room, since, before, request.limit + 1),
    ).fetchall()
    entries = [Entry(*row) for row in (rows[: request.limit] if forward else rows[request.limit - 1 :: -1])]
    page = fitting(entries, forward)
    oldest = file.execute("select min(at) from message where room = ?", (room,)).fetchone()[0]
    return Page(page, len(rows) > len(page), oldest)


def sweep(file: sqlite3.Connection, keep: float, most: int) -> bool:
    """Delete some of what is older than `keep` seconds or more than `most` bytes; whether there may be more of it."""
    deleted = 0
    with file:
        if keep:
            oldest = int((time.time() - keep) * 1e6)
            deleted += _delete(file, "select at from message where at < ? order by at limit ?", oldest)
        if most:
            pages, free, page = (
                file.execute(f"pragma {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
            )
            if (pages - free) * page > most:
                deleted += _delete(file, "select at from message order by at limit ?")
    if deleted:
        file.execute(f"pragma incremental_vacuum({_SWEEP_ROWS})").fetchall()
    return deleted > 0


def _delete(file: sqlite3.Connection, which: str, *values: int) -> int:
    return file.execute(f"delete from message where at in ({which})", (*values, _SWEEP_ROWS)).rowcount
