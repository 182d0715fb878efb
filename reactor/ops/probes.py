"""Measurements that cost a little all the time, and exist only where metrics are asked for."""

import gc
import time
from collections.abc import Callable
from typing import Any

from pylingo.reactor.engine.loop import Reactor

LOOK_EVERY = 0.5
"""Seconds between two measurements of the lag."""


class LagProbe:
    """Observes how late the loop makes a call that is due."""

    def __init__(self, reactor: Reactor, observe: Callable[[float], object]) -> None:
        self._reactor = reactor
        self._observe = observe
        self._look_later()

    def _look_later(self) -> None:
        due = self._reactor.clock() + LOOK_EVERY
        self._timer = self._reactor.call_later(LOOK_EVERY, self._look, due)

    def _look(self, due: float) -> None:
        self._observe(max(0.0, self._reactor.clock() - due))
        self._look_later()

    def close(self) -> None:
        """Look no more."""
        self._timer.cancel()


class GcProbe:
    """Observes how long the garbage collector takes. `clock` gives seconds."""

    def __init__(self, observe: Callable[[float], object], clock: Callable[[], float] = time.perf_counter) -> None:
        self._observe = observe
        self._clock = clock
        self._begin = 0.0
        gc.callbacks.append(self._called)

    def _called(self, phase: str, info: dict[str, Any]) -> None:
        if phase == "start":
            self._begin = self._clock()
        elif self._begin:
            self._observe(self._clock() - self._begin)

    def close(self) -> None:
        """Observe no more."""
        gc.callbacks.remove(self._called)
