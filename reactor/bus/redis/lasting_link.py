"""A link that is made again, with growing pauses, whenever it breaks."""

from collections.abc import Sequence
from typing import Protocol

from pylingo.reactor.bus.redis.link import Greeting, Link, RedisError
from pylingo.reactor.bus.redis.place import Place
from pylingo.reactor.engine.dial import Resolver, Target
from pylingo.reactor.engine.loop import Reactor
from pylingo.reactor.engine.timers import Timer

FIRST_PAUSE = 0.05
"""Seconds before a link is made again. The pause doubles each time, until the link is up."""
LONGEST_PAUSE = 1.0


class LastingLinkListener(Protocol):
    """The owner of a lasting link, which gives itself as `lasting`."""

    def link_up(self, lasting: "LastingLink") -> None: ...
    def link_down(self, lasting: "LastingLink", why: str) -> None: ...
    def link_pushed(self, lasting: "LastingLink", channel: bytes, data: bytes) -> None: ...
    def link_refused(self, lasting: "LastingLink", error: RedisError) -> None: ...


class LastingLink:
    """The link to a place; after it broke, the next one. `link` is the newest, which may be down or not up yet."""

    def __init__(self, reactor: Reactor, place: Place, greeting: Greeting, listener: LastingLinkListener) -> None:
        self._reactor = reactor
        self._place = place
        self._where: Sequence[Target] | Resolver = place.where(reactor)
        self._greeting = greeting
        self._listener = listener
        self._pause = FIRST_PAUSE
        self._timer: Timer | None = None
        self.link = self._make()

    def _make(self) -> Link:
        return Link(self._reactor, self._where, self._place.tls, self._greeting, self)

    def close(self) -> None:
        """Send what was called, close, and make no other link. The listener hears nothing more."""
        if self._timer is not None:
            self._timer.cancel()
        self.link.close()

    def up(self, link: Link) -> None:
        """For the link."""
        self._pause = FIRST_PAUSE
        self._listener.link_up(self)

    def down(self, link: Link, why: str) -> None:
        """For the link: make another one after a pause."""
        self._timer = self._reactor.call_later(self._pause, self._make_again)
        self._pause = min(2 * self._pause, LONGEST_PAUSE)
        self._listener.link_down(self, why)

    def _make_again(self) -> None:
        self.link = self._make()

    def pushed(self, link: Link, channel: bytes, data: bytes) -> None:
        """For the link."""
        self._listener.link_pushed(self, channel, data)

    def refused(self, link: Link, error: RedisError) -> None:
        """For the link."""
        self._listener.link_refused(self, error)
