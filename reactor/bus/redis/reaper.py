"""Giving up a server whose heart stands still: its sessions and its members go to this server.

1. In lane 0, if the heart still stands where it stood: the fence turns into a tombstone, the sessions change their
   owner, and Redis notes who gives up whom.
2. In each lane: the same with the fence there and with the members of the rooms.
3. Members whose sessions another server has taken go to that server, except in rooms that it does not know of.
4. The listener is told, and the note is deleted.

If this server dies in between, the one that gives it up finds the note and goes on.
"""

import functools
import logging
from collections.abc import Callable
from typing import Any

from pylingo.reactor.bus.redis.deployment import Deployment
from pylingo.reactor.bus.redis.keys import Keys
from pylingo.reactor.bus.redis.library import function
from pylingo.reactor.bus.redis.link import LinkLost, RedisError
from pylingo.reactor.bus.redis.sessions import SessionRecord, read_record
from pylingo.reactor.engine.loop import Reactor
from pylingo.shared.names import fold

logger = logging.getLogger(__name__)

_RETRY = 0.5  # seconds

type Reaped = Callable[[int, dict[int, SessionRecord], dict[int, list[str]]], object]


class _Case:
    """A server that is being given up, and the servers whose reaper it was."""

    __slots__ = ("left", "rooms", "server", "servers", "sessions")

    def __init__(self, server: int, servers: list[int], sessions: dict[int, SessionRecord]) -> None:
        self.server = server
        self.servers = servers
        self.sessions = sessions
        self.rooms: dict[int, list[str]] = {}
        self.left = 0


class Reaper:
    """Gives servers up for the server with the number `me`; `reaped(server, sessions, rooms)` is called for each."""

    def __init__(self, reactor: Reactor, deployment: Deployment, keys: Keys, me: int, reaped: Reaped) -> None:
        self._reactor = reactor
        self._deployment = deployment
        self._keys = keys
        self._me = me
        self._reaped = reaped

    def reap(self, server: int, state: bytes) -> None:
        """Give a server up if its heart still has that state."""
        rests = (f"fence:{self._me}", f"fence:{server}", "servers", "reaping", "sessions", f"of:{self._me}")
        keys = [self._keys.key(0, rest) for rest in (*rests, f"of:{server}")]
        answer = functools.partial(self._given_up, server)
        self._deployment.ears(0).call(answer, "FCALL", function("reap"), len(keys), *keys, self._me, server, state)

    def resume(self) -> None:
        """The connection was lost: end what had begun, of which this server may know nothing."""

        def noted(reply: Any) -> None:
            if not isinstance(reply, RedisError):
                pairs = reply.items() if isinstance(reply, dict) else zip(reply[::2], reply[1::2], strict=True)
                for server in [int(server) for server, reaper in pairs if int(reaper) == self._me]:
                    self._resume(server)

        self._deployment.ears(0).call(noted, "HGETALL", self._keys.key(0, "reaping"))

    def _resume(self, server: int) -> None:
        def listed(reply: Any) -> None:
            if isinstance(reply, RedisError):
                return
            numbers = list(map(int, reply))
            if numbers:
                self._read(numbers, functools.partial(recorded, numbers))
            else:
                recorded([], [])

        def recorded(numbers: list[int], reply: list[bytes | None]) -> None:
            records = {n: read_record(packed) for n, packed in zip(numbers, reply, strict=True) if packed is not None}
            mine = {number: record for number, record in records.items() if record.get("s") == self._me}
            self._reap_lanes(_Case(server, [server], mine))

        self._deployment.ears(0).call(listed, "SMEMBERS", self._keys.key(0, f"of:{self._me}"))

    def _given_up(self, server: int, reply: Any) -> None:
        if isinstance(reply, RedisError) or not isinstance(reply, list):
            return  # it lives, somebody else was faster, or Redis is away
        logger.info("server %d has ended, or its heart stands still: its sessions come to this one", server)
        servers, sessions = reply
        records = zip(map(int, sessions[::2]), map(read_record, sessions[1::2]), strict=True)
        self._reap_lanes(_Case(server, list(map(int, servers)), dict(records)))

    def _reap_lanes(self, case: _Case) -> None:
        case.left = len(case.servers) * self._keys.lanes
        for server in case.servers:
            for lane in range(self._keys.lanes):
                self._reap_lane(case, server, lane)

    def _reap_lane(self, case: _Case, server: int, lane: int) -> None:
        rests = (f"fence:{self._me}", f"fence:{server}", f"here:{self._me}", f"here:{server}")
        keys = [self._keys.key(lane, rest) for rest in rests]
        answer = functools.partial(self._lane_reaped, case, server, lane)
        prefix = self._keys.key(lane, "")
        self._deployment.ears(lane).call(answer, "FCALL", function("reap_lane"), len(keys), *keys, prefix)

    def _lane_reaped(self, case: _Case, server: int, lane: int, reply: Any) -> None:
        if isinstance(reply, LinkLost) or (isinstance(reply, RedisError) and reply.code == "FENCED"):
            return  # `resume` begins anew, or another server does
        if isinstance(reply, RedisError):
            self._reactor.call_later(_RETRY, self._reap_lane, case, server, lane)
            return
        for member in reply:
            number, _, room = member.decode().partition(" ")
            case.rooms.setdefault(int(number), []).append(room)
        case.left -= 1
        if not case.left:
            self._look_after_strays(case)

    def _look_after_strays(self, case: _Case) -> None:
        strays = [number for number in case.rooms if number not in case.sessions]

        def answer(reply: list[bytes | None]) -> None:
            for number, packed in zip(strays, reply, strict=True):
                record = read_record(packed) if packed is not None else {}
                if record.get("s", self._me) != self._me:
                    there = {fold(room) for room in record["r"]}
                    rooms = case.rooms.pop(number)
                    self._give_to(record["s"], number, [room for room in rooms if room in there])
                    if strange := [room for room in rooms if room not in there]:
                        case.rooms[number] = strange
            self._finish(case)

        if strays:
            self._read(strays, answer)
        else:
            self._finish(case)

    def _read(self, numbers: list[int], then: Callable[[list[bytes | None]], object]) -> None:
        def answer(reply: Any) -> None:
            if not isinstance(reply, RedisError):
                then(reply)

        self._deployment.ears(0).call(answer, "HMGET", self._keys.key(0, "sessions"), *numbers)

    def _give_to(self, owner: int, number: int, rooms: list[str]) -> None:
        for room in rooms:
            lane = self._keys.lane(room)
            keys = [self._keys.key(lane, rest) for rest in (f"here:{owner}", f"here:{self._me}", f"m:{room}")]
            self._deployment.ears(lane).call(None, "FCALL", function("hold"), len(keys), *keys, room, number)

    def _finish(self, case: _Case) -> None:
        self._reaped(case.server, case.sessions, case.rooms)
        self._deployment.ears(0).call(None, "HDEL", self._keys.key(0, "reaping"), *case.servers)
