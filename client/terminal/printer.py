"""The painter of the layout `plain`: text, one line after another, without cursor movements.

The terminal edits and shows the typed line, so own messages are not printed again. The layout suits screen readers.
"""

from pylingo.client.terminal.activity import title
from pylingo.client.terminal.buffer import Buffer
from pylingo.client.terminal.buffers import with_news
from pylingo.client.terminal.model import Model
from pylingo.client.terminal.printed_lines import PrintedLines
from pylingo.client.terminal.rows import wrapped
from pylingo.client.terminal.view import question
from pylingo.shared.text import printable


class Printer:
    """Prints new lines. It has the methods of the other painters, and most do nothing."""

    def __init__(self) -> None:
        self._hint = ""
        self._printed = PrintedLines()
        self._told: set[tuple[Buffer, bool]] = set()
        self.is_behind = False  # whether the last frame left lines for the next one

    def enter(self) -> str:
        """Nothing, because the terminal stays as the shell left it."""
        return ""

    leave = enter

    def forget(self, theme: dict[str, str]) -> None:
        """Nothing, because printed text stays."""

    def frame(self, model: Model, now: float) -> str:
        """The output that shows what is new."""
        rows = [
            "".join(span.text for span in row)
            for line in self._printed.lines(model)
            if line.kind != "own"
            for row in wrapped(model, line)
        ]
        self.is_behind = model.buffer.scrollback.is_behind
        words = question(model).strip() if model.question is not None else printable(model.hint)
        if words and words != self._hint:
            rows.append(f"! {words}")
        self._hint = words
        rows += self._news(model)
        return "".join(f"{row}\n" for row in rows)

    def _news(self, model: Model) -> list[str]:
        """Rows that name the buffers in which something is new, once until they are shown, and once if it is urgent."""
        before = self._told
        news = [(buffer, bool(buffer.urgent)) for buffer in with_news(model)]
        self._told = {(buffer, urgent) for buffer, urgent in before if buffer.new} | set(news)
        return [f"* new in {title(model, buffer)}" for buffer, urgent in news if (buffer, urgent) not in before]
