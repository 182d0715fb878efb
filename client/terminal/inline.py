"""The layout `inline`: messages go to the terminal's own scrollback, the input row is redrawn under them.

What has been printed cannot be changed any more, so own messages are printed when the server has confirmed them, in
their place in the order of all. Nothing above our own row is touched.

A terminal that is made narrower breaks the row that is ours into several (VTE, kitty, tmux), or cuts it off (xterm, the
Linux console). Only the former may be gone up in, or messages would be lost; so where it matters the terminal is asked
for the cursor's column, which tells them apart. One that does not answer, or whose answer may mean both, keeps what is
left of the row.
"""

from dataclasses import dataclass

from pylingo.client.terminal.capabilities import Capabilities
from pylingo.client.terminal.cells import clip, width
from pylingo.client.terminal.model import Model
from pylingo.client.terminal.painter import BEGIN, END, MODES_OFF, MODES_ON, WRAP_OFF, WRAP_ON
from pylingo.client.terminal.rows import wrapped
from pylingo.client.terminal.theme import render
from pylingo.client.terminal.view import connection, input_row, is_late, question
from pylingo.shared.text import printable

ASK_PLACE = "\x1b[6n"
PATIENCE = 0.5
"""Seconds that an answer is waited for; meanwhile nothing is printed."""


@dataclass(slots=True)
class _Question:
    """Where the cursor stands in a window of so many columns: the answer is the one of that number."""

    columns: int
    answer: int
    asked_at: float


class Inline:
    """Prints what is new, then the input row."""

    def __init__(self, terminal: Capabilities, theme: dict[str, str]) -> None:
        self._terminal = terminal
        self._theme = theme
        self._row: tuple[str, str] | None = None  # what stands left and right of the cursor
        self._prompt = ""
        self._question: _Question | None = None
        self.is_behind = False
        """Whether the last frame has left lines for the next one, so that keys need not wait for all of them."""

    def enter(self) -> str:
        """What is to be written before the first frame.

        Rows are not wrapped: one that is wider than we think would go on where another line begins.
        """
        return MODES_ON + WRAP_OFF

    def leave(self) -> str:
        """What brings the terminal back: under the messages, without the input row."""
        return END + self._back(0) + WRAP_ON + MODES_OFF + self._terminal.normal + self._terminal.show

    def forget(self, theme: dict[str, str]) -> None:
        """The input row is to be painted anew."""
        self._theme = theme
        self._prompt = "\0"

    def frame(self, model: Model, now: float) -> str:
        """What is to be written to show what is new."""
        broken = self._row is not None and width(self._row[0]) >= model.columns
        if broken and not self._is_answered(model, now):
            return self._ask(model, now)
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
        begin = self._back(self._rows_above(model) if broken else 0)
        self._prompt, self._row, self._question = prompt, row, None
        text = "".join(f"{line}\r\n" for line in lines)
        terminal = self._terminal
        after = f"{terminal.save}{row[1]}{terminal.restore}" if row[1] else ""
        return f"{BEGIN}{terminal.hide}{begin}{text}{row[0]}{after}{terminal.show}{END}"

    def _back(self, rows: int) -> str:
        """Go to the first column of what is left of the input row, so many rows above, and clear from there on."""
        return "\r" + "\x1b[A" * rows + self._terminal.clear_eos if self._row is not None else ""

    # --- a row that was broken, or cut off

    def _ask(self, model: Model, now: float) -> str:
        """Ask where the cursor is, once for each width of the window."""
        before = self._question
        if before is not None and before.columns == model.columns:
            return ""
        answer = max(model.places, before.answer if before is not None else 0) + 1
        self._question = _Question(model.columns, answer, now)
        return ASK_PLACE

    def _is_answered(self, model: Model, now: float) -> bool:
        """Whether the cursor's column is known, or will not be."""
        question = self._question
        if question is None or question.columns != model.columns:
            return False
        return model.places >= question.answer or now - question.asked_at >= PATIENCE

    def _rows_above(self, model: Model) -> int:
        """How many rows the terminal has made of what was left of the cursor, besides that of the cursor."""
        assert self._row is not None
        assert self._question is not None
        rows, column = divmod(width(self._row[0]), model.columns)
        is_broken = model.places >= self._question.answer and model.place == column != model.columns - 1
        return rows if is_broken else 0


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
