"""The lines that were sent, and their edited copies while the person browses them. Pure."""

from collections import deque

LONGEST = 1_000  # lines that are remembered


class LineHistory:
    """`place` is the line shown: 0 is the oldest, and the draft follows the newest."""

    def __init__(self) -> None:
        self.place = 0
        self._lines: deque[str] = deque(maxlen=LONGEST)
        self._edited: dict[int, str] = {}  # by place: lines, and the draft, as they were left

    def __len__(self) -> int:
        return len(self._lines)

    @property
    def draft(self) -> str:
        """The draft while another line is shown; empty while the draft itself is shown."""
        return self._edited.get(len(self._lines), "") if self.place < len(self._lines) else ""

    def add(self, line: str) -> None:
        """Remember `line`, unless it is blank or equal to the newest. Call `leave` before the next `go`."""
        if line.strip() and not (self._lines and self._lines[-1] == line):
            self._lines.append(line)

    def leave(self) -> None:
        """Return to a new draft and forget the edited copies."""
        self._edited.clear()
        self.place = len(self._lines)

    def go(self, place: int, text: str) -> str | None:
        """Leave `text` where it is and return the line at `place`; None if there is none."""
        if not 0 <= place <= len(self._lines):
            return None
        self._edited[self.place] = text
        self.place = place
        return self._edited[place] if place in self._edited else self._lines[place]

    def find(self, query: str, newest: int) -> tuple[int, str, int] | None:
        """The latest line, no later than `newest`, that contains `query`: its place, its text, the match's position."""
        wanted = query.lower()
        for place in range(min(newest, len(self._lines) - 1), -1, -1) if wanted else ():
            line = self._lines[place]
            at = line.lower().find(wanted)
            if at >= 0:
                return place, line, min(at, len(line))  # lower case may be longer than the text
        return None
