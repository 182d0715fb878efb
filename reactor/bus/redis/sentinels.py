"""The sentinels of a Redis: they know which server is the primary, and say when that changes.

Of several answers the one with the highest epoch counts: a sentinel that was cut off during a failover still names the
old primary, with a lower one.
"""

import functools
import logging
from collections.abc import Sequence
from typing import Any

from pylingo.reactor.bus.redis.finder import FinderListener
from pylingo.reactor.bus.redis.lasting_link import LastingLink
from pylingo.reactor.bus.redis.layout import whole
from pylingo.reactor.bus.redis.link import Greeting, LinkLost, RedisError
from pylingo.reactor.bus.redis.place import Place, Places
from pylingo.reactor.engine.loop import Reactor
from pylingo.reactor.engine.timers import Timer

logger = logging.getLogger(__name__)

_SWITCH = b"+switch-master"
ASK_AGAIN = 0.2
"""Seconds between two questions to the same sentinels."""


class Sentinels:
    """A `Finder` that asks the sentinels at `hosts` for the primary that they call `service`.

    Sentinels have no users and databases of their own, so the greeting has the password alone.
    """

    def __init__(
        self,
        reactor: Reactor,
        hosts: Sequence[Place],
        places: Places,
        service: str,
        greeting: Greeting,
        listener: FinderListener,
    ) -> None:
        self._reactor = reactor
        self._places = places
        self._service = service
        self._listener = listener
        self._epoch = -1
        self._is_sought = False
        self._timer: Timer | None = None
        plain = Greeting(password=greeting.password, name=greeting.name)
        self._sentinels = [LastingLink(reactor, place, plain, self) for place in hosts]
        self._why = dict.fromkeys(self._sentinels, "")

    def seek(self) -> None:
        """Ask all sentinels that can be reached; the others are asked once they can."""
        if not self._is_sought:
            self._is_sought = True
            self._ask_all()

    def close(self) -> None:
        """Close the connections to the sentinels."""
        self._is_sought = False
        if self._timer is not None:
            self._timer.cancel()
        for lasting in self._sentinels:
            lasting.close()

    def _ask_all(self) -> None:
        """Ask now, and again as long as the primary is sought."""
        if self._is_sought:
            self._timer = self._reactor.call_later(ASK_AGAIN, self._ask_all)
            for lasting in self._sentinels:
                if lasting.link.is_up:
                    self._ask(lasting)

    def _ask(self, lasting: LastingLink) -> None:
        answered = functools.partial(self._answered, lasting)
        lasting.link.call(answered, "SENTINEL", "MASTER", self._service)

    def _answered(self, lasting: LastingLink, reply: Any) -> None:
        if isinstance(reply, LinkLost):
            return
        if isinstance(reply, RedisError):
            self._why[lasting] = str(reply)
            if all(self._why.values()) and self._is_sought:
                self._listener.unknown(f"the sentinels know no primary called {self._service}: {reply}")
            return
        self._why[lasting] = ""
        epoch = int(reply[b"config-epoch"])
        if epoch < self._epoch or (epoch == self._epoch and not self._is_sought):
            return
        self._epoch = epoch
        self._is_sought = False
        self._listener.found(whole(self._places.at(reply[b"ip"].decode(), int(reply[b"port"]))))

    # --- of the links

    def link_up(self, lasting: LastingLink) -> None:
        """For a link: have the sentinel tell of switches, and ask it."""
        self._why[lasting] = ""
        lasting.link.tell("SUBSCRIBE", _SWITCH)
        self._ask(lasting)

    def link_down(self, lasting: LastingLink, why: str) -> None:
        """For a link."""
        self._why[lasting] = why
        if self._is_sought and all(self._why.values()):
            self._listener.lost(f"no sentinel can be reached: {why}")

    def link_pushed(self, lasting: LastingLink, channel: bytes, data: bytes) -> None:
        """For a link: a primary was replaced by another server."""
        if data.split(b" ", 1)[0] == self._service.encode():
            logger.info("the sentinels say that the primary was replaced: %s", data.decode(errors="replace"))
            self._ask(lasting)

    def link_refused(self, lasting: LastingLink, error: RedisError) -> None:
        """For a link: the answers are judged where they come."""
