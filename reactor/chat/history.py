"""What was said: the log of each room, in memory. `disk` keeps it in a file as well.

Every message of a room is in its log, by `at`: the newest ones, and all rooms together within so many bytes. A room
that nobody is in keeps its log as long as there is place; of those rooms the one that was left longest ago loses it
first.
"""

import bisect
import collections
import heapq
from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from typing import Protocol

from shared.framing import MAX_BODY
from shared.messages import Entry, History
from shared.text import fold

PER_ROOM = 1_000
"""Messages of one room that are kept in memory."""
MEMORY = 64 * 2**20
"""Bytes that all rooms' logs may take in memory."""
_ENTRY_SIZE = 250  # bytes of an entry besides the letters of its text
_KEY_SIZE = 400  # bytes that a key and its two places in the index take
_LOG_SIZE = 1_200  # bytes of an empty log
_FEW_LOGS = 50

_PAGE_ROOM = MAX_BODY - 768  # a page holds a room's name, some keys and stamps around its messages
_AROUND_ENTRY = 40  # bytes around the texts of one message in a page, at the most

_by_stamp = attrgetter("at")


@dataclass(frozen=True, slots=True)
class Page:
    """Some messages, ascending; whether there are more in the direction that was asked for; the oldest one kept."""

    messages: list[Entry]
    more: bool
    oldest: int | None


class Log(Protocol):
    """Where a hub keeps what was said. Rooms are named by their compared form."""

    def open(self, opened: Callable[[int], object]) -> None:
        """Call `opened(newest stamp)` when the log can be used; the stamp is 0 if it is empty."""

    def close(self, timeout: float) -> None:
        """Keep what was added, within `timeout` seconds. The last call."""

    def add(self, room: str, entry: Entry, session: int) -> None:
        """Keep a message that the session with that number said. Its stamp is above all before."""

    def find(self, room: str, key: str, session: int, name: str) -> int | None:
        """The stamp of the message that was said with `key` by that session or under that name, if that is at hand."""

    def may_hold(self, room: str, key: str) -> bool:
        """Whether a message with that key may be kept that is not at hand, so that `look_up` must say."""

    def look_up(self, room: str, key: str, session: int, name: str, answer: Callable[[int | None], object]) -> None:
        """Answer with what `find` would return if everything were at hand."""

    def when_kept(self, callback: Callable[[], object]) -> None:
        """Call back as soon as all that was added is kept as safely as this log keeps things."""

    def page(self, room: str, request: History, answer: Callable[[Page], object]) -> None:
        """Answer with the messages that a request asks for."""

    def occupied(self, room: str) -> None:
        """Somebody is in the room."""

    def emptied(self, room: str) -> None:
        """Nobody is in the room any more."""


class _RoomLog:
    """The newest messages of one room, and who said what with which key."""

    __slots__ = ("entries", "keys", "sessions")

    def __init__(self) -> None:
        self.entries: collections.deque[Entry] = collections.deque()
        self.sessions: dict[int, int] = {}  # by stamp, for messages with a key
        self.keys: dict[tuple[str, int | str], int] = {}


class MemoryLog:
    """A `Log` in memory, at most `per_room` messages of a room and about `most` bytes in all."""

    def __init__(self, per_room: int = PER_ROOM, most: int = MEMORY) -> None:
        self._per_room = per_room
        self.most = most
        self._logs: dict[str, _RoomLog] = {}
        self._empty: collections.OrderedDict[str, None] = collections.OrderedDict()
        self.size = 0
        """Bytes taken, as estimated."""

    def open(self, opened: Callable[[int], object]) -> None:
        opened(0)

    def close(self, timeout: float) -> None:
        """Nothing outlives the process."""

    def add(self, room: str, entry: Entry, session: int) -> None:
        log = self._logs.get(room)
        if log is None:
            log = self._logs[room] = _RoomLog()
            self.size += _LOG_SIZE
        log.entries.append(entry)
        self.size += _size(entry)
        if entry.key is not None:
            log.sessions[entry.at] = session
            log.keys[entry.key, session] = log.keys[entry.key, fold(entry.from_)] = entry.at
        if len(log.entries) > self._per_room:
            self._drop_oldest(log)
        if self.size > self.most:
            self._make_place(room)

    def find(self, room: str, key: str, session: int, name: str) -> int | None:
        log = self._logs.get(room)
        if log is None:
            return None
        at = log.keys.get((key, session))
        return at if at is not None else log.keys.get((key, fold(name)))

    def may_hold(self, room: str, key: str) -> bool:
        return False

    def look_up(self, room: str, key: str, session: int, name: str, answer: Callable[[int | None], object]) -> None:
        answer(self.find(room, key, session, name))

    def when_kept(self, callback: Callable[[], object]) -> None:
        callback()

    def page(self, room: str, request: History, answer: Callable[[Page], object]) -> None:
        log = self._logs.get(room)
        answer(cut_page(list(log.entries) if log is not None else [], request))

    def occupied(self, room: str) -> None:
        self._empty.pop(room, None)

    def emptied(self, room: str) -> None:
        if room in self._logs:
            self._empty[room] = None

    def _drop_oldest(self, log: _RoomLog) -> None:
        entry = log.entries.popleft()
        self.size -= _size(entry)
        if entry.key is not None:
            for author in (log.sessions.pop(entry.at), fold(entry.from_)):
                if log.keys.get((entry.key, author)) == entry.at:
                    del log.keys[entry.key, author]

    def _make_place(self, speaking: str) -> None:
        """Forget empty rooms, the one left longest ago first; if there is none, the oldest in the longest logs."""
        while self.size > self.most:
            room = next((room for room in self._empty if room != speaking), None)
            if room is None:
                self._shorten()
                return
            del self._empty[room]
            log = self._logs.pop(room)
            self.size -= _LOG_SIZE + sum(map(_size, log.entries))

    def _shorten(self) -> None:
        """Drop the oldest of the longest logs, and logs that have lost everything."""
        # All logs are looked at for that: where they are many, a little more is dropped than must be.
        most = self.most if len(self._logs) < _FEW_LOGS else self.most - self.most // 16
        longest = [(-len(log.entries), room) for room, log in self._logs.items()]
        heapq.heapify(longest)
        while self.size > most and longest:
            count, room = longest[0]
            log = self._logs[room]
            for _ in range(max(1, -count // 8)):
                self._drop_oldest(log)
            if log.entries:
                heapq.heapreplace(longest, (-len(log.entries), room))
            else:
                heapq.heappop(longest)
                del self._logs[room]
                self._empty.pop(room, None)
                self.size -= _LOG_SIZE


def cut_page(entries: list[Entry], request: History) -> Page:
    """The page of `entries` (all that are kept, ascending) that a request asks for."""
    forward = request.since is not None
    begin = bisect.bisect_right(entries, request.since, key=_by_stamp) if request.since is not None else 0
    end = bisect.bisect_left(entries, request.before, key=_by_stamp) if request.before is not None else len(entries)
    end = max(begin, end)
    nearest = slice(begin, min(end, begin + request.limit)) if forward else slice(max(begin, end - request.limit), end)
    page = fitting(entries[nearest], forward)
    return Page(page, end - begin > len(page), entries[0].at if entries else None)


def fitting(entries: list[Entry], forward: bool) -> list[Entry]:
    """As many of `entries` as fit one frame: the first ones, or else the last ones."""
    room = _PAGE_ROOM
    taken = 0
    for entry in entries if forward else reversed(entries):
        room -= _AROUND_ENTRY + len(entry.text.encode()) + len(entry.from_.encode()) + len(entry.key or "")
        if room < 0:
            break
        taken += 1
    return entries[:taken] if forward else entries[len(entries) - taken :]


def _size(entry: Entry) -> int:
    text = entry.text
    size = _ENTRY_SIZE + (len(text) if text.isascii() else len(text) * 4)
    return size if entry.key is None else size + _KEY_SIZE
