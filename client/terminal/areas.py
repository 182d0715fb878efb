"""How the width of the window is divided: the column of names, the text, the list of people. Pure.

Nothing here depends on what is on the screen at the moment, so that no line moves without need.
"""

from pylingo.client.terminal.model import Model

LEAST_NAMES, MOST_NAMES = 8, 16
"""The columns for names, at least and at most. They grow with the longest name that has spoken in the buffer."""
LEAST_WIDE = 100
"""Columns from which on a window has a list of people."""
_LEAST_LIST, _MOST_LIST, _LIST_SHARE = 20, 28, 6  # columns, at least and at most, and one of how many it gets
_LEAST_TEXT = 60
"""Columns below which names stand before the text, as they take too much of it."""


def list_columns(model: Model) -> int:
    """The columns for the list of people, at the right; 0 if there is none.

    A room keeps them while there is no connection, so that no message is wrapped anew.
    """
    likes = model.preferences
    is_wide = model.columns >= LEAST_WIDE and likes.layout in ("top", "bottom")
    if not likes.people or not is_wide or model.buffer.room is None:
        return 0
    return min(max(_LEAST_LIST, model.columns // _LIST_SHARE), _MOST_LIST)


def text_columns(model: Model) -> int:
    """The columns for messages, with their times and names."""
    return model.columns - list_columns(model)


def name_columns(model: Model) -> int:
    """The columns for names; 0 if names stand before the text."""
    likes = model.preferences
    if likes.names != "column" or likes.layout == "plain" or text_columns(model) < _LEAST_TEXT:
        return 0
    return min(max(LEAST_NAMES, model.buffer.widest_name), MOST_NAMES)
