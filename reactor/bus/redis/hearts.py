"""The hearts of the servers of a cluster, as one of them hears them: which have stood still for too long. Pure.

Only time in which the watcher's own connection was healthy counts. While Redis hangs, all hearts seem to stand still.
"""

from collections.abc import Callable
from typing import NamedTuple

import msgpack

PERIOD = 1.0
"""Seconds between two beats."""
LONGEST_REPLY = 2.5
"""Seconds between two replies above which the connection is not healthy."""


class ServerState(NamedTuple):
    """The news of a server about itself, each second. `lag` is in milliseconds."""

    beat: int
    people: int
    lag: int
    version: str
    address: str

    def packed(self) -> bytes:
        """The state as it is in Redis."""
        packed: bytes = msgpack.packb(list(self))
        return packed


def read_state(packed: bytes) -> ServerState:
    """The state in its form in Redis. A newer server may have more to say, which is ignored."""
    return ServerState(*msgpack.unpackb(packed)[: len(ServerState._fields)])


class _Heart:
    __slots__ = ("silent", "since", "state")

    def __init__(self, state: bytes, since: float) -> None:
        self.state = state
        self.silent = 0.0
        self.since = since


class Hearts:
    """The hearts of all servers. `clock` gives seconds; `patience` is the seconds of silence before one is given up."""

    def __init__(self, clock: Callable[[], float], patience: float) -> None:
        self.states: dict[int, ServerState] = {}
        self._clock = clock
        self._patience = patience
        self._hearts: dict[int, _Heart] = {}
        self._last: float | None = None

    def begin_anew(self) -> None:
        """The connection was not healthy: nothing that was seen until now counts."""
        self._last = None
        for heart in self._hearts.values():
            heart.silent = 0.0

    def fresh(self, seconds: float) -> list[int]:
        """The servers whose hearts have beaten within the last seconds."""
        oldest = self._clock() - seconds
        return [server for server, heart in self._hearts.items() if heart.since >= oldest]

    def forget(self, server: int) -> None:
        """A server has said that it ends: it is not there any more, though its heart has just beaten."""
        self._hearts.pop(server, None)

    def heard(self, states: dict[int, bytes], own: int) -> list[tuple[int, bytes]]:
        """Take the states of all servers; `own` is the one that asked.

        Return those that are to be given up, with the states in which they stand still.
        """
        now = self._clock()
        if self._last is not None and now - self._last > LONGEST_REPLY:
            self.begin_anew()
        passed = 0.0 if self._last is None else now - self._last
        self._last = now
        self.states = {server: read_state(state) for server, state in states.items()}
        hearts, self._hearts = self._hearts, {}
        dead = []
        for server, state in states.items():
            heart = hearts.get(server)
            if heart is None or heart.state != state:
                heart = _Heart(state, now)
            else:
                heart.silent += passed
            self._hearts[server] = heart
            if server != own and heart.silent >= self._patience:
                heart.silent = 0.0  # if giving it up fails, it is tried again after the patience
                dead.append((server, state))
        return dead
