"""The title of the terminal's window: what is shown, and how many messages call for the person. Pure."""

import re

from pylingo.client.terminal.cells import clip
from pylingo.client.terminal.model import Model
from pylingo.shared.text import printable

PUSH, POP = "\x1b[22;2t", "\x1b[23;2t"
"""Have the terminal remember the title that it has, and show it again. Terminals that cannot do that ignore it."""
_LONGEST = 60  # columns
_WITH_TITLES = re.compile(
    "(?:alacritty|contour|foot|ghostty|gnome|iterm2?|kitty|konsole|mintty|mlterm|putty|rio|rxvt|screen|st|tmux|vte"
    r"|wezterm|xterm)(?![^-.])"
)
"""The beginnings of `TERM` of terminals that have titles. The Linux console and hardware would show the words."""


def has_title(term: str) -> bool:
    """Whether terminals of that `TERM` have a title that a program can set."""
    return _WITH_TITLES.match(term.lower()) is not None


def title_words(model: Model) -> str:
    """The title: `(3) #lobby - PyLingo`. The number counts messages that are private or mention us."""
    unread = model.missed + sum(buffer.urgent for buffer in model.buffers)
    count = f"({unread}) " if unread else ""
    buffer = model.buffer
    place = f"#{buffer.room}" if buffer.room is not None else buffer.title
    # tmux would take #[ in a title for a style.
    place = clip(printable(place).replace("#[", "# ["), _LONGEST)
    return f"{count}{place} - PyLingo" if place else f"{count}PyLingo"


def set_title(words: str) -> str:
    """The output that changes the title. `words` are printable."""
    return f"\x1b]2;{words}\x1b\\"
