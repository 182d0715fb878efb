"""The file of the log, as SQL: making it, reading pages, finding keys, deleting what is too old. No threads here.

Everything raises `sqlite3.Error` where the file cannot be read or written.
"""

import sqlite3
import time
from collections.abc import Iterable

from reactor.chat.history import Page, fitting
from shared.messages import Entry, History
from shared.text import fold

VERSION = 2
"""The version of the file's schema. A file of version 1 is brought up to it, one of a later version is left alone."""
BUSY = 5.0
"""Seconds that a lock of another program is waited for at the start."""
_LOADED = 2_000  # the newest messages are in memory again after a restart
_MOST_AT = 2**63 - 1
_SWEEP_ROWS = 200  # rows deleted in one commit: what is said meanwhile waits for it
_FAR_OVER = 2**25  # bytes, and a twentieth, above the bound: more is said than small steps delete
_SWEEP_PAGES = 64  # pages given back to the system in one commit

_TABLE = """
create table message (
    at integer primary key,
    room text not null,
    name text not null,
    text text not null,
    key text,
    session integer
) strict;
create index message_of_room on message (room, at);
"""
_KEYS = "create index message_of_key on message (key, room) where key is not null;"
_UPGRADE = "alter table message add column session integer;"

Row = tuple[int, str, str, str, str | None, int | None]
"""at, room, name, text, key, and the number of the session, which only a message with a key has."""
FAILURES = (sqlite3.Error, OSError, OverflowError)
"""What an unusable file can raise."""


class DiskError(OSError):
    """Why the file cannot be used, in a sentence."""


def open_file(path: str, busy: float | None = None) -> sqlite3.Connection:
    """Open the file, or make it; a lock is waited for `busy` seconds, by default `BUSY`. Raises also `DiskError`."""
    file = sqlite3.connect(path, timeout=BUSY if busy is None else busy)
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
        if version < VERSION:
            change = _TABLE if version == 0 else _UPGRADE
            file.executescript(f"begin; {change} {_KEYS} pragma user_version = {VERSION}; commit;")
    except BaseException:
        file.close()
        raise
    return file


def insert(file: sqlite3.Connection, rows: Iterable[Row]) -> int:
    """Commit the rows; returns how many were new. One whose stamp is there already is left out."""
    with file:
        cursor = file.executemany("insert into message values (?, ?, ?, ?, ?, ?) on conflict do nothing", rows)
    return max(0, cursor.rowcount)


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
    name = fold(name)
    found = file.execute("select at, name, session from message where key = ? and room = ? order by at", (key, room))
    return next((at for at, author, number in found if number == session or fold(author) == name), None)


def next_keys(file: sqlite3.Connection, after: tuple[str, str, int], limit: int) -> list[tuple[str, str, int]]:
    """The next keys of the file, each with its room and stamp, in the order of the index."""
    return file.execute(
        "select key, room, at from message where key is not null and (key, room, at) > (?, ?, ?)"
        " order by key, room, at limit ?",
        (*after, limit),
    ).fetchall()


def size(file: sqlite3.Connection) -> int:
    """Bytes of the file that are in use."""
    names = ("page_count", "freelist_count", "page_size")
    pages, free, page = (int(file.execute(f"pragma {name}").fetchone()[0]) for name in names)
    return (pages - free) * page


def sweep(file: sqlite3.Connection, keep: float, most: int) -> bool:
    """Delete some of what is older than `keep` seconds or more than `most` bytes; whether there may be more of it."""
    deleted = freed = 0
    with file:
        if keep:
            oldest = int((time.time() - keep) * 1e6)
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
