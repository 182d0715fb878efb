"""The servers of a cluster: each has a heart that beats in Redis, and each watches the others.

A server whose heart stands still for the patience is given up: its fence in Redis turns into a tombstone, and its
sessions go to the server that found it. There are no leases with a time to live, which would expire while Redis itself
is away.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from pylingo.reactor.bus.redis.deployment import Deployment
from pylingo.reactor.bus.redis.keys import Keys
from pylingo.reactor.engine.loop import Reactor


@dataclass(frozen=True, slots=True)
class ServerState:
    """What a server says about itself each second. `lag` is in milliseconds."""

    beat: int
    people: int
    lag: int
    version: str
    address: str


class HealthListener(Protocol):
    """The server's side of its health."""

    def registered(self, server: int, generation: int) -> None:
        """This server has its number now: make the `Feeds` with both, and call their `up`."""

    def refused(self, why: str) -> None:
        """This Redis or this cluster cannot be used; `why` is a sentence for the operator."""

    def warned(self, why: str) -> None:
        """Something about this Redis is not as it should be, but it can be used."""

    def reaped(self, server: int, sessions: dict[int, dict[str, Any]], rooms: dict[int, list[str]]) -> None:
        """The server with that number is given up, and this one owns its sessions from now on.

        `sessions` has their records by number, `rooms` the compared forms of the rooms that each number is in.
        """

    def fenced(self) -> None:
        """The other servers gave this one up."""


class Health:
    """The heart of this server, and its watch over the others.

    A server is given up when its heart has stood still for `patience` seconds, in which this server's own link was
    healthy. `people` and `lag` are asked each second.
    """

    servers: dict[int, ServerState]
    """All servers, this one included, as of the last second."""

    def __init__(
        self,
        reactor: Reactor,
        deployment: Deployment,
        keys: Keys,
        listener: HealthListener,
        patience: float = 10.0,
        version: str = "",
        address: str = "",
        people: Callable[[], int] = lambda: 0,
        lag: Callable[[], float] = lambda: 0.0,
    ) -> None: ...

    def up(self) -> None:
        """All links are up. The first time, the server is registered; later its heart goes on."""

    def down(self, why: str) -> None:
        """A link is lost: the watch over the others begins anew."""

    def has_company(self) -> bool:
        """Whether another server's heart has beaten within the last three seconds."""
        raise NotImplementedError

    def stop(self, done: Callable[[], object]) -> None:
        """Take this server out of the cluster: its fence turns into a tombstone. Give its sessions away before."""
