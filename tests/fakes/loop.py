"""A loop that a test turns by hand: calls of threads and timers."""

import queue
from collections.abc import Callable
from typing import Any

from tests.support import DEADLINE


class Loop:
    """`call_from_thread` and `call_later` of a reactor. Nothing happens before `turn` or `fire`."""

    def __init__(self) -> None:
        self.timers: list[tuple[float, Callable[..., object], tuple[Any, ...]]] = []
        self._calls: queue.SimpleQueue[tuple[Callable[..., object], tuple[Any, ...]]] = queue.SimpleQueue()

    def call_from_thread(self, callback: Callable[..., object], *args: Any) -> None:
        self._calls.put((callback, args))

    def call_later(self, delay: float, callback: Callable[..., object], *args: Any) -> None:
        self.timers.append((delay, callback, args))

    def turn(self) -> None:
        """Wait for one call of a thread, and make it."""
        callback, args = self._calls.get(timeout=DEADLINE)
        callback(*args)

    def turn_until(self, condition: Callable[[], Any]) -> None:
        """Make calls of threads until `condition()` is true."""
        while not condition():
            self.turn()

    def fire(self) -> None:
        """Let all timers end."""
        timers, self.timers = self.timers, []
        for _, callback, args in timers:
            callback(*args)
