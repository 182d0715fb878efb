"""People on other servers: looked up by name when a request names one, and only for that request."""

import itertools
from collections.abc import Callable, Collection, Iterable
from typing import Any

from pylingo.reactor.bus.redis.keys import Keys
from pylingo.reactor.bus.redis.questions import Questions, Steps
from pylingo.reactor.bus.redis.sessions import SessionRecord, read_record
from pylingo.reactor.chat.hub import Hub
from pylingo.reactor.chat.outbox import Outbox
from pylingo.reactor.chat.person import Person
from pylingo.reactor.chat.room import Room
from pylingo.reactor.chat.session import Session, State
from pylingo.reactor.chat.waiting import wait_for
from pylingo.shared.errors import RequestError
from pylingo.shared.names import MAX_TYPED, fold

_AT_ONCE = 200  # names


class RemoteSession:
    """A session on another server, as far as its record tells: the parts that `Person` and the commands use."""

    def __init__(self, hub: Hub[Session], number: int, record: SessionRecord) -> None:
        self.number = number
        self.has_number = True
        self.identity: str | None = record["f"]
        self.host: str = record["h"]
        self.is_admitted = True
        self.outbox: Outbox[Any] = Outbox(hub.tick)
        self.rooms: tuple[Room[Any], ...] = tuple(Room(name, fold(name)) for name in record["r"])


class Strangers:
    """See the module."""

    def __init__(self, hub: Hub[Session], questions: Questions, keys: Keys) -> None:
        self._hub = hub
        self._questions = questions
        self._keys = keys
        self._found: dict[str, Person[Any]] = {}  # while a request is handled

    def look_up(self, session: Session, name: str, re: int | None, then: Callable[[], object]) -> None:
        """See `Bus.look_up`."""
        name = name.strip()
        key = fold(name) if len(name) <= MAX_TYPED else ""
        if not key or self._hub.here(key) is not None:
            then()
            return

        def found(records: dict[int, SessionRecord]) -> None:
            if session.state is State.ENDED:
                return
            if records:
                self._found[key] = self._person(records)
            try:
                then()
            except RequestError as error:
                error.re = re
                session.refuse(error)
            finally:
                self._found.pop(key, None)

        wait_for(session, lambda answer: self._questions.ask(0, self._records(key), answer), found)

    def present(self, keys: Collection[str], then: Callable[[dict[str, str]], object]) -> None:
        """See `Bus.present`."""
        self._ask(keys, lambda found: then({key: record["n"] for key, record in found.items()}))

    def away(self, keys: Collection[str], then: Callable[[Collection[str]], object]) -> None:
        """See `Bus.away`."""
        self._ask(keys, lambda found: then({key for key, record in found.items() if record["a"] is not None}))

    def _ask(self, keys: Collection[str], then: Callable[[dict[str, SessionRecord]], object]) -> None:
        """Call `then` with the records of those who are elsewhere."""
        self._questions.ask(0, self._first(key for key in keys if self._hub.here(key) is None), then)

    def stranger(self, key: str) -> Person[Any] | None:
        """See `Bus.stranger`."""
        return self._found.get(key)

    def _records(self, key: str) -> Steps[dict[int, SessionRecord]]:
        (numbers,) = yield [("HGET", self._keys.key(0, "names"), key)]
        if numbers is None:
            return {}
        numbers = numbers.split()
        (packed,) = yield [("HMGET", self._keys.key(0, "sessions"), *numbers)]
        found = zip(numbers, packed, strict=True)
        return {int(number): read_record(value) for number, value in found if value is not None}

    def _first(self, keys: Iterable[str]) -> Steps[dict[str, SessionRecord]]:
        """The records of the first sessions, as many at a time as take Redis little time."""
        found: dict[str, SessionRecord] = {}
        for some in itertools.batched(keys, _AT_ONCE):
            (numbers,) = yield [("HMGET", self._keys.key(0, "names"), *some)]
            first = {key: value.split()[0] for key, value in zip(some, numbers, strict=True) if value}
            if first:
                (packed,) = yield [("HMGET", self._keys.key(0, "sessions"), *first.values())]
                found |= {key: read_record(value) for key, value in zip(first, packed, strict=True) if value}
        return found

    def _person(self, records: dict[int, SessionRecord]) -> Person[Any]:
        first = next(iter(records.values()))
        person: Person[Any] = Person(first["n"], first["c"], first["f"])
        person.away = first["a"]
        for number, record in records.items():
            person.add(RemoteSession(self._hub, number, record))
        return person
