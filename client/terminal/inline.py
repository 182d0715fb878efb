"""The painter of the layout `inline`: it prints messages to the terminal's own scrollback, above the input.

Printed lines cannot change, so own messages are printed once the server has confirmed them, in their place in the
order. Nothing above the input is touched.

When a terminal is made narrower, it either breaks each row of the input into several (VTE, kitty, tmux) or cuts it off
(xterm, the Linux console). Only in the first case may the cursor go up further, or messages would be lost. The column
of the cursor tells the two apart, so the terminal is asked for it. If it does not answer, or the answer fits both, or
the cursor's own row was short enough to stay whole, the rest of the old input stays visible.
"""

from dataclasses import dataclass

from pylingo.client.terminal.capabilities import Capabilities
from pylingo.client.terminal.cells import width
from pylingo.client.terminal.input_rows import InputRows, input_rows
from pylingo.client.terminal.model import Model
from pylingo.client.terminal.painter import BEGIN, END, MODES_OFF, MODES_ON, WRAP_OFF, WRAP_ON
from pylingo.client.terminal.printed_lines import PrintedLines
from pylingo.client.terminal.prompts import prompt
from pylingo.client.terminal.rows import wrapped
from pylingo.client.terminal.theme import render

ASK_PLACE = "\x1b[6n"
UP = "\x1b[A"
PATIENCE = 2.0  # seconds to wait for the answer, over a slow line too; meanwhile nothing is printed


@dataclass(slots=True)
class _CursorQuery:
    """A query for the cursor's column in a window of `columns`; the answer is the cursor report number `answer`."""

    columns: int
    answer: int
    asked_at: float


class Inline:
    """Prints new lines, then the input."""

    def __init__(self, terminal: Capabilities, theme: dict[str, str]) -> None:
        self._terminal = terminal
        self._theme = theme
        self._rows: InputRows | None = None  # what the terminal shows
        self._is_stale = False  # whether the terminal may show something else
        self._question: _CursorQuery | None = None
        self._printed = PrintedLines()
        self.is_behind = False
        """Whether the last frame left lines for the next one, so that keys do not wait for all of them."""

    def enter(self) -> str:
        """The output before the first frame. A row wider than we think must not run into the next line."""
        return self._terminal.keyboard[0] + MODES_ON + WRAP_OFF

    def leave(self) -> str:
        """The output that restores the terminal and removes the input."""
        terminal = self._terminal
        modes = WRAP_ON + MODES_OFF + terminal.normal + terminal.normal_cursor
        return END + terminal.keyboard[1] + self._back(0) + modes

    def forget(self, theme: dict[str, str]) -> None:
        """Paint the input again with the next frame."""
        self._theme = theme
        self._is_stale = True

    def frame(self, model: Model, now: float) -> str:
        """The output that shows what is new."""
        broken = self._rows is not None and width(self._rows.before) >= model.columns
        if broken and not self._is_answered(model, now):
            return self._ask(model, now)
        printed = [row for line in self._printed.dated_lines(model) for row in wrapped(model, line)]
        lines = [render(row, self._theme, self._terminal) for row in printed]
        self.is_behind = model.buffer.scrollback.is_behind
        rows = input_rows(model, prompt(model, now))
        if not lines and rows == self._rows and not self._is_stale:
            return ""
        begin = self._back(self._rows_added(model) if broken else 0)
        self._rows, self._is_stale, self._question = rows, False, None
        text = "".join(f"{line}\r\n" for line in (*lines, *rows.above))
        terminal = self._terminal
        return f"{BEGIN}{terminal.hide_cursor}{begin}{text}{self._from_cursor(rows)}{terminal.normal_cursor}{END}"

    def _from_cursor(self, rows: InputRows) -> str:
        """The row of the cursor and the rows below it. The terminal itself puts the cursor where it belongs."""
        if not rows.below:
            terminal = self._terminal
            return rows.before + (f"{terminal.save}{rows.after}{terminal.restore}" if rows.after else "")
        # A saved place would be wrong after the rows below have scrolled the screen.
        whole = "\r\n".join(rows.all[len(rows.above) :])
        return f"{whole}{UP * len(rows.below)}\r{rows.before}"

    def _back(self, added: int) -> str:
        """Go to the start of the old input, which has `added` more rows than were written, and clear from there on."""
        if self._rows is None:
            return ""
        return "\r" + UP * (len(self._rows.above) + added) + self._terminal.clear_eos

    def _ask(self, model: Model, now: float) -> str:
        """Ask for the cursor's column, once for each width of the window."""
        before = self._question
        if before is not None and before.columns == model.columns:
            return ""
        answer = max(model.places, before.answer if before is not None else 0) + 1
        self._question = _CursorQuery(model.columns, answer, now)
        return ASK_PLACE

    def _is_answered(self, model: Model, now: float) -> bool:
        """Whether the terminal has answered, or will not."""
        question = self._question
        if question is None or question.columns != model.columns:
            return False
        return model.places >= question.answer or now - question.asked_at >= PATIENCE

    def _rows_added(self, model: Model) -> int:
        """The number of rows above the cursor's that the terminal has added by breaking rows."""
        assert self._rows is not None
        assert self._question is not None
        rows, column = divmod(width(self._rows.before), model.columns)
        if not (model.places >= self._question.answer and model.place == column != model.columns - 1):
            return 0
        return rows + sum(max(0, width(row) - 1) // model.columns for row in self._rows.above)
