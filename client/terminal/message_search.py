"""A search among the messages of a buffer: what matches, how far the search has come, which match is looked at. Pure.

Matches are known by their stamps, from the newest one down to the stamp `reached`. The search goes on from there when
an older match is wanted.
"""

import bisect
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pylingo.client.terminal.viewport import Place
from pylingo.shared.messages import HistoryRequest
from pylingo.shared.text import printable

if TYPE_CHECKING:
    from pylingo.shared.search import Search

MOST = 10_000
"""Matches that are remembered. Beyond that, the newest ones are forgotten."""
FOREVER = 2**63 - 1
"""The stamp from which a search goes back."""


@dataclass(slots=True)
class MessageSearch:
    """See the module. `words` are those that were typed, `rule` decides, and the view was at `place` before."""

    words: str
    rule: "Search"
    place: Place
    near: int | None = None
    """The stamp of a message at that place, by which to find it again if its lines have gone."""
    matches: list[int] = field(default_factory=list)
    """The stamps of the matches, the oldest first."""
    current: int | None = None
    """The stamp of the match that is looked at."""
    reached: int = FOREVER
    """All matches from this stamp on are known."""
    newest: int = 0
    """The newest stamp at which the search has looked."""
    is_complete: bool = False
    """Whether there are no matches before `reached`."""
    is_reading: bool = True
    """Whether the lines in memory are still being read, in steps."""
    asked: HistoryRequest | None = None
    """A request for more matches that has no reply yet."""
    is_wanted: bool = True
    """Whether the person waits for an older match."""
    forgotten: int = 0
    """How many of the newest matches are not remembered any more."""

    def add_older(self, stamps: Iterable[int], reached: int) -> None:
        """Add matches older than all others. From then on, all matches from the stamp `reached` on are known."""
        self.matches[:0] = sorted(at for at in stamps if at < self.reached)
        self.reached = reached
        surplus = len(self.matches) - MOST
        if surplus > 0:
            del self.matches[-surplus:]
            self.forgotten += surplus

    def add_newer(self, stamps: Iterable[int]) -> None:
        """Add matches that have arrived since."""
        if not self.forgotten:
            last = self.matches[-1] if self.matches else 0
            self.matches += sorted(at for at in stamps if at > last)

    def forget(self, at: int) -> None:
        """The message with this stamp does not match any more."""
        if at in self.matches:
            self.matches.remove(at)

    @property
    def older(self) -> int | None:
        """The match before the one that is looked at; the newest one if none is."""
        index = len(self.matches) if self.current is None else bisect.bisect_left(self.matches, self.current)
        return self.matches[index - 1] if index else None

    @property
    def newer(self) -> int | None:
        """The match after the one that is looked at."""
        if self.current is None:
            return None
        index = bisect.bisect_right(self.matches, self.current)
        return self.matches[index] if index < len(self.matches) else None

    @property
    def number(self) -> int:
        """The number of the match that is looked at, counted from the newest one, which is 1."""
        if self.current is None:
            return 0
        return self.forgotten + len(self.matches) - bisect.bisect_left(self.matches, self.current)

    @property
    def count(self) -> int:
        """The number of the matches that are known."""
        return self.forgotten + len(self.matches)

    @property
    def state(self) -> str:
        """The state of the search in a few words."""
        words = printable(self.words)
        if self.current is None:
            return f"searching for {words} \N{HORIZONTAL ELLIPSIS}"
        more = "" if self.is_complete else "+"
        busy = " \N{HORIZONTAL ELLIPSIS}" if self.is_wanted else ""
        return f"match {self.number} of {self.count}{more} for {words}{busy}"
