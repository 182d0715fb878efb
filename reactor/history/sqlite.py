"""A history in an SQLite file: the part that runs in the event loop. `writer` is the thread that owns the file.

The messages of a tick go to the thread as one batch. Its answers come back through `call_from_thread`, in order. The
newest messages are in memory as well. If the file becomes unusable (a full disk, a lock, damage, a newer version), the
log and a notice say so, and the chat goes on from memory until the file can be used again. If the disk hangs, messages
wait for their confirmation, and nothing else waits.

While anybody is in a room, stamps are reserved on disk some seconds ahead: no stamp that others have seen is ever given
again, whatever happens.
"""

import logging
import secrets
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from pylingo.reactor.history import private
from pylingo.reactor.history.charter import Charter, Charters
from pylingo.reactor.history.clock import wall_clock
from pylingo.reactor.history.database import open_file
from pylingo.reactor.history.history import FOREVER, Asker, Found, Numbers, Page
from pylingo.reactor.history.key_filters import FILTER_SHARE, BloomFilter, KeyFilters
from pylingo.reactor.history.memory import MemoryHistory, number_of
from pylingo.reactor.history.pending_redactions import PendingRedactions
from pylingo.reactor.history.private import Owner
from pylingo.reactor.history.reservation import Reservation
from pylingo.reactor.history.searcher import Job, Searcher
from pylingo.reactor.history.store import Row, find_key, has_log, read_page, row_size
from pylingo.reactor.history.topics import StoredTopic, Topics
from pylingo.reactor.history.writer import Writer
from pylingo.reactor.history.writer_queue import (
    CHECK_EVERY,
    DropChapter,
    HangAlerts,
    Query,
    Rescan,
    RoomChanges,
    Stop,
    WriteBatch,
    WriterQueue,
)
from pylingo.shared.messages import Entry, HistoryRequest
from pylingo.shared.text import counted

logger = logging.getLogger(__name__)

_LOADED_PER_TICK = 200  # messages of the file that are added to the memory
_RESTORED_PER_COMMIT = 1_000  # messages from memory that are written to a new file
_CHANGE_SIZE = 2_000  # bytes of a topic or a charter that waits, at most about
_CALLBACK_SIZE = 800  # bytes of a callback that waits, about
_FAILED = "the server cannot write its history: new messages are kept in memory only"
_CAME_BACK = "the server can write its history again"
_RESTORED = "the server has created a new history file, with the messages that it had in memory"


@dataclass(eq=False)
class SqliteHistory:
    """A `History` in the file at `path`, behind one in memory.

    `schedule(callback)` must run `callback` in the loop at the end of the tick, `call_from_thread(callback, *args)`
    from any thread, and `call_later(delay, callback)` after some seconds. `keep` is in seconds, `most` in bytes of the
    file, 0 for no bound.

    `announce(text, trouble)` is called with a notice for everybody, and the notice for those who connect from then on,
    or "" for none. `raise_stamps(newest stamp)` is called when the file can be used again. Messages sent meanwhile are
    written then, as many as the bound of the memory allows.
    """

    path: str
    schedule: Callable[[Callable[[], object]], object]
    call_from_thread: Callable[..., object]
    call_later: Callable[..., object]
    announce: Callable[[str, str], object]
    raise_stamps: Callable[[int], object]
    memory: MemoryHistory
    keep: float = 0.0
    most: int = 0
    clock: Callable[[], int] = wall_clock

    def __post_init__(self) -> None:
        self.stamps_until = FOREVER
        self._opened: Callable[[int], object] | None = None
        self._batch: WriteBatch | None = None
        self._is_open = self._has_failed = self._is_check_scheduled = False
        memory = self.memory
        self._keys = KeyFilters(memory.most // FILTER_SHARE)
        memory.reserve(self._keys.size)
        self.first_session = secrets.randbits(62)
        """A random offset for the numbers of sessions in the file: each server numbers its sessions from 1."""
        self._searcher = Searcher(self.path, self.call_from_thread, lambda number: self._put(DropChapter(number)))
        self._writer = Writer(
            self.path, self.call_from_thread, self, open_file, self.keep, self.most, memory.most, self._searcher
        )
        self._tasks = WriterQueue(self._writer.inbox, memory.most)
        self._alerts = HangAlerts(self.path, self._tasks, self.announce)
        self._cleared = RoomChanges()  # what was cleared during an outage
        self._redactions = PendingRedactions()
        self._occupied = 0  # rooms that somebody is in
        self.newest_stamp = 0
        self._reservation = Reservation()

    @property
    def has_trouble(self) -> bool:
        """Whether new messages are in memory only: the file cannot be used now, or the disk hangs."""
        return self._has_failed or self._tasks.is_hanging

    @property
    def is_running(self) -> bool:
        """Whether the thread that owns the file is running."""
        return self._writer.thread.is_alive()

    @property
    def waiting(self) -> int:
        """The messages that are not committed."""
        return self._tasks.waiting

    def observe_commits(self, observe: Callable[[float], object]) -> None:
        """Have `observe` called with the seconds of each commit, in the thread."""
        self._writer.observe_commit = observe

    @property
    def knows_keys(self) -> bool:
        """Whether `may_hold` knows the keys in the file. Until it does, every key is looked up."""
        return self._keys.is_complete

    def open(self, opened: Callable[[int], object]) -> None:
        """Open the file in the background. `opened` is called in the loop."""
        self._opened = opened
        self._writer.thread.start()
        self._check_later()

    def close(self, timeout: float) -> None:
        """Commit everything, within `timeout` seconds. Call it after the reactor has stopped."""
        if self._opened is None:
            return
        end = time.monotonic() + timeout
        if self._reservation:
            self._current().reserved = self.newest_stamp
        self._flush()
        self._tasks.release()
        self._searcher.stop(timeout / 2)
        self._writer.inbox.put(Stop())
        self._writer.thread.join(max(0.0, end - time.monotonic()))
        if self._has_failed and self._redactions:
            messages = counted(len(self._redactions), "redacted message")
            logger.error("the text of %s may still be in %s", messages, self.path)
        if self.is_running:
            logger.error(
                "the history in %s was not finished within %.1f s: %s may be missing from it",
                self.path,
                timeout,
                counted(self._tasks.waiting, "message"),
            )

    # --- called by the hub

    @property
    def topics(self) -> Topics:
        return self.memory.topics

    def set_topic(self, room: str, topic: StoredTopic | None) -> None:
        forgotten = self.topics.set(room, topic)
        self._change_rooms(RoomChanges({**dict.fromkeys(forgotten), room: topic}))

    @property
    def charters(self) -> Charters:
        return self.memory.charters

    def set_charter(self, room: str, charter: Charter) -> None:
        before = self.charters.get(room)
        forgotten = self.charters.set(room, charter)
        changes: dict[str, Charter | None] = dict.fromkeys(forgotten)
        if (before.lasting() if before is not None else None) != charter.lasting():
            changes[room] = charter if charter.lasting() is not None else None
        if changes:
            self._change_rooms(RoomChanges({}, changes))

    def find_log(self, room: str, answer: Callable[[bool], object]) -> None:
        """See `History.find_log`. If the file cannot be used, what is in memory counts."""
        found: list[bool] = []
        self.memory.find_log(room, found.append)
        if found[0]:
            answer(True)
        else:
            self.query(lambda file: partial(answer, has_log(file, room)), partial(answer, False))

    def _change_rooms(self, changes: RoomChanges) -> None:
        """Write changes to the file. During an outage note only what is cleared; the rest is in memory."""
        if not self._has_failed:
            self._write_rooms(changes)
        else:
            self._cleared.update(changes.cleared())

    def conversation(self, one: Owner, other: Owner) -> str:
        return self.memory.conversation(self._owner(one), self._owner(other))

    def add_private(self, sender: Owner, recipient: Owner, entry: Entry, session: int | None = None) -> None:
        owners = self._owner(sender), self._owner(recipient)
        number = number_of(sender, session)
        self.memory.keep_private(owners, entry, number)
        self._write(self.memory.conversation(*owners), entry, number)

    def _owner(self, owner: Owner) -> Owner:
        """The owner as the file knows it: sessions of different servers have different numbers there."""
        return self.first_session + owner if isinstance(owner, int) else owner

    def add(self, room: str, entry: Entry, session: int) -> None:
        self.memory.add(room, entry, session)
        self._write(room, entry, session)

    def add_plain(self, room: str, entries: list[Entry]) -> None:
        self.memory.add_plain(room, entries)
        for entry in entries:
            self._write(room, entry, 0)

    def _write(self, room: str, entry: Entry, session: int) -> None:
        self.newest_stamp = entry.at
        batch = self._current()
        row = self._row(room, entry, session)
        batch.rows.append(row)
        batch.size += row_size(row)

    def find(self, room: str, key: str, session: int, name: str, others: Numbers = ()) -> int | None:
        return self.memory.find(room, key, session, name, others)

    def may_hold(self, room: str, key: str, session: int, name: str) -> bool:
        if self._has_failed or self._tasks.is_hanging:
            return False
        return self._keys.may_hold(room, key, self.first_session + session, name)

    def look_up(self, room: str, key: str, session: int, name: str, answer: Found, others: Numbers = ()) -> None:
        number, besides = self.first_session + session, tuple(self.first_session + other for other in others)

        def ask(file: sqlite3.Connection) -> Callable[[], object]:
            return partial(answer, find_key(file, room, key, number, name, besides))

        self.query(ask, lambda: answer(self.memory.find(room, key, session, name, others)))

    def when_committed(self, callback: Callable[[], object], lost: Callable[[], object] | None = None) -> None:
        batch = self._current()
        batch.committed.append(callback)
        if lost is not None:
            batch.lost.append(lost)
        batch.size += _CALLBACK_SIZE

    def when_settled(self, callback: Callable[[], object]) -> None:
        self.query(lambda file: callback, callback)

    def page(
        self, room: str, request: HistoryRequest, answer: Callable[[Page], object], asker: Asker | None = None
    ) -> None:
        def fall_back() -> None:
            self.memory.page(room, request, answer)

        if request.search is None:
            self.query(lambda file: partial(answer, read_page(file, room, request)), fall_back)
        else:  # behind everything added before, which the other thread sees once it is committed
            job = Job(room, request, answer, fall_back, asker)
            self.query(lambda file: partial(self._search, job), fall_back)

    def inbox(
        self, owner: Owner, request: HistoryRequest, answer: Callable[[Page], object], asker: Asker | None = None
    ) -> None:
        self.page(private.inbox(self._owner(owner)), request, answer, asker)

    def _search(self, job: Job) -> None:
        if self._has_failed or self._tasks.is_hanging:
            job.settle(job.fallback)
        else:
            self._searcher.submit(job)
            self._check_later()

    def redact(self, room: str, at: int, done: Callable[[bool], object]) -> None:
        self.memory.redact_now(room, at)
        task = self._redactions.begin(room, at, done)
        self._flush()
        self._tasks.redact(room, at)
        self._put(task)

    def ended(self, session: int) -> None:
        self.memory.ended(self.first_session + session)

    def occupied(self, room: str) -> None:
        self.memory.occupied(room)
        self._occupied += 1
        if self._occupied == 1:
            self._reserve()
            self._check_later()

    def emptied(self, room: str) -> None:
        self.memory.emptied(room)
        self._occupied -= 1

    # --- to the thread

    def query(self, ask: Callable[[sqlite3.Connection], Callable[[], object]], fallback: Callable[[], object]) -> None:
        """Run `ask` on the file, in the thread, behind everything added before. The loop then calls what it returns.

        If the file cannot be used now, the loop calls `fallback` instead.
        """
        self._flush()
        if self._tasks.is_hanging:
            self.call_from_thread(fallback)
        else:
            self._put(Query(ask, fallback))

    def _row(self, room: str, entry: Entry, session: int) -> Row:
        number = None
        if entry.key is not None:
            number = self.first_session + session
            self._keys.add(room, entry.key, number, entry.from_)
        author = entry.fingerprint, entry.operator, entry.redacted
        return entry.at, room, entry.from_, entry.text, entry.key, number, entry.to, entry.action, *author

    def _write_rooms(self, changes: RoomChanges) -> None:
        batch = self._current()
        batch.rooms.update(changes)
        batch.size += _CHANGE_SIZE * len(changes)

    def _current(self) -> WriteBatch:
        if self._batch is None:
            self._batch = WriteBatch()
            self.schedule(self._flush)
        return self._batch

    def _flush(self) -> None:
        if self._batch is not None:
            batch, self._batch = self._batch, None
            self._put(batch)
            if self._keys.is_full() and not self._tasks.is_hanging:
                self._put(Rescan(self._keys.renew()))
                self.memory.reserve(self._keys.size)

    def _put(self, task: WriteBatch | Query | Rescan | DropChapter) -> None:
        discarded = self._tasks.put(task)
        self._call_all([callback for batch in discarded for callback in batch.lost])
        again = RoomChanges()
        for batch in discarded:
            again.update(batch.rooms)
        if len(again):
            again.update(self._current().rooms)
            self._write_rooms(again)
        self._check_later()

    # --- regular checks

    def _check_later(self) -> None:
        if not self._is_check_scheduled:
            self._is_check_scheduled = True
            self.call_later(CHECK_EVERY, self._check)

    def _check(self) -> None:
        """Check whether the disk responds, and whether enough stamps are reserved."""
        self._is_check_scheduled = False
        self._alerts.check(self._is_open, _FAILED if self._has_failed else "")
        self._searcher.check(self._tasks.is_hanging)
        self._reserve()
        if self._occupied or self._tasks.is_busy or self._searcher.is_busy:
            self._check_later()

    def _reserve(self) -> None:
        """Reserve stamps ahead if too few are left, or if the clock was set back."""
        if self._has_failed or not self._occupied:
            if self._reservation and not self._has_failed:
                self._current().reserved = self.newest_stamp  # give the rest back, or the next server begins behind it
            self._reservation.give_up()
        elif not self._tasks.is_hanging:
            reserved = self._reservation.renew(max(self.clock(), self.newest_stamp))
            if reserved is not None:
                self._current().reserved = reserved
        self.stamps_until = self._reservation.limit

    # --- called by the thread, in the loop

    def rooms_read(self, topics: list[tuple[str, StoredTopic]], charters: list[tuple[str, Charter]]) -> None:
        for room, topic in topics:  # those in memory come from the server before, and are newer
            if self.topics.get(room) is None and (forgotten := self.topics.set(room, topic)):
                self._change_rooms(RoomChanges({**dict.fromkeys(forgotten)}))
        for room, charter in charters:
            if self.charters.get(room) is None and (forgotten := self.charters.set(room, charter)):
                self._change_rooms(RoomChanges({}, {**dict.fromkeys(forgotten)}))

    def opened(self, newest: int, entries: list[tuple[str, Entry]], keys: BloomFilter | None) -> None:
        for room, entry in entries[:_LOADED_PER_TICK]:
            self.memory.add(room, entry, 0)
            self.memory.emptied(room)
        if len(entries) > _LOADED_PER_TICK:  # the rest in later ticks
            self.call_from_thread(self.opened, newest, entries[_LOADED_PER_TICK:], keys)
            return
        if keys is not None:
            self.scanned(keys)
        self.newest_stamp = max(self.newest_stamp, newest)
        self._tasks.release()
        self._is_open = True
        if self._opened is not None:
            self._opened(newest)

    def committed(self, callbacks: list[Callable[[], object]], reserved: int | None) -> None:
        if reserved is not None:
            self._reservation.committed(reserved)
            self.stamps_until = self._reservation.limit
        self._call_all(callbacks)

    def _call_all(self, callbacks: list[Callable[[], object]]) -> None:
        for callback in callbacks:
            try:
                callback()
            except Exception:  # the next ones belong to other sessions
                logger.exception("a callback failed: %r", callback)

    def scanned(self, keys: BloomFilter) -> None:
        self._keys.found(keys)
        self.memory.reserve(self._keys.size)

    def failed(self, sentence: str) -> None:
        self._has_failed = True
        self._cleared = RoomChanges()
        self._reserve()
        logger.error("%s; the chat goes on, with new messages in memory only", sentence)
        self.announce(_FAILED, _FAILED)

    def came_back(self, newest: int, written: int, lost: int, is_new: bool) -> None:
        self._has_failed = False
        self._keys.is_complete = False
        logger.warning(
            "the history in %s can be used again: of the messages sent meanwhile, %s written and %s lost",
            self.path,
            counted(written, "was", "were"),
            counted(lost, "is", "are"),
        )
        self.newest_stamp = max(self.newest_stamp, newest)
        self.raise_stamps(newest)
        self._reserve()
        self.announce(_RESTORED if is_new else _CAME_BACK, "")
        self._cleared.update(RoomChanges({**dict(self.topics)}, {**dict(self.charters)}))
        self._write_rooms(self._cleared)
        self._cleared = RoomChanges()
        for task in self._redactions.again():
            self._put(task)
        if is_new:
            self._restore(self.memory.rooms, 0)

    def remembered(self) -> list[Row]:
        return [row for room in self.memory.rooms for row in self._remembered(room)]

    def _remembered(self, room: str) -> list[Row]:
        if len(private.owners(room)) == 1:  # an inbox: its messages are in conversations
            return []
        return [self._row(room, *message) for message in self.memory.messages(room)]

    def _restore(self, rooms: list[str], count: int) -> None:
        """Write the messages in memory to a new file, in several batches. `count` were written before."""
        rows: list[Row] = []
        while rooms and len(rows) < _RESTORED_PER_COMMIT:
            rows += self._remembered(rooms.pop())
        count += len(rows)
        self._put(WriteBatch(rows, [lambda: self._restore(rooms, count)] if rooms else []))
        if not rooms:
            messages = counted(count, "message")
            logger.warning("the history in %s was created again, with %s from memory", self.path, messages)
