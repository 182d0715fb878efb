"""Everybody receives every message once and in one order, though connections break and the server restarts."""

import os
import random
import signal
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pylingo.client.client import Client
from pylingo.client.events import ClientEvent, Received
from pylingo.client.history_reader import SHOWN_ON_JOINING
from pylingo.reactor.engine.dial import resolve
from pylingo.reactor.engine.loop import Reactor
from pylingo.shared.messages import Error, Message, Sent
from tests.fakes.resets import ResettingProxy, free_port
from tests.support import ServerProcess

CLIENTS = 20
ROOMS = ("pool", "deck", "hold")
RESTARTS = int(os.environ.get("RESTARTS", "3"))
"""Of the server. More of them are run on demand, see tests/README.md."""
BETWEEN = 0.4
"""Seconds of talk between two restarts."""
CALM = 0.5
"""Seconds of talk before anything breaks."""
RESETS = 0.06
"""Seconds, about, between two connections that the proxy resets."""
PATIENCE = 40.0
SEED = 20


class Talker:
    """A client that talks without pause, and what it was shown."""

    def __init__(
        self, reactor: Reactor, port: int, number: int, chance: random.Random, tls: ssl.SSLContext | None
    ) -> None:
        self.reactor = reactor
        self.chance = chance
        self.name = f"talker{number:02}"
        self.room = ROOMS[number % len(ROOMS)]
        self.said = 0
        self.shown: list[Message | Sent] = []
        self.errors: list[str] = []
        self.is_talking = False
        self.client = Client(
            "127.0.0.1",
            port,
            self.name,
            self.room,
            reactor=reactor,
            on_event=self.happened,
            targets=resolve("127.0.0.1", port),
            tls=tls,
        )
        self.client.connect()

    def happened(self, event: ClientEvent) -> None:
        record = event.record if isinstance(event, Received) else None
        if isinstance(record, (Message, Sent)):
            self.shown.append(record)
        elif isinstance(record, Error):
            self.errors.append(record.text)

    def say(self) -> None:
        self.client.say(f"{self.name} {self.said}")
        self.said += 1

    def talk(self) -> None:
        if self.is_talking:
            if not self.client.is_full:
                self.say()
            self.reactor.call_later(self.chance.uniform(0.02, 0.08), self.talk)

    @property
    def stamps(self) -> list[int]:
        return [record.at for record in self.shown]

    @property
    def mine(self) -> list[int]:
        """The stamps of what was said here, as they were confirmed."""
        return [record.at for record in self.shown if isinstance(record, Sent)]

    @property
    def others(self) -> list[Message]:
        return [record for record in self.shown if isinstance(record, Message)]


class Harbour:
    """A server with its history in a file, a proxy before it, and the talkers."""

    def __init__(self, folder: Path) -> None:
        self.options = ["--history", str(folder / "history"), "--rate", "0"]
        self.port = free_port()
        self.server = self.start()
        self.proxy = ResettingProxy(self.port)
        self.reactor = Reactor()
        self.chance = random.Random(SEED)
        tls = self.server.trusted
        self.talkers = [Talker(self.reactor, self.proxy.port, number, self.chance, tls) for number in range(CLIENTS)]

    def start(self) -> ServerProcess:
        return ServerProcess("--port", str(self.port), *self.options)

    def restart(self, number: int) -> None:
        """In a thread of its own, so that the clients go on meanwhile."""

        def stop_and_start() -> None:
            self.server.stop(number)
            assert "Traceback" not in self.server.log(), self.server.log()
            self.server.__exit__(None, None, None)
            self.server = self.start()

        broken: list[BaseException] = []

        def run() -> None:
            try:
                stop_and_start()
            except BaseException as error:
                broken.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        self.turn(lambda: not thread.is_alive(), "the restart")
        thread.join()
        if broken:
            raise broken[0]

    def turn(self, condition: Callable[[], Any], what: str, deadline: float = PATIENCE) -> None:
        end = time.monotonic() + deadline
        while not condition():
            assert time.monotonic() < end, f"{what} did not come true within {deadline} s: {self.state()}"
            self.reactor.tick(0.02)

    def turn_for(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.reactor.tick(0.02)

    def state(self) -> str:
        return ", ".join(
            f"{talker.name}: {talker.client.status.state}, {len(talker.client.conversation.unanswered)} unconfirmed"
            for talker in self.talkers
            if not talker.client.conversation.is_settled
        )

    def reset_now_and_then(self) -> None:
        if self.is_resetting:
            self.proxy.reset_one(self.chance)
            self.reactor.call_later(self.chance.uniform(0, 2 * RESETS), self.reset_now_and_then)

    def all_arrive(self) -> None:
        """Everybody is in their room, and has read its log so far."""
        self.turn(lambda: all(talker.client.conversation.is_settled for talker in self.talkers), "the arrival")
        for talker in self.talkers:
            talker.say()
        self.turn(self.everybody_has_it, "the first words")

    def members(self, room: str) -> list[Talker]:
        return [talker for talker in self.talkers if talker.room == room]

    def everybody_has_it(self) -> bool:
        wanted = {room: sum(talker.said for talker in self.members(room)) for room in ROOMS}
        return all(len(talker.shown) >= wanted[talker.room] for talker in self.talkers)

    def talk(self, goes_on: bool) -> None:
        for talker in self.talkers:
            talker.is_talking = goes_on
            if goes_on:
                talker.talk()

    def calm(self) -> None:
        """Talk, and nothing breaks."""
        self.talk(True)
        self.turn_for(CALM)
        self.talk(False)
        self.turn(self.everybody_has_it, "that all have what was said in the calm")

    def storm(self, number: signal.Signals) -> None:
        """Talk, resets and restarts."""
        self.is_resetting = True
        self.reset_now_and_then()
        self.talk(True)
        for _ in range(RESTARTS):
            self.turn_for(BETWEEN)
            self.restart(number)
        self.turn_for(BETWEEN)
        self.is_resetting = False
        self.talk(False)

    def settle(self) -> None:
        """Nothing breaks any more: all that was said is confirmed, and everybody has it."""
        self.turn(lambda: all(talker.client.conversation.is_settled for talker in self.talkers), "that all is said")
        end = time.monotonic() + 10  # what is still missing then, the test names
        while not self.everybody_has_it() and time.monotonic() < end:
            self.reactor.tick(0.02)

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
def harbour(tmp_path: Path, wire: None):
    place = Harbour(tmp_path)
    try:
        yield place
    finally:
        place.close()


@pytest.mark.parametrize(
    ("number", "is_encrypted"),
    [(signal.SIGTERM, False), (signal.SIGKILL, False), (signal.SIGKILL, True)],
    ids=["SIGTERM", "SIGKILL", "SIGKILL over TLS"],
)
def test_nobody_misses_anything(harbour: Harbour, number: signal.Signals):
    assert SHOWN_ON_JOINING > CLIENTS
    harbour.all_arrive()
    harbour.calm()
    problems = [problem for talker in harbour.talkers for problem in out_of_place(talker)]
    harbour.storm(number)
    harbour.settle()
    assert harbour.proxy.resets > 10
    for room in ROOMS:
        members = harbour.members(room)
        problems += [problem for talker in members for problem in wrong_with(talker)]
        # What each has said, with the stamps under which it was confirmed: this is the room's log, in its order.
        log = sorted((at, f"{talker.name} {count}") for talker in members for count, at in enumerate(talker.mine))
        assert len(log) >= sum(talker.said for talker in members) - len(problems)
        for talker in members:
            # A message goes out before the disk has it: a server that is killed in between forgets it, and it is said
            # again. Of that kind there may be more, under stamps that are not in the log; else there is nothing more.
            kept = {at for at, _ in log}
            seen = sorted(
                [(at, f"{talker.name} {count}") for count, at in enumerate(talker.mine)]
                + [
                    (record.at, record.text)
                    for record in talker.others
                    if number == signal.SIGTERM or record.at in kept
                ]
            )
            if missed := set(log) - set(seen):
                problems.append(f"{talker.name}: {len(missed)} of {len(log)} missed: {sorted(missed)[:3]}")
            elif seen != log:
                problems.append(f"{talker.name}: more than there is: {sorted(set(seen) - set(log))[:3]}")
    assert problems == []


def wrong_with(talker: Talker) -> Iterator[str]:
    """The errors that no fault excuses. Messages of others and own confirmations both arrive in the order of `at`."""
    others = [record.at for record in talker.others]
    if others != sorted(set(others)):
        yield f"{talker.name}: others' messages twice or out of order"
    if talker.mine != sorted(set(talker.mine)):
        yield f"{talker.name}: own messages confirmed twice or out of order"
    if len(talker.mine) != talker.said:
        yield f"{talker.name}: {len(talker.mine)} of {talker.said} confirmed"
    if any(record.from_ == talker.name for record in talker.others):
        yield f"{talker.name}: own words came as another's"
    yield from (f"{talker.name}: {text}" for text in talker.errors)


def out_of_place(talker: Talker) -> Iterator[str]:
    """While nothing breaks, a confirmation comes behind all that was said before it: it may come late, never early.

    After a connection broke that is so for the frames, but a client shows a confirmation while it still reads the log.
    """
    behind = 0
    for record in reversed(talker.shown):
        if isinstance(record, Message):
            behind = min(behind or record.at, record.at)
        elif behind and record.at > behind:
            yield f"{talker.name}: {record.at} was confirmed before {behind} came"
