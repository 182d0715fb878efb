"""Owners of links and deployments that write down what they hear, and a way to turn a reactor until something holds."""

from collections.abc import Callable
from typing import Any

from pylingo.reactor.bus.redis.layout import Layout
from pylingo.reactor.bus.redis.link import Link, RedisError
from pylingo.reactor.engine.loop import Reactor
from tests.support import wait_until


def turn_until(reactor: Reactor, condition: Callable[[], Any], what: str = "the condition") -> Any:
    """Turn `reactor` until `condition()` is true, and return its value."""

    def turned() -> Any:
        reactor.tick(0.01)
        return condition()

    return wait_until(turned, what)


def answered(reactor: Reactor, link: Link, *args: bytes | str | int) -> Any:
    """The reply to a call on `link`; an error is returned."""
    replies: list[Any] = []
    link.call(replies.append, *args)
    turn_until(reactor, lambda: replies, f"the reply to {args[0]!r}")
    return replies[0]


def settle(reactor: Reactor) -> None:
    """Turn `reactor` until everything that was closed has its sockets closed."""
    turn_until(reactor, lambda: not reactor.pending_timers)
    reactor.tick(0)


class LinkLog:
    """A link's owner."""

    def __init__(self) -> None:
        self.ups = 0
        self.downs: list[str] = []
        self.pushes: list[tuple[bytes, bytes]] = []
        self.errors: list[str] = []

    def up(self, link: Link) -> None:
        self.ups += 1

    def down(self, link: Link, why: str) -> None:
        self.downs.append(why)

    def pushed(self, link: Link, channel: bytes, data: bytes) -> None:
        self.pushes.append((channel, data))

    def refused(self, link: Link, error: RedisError) -> None:
        self.errors.append(error.code)


class DeploymentLog:
    """A deployment's owner."""

    def __init__(self) -> None:
        self.ups = 0
        self.downs: list[str] = []
        self.refusals: list[str] = []
        self.pushes: list[tuple[bytes, bytes]] = []

    def up(self) -> None:
        self.ups += 1

    def down(self, why: str) -> None:
        self.downs.append(why)

    def pushed(self, channel: bytes, data: bytes) -> None:
        self.pushes.append((channel, data))

    def refused(self, why: str) -> None:
        self.refusals.append(why)


class FinderLog:
    """A finder's owner."""

    def __init__(self) -> None:
        self.layouts: list[Layout] = []
        self.losses: list[str] = []
        self.unknowns: list[str] = []

    def found(self, layout: Layout) -> None:
        self.layouts.append(layout)

    def lost(self, why: str) -> None:
        self.losses.append(why)

    def unknown(self, why: str) -> None:
        self.unknowns.append(why)
