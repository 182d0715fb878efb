"""People who talk without pause through real clients, and a check of everything that each of them was shown."""

import random
import ssl
import time
from collections.abc import Callable, Iterator
from typing import Any

from pylingo.client.client import Client
from pylingo.client.events import ClientEvent, Received, Status
from pylingo.reactor.engine.dial import resolve
from pylingo.reactor.engine.loop import Reactor
from pylingo.shared.messages import Error, Joined, Left, Message, Notice, Sent

PATIENCE = 60.0
"""Seconds that a crowd waits for something."""


class Talker:
    """A client that talks, and what it was shown."""

    def __init__(self, crowd: "Crowd", number: int, port: int, tls: ssl.SSLContext | None) -> None:
        self.name = f"talker{number:03}"
        self.room = crowd.rooms[number % len(crowd.rooms)]
        self.said = self.breaks = 0
        self.mine: list[int] = []
        """The stamps of what was said here, as they were confirmed."""
        self.others: list[Message] = []
        self.notices: list[str] = []
        self.absences: list[float] = []
        """The seconds from each break of the connection until the client was online again."""
        self._gone = 0.0
        self.problems: list[str] = []
        self.sightings: list[str] = []
        """The others who were seen coming or going, although all were there from the beginning; and goodbyes."""
        self._crowd = crowd
        self.client = Client(
            "127.0.0.1",
            port,
            self.name,
            self.room,
            reactor=crowd.reactor,
            on_event=self._happened,
            targets=resolve("127.0.0.1", port),
            tls=tls,
        )
        self.client.connect()

    def say(self) -> None:
        self.client.say(f"{self.name} {self.said}")
        self.said += 1

    def talk(self) -> None:
        if self._crowd.is_talking:
            if not self.client.is_full:
                self.say()
            self._crowd.reactor.call_later(self._crowd.pause(), self.talk)

    def _note(self, state: str) -> None:
        now = time.monotonic()
        if state == "waiting":
            self.breaks += 1
            self._gone = self._gone or now
        elif state == "online" and self._gone:
            self.absences.append(now - self._gone)
            self._gone = 0.0

    def _happened(self, event: ClientEvent) -> None:
        if isinstance(event, Status):
            self._note(event.state)
            if event.goodbye is not None and self._crowd.has_arrived:
                self.sightings.append(f"goodbye {event.goodbye.reason}")
            if isinstance(event.error, ConnectionRefusedError):
                self.problems.append("a connection was refused")
        match event.record if isinstance(event, Received) else None:
            case Message() as message:
                self.others.append(message)
            case Sent(at=at):
                self.mine.append(at)
            case Error(text=text):
                self.problems.append(text)
            case Notice(text=text):
                self.notices.append(text)
            case Left(name=name) | Joined(name=name) as record if self._crowd.has_arrived and name != self.name:
                self.sightings.append(f"{type(record).__name__.lower()} of {name}")


class Crowd:
    """`count` people in `rooms`, each of whom says something every `between` seconds, about, from `talk` on."""

    def __init__(
        self,
        port: int,
        count: int,
        rooms: tuple[str, ...],
        tls: ssl.SSLContext | None = None,
        between: float = 0.05,
        seed: int = 20,
    ) -> None:
        self.reactor = Reactor()
        self.rooms = rooms
        self.is_talking = self.has_arrived = False
        self._between = between
        self._chance = random.Random(seed)
        self.talkers = [Talker(self, number, port, tls) for number in range(count)]

    def pause(self) -> float:
        return self._chance.uniform(0.5, 1.5) * self._between

    def turn(self, condition: Callable[[], Any], what: str, patience: float = PATIENCE) -> None:
        """Have the clients do their work until `condition()` holds."""
        end = time.monotonic() + patience
        while not condition():
            assert time.monotonic() < end, f"{what} did not come true within {patience} s: {self._state()}"
            self.reactor.tick(0.02)

    def turn_for(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        self.turn(lambda: time.monotonic() >= end, "the end", seconds + PATIENCE)

    def arrive(self) -> None:
        """Everybody is in their room, and has spoken and been heard."""
        self.turn(self.is_settled, "the arrival")
        for talker in self.talkers:
            talker.say()
        self.turn(self.everybody_has_it, "the first words")
        self.has_arrived = True

    def talk(self) -> None:
        self.is_talking = True
        for talker in self.talkers:
            self.reactor.call_later(self._chance.uniform(0, self._between), talker.talk)

    def settle(self) -> None:
        """Talk no more; everything that was said is confirmed, and has come to everybody."""
        self.is_talking = False
        self.turn(self.is_settled, "that all is said")
        end = time.monotonic() + 10  # what is still missing then, `wrong` names
        while not self.everybody_has_it() and time.monotonic() < end:
            self.reactor.tick(0.02)

    def is_settled(self) -> bool:
        return all(talker.client.conversation.is_settled for talker in self.talkers)

    def is_online(self) -> bool:
        """Whether everybody has a connection."""
        return all(talker.client.status.state == "online" for talker in self.talkers)

    def members(self, room: str) -> list[Talker]:
        return [talker for talker in self.talkers if talker.room == room]

    def everybody_has_it(self) -> bool:
        wanted = {room: sum(talker.said for talker in self.members(room)) for room in self.rooms}
        return all(len(talker.mine) + len(talker.others) >= wanted[talker.room] for talker in self.talkers)

    @property
    def deliveries(self) -> int:
        """The messages of others that all of them together were shown."""
        return sum(len(talker.others) for talker in self.talkers)

    def wrong(self, with_sightings: bool = True) -> list[str]:
        """Everything that was lost, doubled, out of order, refused, and (`with_sightings`) told needlessly."""
        found = [f"{talker.name}: {text}" for talker in self.talkers for text in talker.problems]
        if with_sightings:
            found += [f"{talker.name}: saw {sighting}" for talker in self.talkers for sighting in talker.sightings]
        for room in self.rooms:
            members = self.members(room)
            # What each has said, with the stamps under which it was confirmed: this is the room's log, in its order.
            log = sorted((at, f"{talker.name} {count}") for talker in members for count, at in enumerate(talker.mine))
            for talker in members:
                found += [f"{talker.name}: {text}" for text in _wrong_with(talker, log)]
        return found

    def _state(self) -> str:
        return ", ".join(
            f"{talker.name}: {talker.client.status.state}, {len(talker.client.conversation.unanswered)} unconfirmed"
            for talker in self.talkers
            if not talker.client.conversation.is_settled
        )

    def close(self) -> None:
        self.is_talking = False
        for talker in self.talkers:
            talker.client.stop()
        self.turn_for(0.1)
        self.reactor.close()


def _wrong_with(talker: Talker, log: list[tuple[int, str]]) -> Iterator[str]:
    others = [record.at for record in talker.others]
    if others != sorted(set(others)):
        yield "messages of others came twice or out of order"
    if talker.mine != sorted(set(talker.mine)):
        yield "own messages were confirmed twice or out of order"
    if len(talker.mine) != talker.said:
        yield f"{len(talker.mine)} of {talker.said} were confirmed"
    if any(record.from_ == talker.name for record in talker.others):
        yield "own words came as another's"
    seen = [(at, f"{talker.name} {count}") for count, at in enumerate(talker.mine)]
    seen += [(record.at, record.text) for record in talker.others]
    if missed := set(log) - set(seen):
        yield f"{len(missed)} of {len(log)} were missed: {sorted(missed)[:3]}"
    elif sorted(seen) != log:
        yield f"more came than there is: {sorted(set(seen) - set(log))[:3]}"
