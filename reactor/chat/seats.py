"""The seats that are kept when connections break, and their bounds.

A seat takes memory until the grace time is over, and costs a peer next to nothing. So there is a bound for all seats
and one for the seats of one origin, a key that the connections of one address share. At a bound the oldest seat of the
same origin expires if it was kept for half of the grace time. If it is younger, the peer keeps coming and going, and
the new seat is not kept.
"""

import collections
from collections.abc import Callable
from typing import Protocol

_SETTLED = 0.5
"""The part of the grace time after which a seat may give way to another one."""


class Timer(Protocol):
    """A scheduled call that can be cancelled."""

    def cancel(self) -> None: ...


class Sitter(Protocol):
    """A session with a seat. `origin` is None if the bound for one origin does not apply."""

    origin: str | None

    def expire(self) -> None:
        """The seat has expired."""


class Seats:
    """Keeps seats for `grace` seconds. Without `call_later` none is kept.

    `most` bounds all seats, `most_per_origin` those of one origin; 0 means no bound. These and `grace` may change at
    any time; seats that are kept already stay for their time.
    """

    def __init__(self, grace: float, call_later: Callable[..., Timer] | None, clock: Callable[[], float]) -> None:
        self.most = 0
        self.most_per_origin = 0
        self.refused = 0
        """The number of seats that were not kept because of a bound."""
        self.grace = grace
        self._call_later = call_later
        self._clock = clock
        # With the times of keeping and of expiring, in the order of keeping. A plain dict would walk over the entries
        # deleted at its front.
        self._kept: collections.OrderedDict[Sitter, tuple[float, float, Timer]] = collections.OrderedDict()
        self._own: dict[str | None, collections.OrderedDict[Sitter, None]] = {}

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def origins(self) -> int:
        """The number of origins that have seats."""
        return len(self._own)

    def keep(self, sitter: Sitter) -> bool:
        """Keep a seat until the grace time is over; return False if a bound forbids it."""
        if not self.grace or self._call_later is None:
            return False
        if not self._make_place(sitter.origin):
            self.refused += 1
            return False
        self._put(sitter, self.grace)
        return True

    def _put(self, sitter: Sitter, seconds: float) -> None:
        assert self._call_later is not None
        until = self._clock() + seconds
        self._kept[sitter] = until - max(self.grace, seconds), until, self._call_later(seconds, sitter.expire)
        self._own.setdefault(sitter.origin, collections.OrderedDict())[sitter] = None

    def keep_for(self, sitter: Sitter, seconds: float) -> None:
        """Keep a seat that another process has kept, for the rest of its time. No bound forbids it."""
        if self._call_later is not None:
            self._put(sitter, seconds)

    def left(self, sitter: Sitter) -> float | None:
        """The seconds for which a seat is still kept; None if it is not."""
        kept = self._kept.get(sitter)
        return max(0.0, kept[1] - self._clock()) if kept is not None else None

    def give_up(self, sitter: Sitter) -> None:
        """Give a seat up, if it is kept: its session has a connection again, or has ended.

        `origin` must be the same as for `keep`.
        """
        kept = self._kept.pop(sitter, None)
        if kept is None:
            return
        kept[2].cancel()
        own = self._own[sitter.origin]
        del own[sitter]
        if not own:
            del self._own[sitter.origin]

    def _make_place(self, origin: str | None) -> bool:
        """Whether another seat may be kept. Expires an older one if necessary."""
        own = self._own.get(origin)
        has_most = own is not None and origin is not None and 0 < self.most_per_origin <= len(own)
        if not has_most and not 0 < self.most <= len(self._kept):
            return True
        oldest = next(iter(own or self._kept))
        if own and self._clock() - self._kept[oldest][0] < _SETTLED * self.grace:
            return False
        oldest.expire()
        return True
