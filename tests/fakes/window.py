"""The model of a small window, messages in it, and the text of its rows."""

from typing import Any

from pylingo.client.settings import Preferences
from pylingo.client.terminal.line import Line
from pylingo.client.terminal.model import Model
from pylingo.client.terminal.rows import Row
from pylingo.client.wording import clock_time, date_line, local_day

NOON = 1_700_000_000_000_000
TIME = clock_time(NOON)
DATE = date_line(local_day(NOON))


def make(layout: str = "top", columns: int = 40, rows: int = 10, **likes: Any) -> Model:
    """The model of a window of this size, with these preferences."""
    return Model("example:5000", Preferences(layout=layout, **likes), columns=columns, rows=rows)


def said(text: str, who: str = "bob", at: int = NOON) -> Line:
    """A message that the server has stored."""
    return Line("message", text, at, who, is_stamped=True)


def opened(text: str) -> Line:
    """A message that is never folded."""
    line = said(text)
    line.is_open = True
    return line


def plain(row: Row | None) -> str:
    """The text of a row, without its styles."""
    assert row is not None
    return "".join(span.text for span in row)
