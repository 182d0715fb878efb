"""The log in a file: the loop's side of it. `writer` is the thread that owns the file, `store` what the file holds.

What a tick adds goes to the thread as one batch. Its answers come back through `call_from_thread`, in order. The
newest messages are in memory as well. When the file fails (a full disk, a lock, damage, a newer version), a line in
the log and a notice say so, and the chat goes on from memory until the file can be used again.
"""

import logging
import secrets
import sqlite3
from collections.abc import Callable

from reactor.chat.history import MemoryLog, Page
from reactor.chat.keys import Filter, Keys
from reactor.chat.store import find_key, open_file, read_page
from reactor.chat.writer import Batch, Question, Rescan, Writer
from shared.messages import Entry, History

logger = logging.getLogger(__name__)

_LOADED_AT_ONCE = 200  # messages taken in by one turn of the loop
_FILTER_SHARE = 8  # of the memory goes to each filter of keys, of which there may be four


def _ignore(newest: int) -> None: ...


class DiskLog:
    """A `Log` on disk, in front of one in memory.

    `schedule` has a callback called at the end of the tick, `call_from_thread` from any thread in the loop. `keep` is
    in seconds, `most` in bytes of the file, 0 for no bound. In the loop, `failed(sentence)` is called when the file
    fails, and `came_back(newest stamp)` when it can be used again. What is said between both is collected, as many
    bytes of it as the memory may hold, and then written.
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
        came_back: Callable[[int], object] = _ignore,
    ) -> None:
        self._path = path
        self._schedule = schedule
        self._call_from_thread = call_from_thread
        self._failed = failed
        self._came_back = came_back
        self._memory = memory
        self._batch: Batch | None = None
        self._is_broken = False
        most_filter = memory.most // _FILTER_SHARE
        self._keys = Keys(most_filter)
        memory.reserve(self._keys.size)
        # Numbers of sessions begin anew with each server; in the file they are told apart by where they begin.
        self._first_session = secrets.randbits(62)
        self._writer = Writer(path, call_from_thread, self, open_file, keep, most, memory.most, most_filter)
        self._opened: Callable[[int], object] | None = None

    def open(self, opened: Callable[[int], object]) -> None:
        """Open the file in the background; `opened(newest stamp)` is called in the loop, 0 if there is none."""
        self._opened = opened
        self._writer.thread.start()

    def close(self, timeout: float) -> None:
        """Commit what is left; waits at most `timeout` seconds. After the reactor has stopped."""
        if self._opened is None:
            return
        self._flush()
        self._writer.tasks.put(None)
        self._writer.thread.join(timeout)
        if self._writer.thread.is_alive():
            logger.error("the history in %s was not finished within %g s", self._path, timeout)

    # --- for the hub

    def add(self, room: str, entry: Entry, session: int) -> None:
        self._memory.add(room, entry, session)
        number = None
        if entry.key is not None:
            number = self._first_session + session
            self._keys.add(room, entry.key, number, entry.from_)
        self._current().rows.append((entry.at, room, entry.from_, entry.text, entry.key, number))

    def find(self, room: str, key: str, session: int, name: str) -> int | None:
        return self._memory.find(room, key, session, name)

    def may_hold(self, room: str, key: str, session: int, name: str) -> bool:
        return not self._is_broken and self._keys.may_hold(room, key, self._first_session + session, name)

    def look_up(self, room: str, key: str, session: int, name: str, answer: Callable[[int | None], object]) -> None:
        def ask(file: sqlite3.Connection) -> None:
            self._call_from_thread(answer, find_key(file, room, key, self._first_session + session, name))

        self._ask(ask, lambda: answer(self._memory.find(room, key, session, name)))

    def when_kept(self, callback: Callable[[], object]) -> None:
        self._current().kept.append(callback)

    def page(self, room: str, request: History, answer: Callable[[Page], object]) -> None:
        def ask(file: sqlite3.Connection) -> None:
            self._call_from_thread(answer, read_page(file, room, request))

        self._ask(ask, lambda: self._memory.page(room, request, answer))

    def occupied(self, room: str) -> None:
        self._memory.occupied(room)

    def emptied(self, room: str) -> None:
        self._memory.emptied(room)

    def _ask(self, ask: Callable[[sqlite3.Connection], object], without: Callable[[], object]) -> None:
        """Ask the file, in the thread; if that cannot be, `without` is called, in the loop."""
        self._flush()
        self._writer.tasks.put(Question(ask, lambda: self._call_from_thread(without)))

    def _current(self) -> Batch:
        if self._batch is None:
            self._batch = Batch()
            self._schedule(self._flush)
        return self._batch

    def _flush(self) -> None:
        if self._batch is not None:
            batch, self._batch = self._batch, None
            self._writer.tasks.put(batch)
            if self._keys.is_full():
                self._writer.tasks.put(Rescan(self._keys.renew()))
                self._memory.reserve(self._keys.size)

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
        if self._opened is not None:
            self._opened(newest)

    def kept(self, callbacks: list[Callable[[], object]]) -> None:
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
        logger.error("%s; the chat goes on, and keeps its history in memory only", sentence)
        self._failed(sentence)

    def came_back(self, newest: int, written: int, lost: int) -> None:
        self._is_broken = False
        self._keys.forget()
        logger.warning(
            "the history in %s can be used again: of what was said meanwhile %d messages were written, %d are lost",
            self._path,
            written,
            lost,
        )
        self._came_back(newest)
