"""Who is here and which rooms exist, and the moment in a tick when rooms put their batches into the connections."""

import hashlib
import itertools
import re
import secrets
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from reactor.chat.clock import wall_clock
from reactor.chat.history import Log, MemoryLog
from reactor.chat.listing import Directory, Pager
from reactor.chat.room import Room
from reactor.chat.seats import Seats, Timer
from shared.codec import encode
from shared.errors import RequestError
from shared.schema import Record
from shared.text import fold

if TYPE_CHECKING:
    from reactor.chat.session import Session

GRACE = 60.0
"""Seconds for which a broken connection's seat is kept."""
QUEUE_SOFT = 65_536
"""Bytes queued for a connection above which room frames leave it out."""
SENDING = 0.0005
"""The work of sending a byte to somebody, in about microseconds."""
QUEUE_HARD = 262_144
"""Bytes of direct answers queued for a connection at which it is cut off."""


_TOKEN = re.compile(r"[0-9A-Fa-f]{32}")


class Flushed(Protocol):
    """What has something for its connection at the end of the tick."""

    def flush(self) -> None: ...


class Hub:
    """The registry. Names and rooms are kept by their compared form (`shared.text.fold`).

    `schedule` is called once in a tick in which there is something to flush, and has `flush` called at its end. A
    session whose connection breaks keeps its seat for `grace` seconds, if there is a `call_later` to say when they
    are over; `monotonic` gives seconds that never go back.
    """

    def __init__(
        self,
        schedule: Callable[[Callable[[], object]], object],
        clock: Callable[[], int] = wall_clock,
        soft: int = QUEUE_SOFT,
        hard: int = QUEUE_HARD,
        log: Log | None = None,
        grace: float = 0.0,
        call_later: Callable[..., Timer] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.soft = soft
        self.log = log or MemoryLog()
        self.hard = hard
        self.rooms: dict[str, Room] = {}
        self.directory = Directory()
        """The keys of the rooms."""
        self.pager = Pager(schedule)
        self.last_stamp = 0
        self.work = 0.0
        """What was done since `take_work`, as estimated in about microseconds: see `reactor.fair_queue`."""
        self.copied = 0
        """Bytes that somebody is to be sent since `take_work`: they cost something, too."""
        self.skipped = 0
        """Messages that slow readers were not sent, in all."""
        self._schedule = schedule
        self._clock = clock
        self._names: dict[str, Session] = {}
        self._guests = itertools.count(1)
        self._numbers = itertools.count(1)
        self._tokens: dict[bytes, Session] = {}
        self._claims: dict[bytes, Session] = {}  # by the unknown token that their hello came with
        self._claim_of: dict[Session, bytes] = {}
        self.seats = Seats(grace, call_later, monotonic)
        self._speaking: list[Room] = []
        self._acting: list[Flushed] = []

    def __len__(self) -> int:
        return len(self._names)

    def stamp(self) -> int:
        """The time for a new message, in microseconds: larger than every one before, also if the clock steps back.

        The clock is followed as far as the log allows, and again as soon as it is ahead of the last stamp.
        """
        now = min(self._clock(), self.log.stamps_until)
        if now <= self.last_stamp:
            now = self.last_stamp + 1
        self.last_stamp = now
        return now

    def take_work(self) -> float:
        """What the last request has cost, besides reading it."""
        work = self.work + SENDING * self.copied
        self.work = 0.0
        self.copied = 0
        return work

    # --- names

    def admit(self, session: "Session") -> str:
        """Take in a new session; returns the guest name it has from now on. A number is never given twice."""
        name = f"guest-{next(self._guests)}"
        self._names[name] = session
        return name

    def rename(self, session: "Session", new: str) -> str:
        """Have `new` belong to `session` instead of its name so far; returns the compared form.

        Raises `RequestError` `name-taken` if somebody else has it, in any spelling.
        """
        key = fold(new)
        if self._names.get(key, session) is not session:
            raise RequestError("name-taken", "somebody here has that name: choose another one")
        del self._names[session.key]
        self._names[key] = session
        return key

    def release(self, session: "Session") -> None:
        """The session is over."""
        del self._names[session.key]

    def named(self, key: str) -> "Session":
        """The session whose name has that compared form. Raises `KeyError`."""
        return self._names[key]

    def sessions(self) -> "list[Session]":
        """Everybody, in no particular order."""
        return list(self._names.values())

    def tell_everybody(self, record: Record) -> None:
        """Answer everybody with a record that is encoded once: there may be tens of thousands."""
        frame = encode(record)
        for session in self._names.values():
            session.answer_frame(frame)

    # --- seats

    def number(self) -> int:
        """A number for a session, never given twice while the server runs."""
        return next(self._numbers)

    def issue_token(self, session: "Session") -> str:
        """A token with which `session` can be resumed: 128 random bits in hex digits."""
        token = secrets.token_hex(16)
        self._tokens[_digest(token)] = session
        return token

    def note_claim(self, session: "Session", token: str) -> None:
        """The hello of `session` had an unknown token. Anything but 32 hex digits could be guessed, and is ignored."""
        if _TOKEN.fullmatch(token):
            claim = self._claim_of[session] = _digest(token)
            self._claims[claim] = session

    def revoke_token(self, session: "Session", token: str) -> None:
        """`session`, which had that token, is over."""
        self._tokens.pop(_digest(token), None)
        claim = self._claim_of.pop(session, None)
        if claim is not None and self._claims.get(claim) is session:
            del self._claims[claim]

    def find_token(self, token: str, name: str | None) -> "Session | None":
        """The session that a hello with `token` and `name` resumes.

        A seat whose connection broke is found by the token that its hello came with, too: if that hello is said again,
        with the same name, its `ready` was lost on the way, and the name would be taken by nobody but oneself. Tokens
        are looked up by their hash, so how long that takes tells nothing about those there are.
        """
        digest = _digest(token)
        session = self._tokens.get(digest)
        if session is None and name is not None:
            claimed = self._claims.get(digest)
            if claimed is not None and claimed.is_away and claimed.key == fold(name):
                session = claimed
        return session

    # --- rooms

    def room(self, name: str) -> Room:
        """The room of that name; it is made if nobody is in it, and then called as `name` spells it."""
        key = fold(name)
        room = self.rooms.get(key)
        if room is None:
            room = self.rooms[key] = Room(name, key)
            self.directory.add(key)
            self.log.occupied(key)
        return room

    def forget(self, room: Room) -> None:
        """Nobody is in `room` any more."""
        del self.rooms[room.key]
        self.directory.remove(room.key)
        self.log.emptied(room.key)

    # --- the end of the tick

    def room_spoke(self, room: Room) -> None:
        """`room` has begun a batch."""
        self._wanted()
        self._speaking.append(room)

    def session_acted(self, session: Flushed) -> None:
        """`session` has begun a view of its own."""
        self._wanted()
        self._acting.append(session)

    def flush(self) -> None:
        """Put what rooms and sessions have for this tick into the connections."""
        speaking, self._speaking = self._speaking, []
        acting, self._acting = self._acting, []
        for room in speaking:
            self.skipped += room.flush(self.soft)
        for session in acting:
            session.flush()
        for room in speaking:
            room.end_tick()

    def _wanted(self) -> None:
        if not self._speaking and not self._acting:
            self._schedule(self.flush)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
