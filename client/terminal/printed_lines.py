"""The lines that a layout prints one after another, `inline` or `plain`: those of the buffer that is shown.

When another buffer is shown, a line with its name comes first, then all that is new in it.
"""

from pylingo.client.terminal.activity import title
from pylingo.client.terminal.buffer import Buffer
from pylingo.client.terminal.days import Day, is_another_day
from pylingo.client.terminal.line import Line
from pylingo.client.terminal.model import Model
from pylingo.client.wording import date_line, local_day


class PrintedLines:
    """Remembers the buffer whose lines were printed last."""

    def __init__(self) -> None:
        self._buffer: Buffer | None = None
        self._day: Day | None = None  # that of the line printed last

    def lines(self, model: Model) -> list[Line]:
        """The next lines to print; from now on they count as printed."""
        before, self._buffer = self._buffer, model.buffer
        new = model.buffer.scrollback.unprinted()
        if before in (None, model.buffer):
            return new
        return [Line("day", f"--- {title(model, model.buffer)} ---"), *new]

    def dated_lines(self, model: Model) -> list[Line]:
        """The same, with a date above the first line and above each that is of another day than the one before."""
        dated: list[Line] = []
        for line in self.lines(model):
            day = local_day(line.at)
            if line.at and line.kind != "day" and is_another_day(self._day, day, line.is_stamped):
                dated.append(Line("day", date_line(day)))
                self._day = day
            if line.kind != "day" or not line.at:
                dated.append(line)
        return dated
