"""The rows in which the input line is shown, around the cursor, and the way from one row to the next. Pure.

A newline begins a row. A longer row is broken after as many characters as fit, as in readline, so that typing at the
end moves nothing. The last column stays free for the cursor. The input takes at most a third of the window; if it has
more rows, those around the cursor are shown, and an arrow in the margin says where others are.

The cursor stands between two parts of its row, so that the terminal itself finds the column.
"""

import bisect
import functools
import itertools

from pylingo.client.terminal.cells import STAND_IN, clip, graphemes, pieces, width
from pylingo.client.terminal.line_search import LineSearch
from pylingo.client.terminal.model import Model
from pylingo.client.terminal.motions import line_end, line_start, snap
from pylingo.shared.text import JOINERS, readable
from pylingo.shared.value_class import value_class

PROMPT = "> "
"""The prompt of the layouts `top` and `bottom`."""
INDENT = 2  # columns of the margin of all rows but the first, which has the prompt
SHARE = 3  # the input gets at most one of so many rows of the window
_NARROWEST = 2  # columns of text: those of a wide character
_CACHED = 256  # lines
_TAB = " "
_MARKS = {
    (False, False): " ",
    (True, False): "\N{UPWARDS ARROW}",
    (False, True): "\N{DOWNWARDS ARROW}",
    (True, True): "\N{UP DOWN ARROW}",
}


@value_class
class InputRows:
    """The rows that are shown, from top to bottom. The cursor stands between `before` and `after`."""

    above: tuple[str, ...]
    before: str
    after: str
    below: tuple[str, ...]

    @property
    def all(self) -> tuple[str, ...]:
        return *self.above, self.before + self.after, *self.below

    @property
    def height(self) -> int:
        return len(self.above) + 1 + len(self.below)


@value_class
class _Row:
    """A row without its margin. It begins after `skipped` shown characters of the line at `line` in the text."""

    text: str
    line: int
    skipped: int


@value_class
class _Layout:
    """All rows of a text. The cursor stands in the row `at`, after `column` characters."""

    rows: list[_Row]
    at: int
    within: int

    def continues(self, index: int) -> bool:
        """Whether a row is broken, and the next one continues its line."""
        return index + 1 < len(self.rows) and self.rows[index].line == self.rows[index + 1].line


def input_rows(model: Model, prompt: str) -> InputRows:
    """The rows of the input of `model`. While the history is searched, the query stands in place of `prompt`."""
    if model.columns == 1:  # there is room for the cursor only
        return InputRows((), "", "", ())
    prompt, indent = _margins(model, prompt)
    layout = _lay_out(model, width(prompt), indent)
    most = max(1, model.rows // SHARE)
    top = max(0, min(layout.at - most // 2, len(layout.rows) - most))
    end = min(top + most, len(layout.rows))

    def margin(index: int) -> str:
        if index == 0:
            return prompt
        mark = _MARKS[index == top > 0, index == end - 1 < len(layout.rows) - 1]
        return f"{mark:<{indent}}" if indent else ""

    rows = [margin(index) + layout.rows[index].text for index in range(top, end)]
    at = layout.at - top
    split = len(margin(layout.at)) + layout.within
    return InputRows(tuple(rows[:at]), rows[at][:split], rows[at][split:], tuple(rows[at + 1 :]))


def neighbor(model: Model, prompt: str, step: int) -> int | None:
    """The position in the text in the row above the cursor's (`step` -1) or below it (1); None if there is none."""
    if model.columns == 1:
        return None
    prompt, indent = _margins(model, prompt)
    layout = _lay_out(model, width(prompt), indent)
    index = layout.at + step
    if not 0 <= index < len(layout.rows):
        return None
    margins = width(prompt), *[indent] * (len(layout.rows) - 1)
    row = layout.rows[index]
    column = margins[layout.at] + width(layout.rows[layout.at].text[: layout.within])
    found = clip(row.text, column - margins[index])
    if found == row.text and layout.continues(index):  # the end of a broken row is the start of the next one
        found = found[: -len(graphemes(found)[-1])]
    text = model.buffer.editor.text
    return snap(text, row.line + _typed(text[row.line : line_end(text, row.line)], row.skipped + len(found)))


def _margins(model: Model, prompt: str) -> tuple[str, int]:
    """The prompt as it fits, and the indentation of the other rows."""
    search = model.buffer.editor.search
    if search is not None:
        prompt = _search_prompt(search)
    if width(prompt) > model.columns // 2:
        prompt = clip(prompt, model.columns // 2)
    room = model.columns - 1 - _NARROWEST
    return prompt if width(prompt) <= room else "", INDENT if room >= INDENT else 0


def _search_prompt(search: LineSearch) -> str:
    what = ("search" if search.step < 0 else "search forward") if search.has_found else "no line has"
    return f"({what} '{_shown(search.query)}') "


def _lay_out(model: Model, first_margin: int, margin: int) -> _Layout:
    text, cursor = model.buffer.editor.shown
    room = model.columns - 1
    rows: list[_Row] = []
    at = within = line = 0
    cursor_line = line_start(text, cursor)
    for words in text.split("\n"):
        is_cursor_line = line == cursor_line
        before = _shown(words[: cursor - line]) if is_cursor_line else ""
        shown = before + _shown(words[cursor - line :]) if is_cursor_line else _shown(words)
        starts = _starts(shown, room - (margin if rows else first_margin), room - margin)
        if is_cursor_line:
            index = bisect.bisect_right(starts, len(before)) - 1
            at, within = len(rows) + index, len(before) - starts[index]
        for start, end in itertools.pairwise((*starts, len(shown))):
            rows.append(_Row(_fitting(shown[start:end], room), line, start))
        line += len(words) + 1
    return _Layout(rows, at, within)


@functools.lru_cache(_CACHED)
def _starts(text: str, first: int, room: int) -> tuple[int, ...]:
    """The positions at which the rows of one line begin, if the first has `first` columns and each other `room`."""
    if text.isascii():
        return 0, *range(first, len(text), room)
    starts, at, left = [0], 0, first
    for piece, columns in pieces(text):
        if columns > left and at > starts[-1]:
            starts.append(at)
            left = room
        left -= columns
        at += len(piece)
    return tuple(starts)


def _fitting(text: str, room: int) -> str:
    """`text`, or a sign in its place if it is a wide character and there is no column for it."""
    return STAND_IN if room < _NARROWEST and width(text) > room else text


def _shown(text: str) -> str:
    """Text without newlines as it is shown, without a joiner at its end, which waits for the next character."""
    return readable(text.rstrip(JOINERS).replace("\n", " ").replace("\t", _TAB))


def _typed(line: str, shown: int) -> int:
    """How many characters of `line` are shown as its first `shown` ones. Some are not shown at all."""
    if len(_shown(line)) == len(line):
        return shown
    return bisect.bisect_left(range(len(line)), shown, key=lambda end: len(_shown(line[:end])))
