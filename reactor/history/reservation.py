"""Stamps that are reserved on disk some seconds ahead, for a server that may die at any moment. Pure.

The next server begins behind the reservation that it finds in the file. No stamp that others have seen is ever given
again that way, even if the message with it was never committed.
"""

from pylingo.reactor.history.history import FOREVER

AHEAD = 10_000_000
"""Microseconds for which stamps are reserved. They are reserved again when half of them are over."""
SPARE = 1_000_000
"""Of these the microseconds that the clock does not reach: as many messages can be sent while the disk hangs."""


class Reservation:
    """See the module. Stamps are in microseconds since 1970."""

    __slots__ = ("_last", "limit")

    def __init__(self) -> None:
        self.limit = FOREVER
        """The last stamp that may be taken from the clock. `FOREVER` while nothing is reserved."""
        self._last = 0

    def __bool__(self) -> bool:
        """Whether anything is reserved, or about to be."""
        return self._last > 0

    def renew(self, now: int) -> int | None:
        """Return up to which stamp the file is to reserve; None if the reservation still fits the clock.

        `limit` falls at once if the clock was set back. It rises with `committed`.
        """
        if AHEAD // 2 <= self._last - now <= AHEAD:
            return None
        self._last = now + AHEAD
        self.limit = min(self.limit, self._last - SPARE)
        return self._last

    def committed(self, last: int) -> None:
        """The file has reserved stamps up to `last`. That is 0 in an empty file whose reservation was given up."""
        if self and last == self._last:
            self.limit = last - SPARE

    def give_up(self) -> None:
        """Reserve nothing any more."""
        self.limit = FOREVER
        self._last = 0
