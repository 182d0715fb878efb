"""Noticing that talk stands still: nothing proposed takes effect, or Redis is away."""

from collections.abc import Callable

PATIENCE = 2.0
"""Seconds after which people are told."""


class Stillness:
    """Calls `told(True, why)` when the `lag` in seconds has reached 2, and `told(False, "")` when it is below again.

    `check` is to be called a few times each second.
    """

    def __init__(self, told: Callable[[bool, str], object]) -> None:
        self.is_still = False
        self._told = told

    def check(self, lag: float, trouble: str) -> None:
        """`trouble` says why talk stands still, if it does; it may be empty."""
        is_still = lag >= PATIENCE
        if is_still != self.is_still:
            self.is_still = is_still
            self._told(is_still, (trouble or "Redis does not answer") if is_still else "")
