"""Deadlines of thousands of connections, at no cost for each byte.

A timer that is armed again for each byte costs more than the byte. Here a connection notes the time of its last byte,
and is checked now and then. `check(now)` either finds that a deadline has passed, or returns the seconds until the next
check. If these are never more than its shortest deadline, every deadline is found in time. Connections that are to be
checked in the same quarter of a second share a slot of the wheel and one timer.
"""

from typing import Protocol

from pylingo.reactor.engine.loop import Reactor
from pylingo.reactor.engine.timers import Owner

STEP = 0.25
"""Seconds between two slots: a deadline is found at most this much late."""
MOST_CHECKS = 200
"""Checks of a slot in one tick: with 5,000 that were due for a ping at once, a tick took 51 ms of CPU."""


class Watched(Owner, Protocol):
    """An object with deadlines. `slot` belongs to the wheel."""

    slot: int

    def check(self, now: float) -> float | None:
        """Act on deadlines passed at `now`; return the seconds until the next check, or None for never again."""


class DeadlineWheel[W: Watched]:
    """Checks each member at the time that its last check asked for. A member whose check raises fails alone."""

    def __init__(self, reactor: Reactor) -> None:
        self._reactor = reactor
        self._slots: dict[int, tuple[int, set[W]]] = {}

    def add(self, watched: W, delay: float) -> None:
        """Check `watched` in `delay` seconds, or up to `STEP` later."""
        slot = int((self._reactor.now + delay) / STEP) + 1
        entry = self._slots.get(slot)
        if entry is None:
            entry = self._slots[slot] = slot, set()
            self._reactor.call_later(slot * STEP - self._reactor.clock(), self._check_slot, slot)
        watched.slot, members = entry  # one integer for all: another one of 32 bytes would stay with each
        members.add(watched)

    def discard(self, watched: W) -> None:
        """Never check `watched` again."""
        if entry := self._slots.get(watched.slot):
            entry[1].discard(watched)
        watched.slot = 0

    def members(self) -> list[W]:
        """Everything that is to be checked."""
        return [watched for _, members in self._slots.values() for watched in members]

    def _check_slot(self, slot: int) -> None:
        _, members = self._slots[slot]
        for _ in range(MOST_CHECKS):
            if not members:  # a check may discard others
                del self._slots[slot]
                return
            watched = members.pop()
            self._reactor.run_safely(self._check, watched, slot, owner=watched)
        self._reactor.call_soon(self._check_slot, slot)

    def _check(self, watched: W, slot: int) -> None:
        delay = watched.check(self._reactor.now)
        if delay is not None and watched.slot == slot:
            self.add(watched, delay)
