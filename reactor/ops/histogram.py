"""A histogram of plain integers, cheap enough for each tick."""

from bisect import bisect_left
from collections.abc import Sequence


class Histogram:
    """Counts values by the first of the rising `bounds` that they do not exceed; the last count is of those above."""

    __slots__ = ("_bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0
        """The sum of all values."""

    def observe(self, value: float) -> None:
        """Count a value."""
        self.counts[bisect_left(self._bounds, value)] += 1
        self.total += value
