"""Finding the nodes of a Redis Cluster by slot: one node after the other is asked until one answers."""

from typing import Any

from pylingo.reactor.bus.redis.finder import FinderListener
from pylingo.reactor.bus.redis.layout import read_slots
from pylingo.reactor.bus.redis.link import Greeting, Link, RedisError
from pylingo.reactor.bus.redis.place import Place, Places
from pylingo.reactor.engine.loop import Reactor
from pylingo.reactor.engine.timers import Timer

ASK_AGAIN = 0.2
"""Seconds before the next node is asked."""
ANSWER_TIMEOUT = 2.0
"""Seconds for a node's answer, from dialling on."""


class SlotFinder:
    """A `Finder` that begins with the node at `seed`, and learns the others from it.

    It asks on a connection of its own, which is closed afterwards. A node that takes no writes for now, because too
    few nodes are there, counts as one that does not answer.
    """

    def __init__(
        self, reactor: Reactor, seed: Place, places: Places, greeting: Greeting, listener: FinderListener
    ) -> None:
        self._reactor = reactor
        self._seed = seed
        self._known = [seed]
        self._at = places.at
        self._greeting = greeting
        self._listener = listener
        self._asked = seed
        self._link: Link | None = None
        self._timer: Timer | None = None
        self._pause: Timer | None = None

    def seek(self) -> None:
        """Ask a node, unless one is being asked."""
        if self._link is None and self._pause is None:
            self._pause = self._reactor.call_later(0, self._ask)

    def close(self) -> None:
        """Stop asking."""
        self._stop()
        if self._pause is not None:
            self._pause.cancel()

    def _ask(self) -> None:
        self._pause = None
        self._asked = self._known.pop(0)
        self._known.append(self._asked)
        self._timer = self._reactor.call_later(ANSWER_TIMEOUT, self._failed, "it does not answer")
        self._link = Link(self._reactor, self._asked.where(self._reactor), self._asked.tls, self._greeting, self)

    def _failed(self, why: str) -> None:
        """Ask the next node after a pause."""
        self._stop()
        self._pause = self._reactor.call_later(ASK_AGAIN, self._ask)
        self._listener.lost(f"{self._asked}: {why}")

    def _stop(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            link.close()
        if self._timer is not None:
            self._timer.cancel()

    def _checked(self, reply: Any) -> None:
        if self._link is not None and not isinstance(reply, RedisError) and b"cluster_state:ok" not in reply:
            self._failed("the Redis Cluster is down, by what this node knows")

    def _answered(self, reply: Any) -> None:
        if self._link is None:
            return
        if isinstance(reply, RedisError):
            self._failed(f"CLUSTER SLOTS is refused: {reply}")
            return
        layout = read_slots(reply, self._asked, self._at)
        self._known = list(dict.fromkeys((self._asked, *layout.all, self._seed)))
        self._stop()
        self._listener.found(layout)

    # --- of the link

    def up(self, link: Link) -> None:
        """For the link."""
        link.call(self._checked, "CLUSTER", "INFO")
        link.call(self._answered, "CLUSTER", "SLOTS")

    def down(self, link: Link, why: str) -> None:
        """For the link."""
        self._failed(why)

    def pushed(self, link: Link, channel: bytes, data: bytes) -> None:
        """For the link: it subscribes nothing."""

    def refused(self, link: Link, error: RedisError) -> None:
        """For the link: the answers are judged where they come."""
