"""Taking turns: what is dear is done once in a tick, for one peer after the other in the order in which they came."""

import collections
from collections.abc import Callable

from reactor.engine.loop import Reactor


class Turns:
    """Who has to wait is called back once, when its turn has come: a tick costs the same however many wait."""

    def __init__(self, reactor: Reactor) -> None:
        self._reactor = reactor
        self._waiting: collections.deque[Callable[[], object]] = collections.deque()
        self._taken_in = -1  # the tick in which the last turn was taken
        self._granted = False  # whether whoever asks is the one who was called back
        self._scheduled = False

    def take(self, come_back: Callable[[], object]) -> bool:
        """Whether it is the caller's turn. If not, `come_back` is called when it is, in a later tick, to ask again."""
        ticks = self._reactor.ticks
        if self._granted or (not self._waiting and self._taken_in != ticks):
            self._granted = False
            self._taken_in = ticks
            return True
        self._waiting.append(come_back)
        self._schedule()
        return False

    def _schedule(self) -> None:
        if self._waiting and not self._scheduled:
            self._scheduled = True
            self._reactor.call_soon(self._next)

    def _next(self) -> None:
        self._scheduled = False
        self._granted = True
        while self._waiting and self._granted:  # who needs its turn no more leaves it to the next
            self._reactor.guard(self._waiting.popleft())
        self._granted = False
        self._schedule()
