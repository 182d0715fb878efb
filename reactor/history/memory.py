"""A history in memory. `sqlite` keeps one in front of its file.

Each room keeps its newest messages, up to a number per room and a size for all rooms together. A room that nobody is
in keeps its messages until their memory is needed: the room that was left longest ago loses them first.

A private message is kept three times: in a conversation, and in the inboxes of both sides. A conversation, and the
inbox of a key, count as rooms that nobody is in since the last message.
"""

import collections
import functools
import itertools
import time
from collections.abc import Callable, Iterable
from dataclasses import replace

from pylingo.reactor.history import private
from pylingo.reactor.history.charter import Charter, Charters
from pylingo.reactor.history.finder import find_in_memory
from pylingo.reactor.history.history import FOREVER, Asker, Found, Numbers, Page, cut_page
from pylingo.reactor.history.private import Owner
from pylingo.reactor.history.topics import StoredTopic, Topics
from pylingo.shared.messages import Entry, HistoryRequest
from pylingo.shared.names import fold

PER_ROOM = 1_000
"""Messages of one room that are kept in memory."""
MEMORY = 64 * 2**20
"""Bytes of memory that the messages of all rooms may take."""
_ENTRY_SIZE = 144  # bytes of an entry besides its strings; many share a fingerprint
_PLAIN_SIZE = _ENTRY_SIZE + 2 * 50  # the same with two empty strings
_KEY_SIZE = 480  # bytes of a key's places in the index besides its strings
_SEARCHED = 0.0015  # seconds for a search, for which the loop waits
_ROOM_SIZE = 1_300  # bytes of a room without messages besides its name

folded = functools.lru_cache(1_024)(fold)
"""`fold` with a cache: a long name takes 35 µs, and each result takes memory of its own."""


class _RoomHistory:
    """The newest messages of one room, and the keys that they were sent with. `size` is an estimate in bytes.

    In an inbox, nobody looks for keys.
    """

    __slots__ = ("_is_inbox", "authors", "entries", "keys", "size")

    def __init__(self, room: str) -> None:
        self._is_inbox = len(private.owners(room)) == 1
        self.entries: collections.deque[Entry] = collections.deque()
        self.authors: dict[int, tuple[int, str]] = {}  # session and folded name by stamp, for messages with a key
        self.keys: dict[tuple[str, int | str], int] = {}
        self.size = _ROOM_SIZE + _string_size(room)

    def add(self, entry: Entry, session: int, most: int) -> int:
        """Add a message, and drop the oldest one if there were `most`. Return how many bytes more that takes."""
        self.entries.append(entry)
        author = ""
        if entry.key is not None and not self._is_inbox:
            author = folded(entry.from_)
            self.authors[entry.at] = session, author
            self.keys[entry.key, session] = self.keys[entry.key, author] = entry.at
        grown = _entry_size(entry, author)
        if len(self.entries) > most:
            grown -= self.drop_oldest()
        self.size += grown
        return grown

    def find(self, key: str, session: int, name: str, others: Numbers) -> int | None:
        """See `History.find`."""
        at = self.keys.get((key, session))
        if at is not None or (at := self.keys.get((key, folded(name)))) is None or self.authors[at][0] not in others:
            return at
        author = folded(name)  # the newest one does not count, but there may be an older one
        stamps = [entry.at for entry in self.entries if entry.key == key]
        return next((at for at in stamps if self.authors[at][1] == author and self.authors[at][0] not in others), None)

    def redact(self, at: int) -> bool:
        """Empty the text of a message; return whether it is here."""
        index = next((index for index, entry in enumerate(self.entries) if entry.at == at), None)
        if index is None:
            return False
        entry = self.entries[index]
        author = self.authors.get(at, (0, ""))[1]
        self.entries[index] = redacted = replace(entry, text="", redacted=True)
        self.size += _entry_size(redacted, author) - _entry_size(entry, author)
        return True

    def drop_oldest(self) -> int:
        """Drop the oldest message, and return its size, which the caller takes off."""
        entry = self.entries.popleft()
        author = ""
        if entry.key is not None and not self._is_inbox:
            session, author = self.authors.pop(entry.at)
            for who in (session, author):
                if self.keys.get((entry.key, who)) == entry.at:
                    del self.keys[entry.key, who]
        return _entry_size(entry, author)


class MemoryHistory:
    """A `History` in memory: at most `per_room` messages of a room, and about `most` bytes in all.

    The messages take `size` bytes, as estimated. `reserved` bytes of `most` are set aside with `reserve`. `clock` gives
    the seconds of CPU time by which searches are limited.
    """

    stamps_until = FOREVER

    def __init__(
        self, per_room: int = PER_ROOM, most: int = MEMORY, clock: Callable[[], float] = time.thread_time
    ) -> None:
        self._per_room = per_room
        self._clock = clock
        self.most = most
        self.newest_stamp = 0
        self.size = self.reserved = 0
        self.topics = Topics()
        self.charters = Charters()
        self._rooms: dict[str, _RoomHistory] = {}
        self._empty: collections.OrderedDict[str, None] = collections.OrderedDict()
        # Rooms by the bit length of their number of messages: one of the longest is found without a search.
        self._by_length = [collections.OrderedDict[str, None]() for _ in range((per_room + 1).bit_length() + 1)]

    @property
    def rooms(self) -> list[str]:
        """The rooms that have messages."""
        return list(self._rooms)

    @property
    def empty_rooms(self) -> list[str]:
        """The rooms that have messages and no members. The room that was left longest ago comes first."""
        return list(self._empty)

    def open(self, opened: Callable[[int], object]) -> None:
        opened(0)

    def close(self, timeout: float) -> None:
        """Do nothing: nothing outlives the process."""

    def set_topic(self, room: str, topic: StoredTopic | None) -> None:
        self.topics.set(room, topic)

    def set_charter(self, room: str, charter: Charter) -> None:
        self.charters.set(room, charter)

    def find_log(self, room: str, answer: Callable[[bool], object]) -> None:
        answer(room in self._rooms)

    def conversation(self, one: Owner, other: Owner) -> str:
        return private.conversation(one, other)

    def add_private(self, sender: Owner, recipient: Owner, entry: Entry, session: int | None = None) -> None:
        self.keep_private((sender, recipient), entry, number_of(sender, session))

    def keep_private(self, owners: tuple[Owner, Owner], entry: Entry, session: int) -> None:
        """Add a message of the session with that number to a conversation and to the inboxes of its owners."""
        self._add_unattended(private.conversation(*owners), entry, session)
        for owner in dict.fromkeys(owners):
            if isinstance(owner, str):
                self._add_unattended(private.inbox(owner), entry, session)
            else:
                self.add(private.inbox(owner), entry, session)

    def _add_unattended(self, room: str, entry: Entry, session: int) -> None:
        """Add a message to a room that nobody is in since then."""
        self.add(room, entry, session)
        self._empty.pop(room, None)
        self.emptied(room)

    def add(self, room: str, entry: Entry, session: int) -> None:
        history = self._rooms.get(room)
        if history is None:
            history = self._rooms[room] = _RoomHistory(room)
            self._by_length[0][room] = None
            self.size += history.size
        before = len(history.entries)
        self.size += history.add(entry, session, self._per_room)
        if before & (before + 1) == 0:  # only from 2**n - 1 to 2**n does the bit length change
            self._relist(room, before, len(history.entries))
        if self.size + self.reserved > self.most:
            self._free_memory(room)

    def reserve(self, size: int) -> None:
        """Set so many of the `most` bytes aside for something else."""
        self.reserved = size
        self._free_memory("")

    def find(self, room: str, key: str, session: int, name: str, others: Numbers = ()) -> int | None:
        history = self._rooms.get(room)
        return history.find(key, session, name, others) if history is not None else None

    def may_hold(self, room: str, key: str, session: int, name: str) -> bool:
        return False

    def look_up(self, room: str, key: str, session: int, name: str, answer: Found, others: Numbers = ()) -> None:
        answer(self.find(room, key, session, name, others))

    def when_committed(self, callback: Callable[[], object], lost: Callable[[], object] | None = None) -> None:
        callback()

    def when_settled(self, callback: Callable[[], object]) -> None:
        callback()

    def page(
        self, room: str, request: HistoryRequest, answer: Callable[[Page], object], asker: Asker | None = None
    ) -> None:
        entries = self._rooms[room].entries if room in self._rooms else collections.deque[Entry]()
        if request.search is None:
            answer(cut_page(list(entries), request))
            return
        end = self._clock() + _SEARCHED
        answer(find_in_memory(entries, request, lambda: self._clock() >= end))

    def inbox(
        self, owner: Owner, request: HistoryRequest, answer: Callable[[Page], object], asker: Asker | None = None
    ) -> None:
        self.page(private.inbox(owner), request, answer)

    def redact(self, room: str, at: int, done: Callable[[bool], object]) -> None:
        done(self.redact_now(room, at))

    def redact_now(self, room: str, at: int) -> bool:
        """As `redact`, and return whether the message is here."""
        history = self._rooms.get(room)
        if history is None:
            return False
        size = history.size
        is_here = history.redact(at)
        self._update(room, history, len(history.entries), size)
        return is_here

    def ended(self, session: int) -> None:
        self.emptied(private.inbox(session))

    def messages(self, room: str) -> list[tuple[Entry, int]]:
        """Return the messages of a room, each with the number of its session, or 0 if it has no key."""
        history = self._rooms.get(room) or _RoomHistory(room)
        return [(entry, history.authors.get(entry.at, (0, ""))[0]) for entry in history.entries]

    def messages_after(self, room: str, at: int) -> list[tuple[Entry, int]]:
        """As `messages`, of those with a later stamp than `at`."""
        history = self._rooms.get(room)
        if history is None:
            return []
        newer = itertools.takewhile(lambda entry: entry.at > at, reversed(history.entries))
        return [(entry, history.authors.get(entry.at, (0, ""))[0]) for entry in [*newer][::-1]]

    def redacted(self, room: str) -> list[int]:
        """Return the stamps of the messages of a room whose text was taken out."""
        history = self._rooms.get(room)
        return [entry.at for entry in history.entries if entry.redacted] if history is not None else []

    def keep_only(self, rooms: Iterable[str]) -> None:
        """Forget all other rooms. Nobody is in these, and the first of them was left longest ago."""
        wanted = dict.fromkeys(room for room in rooms if room in self._rooms)
        for room in [room for room in self._rooms if room not in wanted]:
            self._forget(room)
        self._empty = collections.OrderedDict(wanted)

    def occupied(self, room: str) -> None:
        self._empty.pop(room, None)
        self.topics.occupied(room)
        self.charters.occupied(room)

    def emptied(self, room: str) -> None:
        self.topics.emptied(room)
        self.charters.emptied(room)
        if room in self._rooms:
            self._empty[room] = None

    def _update(self, room: str, history: _RoomHistory, length: int, size: int) -> None:
        """Account for a change of a room that had `length` messages of `size` bytes before."""
        self.size += history.size - size
        self._relist(room, length, len(history.entries))

    def _relist(self, room: str, before: int, now: int) -> None:
        """Keep `_by_length` right: a room had `before` messages, and has `now`."""
        if before.bit_length() != now.bit_length():
            del self._by_length[before.bit_length()][room]
            self._by_length[now.bit_length()][room] = None

    def _free_memory(self, keep: str) -> None:
        """Forget empty rooms except `keep`, the one left longest ago first; then the oldest in the longest rooms.

        Each step costs the same, however many rooms there are.
        """
        while self.size + self.reserved > self.most and self._rooms:
            room = next((room for room in self._empty if room != keep), None)
            if room is not None:
                self._forget(room)
            else:
                self._shorten()

    def _shorten(self) -> None:
        """Drop an eighth of one of the longest rooms (none is twice as long). Forget the room if nothing is left."""
        longest = next(rooms for rooms in reversed(self._by_length) if rooms)
        room = next(iter(longest))
        longest.move_to_end(room)
        history = self._rooms[room]
        length, size = len(history.entries), history.size
        for _ in range(max(1, length // 8)):
            history.size -= history.drop_oldest()
        self._update(room, history, length, size)
        if not history.entries:
            self._forget(room)

    def _forget(self, room: str) -> None:
        history = self._rooms.pop(room)
        self._empty.pop(room, None)
        del self._by_length[len(history.entries).bit_length()][room]
        self.size -= history.size


def number_of(sender: Owner, session: int | None) -> int:
    """The number of the session that sent a private message."""
    assert session is not None or isinstance(sender, int), "a message of a key needs the number of the session"
    return session if session is not None else int(sender)


def _entry_size(entry: Entry, author: str) -> int:
    """Estimate the bytes of a message. A name counts for each of its messages, though they share it."""
    text, name = entry.text, entry.from_
    if entry.key is None and text.isascii() and name.isascii():  # most messages: this path is three times as fast
        return _PLAIN_SIZE + len(text) + len(name)
    size = _ENTRY_SIZE + _string_size(text) + _string_size(name)
    return size if entry.key is None else size + _KEY_SIZE + _string_size(entry.key) + _string_size(author)


def _string_size(text: str) -> int:
    """Return at least the bytes of a string, at most two and a half times as many, including SQLite's UTF-8 copy.

    `sys.getsizeof` is no help: its result grows when a string is first encoded.
    """
    return 50 + len(text) if text.isascii() else 76 + 4 * len(text) + len(text.encode())
