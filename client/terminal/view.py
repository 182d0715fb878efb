"""The screen of the layouts `top` and `bottom`, and the input row of all layouts, made from the model. Pure."""

import itertools
from dataclasses import dataclass

from pylingo.client.terminal.cells import clip, graphemes, width
from pylingo.client.terminal.model import Model
from pylingo.client.terminal.rows import Row, wrapped
from pylingo.client.terminal.status import status_line
from pylingo.shared.text import JOINERS, readable

_NEWLINE, _TAB = "\u21b5", " "
_ROWS_FOR_STATUS = 3


@dataclass(frozen=True, slots=True)
class Screen:
    """A screen to be painted. In the input row, the cursor stands between `before` and `after`."""

    columns: int
    rows: int
    body: tuple[Row, ...]
    body_top: int
    before: str
    after: str
    input_row: int
    status: Row | None  # None if there is no room for it
    status_row: int


def screen(model: Model, now: float) -> Screen:
    """The screen of `model` at the time `now`, in the layout `top` or `bottom`."""
    height = body_height(model)
    rows = tuple(model.buffer.scrollback.viewport.rows(height, lambda line: wrapped(model, line)))
    empty: tuple[Row, ...] = ((),) * (height - len(rows))
    has_status = model.rows >= _ROWS_FOR_STATUS
    before, after = input_row(model, "> ")
    if model.preferences.layout == "bottom":
        status_row, input_at, top = model.rows - 2, model.rows - 1, 0
        body = (*empty, *rows)
    else:
        status_row, input_at = 0, int(has_status)
        top = input_at + 1
        body = (*rows, *empty)
    status = status_line(model, now) if has_status else None
    return Screen(model.columns, model.rows, body, top, before, after, input_at, status, status_row)


def body_height(model: Model) -> int:
    """The number of rows for messages."""
    if model.preferences.layout == "inline":
        return model.rows
    return model.rows - 1 - int(model.rows >= _ROWS_FOR_STATUS)


# --- the input row


def input_row(model: Model, prompt: str) -> tuple[str, str]:
    """The input row left and right of the cursor, with as much of the text around it as fits.

    The text moves by half a row at a time, so that most keys change the row at the cursor only.
    """
    editor = model.buffer.editor
    if editor.search is not None:
        what = "search" if editor.has_found else "no line has"
        prompt = f"({what} '{_shown(editor.search)}') "
    if width(prompt) > model.columns // 2:
        prompt = clip(prompt, model.columns // 2)
    room = model.columns - 1 - width(prompt)
    before = _shown(editor.text[: editor.cursor])
    whole = width(before)
    if whole > room:
        step = max(1, room // 2)
        before = _without(before, -(-(whole - room) // step) * step)
    after = clip(_shown(editor.text[editor.cursor : editor.cursor + model.columns]), max(0, room - width(before)))
    return prompt + before, after


def _shown(text: str) -> str:
    """`text` in one row, without a joiner at its end, which waits for the next character."""
    return readable(text.rstrip(JOINERS).replace("\n", _NEWLINE).replace("\t", _TAB))


def _without(text: str, columns: int) -> str:
    """`text` without its first `columns` columns, or one more if a wide character crosses the edge."""
    if text.isascii():
        return text[columns:]
    pieces = graphemes(text)
    for taken, end in enumerate(itertools.accumulate(map(width, pieces)), 1):
        if end >= columns:
            return "".join(pieces[taken:])
    return ""
