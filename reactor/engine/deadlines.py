"""Deadlines of thousands of connections, at no cost for each byte.

A timer that is armed again for each byte costs more than the byte. Here a connection notes the time of its last byte,
and is checked now and then. `check(now)` either finds that a deadline has passed, or returns the seconds until the next
check. If these are never more than its shortest deadline, every deadline is found in time. Connections that are to be
checked in the same quarter of a second share a slot of the wheel and one timer.
"""

from typing import Protocol, Self

from pylingo.reactor.engine.loop import Reactor
from pylingo.reactor.engine.timers import Owner

STEP = 0.25
"""Seconds between two slots: a deadline is found at most this much late."""
MOST_CHECKS = 200
"""Checks of a slot in one tick: with 5,000 that were due for a ping at once, a tick took 51 ms of CPU."""
_SHELF = 64  # members


class Watched(Owner, Protocol):
    """An object with deadlines. `shelf` belongs to the wheel and begins as None."""

    shelf: "list[Self] | None"

    def check(self, now: float) -> float | None:
        """Act on deadlines passed at `now`; return the seconds until the next check, or None for never again."""


class DeadlineWheel[W: Watched]:
    """Checks each member at the time that its last check asked for. A member whose check raises fails alone.

    The members of a slot are in short lists, its shelves: a set takes up to 107 bytes for each, a list about nine, and
    finding somebody in a short one takes a microsecond.
    """

    def __init__(self, reactor: Reactor) -> None:
        self._reactor = reactor
        self._slots: dict[int, list[list[W]]] = {}

    def add(self, watched: W, delay: float) -> None:
        """Check `watched` in `delay` seconds, or up to `STEP` later."""
        slot = int((self._reactor.now + delay) / STEP) + 1
        shelves = self._slots.get(slot)
        if shelves is None:
            shelves = self._slots[slot] = [[]]
            self._reactor.call_later(slot * STEP - self._reactor.clock(), self._check_slot, slot)
        elif len(shelves[-1]) >= _SHELF:
            shelves.append([])
        watched.shelf = shelves[-1]
        watched.shelf.append(watched)

    def discard(self, watched: W) -> None:
        """Never check `watched` again."""
        if watched.shelf is not None and watched in watched.shelf:  # otherwise its check is under way
            watched.shelf.remove(watched)
        watched.shelf = None

    def members(self) -> list[W]:
        """Everything that is to be checked."""
        return [watched for shelves in self._slots.values() for shelf in shelves for watched in shelf]

    def _check_slot(self, slot: int) -> None:
        shelves = self._slots[slot]
        for _ in range(MOST_CHECKS):
            while shelves and not shelves[-1]:  # a check may discard others
                shelves.pop()
            if not shelves:
                del self._slots[slot]
                return
            watched = shelves[-1].pop()
            self._reactor.run_safely(self._check, watched, watched.shelf, owner=watched)
        self._reactor.call_soon(self._check_slot, slot)

    def _check(self, watched: W, shelf: list[W]) -> None:
        delay = watched.check(self._reactor.now)
        if delay is not None and watched.shelf is shelf:
            self.add(watched, delay)
