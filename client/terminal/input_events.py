"""The events that a terminal's input is decoded to. Pure data."""

from pylingo.shared.value_class import value_class


@value_class
class Text:
    """Characters typed, as many as arrived together: at least one, and no control characters."""

    text: str


@value_class
class Key:
    """A key that is not a character, or one with a modifier: "enter", "ctrl-a", "alt-b", "ctrl-alt-shift-up"."""

    name: str


@value_class
class Paste:
    """A paste, with newlines as its line ends."""

    text: str
    cut: bool = False  # whether it was longer than the limit
    goes_on: bool = False  # whether it continues the previous paste, which the terminal has not marked as one


@value_class
class CursorReport:
    """The terminal reports the column of its cursor, counted from 0."""

    column: int


@value_class
class Focus:
    """The terminal's window has got the focus, or lost it."""

    is_here: bool


@value_class
class Mouse:
    """A pressed button ("left", "middle", "right") or the wheel ("wheel-up", "wheel-down"), perhaps with a modifier.

    The place is counted from 0.
    """

    name: str
    column: int
    row: int


type InputEvent = Text | Key | Paste | CursorReport | Focus | Mouse
