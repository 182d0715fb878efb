"""One Redis server: two links, and whether the server is fit for a chat."""

import enum
import logging
from typing import Any, Protocol

from pylingo.reactor.bus.redis.fitness import Fitness, Verdict, examine, parse_info, why_evicts
from pylingo.reactor.bus.redis.lasting_link import LastingLink
from pylingo.reactor.bus.redis.link import Greeting, Link, LinkLost, RedisError
from pylingo.reactor.bus.redis.place import Place
from pylingo.reactor.engine.loop import Reactor
from pylingo.reactor.engine.timers import Timer

logger = logging.getLogger(__name__)

CHECK_AGAIN = 0.1
"""Seconds before a server that loads its data, or is not fit, is asked again."""
WATCH = 30.0
"""Seconds between two looks at the memory of a server that is up."""


class NodeListener(Protocol):
    """The owner of a node."""

    def node_up(self, node: "Node") -> None:
        """Both links are up, and the server is fit."""

    def node_down(self, node: "Node", why: str) -> None:
        """A link is lost or could not be made, or the server is not ready."""

    def node_unfit(self, node: "Node", why: str) -> None:
        """The server cannot be used, or refuses this one; `why` is a sentence. It is tried again."""

    def node_clustered(self, node: "Node") -> None:
        """The server is a node of a Redis Cluster, which the operator has named."""

    def node_pushed(self, node: "Node", channel: bytes, data: bytes) -> None:
        """A message has come."""

    def node_refused(self, node: "Node", error: RedisError) -> None:
        """A reply was an error."""


class NodeState(enum.Enum):
    """The states of a node."""

    LINKING = enum.auto()  # a link is not up
    CHECKING = enum.auto()  # it is not known yet whether the server is fit
    UP = enum.auto()
    CLOSED = enum.auto()


class Node:
    """The Redis server at `place`, which is shown as `address`. `info` has the fields of its INFO, once it was up.

    `is_found` is as for `examine`.
    """

    def __init__(
        self, reactor: Reactor, place: Place, greeting: Greeting, listener: NodeListener, is_found: bool = False
    ) -> None:
        self.address = str(place)
        self.info: dict[str, str] = {}
        self._reactor = reactor
        self._is_found = is_found
        self._db = greeting.db
        self._listener = listener
        self._state = NodeState.LINKING
        self._timer: Timer | None = None
        self._evicts = ""  # what was logged about it
        self._commits = LastingLink(reactor, place, greeting, self)
        self._ears = LastingLink(reactor, place, greeting, self)

    @property
    def is_up(self) -> bool:
        """Whether both links are up and the server is fit."""
        return self._state is NodeState.UP

    @property
    def commits(self) -> Link:
        """The link for commits and WAIT."""
        return self._commits.link

    @property
    def ears(self) -> Link:
        """The link for everything else."""
        return self._ears.link

    def close(self) -> None:
        """Send what was called, close both links, and call nothing more."""
        self._state = NodeState.CLOSED
        self._stop_timer()
        self._commits.close()
        self._ears.close()

    def doubt(self) -> None:
        """Examine the server again before it counts as up: it has answered as if it was the wrong one."""
        if self._state is NodeState.UP:
            self._state = NodeState.CHECKING
            self._later(CHECK_AGAIN)

    # --- of the links

    def link_up(self, lasting: LastingLink) -> None:
        """For a link."""
        if self.commits.is_up and self.ears.is_up:
            self._state = NodeState.CHECKING
            self._check()

    def link_down(self, lasting: LastingLink, why: str) -> None:
        """For a link."""
        self._state = NodeState.LINKING
        self._stop_timer()
        if lasting.link.is_unwelcome:
            self._listener.node_unfit(self, why)
        else:
            self._listener.node_down(self, why)

    def link_pushed(self, lasting: LastingLink, channel: bytes, data: bytes) -> None:
        """For a link."""
        self._listener.node_pushed(self, channel, data)

    def link_refused(self, lasting: LastingLink, error: RedisError) -> None:
        """For a link."""
        self._listener.node_refused(self, error)

    # --- whether the server is fit

    def _check(self) -> None:
        self.ears.call(self._checked, "INFO")

    def _checked(self, reply: Any) -> None:
        if self._state not in (NodeState.CHECKING, NodeState.UP) or isinstance(reply, LinkLost):
            return
        if isinstance(reply, RedisError):
            verdict = Verdict(Fitness.UNFIT, f"Redis does not answer INFO: {reply}")
        else:
            self.info = parse_info(reply)
            verdict = examine(self.info, self._is_found, self._db)
        if self._state is NodeState.UP:
            self._watch()
        else:
            self._judge(verdict)

    def _judge(self, verdict: Verdict) -> None:
        match verdict.fitness:
            case Fitness.FIT:
                self._state = NodeState.UP
                self._later(WATCH)
                self._listener.node_up(self)
            case Fitness.CLUSTER:
                self._listener.node_clustered(self)
            case Fitness.LATER:
                self._later(CHECK_AGAIN)
                self._listener.node_down(self, verdict.why)
            case Fitness.UNFIT:
                self._later(CHECK_AGAIN)
                self._listener.node_unfit(self, verdict.why)

    def _watch(self) -> None:
        """Say in the log that a server that is in use has begun to delete data."""
        self._later(WATCH)
        evicts = why_evicts(self.info)
        if evicts and evicts != self._evicts:
            logger.error("%s: %s", self.address, evicts)
        self._evicts = evicts

    def _later(self, delay: float) -> None:
        self._stop_timer()
        self._timer = self._reactor.call_later(delay, self._check)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
