"""The index of the words in the history file: its tables, and what is done with one of them. No threads here.

The index consists of *chapters*. Each holds the words of all messages in a span of stamps, in a full-text table of its
own (SQLite's FTS5). Many small tables have three advantages over one large table:

- SQLite cannot be interrupted within one step of FTS5. The chapter bounds what a step reads.
- FTS5 keeps deleted words until all parts of a table are merged. That takes a second for a chapter.
- When the messages of a chapter are deleted, the table is dropped. No word has to be deleted by itself.

In front of each word stands a hash of its place: a room, a conversation or an inbox (see `private`). So a search reads
nothing of other places. The tables have no copy of the texts and no positions of words: `Search.matches` decides about
each message that they find. Everything here raises `sqlite3.Error` if the file cannot be read or written.
"""

import enum
import functools
import hashlib
import json
import sqlite3
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pylingo.reactor.history.private import inbox, owners
from pylingo.shared.search import RULES, Search, words_of

VERSION = f"{RULES} {unicodedata.unidata_version}"
"""The version of the words of an index: the rules of `shared.search`, and the tables of this Python."""
_PREFIXES = 3  # words of a search that are looked up; the others are left to `Search.matches`
_CHARACTERS = 6  # characters of unspaced scripts, likewise
_PARTS = 10  # the id of FTS5's list of the parts of a table; higher ids are those of pages with words
_DROPPED_PAGES = 64  # pages of a discarded chapter that are deleted in one step
_MERGED_AT_ONCE = 24  # pages that are merged when words are added: as many as that makes necessary in the long run


class State(enum.IntEnum):
    """The states of a chapter. Above `TAINTED`, it is not searched."""

    READY = 0
    UNMERGED = 1
    """It is full, and its parts are to be merged into one, which is searched faster."""
    TAINTED = 2
    """Words were deleted, and are in the file until its parts are merged into one."""
    DISCARDED = 3
    """It is to be dropped: its messages were deleted, or it is of another version."""


@dataclass(slots=True)
class Chapter:
    """A chapter with `words` words, of all messages whose stamps are from `first` to `last`."""

    number: int
    first: int
    last: int
    words: int = 0
    state: State = State.READY

    @property
    def table(self) -> str:
        return f"words_{self.number}"


class DamagedChapterError(Exception):
    """The chapter with this `number` is damaged."""

    def __init__(self, number: int) -> None:
        super().__init__(f"the chapter {number} of the index is damaged")
        self.number = number


type Message = tuple[int, str, str]
"""A message to be indexed: its stamp, its room or conversation, and its text."""


def has_index(file: sqlite3.Connection) -> bool:
    """Return whether this SQLite has FTS5."""
    return any(file.execute("select 1 from pragma_module_list where name = 'fts5'"))


def values_of(file: sqlite3.Connection, query: str, value: str, parameters: Any = ()) -> list[Any]:
    """Return an SQL expression for each row of a query, in one step.

    SQLite works without Python's interpreter. For each row that it returns, the loop may have to wait for that.
    """
    (found,) = file.execute(f"select json_group_array({value}) from ({query})", parameters).fetchone()
    values: list[Any] = json.loads(found)
    return values


def read_chapters(file: sqlite3.Connection) -> list[Chapter]:
    """Return all chapters, the oldest first.

    Those of another version, those without a table, and tables that no row describes count as discarded.
    """
    names = "select name from sqlite_master where type = 'table' and name glob 'words_[0-9]*'"
    rows = "select number, first, last, words, state, version from chapter order by first"
    tables = {int(name[6:]) for name in values_of(file, names, "name") if name[6:].isdecimal()}
    chapters = []
    columns = "json_array(number, first, last, words, state, version)"
    for number, first, last, words, state, version in values_of(file, rows, columns):
        is_sound = number in tables and version == VERSION
        chapters.append(Chapter(number, first, last, words, State(state) if is_sound else State.DISCARDED))
    stray = tables - {chapter.number for chapter in chapters}
    return [Chapter(number, 0, 0, 0, State.DISCARDED) for number in sorted(stray)] + chapters


def searched(file: sqlite3.Connection) -> list[Chapter]:
    """Return the chapters that a search can use, the oldest first: none without FTS5."""
    if not has_index(file):
        return []
    return [chapter for chapter in read_chapters(file) if chapter.state is not State.DISCARDED]


def create(file: sqlite3.Connection, at: int) -> Chapter:
    """Create an empty chapter, whose first message has the stamp `at`. It is part of the next commit."""
    chapter = Chapter(max((other.number for other in read_chapters(file)), default=0) + 1, at, at)
    table = chapter.table
    file.execute(
        f"create virtual table {table} using fts5(text, content='', columnsize=0, detail=none, tokenize='ascii')"
    )
    # FTS5 would merge more at once, while new messages wait.
    file.execute(f"insert into {table} ({table}, rank) values ('automerge', 0)")
    file.execute(
        "insert into chapter (number, first, last, words, state, version) values (?, ?, ?, 0, ?, ?)",
        (chapter.number, at, at, chapter.state, VERSION),
    )
    return chapter


def add(file: sqlite3.Connection, chapter: Chapter, messages: Iterable[Message]) -> None:
    """Add messages to a chapter, ascending. They are part of the next commit."""
    rows = []
    for at, room, text in messages:
        chapter.first, chapter.last = min(chapter.first, at), max(chapter.last, at)
        if text:
            words, count = _indexed(room, text)
            chapter.words += count
            rows.append((at, words))
    table = chapter.table
    # One statement for all rows, for the same reason as in `values_of`.
    source = "select json_extract(value, '$[0]'), json_extract(value, '$[1]') from json_each(?)"
    file.execute(f"insert into {table} (rowid, text) {source}", (json.dumps(rows),))
    file.execute(f"insert into {table} ({table}, rank) values ('merge', {_MERGED_AT_ONCE})")
    file.execute(
        "update chapter set first = ?, last = ?, words = ? where number = ?",
        (chapter.first, chapter.last, chapter.words, chapter.number),
    )


def take_out(file: sqlite3.Connection, room: str, at: int) -> None:
    """Delete the words of a message, which still has its text. This is part of the next commit.

    They are in the file until the chapter, which is `TAINTED` then, is merged.
    """
    found = file.execute("select text from message where at = ? and room = ?", (at, room)).fetchone()
    chapter = file.execute(
        "select number from chapter where first <= ? and last >= ? and state < ? and version = ?",
        (at, at, State.DISCARDED, VERSION),
    ).fetchone()
    if found is None or chapter is None or not found[0]:
        return
    table = Chapter(chapter[0], 0, 0).table
    state = State.TAINTED
    try:
        file.execute(
            f"insert into {table} ({table}, rowid, text) values ('delete', ?, ?)", (at, _indexed(room, found[0])[0])
        )
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise
        state = State.DISCARDED
    file.execute("update chapter set state = ? where number = ?", (state, chapter[0]))


def set_state(file: sqlite3.Connection, chapter: Chapter, state: State) -> None:
    """Change the state of a chapter. This is part of the next commit."""
    chapter.state = state
    file.execute("update chapter set state = ? where number = ?", (state, chapter.number))


def merge(file: sqlite3.Connection, chapter: Chapter, pages: int) -> bool:
    """Merge about so many pages of a chapter. Return whether it still has several parts."""
    table, before = chapter.table, file.total_changes
    file.execute(f"insert into {table} ({table}, rank) values ('merge', ?)", (-pages,))
    return file.total_changes - before >= 2  # that is how FTS5 says so


def drop_some(file: sqlite3.Connection, chapter: Chapter) -> bool:
    """Delete some of the words of a discarded chapter, at last its table. Return whether it is still there."""
    table = chapter.table
    if any(file.execute("select 1 from sqlite_master where name = ?", (f"{table}_data",))):
        # FTS5 drops no table whose list of parts it cannot read. From now on, the table has no parts.
        file.execute(f"replace into {table}_data (id, block) values ({_PARTS}, x'00000000000000')")
        some = f"select id from {table}_data where id > {_PARTS} limit {_DROPPED_PAGES}"
        if file.execute(f"delete from {table}_data where id in ({some})").rowcount == _DROPPED_PAGES:
            return True
    if has_index(file):
        file.execute(f"drop table if exists {table}")
        file.execute("delete from chapter where number = ?", (chapter.number,))
    return False


def is_damage(error: sqlite3.Error) -> bool:
    """Whether an error says that a full-text table is damaged. The rest of the file may be sound."""
    return getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_CORRUPT_VTAB


def terms_of(search: Search, place: str) -> list[str]:
    """Return what FTS5 can look for: a message that matches the search has all of it.

    The term that is likely to be the rarest comes first, and a long word is rarer than a short one. FTS5 collects all
    words with a beginning before it returns the first message, so there are only a few terms.
    """
    scope = _scope(place)
    words = sorted(search.prefixes, key=len, reverse=True)[:_PREFIXES]
    characters = list(dict.fromkeys("".join(search.runs)))[:_CHARACTERS]
    return [f'"{scope}{char}"' for char in characters] + [f'"{scope}{word}" *' for word in words]


def stamps_in(chapter: Chapter) -> str:
    """Return the query for the newest stamps of messages that have all `:terms`, below `:before`, at most `:most`."""
    table = chapter.table
    return (
        f"select rowid as at from {table} where {table} match :terms and rowid < :before order by at desc limit :most"
    )


def damage_in(file: sqlite3.Connection, chapters: list[Chapter], error: sqlite3.DatabaseError) -> Exception | None:
    """Return a `DamagedChapterError` if one of these chapters was the cause of `error`, or None."""
    if is_damage(error):
        for chapter in chapters:
            try:
                file.execute(f"select count(*) from {chapter.table} where {chapter.table} match 'a*'").fetchall()
            except sqlite3.DatabaseError:
                return DamagedChapterError(chapter.number)
    return None


def _indexed(room: str, text: str) -> tuple[str, int]:
    """The words that the index has for a message, and their number.

    They are letters, digits and marks in lower case, which FTS5's tokenizer `ascii` leaves alone.
    """
    places = [room, *map(inbox, dict.fromkeys(owners(room)))]
    words = [scope + word for scope in map(_scope, places) for word in dict.fromkeys(words_of(text))]
    return " ".join(words), len(words)


@functools.lru_cache(10_000)
def _scope(place: str) -> str:
    """The hash of a place. If two places share one, some messages are looked for in vain, and nothing else happens."""
    return hashlib.blake2b(place.encode(), digest_size=6).hexdigest()
