"""A chaos run: people talk while servers and Redis break, then the records are compared with the logs."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pylingo.reactor.bus.redis.blob import read_batch
from pylingo.reactor.bus.redis.changes import read_members
from pylingo.reactor.bus.redis.keys import Keys
from pylingo.reactor.bus.redis.private_log import read_private
from pylingo.reactor.bus.redis.reader import read_arrival
from pylingo.reactor.bus.redis.sessions import read_record
from pylingo.reactor.engine.loop import Reactor
from pylingo.shared.messages import Command, Error, Goodbye, HistoryPage, HistoryRequest, Users
from pylingo.shared.names import fold
from tests.chaos.faults import GRACE, PATIENCE, Happened, Stage, Trouble
from tests.chaos.people import ROOMS, Member
from tests.chaos.verdict import Evidence, Logged, violations
from tests.redis_server import RedisProcess
from tests.support import Peer

CALM = 2.0
"""Seconds of talk before the first fault, and after the last one."""
SETTLING = 90.0
"""Seconds in which everything must be confirmed and read after that."""


@dataclass(frozen=True, slots=True)
class Result:
    """What came out of a run."""

    wrong: list[str]
    happened: list[Happened]
    evidence: Evidence
    resumed: int
    returned: int


class Run:
    """One chaos run on a stage."""

    def __init__(self, stage: Stage, clients: int, seed: int) -> None:
        self.stage = stage
        self.evidence = Evidence()
        self.reactor = Reactor()
        self.members: list[Member] = []
        self._begin = time.monotonic()
        for number in range(clients):
            self.members.append(Member(number, self.reactor, stage.ports, self.members, self.evidence, self.now, seed))

    def now(self) -> float:
        """The seconds since the beginning."""
        return time.monotonic() - self._begin

    def go(self, faults: Sequence[str], seconds: float | None, tell: Callable[[str], object]) -> Result:
        """Run for some seconds, or until each fault has happened once, then check everything."""
        self._turn(lambda: all(member.is_settled for member in self.members), SETTLING)
        for number, member in enumerate(self.members):
            member.is_acting = True
            member.enter(ROOMS[number % len(ROOMS)])
        self._turn_for(CALM)
        trouble = Trouble(self.stage, list(faults), self.now() + seconds if seconds is not None else None, self.now)
        trouble.start()
        while not trouble.is_over:
            self.reactor.tick(0.02)
        self._turn_for(CALM)
        wrong = self._settle()
        self._turn_for(1.0)
        for member in self.members:
            member.read_inbox()
        self._turn(lambda: all(member.is_settled for member in self.members), SETTLING)
        tell(f"{len(self.evidence.said)} messages are confirmed; the logs are read")
        if not self.stage.redis.is_running:  # a fault has failed
            return Result(wrong + self.stage.problems, trouble.happened, self.evidence, 0, 0)
        self._read_logs()
        for member in self.members:
            member.end_stays()
        wrong = violations(self.evidence) + wrong + self._ghosts() + self.stage.problems
        for member in self.members:
            member.stop()
        self._turn_for(0.2)
        self.reactor.close()
        resumed, returned = (sum(getattr(member, kind) for member in self.members) for kind in ("resumed", "returned"))
        return Result(wrong, trouble.happened, self.evidence, resumed, returned - len(self.members))

    def _settle(self) -> list[str]:
        """Stop talking, and wait until all is said and read. Then each says one thing more, which all must hear."""
        for member in self.members:
            member.is_acting = False
        if not self._turn(lambda: all(member.is_settled for member in self.members), SETTLING):
            return [f"not settled: {member.state}" for member in self.members if not member.is_settled]
        for member in self.members:
            for room in member.places:
                member.speak(room)
        if not self._turn(lambda: all(member.is_settled for member in self.members), SETTLING):
            return [f"not settled: {member.state}" for member in self.members if not member.is_settled]
        newest = {room: max((one.at for one in self.evidence.said if one.room == room), default=0) for room in ROOMS}
        self._turn(
            lambda: all(
                place.whole >= newest[room] for member in self.members for room, place in member.places.items()
            ),
            10.0,
        )
        return []

    def _ghosts(self) -> list[str]:
        """Names in the rooms that nobody has: they must be gone with the grace time."""
        wanted = {room: sorted(fold(member.name) for member in self.members if room in member.places) for room in ROOMS}
        found: dict[tuple[int, str], list[str]] = {}

        def is_right() -> bool:
            for port in self.stage.ports:
                for room in ROOMS:
                    if found.get((port, room)) != wanted[room]:
                        found[port, room] = self._users(port, room)
                        if found[port, room] != wanted[room]:
                            return False
            return True

        if self._turn(is_right, GRACE + PATIENCE + 30.0, pause=1.0):
            return []
        return [
            self._describe_ghosts(port, room, {*names}, {*wanted[room]})
            for (port, room), names in found.items()
            if names != wanted[room]
        ]

    def _describe_ghosts(self, port: int, room: str, names: set[str], wanted: set[str]) -> str:
        known = Streams(self.stage.redis).members(room, names ^ wanted)
        return (
            f"the people of {room} on port {port}: {sorted(names - wanted)} should not be there,"
            f" {sorted(wanted - names)} should; Redis has {known}"
        )

    def _users(self, port: int, room: str) -> list[str]:
        """The compared names of those in a room, as a server tells a guest; why it does not, if so."""
        with Peer(port) as peer:
            peer.join(room)
            peer.send(Command("users"))
            names: list[str] = []
            while not isinstance(page := peer.recv(), Users):
                if page is None or isinstance(page, (Goodbye, Error)):
                    return [f"{page} came instead of the users"]
            names += page.users
            peer.send(Command("close"))
            peer.rest()
            return sorted({fold(name) for name in names if not name.startswith("guest-")})

    # --- the logs

    def _read_logs(self) -> None:
        readings = self.evidence.readings
        streams = Streams(self.stage.redis)
        readings["Redis"] = {room: streams.room(room) for room in ROOMS}
        for port in self.stage.ports:
            readings[f"the server on port {port}"] = {room: self._history(port, room) for room in ROOMS}
        self.evidence.private = streams.private()

    def _history(self, port: int, room: str) -> list[Logged]:
        log: list[Logged] = []
        with Peer(port) as peer:
            peer.join(room)
            is_more = True
            while is_more:
                peer.send(HistoryRequest(since=log[-1].at if log else 0, limit=100))
                page = peer.until(HistoryPage)
                log += [Logged(entry.at, entry.text, entry.key) for entry in page.messages]
                is_more = page.more
            peer.send(Command("close"))
            peer.rest()
        return log

    def _turn(self, condition: Callable[[], Any], seconds: float, pause: float = 0.0) -> bool:
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                return False
            self._turn_for(pause)
            self.reactor.tick(0.02)
        return True

    def _turn_for(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.reactor.tick(0.02)


class Streams:
    """What is in the streams of a Redis."""

    def __init__(self, redis: RedisProcess) -> None:
        self._redis = redis
        self._keys = Keys()

    def room(self, room: str) -> list[Logged]:
        """The messages of a room."""
        entries = self._redis.call("XRANGE", self._keys.key(self._keys.lane(fold(room)), f"r:{fold(room)}"), "-", "+")
        return [
            Logged(entry.at, entry.text, entry.key)
            for arrival in map(read_arrival, entries)
            for entry in read_batch(arrival.data).entries(arrival.top)
        ]

    def members(self, room: str, names: set[str]) -> list[tuple[int, str, dict[str, Any] | None]]:
        """The members of a room with these compared names: number, name, and record of the session."""
        lane, found = self._keys.lane(fold(room)), []
        flat = self._redis.call("HGETALL", self._keys.key(lane, f"m:{fold(room)}"))
        for number, member in read_members(flat).items():
            if fold(member.name) in names:
                packed = self._redis.call("HGET", self._keys.key(0, "sessions"), number)
                found.append((number, member.name, read_record(packed) if packed is not None else None))
        return found

    def private(self) -> dict[str, list[Logged]]:
        """The private messages of all conversations."""
        return {
            name.decode(): [
                Logged(entry.at, entry.text, entry.key)
                for id_, fields in self._redis.call("XRANGE", name, "-", "+")
                for entry in [read_private(int(id_.partition(b"-")[0]), fields[1]).entry]
            ]
            for name in self._redis.call("KEYS", self._keys.key(0, "p:@*|*"))
        }


def chaos(
    folder: Path,
    servers: int,
    clients: int,
    seconds: float | None,
    faults: Sequence[str],
    seed: int,
    is_replicated: bool = False,
    tell: Callable[[str], object] = lambda words: None,
) -> Result:
    """Make a run, with its data in `folder`, and end everything that it has started."""
    stage = Stage(folder, servers, is_replicated, seed)
    try:
        return Run(stage, clients, seed).go(faults, seconds, tell)
    finally:
        stage.close()
