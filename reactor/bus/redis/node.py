"""One Redis server: two links, each of which is made again when it breaks."""

import functools
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from pylingo.reactor.bus.redis.link import Greeting, Link, RedisError
from pylingo.reactor.bus.redis.settings import Kind, RedisAddress
from pylingo.reactor.engine.dial import Resolver, Target
from pylingo.reactor.engine.loop import Reactor
from pylingo.reactor.engine.timers import Timer
from pylingo.reactor.engine.tls import ClientTls
from pylingo.shared.address import show_address

FIRST_PAUSE = 0.05
"""Seconds before a link is made again. The pause doubles until the link is up."""
LONGEST_PAUSE = 1.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where a Redis server listens: a host and a port, or the path of a socket if `host` is empty."""

    host: str = ""
    port: int = 0
    path: str = ""
    tls: ClientTls | None = None

    @staticmethod
    def of(address: RedisAddress, tls: ClientTls | None = None) -> "Place":
        """The place of an address that is not one of sentinels."""
        if address.kind is Kind.UNIX:
            return Place(path=address.path)
        host, port = address.hosts[0]
        return Place(host, port, tls=tls)

    def __str__(self) -> str:
        return show_address(self.host, self.port) if self.host else self.path

    def where(self, reactor: Reactor) -> Sequence[Target] | Resolver:
        """What to dial."""
        return Resolver(reactor, self.host, self.port) if self.host else [(socket.AF_UNIX, self.path)]


class NodeListener(Protocol):
    """The owner of a node."""

    def node_up(self, node: "Node") -> None: ...
    def node_down(self, node: "Node", why: str) -> None: ...
    def node_pushed(self, node: "Node", channel: bytes, data: bytes) -> None: ...
    def node_refused(self, node: "Node", error: RedisError) -> None: ...


class LastingLink:
    """The link to a place, and after it broke, the next one: `link` is the newest one, which may be down."""

    def __init__(self, reactor: Reactor, place: Place, greeting: Greeting, listener: "Node") -> None:
        self._reactor = reactor
        self._listener = listener
        self._pause = FIRST_PAUSE
        self._timer: Timer | None = None
        self._make: Callable[[], Link] = functools.partial(
            Link, reactor, place.where(reactor), place.tls, greeting, self
        )
        self.link = self._make()

    def close(self) -> None:
        """Send what was called, close, and make no other link."""
        if self._timer is not None:
            self._timer.cancel()
        self.link.close()

    def up(self, link: Link) -> None:
        """For the link."""
        self._pause = FIRST_PAUSE
        self._listener.link_up()

    def down(self, link: Link, why: str) -> None:
        """For the link: make another one after a pause."""
        self._timer = self._reactor.call_later(self._pause, self._make_again)
        self._pause = min(2 * self._pause, LONGEST_PAUSE)
        self._listener.link_down(why)

    def _make_again(self) -> None:
        self.link = self._make()

    def pushed(self, link: Link, channel: bytes, data: bytes) -> None:
        """For the link."""
        self._listener.link_pushed(channel, data)

    def refused(self, link: Link, error: RedisError) -> None:
        """For the link."""
        self._listener.link_refused(error)


class Node:
    """The Redis server at `place`, which is shown as `address`. `is_up` says whether both links are up."""

    def __init__(self, reactor: Reactor, place: Place, greeting: Greeting, listener: NodeListener) -> None:
        self.address = str(place)
        self.is_up = False
        self._listener = listener
        self._commits = LastingLink(reactor, place, greeting, self)
        self._ears = LastingLink(reactor, place, greeting, self)

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
        self.is_up = False
        self._commits.close()
        self._ears.close()

    def link_up(self) -> None:
        """For a link."""
        if self.commits.is_up and self.ears.is_up:
            self.is_up = True
            self._listener.node_up(self)

    def link_down(self, why: str) -> None:
        """For a link."""
        self.is_up = False
        self._listener.node_down(self, why)

    def link_pushed(self, channel: bytes, data: bytes) -> None:
        """For a link."""
        self._listener.node_pushed(self, channel, data)

    def link_refused(self, error: RedisError) -> None:
        """For a link."""
        self._listener.node_refused(self, error)
