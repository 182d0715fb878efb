"""The connections of a server to its Redis, which it makes again by itself whenever they break.

There are two for each Redis server: commits have one of their own, because WAIT stops everything behind it on its
connection, and the other one carries the heartbeat, the subscriptions and the rest.

A finder says which servers have the lanes: the one that the operator has named, the primary of some sentinels, or
primaries of a Redis Cluster. After each trouble it must say so again before the deployment is up: an old primary that
comes back may still take writes, which are lost when it learns that it was replaced.
"""

import logging
from collections.abc import Iterator
from typing import Protocol

from pylingo.reactor.bus.redis.finder import Finder, FixedFinder
from pylingo.reactor.bus.redis.layout import Layout
from pylingo.reactor.bus.redis.link import Greeting, Link, RedisError, WrongServer
from pylingo.reactor.bus.redis.node import Node
from pylingo.reactor.bus.redis.place import Place, places_for
from pylingo.reactor.bus.redis.sentinels import Sentinels
from pylingo.reactor.bus.redis.settings import ClusterSettings, Kind
from pylingo.reactor.bus.redis.slot_finder import SlotFinder
from pylingo.reactor.engine.loop import Reactor

logger = logging.getLogger(__name__)


class DeploymentListener(Protocol):
    """The owner of a deployment."""

    def up(self) -> None:
        """All links of all nodes are up, for the first time or again: subscribe, restore, read the gaps."""

    def down(self, why: str) -> None:
        """The deployment is not up any more, or could not come up at the first attempt. Called once until `up`.

        Calls until `up` may be answered with `LinkLost`. The answers of calls that were open come later.
        """

    def pushed(self, channel: bytes, data: bytes) -> None:
        """A message of a channel that one of the links has subscribed."""

    def refused(self, why: str) -> None:
        """Before the first `up`: this Redis cannot be used until an operator does something. `why` is a sentence.

        The deployment goes on trying, and calls this again if the reason changes.
        """


class Deployment:
    """The Redis that `settings` names. Raises `LaunchError` if the file of certificates cannot be used.

    The links are made again with pauses of 50 ms to 1 s. `trouble` says why the deployment is not up; it is empty
    while it is up.
    """

    def __init__(self, reactor: Reactor, settings: ClusterSettings, listener: DeploymentListener) -> None:
        self.trouble = "the connection to Redis is not made yet"
        self.is_up = False
        self._reactor = reactor
        self._listener = listener
        self._lanes = settings.lanes
        self._was_up = False
        self._is_closed = False
        self._is_told = False  # whether the listener knows of the trouble
        self._is_doubtful = True  # whether the finder has to confirm the layout
        self._layout: Layout | None = None
        self._nodes: dict[Place, Node] = {}
        self._by_lane: list[Node] = []
        address = settings.address
        self._greeting = Greeting(user=address.user, password=settings.password, db=address.db, name=settings.name)
        self._places = places_for(address, settings.ca)
        named = self._places.of(address)
        self._is_found = address.kind is Kind.SENTINEL
        self._finder: Finder
        if self._is_found:
            self._finder = Sentinels(reactor, named, self._places, address.service, self._greeting, self)
        else:
            self._finder = FixedFinder(reactor, named[0], self)
        self._named = named[0]
        self._finder.seek()

    def commits(self, lane: int) -> Link:
        """The link for the commits of `lane` and for WAIT. Raises `LookupError` before the first `up`."""
        return self._by_lane[lane].commits

    def ears(self, lane: int) -> Link:
        """The link for the heartbeat of `lane`, its subscriptions, and everything else. Raises as `commits`."""
        return self._by_lane[lane].ears

    def nodes(self) -> Iterator[Node]:
        """The Redis servers that have lanes, each with its `address`, its `info`, its `commits` and its `ears`."""
        return iter(self._nodes.values())

    def use_lanes(self, lanes: int) -> None:
        """The cluster has so many lanes, and not those of the settings: connect to the nodes that have them.

        If that takes new links, `down` is called now, and `up` later.
        """
        if lanes != self._lanes:
            self._lanes = lanes
            if self._layout is not None:
                self.found(self._layout)

    def close(self) -> None:
        """Send what was called, close the links, and call nothing more."""
        self.is_up = False
        self._is_closed = True
        self._finder.close()
        for node in self._nodes.values():
            node.close()

    # --- of the finder

    def found(self, layout: Layout) -> None:
        """For the finder: connect to the servers that have lanes, and to no others."""
        self._layout = layout
        self._is_doubtful = False
        places = [layout.place(lane) for lane in range(self._lanes)]
        wanted = dict.fromkeys(place for place in places if place is not None)
        if None in places:
            self._seek(f"no node of the Redis Cluster has the slot of lane {places.index(None)}")
            return
        moved = [str(place) for place in wanted if place not in self._nodes]
        if moved and self.is_up:
            self._tell(f"lanes are on another server now: {', '.join(moved)}")
        for place in self._nodes.keys() - wanted.keys():
            self._nodes.pop(place).close()
        for place in wanted:
            if place not in self._nodes:
                self._nodes[place] = Node(self._reactor, place, self._greeting, self, self._is_found)
        self._assign([self._nodes[place] for place in places if place is not None])
        self._come_up()

    def _assign(self, by_lane: list[Node]) -> None:
        """From now on these nodes have the lanes."""
        before, self._by_lane = self._by_lane, by_lane
        if self.is_up and any(old is not new for old, new in zip(before, by_lane, strict=False)):
            self._tell("lanes are on other servers than before")

    def lost(self, why: str) -> None:
        """For the finder."""
        self._tell(why)

    def unknown(self, why: str) -> None:
        """For the finder."""
        self._refuse(why)
        self._tell(why)

    # --- of the nodes

    def node_up(self, node: Node) -> None:
        """For a node: it counts once the finder has confirmed it."""
        if not self.is_up:
            self._is_doubtful = True
            self._finder.seek()

    def node_down(self, node: Node, why: str) -> None:
        """For a node."""
        self._seek(f"{node.address}: {why}")

    def node_unfit(self, node: Node, why: str) -> None:
        """For a node."""
        sentence = f"{node.address}: {why}"
        self._refuse(sentence)
        self._seek(sentence)

    def node_clustered(self, node: Node) -> None:
        """For a node: the operator has named one node of a Redis Cluster, so look for the others."""
        if not self._is_found:
            self._is_found = True
            self._finder.close()
            self._finder = SlotFinder(self._reactor, self._named, self._places, self._greeting, self)
            for known in self._nodes.values():
                known.close()
            self._nodes.clear()
            self._is_doubtful = True
            self._finder.seek()

    def node_pushed(self, node: Node, channel: bytes, data: bytes) -> None:
        """For a node."""
        self._listener.pushed(channel, data)

    def node_refused(self, node: Node, error: RedisError) -> None:
        """For a node: if it was the wrong server for a call, find the right one."""
        if isinstance(error, WrongServer):
            node.doubt()
            self._seek(f"{node.address}: {error}")

    # --- up and down

    def _come_up(self) -> None:
        if self.is_up or self._is_doubtful or self._is_closed:
            return
        if all(node.is_up for node in self._nodes.values()):
            self.is_up = self._was_up = True
            self._is_told = False
            self.trouble = ""
            self._listener.up()

    def _seek(self, why: str) -> None:
        """Be down until the finder has confirmed where the servers are, and all of them are up."""
        self._tell(why)
        if not self._is_closed:
            self._is_doubtful = True
            self._finder.seek()

    def _tell(self, why: str) -> None:
        """Be down. The listener is told once."""
        self.is_up = False
        self.trouble = why
        if not self._is_told and not self._is_closed:
            self._is_told = True
            self._listener.down(why)

    def _refuse(self, why: str) -> None:
        """This Redis cannot be used: refuse it at the start, and say so in the log later."""
        if self._is_closed or why == self.trouble:
            return
        if self._was_up:
            logger.error("%s", why)
        else:
            self._listener.refused(why)
