"""The hub: everybody on the server, the rooms that exist, and the stamps of messages."""

import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from pylingo.reactor.chat.access import Access
from pylingo.reactor.chat.bus import Bus
from pylingo.reactor.chat.listing import Directory, Pager
from pylingo.reactor.chat.person import Person, Present
from pylingo.reactor.chat.room import WORK_PER_BYTE, Room, Tick
from pylingo.reactor.chat.seats import Seats, Sitter, Timer
from pylingo.reactor.chat.tokens import Resumable, Tokens
from pylingo.reactor.history import charter
from pylingo.reactor.history.charter import SECRET, Charter
from pylingo.reactor.history.clock import wall_clock
from pylingo.reactor.history.history import History
from pylingo.reactor.history.memory import MemoryHistory
from pylingo.reactor.history.private import Owner
from pylingo.reactor.history.topics import StoredTopic
from pylingo.reactor.people.register import Register
from pylingo.reactor.people.roster import Change
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


def _nothing(key: str) -> None: ...


def _nobody(person: Person[Any]) -> None: ...


def name_work(name: str) -> float:
    """The work of comparing `name`, in units of about a microsecond. Longer names are refused unread."""
    return 0.0 if name.isascii() else _LETTER * min(len(name), MAX_TYPED)


class Registered(Resumable, Sitter, Present, Protocol):
    """A session, as the hub sees it. `identity` is the fingerprint of its key, `host` the peer's address."""

    identity: str | None
    is_admitted: bool

    @property
    def host(self) -> str: ...


class Hub[S: Registered]:
    """The registry. Names and rooms are kept by their compared form (`shared.names.fold`).

    `schedule(callback)` must run `callback` at the end of the tick. `clock` gives microseconds since 1970. A session
    whose connection breaks keeps its seat for `grace` seconds, if `call_later` is given; `monotonic` gives seconds
    that never go back. `access` says who may come in. `bus` connects this server with the others, if there are any.
    """

    def __init__(
        self,
        schedule: Callable[[Callable[[], object]], object],
        bus: Bus[S],
        clock: Callable[[], int] = wall_clock,
        soft: int = QUEUE_SOFT,
        hard: int = QUEUE_HARD,
        history: History | None = None,
        grace: float = 0.0,
        call_later: Callable[..., Timer] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        access: Access | None = None,
    ) -> None:
        self.bus = bus
        self.access = access or Access(Register(clock))
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
        self.errors: Counter[str] = Counter()
        """How many requests were refused for which reason."""
        self._clock = clock
        self._people: dict[str, Person[S]] = {}  # by the compared form of the name
        self.note_person: Callable[[str], object] = _nothing
        """Called with the compared form of each name that somebody on this server takes or gives up."""
        self.note_away: Callable[[Person[S]], object] = _nobody
        """Called with each person on this server who is away, for another reason than before, or back."""

    def __len__(self) -> int:
        """The number of people."""
        return len(self._people)

    def stamp(self, count: int = 1) -> int:
        """The stamp of a new message, in microseconds since 1970: greater than every stamp before.

        If there are `count` messages, it is that of the first, and the others have those that follow.
        It is the clock's reading, capped at `history.stamps_until` and raised above the newest stamp.
        """
        tick, history, now = self.tick, self.history, self._clock()
        if now > history.stamps_until:
            now = history.stamps_until
        if now <= tick.newest_stamp:
            now = tick.newest_stamp + 1
        tick.newest_stamp = history.newest_stamp = now + count - 1
        return now

    def now(self) -> int:
        """The clock's reading, in microseconds since 1970."""
        return self._clock()

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

    def admit(self, session: S) -> Person[S]:
        """Register a new session as a guest. Guest numbers are never used again."""
        person: Person[S] = Person(f"guest-{self.bus.next_guest()}", self._clock())
        self._add(person)
        person.add(session)
        return person

    def take_in(self, session: S, name: str, since: int) -> Person[S]:
        """Register a session that was on another server, as the person with that name."""
        person = self._people.get(fold(name)) or self._add(Person(name, since, session.identity))
        person.add(session)
        return person

    def claim(self, session: S, name: str) -> Change | None:
        """Make a name the property of the session's key, if it has one. Return what is to be stored first, if anything.

        Raises `RequestError` `name-owned` or `name-taken` if the name, in any spelling, is somebody else's, and
        `not-allowed` if the address has taken too many names.
        """
        self._check_holder(session, name, self._people.get(fold(name)))
        return self._take(session, name)

    def _take(self, session: S, name: str) -> Change | None:
        if session.identity is None:
            return None
        return self.access.register.claim_name(name, session.identity, session.host)

    def rename(self, session: S, name: str) -> Person[S]:
        """Return whom `session` becomes under the name `name`.

        This is its person, who is called so from now on; or a new person, if others stay under the old name; or
        somebody with the same key who has that name. Raises what `claim` raises.
        """
        person, key = session.person, fold(name)
        holder = self._people.get(key)
        self._check_holder(session, name, holder)
        if change := self._take(session, name):
            self.access.store(change)
        if holder is not None and holder is not person:
            return holder
        if holder is None and not person.is_alone:
            return self._add(person.another(name))
        self._remove(person)
        person.spell(name, key)
        return self._add(person)

    def _check_holder(self, session: S, name: str, holder: Person[S] | None) -> None:
        """Raises `RequestError` unless `session` may have a name that `holder` has, or nobody."""
        person = session.person
        self.access.register.check_name(name, session.identity)
        if holder is not None and holder is not person and not self.is_one(person.fingerprint, holder.fingerprint):
            raise RequestError("name-taken", "somebody here has that name: choose another one")

    def is_one(self, one: str | None, other: str | None) -> bool:
        """Whether two keys are of one person. Guests have none."""
        return one is not None and other is not None and other in self.access.register.keys_of(one)

    def owner(self, person: Person[S]) -> Owner:
        """To whom the private messages and the rank in rooms of somebody belong: a key, or the session of a guest."""
        if person.fingerprint is None:
            return person.number
        return self.access.register.first_key(person.fingerprint)

    def marks(self, person: Person[S]) -> tuple[str | None, bool | None]:
        """The marks of a person in frames, besides the name: the fingerprint, and whether they are an operator."""
        if person.fingerprint is None:
            return None, None
        return person.fingerprint, self.access.register.is_operator(person.fingerprint) or None

    def release(self, session: S, person: Person[S]) -> None:
        """Forget that `session` is `person`, and the person if it was the last one."""
        self.bus.went(session, person)
        fingerprint = person.fingerprint
        person.remove(session)
        if person.fingerprint != fingerprint:
            self.people.changed()
        if session.identity is not None:
            self.access.refresh_name(person.name, session.identity, self._clock())
        if not person.sessions:
            self._remove(person)

    def refresh_names(self, sessions: Iterable[S]) -> None:
        """Note that the names of these sessions are in use by their keys."""
        for session in sessions:
            if session.identity is not None:
                self.access.refresh_name(session.person.name, session.identity, self._clock())

    def named(self, key: str) -> Person[S]:
        """The person whose name has the compared form `key`. Raises `KeyError`."""
        return self._people[key]

    def here(self, key: str) -> Person[S] | None:
        """The person on this server whose name has the compared form `key`."""
        return self._people.get(key)

    def find(self, name: str) -> Person[S]:
        """The person called `name`, in any spelling. Raises `RequestError` `no-such-user`."""
        name = name.strip()
        self.tick.work += name_work(name)
        key = fold(name) if len(name) <= MAX_TYPED else ""
        person = self._people.get(key) or self.bus.stranger(key)
        if person is None or not (person.sessions[0].is_admitted or self.access.lets_guests_in):
            raise RequestError("no-such-user", f"nobody here is called {quote(name)}: /who lists everybody")
        return person

    def reach(self, name: str) -> Person[S]:
        """As `find`, but the owner of a name need not be here: then the person has no session."""
        try:
            return self.find(name)
        except RequestError:
            owner = self.access.register.owner_of(name.strip()) if len(name) <= MAX_TYPED else None
            if owner is None:
                raise
            return Person(owner.name, 0, min(owner.keys))

    def reach_if_known(self, name: str) -> Person[S] | None:
        """As `reach`; None if there is nobody, as when a guest has gone."""
        try:
            return self.reach(name)
        except RequestError:
            return None

    def sessions(self) -> list[S]:
        """All sessions, in no particular order."""
        return [session for person in self._people.values() for session in person.sessions]

    def tell_everybody(self, record: Record) -> None:
        """Send `record` to everybody who may be here. It is encoded once, as there may be tens of thousands."""
        self.write_to_everybody(encode(record))

    def write_to_everybody(self, frame: bytes) -> None:
        """As `tell_everybody`, with a record that is encoded already."""
        is_open = self.access.lets_guests_in
        for session in self.sessions():
            if is_open or session.is_admitted:
                session.outbox.write(frame)

    def _add(self, person: Person[S]) -> Person[S]:
        self._people[person.key] = person
        self.people.add(person.key)
        self.note_person(person.key)
        return person

    def _remove(self, person: Person[S]) -> None:
        del self._people[person.key]
        self.people.remove(person.key)
        self.note_person(person.key)

    # --- rooms

    def room(self, name: str) -> Room[S]:
        """The room called `name`. If there is none, it is made, and keeps that spelling."""
        key = fold(name)
        room = self.rooms.get(key)
        if room is None:
            room = self.rooms[key] = Room(name, key, self._clock())
            room.topic = self.history.topics.get(key)
            room.charter = self.history.charters.get(key) or charter.NONE
            self.directory.add(key)
            self.history.occupied(key)
        return room

    def set_topic(self, room: Room[S], topic: StoredTopic | None) -> None:
        """Keep the topic of a room, even if nobody is in it."""
        room.topic = topic
        self.history.set_topic(room.key, topic)

    def set_charter(self, room: Room[S], charter: Charter) -> None:
        """Keep the charter of a room, even if nobody is in it."""
        if room.charter.has(SECRET) != charter.has(SECRET):
            self.directory.changed()
        room.charter = charter
        room.directory.changed()
        self.history.set_charter(room.key, charter)

    def ranks_changed(self) -> None:
        """Others may be operators of the server: lists that mark them are out of date."""
        self.people.changed()
        for room in self.rooms.values():
            room.directory.changed()

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
