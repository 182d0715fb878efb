"""The language of styles, as in Git's configuration: `bold yellow on 17`. Pure.

A style is a list of words: attributes, a colour, and `on` with the colour behind the text.
"""

import re

from pylingo.client.colors import NAMES, Color
from pylingo.shared.value_class import value_class

ATTRIBUTES = ("bold", "dim", "italic", "underline", "reverse")
RIGHT = (
    f"a style such as bold yellow on 17: any of {', '.join(ATTRIBUTES)}, and a colour, perhaps on another one; a colour"
    f" is default, {', '.join(NAMES)}, one of these after bright-, a number from 0 to 255, or #rrggbb"
)
_COLORS: dict[str, Color | None] = {
    "default": None,
    **{name: number for number, name in enumerate(NAMES)},
    **{f"bright-{name}": number + len(NAMES) for number, name in enumerate(NAMES)},
    **{str(number): number for number in range(256)},
}
_RGB = re.compile(r"#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})", re.ASCII)


@value_class
class Style:
    """The look of an element: a colour, one behind it, and some of `ATTRIBUTES`. None is the terminal's own colour."""

    color: Color | None = None
    background: Color | None = None
    attributes: tuple[str, ...] = ()


def parse_style(text: str) -> Style:
    """Read a style. Raises `ValueError` with a description of what would be right."""
    attributes: list[str] = []
    colors: dict[bool, Color | None] = {}  # by whether it is behind the text
    words = iter(text.lower().split())
    for word in words:
        if word in ATTRIBUTES:
            attributes.append(word)
            continue
        is_behind = word == "on"
        if is_behind in colors:
            raise ValueError(RIGHT)
        colors[is_behind] = _color(next(words, "") if is_behind else word)
    return Style(colors.get(False), colors.get(True), tuple(dict.fromkeys(attributes)))


def _color(word: str) -> Color | None:
    if found := _RGB.fullmatch(word):
        red, green, blue = (int(part, 16) for part in found.groups())
        return red, green, blue
    if word not in _COLORS:
        raise ValueError(RIGHT)
    return _COLORS[word]
