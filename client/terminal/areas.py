"""How the width of the window is divided: the column of names, the text. Pure.

Nothing here depends on what is on the screen at the moment, so that no line moves without need.
"""

from pylingo.client.terminal.model import Model

LEAST_NAMES, MOST_NAMES = 8, 16
"""The columns for names, at least and at most. They grow with the longest name that has spoken in the buffer."""
_LEAST_TEXT = 60
"""Columns below which names stand before the text, as they take too much of it."""


def text_columns(model: Model) -> int:
    """The columns for messages, with their times and names."""
    return model.columns


def name_columns(model: Model) -> int:
    """The columns for names; 0 if names stand before the text."""
    likes = model.preferences
    if likes.names != "column" or likes.layout == "plain" or text_columns(model) < _LEAST_TEXT:
        return 0
    return min(max(LEAST_NAMES, model.buffer.widest_name), MOST_NAMES)
