"""The changes of one line, which are undone one after another. Pure."""

from collections import deque
from dataclasses import dataclass

UNDOS = 200  # changes that are kept


@dataclass(slots=True)
class _Change:
    """Undone by replacing the `added` characters at `start` with `removed`."""

    start: int
    removed: str
    added: int
    cursor: int


class Changes:
    """The latest changes, of which the last one is undone first."""

    def __init__(self) -> None:
        self._changes: deque[_Change] = deque(maxlen=UNDOS)

    def add(self, start: int, removed: str, added: int, cursor: int) -> None:
        """Remember that `added` characters took the place of `removed` at `start`, and where the cursor was before."""
        self._changes.append(_Change(start, removed, added, cursor))

    def extend(self, start: int, added: int) -> bool:
        """Count `added` characters at `start` to the last change, if its own end there. Returns whether they do."""
        last = self._changes[-1] if self._changes else None
        if last is None or last.start + last.added != start:
            return False
        last.added += added
        return True

    def undo(self, text: str) -> tuple[str, int] | None:
        """Undo the last change of `text`. Returns the text and the cursor from before; None if nothing is left."""
        if not self._changes:
            return None
        last = self._changes.pop()
        return text[: last.start] + last.removed + text[last.start + last.added :], last.cursor
