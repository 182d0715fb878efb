"""The lines that were sent, and what the person made of them while going through them. Pure."""

from collections import deque

LONGEST = 1_000
"""Lines that are remembered."""


class LineHistory:
    """`place` is the line shown, the oldest being 0; behind the newest comes the draft."""

    def __init__(self) -> None:
        self.place = 0
        self._lines: deque[str] = deque(maxlen=LONGEST)
        self._edited: dict[int, str] = {}  # lines, and the draft, as they were left

    def __len__(self) -> int:
        return len(self._lines)

    @property
    def draft(self) -> str:
        """What was in the line before going to the line shown; nothing, if the draft itself is shown."""
        return self._edited.get(len(self._lines), "") if self.place < len(self._lines) else ""

    def add(self, line: str) -> None:
        """Remembers `line` unless it is blank or the newest over again. Call `leave` before going anywhere."""
        if line.strip() and not (self._lines and self._lines[-1] == line):
            self._lines.append(line)

    def leave(self) -> None:
        """Back to a new draft; what was edited on the way is as it was sent."""
        self._edited.clear()
        self.place = len(self._lines)

    def go(self, place: int, text: str) -> str | None:
        """The line at `place`, which is shown now in the place of `text`; None if there is none."""
        if not 0 <= place <= len(self._lines):
            return None
        self._edited[self.place] = text
        self.place = place
        return self._edited[place] if place in self._edited else self._lines[place]

    def find(self, query: str, newest: int) -> tuple[int, str, int] | None:
        """The latest line not after `newest` with `query` in it: its place, itself, and where in it."""
        wanted = query.lower()
        for place in range(min(newest, len(self._lines) - 1), -1, -1) if wanted else ():
            line = self._lines[place]
            at = line.lower().find(wanted)
            if at >= 0:
                return place, line, min(at, len(line))  # small letters may be longer than their capitals
        return None
