"""The connections of a server to its Redis, which it makes again by itself whenever they break.

There are two for each Redis server: commits have one of their own, because WAIT stops everything behind it on its
connection, and the other one carries the heartbeat, the subscriptions and the rest.
"""

import logging
from collections.abc import Iterator
from typing import Protocol

from pylingo.reactor.bus.redis.link import Greeting, RedisError
from pylingo.reactor.bus.redis.link import Link as Link
from pylingo.reactor.bus.redis.node import Node, Place
from pylingo.reactor.bus.redis.settings import ClusterSettings
from pylingo.reactor.engine.loop import Reactor

logger = logging.getLogger(__name__)


class DeploymentListener(Protocol):
    """The owner of a deployment."""

    def up(self) -> None:
        """All links of all nodes are up, for the first time or again: subscribe, restore, read the gaps."""

    def down(self, why: str) -> None:
        """A link is lost, or the first attempt to connect has failed. Until `up`, calls may be answered `LinkLost`."""

    def pushed(self, channel: bytes, data: bytes) -> None:
        """A message of a channel that one of the links has subscribed."""


class Deployment:
    """The Redis that `settings` names.

    The links are made again with pauses of 50 ms to 1 s. `trouble` says why the deployment is not up; it is empty
    while it is up.
    """

    def __init__(self, reactor: Reactor, settings: ClusterSettings, listener: DeploymentListener) -> None:
        self.trouble = "the connection to Redis is not made yet"
        self.is_up = False
        self._is_told = False  # whether the listener knows the trouble
        self._listener = listener
        address = settings.address
        greeting = Greeting(user=address.user, password=settings.password, db=address.db, name=settings.name)
        self._node = Node(reactor, Place.of(address), greeting, self)

    def commits(self, lane: int) -> Link:
        """The link for the commits of `lane` and for WAIT."""
        return self._node.commits

    def ears(self, lane: int) -> Link:
        """The link for the heartbeat of `lane`, its subscriptions, and everything else."""
        return self._node.ears

    def nodes(self) -> Iterator[Node]:
        """The Redis servers that take writes, each with its `address`, its `commits` and its `ears`."""
        yield self._node

    def close(self) -> None:
        """Send what was called, close the links, and call nothing more."""
        self._node.close()

    # --- of the nodes

    def node_up(self, node: Node) -> None:
        """For a node: both of its links are up."""
        self.is_up = True
        self._is_told = False
        self.trouble = ""
        self._listener.up()

    def node_down(self, node: Node, why: str) -> None:
        """For a node: a link is lost, or could not be made."""
        was_up, self.is_up = self.is_up, False
        self.trouble = f"{node.address}: {why}"
        if was_up or not self._is_told:
            self._is_told = True
            self._listener.down(self.trouble)

    def node_pushed(self, node: Node, channel: bytes, data: bytes) -> None:
        """For a node: a message has come."""
        self._listener.pushed(channel, data)

    def node_refused(self, node: Node, error: RedisError) -> None:
        """For a node: a reply was an error."""
