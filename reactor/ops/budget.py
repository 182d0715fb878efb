"""A bound on the share of time that scrapers get, whatever they ask for."""

SHARE = 0.05
"""The share of the time for answers. One that took a millisecond pays for the next 20 ms."""
CREDIT = 2.0
"""Seconds that may be owed, so that several scrapers can come at once."""
LONGEST = 0.5
"""The longest wait of a request, in seconds, however much other scrapers have asked for."""
LEAST = 0.001
"""The least cost of a request, in seconds, because reading it takes time."""


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
