"""`/list` and `/who` over all servers: read from Redis in small steps, shared for two seconds.

A large hash is read with HSCAN, as reading it in one step would hold up the messages of everybody. The server that asks
first leaves what it has read for the others. Each server puts its own present state over it: its rooms and sessions,
and the rooms that it has just left. Secret rooms are left out of what is read: a server knows those of its own people.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Any

import msgpack

from pylingo.reactor.bus.redis.keys import Keys
from pylingo.reactor.bus.redis.questions import Questions, Steps
from pylingo.reactor.bus.redis.sessions import Sessions, read_record
from pylingo.reactor.chat.hub import Hub
from pylingo.reactor.chat.listing import Directory
from pylingo.reactor.chat.session import Session
from pylingo.reactor.chat.waiting import wait_for
from pylingo.reactor.history.charter import SECRET
from pylingo.shared.messages import PersonInfo, RoomInfo
from pylingo.shared.names import fold

FRESH = 2
"""Seconds for which a list that was read is used."""
_STEP = 200  # entries that Redis reads at once

_pack = msgpack.Packer(use_bin_type=True).pack


class Listings:
    """See the module. `clock` gives microseconds."""

    def __init__(
        self, hub: Hub[Session], questions: Questions, keys: Keys, sessions: Sessions, clock: Callable[[], int]
    ) -> None:
        self._hub = hub
        self._questions = questions
        self._keys = keys
        self._sessions = sessions
        self._clock = clock
        # The rooms that were left lately: when, their names, and how many people stayed. The oldest comes first.
        self._left: OrderedDict[str, tuple[int, str, int]] = OrderedDict()

    def left(self, key: str, name: str, people: int) -> None:
        """Nobody here is in a room any more, and so many people on other servers are: 0 for a room that is secret."""
        self._left.pop(key, None)
        self._left[key] = self._clock(), name, people
        self._forget()

    def _forget(self) -> None:
        """Forget what a list that is read now knows."""
        oldest = self._clock() - FRESH * 1_000_000
        while self._left and next(iter(self._left.values()))[0] < oldest:
            self._left.popitem(last=False)

    def rooms(self, session: Session, then: Callable[[Directory, Callable[[str], RoomInfo]], object]) -> None:
        """See `Bus.list_rooms`."""

        def show(lanes: list[list[Any]]) -> None:
            self._forget()
            counts = {key: (name, users) for lane in lanes for key, name, users in lane}
            counts.update({key: (name, people) for key, (_, name, people) in self._left.items()})
            rows = {key: RoomInfo(name, users) for key, (name, users) in counts.items() if users}
            for key, room in self._hub.rooms.items():
                rows[key] = RoomInfo(room.name, len(room.directory.keys))
            then(_directory(rows), rows.__getitem__)

        wait_for(session, lambda answer: self._gather(range(self._keys.lanes), "rooms", _room, answer), show)

    def people(self, session: Session, then: Callable[[Directory, Callable[[str], PersonInfo]], object]) -> None:
        """See `Bus.list_people`."""
        hub = self._hub

        def show(lanes: list[list[Any]]) -> None:
            people: dict[str, tuple[Any, set[str]]] = {}
            for number, server, name, away, fingerprint, rooms in lanes[0]:
                if not self._is_known_here(number, server):
                    known = people.setdefault(fold(name), ((name, away, fingerprint), set()))
                    known[1].update(map(fold, rooms))
            rows = {}
            for key, ((name, away, fingerprint), rooms) in people.items():
                operator = hub.access.register.is_operator(fingerprint) or None
                rows[key] = PersonInfo(name, len(rooms), away, fingerprint, operator)
            for key in hub.people.keys:
                person = hub.named(key)
                elsewhere = people[key][1] if key in people else set()
                count = len(elsewhere | {room.key for room in person.rooms})
                rows[key] = PersonInfo(person.name, count, person.away, *hub.marks(person))
            then(_directory(rows), rows.__getitem__)

        wait_for(session, lambda answer: self._gather([0], "sessions", _session, answer), show)

    def _is_known_here(self, number: int, server: int) -> bool:
        """Whether this server has a session, or had it to its end. It may keep others for servers that are gone."""
        sessions = self._sessions
        return number in sessions.by_number or (server == sessions.server == number >> 32)

    def _gather(
        self,
        lanes: Iterable[int],
        what: str,
        read: Callable[[bytes, bytes], list[Any]],
        answer: Callable[[list[list[Any]]], object],
    ) -> None:
        """Call `answer` with the rows of a hash in each of these lanes."""
        waiting = dict.fromkeys(lanes)
        found: list[list[Any]] = []

        def add(rows: list[Any]) -> None:
            found.append(rows)
            if len(found) == len(waiting):
                answer(found)

        for lane in waiting:
            self._questions.ask(lane, self._rows(lane, what, read), add)

    def _rows(self, lane: int, what: str, read: Callable[[bytes, bytes], list[Any]]) -> Steps[list[Any]]:
        place, shared = self._keys.key(lane, what), self._keys.key(lane, f"list:{what}")
        (known,) = yield [("GET", shared)]
        if known is not None:
            rows: list[Any] = msgpack.unpackb(known)
            return rows
        rows, cursor = [], b"0"
        while True:
            ((cursor, entries),) = yield [("HSCAN", place, cursor, "COUNT", _STEP)]
            found = dict(zip(entries[::2], entries[1::2], strict=True))
            if what == "rooms" and found:
                secrets = yield [("HGET", self._keys.of_room("o", key.decode()), SECRET) for key in found]
                found = {key: found[key] for key, secret in zip(found, secrets, strict=True) if secret is None}
            rows += [read(key, value) for key, value in found.items()]
            if cursor == b"0":
                break
        yield [("SET", shared, _pack(rows), "EX", FRESH)]
        return rows


def _room(key: bytes, value: bytes) -> list[Any]:
    spelling, people = msgpack.unpackb(value)
    return [key.decode(), spelling, people]


def _session(number: bytes, value: bytes) -> list[Any]:
    record = read_record(value)
    return [int(number), record["s"], record["n"], record["a"], record["f"], record["r"]]


def _directory(rows: Iterable[str]) -> Directory:
    directory = Directory()
    directory.replace(rows)
    return directory
