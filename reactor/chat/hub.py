"""The hub: everybody on the server, the rooms that exist, and the stamps of messages."""

import itertools
import time
from collections.abc import Callable
from typing import Protocol

from pylingo.reactor.chat.listing import Directory, Pager
from pylingo.reactor.chat.person import Person
from pylingo.reactor.chat.room import WORK_PER_BYTE, Room, Tick
from pylingo.reactor.chat.seats import Seats, Sitter, Timer
from pylingo.reactor.chat.tokens import Resumable, Tokens
from pylingo.reactor.history.clock import wall_clock
from pylingo.reactor.history.history import History
from pylingo.reactor.history.memory import MemoryHistory
from pylingo.reactor.history.topics import StoredTopic
from pylingo.shared.codec import encode
from pylingo.shared.errors import RequestError
from pylingo.shared.names import MAX_TYPED, fold
from pylingo.shared.schema import Record
from pylingo.shared.text import quote

GRACE = 60.0
"""Seconds for which the seat of a broken connection is kept."""
QUEUE_SOFT = 65_536
"""Bytes queued for a connection above which room frames are left out."""
QUEUE_HARD = 262_144
"""With so many bytes of direct replies queued, the next requests of a connection wait."""
_LETTER = 1.0  # the work of folding one character of a name beyond ASCII


def name_work(name: str) -> float:
    """The work of comparing `name`, in units of about a microsecond. Longer names are refused unread."""
    return 0.0 if name.isascii() else _LETTER * min(len(name), MAX_TYPED)


class Writable(Protocol):
    """An outbox, as the hub sees it."""

    def write(self, frame: bytes) -> None: ...


class Registered(Resumable, Sitter, Protocol):
    """A session, as the hub sees it."""

    @property
    def outbox(self) -> Writable: ...


class Hub[S: Registered]:
    """The registry. Names and rooms are kept by their compared form (`shared.names.fold`).

    `schedule(callback)` must run `callback` at the end of the tick. `clock` gives microseconds since 1970. A session
    whose connection breaks keeps its seat for `grace` seconds, if `call_later` is given; `monotonic` gives seconds
    that never go back.
    """

    def __init__(
        self,
        schedule: Callable[[Callable[[], object]], object],
        clock: Callable[[], int] = wall_clock,
        soft: int = QUEUE_SOFT,
        hard: int = QUEUE_HARD,
        history: History | None = None,
        grace: float = 0.0,
        call_later: Callable[..., Timer] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.tick = Tick(schedule, soft, hard)
        self.history = history or MemoryHistory()
        self.rooms: dict[str, Room[S]] = {}
        self.directory = Directory()
        """The compared forms of the rooms' names."""
        self.people = Directory()
        """The compared forms of the names of everybody on the server."""
        self.pager = Pager(schedule)
        self.seats = Seats(grace, call_later, monotonic)
        self.tokens: Tokens[S] = Tokens()
        self._clock = clock
        self._sessions: dict[str, S] = {}  # by the compared form of the person's name
        self._guests = itertools.count(1)
        self._numbers = itertools.count(1)

    def __len__(self) -> int:
        return len(self._sessions)

    def stamp(self) -> int:
        """The stamp of a new message, in microseconds since 1970: greater than every stamp before.

        It is the clock's reading, capped at `history.stamps_until` and raised above the newest stamp.
        """
        tick = self.tick
        now = min(self._clock(), self.history.stamps_until)
        if now <= tick.newest_stamp:
            now = tick.newest_stamp + 1
        tick.newest_stamp = self.history.newest_stamp = now
        return now

    def raise_stamps(self, newest: int) -> None:
        """Give only stamps above `newest` from now on."""
        self.tick.newest_stamp = max(self.tick.newest_stamp, newest)

    def take_work(self) -> float:
        """The work done since the last call, in units of about a microsecond, not counting the reading of requests."""
        tick = self.tick
        work = tick.work + WORK_PER_BYTE * tick.copied
        tick.work, tick.copied = 0.0, 0
        return work

    # --- people

    def next_number(self) -> int:
        """A number for a session, from 1 on. It is never given twice while the server runs."""
        return next(self._numbers)

    def admit(self, session: S) -> Person:
        """Register a new session as a guest. Guest numbers are never used again."""
        person = Person(f"guest-{next(self._guests)}", self._clock())
        self._sessions[person.key] = session
        self.people.add(person.key)
        return person

    def rename(self, session: S, new: Person) -> None:
        """Register `session` under the name of `new` instead of its own.

        Raises `RequestError` `name-taken` if another session has that name, in any spelling.
        """
        if self._sessions.get(new.key, session) is not session:
            raise RequestError("name-taken", "somebody here has that name: choose another one")
        self._remove(session.person)
        self._sessions[new.key] = session
        self.people.add(new.key)

    def release(self, session: S) -> None:
        """Forget a session that has ended."""
        self._remove(session.person)

    def named(self, key: str) -> S:
        """The session of the person whose name has the compared form `key`. Raises `KeyError`."""
        return self._sessions[key]

    def find(self, name: str) -> S:
        """The session of the person called `name`, in any spelling. Raises `RequestError` `no-such-user`."""
        name = name.strip()
        self.tick.work += name_work(name)
        session = self._sessions.get(fold(name)) if len(name) <= MAX_TYPED else None
        if session is None:
            raise RequestError("no-such-user", f"nobody here is called {quote(name)}: /who lists everybody")
        return session

    def sessions(self) -> list[S]:
        """All sessions, in no particular order."""
        return list(self._sessions.values())

    def tell_everybody(self, record: Record) -> None:
        """Send `record` to every session. It is encoded once, as there may be tens of thousands."""
        frame = encode(record)
        for session in self._sessions.values():
            session.outbox.write(frame)

    def _remove(self, person: Person) -> None:
        del self._sessions[person.key]
        self.people.remove(person.key)

    # --- rooms

    def room(self, name: str) -> Room[S]:
        """The room called `name`. If there is none, it is made, and keeps that spelling."""
        key = fold(name)
        room = self.rooms.get(key)
        if room is None:
            room = self.rooms[key] = Room(name, key)
            room.topic = self.history.topics.get(key)
            self.directory.add(key)
            self.history.occupied(key)
        return room

    def set_topic(self, room: Room[S], topic: StoredTopic | None) -> None:
        """Keep the topic of a room, also when nobody is in it."""
        room.topic = topic
        self.history.set_topic(room.key, topic)

    def members_changed(self) -> None:
        """Somebody entered or left a room: lists that count people or rooms are out of date."""
        self.directory.changed()
        self.people.changed()

    def forget(self, room: Room[S]) -> None:
        """Remove a room that nobody is in."""
        room.dissolve()
        del self.rooms[room.key]
        self.directory.remove(room.key)
        self.history.emptied(room.key)
