"""The part of the scrollback that is in view. Pure.

Lines are wrapped only when they are looked at, so a flood costs no wrapping and a resize is free. While scrolled up,
the view holds on to a line rather than a number of rows: new lines move nothing.
"""

from collections.abc import Callable, Iterator, Sequence

from pylingo.client.terminal.line import Line

type Place = tuple[Line | None, int]
"""The lowest line in view, None at the end, and its rows below the view."""
type Wrapped[Row] = Callable[[Line], Sequence[Row]]
"""Returns the rows of a line."""


class Viewport:
    """Shows the end of the lines, or holds on to a line further up. `lines` returns all lines, oldest first.

    `has_end` tells whether the last of these lines is the newest of all. If it is not, the view follows nothing: it
    holds on to the last line.
    """

    def __init__(self, lines: Callable[[], list[Line]], has_end: Callable[[], bool] = lambda: True) -> None:
        self._lines = lines
        self._has_end = has_end
        self._bottom: Line | None = None  # the lowest line in view while scrolled up
        self._hidden = 0  # its rows below the view
        self._times = 0  # how often the view was scrolled up from the end

    @property
    def is_scrolled(self) -> bool:
        """Whether there is more below the view."""
        return self._bottom is not None

    @property
    def news(self) -> int:
        """The mark of lines that arrive now: new below the view while scrolled up, else 0."""
        return self._times if self._bottom is not None else 0

    @property
    def below(self) -> int:
        """The number of lines entirely below the view."""
        lines = self._lines()
        held = self._held(lines)
        return 0 if held is None else len(lines) - held - 1

    @property
    def new_below(self) -> int:
        """How many of the lines below the view have arrived since scrolling up and were not in view since."""
        mark = self.news
        return [line.news for line in self._lines_below()].count(mark) if mark else 0

    def is_new(self, line: Line) -> bool:
        """Whether a line has arrived since scrolling up and was not in view since."""
        return line.news == self.news != 0

    @property
    def bottom(self) -> Line | None:
        """The lowest line in view while scrolled up; None at the end."""
        return self._bottom

    def rows[Row](self, height: int, wrapped: Wrapped[Row]) -> list[Row]:
        """The rows in view, at most `height` of them."""
        rows = [row for _, part in reversed(self._in_view(height, wrapped)) for row in part]
        if len(rows) >= height or self._bottom is None:
            return rows[max(0, len(rows) - height) :]
        # Lines were dropped above, or a larger window shows them in fewer rows: fill it from below.
        rows = []
        for line in self._lines():
            rows.extend(wrapped(line))
            if len(rows) > height:
                return rows[:height]
        self.reach_end()  # everything is in view
        return rows

    def lines_in_view(self, height: int, wrapped: Wrapped[object]) -> list[Line]:
        """The lines in view, the lowest one first."""
        return [line for line, _ in self._in_view(height, wrapped)]

    def follow(self) -> None:
        """Go to the end and stay there."""
        self._bottom, self._hidden = None, 0

    def reach_end(self) -> None:
        """Follow the end; if newer lines exist that are not here, hold on to the last line."""
        lines = self._lines()
        if self._has_end() or not lines:
            self.follow()
        else:
            self._bottom, self._hidden = lines[-1], 0

    def go_to(self, line: Line, height: int, wrapped: Wrapped[object]) -> None:
        """Show a line from its first row on."""
        self._hold(line, max(0, len(wrapped(line)) - height))

    def show(self, line: Line, height: int, wrapped: Wrapped[object], row: int = 0) -> None:
        """Show a line in the middle, unless all its rows are in view; `row` as for `center`."""
        in_view = self._in_view(height, wrapped)
        rows = next((rows for each, rows in in_view if each is line), None)
        is_cut = sum(len(rows) for _, rows in in_view) > height and in_view[-1][0] is line
        if rows is None or len(rows) < len(wrapped(line)) or is_cut:
            self.center(line, height, wrapped, row)

    def center(self, line: Line, height: int, wrapped: Wrapped[object], row: int = 0) -> None:
        """Show a line in the middle, as far as there are lines below it; of one that does not fit, that `row`."""
        size = len(wrapped(line))
        self._hold(line, max(0, size - max(height, row + 1 + height // 2)))
        self.scroll_down(max(0, height - size) // 2, wrapped)

    def place(self) -> Place:
        """The place of the view, for `return_to`."""
        return self._bottom, self._hidden

    def return_to(self, place: Place) -> bool:
        """Go to a place where the view was before. Returns whether it is still there; if not, nothing changes."""
        is_there = place[0] is None or place[0] in self._lines()
        if is_there:
            self._bottom, self._hidden = place
        return is_there

    def scroll_up(self, count: int, height: int, wrapped: Wrapped[object]) -> None:
        """Go up by `count` rows, but not beyond the first row."""
        hidden = self._hidden + count
        for line in self.upwards():
            size = len(wrapped(line))
            if hidden < size:
                self._hold(line, hidden)
                if sum(len(rows) for _, rows in self._in_view(height, wrapped)) < height:
                    break
                return
            hidden -= size
        self.go_to_top(height, wrapped)

    def go_to_top(self, height: int, wrapped: Wrapped[object]) -> None:
        """Go to the first row."""
        have = 0
        for line in self._lines():
            have += len(wrapped(line))
            if have >= height:
                self._hold(line, have - height)
                return
        self.reach_end()

    def scroll_down(self, count: int, wrapped: Wrapped[object]) -> None:
        """Go down by `count` rows; at the end, follow what arrives."""
        if self._bottom is None:
            return
        bottom = self._bottom
        left = count - self._hidden
        for line in self._lines_below():
            if left <= 0:
                break
            left -= len(wrapped(line))
            bottom = line
            line.news = 0
        if left > 0:
            self.reach_end()
        else:
            self._hold(bottom, -left)

    def removed(self, lines: Sequence[Line], instead: Line | None = None) -> None:
        """Hold on to `instead`, or to the end, if the view holds on to one of `lines`, which are removed."""
        if self._bottom in lines:
            self._bottom, self._hidden = instead, 0

    def _hold(self, line: Line, hidden: int) -> None:
        """Hold on to a line, of which `hidden` rows are below the view; follow if nothing is below the view."""
        if self._bottom is None:
            self._times += 1
        self._bottom, self._hidden = line, hidden
        if not hidden and not self.below:
            self.reach_end()

    def _in_view[Row](self, height: int, wrapped: Wrapped[Row]) -> list[tuple[Line, Sequence[Row]]]:
        """The lines in view with their rows above its lower edge, the lowest line first."""
        found: list[tuple[Line, Sequence[Row]]] = []
        have, hidden = 0, self._hidden
        for line in self.upwards():
            rows = wrapped(line)
            if hidden:
                rows, hidden = rows[: max(0, len(rows) - hidden)], 0
            found.append((line, rows))
            have += len(rows)
            if have >= height:
                break
        return found

    def upwards(self) -> Iterator[Line]:
        """The lines from the lowest in view up to the oldest."""
        lines = self._lines()
        held = self._held(lines)
        return reversed(lines if held is None else lines[: held + 1])

    def _lines_below(self) -> list[Line]:
        lines = self._lines()
        held = self._held(lines)
        return [] if held is None else lines[held + 1 :]

    def _held(self, lines: list[Line]) -> int | None:
        """The index of the line that the view holds on to. If that is gone, go to the end."""
        if self._bottom is not None and self._bottom not in lines:
            self.reach_end()
        return None if self._bottom is None else lines.index(self._bottom)
