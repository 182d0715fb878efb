"""The file of the log, as SQL: making it, reading pages, finding keys, deleting what is too old. No threads here.

Everything raises `sqlite3.Error` where the file cannot be read or written. No look-up reads more rows than it returns,
but for a few. Other programs can read the file meanwhile: nothing is locked for longer than a commit, and that two
servers do not write one file is seen to by a lock on another file beside it.
"""

import contextlib
import fcntl
import logging
import os
import sqlite3
import stat
import time
from collections.abc import Iterable
from typing import Any

from reactor.chat import marks
from reactor.chat.history import Page, fitting
from shared.files import open_private
from shared.messages import Entry, History
from shared.text import fold

logger = logging.getLogger(__name__)

VERSION = 4
"""The version of the file's schema. One of an earlier version is brought up to it, one of a later is left alone."""
BUSY = 5.0
"""Seconds that a lock of another program is waited for at the start."""
_COMMIT_BUSY = 2.0  # seconds that a commit waits for one; then the file counts as failed
_LOADED = 2_000  # the newest messages are in memory again after a restart
_MOST_AT = 2**63 - 1
_SWEEP_ROWS = 200  # rows deleted in one commit: what is said meanwhile waits for it
_FAR_OVER = 2**25  # bytes, and a twentieth, above the bound: more is said than small steps delete
_SWEEP_PAGES = 64  # pages given back to the system in one commit
_TELL_EVERY = 5.0  # seconds between two lines about a file that is brought up
_STEPS = 1_000_000  # of SQLite's machine between two looks at the clock: some hundredths of a second

_TABLE = """
create table message (
    at integer primary key,
    room text not null,
    name text not null,
    text text not null,
    key text,
    session integer,
    author text
) strict;
create index message_of_room on message (room, at);
"""
# `author` is the compared form of a name beyond ASCII, which SQLite cannot make. `session` is what `trace` makes of the
# session, the room and the key.
_AUTHOR = "coalesce(author, lower(name))"
_KEYS = f"""
create index message_of_author on message (key, room, {_AUTHOR}) where key is not null;
create index message_of_session on message (session) where session is not null;
"""
_UPGRADES = {
    1: "alter table message add column session integer;",
    2: """
drop index if exists message_of_key;
alter table message add column author text;
update message set author = fold(name) where key is not null and name glob '*[^ -~]*';
"""
    + _KEYS,
    3: marks.TABLE,
}
"""By the version that they start from."""

Row = tuple[int, str, str, str, str | None, int | None]
"""at, room, name, text, key, and the number of the session, which only a message with a key has."""
FAILURES = (sqlite3.Error, OSError, OverflowError)
"""What an unusable file can raise."""


class DiskError(OSError):
    """Why the file cannot be used, in a sentence."""


class _OwnFile(sqlite3.Connection):
    """A file with the lock beside it, which is let go after the file."""

    lock = -1

    def close(self) -> None:
        super().close()
        lock, self.lock = self.lock, -1
        if lock >= 0:
            os.close(lock)


def open_file(path: str, busy: float | None = None) -> sqlite3.Connection:
    """Open the file for a server, or make it; a lock is waited for `busy` seconds, by default `BUSY`.

    The owner alone can read it. Raises also `OSError`, as `DiskError` where it has a sentence for that.
    """
    path = os.path.abspath(path)  # so that no name means anything else to SQLite
    with contextlib.suppress(FileExistsError):  # SQLite gives the files beside it the same mode
        os.close(open_private(path, os.O_CREAT | os.O_EXCL | os.O_RDWR))
    lock = _take_lock(path, BUSY if busy is None else busy)
    try:
        file = sqlite3.connect(path, timeout=BUSY if busy is None else busy, factory=_OwnFile)
    except BaseException:
        os.close(lock)
        raise
    file.lock = lock
    try:
        prepare(file, path)
    except BaseException:
        file.close()
        raise
    return file


def begin_serving(file: sqlite3.Connection) -> None:
    """From now on a lock of another program is waited for before each commit."""
    file.execute(f"pragma busy_timeout = {_COMMIT_BUSY * 1e3:.0f}")


def prepare(file: sqlite3.Connection, path: str = "") -> None:
    """Give the file its tables, or bring those of an earlier version up. Raises also `DiskError`."""
    version = file.execute("pragma user_version").fetchone()[0]
    if version > VERSION:
        raise DiskError(f"it is of version {version}, and this server knows {VERSION}: use a newer server")
    if version == 0 and file.execute("select count(*) from sqlite_master").fetchone()[0]:
        raise DiskError("it is a database of another program")
    _tighten(path)
    if version == 0:
        file.execute("pragma auto_vacuum = incremental")
    file.execute("pragma journal_mode = wal")
    file.execute("pragma synchronous = full")
    if version < VERSION:
        changes = (
            [_TABLE, _KEYS, marks.TABLE] if version == 0 else [_UPGRADES[number] for number in range(version, VERSION)]
        )
        file.create_function("fold", 1, fold, deterministic=True)
        progress = _Progress(path, version)
        file.set_progress_handler(progress.look, _STEPS)
        try:
            file.executescript(f"begin immediate; {''.join(changes)} pragma user_version = {VERSION}; commit;")
        finally:
            file.set_progress_handler(None, 0)
        progress.end()


class _Progress:
    """What the log hears of a file that is brought up to another version, if that takes long."""

    def __init__(self, path: str, version: int) -> None:
        self._what = f"the history in {path} is brought from version {version} to {VERSION}"
        self._begin = self._told = time.monotonic()

    def look(self) -> None:
        now = time.monotonic()
        if now - self._told >= _TELL_EVERY:
            if self._told == self._begin:
                logger.warning("%s, which is done once: people come in after that", self._what)
            self._told = now
            logger.info("%s: %.0f s so far", self._what, now - self._begin)

    def end(self) -> None:
        if self._told != self._begin:
            logger.info("%s: done after %.0f s", self._what, time.monotonic() - self._begin)


def _tighten(path: str) -> None:
    """Take the other readers of a file and of those beside it away, and say so once.

    It is done by name: to close any descriptor of a file would let go of the locks that SQLite has on it.
    """
    told = False
    for name in (path, path + "-wal", path + "-shm", path + "-journal"):
        try:
            status = os.stat(name)
        except OSError:  # there is none, or whoever opens it will say what is wrong
            continue
        mode = stat.S_IMODE(status.st_mode)
        if not stat.S_ISREG(status.st_mode) or not mode & 0o077:
            continue
        outcome = f"its mode is {mode & 0o700:04o} now"
        try:
            os.chmod(name, mode & 0o700)
        except OSError as error:
            outcome = f"that cannot be changed: {error.strerror}"
        if not told:
            logger.warning("others could read the history in %s (mode %04o): %s", name, mode, outcome)
        told = True


def _take_lock(path: str, patience: float) -> int:
    """Lock the file beside it that only servers lock; returns its descriptor. Raises `DiskError` if another has it."""
    descriptor = open_private(path + ".lock", os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW)
    end = time.monotonic() + patience
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return descriptor
            except BlockingIOError:
                if time.monotonic() >= end:
                    raise DiskError("another server has it open: end that one, or give this one another file") from None
                time.sleep(0.05)
    except BaseException:
        os.close(descriptor)
        raise


def trace(room: str, key: str, who: int | str) -> int:
    """What tells a key of a session (its number) or of somebody (their folded name) from all others in this process.

    It depends on `hash`, which is another one in every process: nobody outside can choose keys that collide.
    """
    return hash((room, key, who))


def insert(file: sqlite3.Connection, rows: Iterable[Row]) -> int:
    """Write rows and commit them; returns how many were new."""
    with file:
        return write(file, rows)


def write(file: sqlite3.Connection, rows: Iterable[Row]) -> int:
    """Write rows; returns how many were new. One whose stamp is there already is left out."""
    cursor = file.executemany(
        "insert into message (at, room, name, text, key, session, author) values (?, ?, ?, ?, ?, ?, ?)"
        " on conflict do nothing",
        map(_values, rows),
    )
    return max(0, cursor.rowcount)


def _values(row: Row) -> tuple[Any, ...]:
    at, room, name, text, key, session = row
    if key is None:
        return (*row, None)
    return at, room, name, text, key, trace(room, key, session or 0), None if name.isascii() else fold(name)


def holds(file: sqlite3.Connection, row: Row) -> bool:
    """Whether just that message is there."""
    found = file.execute("select 1 from message where at = ? and room = ? and name = ? and text = ?", row[:4])
    return found.fetchone() is not None


def newest_stamp(file: sqlite3.Connection) -> int:
    """0 if there is none."""
    newest: int = file.execute("select coalesce(max(at), 0) from message").fetchone()[0]
    return newest


def load(file: sqlite3.Connection) -> list[tuple[str, Entry]]:
    """The newest messages with their rooms, ascending."""
    rows = file.execute("select room, name, text, at, key from message order by at desc limit ?", (_LOADED,)).fetchall()
    return [(room, Entry(name, text, at, key)) for room, name, text, at, key in reversed(rows)]


def read_page(file: sqlite3.Connection, room: str, request: History) -> Page:
    """The page that a request asks for."""
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


def find_key(file: sqlite3.Connection, room: str, key: str, session: int, name: str) -> int | None:
    """The stamp of the message that was said in `room` with `key`, by that session or under that name."""
    by_session = file.execute(
        "select at from message where session = ? and key = ? and room = ? order by at limit 1",
        (trace(room, key, session), key, room),
    )
    by_name = file.execute(
        f"select at from message where key = ? and room = ? and {_AUTHOR} = ? order by at limit 1",
        (key, room, fold(name)),
    )
    return min((at for (at,) in (*by_session, *by_name)), default=None)


def next_keys(file: sqlite3.Connection, after: int, limit: int) -> list[tuple[int, str, str | None, str, int | None]]:
    """The next messages behind a stamp: each with its room, key, folded author, and `session` as in the file."""
    return file.execute(
        f"select at, room, key, {_AUTHOR}, session from message where at > ? order by at limit ?", (after, limit)
    ).fetchall()


def size(file: sqlite3.Connection) -> int:
    """Bytes of the file that are in use."""
    names = ("page_count", "freelist_count", "page_size")
    pages, free, page = (int(file.execute(f"pragma {name}").fetchone()[0]) for name in names)
    return (pages - free) * page


def sweep(file: sqlite3.Connection, oldest: int, most: int) -> bool:
    """Delete some of what has a stamp below `oldest` or is more than `most` bytes; whether there may be more of it."""
    deleted = freed = 0
    with file:
        if oldest:
            deleted += _delete(file, "select at from message where at < ? order by at limit ?", oldest, _SWEEP_ROWS)
        if most and (over := size(file) - most) > 0:
            rows = 10 * _SWEEP_ROWS if over > max(_FAR_OVER, most // 20) else _SWEEP_ROWS
            deleted += _delete(file, "select at from message order by at limit ?", rows)
        if _has_free(file):
            freed = 1
            file.execute(f"pragma incremental_vacuum({_SWEEP_PAGES})").fetchall()
    return deleted + freed > 0


def _has_free(file: sqlite3.Connection) -> bool:
    """Whether there are pages to be given back. A file that was not made here may be unable to."""
    free = file.execute("pragma freelist_count").fetchone()[0]
    return bool(free and file.execute("pragma auto_vacuum").fetchone()[0] == 2)


def _delete(file: sqlite3.Connection, which: str, *values: int) -> int:
    return file.execute(f"delete from message where at in ({which})", values).rowcount
