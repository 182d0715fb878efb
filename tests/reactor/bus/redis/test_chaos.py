"""Three servers talk in several rooms while one fault follows another: all of them end up with the same, once."""

import collections
import os
import random
from collections.abc import Callable, Iterator

import pytest

from pylingo.reactor.engine.loop import Reactor
from tests.fakes.redis_listeners import turn_until
from tests.fakes.room_log import RoomLog, in_order, join, leave
from tests.redis_server import RedisProcess

type MakeServer = Callable[..., RoomLog]

ROOMS = [f"room-{index}" for index in range(4)]


class Chaos:
    """The servers, what they have said, and the members that each has."""

    def __init__(self, loop: Reactor, redis: RedisProcess, make_server: MakeServer, seed: int) -> None:
        self.loop, self.redis = loop, redis
        self.random = random.Random(seed)
        self.lanes = self.random.choice([1, 4])
        self.servers = [make_server(number, lanes=self.lanes) for number in (1, 2, 3)]
        for server in self.servers:
            for room in ROOMS:
                server.open(room)
        turn_until(loop, lambda: all(len(server.rooms) == len(ROOMS) for server in self.servers))
        self.said: dict[str, list[str]] = {room: [] for room in ROOMS}
        self.members: dict[tuple[int, str], set[int]] = {
            (server.number, room): set() for server in self.servers for room in ROOMS
        }
        self.count = 0

    def talk(self, ticks: int) -> None:
        """Say something, come in and go out, by chance."""
        for _ in range(ticks):
            for server in self.servers:
                for room in ROOMS:
                    if self.random.random() < 0.2:
                        self.say(server, room)
                    if self.random.random() < 0.05:
                        self.move(server, room)
            self.loop.tick(0.002)

    def say(self, server: RoomLog, room: str) -> None:
        self.count += 1
        self.said[room].append(f"{server.number}-{self.count}")
        server.say(room, f"{server.number}-{self.count}")

    def move(self, server: RoomLog, room: str) -> None:
        members = self.members[server.number, room]
        if members and self.random.random() < 0.5:
            server.propose(room, leave(members.pop()))
            return
        self.count += 1
        number = (server.number << 32) + self.count
        members.add(number)
        server.propose(room, join(number, f"name-{number}"))

    # --- faults

    def cut(self) -> None:
        for kind in self.random.choice([("normal",), ("pubsub",), ("normal", "pubsub")]):
            self.redis.call("CLIENT", "KILL", "TYPE", kind)

    def hang(self) -> None:
        self.redis.pause()
        self.talk(50)
        self.redis.resume()

    def fill(self) -> None:
        self.redis.call("CONFIG", "SET", "maxmemory", "1")
        self.talk(50)
        self.redis.call("CONFIG", "SET", "maxmemory", "0")

    def forget_functions(self) -> None:
        self.redis.call("FUNCTION", "FLUSH")

    def bump(self) -> None:
        server = self.random.choice(self.servers)
        for lane in range(self.lanes):
            self.redis.call("FCALL", "pylingo_1_bump", 1, server.keys.key(lane, f"fence:{server.number}"))

    def kill(self) -> None:
        self.redis.kill()
        self.talk(20)
        self.redis.start()

    def lose_the_tail(self) -> None:
        log = max((self.redis.folder / "appendonlydir").glob("*.incr.aof"), key=lambda path: path.stat().st_mtime)
        size = log.stat().st_size
        self.talk(50)
        self.redis.kill()
        os.truncate(log, min(size, log.stat().st_size))
        self.talk(20)
        self.redis.start()

    # --- at the end

    def settle(self) -> None:
        one, *others = self.servers
        turn_until(
            self.loop,
            lambda: (
                all(server.feeds.is_idle for server in self.servers) and all(other.log == one.log for other in others)
            ),
            "one order",
        )

    def check(self) -> None:
        one = self.servers[0]
        for room in ROOMS:
            entries = [entry for entry in one.log[room] if isinstance(entry[1], str)]
            assert collections.Counter(text for _, text in entries) == collections.Counter(self.said[room])
            assert in_order(at for at, _ in one.log[room])
            members = {number for server in self.servers for number in self.members[server.number, room]}
            for server in self.servers:
                assert server.members(room).keys() == members
            assert set(map(int, self.redis.call("HKEYS", one.keys.of_room("m", room)))) == members
        for server in self.servers:
            assert (server.gaps, server.fences) == ([], 0)
            assert collections.Counter(server.ordered) == collections.Counter(self.own(server))
            turn_until(self.loop, lambda server=server: self.is_here(server), "the members it answers for")

    def own(self, server: RoomLog) -> Iterator[tuple[int, object]]:
        """What a server has proposed, out of everything that took effect."""
        for entries in server.log.values():
            for at, what in entries:
                if what.startswith(f"{server.number}-") if isinstance(what, str) else what[1] >> 32 == server.number:
                    yield at, str(what)

    def is_here(self, server: RoomLog) -> bool:
        found = {
            member.decode()
            for lane in range(self.lanes)
            for member in self.redis.call("SMEMBERS", server.keys.key(lane, f"here:{server.number}"))
        }
        return found == {f"{number} {room}" for room in ROOMS for number in self.members[server.number, room]}


@pytest.mark.parametrize("redis_options", [["appendonly yes", "appendfsync always"]])
@pytest.mark.parametrize("seed", [1, 2])
def test_one_fault_follows_another(loop: Reactor, redis: RedisProcess, make_server: MakeServer, seed: int) -> None:
    chaos = Chaos(loop, redis, make_server, seed)
    faults = [chaos.cut, chaos.hang, chaos.fill, chaos.forget_functions, chaos.bump, chaos.kill, chaos.lose_the_tail]
    chaos.talk(20)
    for fault in chaos.random.sample(2 * faults, 10):
        fault()
        chaos.talk(chaos.random.randrange(100))
    chaos.settle()
    for server in chaos.servers:
        server.ordered = [(at, str(what)) for at, what in server.ordered]
    chaos.check()
