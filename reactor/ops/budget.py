"""A bound on the share of time that scrapers get, whatever they ask for."""

SHARE = 0.05
"""Of the time, for answers: one that took a millisecond is followed by 20 ms for the chat."""
CREDIT = 2.0
"""Seconds that may be overdrawn, so that several scrapers can come at once."""
LONGEST = 0.5
"""Seconds that a request waits at most: others may have asked for far more than their share."""
LEAST = 0.001
"""Seconds that a request costs at least, as reading it takes time."""


class Budget:
    """Says when the next request may be answered. All times are on one clock that never goes back."""

    def __init__(self) -> None:
        self._paid_until = 0.0

    def delay(self, now: float) -> float:
        """The seconds until the next request may be answered; 0 if it may be now."""
        return max(0.0, self._paid_until - CREDIT - now)

    def charge(self, seconds: float, now: float) -> None:
        """An answer took so many seconds."""
        paid_until = max(self._paid_until, now) + max(seconds, LEAST) / SHARE
        self._paid_until = min(paid_until, now + CREDIT + LONGEST)
