"""The far ends of a hub and of a session: a transport, a connection, a clock, and the end of a tick.

Tests move all of them by hand.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

from pylingo.reactor.bus.local import LocalBus
from pylingo.reactor.chat.hub import QUEUE_HARD, QUEUE_SOFT, Hub
from pylingo.reactor.chat.requests import handle
from pylingo.reactor.chat.session import Session, State
from pylingo.reactor.face import NATIVE
from pylingo.reactor.history.history import History
from pylingo.shared.codec import encode, event_codec
from pylingo.shared.framing import FrameDecoder
from pylingo.shared.messages import (
    Command,
    Error,
    Goodbye,
    Hello,
)
from pylingo.shared.schema import Record
from tests.fakes.identity import key

NOON = 1_767_268_800_000_000
"""The fake clock's first reading, in microseconds."""


class Outlet:
    """A transport as the chat knows it. It takes everything at once, until it is `stuck`."""

    def __init__(self) -> None:
        self.queued = self.queued_direct = 0
        self.tell_drained = False
        self.stuck = False
        self.flushes = 0
        self.buffers: list[bytes | memoryview] = []
        """All that was ever written."""
        self._waiting: list[tuple[int, int]] = []  # bytes of each buffer, and those of direct replies among them

    def write(self, data: bytes | memoryview, direct: int = 0) -> None:
        self.buffers.append(data)
        if self.stuck:
            self._waiting.append((len(data), direct))
            self.queued += len(data)
            self.queued_direct += direct

    def write_now(self, data: bytes | memoryview) -> bool:
        if self.stuck or self.queued:
            return False
        self.write(data)
        return True

    def flush_soon(self) -> None:
        self.flushes += 1

    def take_all_but(self, count: int) -> None:
        """The peer has read everything but the last few buffers."""
        del self._waiting[:-count]
        self.queued = sum(size for size, _ in self._waiting)
        self.queued_direct = sum(direct for _, direct in self._waiting)

    def take_all(self) -> None:
        """The peer has read everything."""
        self.stuck = False
        self.queued = self.queued_direct = 0
        self._waiting.clear()


class Person:
    """A session with fakes on its far side: what it was sent, and what its peer was told."""

    def __init__(self, hub: Hub, motd: str = "", origin: str | None = None) -> None:
        self.out = Outlet()
        self.host = "127.0.0.1"
        self.certificate: bytes | None = None
        self.endings: list[str] = []
        self.hellos = 0
        """How often the session said that a hello has come."""
        self.held: list[Record] = []
        """The requests that wait until the session handles requests again."""
        self._decoder = FrameDecoder()
        self._read = 0
        self.session = Session(hub, self, self.out, motd, origin)

    # what a session tells its peer

    def ended(self, reason: str) -> None:
        self.endings.append(reason)

    def attach(self, session: Session) -> None:
        self.session = session

    @property
    def over(self) -> bool:
        """Whether the session goes on without this peer: then nothing more of it is handled."""
        return self.session.peer is not self

    def said_hello(self) -> None:
        self.hellos += 1

    def go_on(self) -> None:
        held, self.held = self.held, []
        self.ask(*held)

    # what a test does

    @property
    def name(self) -> str:
        return self.session.person.name

    def ask(self, *requests: Record) -> None:
        for request in requests:
            if self.session.is_busy or self.session.outbox.is_full:
                self.held.append(request)
            elif not self.over and self.session.state is State.ATTACHED:
                handle(self.session, request)

    def ask_together(self, *requests: Record) -> None:
        """As `ask`, of requests that come in one piece: those that come first may be handled in one pass."""
        if self.session.is_busy or self.session.outbox.is_full or self.over:
            self.ask(*requests)
            return
        decoder = NATIVE.decoder().feed(b"".join(map(encode, requests)))
        NATIVE.handle_many(self.session, decoder)
        self.ask(*map(NATIVE.decode, decoder))

    def lose(self) -> None:
        """The connection breaks."""
        if not self.over:
            self.session.lost()

    def drain(self) -> None:
        """Read everything, as a transport reports it."""
        self.out.take_all()
        if self.out.tell_drained:
            self.out.tell_drained = False
            self.session.drained()
        self.go_on()

    @property
    def challenge(self) -> str:
        """The challenge of this connection."""
        return self.session.challenge().hex()

    def read_again(self) -> None:
        """Have `got` begin with the first frame of all."""
        self._read = 0

    def got(self) -> list[Record]:
        """The frames written since the last call. Each buffer has whole frames, as dropping a queue relies on it."""
        records = []
        for data in self.out.buffers[self._read :]:
            records += [event_codec.decode(body) for body in self._decoder.feed(bytes(data))]
            assert not self._decoder.pending
        self._read = len(self.out.buffers)
        return records


class Alarm:
    """A timer that rings when the test says that the time has come."""

    def __init__(self, when: float, ring: Callable[[], object]) -> None:
        self.when = when
        self.ring = ring
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class Chat:
    """A hub whose clock and whose ticks the test moves. Seats are kept where it has a grace time."""

    def __init__(
        self, soft: int = QUEUE_SOFT, hard: int = QUEUE_HARD, log: History | None = None, grace: float = 0.0
    ) -> None:
        self.now = NOON
        self.seconds = 0.0
        self.alarms: list[Alarm] = []
        self.scheduled: list[Callable[[], object]] = []
        self.hub = Hub(
            self.scheduled.append,
            LocalBus(),
            lambda: self.now,
            soft,
            hard,
            log,
            grace,
            self._call_later,
            lambda: self.seconds,
        )

    def _call_later(self, delay: float, callback: Callable[..., object], *args: Any) -> Alarm:
        self.alarms.append(Alarm(self.seconds + delay, lambda: callback(*args)))
        return self.alarms[-1]

    def wait(self, seconds: float) -> None:
        """Time goes by, and a tick ends."""
        self.ring(seconds)
        self.tick()

    def ring(self, seconds: float) -> None:
        """Time goes by, within a tick."""
        self.seconds += seconds
        due = [alarm for alarm in self.alarms if alarm.when <= self.seconds]
        self.alarms = [alarm for alarm in self.alarms if alarm.when > self.seconds]
        for alarm in due:
            if not alarm.cancelled:
                alarm.ring()

    def tick(self) -> None:
        """The tick ends."""
        scheduled = self.scheduled[:]
        self.scheduled.clear()
        for flush in scheduled:
            flush()

    def person(self, name: str | None = None, room: str | None = None) -> Person:
        """Somebody who has come in earlier ticks and has read what that brought."""
        person = Person(self.hub)
        if name is not None:
            person.ask(Command("name", name))
        if room is not None:
            person.ask(Command("join", room))
        self.tick()
        person.got()
        return person

    def device(self, name: str | None, word: str, room: str | None = None, **fields: Any) -> Person:
        """A connection of somebody who has shown a key, and has read what that brought."""
        person = Person(self.hub)
        person.ask(key(word).hello(person.challenge, name, **fields))
        if room is not None:
            person.ask(Command("join", room))
        self.tick()
        person.got()
        return person

    def people(self, *names: str, room: str = "tea") -> list[Person]:
        """Several in one room, who have read each other's coming."""
        people = [self.person(name, room) for name in names]
        for person in people:
            person.got()
        return people


def words_left_out(records: list[Record]) -> list[Record]:
    """The records without the sentences, which are for people."""
    return [dataclasses.replace(it, text="") if isinstance(it, Error | Goodbye) else it for it in records]


def error(code: str, re: int | None = None) -> Error:
    return Error(code, "", re)


def goodbye(reason: str, re: int | None = None) -> Goodbye:
    return Goodbye(reason, "", re)


def seated(chat: Chat, name: str, room: str | None = "tea") -> tuple[Person, str]:
    """Somebody who has said hello, and the token."""
    person = chat.person()
    person.ask(Hello(1, name))
    (ready,) = person.got()
    if room is not None:
        person.ask(Command("join", room))
    chat.tick()
    person.got()
    return person, ready.token


def resume(chat: Chat, token: str, room: str | None = None, number: int | None = None) -> Person:
    """A new connection that takes a seat over; in the same tick it joins a room before, if one is given."""
    person = Person(chat.hub)
    person.got()
    if room is not None:
        person.ask(Command("join", room))
    person.ask(Hello(1, "ignored", resume=token, id=number))
    return person


def script(chat: Chat, *deeds: tuple[Person, Record]) -> None:
    """Many deeds in one tick."""
    for person, request in deeds:
        person.ask(request)
    chat.tick()
