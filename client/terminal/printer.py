"""The layout `plain` in the window: one line after another, no cursor movement, nothing but text.

The terminal itself has the line that is typed, and shows it, so own messages are not printed again. For screen
readers, and for whoever likes it simple.
"""

from pylingo.client.terminal.model import Model
from pylingo.client.terminal.rows import wrapped
from pylingo.client.terminal.view import question
from pylingo.shared.text import printable


class Printer:
    """Prints what is new. Further rows of a line are indented, as everywhere."""

    def __init__(self) -> None:
        self._said = ""
        self.is_behind = False
        """Whether the last frame has left lines for the next one."""

    def enter(self) -> str:
        """Nothing: the terminal is as the shell has left it."""
        return ""

    def leave(self) -> str:
        """Nothing."""
        return ""

    def forget(self, theme: dict[str, str]) -> None:
        """Nothing to paint anew."""

    def frame(self, model: Model, now: float) -> str:
        """What is to be written to show what is new."""
        rows = [
            "".join(span.text for span in row)
            for line in model.scrollback.unprinted()
            if line.kind != "own"
            for row in wrapped(model, line)
        ]
        self.is_behind = model.scrollback.is_behind
        words = question(model).strip() if model.question is not None else printable(model.hint)
        if words and words != self._said:
            rows.append(f"! {words}")
        self._said = words
        return "".join(f"{row}\n" for row in rows)
