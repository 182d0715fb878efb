"""Waiting until replicas have what was committed, with WAIT.

WAIT stops everything behind it on its connection. So it goes over the connection for commits, behind the commit that it
waits for, and for a second at most.
"""

import functools
from collections.abc import Callable
from typing import Any

from pylingo.reactor.bus.redis.deployment import Deployment
from pylingo.reactor.bus.redis.feed import Flight
from pylingo.reactor.bus.redis.link import RedisError
from pylingo.shared.text import counted

LONGEST_WAIT = 1_000  # milliseconds


class Replicas:
    """Confirms flights when `count` replicas have them; with 0, all flights are confirmed from the beginning.

    `trouble` says what is wrong while too few replicas answer; it is empty otherwise.
    """

    def __init__(self, deployment: Deployment, count: int, confirmed: Callable[[Flight], object]) -> None:
        self.count = count
        self.trouble = ""
        self._deployment = deployment
        self._confirmed = confirmed

    def wait(self, lane: int, flights: list[Flight]) -> None:
        """Confirm the flights that were committed on the lane's connection until now, when enough replicas have them.

        If too few answer, the wait goes on. If the connection breaks, call this again on the new one, after a write.
        """
        if self.count and flights:
            self.ask(lane, functools.partial(self._confirm, flights), lambda error: None)

    def ask(self, lane: int, enough: Callable[[], object], lost: Callable[[RedisError], object]) -> None:
        """Call `enough` when enough replicas have what was written on the lane's connection for commits until now.

        If the connection breaks, or Redis refuses, call `lost`.
        """
        answer = functools.partial(self._answered, lane, enough, lost)
        self._deployment.commits(lane).call(answer, "WAIT", self.count, LONGEST_WAIT)

    def _answered(
        self, lane: int, enough: Callable[[], object], lost: Callable[[RedisError], object], reply: Any
    ) -> None:
        if isinstance(reply, RedisError):
            lost(reply)
        elif reply < self.count:
            replicas = counted(self.count, "replica has", "replicas have")
            self.trouble = f"{reply} of {replicas} the newest messages: see to the others"
            self.ask(lane, enough, lost)
        else:
            self.trouble = ""
            enough()

    def _confirm(self, flights: list[Flight]) -> None:
        for flight in flights:
            flight.is_confirmed = True
            self._confirmed(flight)
