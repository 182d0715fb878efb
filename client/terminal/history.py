"""The lines that were sent, and their edited copies while the person browses them. Pure."""

from collections import deque
from collections.abc import Iterable

from pylingo.client.terminal.changes import Changes

LONGEST = 1_000  # lines that are remembered

type Edited = tuple[str, Changes]
"""A line as it was left, and the changes that undo can still take back."""


class LineHistory:
    """`place` is the line shown: 0 is the oldest, and the draft follows the newest."""

    def __init__(self) -> None:
        self.place = 0
        self._lines: deque[str] = deque(maxlen=LONGEST)
        self._edited: dict[int, Edited] = {}  # by place: lines, and the draft, as they were left

    def __len__(self) -> int:
        return len(self._lines)

    def __getitem__(self, place: int) -> str:
        return self._lines[place]

    @property
    def draft(self) -> Edited | None:
        """The draft while another line is shown; None while the draft itself is shown."""
        return self._edited.get(len(self._lines)) if self.place < len(self._lines) else None

    def begin_with(self, lines: Iterable[str]) -> None:
        """Put older lines before those that are here, as far as there is room. Only while the draft is shown."""
        self._lines = deque((*lines, *self._lines), LONGEST)
        self.leave()

    def add(self, line: str) -> None:
        """Remember `line`, unless it is blank or equal to the newest. Call `leave` before the next `go`."""
        if line.strip() and not (self._lines and self._lines[-1] == line):
            self._lines.append(line)

    def leave(self) -> None:
        """Return to a new draft and forget the edited copies."""
        self._edited.clear()
        self.place = len(self._lines)

    def go(self, place: int, shown: Edited) -> Edited | None:
        """Leave `shown` where it is and return the line at `place`; None if there is none."""
        if not 0 <= place <= len(self._lines):
            return None
        self._edited[self.place] = shown
        self.place = place
        return self._edited[place] if place in self._edited else (self._lines[place], Changes())

    def find(self, query: str, places: Iterable[int], unlike: str | None = None) -> tuple[int, int] | None:
        """The first of `places` whose line contains `query` and is not `unlike`, and where the query stands in it."""
        wanted = query.lower()
        for place in places if wanted else ():
            line = self._lines[place]
            at = line.lower().find(wanted)
            if at >= 0 and line != unlike:
                return place, min(at, len(line))  # lower case may be longer than the text
        return None
