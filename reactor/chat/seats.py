"""The seats of connections that broke: how many are kept, and for whom.

A seat takes memory for as long as the grace time lasts, and making one costs a peer next to nothing. So there is a
bound in all and one for each origin, which is what the connections of one address have in common. At a bound the
origin's own oldest seat goes first, but only if it was kept for half of the grace time. An origin whose seats are all
younger keeps coming and going, and gets no seat.
"""

import collections
from collections.abc import Callable
from typing import Protocol

_SETTLED = 0.5
"""The part of the grace time after which a seat makes place for another one."""


class Timer(Protocol):
    """A call to come that can be called off."""

    def cancel(self) -> None: ...


class Sitter(Protocol):
    """Whose seat is kept. `origin` is None where the bound for one origin does not hold."""

    origin: str | None

    def expire(self) -> None:
        """The seat is not kept any longer."""


class Seats:
    """Keeps seats for `grace` seconds, if there is a `call_later` to say when they are over.

    `most` bounds all seats, `most_per_origin` those of one origin; 0 is for no bound. These and `grace` may be changed
    at any time; seats that are kept already stay for their time.
    """

    def __init__(self, grace: float, call_later: Callable[..., Timer] | None, clock: Callable[[], float]) -> None:
        self.most = 0
        self.most_per_origin = 0
        self.refused = 0
        """How many connections broke for which there was no place."""
        self.grace = grace
        self._call_later = call_later
        self._clock = clock
        # Ordered by when each was taken. A dict would walk over all that were deleted at its front.
        self._kept: collections.OrderedDict[Sitter, float] = collections.OrderedDict()
        self._own: dict[str | None, collections.OrderedDict[Sitter, None]] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def keep(self, sitter: Sitter) -> Timer | None:
        """Keep a seat, and have it expire when the grace time is over; None if there is no place for it."""
        if not self.grace or self._call_later is None:
            return None
        if not self._make_place(sitter.origin):
            self.refused += 1
            return None
        self._kept[sitter] = self._clock()
        self._own.setdefault(sitter.origin, collections.OrderedDict())[sitter] = None
        return self._call_later(self.grace, sitter.expire)

    def give_up(self, sitter: Sitter) -> None:
        """Somebody has come back, or the seat has expired. `origin` is the one that the seat was kept with."""
        del self._kept[sitter]
        own = self._own[sitter.origin]
        del own[sitter]
        if not own:
            del self._own[sitter.origin]

    def _make_place(self, origin: str | None) -> bool:
        """Whether there is place for another seat, maybe after another one has expired."""
        own = self._own.get(origin)
        has_most = own is not None and origin is not None and 0 < self.most_per_origin <= len(own)
        if not has_most and not 0 < self.most <= len(self._kept):
            return True
        oldest = next(iter(own or self._kept))
        if own and self._clock() - self._kept[oldest] < _SETTLED * self.grace:
            return False
        oldest.expire()
        return True
