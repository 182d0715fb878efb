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
_TOGETHER = 64  # messages whose sizes are counted together
_KEY_SIZE = 480  # bytes of a key's places in the index besides its strings
_SEARCHED = 0.0015  # seconds for a search, for which the loop waits
_ROOM_SIZE = 1_300  # bytes of a room without messages besides its name

folded = functools.lru_cache(1_024)(fold)
"""`fold` with a cache: a long name takes 35 µs, and each result takes memory of its own."""


class _RoomHistory:
    """The newest messages of one room, and the keys that they were sent with. `size` is an estimate in bytes.

    In an inbox, nobody looks for keys.
    """

    __slots__ = ("_is_inbox", "authors", "entries", "keys", "room", "size")

    def __init__(self, room: str) -> None:
        self.room = room
        self._is_inbox = len(private.owners(room)) == 1
        self.entries: collections.deque[Entry] = collections.deque()
        self.authors: dict[int, tuple[int, str]] = {}  # session and folded name by stamp, for messages with a key
        self.keys: dict[tuple[str, int | str], int] = {}
        self.size = _ROOM_SIZE + _string_size(room)

    def index(self, entry: Entry, session: int) -> None:
        """Make a message that is added known by its key."""
        if entry.key is not None and not self._is_inbox:
            author = folded(entry.from_)
            self.authors[entry.at] = session, author
            self.keys[entry.key, session] = self.keys[entry.key, author] = entry.at

    def size_of(self, entries: list[Entry]) -> int:
        """Estimate the bytes of messages that are here. Most are in ASCII, which is one question about all of them."""
        words = "".join([entry.text for entry in entries]) + "".join([entry.from_ for entry in entries])
        keys = [entry for entry in entries if entry.key is not None]
        size = _PLAIN_SIZE * len(entries) + len(words) if words.isascii() else sum(map(_words_size, entries))
        return size + sum([self._key_size(entry) for entry in keys])

    def _key_size(self, entry: Entry) -> int:
        author = self.authors[entry.at][1] if entry.at in self.authors else ""
        return _KEY_SIZE + _string_size(entry.key or "") + _string_size(author)

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
        self.entries[index] = redacted = replace(entry, text="", redacted=True)
        self.size += _words_size(redacted) - _words_size(entry)
        return True

    def drop_oldest(self, count: int) -> int:
        """Drop the oldest messages, and return their size, which the caller takes off."""
        dropped = [self.entries.popleft() for _ in range(count)]
        size = self.size_of(dropped)
        for entry in dropped:
            if entry.key is not None and not self._is_inbox:
                session, author = self.authors.pop(entry.at)
                for who in (session, author):
                    if self.keys.get((entry.key, who)) == entry.at:
                        del self.keys[entry.key, who]
        return size


class MemoryHistory:
    """A `History` in memory: at most `per_room` messages of a room, and about `most` bytes in all.

    The messages take `size` bytes, as estimated. `reserved` bytes of `most` are set aside with `reserve`. `clock` gives
    the seconds of CPU time by which searches are limited.

    The sizes of the messages added last are counted for all of them together, before anybody asks, which takes a third
    of the time. Until then `_added` has the room of each one, and a room may have some messages more than `per_room`.
    """

    stamps_until = FOREVER

    def __init__(
        self, per_room: int = PER_ROOM, most: int = MEMORY, clock: Callable[[], float] = time.thread_time
    ) -> None:
        self._per_room = per_room
        self._clock = clock
        self.most = most
        self.newest_stamp = 0
        self._size = self.reserved = 0
        self._added: list[_RoomHistory] = []
        self.topics = Topics()
        self.charters = Charters()
        self._rooms: dict[str, _RoomHistory] = {}
        self._empty: collections.OrderedDict[str, None] = collections.OrderedDict()
        # Rooms by the bit length of their number of messages: one of the longest is found without a search.
        self._by_length = [collections.OrderedDict[str, None]() for _ in range((per_room + 1).bit_length() + 1)]

    @property
    def size(self) -> int:
        """The bytes that all messages take, as estimated."""
        self._count()
        return self._size

    @property
    def rooms(self) -> list[str]:
        """The rooms that have messages."""
        self._count()
        return list(self._rooms)

    @property
    def empty_rooms(self) -> list[str]:
        """The rooms that have messages and no members. The room that was left longest ago comes first."""
        self._count()
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
        history = self._rooms.get(room) or self._begin(room)
        history.entries.append(entry)
        if entry.key is not None:
            history.index(entry, session)
        self._added.append(history)
        if len(self._added) >= _TOGETHER:
            self._count()

    def add_plain(self, room: str, entries: list[Entry]) -> None:
        history = self._rooms.get(room) or self._begin(room)
        history.entries += entries
        self._added += [history] * len(entries)
        if len(self._added) >= _TOGETHER:
            self._count()

    def _begin(self, room: str) -> _RoomHistory:
        history = self._rooms[room] = _RoomHistory(room)
        self._by_length[0][room] = None
        self._size += history.size
        return history

    def _count(self) -> None:
        """Count what the messages added last take, and keep the bounds."""
        if not self._added:
            return
        last = self._added[-1].room
        added, self._added = collections.Counter(self._added), []
        for history, count in added.items():
            length, size = len(history.entries), history.size
            history.size += history.size_of(list(itertools.islice(reversed(history.entries), count)))
            if length > self._per_room:
                history.size -= history.drop_oldest(length - self._per_room)
            self._update(history.room, history, length - count, size)
        if self._size + self.reserved > self.most:
            self._free_memory(last)

    def reserve(self, size: int) -> None:
        """Set so many of the `most` bytes aside for something else."""
        self._count()
        self.reserved = size
        self._free_memory("")

    def find(self, room: str, key: str, session: int, name: str, others: Numbers = ()) -> int | None:
        history = self._rooms.get(room)
        at = history.find(key, session, name, others) if history is not None else None
        if at is not None and self._added:  # it may be one of those that are too many
            self._count()
            return self.find(room, key, session, name, others)
        return at

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
        self._count()
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
        self._count()
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
        self._count()
        history = self._rooms.get(room) or _RoomHistory(room)
        return [(entry, history.authors.get(entry.at, (0, ""))[0]) for entry in history.entries]

    def messages_after(self, room: str, at: int) -> list[tuple[Entry, int]]:
        """As `messages`, of those with a later stamp than `at`."""
        self._count()
        history = self._rooms.get(room)
        if history is None:
            return []
        newer = itertools.takewhile(lambda entry: entry.at > at, reversed(history.entries))
        return [(entry, history.authors.get(entry.at, (0, ""))[0]) for entry in [*newer][::-1]]

    def redacted(self, room: str) -> list[int]:
        """Return the stamps of the messages of a room whose text was taken out."""
        self._count()
        history = self._rooms.get(room)
        return [entry.at for entry in history.entries if entry.redacted] if history is not None else []

    def keep_only(self, rooms: Iterable[str]) -> None:
        """Forget all other rooms. Nobody is in these, and the first of them was left longest ago."""
        self._count()
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
        self._size += history.size - size
        before, now = length.bit_length(), len(history.entries).bit_length()
        if before != now:
            del self._by_length[before][room]
            self._by_length[now][room] = None

    def _free_memory(self, keep: str) -> None:
        """Forget empty rooms except `keep`, the one left longest ago first; then the oldest in the longest rooms.

        Each step costs the same, however many rooms there are.
        """
        while self._size + self.reserved > self.most and self._rooms:
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
        history.size -= history.drop_oldest(max(1, length // 8))
        self._update(room, history, length, size)
        if not history.entries:
            self._forget(room)

    def _forget(self, room: str) -> None:
        history = self._rooms.pop(room)
        self._empty.pop(room, None)
        del self._by_length[len(history.entries).bit_length()][room]
        self._size -= history.size


def number_of(sender: Owner, session: int | None) -> int:
    """The number of the session that sent a private message."""
    assert session is not None or isinstance(sender, int), "a message of a key needs the number of the session"
    return session if session is not None else int(sender)


def _words_size(entry: Entry) -> int:
    """Estimate the bytes of a message without its key. A name counts for each of its messages, though they share it."""
    return _ENTRY_SIZE + _string_size(entry.text) + _string_size(entry.from_)


def _string_size(text: str) -> int:
    """Return at least the bytes of a string, at most two and a half times as many, including SQLite's UTF-8 copy.

    `sys.getsizeof` is no help: its result grows when a string is first encoded.
    """
    return 50 + len(text) if text.isascii() else 76 + 4 * len(text) + len(text.encode())
