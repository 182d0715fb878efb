"""A server of a cluster as far as its health goes: it remembers whom it gave up."""

from typing import Any

import msgpack

from pylingo.reactor.bus.redis.deployment import Deployment
from pylingo.reactor.bus.redis.health import Health
from pylingo.reactor.bus.redis.keys import Keys
from pylingo.reactor.bus.redis.library import function, load
from pylingo.reactor.bus.redis.link import RedisError
from pylingo.reactor.engine.loop import Reactor
from tests.redis_server import RedisProcess


class HealthLog:
    """A server that has nothing but a heart. `reaps` has whom it gave up, with the sessions and the rooms of each."""

    def __init__(
        self, reactor: Reactor, redis: RedisProcess, patience: float = 2.0, lanes: int = 1, **options: Any
    ) -> None:
        self.reaps: list[tuple[int, dict[int, Any], dict[int, list[str]]]] = []
        self.fences = 0
        self.cuts: list[bool] = []
        self.generation = 0
        self.keys = Keys(lanes=lanes)
        self.deployment = Deployment(reactor, redis.settings(), self)
        watched = ("1.0", lambda: "a", lambda: 3, lambda: 0.5)
        self.health = Health(reactor, self.deployment, self.keys, self, patience, *watched, **options)

    @property
    def number(self) -> int:
        return self.health.server

    def put(self, redis: RedisProcess, number: int, **record: Any) -> None:
        """Store the record of a session of this server."""
        rests = (f"fence:{self.number}", "sessions", f"of:{self.number}", "tok", f"taken:{self.number}")
        keys = [f"pylingo:{{0}}{rest}" for rest in rests]
        packed = msgpack.packb({"s": self.number, **record})
        assert redis.call("FCALL", function("put"), 5, *keys, number, packed, "", "") == 1

    def close(self) -> None:
        """End without a word, as a server that is killed."""
        self.health.down("closed")
        self.deployment.close()

    # --- of the deployment

    def up(self) -> None:
        load([self.deployment.ears(0)], self._loaded)

    def _loaded(self, error: RedisError | None) -> None:
        if error is None:
            self.health.up()

    def down(self, why: str) -> None:
        self.health.down(why)

    def pushed(self, channel: bytes, data: bytes) -> None: ...

    # --- of the health

    def registered(self, server: int, generation: int) -> None:
        self.generation = generation

    def reaped(self, server: int, sessions: dict[int, Any], rooms: dict[int, list[str]]) -> None:
        self.reaps.append((server, sessions, rooms))

    def fenced(self) -> None:
        self.fences += 1

    def cut_off(self, is_cut_off: bool) -> None:
        self.cuts.append(is_cut_off)
