"""Finding the Redis servers of the lanes: by the address given, by sentinels, or by the nodes of a Redis Cluster."""

from typing import Protocol

from pylingo.reactor.bus.redis.layout import Layout, whole
from pylingo.reactor.bus.redis.place import Place
from pylingo.reactor.engine.loop import Reactor


class FinderListener(Protocol):
    """The owner of a finder."""

    def found(self, layout: Layout) -> None:
        """The layout as it is known now: the answer to `seek`, or news."""

    def lost(self, why: str) -> None:
        """The layout could not be found, for now; `why` is a sentence. The finder goes on trying."""

    def unknown(self, why: str) -> None:
        """The sentinels answer, but there is no such primary."""


class Finder(Protocol):
    """Finds the layout."""

    def seek(self) -> None:
        """Find the layout again, and call the listener's `found` later, with a layout learnt after this call."""

    def close(self) -> None:
        """Call nothing more."""


class FixedFinder:
    """There is one server, whose place is given."""

    def __init__(self, reactor: Reactor, place: Place, listener: FinderListener) -> None:
        self._reactor = reactor
        self._layout = whole(place)
        self._listener: FinderListener | None = listener
        self._is_asked = False

    def seek(self) -> None:
        """Nothing is to be learnt: the layout is found in the next tick."""
        if not self._is_asked:
            self._is_asked = True
            self._reactor.call_soon(self._find)

    def _find(self) -> None:
        self._is_asked = False
        if self._listener is not None:
            self._listener.found(self._layout)

    def close(self) -> None:
        """Call nothing more."""
        self._listener = None
