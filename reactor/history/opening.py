"""Opening the file of the log: its tables, its versions, who may read it, and that one server alone writes it.

Other programs may read the file meanwhile: SQLite's exclusive mode would keep them out, so two servers are kept apart
by a lock on a file beside it instead. Everything raises `sqlite3.Error` where the file cannot be read or written.
"""

import contextlib
import fcntl
import logging
import os
import sqlite3
import stat
import time

from pylingo.reactor.history import marks
from pylingo.shared.files import open_private
from pylingo.shared.names import fold

logger = logging.getLogger(__name__)

VERSION = 4
"""The version of the file's schema. One of an earlier version is brought up to it, one of a later is left alone."""
BUSY = 5.0
"""Seconds that a lock of another program is waited for at the start."""
_COMMIT_BUSY = 2.0  # seconds that a commit waits for one; then the file counts as failed
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
AUTHOR = "coalesce(author, lower(name))"
"""What a message's author is compared by, in SQL."""
_KEYS = f"""
create index message_of_author on message (key, room, {AUTHOR}) where key is not null;
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
