"""Timers: a heap of deadlines with lazy deletion.

A cancelled timer stays in the heap until its time comes, as in CPython's asyncio, so that cancelling is cheap.
A heap that has doubled is rebuilt without the cancelled ones, so that they cannot fill the memory.
"""

import heapq
from collections.abc import Callable, Iterator
from typing import Any, Protocol

MOST_DUE = 100
"""Calls that are taken out at a time: many seats may expire in the same moment, and each tells its rooms."""
_REBUILD_ABOVE = 256


class Owner(Protocol):
    """An object that calls belong to, such as a connection."""

    def fail(self, error: Exception) -> None:
        """A call raised `error`, which is reported already: close what the call belongs to."""


Call = tuple[Callable[..., object], tuple[Any, ...], Owner | None]


class Timer:
    """One call to come. `cancel` may be called at any time, any number of times."""

    __slots__ = ("call",)

    def __init__(self, call: Call) -> None:
        self.call: Call | None = call  # None once it was made or cancelled

    def cancel(self) -> None:
        """Never call back. The callback and its arguments are released at once."""
        self.call = None


class TimerQueue:
    """Timers by deadline; those with the same deadline in the order in which they were added."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Timer]] = []
        self._serial = 0
        self._most = _REBUILD_ABOVE  # entries, until the next rebuild

    def __len__(self) -> int:
        return sum(timer.call is not None for _, _, timer in self._heap)

    def add(
        self, when: float, callback: Callable[..., object], args: tuple[Any, ...] = (), owner: Owner | None = None
    ) -> Timer:
        """Call `callback(*args)` when the clock has reached `when` (seconds, on the clock of the caller)."""
        if len(self._heap) >= self._most:
            self._heap = [entry for entry in self._heap if entry[2].call is not None]
            heapq.heapify(self._heap)
            self._most = max(_REBUILD_ABOVE, 2 * len(self._heap))
        timer = Timer((callback, args, owner))
        self._serial += 1
        heapq.heappush(self._heap, (when, self._serial, timer))
        return timer

    def next_deadline(self) -> float | None:
        """The earliest deadline of all, or None."""
        heap = self._heap
        while heap and heap[0][2].call is None:
            heapq.heappop(heap)
        return heap[0][0] if heap else None

    def due(self, now: float) -> Iterator[Call]:
        """Take out the calls whose time has come, but not one that an earlier one of them cancels or adds.

        At most `MOST_DUE` are taken out; the others stay for the next call.
        """
        timers: list[Timer] = []
        while self._heap and self._heap[0][0] <= now and len(timers) < MOST_DUE:
            timers.append(heapq.heappop(self._heap)[2])
        for timer in timers:
            call, timer.call = timer.call, None
            if call is not None:
                yield call
