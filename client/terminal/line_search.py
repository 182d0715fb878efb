"""The search of the line history while the person types what to look for, as in readline. Pure."""

from pylingo.client.terminal.history import LineHistory
from pylingo.client.terminal.motions import before, snap


class LineSearch:
    """A search from the line that is shown. `text` and `cursor` are to be shown instead of it.

    `place` is that of the line found; at first, that of the line shown.
    """

    def __init__(self, history: LineHistory, text: str, cursor: int, step: int, last_query: str) -> None:
        """`step` is -1 to look for older lines, and 1 for newer ones. `last_query` is that of the search before."""
        self.query = ""
        self.has_found = True  # whether some line matches the query; true for an empty query
        self.step = step
        self.place = history.place
        self.text, self.cursor = text, cursor
        self._history = history
        self._begin = (history.place, text, cursor)
        self._last_query = last_query

    def press(self, name: str) -> bool:
        """Carry out a key; return False if it has nothing to do with the search."""
        match name:
            case "ctrl-r" | "ctrl-s":
                self._go_on(-1 if name == "ctrl-r" else 1)
            case "backspace" | "ctrl-h" | "shift-backspace":
                self._shorten()
            case _:
                return False
        return True

    def type(self, text: str) -> None:
        """Add `text` to the query, and look for it from the line found on."""
        self.query += text
        self._find(self.place)

    def _go_on(self, step: int) -> None:
        """Find the next line that is another one or, without a query, look for what was looked for before."""
        self.step = step
        if self.query:
            self._find(self.place + step, unlike=self.text)
        elif self._last_query:
            self.type(self._last_query)

    def _shorten(self) -> None:
        self.query = self.query[: before(self.query, len(self.query))]
        self.place, self.text, self.cursor = self._begin
        self._find(self.place)

    def _find(self, start: int, unlike: str | None = None) -> None:
        """Find a line from the place `start` on; if there is none, show the same as before."""
        newest = len(self._history) - 1
        places = range(min(start, newest), -1, -1) if self.step < 0 else range(max(start, 0), newest + 1)
        found = self._history.find(self.query, places, unlike)
        self.has_found = found is not None or not self.query
        if found is not None:
            self.place, at = found
            self.text = self._history[self.place]
            self.cursor = snap(self.text, at)
