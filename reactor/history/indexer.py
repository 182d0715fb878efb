"""Keeps the index of the words up to date, for the thread that owns the history file, in short steps.

No message waits for the index: it is behind the messages by up to a few hundred, and a search reads those themselves.
The index of a file that had none is built from the newest message to the oldest one, while the server runs. The file
itself says how far the index is, so nothing is lost when the server ends in the middle.
"""

import logging
import sqlite3
import time
from collections.abc import Iterable

from pylingo.reactor.history import chapters
from pylingo.reactor.history.chapters import Chapter, Message, State
from pylingo.reactor.history.store import Row, newest_stamp
from pylingo.shared.text import counted

logger = logging.getLogger(__name__)

SLICE = 200
"""Messages that are added to the index in one step, unless they are long."""
_SLICE_SIZE = 2**15  # characters of them
_MERGED_PAGES = 32  # in one step
_MOST_WORDS = 2**18  # of a chapter: some 30,000 messages
_LEAST_WORDS = 2**12
_SHARE = 256  # bytes of the file's bound for each word of a chapter: then there are at least a dozen chapters
_SPANS = 64  # chapters in the time for which messages are kept, unless they have less than a slice of messages each
_SHORTEST = 60.0  # seconds in a chapter, if the messages are many


class Indexer:
    """The index of `file`, whose messages are kept for `keep` seconds and within `most` bytes, 0 for no bound.

    Everything raises `sqlite3.Error` if the file cannot be read or written.
    """

    def __init__(self, file: sqlite3.Connection, keep: float = 0.0, most: int = 0) -> None:
        self._file = file
        self._has_index = chapters.has_index(file)
        self._span = int(max(keep / _SPANS, _SHORTEST) * 1e6) if keep else None
        self._most_words = max(min(_MOST_WORDS, most // _SHARE), _LEAST_WORDS) if most else _MOST_WORDS
        self._begun = 0.0  # when the first gap was found
        self._filled = 0  # messages that were added to close gaps
        self._newest = -1  # if there is no chapter: messages up to this stamp are in a gap, those above it wait
        self._waiting = 0  # messages above `last`, not counted beyond a slice
        self._gap = -1  # the chapter below which there may be messages without a chapter; -1 if there are none
        self._parts: Chapter | None = None  # whose parts are merged next
        self._chapters: list[Chapter] = []  # ascending
        self._discarded: list[Chapter] = []
        self.reload()
        if not self._has_index:
            logger.warning("this SQLite has no FTS5: a search in the history reads the messages one by one")

    def reload(self) -> None:
        """Read the chapters from the file, as somebody else may have changed them."""
        found = chapters.read_chapters(self._file)
        with self._file:
            for chapter in found:
                if chapter.state is State.DISCARDED or not self._has_index:
                    chapters.set_state(self._file, chapter, State.DISCARDED)
        self._chapters = [chapter for chapter in found if chapter.state is not State.DISCARDED]
        self._discarded = [chapter for chapter in found if chapter.state is State.DISCARDED]
        self._changed()

    def _changed(self) -> None:
        """Find out what is to be done, after chapters have come, gone or changed their state."""
        self._gap = max(0, len(self._chapters) - 1)
        self._find_parts()
        self._newest = -1
        self._count_waiting()
        if not self._chapters and self._waiting >= SLICE:
            self._newest = newest_stamp(self._file)
            self._waiting = 0

    @property
    def last(self) -> int:
        """The stamp above which messages wait to be added."""
        return self._chapters[-1].last if self._chapters else self._newest

    @property
    def is_busy(self) -> bool:
        """Whether there is a step to take."""
        return self._is_urgent or (self._has_index and self._gap >= 0)

    def wrote(self, rows: Iterable[Row]) -> None:
        """Note new messages. Those with a stamp within a chapter are added now, as a part of the next commit."""
        last, late = self.last, list[Message]()
        for row in rows:
            if row[0] > last:
                self._waiting += 1
            else:
                late.append((row[0], row[1], row[3]))
        if late and self._has_index:
            for chapter in self._chapters[:]:
                if within := sorted(message for message in late if chapter.first <= message[0] <= chapter.last):
                    self._add(chapter, within)
            self._changed()

    def messages_deleted(self) -> None:
        """Discard the chapters whose messages are all gone: the oldest messages were deleted."""
        oldest = self._file.execute("select min(at) from message").fetchone()[0]
        with self._file:
            for chapter in self._chapters[:]:
                if oldest is None or chapter.last < oldest:
                    self._discard(chapter)

    def give_up(self, number: int) -> None:
        """Discard a chapter that is damaged, and index its messages again."""
        with self._file:
            for chapter in self._chapters[:]:
                if chapter.number == number:
                    self._discard(chapter)

    def step(self) -> bool:
        """Do some of the work, in a commit of its own. Return whether deleted words are in the journal alone now.

        The commit does not wait for the disk: if the machine fails, it may have to be done again.
        """
        messages = [] if self._is_urgent else self._next_in_gap()
        if not messages and not self._is_urgent:
            return False
        self._file.execute("pragma synchronous = normal")
        try:
            with self._file:
                self._file.execute("begin immediate")
                return self._step(messages)
        finally:
            self._file.execute("pragma synchronous = full")

    @property
    def _is_urgent(self) -> bool:
        """Whether there is anything to do before gaps are filled."""
        return (self._has_index and self._waiting >= SLICE) or bool(self._discarded) or self._parts is not None

    def _step(self, messages: list[Message]) -> bool:
        if messages:
            self._fill(messages)
        elif self._parts is not None and self._parts.state is State.TAINTED:
            return self._merge(self._parts)
        elif self._has_index and self._waiting >= SLICE:
            self._append()
        elif self._discarded:
            if not chapters.drop_some(self._file, self._discarded[0]):
                del self._discarded[0]
                return True
        elif self._parts is not None:
            self._merge(self._parts)
        return False

    # --- messages

    def _append(self) -> None:
        """Add the next messages above the newest chapter."""
        messages = self._read("at > ? order by at", self.last)
        if messages:
            count = len(self._chapters)
            if not count or not self._has_place(self._chapters[-1], messages):
                if count:
                    self._end(self._chapters[-1])
                self._chapters.append(chapters.create(self._file, messages[0][0]))
            self._add(self._chapters[-1], messages)
        self._count_waiting()

    def _next_in_gap(self) -> list[Message]:
        """The newest messages that are below a chapter and in none."""
        while self._gap >= 0:
            top = self._chapters[self._gap].first if self._chapters else self._newest + 1
            bottom = self._chapters[self._gap - 1].last if self._gap else -1
            if messages := self._read("at < ? and at > ? order by at desc", top, bottom):
                return messages[::-1]
            self._gap -= 1
        if self._filled:
            seconds = time.monotonic() - self._begun
            indexed = counted(self._filled, "message of the history was", "messages of the history were")
            logger.info("%s indexed in %.1f s", indexed, seconds)
            self._filled = 0
        return []

    def _fill(self, messages: list[Message]) -> None:
        """Add messages of the gap below a chapter, to that one or to one below it."""
        chapter = self._chapters[self._gap] if self._chapters else None
        if chapter is None or not self._has_place(chapter, messages):
            if chapter is not None and chapter is not self._chapters[-1]:  # the last one may grow on
                self._end(chapter)
            chapter = chapters.create(self._file, messages[-1][0])
            self._chapters.insert(self._gap, chapter)
        self._add(chapter, messages)
        self._begun = self._begun if self._filled else time.monotonic()
        self._filled += len(messages)

    def _read(self, where: str, *stamps: int) -> list[Message]:
        """Read the next messages, as many as are added in one step."""
        query = f"select at, room, text from message where {where} limit {SLICE}"
        messages: list[Message] = []
        size = 0
        for at, room, text in chapters.values_of(self._file, query, "json_array(at, room, text)", stamps):
            messages.append((at, room, text))
            size += len(text)
            if size >= _SLICE_SIZE:
                break
        return messages

    def _count_waiting(self) -> None:
        waiting = f"select 1 from message where at > ? limit {SLICE}"
        self._waiting = self._file.execute(f"select count(*) from ({waiting})", (self.last,)).fetchone()[0]

    # --- chapters

    def _has_place(self, chapter: Chapter, messages: list[Message]) -> bool:
        """Whether the chapter can take these messages as well."""
        first, last = min(chapter.first, messages[0][0]), max(chapter.last, messages[-1][0])
        return chapter.words < self._most_words and (self._span is None or last - first <= self._span)

    def _end(self, chapter: Chapter) -> None:
        """Note that a chapter grows no more."""
        if chapter.state is State.READY:
            chapters.set_state(self._file, chapter, State.UNMERGED)
            self._find_parts()

    def _add(self, chapter: Chapter, messages: list[Message]) -> None:
        try:
            chapters.add(self._file, chapter, messages)
        except sqlite3.DatabaseError as error:
            self._give_up(chapter, error)

    def _merge(self, chapter: Chapter) -> bool:
        """Merge some parts of a chapter. Return whether that has removed the last of the words deleted from it."""
        was_tainted = chapter.state is State.TAINTED
        try:
            if chapters.merge(self._file, chapter, _MERGED_PAGES):
                return False
            chapters.set_state(self._file, chapter, State.READY)
            self._find_parts()
        except sqlite3.DatabaseError as error:
            self._give_up(chapter, error)
            return False
        return was_tainted

    def _find_parts(self) -> None:
        """Find the chapter whose parts are merged next: first those that words were deleted from."""
        by_state = {chapter.state: chapter for chapter in self._chapters}
        self._parts = by_state.get(State.TAINTED, by_state.get(State.UNMERGED))

    def _give_up(self, chapter: Chapter, error: sqlite3.DatabaseError) -> None:
        """Discard a chapter if the error says that it is damaged. Raises errors of the rest of the file."""
        if not chapters.is_damage(error):
            raise error
        logger.warning("a part of the index of the history is damaged: it is built again")
        self._discard(chapter)

    def _discard(self, chapter: Chapter) -> None:
        chapters.set_state(self._file, chapter, State.DISCARDED)
        self._chapters.remove(chapter)
        self._discarded.append(chapter)
        self._changed()
