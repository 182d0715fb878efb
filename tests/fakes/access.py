"""The far ends of `Access`, a disk and a password, which answer when the test says so; and a server that has them."""

from collections.abc import Callable
from typing import Any

from pylingo.reactor.chat.access import Access
from pylingo.reactor.people.members import parse_members
from pylingo.reactor.people.passwords import Verdict
from pylingo.reactor.people.records import dump, load
from pylingo.reactor.people.register import Register
from pylingo.reactor.people.roster import Change
from pylingo.shared.messages import Command, Hello
from pylingo.shared.schema import Record
from tests.fakes.chat import Chat, Person, words_left_out
from tests.fakes.identity import key


class Disk:
    """Stores the state of `register`. With `is_full`, it fails; unless `answers_at_once`, the test says `answer`."""

    def __init__(self, register: Register) -> None:
        self.register = register
        self.answers_at_once = True
        self.is_full = False
        self.states: list[Any] = []
        """What is on the disk, the latest last."""
        self._waiting: list[tuple[Change, Callable[[bool], object]]] = []

    def store(self, change: Change, stored: Callable[[bool], object]) -> None:
        self._waiting.append((change, stored))
        if self.answers_at_once:
            self.answer()

    def answer(self) -> None:
        waiting, self._waiting = self._waiting, []
        for change, stored in waiting:
            if self.is_full:
                change.undo()
            else:
                self.states.append(load(dump(self.register.to_state())))
                change.commit()
            stored(not self.is_full)


class Gate:
    """The password "right"; unless `answers_at_once`, the test says `answer`."""

    def __init__(self) -> None:
        self.answers_at_once = True
        self.asked: list[tuple[str, str]] = []
        self._waiting: list[tuple[Verdict, Callable[[Verdict], object]]] = []

    def check(self, password: str, host: str, done: Callable[[Verdict], object]) -> None:
        self.asked.append((password, host))
        verdict = {"right": Verdict.RIGHT, "busy": Verdict.BUSY, "again": Verdict.REFUSED}.get(password, Verdict.WRONG)
        self._waiting.append((verdict, done))
        if self.answers_at_once:
            self.answer()

    def answer(self) -> None:
        waiting, self._waiting = self._waiting, []
        for verdict, done in waiting:
            done(verdict)


class Door(Chat):
    """A server with a register that the test can change, a disk and perhaps a password."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.gate = Gate()
        self.register = Register(lambda: self.now)
        self.disk = Disk(self.register)
        self.hub.access = Access(self.register, self.disk.store)

    def close(self, text: str = "") -> None:
        """Let members in only."""
        self.register.members = parse_members(text)
        self.register.is_open = False

    def come(self, host: str = "127.0.0.1", certificate: bytes | None = None) -> Person:
        """A connection that has read its welcome."""
        person = Person(self.hub)
        person.host, person.certificate = host, certificate
        person.got()
        return person

    def far(self, name: str | None, word: str | None, host: str, room: str | None = None) -> Person:
        """Somebody who has come from another address over TLS, with a key or as a guest."""
        person = self.come(host, b"certificate")
        person.ask(Hello(1, name) if word is None else key(word).hello(person.challenge, name, b"certificate"))
        if room is not None:
            person.ask(Command("join", room))
        self.tick()
        person.got()
        return person

    def operator(self, name: str = "ada", word: str = "a", room: str = "tea") -> Person:
        """An operator, who is in a room."""
        self.register.op(key(word).fingerprint).commit()
        return self.device(name, word, room)

    def answers(self, person: Person, request: Record) -> list[Record]:
        """The answers to a `hello`, or to another request."""
        person.ask(request)
        self.tick()
        return words_left_out(person.got())
