"""The lines that a layout prints one after another, `inline` or `plain`: those of the buffer that is shown.

When another buffer is shown, a line with its name comes first, then all that is new in it.
"""

from pylingo.client.terminal.activity import title
from pylingo.client.terminal.buffer import Buffer
from pylingo.client.terminal.line import Line
from pylingo.client.terminal.model import Model


class PrintedLines:
    """Remembers the buffer whose lines were printed last."""

    def __init__(self) -> None:
        self._buffer: Buffer | None = None

    def lines(self, model: Model) -> list[Line]:
        """The next lines to print; from now on they count as printed."""
        before, self._buffer = self._buffer, model.buffer
        new = model.buffer.scrollback.unprinted()
        if before in (None, model.buffer):
            return new
        return [Line("day", f"--- {title(model, model.buffer)} ---"), *new]
