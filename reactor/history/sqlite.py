"""The log in a file: the loop's side of it. `writer` is the thread that owns the file, `store` what the file holds.

What a tick adds goes to the thread as one batch. Its answers come back through `call_from_thread`, in order. The
newest messages are in memory as well. When the file fails (a full disk, a lock, damage, a newer version), a line in
the log and a notice say so, and the chat goes on from memory until the file can be used again. When the disk hangs,
what is said waits to be confirmed, and nothing else waits.

While somebody is in a room, stamps are reserved on disk some seconds ahead: whatever happens, none that others have
seen is given again.
"""

import logging
import secrets
import sqlite3
from collections.abc import Callable
from functools import partial

from pylingo.reactor.history.alarm import Alarm
from pylingo.reactor.history.backlog import row_size
from pylingo.reactor.history.clock import wall_clock
from pylingo.reactor.history.feed import LOOK, Feed
from pylingo.reactor.history.keys import Filter, Keys
from pylingo.reactor.history.memory import FOREVER, MemoryHistory, Page
from pylingo.reactor.history.opening import open_file
from pylingo.reactor.history.store import Row, find_key, read_page
from pylingo.reactor.history.tasks import Batch, Question, Rescan, Task
from pylingo.reactor.history.writer import Writer
from pylingo.shared.messages import Entry, HistoryRequest

logger = logging.getLogger(__name__)

_LOADED_AT_ONCE = 200  # messages taken in by one turn of the loop
_FILTER_SHARE = 8  # of the memory goes to each filter of keys, of which there may be four
_GIVEN_AT_ONCE = 1_000  # messages from memory in one commit to a file which is made anew
_RESERVED = 10_000_000  # microseconds for which stamps are reserved; again when half of them are over
_SPARE = 1_000_000  # of them that the clock does not reach: as many messages may be said while the disk hangs
_CALLBACK_SIZE = 800  # about the bytes that a callback takes while it waits
_CANNOT = "the server cannot write its history: what is said now is kept in memory only"
_CAN_AGAIN = "the server can write its history again"
_ANEW = "the server has made its history file anew, with the messages that it had in memory"


def _ignore(*_: object) -> None: ...


class SqliteHistory:
    """A `History` on disk, in front of one in memory.

    `schedule` has a callback called at the end of the tick, `call_from_thread` from any thread in the loop, and
    `call_later` after some seconds: without it, hanging disks are not noticed and no stamps are reserved. `keep` is in
    seconds, `most` in bytes of the file, 0 for no bound. In the loop, `announce(words, trouble)` is called with words
    for everybody and with what those are to hear who come from then on, and `came_back(newest stamp)` when the file can
    be used again. What is said meanwhile is collected, as many bytes of it as the memory may hold, and then written.
    """

    def __init__(
        self,
        path: str,
        schedule: Callable[[Callable[[], object]], object],
        call_from_thread: Callable[..., object],
        announce: Callable[[str, str], object],
        memory: MemoryHistory,
        keep: float = 0.0,
        most: int = 0,
        came_back: Callable[[int], object] = _ignore,
        call_later: Callable[..., object] | None = None,
        clock: Callable[[], int] = wall_clock,
    ) -> None:
        self._path = path
        self._schedule = schedule
        self._call_from_thread = call_from_thread
        self._call_later = call_later
        self._announce = announce
        self._came_back = came_back
        self._clock = clock
        self._memory = memory
        self._batch: Batch | None = None
        self._is_broken = False
        self._is_open = False
        self._is_looking = False
        most_filter = memory.most // _FILTER_SHARE
        self._keys = Keys(most_filter)
        memory.reserve(self._keys.size)
        # Numbers of sessions begin anew with each server; in the file they are told apart by where they begin.
        self._first_session = secrets.randbits(62)
        self._writer = Writer(path, call_from_thread, self, open_file, keep, most, memory.most, most_filter)
        self._feed = Feed(self._writer, memory.most)
        self._alarm = Alarm(path, self._feed, announce)
        self._opened: Callable[[int], object] | None = None
        self._rooms = 0  # that somebody is in
        self._newest = 0  # stamp that was given
        self._reserved = 0  # the last stamp that is to be reserved
        self.stamps_until = FOREVER

    def open(self, opened: Callable[[int], object]) -> None:
        """Open the file in the background; `opened(newest stamp)` is called in the loop, 0 if there is none."""
        self._opened = opened
        self._writer.thread.start()
        self._look_later()

    def close(self, timeout: float) -> None:
        """Commit what is left; waits at most `timeout` seconds. After the reactor has stopped."""
        if self._opened is None:
            return
        if self._reserved:
            self._current().reserved = self._newest
        self._flush()
        self._feed.release()
        self._writer.tasks.put(None)
        self._writer.thread.join(timeout)
        if self._writer.thread.is_alive():
            logger.error(
                "the history in %s was not finished within %.1f s: %d messages are not known to be in it",
                self._path,
                timeout,
                self._feed.waiting,
            )

    # --- for the hub

    def add(self, room: str, entry: Entry, session: int) -> None:
        self._memory.add(room, entry, session)
        self._newest = entry.at
        batch = self._current()
        row = self._row(room, entry, session)
        batch.rows.append(row)
        batch.size += row_size(row)

    def find(self, room: str, key: str, session: int, name: str) -> int | None:
        return self._memory.find(room, key, session, name)

    def may_hold(self, room: str, key: str, session: int, name: str) -> bool:
        if self._is_broken or self._feed.is_hanging:
            return False
        return self._keys.may_hold(room, key, self._first_session + session, name)

    def look_up(self, room: str, key: str, session: int, name: str, answer: Callable[[int | None], object]) -> None:
        def ask(file: sqlite3.Connection) -> Callable[[], object]:
            return partial(answer, find_key(file, room, key, self._first_session + session, name))

        self._ask(ask, lambda: answer(self._memory.find(room, key, session, name)))

    def when_kept(self, callback: Callable[[], object], lost: Callable[[], object] | None = None) -> None:
        batch = self._current()
        batch.kept.append(callback)
        if lost is not None:
            batch.lost.append(lost)
        batch.size += _CALLBACK_SIZE

    def when_settled(self, callback: Callable[[], object]) -> None:
        self._ask(lambda file: callback, callback)

    def page(self, room: str, request: HistoryRequest, answer: Callable[[Page], object]) -> None:
        def ask(file: sqlite3.Connection) -> Callable[[], object]:
            return partial(answer, read_page(file, room, request))

        self._ask(ask, lambda: self._memory.page(room, request, answer))

    def occupied(self, room: str) -> None:
        self._memory.occupied(room)
        self._rooms += 1
        if self._rooms == 1:
            self._reserve()
            self._look_later()

    def emptied(self, room: str) -> None:
        self._memory.emptied(room)
        self._rooms -= 1

    # --- to the thread

    def _row(self, room: str, entry: Entry, session: int) -> Row:
        number = None
        if entry.key is not None:
            number = self._first_session + session
            self._keys.add(room, entry.key, number, entry.from_)
        return entry.at, room, entry.from_, entry.text, entry.key, number

    def _ask(self, ask: Callable[[sqlite3.Connection], Callable[[], object]], without: Callable[[], object]) -> None:
        """Ask the file, in the thread; if that cannot be, `without` is called, in the loop."""
        self._flush()
        if self._feed.is_hanging:
            self._call_from_thread(without)
        else:
            self._put(Question(ask, without))

    def _current(self) -> Batch:
        if self._batch is None:
            self._batch = Batch()
            self._schedule(self._flush)
        return self._batch

    def _flush(self) -> None:
        if self._batch is not None:
            batch, self._batch = self._batch, None
            self._put(batch)
            if self._keys.is_full() and not self._feed.is_hanging:
                self._put(Rescan(self._keys.renew()))
                self._memory.reserve(self._keys.size)

    def _put(self, task: Task) -> None:
        self._call_all([callback for batch in self._feed.put(task) for callback in batch.lost])
        self._look_later()

    # --- a look now and then

    def _look_later(self) -> None:
        if not self._is_looking and self._call_later is not None:
            self._is_looking = True
            self._call_later(LOOK, self._look)

    def _look(self) -> None:
        """Does the disk answer, and are there stamps enough?"""
        self._is_looking = False
        self._alarm.look(self._is_open, _CANNOT if self._is_broken else "")
        self._reserve()
        if self._rooms or self._feed.is_busy:
            self._look_later()

    def _reserve(self) -> None:
        """Reserve stamps for a while, if there are too few left, or if the clock was set back."""
        if self._call_later is None or self._is_broken or not self._rooms:
            self.stamps_until = FOREVER
            self._reserved = 0
            return
        now = max(self._clock(), self._newest)
        if not _RESERVED // 2 <= self._reserved - now <= _RESERVED and not self._feed.is_hanging:
            self._reserved = now + _RESERVED
            self.stamps_until = min(self.stamps_until, self._reserved - _SPARE)
            self._current().reserved = self._reserved

    # --- told by the thread, in the loop

    def opened(self, newest: int, entries: list[tuple[str, Entry]], keys: Filter | None) -> None:
        for room, entry in entries[:_LOADED_AT_ONCE]:
            self._memory.add(room, entry, 0)
            self._memory.emptied(room)
        if len(entries) > _LOADED_AT_ONCE:  # the rest in later turns of the loop
            self._call_from_thread(self.opened, newest, entries[_LOADED_AT_ONCE:], keys)
            return
        if keys is not None:
            self.scanned(keys)
        self._newest = max(self._newest, newest)
        self._feed.release()
        self._is_open = True
        if self._opened is not None:
            self._opened(newest)

    def kept(self, callbacks: list[Callable[[], object]], reserved: int | None) -> None:
        if reserved is not None and reserved == self._reserved:
            self.stamps_until = reserved - _SPARE
        self._call_all(callbacks)

    def _call_all(self, callbacks: list[Callable[[], object]]) -> None:
        for callback in callbacks:
            try:
                callback()
            except Exception:  # those behind it are of others
                logger.exception("a callback failed: %r", callback)

    def scanned(self, keys: Filter) -> None:
        self._keys.found(keys)
        self._memory.reserve(self._keys.size)

    def failed(self, sentence: str) -> None:
        self._is_broken = True
        self._reserve()
        logger.error("%s; the chat goes on, and keeps its history in memory only", sentence)
        self._announce(_CANNOT, _CANNOT)

    def came_back(self, newest: int, written: int, lost: int, is_anew: bool) -> None:
        self._is_broken = False
        self._keys.forget()
        logger.warning(
            "the history in %s can be used again: of what was said meanwhile %d messages were written, %d are lost",
            self._path,
            written,
            lost,
        )
        self._newest = max(self._newest, newest)
        self._came_back(newest)
        self._reserve()
        self._announce(_ANEW if is_anew else _CAN_AGAIN, "")
        if is_anew:
            self._give_memory(self._memory.rooms(), 0)

    def remembered(self) -> list[Row]:
        return [self._row(room, *said) for room in self._memory.rooms() for said in self._memory.said(room)]

    def _give_memory(self, rooms: list[str], count: int) -> None:
        """Write what is in memory into a file that is made anew, some of it after the other."""
        rows: list[Row] = []
        while rooms and len(rows) < _GIVEN_AT_ONCE:
            room = rooms.pop()
            rows += [self._row(room, *said) for said in self._memory.said(room)]
        count += len(rows)
        if rooms:
            self._put(Batch(rows, [lambda: self._give_memory(rooms, count)]))
        else:
            self._put(Batch(rows))
            logger.warning("the history in %s was made anew, with %d messages from memory", self._path, count)
