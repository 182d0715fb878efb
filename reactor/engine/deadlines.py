"""Deadlines for thousands of connections at no cost for each byte.

A timer that is re-armed whenever a byte comes costs more than the byte. Here a connection notes the time of its last
byte, and is looked at now and then: `check(now)` either finds a deadline passed, or says in how many seconds to look
again. If it never asks for longer than its shortest deadline, every deadline is found on time. Connections that are
to be looked at in the same quarter of a second share a slot and one timer.
"""

from typing import Protocol

from pylingo.reactor.engine.loop import Reactor

STEP = 0.25
"""Seconds between two slots: deadlines are found at most so much late."""


class Watched(Protocol):
    """Who is looked at. `slot` belongs to the watch."""

    slot: int

    def check(self, now: float) -> float | None:
        """Act on deadlines passed at `now`; the seconds until the next look, or None for never again."""

    def fail(self, error: Exception) -> None: ...


class DeadlineWheel[W: Watched]:
    """Looks at everybody who was added, when they asked for it."""

    def __init__(self, reactor: Reactor) -> None:
        self._reactor = reactor
        self._slots: dict[int, tuple[int, set[W]]] = {}

    def add(self, watched: W, delay: float) -> None:
        """Look at `watched` in `delay` seconds or up to `STEP` later."""
        slot = int((self._reactor.now + delay) / STEP) + 1
        entry = self._slots.get(slot)
        if entry is None:
            entry = self._slots[slot] = slot, set()
            self._reactor.call_later(slot * STEP - self._reactor.clock(), self._look, slot)
        watched.slot, members = entry  # one integer for all: another one of 32 bytes would stay with each
        members.add(watched)

    def discard(self, watched: W) -> None:
        """Never look at `watched` again."""
        if entry := self._slots.get(watched.slot):
            entry[1].discard(watched)
        watched.slot = 0

    def everybody(self) -> list[W]:
        """All who are looked at."""
        return [watched for _, members in self._slots.values() for watched in members]

    def _look(self, slot: int) -> None:
        _, members = self._slots[slot]
        while members:  # a check may discard others
            watched = members.pop()
            self._reactor.run_safely(self._check, watched, slot, owner=watched)
        del self._slots[slot]

    def _check(self, watched: W, slot: int) -> None:
        delay = watched.check(self._reactor.now)
        if delay is not None and watched.slot == slot:
            self.add(watched, delay)
