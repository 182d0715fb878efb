"""Clients in several rooms and in conversations have everything once and in order, over cuts, stalls and restarts."""

import random
import signal
import ssl
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pylingo.client.client import Client
from pylingo.client.events import ClientEvent, FramesMissed, Received, Refused
from pylingo.reactor.engine.dial import resolve
from pylingo.reactor.engine.loop import Reactor
from pylingo.shared.messages import Error, Message, Private, Say, Sent
from tests.fakes.resets import ResettingProxy, free_port
from tests.support import ServerProcess

pytestmark = pytest.mark.usefixtures("wire")

CLIENTS = 6
ROOMS = ("pool", "deck", "hold")
STORM = 3.0
"""Seconds of talk while things break."""
BREAKS = 0.1
"""Seconds, about, between two connections that the proxy resets or stalls."""
STALL = 0.6
"""Seconds for which a client gets nothing."""
RESTARTS = 2
PATIENCE = 40.0
"""Seconds without anything new after which a test gives up."""
MOST_SAID = 200
"""Messages of a client: a busy machine, on which a restart takes long, has no more to carry than an idle one."""
SEED = 7
PADDING = "." * 1_500  # so that a stalled client soon has too much queued


class Talker:
    """A client in all rooms and in a conversation with the next one, and what it was shown."""

    def __init__(
        self, reactor: Reactor, port: int, number: int, chance: random.Random, tls: ssl.SSLContext | None
    ) -> None:
        self.reactor = reactor
        self.chance = chance
        self.name = f"talker{number}"
        self.friend = f"talker{(number + 1) % CLIENTS}"
        self.said: dict[str, list[str]] = {place: [] for place in (*ROOMS, "@")}
        self.shown: list[Message | Private | Sent] = []
        self.refused: list[Say] = []
        self.errors: list[str] = []
        self.missed = 0
        self.is_talking = False
        rooms = [*ROOMS[number % len(ROOMS) :], *ROOMS[: number % len(ROOMS)]]
        self.client = Client(
            "127.0.0.1",
            port,
            self.name,
            rooms[0],
            rooms=rooms[1:],
            reactor=reactor,
            on_event=self.happened,
            targets=resolve("127.0.0.1", port),
            tls=tls,
        )
        self.client.connect()

    def happened(self, event: ClientEvent) -> None:
        match event:
            case Received(Message() | Private() | Sent() as record):
                self.shown.append(record)
            case Received(Error() as error):
                self.errors.append(error.text)
            case Refused(Say() as say, error):
                self.refused.append(say)
                self.errors.remove(error.text)
            case FramesMissed():
                self.missed += 1

    def say(self, place: str) -> None:
        text = f"{self.name} {place} {len(self.said[place])} {PADDING}"
        self.said[place].append(text)
        if place == "@":
            self.client.say(text, to=self.friend)
        else:
            self.client.say(text, room=place)

    def talk(self) -> None:
        if self.is_talking and sum(map(len, self.said.values())) < MOST_SAID:
            if not self.client.is_full:
                self.say(self.chance.choice([*ROOMS, "@"]))
            self.reactor.call_later(self.chance.uniform(0.02, 0.1), self.talk)

    def heard(self, place: str) -> list[Message | Private]:
        """The messages of others in a place."""
        if place == "@":
            return [record for record in self.shown if isinstance(record, Private)]
        return [record for record in self.shown if isinstance(record, Message) and record.room == place]

    def confirmed(self, place: str) -> dict[int, str]:
        """The texts that were confirmed, by stamp, in the order in which they were said unless some were refused."""
        refused = {say.text for say in self.refused}
        said = [text for text in self.said[place] if text not in refused]
        stamps = [it.at for it in self.shown if isinstance(it, Sent) and (it.room or "@") == place]
        return dict(zip(sorted(stamps), said, strict=False))

    def problems(self, is_private_sure: bool) -> Iterator[str]:
        """What is never right, whatever breaks."""
        for place in (*ROOMS, "@"):
            others = [record.at for record in self.heard(place)]
            if others != sorted(set(others)):
                yield f"{self.name}: messages of others in {place} twice or out of order"
            if any(record.from_ == self.name for record in self.heard(place)):
                yield f"{self.name}: own words came as another's in {place}"
            stamps = [it.at for it in self.shown if isinstance(it, Sent) and (it.room or "@") == place]
            gone = sum((say.to is not None) == (place == "@") and (say.room or "@") == place for say in self.refused)
            if len(stamps) != len(set(stamps)) or len(stamps) + gone != len(self.said[place]):
                yield f"{self.name}: {len(stamps)} confirmed, {gone} refused of {len(self.said[place])} in {place}"
            if gone and (place != "@" or is_private_sure):
                yield f"{self.name}: {gone} refused in {place}"
        yield from (f"{self.name}: {text}" for text in self.errors)


class Harbour:
    """A server with its history in a file, a proxy before it, and the talkers."""

    def __init__(self, folder: Path) -> None:
        self.options = ["--history", str(folder / "history"), "--rate", "0", "--queue-soft", "4K"]
        self.port = free_port()
        self.server = self.start()
        self.proxy = ResettingProxy(self.port, receive_buffer=16_384)
        self.reactor = Reactor()
        self.chance = random.Random(SEED)
        self.is_breaking = False
        tls = self.server.trusted
        self.talkers = [Talker(self.reactor, self.proxy.port, number, self.chance, tls) for number in range(CLIENTS)]

    def start(self) -> ServerProcess:
        return ServerProcess("--port", str(self.port), *self.options)

    def restart(self) -> None:
        """In a thread of its own, so that the clients go on meanwhile."""
        statuses: list[int] = []

        def stop_and_start() -> None:
            statuses.append(self.server.stop(signal.SIGTERM))
            self.server.__exit__(None, None, None)
            self.server = self.start()

        thread = threading.Thread(target=stop_and_start)
        thread.start()
        self.turn(lambda: not thread.is_alive(), "the restart")
        assert statuses == [0]

    def turn(self, condition: Callable[[], Any], what: str, deadline: float = PATIENCE) -> None:
        end = time.monotonic() + deadline
        while not condition():
            assert time.monotonic() < end, f"{what} did not come true within {deadline} s"
            self.reactor.tick(0.02)

    def turn_for(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.reactor.tick(0.02)

    def break_now_and_then(self) -> None:
        if self.is_breaking:
            if self.chance.random() < 0.5:
                self.proxy.reset_one(self.chance)
            else:
                self.proxy.stall_one(self.chance, STALL)
            self.reactor.call_later(self.chance.uniform(0, 2 * BREAKS), self.break_now_and_then)

    def all_arrive(self) -> None:
        self.turn(lambda: self.is_at_rest, "the arrival")
        assert all(set(talker.client.conversation.rooms) == set(ROOMS) for talker in self.talkers)

    def talk(self, goes_on: bool) -> None:
        for talker in self.talkers:
            talker.is_talking = goes_on
            talker.talk()

    def storm(self, restarts: int) -> None:
        """Talk while things break, then let everything settle."""
        self.is_breaking = True
        self.break_now_and_then()
        self.talk(True)
        for _ in range(restarts):
            self.turn_for(STORM / (restarts + 1))
            self.restart()
        self.turn_for(STORM / (restarts + 1))
        self.is_breaking = False
        self.talk(False)
        self.settle()
        end = time.monotonic() + PATIENCE  # what is still missing then, the test names
        while self.missing() and time.monotonic() < end:
            self.turn_for(0.1)

    def settle(self) -> None:
        """Wait until nobody awaits anything any more. Patience begins again with whatever comes."""
        while not self.is_at_rest:
            before = self.shown
            self.turn(lambda before=before: self.is_at_rest or self.shown != before, "the end of the storm")

    @property
    def is_at_rest(self) -> bool:
        return all(talker.client.conversation.is_at_rest for talker in self.talkers)

    @property
    def shown(self) -> int:
        """How much the talkers were shown."""
        return sum(len(talker.shown) for talker in self.talkers)

    def missing(self) -> list[str]:
        """What was confirmed in the rooms and is not shown to everybody."""
        found = []
        for room in ROOMS:
            log = {at: text for talker in self.talkers for at, text in talker.confirmed(room).items()}
            for talker in self.talkers:
                shown = {record.at: record.text for record in talker.heard(room)} | talker.confirmed(room)
                if shown != log:
                    found.append(f"{talker.name}: {len(shown)} of {len(log)} in {room}")
        return found

    def close(self) -> None:
        for talker in self.talkers:
            talker.is_talking = False
            talker.client.stop()
        self.turn_for(0.1)
        self.proxy.close()
        self.turn_for(0.1)
        self.server.__exit__(*sys.exc_info())
        self.reactor.close()


@pytest.fixture
def harbour(tmp_path: Path) -> Iterator[Harbour]:
    place = Harbour(tmp_path)
    try:
        yield place
    finally:
        place.close()


def test_cuts_and_stalls_lose_nothing_in_any_room_or_conversation(harbour: Harbour) -> None:
    harbour.all_arrive()
    harbour.storm(restarts=0)
    assert harbour.proxy.resets > 2
    assert sum(talker.missed for talker in harbour.talkers) > 0, "nobody ever read too slowly"
    problems = [problem for talker in harbour.talkers for problem in talker.problems(is_private_sure=True)]
    by_name = {talker.name: talker for talker in harbour.talkers}
    for talker in harbour.talkers:
        heard = {record.at: record.text for record in by_name[talker.friend].heard("@")}
        assert heard
        if heard != talker.confirmed("@"):
            problems.append(f"{talker.friend} has not heard what {talker.name} said to them alone")
    assert problems + harbour.missing() == []


def test_restarts_lose_nothing_in_any_room_and_tell_what_conversations_lost(harbour: Harbour) -> None:
    harbour.all_arrive()
    harbour.storm(RESTARTS)
    problems = [problem for talker in harbour.talkers for problem in talker.problems(is_private_sure=False)]
    assert problems + harbour.missing() == []
    said = Counter(text for talker in harbour.talkers for text in talker.said["@"])
    for talker in harbour.talkers:
        heard = Counter(record.text for record in talker.heard("@"))
        assert heard <= said, "each private message comes once at most"
    for talker in harbour.talkers:
        assert talker.client.conversation.name == talker.name
