"""Timers: a heap of deadlines with lazy deletion.

A cancelled timer stays in the heap until its time comes, as in CPython's asyncio, so that cancelling is cheap.
When most timers of a large heap are cancelled, it is rebuilt without them, so that they cannot fill the memory.
"""

import heapq
from collections.abc import Callable
from typing import Any, Protocol

_REBUILD_ABOVE = 256


class Owner(Protocol):
    """An object that calls belong to, such as a connection."""

    def fail(self, error: Exception) -> None:
        """A call raised `error`, which is reported already: close what the call belongs to."""


class Timer:
    """One call to come. `cancel` may be called at any time, any number of times."""

    __slots__ = ("_queue", "args", "callback", "cancelled", "owner", "when")

    def __init__(
        self,
        queue: "TimerQueue",
        when: float,
        callback: Callable[..., object],
        args: tuple[Any, ...],
        owner: Owner | None,
    ) -> None:
        self._queue: TimerQueue | None = queue
        self.when = when
        self.callback: Callable[..., object] | None = callback
        self.args = args
        self.owner = owner
        self.cancelled = False

    def cancel(self) -> None:
        """Never call back. The callback and its arguments are released at once."""
        self.callback = self.owner = None
        self.args = ()
        self.cancelled = True
        if self._queue is not None:
            self._queue._note_cancelled()
            self._queue = None

    def fire(self) -> None:
        """Call back, unless cancelled in the meantime."""
        callback, args = self.callback, self.args
        self._queue = self.callback = None
        if callback is not None:
            callback(*args)


class TimerQueue:
    """Timers by deadline; those with the same deadline in the order in which they were added."""

    __slots__ = ("_cancelled", "_heap", "_serial")

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Timer]] = []
        self._serial = 0
        self._cancelled = 0

    def __len__(self) -> int:
        return len(self._heap) - self._cancelled

    def add(
        self, when: float, callback: Callable[..., object], args: tuple[Any, ...] = (), owner: Owner | None = None
    ) -> Timer:
        """Call `callback(*args)` when the clock has reached `when` (seconds, on the clock of the caller)."""
        timer = Timer(self, when, callback, args, owner)
        self._serial += 1
        heapq.heappush(self._heap, (when, self._serial, timer))
        return timer

    def next_deadline(self) -> float | None:
        """The earliest deadline of all, or None."""
        heap = self._heap
        while heap and heap[0][2].cancelled:
            heapq.heappop(heap)
            self._cancelled -= 1
        return heap[0][0] if heap else None

    def due(self, now: float) -> list[Timer]:
        """Take out the timers whose time has come. Timers that their callbacks add wait for the next call."""
        heap = self._heap
        result = []
        while heap and heap[0][0] <= now:
            timer = heapq.heappop(heap)[2]
            if timer.cancelled:
                self._cancelled -= 1
            else:
                timer._queue = None
                result.append(timer)
        return result

    def _note_cancelled(self) -> None:
        self._cancelled += 1
        if self._cancelled > _REBUILD_ABOVE and self._cancelled * 2 > len(self._heap):
            self._heap = [entry for entry in self._heap if not entry[2].cancelled]
            heapq.heapify(self._heap)
            self._cancelled = 0
