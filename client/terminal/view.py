"""The screen of the layouts `top` and `bottom`, made from the model. Pure."""

from pylingo.client.terminal.areas import text_columns
from pylingo.client.terminal.input_rows import PROMPT, InputRows, input_rows
from pylingo.client.terminal.model import Model
from pylingo.client.terminal.people_list import people_rows, person_in
from pylingo.client.terminal.rows import Row, wrapped
from pylingo.client.terminal.status import status_line
from pylingo.shared.value_class import value_class

_ROWS_FOR_STATUS = 3


@value_class
class Screen:
    """A screen to be painted: the rows of the messages and beside them, those of the input, and the status row."""

    columns: int
    rows: int
    body: tuple[Row, ...]
    body_top: int
    input: InputRows
    input_top: int
    status: Row | None  # None if there is no room for it
    status_row: int
    side: tuple[Row, ...] = ()  # beside the messages, without `people_list.EDGE`; none without a list of people
    side_column: int = 0  # where the edge is

    @property
    def cursor_row(self) -> int:
        return self.input_top + len(self.input.above)


def screen(model: Model, now: float) -> Screen:
    """The screen of `model` at the time `now`, in the layout `top` or `bottom`."""
    typed = input_rows(model, PROMPT)
    height = _body_height(model, typed.height)
    rows = tuple(model.buffer.scrollback.viewport.rows(height, lambda line: wrapped(model, line)))
    empty: tuple[Row, ...] = ((),) * (height - len(rows))
    has_status = model.rows >= _ROWS_FOR_STATUS
    if model.preferences.layout == "bottom":
        first, top = model.rows - typed.height, 0
        status_row = first - 1
        body = (*empty, *rows)
    else:
        status_row, first = 0, int(has_status)
        top = first + typed.height
        body = (*rows, *empty)
    status = status_line(model, now) if has_status else None
    side = people_rows(model, height)
    return Screen(model.columns, model.rows, body, top, typed, first, status, status_row, side, text_columns(model))


def body_height(model: Model) -> int:
    """The number of rows for messages."""
    if model.preferences.layout == "inline":
        return model.rows
    return _body_height(model, input_rows(model, PROMPT).height)


def _body_height(model: Model, input_height: int) -> int:
    return model.rows - input_height - int(model.rows >= _ROWS_FOR_STATUS)


def person_at(model: Model, row: int, column: int) -> str | None:
    """Return who stands in a place of the window, counted from 0, in the list of people; None if nobody does."""
    if not is_in_list(model, row, column):
        return None
    return person_in(model, row - _body_top(model), body_height(model))


def is_in_list(model: Model, row: int, column: int) -> bool:
    """Whether a place of the window is in the list of people."""
    return column >= text_columns(model) and 0 <= row - _body_top(model) < body_height(model)


def _body_top(model: Model) -> int:
    return 0 if model.preferences.layout == "bottom" else model.rows - body_height(model)
