"""The painter of `/bare`: the messages as the terminal shows any text, for selecting and copying. Pure.

It prints whole lines on the main screen, without indents, colours and line ends of ours. The terminal itself wraps
them, so it joins the rows of a line that is selected, and wraps them anew when it is resized. Nothing is painted until
a key brings the window back; what arrives meanwhile is shown there.
"""

from pylingo.client.terminal.capabilities import Capabilities
from pylingo.client.terminal.cells import clip
from pylingo.client.terminal.line import Line
from pylingo.client.terminal.model import Model
from pylingo.client.wording import clock_time

MOST_LINES, MOST_CHARACTERS = 1_000, 500_000
"""The lines that are printed, at most, and the characters in them, apart from those of the last line."""
BACK = "-- any key brings the window back --"


class Bare:
    """Prints the messages down to the lowest in view, once."""

    is_behind = False  # no lines are left for the next frame

    def __init__(self, terminal: Capabilities) -> None:
        self._terminal = terminal
        self._is_printed = False

    def enter(self) -> str:
        """Nothing, because the terminal is as the shell left it, and wraps rows."""
        return ""

    def leave(self) -> str:
        """The output that takes the last row away; the messages stay."""
        return f"\r{self._terminal.clear_eos}"

    def forget(self, theme: dict[str, str]) -> None:
        """Nothing, because the terminal itself wraps printed text anew."""

    def frame(self, model: Model, now: float) -> str:
        """The output that shows the messages; empty once they are printed."""
        if self._is_printed:
            return ""
        self._is_printed = True
        text = "\n".join(bare_lines(model)).replace("\n", "\r\n")
        return f"{text}\r\n{clip(BACK, model.columns - 1)}"


def bare_lines(model: Model) -> list[str]:
    """The messages as text, each with its own newlines only."""
    lines: list[str] = []
    left = MOST_CHARACTERS
    for line in model.buffer.scrollback.viewport.upwards():
        text = _text(line, model.preferences.times)
        left -= len(text)
        if lines and (left < 0 or len(lines) >= MOST_LINES):
            break
        lines.append(text)
    return lines[::-1]


def _text(line: Line, has_time: bool) -> str:
    return f"{clock_time(line.at)} {line.whole}" if has_time and not line.is_across else line.whole
