"""The connections of one command to the Redis of a cluster, and the loop that runs until Redis has answered."""

from collections.abc import Callable
from typing import Protocol

from pylingo.reactor.bus.redis.deployment import Deployment
from pylingo.reactor.bus.redis.settings import ClusterSettings
from pylingo.reactor.engine.loop import Reactor
from pylingo.shared.launch import LaunchError

PATIENCE = 10.0
"""Seconds for Redis to answer."""
_FAREWELL = 1.0  # seconds for the sockets to close at the end


class ErrandListener(Protocol):
    """The command, as far as it must know of the connections."""

    def up(self) -> None: ...
    def down(self, why: str) -> None: ...
    def pushed(self, channel: bytes, data: bytes) -> None: ...


class Errand:
    """See the module. `listener` hears of the connections, which are there after the first `up`."""

    def __init__(self, settings: ClusterSettings, listener: ErrandListener) -> None:
        self.reactor = Reactor()
        self.settings = settings
        self._listener = listener
        self._was_up = False
        self._fault = ""
        self.deployment = Deployment(self.reactor, settings, self)

    def close(self) -> None:
        """Let go of Redis."""
        self.deployment.close()
        end = self.reactor.clock() + _FAREWELL
        while self.reactor.pending_timers and self.reactor.clock() < end:  # until the sockets are closed
            self.reactor.tick(_FAREWELL)
        self.reactor.close()

    def fail(self, why: str) -> None:
        """End the wait: the command is impossible, for the first reason that is given."""
        self._fault = self._fault or why

    def lacks_cluster(self) -> None:
        """Fail, because there is no such cluster."""
        words = f"there is no cluster called {self.settings.name} in the Redis at {self.settings.address}"
        self.fail(f"{words}: start its first server, or name another one with --cluster-name")

    def wait(self, condition: Callable[[], bool]) -> None:
        """Run until `condition()` is true. Raises `LaunchError` if Redis does not answer, or the command has failed."""
        end = self.reactor.clock() + PATIENCE
        while not self._fault and not condition():
            left = end - self.reactor.clock()
            if left <= 0:
                self.fail(f"the Redis at {self.settings.address} does not answer: try again later")
            self.reactor.tick(max(0.0, left))
        if self._fault:
            raise LaunchError(self._fault, 1)

    def rest(self, seconds: float) -> None:
        """Run for some seconds."""
        end = self.reactor.clock() + seconds
        while (left := end - self.reactor.clock()) > 0:
            self.reactor.tick(left)

    # --- the listener of the deployment

    def up(self) -> None:
        self._was_up = True
        self._listener.up()

    def down(self, why: str) -> None:
        self._listener.down(why)
        if not self._was_up:
            self.fail(f"cannot reach the cluster at {self.settings.address}: {why}")

    def refused(self, why: str) -> None:
        self.fail(why)

    def pushed(self, channel: bytes, data: bytes) -> None:
        self._listener.pushed(channel, data)
