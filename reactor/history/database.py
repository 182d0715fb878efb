"""The database of the history: its tables and versions, its mode, its lock, and whether it is still the same file.

Other programs may read the file meanwhile. SQLite's exclusive locking mode would keep them out, so servers lock a file
beside it instead. Everything here raises `sqlite3.Error` if the file cannot be read or written.
"""

import contextlib
import fcntl
import logging
import os
import sqlite3
import stat
import time
from urllib.parse import quote

from pylingo.shared.files import open_private, sync_folder
from pylingo.shared.names import fold

logger = logging.getLogger(__name__)

VERSION = 8
"""The version of the schema. A file of an earlier version is upgraded, one of a later version is refused."""
BUSY = 5.0
"""Seconds to wait for another program's lock at the start."""
_SEARCH_BUSY = 0.05  # the same for a search
_STATEMENTS = 16  # of searches, that stay prepared: the text of most is too seldom the same
_CHECK_EVERY = 1.0  # seconds between two checks of the identity of the file
_ENDINGS = ("", "-wal", "-shm")  # of the names of the files of a database
_REPORT_EVERY = 5.0  # seconds between two log lines about an upgrade
_STEPS = 1_000_000  # steps of SQLite's virtual machine between two checks of the time: some hundredths of a second

_TABLE = """
create table message (
    at integer primary key,
    room text not null,
    name text not null,
    text text not null,
    key text,
    session integer,
    author text,
    recipient text,
    action integer,
    fingerprint text,
    operator integer,
    redacted integer
) strict;
create index message_of_room on message (room, at);
"""
# `author` is the compared form of a name beyond ASCII, which SQLite cannot compute. `session` is the `store.trace` of
# the session, the room and the key. A private message has the name of its `recipient`, and its `room` is the
# conversation (`private.conversation`). `fingerprint` is that of the author's key. `action` is 1 for an emote,
# `operator` if the author was one, and `redacted` for a message whose text was taken out.
AUTHOR = "coalesce(author, lower(name))"
"""The SQL expression for the compared form of a message's author."""
_KEYS = f"""
create index message_of_author on message (key, room, {AUTHOR}) where key is not null;
create index message_of_session on message (session) where session is not null;
"""
_NUMBERS = "create table mark (name text primary key, value integer not null) strict, without rowid;"
_INBOX = """
create table inbox (owner any, at integer, primary key (owner, at)) strict, without rowid;
create index inbox_of_message on inbox (at);
"""
# Two rows for each private message: one for the sender, one for the recipient (`private.owners`).
_TOPICS = """
create table topic (room text primary key, text text not null, name text not null, at integer not null)
strict, without rowid;
create index topic_by_time on topic (at);
"""
_CHAPTERS = """
create table chapter (
    number integer primary key,
    first integer not null,
    last integer not null,
    words integer not null,
    state integer not null,
    version text not null
) strict;
"""
_CHARTERS = "create table charter (number integer primary key, room text not null unique, fields text not null) strict;"
# The index of the words: a row for each table `words_NUMBER` (see `chapters`).
_UPGRADES = {
    0: _TABLE + _KEYS + _NUMBERS + _INBOX + _TOPICS + _CHAPTERS + _CHARTERS,
    1: "alter table message add column session integer;",
    2: """
drop index if exists message_of_key;
alter table message add column author text;
update message set author = fold(name) where key is not null and name glob '*[^ -~]*';
"""
    + _KEYS,
    3: _NUMBERS,
    4: "alter table message add column recipient text; alter table message add column action integer;"
    + _INBOX
    + _TOPICS,
    5: """
alter table message add column fingerprint text;
alter table message add column operator integer;
alter table message add column redacted integer;
alter table inbox rename to inbox_of_5;
drop index inbox_of_message;
"""
    + _INBOX
    + "insert into inbox select owner, at from inbox_of_5; drop table inbox_of_5;",
    6: _CHAPTERS,
    7: _CHARTERS,
}
"""By the version that they start from. A new file has version 0, and is complete after one step."""


class HistoryFileError(OSError):
    """The file cannot be used. The message says why, in a sentence."""


class FileGoneError(HistoryFileError):
    """The file's path leads to another file, or to none."""


class _LockedFile(sqlite3.Connection):
    """A database with a lock on the file beside it, which is released after the database is closed."""

    lock = -1  # the descriptor

    def close(self) -> None:
        super().close()
        lock, self.lock = self.lock, -1
        if lock >= 0:
            os.close(lock)


def _lock(path: str, patience: float) -> int:
    """Lock the file beside a database, which only servers lock, and return its descriptor.

    Raises `HistoryFileError` if another server has it.
    """
    lock = open_private(path + ".lock", os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW)
    end = time.monotonic() + patience
    try:
        while True:
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return lock
            if time.monotonic() >= end:
                raise HistoryFileError("another server has it open: stop that one, or give this one another file")
            time.sleep(0.05)
    except BaseException:
        os.close(lock)
        raise


def open_file(path: str, busy: float | None = None) -> sqlite3.Connection:
    """Open the file for a server, or create it. Wait `busy` seconds for a lock, by default `BUSY`.

    Only its owner can read it. Raises `OSError` as well, as `HistoryFileError` if there is a sentence for the reason.
    """
    path = os.path.abspath(path)  # so that no name has another meaning to SQLite
    busy = BUSY if busy is None else busy
    lock = _lock(path, busy)
    try:
        if not os.path.exists(path):
            _create(os.path.realpath(path))
        file = sqlite3.connect(path, timeout=busy, factory=_LockedFile)
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


def open_to_search(path: str) -> sqlite3.Connection:
    """Open a file that a server has open, only to read it. It may be closed by another thread.

    Raises `sqlite3.Error` if that is impossible, without creating anything.
    """
    file = sqlite3.connect(
        f"file:{quote(os.path.abspath(path))}?mode=ro",
        uri=True,
        timeout=_SEARCH_BUSY,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=_STATEMENTS,
    )
    file.execute("pragma query_only = on")
    return file


def _create(path: str) -> None:
    """Make a file with its tables under another name, then move it to `path`.

    A file at `path` is therefore complete, whenever the server is killed: one that is empty has lost its contents.
    """
    new = path + ".new"
    # The files beside a deleted database would change the new one.
    for left in (new, *(name + ending for name in (new, path) for ending in (*_ENDINGS[1:], "-journal"))):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(left)
    try:
        os.close(open_private(new, os.O_CREAT | os.O_EXCL | os.O_RDWR))  # SQLite gives the files beside it its mode
        with contextlib.closing(sqlite3.connect(new)) as file:
            prepare(file, new)
        os.rename(new, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(new)
        raise
    sync_folder(path)


def prepare(file: sqlite3.Connection, path: str = "") -> None:
    """Create the tables, or upgrade those of an earlier version. Raises `HistoryFileError` as well."""
    version = file.execute("pragma user_version").fetchone()[0]
    if version > VERSION:
        raise HistoryFileError(f"it is of version {version}, and this server knows {VERSION}: use a newer server")
    if version == 0 and file.execute("select count(*) from sqlite_master").fetchone()[0]:
        raise HistoryFileError("it is a database of another program")
    _make_private(path)
    if version == 0:
        file.execute("pragma auto_vacuum = incremental")
    file.execute("pragma journal_mode = wal")
    file.execute("pragma synchronous = full")
    file.execute("pragma secure_delete = on")
    if version < VERSION:
        steps = "".join(_UPGRADES[number] for number in range(version, VERSION if version else 1))
        file.create_function("fold", 1, fold, deterministic=True)
        progress = UpgradeProgress(path, version)
        file.set_progress_handler(progress.check, _STEPS)
        file.executescript(f"begin immediate; {steps} pragma user_version = {VERSION}; commit;")
        file.set_progress_handler(None, 0)
        progress.end()


class UpgradeProgress:
    """Logs the progress of an upgrade that takes long."""

    def __init__(self, path: str, version: int) -> None:
        self._subject = f"the history in {path} is being upgraded from version {version} to {VERSION}"
        self._begin = self._reported = time.monotonic()

    def check(self) -> None:
        now = time.monotonic()
        if now - self._reported >= _REPORT_EVERY:
            if self._reported == self._begin:
                logger.warning("%s, once: nobody can connect before it is done", self._subject)
            self._reported = now
            logger.info("%s: %.0f s so far", self._subject, now - self._begin)

    def end(self) -> None:
        if self._reported != self._begin:
            logger.info("%s: done after %.0f s", self._subject, time.monotonic() - self._begin)


def _make_private(path: str) -> None:
    """Take away the permissions of others on a file and those beside it, and log that once.

    It is done by name: closing a descriptor of the file would release SQLite's locks on it.
    """
    is_logged = False
    for name in [path + ending for ending in (*_ENDINGS, "-journal")]:
        try:
            status = os.stat(name)
        except OSError:  # there is none, or opening it will raise the reason
            continue
        mode = stat.S_IMODE(status.st_mode)
        if not stat.S_ISREG(status.st_mode) or not mode & 0o077:
            continue
        try:
            os.chmod(name, mode & 0o700)
            outcome = f"its mode is {mode & 0o700:04o} now"
        except OSError as error:
            outcome = f"that cannot be changed: {error.strerror}"
        if not is_logged:
            logger.warning("others could read the history in %s (mode %04o): %s", name, mode, outcome)
        is_logged = True


class FileIdentity:
    """The files at `path` and beside it (SQLite has two more), as they were when the database was opened.

    `files` is empty until then. `next_check` says when to `check` next, on the monotonic clock.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.files: tuple[object, ...] = ()
        self.next_check = 0.0
        self._damaged: object = None

    def remember(self) -> None:
        """Note which files are there: the database is open."""
        self.files = self._look()
        self._damaged = None

    def check(self) -> None:
        """Raise `FileGoneError` if the open file can no longer be found at its path."""
        self.next_check = time.monotonic() + _CHECK_EVERY
        if any(before not in (None, now) for before, now in zip(self.files, self._look(), strict=False)):
            raise FileGoneError("it was deleted, renamed or replaced while the server had it open")

    def abandon(self, file: sqlite3.Connection) -> None:
        """Close a file that is gone, with everything in the file itself, wherever that is now.

        Remove the journal that SQLite would leave behind: the next file at this path would take it for its own.
        """
        with contextlib.suppress(sqlite3.Error):
            file.execute("pragma wal_checkpoint(truncate)").fetchall()
        file.close()
        before, now = self.files, self._look()
        if before[0] != now[0]:
            for ending, old, new in zip(_ENDINGS[1:], before[1:], now[1:], strict=True):
                if old is not None and old == new:
                    with contextlib.suppress(OSError):
                        os.unlink(self.path + ending)

    def mark_damaged(self) -> None:
        """Note that the file, which is closed now, is damaged."""
        self._damaged = _identify(self.path, "st_ino", "st_size", "st_mtime_ns")

    def is_damaged(self) -> bool:
        """Return whether the file is still the damaged one. Opening that again is of no use."""
        return self._damaged is not None and self._damaged == _identify(self.path, "st_ino", "st_size", "st_mtime_ns")

    def _look(self) -> tuple[object, ...]:
        return tuple(_identify(self.path + ending, "st_dev", "st_ino") for ending in _ENDINGS)


def _identify(path: str, *fields: str) -> object:
    """Return these fields of the file's status, or None if there is no file."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return tuple(getattr(status, field) for field in fields)
