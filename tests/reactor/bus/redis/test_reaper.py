"""Giving up servers with members in rooms, in a real Redis."""

import msgpack
import pytest

from pylingo.reactor.bus.redis.hearts import ServerState
from pylingo.reactor.bus.redis.library import function
from pylingo.reactor.bus.redis.reaper import Reaper
from pylingo.reactor.engine.loop import Reactor
from tests.fakes.redis_listeners import turn_until
from tests.fakes.room_log import RoomLog, join
from tests.redis_server import RedisProcess

STATE = ServerState(9, 1, 0, "1.0", "a").packed()
LANES = 4


class Scene:
    """Servers 1, 2 and 3 with members, of which the hearts stand still, and reapers for the first two."""

    def __init__(self, loop: Reactor, redis: RedisProcess, servers: list[RoomLog]) -> None:
        self.loop, self.redis, self.servers = loop, redis, servers
        self.reaps: list[tuple[int, int, dict[int, str], dict[int, list[str]]]] = []
        for server in servers:
            redis.call("HSET", "pylingo:{0}servers", server.number, STATE)
        self.reapers = [self._reaper(server) for server in servers]

    def _reaper(self, server: RoomLog) -> Reaper:
        def reaped(dead: int, sessions: dict[int, dict[str, str]], rooms: dict[int, list[str]]) -> None:
            names = {number: record["n"] for number, record in sessions.items()}
            self.reaps.append((server.number, dead, names, {n: sorted(those) for n, those in rooms.items()}))

        return Reaper(self.loop, server.deployment, server.keys, server.number, reaped)

    def put(self, server: int, number: int, name: str) -> None:
        rests = (f"fence:{server}", "sessions", f"of:{server}", "tok", f"taken:{server}")
        keys = [f"pylingo:{{0}}{rest}" for rest in rests]
        packed = msgpack.packb({"s": server, "n": name, "r": ["Lobby", "tea"]})
        assert self.redis.call("FCALL", function("put"), 5, *keys, number, packed, "", "") == 1

    def here(self, server: int, room: str) -> list[bytes]:
        key = self.servers[0].keys.of_room("here", room).rpartition(":")[0] + f":{server}"
        members: list[bytes] = self.redis.call("SMEMBERS", key)
        return members


@pytest.fixture
def scene(make_server: "type[RoomLog]", loop: Reactor, redis: RedisProcess) -> Scene:
    servers = [make_server(number, lanes=LANES) for number in (1, 2, 3)]
    made = Scene(loop, redis, servers)
    for server in servers:
        made.put(server.number, 10 * server.number, f"name-{server.number}")
        for room in ("lobby", "tea", f"own-{server.number}"):
            server.propose(room, join(10 * server.number, f"name-{server.number}"))
    turn_until(loop, lambda: all(len(server.ordered) == 3 for server in servers))
    return made


def test_its_sessions_and_members_belong_to_the_reaper(scene: Scene, loop: Reactor) -> None:
    scene.reapers[0].reap(2, STATE)
    turn_until(loop, lambda: scene.reaps)
    assert scene.reaps == [(1, 2, {20: "name-2"}, {20: ["lobby", "own-2", "tea"]})]
    assert b"20 own-2" in scene.here(1, "own-2")
    assert scene.here(2, "own-2") == []
    turn_until(loop, lambda: scene.redis.call("HLEN", "pylingo:{0}reaping") == 0)
    scene.servers[1].say("lobby", "I am still here")
    turn_until(loop, lambda: scene.servers[1].fences)
    assert len(scene.servers[1].ordered) == 3


def test_a_server_whose_heart_has_gone_on_lives(scene: Scene, loop: Reactor) -> None:
    scene.redis.call("HSET", "pylingo:{0}servers", 2, "another state")
    scene.reapers[0].reap(2, STATE)
    turn_until(loop, lambda: scene.servers[0].deployment.ears(0).waiting == 0)
    assert scene.reaps == []
    scene.servers[1].say("lobby", "hello")
    turn_until(loop, lambda: len(scene.servers[1].ordered) == 4)


def test_a_reaper_that_dies_is_reaped_in_turn(scene: Scene, loop: Reactor) -> None:
    scene.reapers[0].reap(2, STATE)
    turn_until(loop, lambda: scene.reaps)
    scene.reapers[2].reap(1, STATE)
    turn_until(loop, lambda: len(scene.reaps) == 2)
    reaper, dead, names, rooms = scene.reaps[1]
    assert (reaper, dead, names) == (3, 1, {10: "name-1", 20: "name-2"})
    assert rooms == {10: ["lobby", "own-1", "tea"], 20: ["lobby", "own-2", "tea"]}


def test_a_reaper_that_dies_half_way(scene: Scene, loop: Reactor) -> None:
    """Server 1 has begun with server 2 in lane 0 only: the next reaper ends that, too."""
    rests = ("fence:1", "fence:2", "servers", "reaping", "sessions", "of:1", "of:2")
    keys = [f"pylingo:{{0}}{rest}" for rest in rests]
    assert scene.redis.call("FCALL", function("reap"), 7, *keys, 1, 2, STATE)[0] == [b"2"]
    scene.reapers[2].reap(1, STATE)
    turn_until(loop, lambda: scene.reaps)
    reaper, dead, names, rooms = scene.reaps[0]
    assert (reaper, dead, names) == (3, 1, {10: "name-1", 20: "name-2"})
    assert rooms == {10: ["lobby", "own-1", "tea"], 20: ["lobby", "own-2", "tea"]}


def test_a_reaper_whose_connection_broke_half_way(scene: Scene, loop: Reactor) -> None:
    """Redis has given server 2 up for it, and the reply was lost."""
    rests = ("fence:1", "fence:2", "servers", "reaping", "sessions", "of:1", "of:2")
    keys = [f"pylingo:{{0}}{rest}" for rest in rests]
    scene.redis.call("FCALL", function("reap"), 7, *keys, 1, 2, STATE)
    scene.reapers[0].resume()
    turn_until(loop, lambda: scene.reaps)
    assert scene.reaps == [(1, 2, {10: "name-1", 20: "name-2"}, {20: ["lobby", "own-2", "tea"]})]
    turn_until(loop, lambda: scene.redis.call("HLEN", "pylingo:{0}reaping") == 0)


def test_a_session_that_another_server_took_is_left_alone(scene: Scene, loop: Reactor) -> None:
    """Server 3 has taken it, but has not told the lanes yet. It does not know that the session has entered own-2."""
    rests = ("fence:3", "sessions", "of:2", "of:3", "taken:2", "taken:3")
    keys = [f"pylingo:{{0}}{rest}" for rest in rests]
    record = scene.redis.call("FCALL", function("take"), 6, *keys, 20, 2, 3)
    assert msgpack.unpackb(record) == {"s": 3, "m": 1, "n": "name-2", "r": ["Lobby", "tea"]}
    scene.reapers[0].reap(2, STATE)
    turn_until(loop, lambda: scene.reaps)
    assert scene.reaps == [(1, 2, {}, {20: ["own-2"]})]
    for room, owner in (("lobby", 3), ("tea", 3), ("own-2", 1)):
        turn_until(loop, lambda room=room, owner=owner: b"20 %s" % room.encode() in scene.here(owner, room))
    assert b"20 tea" not in scene.here(1, "tea")
