"""The styles of the view as terminal attributes. Everything that has a colour has a word or a mark as well."""

from pylingo.client.terminal.capabilities import Capabilities
from pylingo.client.terminal.rows import NAME_STYLES, Row

_NAMES_256 = (33, 35, 37, 64, 69, 97, 124, 130, 136, 161, 166, 172)  # readable on black and on white
_NAMES_8 = (1, 2, 3, 4, 5, 6)


def make_theme(terminal: Capabilities, colors: bool) -> dict[str, str]:
    """The sequence that begins each style. Without `colors`, only bold, dim, underline and reverse are used."""
    theme = {
        **dict.fromkeys(("time", "note", "day", "more", "unsent"), terminal.dim),
        **dict.fromkeys(("error", "refused", "mention", "marker"), terminal.bold),
        "status": terminal.reverse,
        "link": terminal.underline,
        "chosen": terminal.bold,
    }
    palette = _NAMES_256 if terminal.number_of_colors >= 256 else _NAMES_8 if terminal.number_of_colors >= 8 else ()
    for number in range(NAME_STYLES):
        colored = colors and palette
        theme[f"name{number}"] = terminal.color(palette[number % len(palette)]) if colored else terminal.bold
    if colors and palette:
        theme["error"] = theme["refused"] = terminal.bold + terminal.color(1)
        theme["mention"] = theme["marker"] = terminal.bold + terminal.color(3)
    return theme


def render(row: Row, theme: dict[str, str], terminal: Capabilities) -> str:
    """A row as a string for the terminal. All attributes are off at its end."""
    parts = []
    for text, style, link in row:
        begin = theme.get(style, "")
        styled = f"{begin}{text}{terminal.normal}" if begin else text
        parts.append(terminal.link(link, styled) if link else styled)
    return "".join(parts)
