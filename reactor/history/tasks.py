"""What the loop asks of the thread that owns the history file, and what it is told."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from pylingo.reactor.history.keys import Filter
from pylingo.reactor.history.store import Row
from pylingo.shared.messages import Entry


@dataclass(slots=True)
class Batch:
    """What was said in a tick, and who is to be told that it is kept."""

    rows: list[Row] = field(default_factory=list)
    kept: list[Callable[[], object]] = field(default_factory=list)
    lost: list[Callable[[], object]] = field(default_factory=list)
    """What is to be called instead of these if it had no place to wait."""
    reserved: int | None = None
    """Stamps up to this one may be given once it is committed."""
    size: int = 0
    """About the bytes that it takes in memory."""


@dataclass(slots=True, eq=False)
class Question:
    """Something to ask the file, in the thread: `ask` returns what to call in the loop with the answer.

    `without` is called in its place, in the loop, if the file has failed or does not answer in time.
    """

    ask: Callable[[sqlite3.Connection], Callable[[], object]]
    without: Callable[[], object]
    is_settled: bool = False

    def settle(self, answer: Callable[[], object]) -> None:
        """Answer, in the loop, unless that was done."""
        if not self.is_settled:
            self.is_settled = True
            answer()


@dataclass(frozen=True, slots=True)
class Rescan:
    """Have the filter of the file's keys made anew, under that number."""

    number: int


Task = Batch | Question | Rescan | None
"""None is the last one."""


class WriterListener(Protocol):
    """Who is told what became of things. All of it in the loop, in order."""

    def opened(self, newest: int, entries: list[tuple[str, Entry]], keys: Filter | None) -> None:
        """The file can be used, or will not be for now.

        Above `newest` no stamp was given yet. Its newest messages, and its keys if it has few.
        """

    def kept(self, callbacks: list[Callable[[], object]], reserved: int | None) -> None:
        """Batches are committed: their callbacks, and the last reservation."""

    def scanned(self, keys: Filter) -> None:
        """These are the keys of the file."""

    def failed(self, sentence: str) -> None:
        """The file has failed."""

    def came_back(self, newest: int, written: int, lost: int, is_anew: bool) -> None:
        """The file can be used again: how many messages were said meanwhile, and are in it now or nowhere.

        Above `newest` it knows no stamp that was given. `is_anew` if it was made in place of one that had been open.
        """

    def remembered(self) -> list[Row]:
        """All that is in memory. Called in the thread, when the loop has ended."""
