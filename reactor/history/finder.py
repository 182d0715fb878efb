"""Searching: the newest messages of one place that have all words, in memory and in the file.

A search may end before it has found a page, because its time is over. Then the page says where to go on.

In the file, a search consists of few and large queries. SQLite works without Python's interpreter, and each time that
its result comes back, the loop may have to wait for the interpreter. So each query returns all its rows as one value.
"""

import json
import sqlite3
import time
from collections import deque
from collections.abc import Callable

from pylingo.reactor.history.chapters import Chapter, damage_in, searched, stamps_in, terms_of, values_of
from pylingo.reactor.history.history import FOREVER, Page, fit_frame
from pylingo.reactor.history.store import ENTRY, entry_of, oldest_of, source
from pylingo.shared.messages import Entry, HistoryRequest
from pylingo.shared.search import parse_search

_MOST = 100  # messages that are looked at together
_WIDTH, _WIDEST = 4, 64  # chapters that a query reads, at first and at most
_QUICK = 0.01  # seconds: after a query that took less, the next one reads more chapters

type IsOver = Callable[[], bool]
"""Whether the time for a search is over. It is asked after each message and each query."""
type Rest = Callable[[float], object]
"""Is called between two rounds of queries, with the seconds that a round took."""


class Finds:
    """The results of a search so far: at most one message more than the page has place for, the newest first."""

    def __init__(self, request: HistoryRequest, is_over: IsOver) -> None:
        self._request = request
        self._is_over = is_over
        self.search = parse_search(request.search or "")
        self._entries: list[Entry] = []
        self.cursor = FOREVER if request.before is None else min(request.before, FOREVER)
        """All messages with this stamp and above have been looked at, up to `before`."""
        self.is_done = False
        """Whether the search ends here: the page is full, or the time is over."""

    def look_at(self, entry: Entry) -> None:
        """Take a message below the cursor if it matches."""
        self.cursor = entry.at
        if self.search.matches(entry.text):
            self._entries.append(entry)
        self.is_done = len(self._entries) > self._request.limit or self._is_over()

    def passed(self, at: int) -> None:
        """There is nothing more to look at from the cursor down to this stamp."""
        self.cursor = at
        self.is_done = self.is_done or self._is_over()

    def page(self, oldest: int | None, is_complete: bool) -> Page:
        """The page of what was found. `is_complete` says that there are no messages below the cursor."""
        page = fit_frame(self._entries[: self._request.limit][::-1], False)
        if len(page) < len(self._entries):
            following: int | None = page[0].at
        else:
            following = None if is_complete else self.cursor
        return Page(page, following is not None, oldest, following)


def find_in_memory(entries: deque[Entry], request: HistoryRequest, is_over: IsOver) -> Page:
    """Return the page of a search in `entries`, all messages of a place, ascending."""
    finds = Finds(request, is_over)
    before, oldest = finds.cursor, entries[0].at if entries else None
    for entry in reversed(entries):
        if entry.at < before:
            if finds.is_done:
                return finds.page(oldest, False)
            finds.look_at(entry)
    return finds.page(oldest, True)


def find_in_file(
    file: sqlite3.Connection,
    place: str,
    request: HistoryRequest,
    is_over: IsOver,
    rest: Rest = lambda seconds: None,
    clock: Callable[[], float] = time.monotonic,
) -> Page:
    """Return the page of a search in a place: a room, a conversation or an inbox. `clock` gives seconds.

    Raises `DamagedChapterError`, and `sqlite3.Error` if the file cannot be read.
    """
    finds = Finds(request, is_over)
    file.execute("begin")  # all queries see the file at one moment
    try:
        is_complete = _FileSearch(file, place, finds, rest, clock).run()
        return finds.page(oldest_of(file, place), is_complete)
    finally:
        file.execute("rollback")


class _FileSearch:
    """A search in a place of the file, from the newest message to the oldest one.

    The file consists of chapters, and of gaps between, above and below them, whose messages are in no chapter. In a
    chapter the index tells which messages to look at; in a gap they are all looked at.
    """

    def __init__(
        self, file: sqlite3.Connection, place: str, finds: Finds, rest: Rest, clock: Callable[[], float]
    ) -> None:
        self._file = file
        self._finds = finds
        self._rest = rest
        self._clock = clock
        self._where, self._what = source(place)
        self._stamps = self._where.replace(" join message using (at)", "")
        self._terms = terms_of(finds.search, place)  # the one that was rare in the last chapters comes first
        self._are_common = False  # whether many messages had each of the terms
        self._width = _WIDTH  # chapters that the next query reads

    def run(self) -> bool:
        """Look at messages until the search is done. Return whether there are no more.

        The newest messages are read without the index: many of them may match.
        """
        finds = self._finds
        begin = self._clock()
        newest = self._ask([self._gap(-1, finds.cursor)], [])
        self._look_at(newest)
        if len(newest) < _MOST and not finds.is_done:
            return True
        chapters = searched(self._file)[::-1]
        while not finds.is_done:
            self._rest(self._clock() - begin)
            begin = self._clock()
            while chapters and chapters[0].first >= finds.cursor:
                del chapters[0]
            if self._search(chapters) and not chapters:
                return not finds.is_done
            is_quick = self._clock() - begin < _QUICK
            self._width = min(2 * self._width, _WIDEST) if is_quick else max(1, self._width // 2)
        return False

    def _search(self, chapters: list[Chapter]) -> bool:
        """Look at messages in the next chapters, or in the last gap. Return whether these were all."""
        stamps = self._next(chapters)
        self._look_at(stamps)
        is_all = len(stamps) < _MOST
        if is_all and chapters and not self._finds.is_done:
            self._finds.passed(chapters[: self._width][-1].first)
        return is_all

    def _next(self, chapters: list[Chapter]) -> list[int]:
        """The stamps of the messages to look at, all or the newest ones, in the next chapters and the gaps above them.

        One word that few messages have is enough. If every word is common, messages that have all of them are looked
        up, which takes FTS5 long, so at first in one chapter alone.
        """
        for index, term in enumerate([] if self._are_common else self._terms):
            stamps = self._look_up(chapters[: self._width], [term])
            if len(stamps) < _MOST:
                self._terms.insert(0, self._terms.pop(index))
                return stamps
            if len(self._terms) == 1 or not chapters or stamps[-1] > chapters[0].last:
                return stamps
        if not self._are_common:
            self._are_common = True
            self._width = 1
        return self._look_up(chapters[: self._width], self._terms)

    def _look_up(self, chapters: list[Chapter], terms: list[str]) -> list[int]:
        """The newest stamps of messages that may match, in these chapters and the gaps above them.

        Without chapters, those of the gap that is left.
        """
        parts = []
        below = self._finds.cursor
        for chapter in chapters:
            parts += [self._gap(chapter.last, below), stamps_in(chapter)]
            below = chapter.first
        try:
            return self._ask(parts or [self._gap(-1, below)], terms)
        except sqlite3.DatabaseError as error:
            raise damage_in(self._file, chapters, error) or error from None

    def _gap(self, above: int, below: int) -> str:
        """The query for the stamps of messages between two stamps."""
        where = self._stamps.replace("?", ":place")
        return f"select at from {where} and at > {above} and at < {below} order by at desc limit :most"

    def _ask(self, parts: list[str], terms: list[str]) -> list[int]:
        """Run queries for stamps one after another, until there are as many as are looked at together."""
        query = " union all ".join(f"select * from ({part})" for part in parts)
        values = {"place": self._what, "before": self._finds.cursor, "terms": " AND ".join(terms), "most": _MOST}
        return values_of(self._file, f"select at from ({query}) limit :most", "at", values)

    def _look_at(self, stamps: list[int]) -> None:
        """Look at the messages with these stamps, which descend, until the search is done."""
        query = f"select {ENTRY} from {self._where} and at in (select value from json_each(?))"
        rows = values_of(self._file, query, f"json_array({ENTRY})", (self._what, json.dumps(stamps)))
        for row in sorted(rows, key=lambda row: -int(row[2])):
            self._finds.look_at(entry_of(row))
            if self._finds.is_done:
                return
        if stamps:
            self._finds.passed(stamps[-1])
