"""The sessions of this server, and what the other servers are told of them.

Each session has a number that is unique in the cluster, and a record in lane 0. A record says who the session is, which
server has it and in which rooms it is: enough to go on with it on another server. Records are written at the end of the
tick in which something has changed.

A session has one owner at any moment, and Redis decides which: a record counts the moves of its session from server to
server, and a record with fewer moves is refused. A server whose record is refused gives the session up.
"""

import hashlib
import itertools
import logging
from collections.abc import Callable
from typing import Any

import msgpack

from pylingo.reactor.bus.redis.keys import Keys
from pylingo.reactor.bus.redis.library import function
from pylingo.reactor.bus.redis.questions import Command, Questions, Steps
from pylingo.reactor.chat.hub import Hub
from pylingo.reactor.chat.session import Session
from pylingo.reactor.history import private
from pylingo.shared.names import fold

logger = logging.getLogger(__name__)

GUESTS = 1_000
"""How many numbers of guests a server takes from Redis at once."""
_pack = msgpack.Packer(use_bin_type=True).pack

type SessionRecord = dict[str, Any]
"""`s` server, `m` how often it has moved, `n` name, `f` fingerprint or None, `c` when it came, `a` away or None, `r`
rooms, `h` host, `t` digest of the token or None. In Redis it may have `e`: its grace time is over."""

_ABSENT = {"m": 0, "f": None, "a": None, "t": None}  # Lua loses keys without a value


def one(*command: bytes | str | int) -> Steps[Any]:
    """A question of one command."""
    (reply,) = yield [command]
    return reply


def digest(token: str) -> str:
    """The form in which a token is kept."""
    return hashlib.sha256(token.encode()).hexdigest()


def read_record(packed: bytes) -> SessionRecord:
    """The record in its value in Redis."""
    return {**_ABSENT, **msgpack.unpackb(packed)}


class Sessions:
    """See the module. `schedule(callback)` runs `callback` at the end of the tick.

    `overruled(number)` is called when it turns out that another server has a session that is here.
    """

    def __init__(
        self,
        hub: Hub[Session],
        questions: Questions,
        keys: Keys,
        schedule: Callable[[Callable[[], object]], object],
        overruled: Callable[[int], object],
    ) -> None:
        self.by_number: dict[int, Session] = {}
        """Those that the other servers know."""
        self.server = 0
        self._hub = hub
        self.questions = questions
        """Those that tell Redis what is here. They are never held."""
        self._keys = keys
        self._schedule = schedule
        self._overruled = overruled
        self._numbers = itertools.count(1)
        self._guests = iter(range(0))
        self._guests_left = 0
        self._is_asking = False
        self._changed: dict[Session, None] = {}
        self._digests: dict[Session, str] = {}  # of the tokens in the records
        self._entering: dict[Session, list[str]] = {}
        self._moves: dict[Session, int] = {}  # of those that have come from other servers

    def begin(self, server: int, began: Callable[[], object]) -> None:
        """Be the server with that number. Call `began` when sessions may come."""
        self.server = server
        self._numbers = itertools.count(1)
        self._take_guests(began)

    # --- numbers

    def next_number(self) -> int:
        """See `Bus.next_number`."""
        return self.server << 32 | next(self._numbers)

    def next_guest(self) -> int:
        """See `Bus.next_guest`. Without Redis, the numbers of a server run out, and it makes larger ones of its own."""
        self._guests_left -= 1
        if self._guests_left < GUESTS // 2 and not self._is_asking:
            self._take_guests(lambda: None)
        number = next(self._guests, None)
        return self.next_number() if number is None else number

    def _take_guests(self, taken: Callable[[], object]) -> None:
        self._is_asking = True

        def got(last: int) -> None:
            self._is_asking = False
            self._guests = itertools.chain(self._guests, range(last - GUESTS + 1, last + 1))
            self._guests_left = max(0, self._guests_left) + GUESTS
            taken()

        self.questions.ask(0, one("INCRBY", self._keys.key(0, "next-guest"), GUESTS), got)

    # --- records

    def register(self, session: Session) -> None:
        """Make a session known to the other servers."""
        if self.by_number.setdefault(session.number, session) is session:
            self._claim(session)

    def confirm(self, session: Session, confirmed: Callable[[], object]) -> None:
        """Make sure that no other server has a session: call `confirmed`, or give it up."""
        self._put(session, confirmed)

    def is_here(self, session: Session, number: int) -> bool:
        """Whether a session, which has or had that number, is this server's: it was not given to another one."""
        return self.by_number.get(number) is session

    def find_rooms(self, number: int, found: Callable[[set[str]], object]) -> None:
        """Give the compared forms of the rooms that a session is in by its record, whichever server has it."""

        def read(packed: bytes | None) -> None:
            found(set(map(fold, read_record(packed)["r"])) if packed is not None else set())

        self.questions.ask(0, one("HGET", self._key("sessions"), number), read)

    def changed(self, session: Session) -> None:
        """Something in the record of a session has changed."""
        if self.by_number.get(session.number) is session:
            if not self._changed:
                self._schedule(self._store)
            self._changed[session] = None

    def store_now(self, session: Session) -> None:
        """Write the record of a session at once, if it has changed: another server is about to read it."""
        if session in self._changed:
            del self._changed[session]
            self._put(session)

    def enters(self, session: Session, room: str) -> None:
        """A session is on its way into a room. Its record says so before: a server that takes it looks there."""
        self._entering[session] = [room]
        self.changed(session)

    def entered(self, session: Session) -> None:
        """A session is in the rooms that it was on its way to."""
        self._entering.pop(session, None)
        self.changed(session)

    def ended(self, session: Session, key: str) -> None:
        """Forget a session that has ended, and whose name has the compared form `key`."""
        if self.by_number.pop(session.number, None) is None:
            return
        self._forget(session)
        self.drop(session.number, self._digests.pop(session, ""), key)

    def drop(self, number: int, token: str, key: str) -> None:
        """Have Redis forget a session of this server, the digest of its token, its name by compared form, its inbox."""
        rests = ("sessions", f"of:{self.server}", "tok", "names", f"p:{private.inbox(number)}")
        keys = [self._key(rest) for rest in rests]
        values = number, self.server, token, key
        self.questions.ask(0, one("FCALL", function("drop"), len(keys), *keys, *values), lambda _: None)

    def gave_away(self, session: Session) -> None:
        """Forget a session that another server has."""
        self.by_number.pop(session.number, None)
        self._forget(session)
        self._digests.pop(session, None)

    def _forget(self, session: Session) -> None:
        self._changed.pop(session, None)
        self._entering.pop(session, None)
        self._moves.pop(session, None)

    def took(self, session: Session, record: SessionRecord) -> None:
        """Take in a session of another server, whose record is ours already. It is about to sit down in its rooms."""
        self.by_number[session.number] = session
        self._entering[session] = record["r"]
        self._moves[session] = record["m"]
        assert session.token is not None
        self._digests[session] = digest(session.token)

    def register_again(self) -> None:
        """Write everything anew: Redis may have lost it."""
        for session in self.by_number.values():
            self._put(session)
            self._claim(session)

    def keep_again(self, number: int, record: SessionRecord) -> None:
        """Write the record of a seat that this server keeps anew, and its name: Redis may have lost it."""
        token = record["t"] or ""
        for command in (self._put_command(number, record, token, ""), self._claim_command(number, record)):
            self.questions.ask(0, one(*command), lambda _: None)

    def claim_command(self, session: Session, name: str) -> Command:
        """The call that gives a name to a session, unless somebody else has it."""
        return self._claim_command(session.number, self._record(session, name))

    def _claim_command(self, number: int, record: SessionRecord) -> Command:
        same = self._hub.access.register.keys_of(record["f"])
        keys = self._own_keys("names")
        return "FCALL", function("claim"), len(keys), *keys, fold(record["n"]), number, _pack(record), *sorted(same)

    def _claim(self, session: Session) -> None:
        """Give a session the name that it has here."""
        number = session.number

        def claimed(reply: list[Any]) -> None:
            if not reply[0]:
                self.refused(session, number, int(reply[1]))

        self.questions.ask(0, one(*self.claim_command(session, session.person.name)), claimed)

    def refused(self, session: Session, number: int, holder: int) -> None:
        """Redis has refused a record or a name, because of the session with the number `holder`.

        It may be this session itself, if another server has it. Then it is given up here, if it is still here.
        """
        if holder != number:
            logger.warning("the name of the session %d belongs to the session %d", number, holder)
        elif self.is_here(session, number):
            logger.info("the session %d is on another server: it ends here", number)
            self._overruled(number)

    def release(self, session: Session, key: str) -> None:
        """A session no longer has the name with this compared form."""
        command = ("FCALL", function("release"), 1, self._key("names"), key, session.number)
        self.questions.ask(0, one(*command), lambda _: None)

    def _store(self) -> None:
        changed, self._changed = self._changed, {}
        for session in changed:
            self._put(session)

    def _put(self, session: Session, stored: Callable[[], object] = lambda: None) -> None:
        """Write the record of a session. Give the session up if another server has it, else call `stored`."""
        number, before = session.number, self._digests.get(session, "")
        record = self._record(session, session.person.name)
        now = self._digests[session] = record["t"] or ""

        def answered(is_stored: int) -> None:
            if is_stored:
                stored()
            else:
                self.refused(session, number, number)

        self.questions.ask(0, one(*self._put_command(number, record, now, before)), answered)

    def _put_command(self, number: int, record: SessionRecord, token: str, before: str) -> Command:
        keys, prefix = self._own_keys("tok"), self._keys.channel(0, "")
        return "FCALL", function("put"), len(keys), *keys, number, _pack(record), token, before, prefix

    def _record(self, session: Session, name: str) -> SessionRecord:
        person = session.person
        rooms = [room.name for room in session.rooms]
        entering = [room for room in self._entering.get(session, ()) if room not in rooms]
        return {
            "s": self.server,
            "m": self._moves.get(session, 0),
            "n": name,
            "f": session.identity,
            "c": person.since,
            "a": person.away,
            "r": entering + rooms,
            "h": session.host,
            "t": digest(session.token) if session.token is not None else None,
        }

    def _own_keys(self, rest: str) -> list[str]:
        """The keys of a call that writes a record."""
        me = self.server
        return [self._key(it) for it in (f"fence:{me}", "sessions", f"of:{me}", rest, f"taken:{me}")]

    def _key(self, rest: str) -> str:
        return self._keys.key(0, rest)
