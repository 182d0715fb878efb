"""The styles of the view as sequences for the terminal. Pure.

A terminal with fewer colours gets the nearest ones. Without colours the attributes stay, and an element that had only a
colour is told by its words and marks.
"""

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from pylingo.client.colors import Color, nearest
from pylingo.client.styles import Style
from pylingo.client.terminal.capabilities import Capabilities
from pylingo.client.terminal.rows import NAME_STYLES, Row
from pylingo.client.themes import THEMES, Theme

_LEAST = 8  # colours; with fewer, attributes tell more
_MANY = 256  # colours; with fewer, the nearest ones to those of names would be hard to read


def make_theme(
    terminal: Capabilities, colors: bool, theme: str = "dark", own: Mapping[str, Sequence[Style]] = MappingProxyType({})
) -> dict[str, str]:
    """The sequence that begins each style of a theme, or of the person's `own` styles, which override those.

    Without `colors`, only attributes such as bold and reverse are used.
    """
    count = terminal.number_of_colors if colors and terminal.number_of_colors >= _LEAST else 0
    return {name: _sequence(terminal, style, count) for name, style in _styles(THEMES[theme], own, count)}


def _styles(theme: Theme, own: Mapping[str, Sequence[Style]], count: int) -> Iterator[tuple[str, Style]]:
    names = own.get("names") or (theme.names if count >= _MANY else theme.few_names)
    for number in range(NAME_STYLES):
        style = names[number % len(names)]
        # Without colours, names stand out by being bold.
        is_plain = count == 0 and not style.attributes
        yield f"name{number}", Style(attributes=("bold",)) if is_plain else style
    yield from {**theme.styles, **{name: styles[0] for name, styles in own.items() if name != "names"}}.items()


def _sequence(terminal: Capabilities, style: Style, count: int) -> str:
    attributes = style.attributes
    if count == 0 and style.background is not None and not attributes:
        attributes = ("reverse",)  # a bar or a block stays one
    parts = [getattr(terminal, attribute) for attribute in attributes]
    for color, is_behind in ((style.color, False), (style.background, True)):
        shown = nearest(color, count) if color is not None else None
        if shown is not None:
            parts.append(_color(terminal, shown, is_behind))
    return "".join(parts)


def _color(terminal: Capabilities, color: Color, is_behind: bool) -> str:
    if isinstance(color, int):
        return terminal.on_color(color) if is_behind else terminal.color(color)
    return terminal.on_rgb(*color) if is_behind else terminal.rgb(*color)


def render(row: Row, theme: dict[str, str], terminal: Capabilities) -> str:
    """A row as a string for the terminal. All attributes are off at its end."""
    parts = []
    for text, style, link in row:
        begin = theme.get(style, "")
        styled = f"{begin}{text}{terminal.normal}" if begin else text
        parts.append(terminal.link(link, styled) if link else styled)
    return "".join(parts)
