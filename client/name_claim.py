"""Asks again for a name that somebody else has. It may become free without our seeing it."""

from collections.abc import Callable

from pylingo.client.reconnect import Backoff
from pylingo.reactor.engine.loop import Reactor
from pylingo.reactor.engine.timers import Timer

FIRST_CLAIM = 5.0
"""Seconds, on average, before a name that somebody else has is asked for again. Each further delay is twice as long."""
LONGEST_CLAIM = 300.0


class NameClaim:
    """Calls `ask()` from time to time, while a name is wanted."""

    def __init__(self, reactor: Reactor, ask: Callable[[], object]) -> None:
        self._reactor = reactor
        self._ask = ask
        self._delays = Backoff(FIRST_CLAIM, LONGEST_CLAIM)
        self._timer: Timer | None = None

    def watch(self, wanted: str | None) -> None:
        """`wanted` is the name that somebody else has; None if there is none any more."""
        if wanted is None:
            self._delays.attempts = 0
            self.cancel()
        elif self._timer is None:
            self._timer = self._reactor.call_later(self._delays.next(), self._expire)

    def cancel(self) -> None:
        """Ask no more, until the next `watch`."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _expire(self) -> None:
        self._timer = None
        self._ask()
