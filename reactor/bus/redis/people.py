"""The register of people in a cluster: each server has one, and Redis keeps them equal.

A change here is stored as the rows that it touches, in one call, if nobody has stored anything since the version that
this server knows. Otherwise the rows of the others are merged first. They come as pushes, each with the version before
it, so a lost push is noticed, and then everything is read anew.

While Redis is away for longer than `PATIENCE`, nothing that opens a door is stored. Everything that closes one holds
here, and is stored when Redis is back.
"""

import enum
import json
import logging
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import islice
from typing import Any, Protocol

from pylingo.reactor.bus.redis.keys import Keys
from pylingo.reactor.bus.redis.link import LinkLost, RedisError
from pylingo.reactor.engine.loop import Reactor
from pylingo.reactor.engine.timers import Timer
from pylingo.reactor.people.mirror import Mirror
from pylingo.reactor.people.register import Register
from pylingo.reactor.people.roster import Change
from pylingo.reactor.people.rows import TABLES, RowKey, decode_row, place_of
from pylingo.shared.text import counted

logger = logging.getLogger(__name__)

PATIENCE = 2.0
"""Seconds without Redis for which a change waits before it is undone."""
RETRY = 5.0
"""Seconds until another attempt after Redis has refused a change."""
AT_ONCE = 500
"""Rows in one call, besides those that somebody waits for."""
_CLOSES_DOORS = {"admitted", "operators", "bans"}  # tables after whose changes somebody may have to leave

type Stored = Callable[[bool], object]


class Ears(Protocol):
    """The link to Redis that carries the calls and the pushes of a lane, in one order."""

    def call(self, answer: Callable[[Any], object] | None, *args: bytes | str | int) -> None: ...

    def tell(self, *args: bytes | str | int) -> None: ...


class Links(Protocol):
    """A `Deployment`."""

    def ears(self, lane: int) -> Ears: ...


class PeopleListener(Protocol):
    """The owner of a `ClusterPeople`."""

    def people_read(self) -> None:
        """The register has everything, for the first time: people may come in."""

    def people_unreadable(self, why: str) -> None:
        """The first reading is impossible. `why` is a sentence."""

    def people_changed(self) -> None:
        """Another server has changed members, ranks or bans: somebody may have to leave."""


class _State(enum.Enum):
    DOWN = enum.auto()
    READING = enum.auto()
    READY = enum.auto()


@dataclass(frozen=True, slots=True)
class _Waiter:
    change: Change
    stored: Stored
    keys: frozenset[RowKey]


@dataclass(slots=True)
class _Flight:
    """A store whose outcome is not known yet."""

    version: str
    texts: dict[RowKey, str | None]
    keys: set[RowKey]
    waiters: list[_Waiter]


class ClusterPeople:
    """See the module. `store` is for `Access`; call the rest as the deployment's listener is called."""

    def __init__(
        self, reactor: Reactor, links: Links, keys: Keys, register: Register, listener: PeopleListener
    ) -> None:
        self.channel = keys.channel(0, "people").encode()
        """The channel of the changes."""
        self._reactor = reactor
        self._links = links
        self._register = register
        self._listener = listener
        self._names = [keys.key(0, f"people:{name}") for name in ("version", "lineage", *TABLES)]
        self._mirror = Mirror(register)
        self._state = _State.DOWN
        self._is_read = False
        self._has_given_up = False
        self._timer: Timer | None = None
        self._noted: set[RowKey] = set()  # rows that have changed since the last store
        self._left: set[RowKey] = set()  # rows that may differ and that nobody waits for
        self._uses: dict[RowKey, None] = {}  # names that were used
        self._waiting: list[_Waiter] = []
        self._flight: _Flight | None = None
        self._why_not_loaded = ""
        register.note_rows(self._noted.add, lambda key: self._uses.setdefault(key))

    @property
    def is_ready(self) -> bool:
        """Whether Redis is there and the register has everything."""
        return self._state is _State.READY

    def store(self, change: Change, stored: Stored) -> None:
        """Store what has changed in the register, commit `change`, or undo it if that fails. Tell `stored` which."""
        self._waiting.append(_Waiter(change, stored, frozenset(self._take_noted())))
        if self._has_given_up:
            self._fail()
        else:
            self._send()

    def include(self, rows: Iterable[RowKey]) -> None:
        """Have these rows in the next store, whatever the register has told of them."""
        self._noted.update(rows)

    def close(self) -> None:
        """Try nothing again."""
        self._stop_timer()

    # --- the deployment's listener

    def up(self) -> None:
        """Redis is there, for the first time or again: read what is different."""
        self._stop_timer()
        ears = self._links.ears(0)
        ears.tell("SSUBSCRIBE", self.channel)
        ears.call(self._loaded, "FUNCTION", "LOAD", "REPLACE", library())
        self._read()

    def down(self, why: str) -> None:
        """Redis is not there."""
        if self._state is not _State.DOWN:
            self._state = _State.DOWN
            self._set_timer(PATIENCE, self._give_up)

    def pushed(self, channel: bytes, data: bytes) -> bool:
        """Take a push, and return whether it is one of this channel."""
        if channel != self.channel:
            return False
        if self._state is _State.READY:  # otherwise what is being read has it
            self._take_push(*json.loads(data))
        return True

    # --- storing

    def _send(self) -> None:
        """Store everything that is different here, unless a store is on its way."""
        if self._state is not _State.READY or self._flight is not None:
            return
        waiters, self._waiting = self._waiting, []
        keys = {*islice(self._left, AT_ONCE), *islice(self._uses, AT_ONCE)}
        self._left -= keys
        for key in keys:
            self._uses.pop(key, None)
        keys.update(*(waiter.keys for waiter in waiters))
        texts = self._mirror.differences(keys)
        if not texts:
            self._commit(waiters)
            if self._left or self._uses:
                self._reactor.call_soon(self._send)
            return
        flight = _Flight(self._mirror.next_version(secrets.token_hex(6)), texts, keys, waiters)
        self._flight = flight
        rows = [[TABLES.index(key.table), key.key, False if text is None else text] for key, text in texts.items()]
        message = json.dumps([self._mirror.version, flight.version, rows], ensure_ascii=False, separators=(",", ":"))
        self._call(lambda reply: self._answered(flight, reply), "store", self.channel, message)

    def _answered(self, flight: _Flight, reply: Any) -> None:
        if flight is not self._flight or isinstance(reply, LinkLost) or self._state is _State.DOWN:
            return  # in doubt until everything was read anew
        if isinstance(reply, RedisError):
            logger.error("cannot store who people are: %s; trying again every %g s", reply, RETRY)
            self._fail()
            self._set_timer(RETRY, self.up if "not found" in str(reply) else self._send)
        elif reply == b"OK":
            self._settle(flight)
        else:
            self._take_back(flight)
            if reply.decode() == self._mirror.version:  # its rows have come before the reply
                self._send()
            else:
                self._read()

    def _settle(self, flight: _Flight) -> None:
        """The flight has arrived."""
        self._flight = None
        self._mirror.confirm(flight.version, flight.texts)
        self._commit(flight.waiters)
        self._send()

    def _take_back(self, flight: _Flight) -> None:
        """The flight has not arrived."""
        self._flight = None
        self._waiting[:0] = flight.waiters
        self._left |= flight.keys

    def _commit(self, waiters: list[_Waiter]) -> None:
        for waiter in waiters:
            waiter.change.commit()
        self._left |= self._take_noted()
        for waiter in waiters:
            self._reactor.run_safely(waiter.stored, True)

    # --- failing

    def _give_up(self) -> None:
        self._has_given_up = True
        self._fail()

    def _fail(self) -> None:
        """Undo everything that waits."""
        if self._flight is not None:
            self._take_back(self._flight)
        waiters, self._waiting = self._waiting, []
        self._undo(waiters)
        self._refuse(waiters)

    def _undo_those_with(self, keys: set[RowKey]) -> list[_Waiter]:
        """Undo the changes that touch one of these rows, and return those who wait for them."""
        undone = []
        if keys:
            for waiters in (self._waiting, self._flight.waiters if self._flight is not None else []):
                undone += [waiter for waiter in waiters if not keys.isdisjoint(waiter.keys)]
                waiters[:] = [waiter for waiter in waiters if keys.isdisjoint(waiter.keys)]
            self._undo(undone)
        return undone

    def _undo(self, waiters: list[_Waiter]) -> None:
        for waiter in reversed(waiters):
            waiter.change.undo()
            self._left |= waiter.keys
        self._left |= self._take_noted()

    def _refuse(self, waiters: list[_Waiter]) -> None:
        for waiter in waiters:
            self._reactor.run_safely(waiter.stored, False)

    def _take_noted(self) -> set[RowKey]:
        noted = {*self._noted}
        self._noted.clear()
        return noted

    # --- what others have stored

    def _take_push(self, before: str, version: str, rows: list[Any]) -> None:
        if self._flight is not None and version == self._flight.version:
            self._settle(self._flight)  # Redis 7.0 sends one's own push before the reply
        elif version == self._mirror.version:
            pass  # a newer Redis sends it behind the reply
        elif before != self._mirror.version:
            logger.info("a change of who people are was missed: reading everything anew")
            self._read()
        else:
            self._accept(version, {RowKey(TABLES[index], key): text or None for index, key, text in rows})

    def _accept(self, version: str, texts: dict[RowKey, str | None]) -> None:
        """Take over rows of others. Their names and their uses of invitations come before those that wait here."""
        texts = self._readable(texts)
        flying = self._flight.keys if self._flight is not None else set()
        pending = self._left.union(flying, *(waiter.keys for waiter in self._waiting))
        undone = self._undo_those_with(self._mirror.clashes(texts, pending))
        tables = self._mirror.accept(version, texts)
        if "names" in tables:
            undone += self._undo_those_with(self._mirror.rivals(pending))
        self._refuse(undone)
        if self._is_read and not tables.isdisjoint(_CLOSES_DOORS):
            self._reactor.run_safely(self._listener.people_changed)

    def _readable(self, texts: dict[RowKey, str | None]) -> dict[RowKey, str | None]:
        """Leave out, and log, the rows that this server does not understand. At the start, raises `ValueError`."""
        found = {}
        for key, text in texts.items():
            try:
                if text is not None:
                    decode_row(key, text)
            except ValueError as error:
                if not self._is_read:
                    raise
                logger.error("a row of who people are is left out: %s", error)
            else:
                found[key] = text
        return found

    # --- everything anew

    def _loaded(self, reply: Any) -> None:
        self._why_not_loaded = str(reply) if isinstance(reply, RedisError) else ""  # earlier ones may still be there

    def _read(self) -> None:
        self._state = _State.READING
        self._call(self._take_everything, "read", self._mirror.version)

    def _take_everything(self, reply: Any) -> None:
        if isinstance(reply, LinkLost) or self._state is not _State.READING:
            return
        try:
            if isinstance(reply, RedisError):
                raise ValueError(f"Redis does not say who people are: {self._why_not_loaded or reply}")
            self._compare(*reply)
        except ValueError as error:
            if not self._is_read:
                self._listener.people_unreadable(str(error))
                return
            logger.error("%s; trying again every %g s", error, RETRY)
            self._fail()
            self._set_timer(RETRY, self.up)
            return
        self._state = _State.READY
        self._has_given_up = False
        if not self._is_read:
            self._is_read = True
            self._listener.people_read()
        self._send()

    def _compare(self, version: bytes, lineage: Iterable[bytes] = (), *tables: list[bytes]) -> None:
        """Take over what is different, and keep what is newer here for the next store."""
        flight, versions = self._flight, [one.decode() for one in lineage]
        if flight is not None and flight.version in versions:
            self._settle(flight)
        elif flight is not None:
            self._take_back(flight)
        if not tables:  # this version is known
            return
        found = {
            RowKey(name, key.decode()): text.decode()
            for name, flat in zip(TABLES, tables, strict=True)
            for key, text in zip(flat[::2], flat[1::2], strict=True)
        }
        theirs, newer = self._mirror.compare(found, versions)
        if newer:
            changes = counted(len(newer), "change")
            logger.warning("Redis has lost %s of who people are: storing again what was lost", changes)
        self._left |= newer
        theirs = dict(sorted(theirs.items(), key=lambda item: place_of(item[1] or "")))
        self._accept(version.decode(), theirs)
        self._mirror.restart(version.decode(), versions, {key: found.get(key) for key in newer})
        self._register.members = self._register.members  # names in comments may be somebody's by now

    # --- parts

    def _call(self, answer: Callable[[Any], object], what: str, *args: bytes | str) -> None:
        name = f"pylingo_people_{what}_1"
        self._links.ears(0).call(answer, "FCALL", name, len(self._names), *self._names, *args)

    def _set_timer(self, seconds: float, callback: Callable[[], object]) -> None:
        self._stop_timer()
        self._timer = self._reactor.call_later(seconds, callback)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


@cache
def library() -> bytes:
    """The functions in Redis. Their names carry a version, so those of several versions live beside each other."""
    return (files(__package__) / "people.lua").read_bytes()
