"""The SQL queries of the history file: pages, keys, deletion of old messages. No threads here.

Everything raises `sqlite3.Error` if the file cannot be read or written. Each query of a page or a key reads only a few
more rows than it returns, and the others read a bounded number of rows.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pylingo.reactor.history.chapters import take_out
from pylingo.reactor.history.charter import Charter
from pylingo.reactor.history.charter import load as load_charter
from pylingo.reactor.history.database import AUTHOR
from pylingo.reactor.history.history import FOREVER, Numbers, Page, fit_frame
from pylingo.reactor.history.per_room import MOST
from pylingo.reactor.history.private import Owner, owners
from pylingo.reactor.history.topics import StoredTopic
from pylingo.shared.messages import Entry, HistoryRequest
from pylingo.shared.names import fold

_LOADED = 2_000  # messages that are loaded into memory after a restart
_LOOKED_AT = 20_000  # messages that are read for it, among them private ones
_LOADED_SIZE = 2**20  # characters of them at most: the bound of the memory may be lower
_TOPICS_READ = 10 * MOST  # topics, and charters, that are read: many rooms may have been occupied
_SWEEP_ROWS = 200  # rows deleted in one commit, for which new messages wait
_FAR_OVER = 2**25  # bytes, and a twentieth, above the bound: messages come faster than small steps delete
_SWEEP_PAGES = 64  # pages returned to the system in one commit
ENTRY = "name, text, at, key, recipient, action, fingerprint, operator, redacted"
"""The columns that `entry_of` takes."""
_ROW_SIZE = 300  # bytes of a row in memory besides its text, about
Row = tuple[int, str, str, str, str | None, int | None, str | None, bool | None, str | None, bool | None, bool | None]
"""Stamp, room, name, text, key, the number of the session, which only a message with a key has, recipient, action;
fingerprint of the author's key, whether the author was an operator, whether it is redacted."""


def row_size(row: Row) -> int:
    """Estimate the bytes of a row in memory."""
    return _ROW_SIZE + 4 * len(row[3])


def redacted_row(row: Row, room: str, at: int) -> Row:
    """Return the row, without its text if it is the message of `room` with this stamp."""
    return row if row[:2] != (at, room) else (*row[:3], "", *row[4:10], True)


def trace(room: str, key: str, who: int | str) -> int:
    """Return a number for a key in a room, as used by a session (its number) or a person (their folded name).

    It is a `hash`, whose seed differs from process to process: peers cannot choose keys that collide.
    """
    return hash((room, key, who))


def insert(file: sqlite3.Connection, rows: Iterable[Row]) -> int:
    """Write rows and commit them. Return how many were new."""
    with file:
        return write(file, rows)


def write(file: sqlite3.Connection, rows: Iterable[Row]) -> int:
    """Write rows, except those whose stamp is in the file already. Return how many were written."""
    places: list[tuple[Owner, int]] = []

    def values() -> Iterator[tuple[Any, ...]]:
        for at, room, name, text, key, session, to, action, *marks in rows:
            places.extend((owner, at) for owner in owners(room))
            author = fold(name) if key is not None and not name.isascii() else None
            number = trace(room, key, session or 0) if key is not None else None
            yield at, room, name, text, key, number, author, to, action, *marks

    cursor = file.executemany(
        "insert into message (at, room, name, text, key, session, author, recipient, action, fingerprint, operator,"
        " redacted) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) on conflict do nothing",
        values(),
    )
    if places:
        file.executemany("insert into inbox (owner, at) values (?, ?) on conflict do nothing", places)
    return max(0, cursor.rowcount)


def holds(file: sqlite3.Connection, row: Row) -> bool:
    """Return whether exactly that message is in the file."""
    return any(file.execute("select 1 from message where at = ? and room = ? and name = ? and text = ?", row[:4]))


def read_numbers(file: sqlite3.Connection) -> dict[str, int]:
    """Return the numbers that the file stores besides messages, by name.

    `reserved`: no stamp above it was given yet. It is committed before stamps up to it are given, so that no stamp that
    others have seen is given again after a crash with the clock set back. `sound` and `ran`: see `clock.ClockTrust`.
    """
    return dict(file.execute("select name, value from mark"))


def write_numbers(file: sqlite3.Connection, **values: int | None) -> None:
    """Set numbers, or delete them (None). They are part of the next commit."""
    for name, value in values.items():
        if value is None:
            file.execute("delete from mark where name = ?", (name,))
        else:
            file.execute("insert or replace into mark values (?, ?)", (name, min(value, FOREVER)))


def newest_stamp(file: sqlite3.Connection) -> int:
    """Return the stamp of the newest message, 0 if there is none."""
    return int(file.execute("select coalesce(max(at), 0) from message").fetchone()[0])


def load(file: sqlite3.Connection) -> list[tuple[str, Entry]]:
    """Return the newest messages of rooms, ascending, with their rooms.

    Private ones are left out, as they have no room to which anybody returns. If there are many of them, fewer messages
    are returned: only the newest `_LOOKED_AT` rows are read.
    """
    loaded = []
    characters = _LOADED_SIZE
    newest = f"select room, {ENTRY} from message order by at desc limit {_LOOKED_AT}"
    for row in file.execute(f"select * from ({newest}) where recipient is null limit ?", (_LOADED,)):
        characters -= len(row[2])
        if characters < 0:
            break
        loaded.append((row[0], entry_of(row[1:])))
    return loaded[::-1]


def rooms(file: sqlite3.Connection) -> list[str]:
    """Return the compared names of the rooms that have messages."""
    return [room for (room,) in file.execute("select distinct room from message where recipient is null")]


def newest(file: sqlite3.Connection, room: str, most: int) -> list[Entry]:
    """Return the newest messages of a room, ascending."""
    query = f"select {ENTRY} from message where room = ? and recipient is null order by at desc limit ?"
    return [entry_of(row) for row in file.execute(query, (room, most)).fetchall()[::-1]]


def read_topics(file: sqlite3.Connection) -> list[tuple[str, StoredTopic]]:
    """Return the rooms that have a topic, with the topic: the one that was set longest ago first."""
    rows = file.execute("select room, text, name, at from topic order by at desc limit ?", (_TOPICS_READ,)).fetchall()
    return [(room, StoredTopic(*topic)) for room, *topic in reversed(rows)]


def write_topics(file: sqlite3.Connection, topics: Mapping[str, StoredTopic | None]) -> None:
    """Set or clear topics. They are part of the next commit."""
    for room, topic in topics.items():
        if topic is None:
            file.execute("delete from topic where room = ?", (room,))
        else:
            file.execute("insert or replace into topic values (?, ?, ?, ?)", (room, *topic))


def read_charters(file: sqlite3.Connection) -> list[tuple[str, Charter]]:
    """Return the rooms that have a charter, with the charter: the one that was set longest ago first."""
    rows = file.execute("select room, fields from charter order by number desc limit ?", (_TOPICS_READ,)).fetchall()
    return [(room, load_charter(fields)) for room, fields in reversed(rows)]


def write_charters(file: sqlite3.Connection, charters: Mapping[str, Charter | None]) -> None:
    """Set or clear charters, but for what ends with the process. They are part of the next commit."""
    for room, charter in charters.items():
        kept = charter.lasting() if charter is not None else None
        file.execute("delete from charter where room = ?", (room,))
        if kept is not None:
            file.execute("insert into charter (room, fields) values (?, ?)", (room, kept.dump()))


def has_log(file: sqlite3.Connection, room: str) -> bool:
    """Return whether the room has messages."""
    return file.execute("select 1 from message where room = ? limit 1", (room,)).fetchone() is not None


def source(place: str) -> tuple[str, Owner]:
    """Return the tables and the condition for the messages of a place, and the value that the condition has a `?` for.

    A place is a room, a conversation or an inbox (see `private`).
    """
    found = owners(place)
    if len(found) == 1:
        return "inbox join message using (at) where owner = ?", found[0]
    return "message where room = ?", place


def read_page(file: sqlite3.Connection, place: str, request: HistoryRequest) -> Page:
    """Return the page of a place that a request asks for."""
    where, what = source(place)
    forward = request.since is not None
    since = min(request.since, FOREVER) if request.since is not None else -1
    before = min(request.before, FOREVER) if request.before is not None else FOREVER
    rows = file.execute(
        f"select {ENTRY} from {where} and at > ? and at < ? order by at {'asc' if forward else 'desc'} limit ?",
        (what, since, before, request.limit + 1),
    ).fetchall()
    entries = list(map(entry_of, rows[: request.limit] if forward else rows[request.limit - 1 :: -1]))
    page = fit_frame(entries, forward)
    return Page(page, len(rows) > len(page), oldest_of(file, place))


def oldest_of(file: sqlite3.Connection, place: str) -> int | None:
    """Return the stamp of the oldest message of a place, None if there is none."""
    where, what = source(place)
    found = file.execute(f"select at from {where} order by at limit 1", (what,)).fetchone()
    return found[0] if found is not None else None


def entry_of(row: tuple[Any, ...]) -> Entry:
    """The message in a row of `ENTRY`."""
    name, text, at, key, recipient, action, fingerprint, operator, redacted = row
    return Entry(name, text, at, key, recipient, action and True, fingerprint, operator and True, redacted and True)


def redact(file: sqlite3.Connection, room: str, at: int) -> bool:
    """Empty the text of a message; return whether there is one. It is part of the next commit.

    `secure_delete` overwrites the text in the file. It is in the journal until `truncate_journal`, and its words are in
    the index until its chapter is merged.
    """
    take_out(file, room, at)
    query = "update message set text = '', redacted = 1 where at = ? and room = ?"
    return file.execute(query, (at, room)).rowcount > 0


def truncate_journal(file: sqlite3.Connection) -> bool:
    """Move the journal into the file and cut it to nothing. Return False if somebody else reads it just now."""
    (patience,) = file.execute("pragma busy_timeout").fetchone()
    file.execute("pragma busy_timeout = 0")
    try:
        is_busy, *_ = file.execute("pragma wal_checkpoint(truncate)").fetchone()
    finally:
        file.execute(f"pragma busy_timeout = {patience}")
    return not is_busy


def find_key(
    file: sqlite3.Connection, room: str, key: str, session: int, name: str, others: Numbers = ()
) -> int | None:
    """Return the stamp of the message sent in `room` with `key` by that session or under that name.

    Messages of the sessions `others` do not count.
    """
    by_session = file.execute(
        "select at from message where session = ? and key = ? and room = ? order by at limit 1",
        (trace(room, key, session), key, room),
    )
    besides = [trace(room, key, other) for other in others]
    by_name = file.execute(
        f"select at from message where key = ? and room = ? and {AUTHOR} = ?"
        f" and (session is null or session not in ({', '.join('?' * len(besides))})) order by at limit 1",
        (key, room, fold(name), *besides),
    )
    return min((at for (at,) in (*by_session, *by_name)), default=None)


def next_keys(file: sqlite3.Connection, after: int, limit: int) -> list[tuple[int, str, str | None, str, int | None]]:
    """Return the stamp, room, key, folded author and `session` (as stored) of the next messages after a stamp."""
    return file.execute(
        f"select at, room, key, {AUTHOR}, session from message where at > ? order by at limit ?", (after, limit)
    ).fetchall()


def size(file: sqlite3.Connection) -> int:
    """Return the bytes of the file that are in use."""
    names = ("page_count", "freelist_count", "page_size")
    pages, free, page = (int(file.execute(f"pragma {name}").fetchone()[0]) for name in names)
    return (pages - free) * page


def sweep(file: sqlite3.Connection, oldest: int, most: int) -> bool:
    """Delete some messages with a stamp below `oldest`, or beyond `most` bytes. Return whether there may be more."""
    deleted = freed = 0
    with file:
        if oldest:
            deleted += _delete(file, "select at from message where at < ? order by at limit ?", oldest, _SWEEP_ROWS)
        if most and (over := size(file) - most) > 0:
            rows = 10 * _SWEEP_ROWS if over > max(_FAR_OVER, most // 20) else _SWEEP_ROWS
            deleted += _delete(file, "select at from message order by at limit ?", rows)
        free, mode = (file.execute(f"pragma {name}").fetchone()[0] for name in ("freelist_count", "auto_vacuum"))
        if free and mode == 2:  # a file that was not created here may be unable to return pages
            freed = 1
            file.execute(f"pragma incremental_vacuum({_SWEEP_PAGES})").fetchall()
    return deleted + freed > 0


def _delete(file: sqlite3.Connection, which: str, *values: int) -> int:
    file.execute(f"delete from inbox where at in ({which})", values)
    return file.execute(f"delete from message where at in ({which})", values).rowcount
