"""Terminal colours: their RGB values, and the nearest one that a terminal with fewer colours has. Pure.

The first 16 colours of a terminal are the person's own choice. Their values here are those of xterm, and only serve to
find the nearest one.
"""

from collections.abc import Sequence

type Rgb = tuple[int, int, int]
"""Red, green and blue, each from 0 to 255."""
type Color = int | Rgb
"""A number of the terminal's palette, from 0 to 255, or the colour itself."""

NAMES = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")
"""The names of colours 0 to 7. Those of 8 to 15 begin with `bright-`."""
TRUE_COLOR = 1 << 24
"""The number of colours of a terminal that shows any RGB value."""
_CUBE = (0, 95, 135, 175, 215, 255)
_BASIC: Sequence[Rgb] = (
    *((0, 0, 0), (205, 0, 0), (0, 205, 0), (205, 205, 0), (0, 0, 238), (205, 0, 205), (0, 205, 205), (229, 229, 229)),
    *((127, 127, 127), (255, 0, 0), (0, 255, 0), (255, 255, 0), (92, 92, 255), (255, 0, 255), (0, 255, 255)),
    (255, 255, 255),
)
_PALETTE: Sequence[Rgb] = (
    *_BASIC,
    *((red, green, blue) for red in _CUBE for green in _CUBE for blue in _CUBE),
    *((gray, gray, gray) for gray in range(8, 239, 10)),
)


def rgb(color: Color) -> Rgb:
    """The RGB value of a colour."""
    return _PALETTE[color] if isinstance(color, int) else color


def nearest(color: Color, colors: int) -> Color | None:
    """The nearest colour that a terminal with so many `colors` has; None if it has fewer than 8."""
    if colors < len(NAMES):
        return None
    if colors >= TRUE_COLOR or (isinstance(color, int) and color < min(colors, 256)):
        return color
    # The person may have changed the first 16 colours, so with 256 the others are safer.
    numbers = range(16, 256) if colors >= 256 else range(16 if colors >= 16 else len(NAMES))
    target = rgb(color)
    return min(numbers, key=lambda number: _distance(_PALETTE[number], target))


def _distance(one: Rgb, other: Rgb) -> int:
    return sum((left - right) ** 2 for left, right in zip(one, other, strict=True))
