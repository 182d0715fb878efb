"""Commands whose replies are given when enough replicas have what they wrote: private messages, and names.

They go over the connection for commits, since WAIT counts what was written on its own connection. One WAIT serves all
commands that were sent before it, and the next one is sent when it is answered: so many commands need few of them.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from pylingo.reactor.bus.redis.deployment import Deployment
from pylingo.reactor.bus.redis.link import RedisError
from pylingo.reactor.bus.redis.waiting import Replicas

type _Answer = Callable[[Any], object]


class ReplicatedLinks:
    """The links of questions whose answers must survive a failover. `clock` gives seconds."""

    def __init__(self, deployment: Deployment, replicas: Replicas, clock: Callable[[], float]) -> None:
        self._deployment = deployment
        self._replicas = replicas
        self._clock = clock
        self._lanes: dict[int, ReplicatedLink] = {}

    def ears(self, lane: int) -> "ReplicatedLink":
        """The connection for what is asked in a lane."""
        if lane not in self._lanes:
            self._lanes[lane] = ReplicatedLink(self._deployment, lane, self._replicas, self._clock)
        return self._lanes[lane]

    @property
    def lag(self) -> float:
        """The seconds since the oldest command that is not confirmed; 0 if there is none."""
        return max((link.lag for link in self._lanes.values()), default=0.0)


class ReplicatedLink:
    """See the module. If the connection breaks, every command that is not confirmed is answered with that error."""

    def __init__(self, deployment: Deployment, lane: int, replicas: Replicas, clock: Callable[[], float]) -> None:
        self._deployment = deployment
        self._lane = lane
        self._replicas = replicas
        self._clock = clock
        self._next: list[_Call] = []  # those that the next WAIT is for
        self._waiting: list[_Call] = []  # those that the WAIT on its way is for

    @property
    def lag(self) -> float:
        """See `ReplicatedLinks.lag`."""
        oldest = next(iter(self._waiting or self._next), None)
        return 0.0 if oldest is None else self._clock() - oldest.since

    def call(self, answer: _Answer | None, *args: bytes | str | int) -> None:
        """Send a command. `answer` gets the reply when enough replicas have what it wrote, an error at once."""
        call = _Call(answer or (lambda reply: None), self._clock())
        self._next.append(call)
        self._deployment.commits(self._lane).call(call.answered, *args)
        if not self._waiting:
            self._wait()

    def _wait(self) -> None:
        self._waiting, self._next = self._next, []
        self._replicas.ask(self._lane, partial(self._end, None), self._end)

    def _end(self, error: RedisError | None) -> None:
        calls, self._waiting = self._waiting, []
        if self._next:
            self._wait()
        for call in calls:
            call.end(error)


class _Call:
    """A command on its way, since a time."""

    __slots__ = ("_answer", "_reply", "since")

    def __init__(self, answer: _Answer, since: float) -> None:
        self.since = since
        self._answer: _Answer | None = answer
        self._reply: Any = None

    def answered(self, reply: Any) -> None:
        """Redis has replied."""
        self._reply = reply
        if isinstance(reply, RedisError):
            self.end(None)

    def end(self, error: RedisError | None) -> None:
        """Give the reply, or the error, unless one was given."""
        answer, self._answer = self._answer, None
        if answer is not None:
            answer(error or self._reply)
