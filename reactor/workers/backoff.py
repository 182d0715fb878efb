"""How long to wait before a process that has ended is started again."""

FIRST, MOST = 0.1, 5.0
"""Seconds: the first delay, which doubles with each failure, and the longest."""
STEADY = 10.0
"""Seconds after which a process counts as one that works: if it ends then, it is started again at once."""


class Backoff:
    """The delays of one process."""

    def __init__(self) -> None:
        self._failures = 0

    def delay(self, lived: float) -> float:
        """Return the seconds to wait for, after a process that lived so many seconds."""
        if lived >= STEADY:
            self._failures = 0
            return 0.0
        self._failures += 1
        return min(MOST, FIRST * 2.0 ** min(self._failures - 1, 16))
