"""What was said: the log of each room, in memory. `disk` keeps it in a file as well.

Every message of a room is in its log, by `at`: the newest ones, and all rooms together within so many bytes. A room
that nobody is in keeps its log as long as there is place; of those rooms the one that was left longest ago loses it
first.
"""

import bisect
import collections
import functools
from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from typing import Protocol

from pylingo.shared.framing import MAX_BODY
from pylingo.shared.messages import Entry, HistoryRequest
from pylingo.shared.names import fold

PER_ROOM = 1_000
"""Messages of one room that are kept in memory."""
MEMORY = 64 * 2**20
"""Bytes that all rooms' logs may take in memory."""
FOREVER = 2**63 - 1
"""No bound for stamps."""
_ENTRY_SIZE = 120  # bytes of an entry besides its strings
_KEY_SIZE = 480  # bytes of a key's places in the index besides its strings
_LOG_SIZE = 1_300  # bytes of an empty log besides the room's name

_PAGE_ROOM = MAX_BODY - 768  # a page holds a room's name, some keys and stamps around its messages
_AROUND_ENTRY = 40  # bytes around the texts of one message in a page, at the most

_NOBODY = 0, ""

_by_stamp = attrgetter("at")

folded = functools.lru_cache(1_024)(fold)
"""`fold`, for names that come again and again: a long one takes 35 µs, and each result some memory of its own."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some messages, ascending; whether there are more in the direction that was asked for; the oldest one kept."""

    messages: list[Entry]
    more: bool
    oldest: int | None


class History(Protocol):
    """Where a hub keeps what was said. Rooms are named by their compared form.

    The clock may be followed up to `stamps_until`; behind that, stamps only count on from the last one.
    """

    stamps_until: int

    def open(self, opened: Callable[[int], object]) -> None:
        """Call `opened(newest stamp)` when the log can be used; the stamp is 0 if it is empty."""

    def close(self, timeout: float) -> None:
        """Keep what was added, within `timeout` seconds. The last call."""

    def add(self, room: str, entry: Entry, session: int) -> None:
        """Keep a message that the session with that number said. Its stamp is above all before."""

    def find(self, room: str, key: str, session: int, name: str) -> int | None:
        """The stamp of the message that was said with `key` by that session or under that name, if that is at hand."""

    def may_hold(self, room: str, key: str, session: int, name: str) -> bool:
        """Whether what `find` looks for may be kept without being at hand, so that `look_up` must say."""

    def look_up(self, room: str, key: str, session: int, name: str, answer: Callable[[int | None], object]) -> None:
        """Answer with what `find` would return if everything were at hand."""

    def when_kept(self, callback: Callable[[], object], lost: Callable[[], object] | None = None) -> None:
        """Call back as soon as all that was added is kept as safely as this log keeps things.

        If there is no place to wait for that, `lost` is called in its place.
        """

    def when_settled(self, callback: Callable[[], object]) -> None:
        """Call back at that time, or as soon as it is clear that it will take long."""

    def page(self, room: str, request: HistoryRequest, answer: Callable[[Page], object]) -> None:
        """Answer with the messages that a request asks for."""

    def occupied(self, room: str) -> None:
        """Somebody is in the room."""

    def emptied(self, room: str) -> None:
        """Nobody is in the room any more."""


class _RoomLog:
    """The newest messages of one room, and who said what with which key. `size` is in bytes, as estimated."""

    __slots__ = ("authors", "entries", "keys", "size")

    def __init__(self, room: str) -> None:
        self.entries: collections.deque[Entry] = collections.deque()
        self.authors: dict[int, tuple[int, str]] = {}  # session and folded name by stamp, for messages with a key
        self.keys: dict[tuple[str, int | str], int] = {}
        self.size = _LOG_SIZE + _string(room)

    def add(self, entry: Entry, session: int) -> None:
        self.entries.append(entry)
        author = ""
        if entry.key is not None:
            author = folded(entry.from_)
            self.authors[entry.at] = session, author
            self.keys[entry.key, session] = self.keys[entry.key, author] = entry.at
        self.size += _size(entry, author)

    def drop_oldest(self) -> None:
        entry = self.entries.popleft()
        author = ""
        if entry.key is not None:
            session, author = self.authors.pop(entry.at)
            for who in (session, author):
                if self.keys.get((entry.key, who)) == entry.at:
                    del self.keys[entry.key, who]
        self.size -= _size(entry, author)


class MemoryHistory:
    """A `History` in memory, at most `per_room` messages of a room and about `most` bytes in all."""

    stamps_until = FOREVER

    def __init__(self, per_room: int = PER_ROOM, most: int = MEMORY) -> None:
        self._per_room = per_room
        self.most = most
        self._reserved = 0
        self._logs: dict[str, _RoomLog] = {}
        self._empty: collections.OrderedDict[str, None] = collections.OrderedDict()
        # Rooms by the binary length of their number of messages: one of the longest logs is found without a search.
        self._by_length = [collections.OrderedDict[str, None]() for _ in range((per_room + 1).bit_length() + 1)]
        self.size = 0
        """Bytes taken, as estimated."""

    def open(self, opened: Callable[[int], object]) -> None:
        opened(0)

    def close(self, timeout: float) -> None:
        """Nothing outlives the process."""

    def add(self, room: str, entry: Entry, session: int) -> None:
        log = self._logs.get(room)
        if log is None:
            log = self._logs[room] = _RoomLog(room)
            self._by_length[0][room] = None
            self.size += log.size
        before = log.size
        length = len(log.entries)
        log.add(entry, session)
        if length == self._per_room:
            log.drop_oldest()
        self._has_changed(room, log, length, before)
        if self.size + self._reserved > self.most:
            self._make_place(room)

    def reserve(self, size: int) -> None:
        """Take so many of the bytes there may be for something else."""
        self._reserved = size
        self._make_place("")

    def find(self, room: str, key: str, session: int, name: str) -> int | None:
        log = self._logs.get(room)
        if log is None:
            return None
        at = log.keys.get((key, session))
        return at if at is not None else log.keys.get((key, folded(name)))

    def may_hold(self, room: str, key: str, session: int, name: str) -> bool:
        return False

    def look_up(self, room: str, key: str, session: int, name: str, answer: Callable[[int | None], object]) -> None:
        answer(self.find(room, key, session, name))

    def when_kept(self, callback: Callable[[], object], lost: Callable[[], object] | None = None) -> None:
        callback()

    def when_settled(self, callback: Callable[[], object]) -> None:
        callback()

    def page(self, room: str, request: HistoryRequest, answer: Callable[[Page], object]) -> None:
        log = self._logs.get(room)
        answer(cut_page(list(log.entries) if log is not None else [], request))

    def occupied(self, room: str) -> None:
        self._empty.pop(room, None)

    def emptied(self, room: str) -> None:
        if room in self._logs:
            self._empty[room] = None

    def _has_changed(self, room: str, log: _RoomLog, length: int, size: int) -> None:
        """The log of `room` had that length and size before."""
        self.size += log.size - size
        before, now = length.bit_length(), len(log.entries).bit_length()
        if before != now:
            del self._by_length[before][room]
            self._by_length[now][room] = None

    def rooms(self) -> list[str]:
        """The rooms in which something was said."""
        return list(self._logs)

    def said(self, room: str) -> list[tuple[Entry, int]]:
        """The messages of a room that are there, each with the number of the session if it has a key, else 0."""
        log = self._logs.get(room)
        return [(entry, log.authors.get(entry.at, _NOBODY)[0]) for entry in log.entries] if log is not None else []

    def _make_place(self, speaking: str) -> None:
        """Forget empty rooms, the one left longest ago first; if there is none, the oldest in the longest logs.

        Each step costs the same, however many rooms there are.
        """
        while self.size + self._reserved > self.most and self._logs:
            room = next((room for room in self._empty if room != speaking), None)
            if room is not None:
                self._forget(room)
            else:
                self._shorten()

    def _shorten(self) -> None:
        """Drop an eighth of one of the longest logs (none is twice as long), and the log if it has lost everything."""
        longest = next(rooms for rooms in reversed(self._by_length) if rooms)
        room = next(iter(longest))
        longest.move_to_end(room)
        log = self._logs[room]
        length, size = len(log.entries), log.size
        for _ in range(max(1, length // 8)):
            log.drop_oldest()
        self._has_changed(room, log, length, size)
        if not log.entries:
            self._forget(room)

    def _forget(self, room: str) -> None:
        log = self._logs.pop(room)
        self._empty.pop(room, None)
        del self._by_length[len(log.entries).bit_length()][room]
        self.size -= log.size


def cut_page(entries: list[Entry], request: HistoryRequest) -> Page:
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


def _size(entry: Entry, author: str) -> int:
    """About the bytes that a message takes. One of several names counts for each of its messages."""
    size = _ENTRY_SIZE + _string(entry.text) + _string(entry.from_)
    return size if entry.key is None else size + _KEY_SIZE + _string(entry.key) + _string(author)


def _string(text: str) -> int:
    """At least the bytes of a string, at most two and a half times as many, with the UTF-8 that it is given for SQLite.

    `sys.getsizeof` is no help: it grows when a string is first encoded.
    """
    return 50 + len(text) if text.isascii() else 76 + 4 * len(text) + len(text.encode())
