"""The layout `inline`: messages go to the terminal's own scrollback, the input row is redrawn under them.

What has been printed cannot be changed any more, so own messages are printed when the server has confirmed them, in
their place in the order of all. The one row that is ours may have been broken into several by a terminal that was
made narrower: those are counted, or each would leave a ghost.
"""

from client.terminal.capabilities import Capabilities
from client.terminal.cells import clip, width
from client.terminal.model import Model
from client.terminal.painter import BEGIN, END, MODES_OFF, MODES_ON
from client.terminal.theme import render
from client.terminal.view import connection, input_row, is_late, question, wrapped
from shared.text import printable


class Inline:
    """Prints what is new, then the input row."""

    def __init__(self, terminal: Capabilities, theme: dict[str, str]) -> None:
        self._terminal = terminal
        self._theme = theme
        self._row: tuple[str, str] | None = None  # what stands left and right of the cursor
        self._prompt = ""
        self.is_behind = False
        """Whether the last frame has left lines for the next one, so that keys need not wait for all of them."""

    def enter(self) -> str:
        """What is to be written before the first frame."""
        return MODES_ON

    def leave(self) -> str:
        """What brings the terminal back: under the messages, without the input row."""
        return END + self._back(0) + MODES_OFF + self._terminal.normal + self._terminal.show

    def forget(self, theme: dict[str, str]) -> None:
        """The input row is to be painted anew."""
        self._theme = theme
        self._prompt = "\0"

    def frame(self, model: Model, now: float) -> str:
        """What is to be written to show what is new."""
        lines = [
            render(row, self._theme, self._terminal)
            for line in model.scrollback.unprinted()
            for row in wrapped(model, line)
        ]
        self.is_behind = model.scrollback.is_behind
        prompt = _prompt(model, now)
        row = input_row(model, prompt)
        if not lines and (prompt, row) == (self._prompt, self._row):
            return ""
        begin = self._back(model.columns)
        self._prompt, self._row = prompt, row
        text = "".join(f"{line}\r\n" for line in lines)
        terminal = self._terminal
        after = f"{terminal.save}{row[1]}{terminal.restore}" if row[1] else ""
        return f"{BEGIN}{terminal.hide}{begin}{text}{row[0]}{after}{terminal.show}{END}"

    def _back(self, columns: int) -> str:
        """Go to the first column of what is left of the input row, and clear from there on."""
        if self._row is None:
            return ""
        rows = width(self._row[0]) // columns if columns else 0
        return "\r" + "\x1b[A" * rows + self._terminal.clear_eos


def _prompt(model: Model, now: float) -> str:
    if model.question is not None:
        return f"{question(model).strip()} "
    is_well = model.state == "online" and not is_late(model, now)
    state = model.room or "no room" if is_well else connection(model, now)
    unsent = len(model.scrollback.unsent)
    if unsent and model.state != "online":
        state = f"{unsent} unsent, {state}"
    words = printable(model.hint or state)
    return f"[{clip(words, model.columns // 3)}] "
