"""The painter of the layout `inline`: it prints messages to the terminal's own scrollback, above an input row.

Printed lines cannot change, so own messages are printed once the server has confirmed them, in their place in the
order. Nothing above the input row is touched.

When a terminal is made narrower, it either breaks the input row into several rows (VTE, kitty, tmux) or cuts it off
(xterm, the Linux console). Only in the first case may the cursor go up, or messages would be lost. The column of the
cursor tells the two apart, so the terminal is asked for it. If it does not answer, or the answer fits both, the rest
of the old input row stays visible.
"""

from dataclasses import dataclass

from pylingo.client.terminal.activity import activity
from pylingo.client.terminal.candidate_row import candidate_row
from pylingo.client.terminal.capabilities import Capabilities
from pylingo.client.terminal.cells import clip, width
from pylingo.client.terminal.model import Model
from pylingo.client.terminal.painter import BEGIN, END, MODES_OFF, MODES_ON, WRAP_OFF, WRAP_ON
from pylingo.client.terminal.printed_lines import PrintedLines
from pylingo.client.terminal.questions import words as question_words
from pylingo.client.terminal.rows import wrapped
from pylingo.client.terminal.status import connection, is_late
from pylingo.client.terminal.theme import render
from pylingo.client.terminal.view import input_row
from pylingo.shared.text import printable

ASK_PLACE = "\x1b[6n"
PATIENCE = 0.5  # seconds to wait for the answer; meanwhile nothing is printed


@dataclass(slots=True)
class _CursorQuery:
    """A query for the cursor's column in a window of `columns`; the answer is the cursor report number `answer`."""

    columns: int
    answer: int
    asked_at: float


class Inline:
    """Prints new lines, then the input row."""

    def __init__(self, terminal: Capabilities, theme: dict[str, str]) -> None:
        self._terminal = terminal
        self._theme = theme
        self._row: tuple[str, str] | None = None  # the text left and right of the cursor
        self._prompt = ""
        self._question: _CursorQuery | None = None
        self._printed = PrintedLines()
        self.is_behind = False
        """Whether the last frame left lines for the next one, so that keys do not wait for all of them."""

    def enter(self) -> str:
        """The output before the first frame. A row wider than we think must not run into the next line."""
        return MODES_ON + WRAP_OFF

    def leave(self) -> str:
        """The output that restores the terminal and removes the input row."""
        return END + self._back(0) + WRAP_ON + MODES_OFF + self._terminal.normal + self._terminal.normal_cursor

    def forget(self, theme: dict[str, str]) -> None:
        """Paint the input row again with the next frame."""
        self._theme = theme
        self._prompt = "\0"

    def frame(self, model: Model, now: float) -> str:
        """The output that shows what is new."""
        broken = self._row is not None and width(self._row[0]) >= model.columns
        if broken and not self._is_answered(model, now):
            return self._ask(model, now)
        rows = [row for line in self._printed.lines(model) for row in wrapped(model, line)]
        lines = [render(row, self._theme, self._terminal) for row in rows]
        self.is_behind = model.buffer.scrollback.is_behind
        prompt = _prompt(model, now)
        row = input_row(model, prompt)
        if not lines and (prompt, row) == (self._prompt, self._row):
            return ""
        begin = self._back(self._rows_above(model) if broken else 0)
        self._prompt, self._row, self._question = prompt, row, None
        text = "".join(f"{line}\r\n" for line in lines)
        terminal = self._terminal
        after = f"{terminal.save}{row[1]}{terminal.restore}" if row[1] else ""
        return f"{BEGIN}{terminal.hide_cursor}{begin}{text}{row[0]}{after}{terminal.normal_cursor}{END}"

    def _back(self, rows: int) -> str:
        """Go to the start of the old input row, `rows` rows up, and clear from there on."""
        return "\r" + "\x1b[A" * rows + self._terminal.clear_eos if self._row is not None else ""

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

    def _rows_above(self, model: Model) -> int:
        """The number of rows, above the cursor's, that the text left of the cursor was broken into."""
        assert self._row is not None
        assert self._question is not None
        rows, column = divmod(width(self._row[0]), model.columns)
        is_broken = model.places >= self._question.answer and model.place == column != model.columns - 1
        return rows if is_broken else 0


def _prompt(model: Model, now: float) -> str:
    if model.question is not None:
        return f"{question_words(model.question).strip()} "
    if model.offer is not None and not model.hint:
        row = candidate_row(model.offer, model.columns // 3)
        return f"({''.join(span.text for span in row)}) "
    is_well = model.state == "online" and not is_late(model, now)
    state = model.buffer.title or "no room" if is_well else connection(model, now)
    unsent = sum(len(buffer.scrollback.unsent) for buffer in model.buffers)
    if unsent and model.state != "online":
        state = f"{unsent} unsent, {state}"
    if is_well and (news := activity(model, model.columns // 3 - width(state) - 1)):
        state = f"{state} {news}"
    words = printable(model.hint or state)
    return f"[{clip(words, model.columns // 3)}] "
