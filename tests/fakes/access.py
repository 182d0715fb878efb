"""The far ends of `Access`: a disk and a password, which answer when the test says so."""

from collections.abc import Callable
from typing import Any

from pylingo.reactor.people.passwords import Verdict
from pylingo.reactor.people.records import dump, load


class Disk:
    """Stores the state of a register. With `is_full`, it fails; unless `answers_at_once`, the test says `answer`."""

    def __init__(self) -> None:
        self.answers_at_once = True
        self.is_full = False
        self.states: list[Any] = []
        """What is on the disk, the latest last."""
        self._waiting: list[tuple[Callable[[], object], Callable[[bool], object]]] = []

    def save(self, state: Callable[[], object], done: Callable[[bool], object]) -> None:
        self._waiting.append((state, done))
        if self.answers_at_once:
            self.answer()

    def answer(self) -> None:
        waiting, self._waiting = self._waiting, []
        for state, done in waiting:
            if not self.is_full:
                self.states.append(load(dump(state())))
            done(not self.is_full)


class Gate:
    """The password "right"; unless `answers_at_once`, the test says `answer`."""

    def __init__(self) -> None:
        self.answers_at_once = True
        self.asked: list[tuple[str, str]] = []
        self._waiting: list[tuple[Verdict, Callable[[Verdict], object]]] = []

    def check(self, password: str, host: str, done: Callable[[Verdict], object]) -> None:
        self.asked.append((password, host))
        verdict = {"right": Verdict.RIGHT, "busy": Verdict.BUSY, "again": Verdict.REFUSED}.get(password, Verdict.WRONG)
        self._waiting.append((verdict, done))
        if self.answers_at_once:
            self.answer()

    def answer(self) -> None:
        waiting, self._waiting = self._waiting, []
        for verdict, done in waiting:
            done(verdict)
