"""The elements of the window that have a style, and the themes: tables of styles. Pure.

Nothing in the window is told by colour alone: a mention, an error, somebody who is away and so on have a word or a mark
as well. The names of `dark` have a contrast of at least 4.5 on black, those of `light` on white, and those of
`high-contrast`, which bring their background with them, 7 everywhere (WCAG 2.2; a test computes it).
"""

from collections.abc import Mapping

from pylingo.client.styles import Style, parse_style
from pylingo.shared.value_class import value_class

ELEMENTS: Mapping[str, str] = {
    "time": "the time of a line",
    "names": "the names of others; several styles with commas between them are dealt out, one to each name",
    "own-name": "your name",
    "own": "what you say",
    "message": "what others say",
    "mention": "a message that mentions you",
    "unsent": "a message of yours that the server does not have yet",
    "refused": "a message of yours that was refused",
    "note": "what the client and the server say",
    "presence": "who comes and who goes",
    "error": "what went wrong",
    "date": "the line with a date",
    "new": "the line above what is new",
    "more": "the row that stands for the rest of a long message",
    "link": "web addresses",
    "match": "what a search has found in a message",
    "current-match": "the same, in the message that the search is at",
    "divider": "the lines between names and text, and beside the list of people",
    "person": "somebody in the list of people",
    "operator": "an operator in the list of people",
    "away": "somebody in the list of people who is away",
    "status": "the status row",
    "chosen": "the chosen one of the candidates for Tab, in the status row",
}
"""The elements, by their names in the table `[theme]` of the configuration file."""


@value_class
class Theme:
    """Styles by element; those that it leaves out are the terminal's own.

    `names` has one style for each group of names, and `few_names` those for terminals with 8 or 16 colours, in which
    the nearest colours would be hard to read.
    """

    about: str
    styles: Mapping[str, Style]
    names: tuple[Style, ...]
    few_names: tuple[Style, ...]


def styles_of_names(text: str) -> tuple[Style, ...]:
    """Read styles with commas between them. Raises `ValueError` as `parse_style`."""
    return tuple(map(parse_style, text.split(",")))


def _theme(about: str, names: str, few_names: str, **styles: str) -> Theme:
    parsed = {name.replace("_", "-"): parse_style(text) for name, text in styles.items()}
    return Theme(about, parsed, styles_of_names(names), styles_of_names(few_names))


THEMES: Mapping[str, Theme] = {
    # Its names have a contrast of about 3 on white, because many do not say which background they have.
    "dark": _theme(
        "for a dark background; names can be read on a light one",
        "203, 172, 136, 70, 35, 37, 33, 69, 141, 135, 170, 205",
        "red, green, yellow, magenta, cyan",
        time="dim",
        own_name="bold",
        own="110",
        mention="bold 172",
        unsent="dim",
        refused="bold 203",
        note="dim",
        presence="dim",
        error="bold 203",
        date="dim",
        new="bold 172",
        more="dim",
        link="underline",
        match="reverse",
        current_match="bold reverse",
        divider="dim",
        operator="bold",
        away="dim",
        status="reverse",
        chosen="bold",
    ),
    "light": _theme(
        "for a light background",
        "124, 130, 94, 58, 28, 29, 23, 25, 62, 91, 127, 161",
        "red, blue, magenta",
        time="dim",
        own_name="bold",
        own="24",
        mention="bold 130",
        unsent="dim",
        refused="bold 124",
        note="dim",
        presence="dim",
        error="bold 124",
        date="dim",
        new="bold 130",
        more="dim",
        link="underline",
        match="reverse",
        current_match="bold reverse",
        divider="dim",
        operator="bold",
        away="dim",
        status="reverse",
        chosen="bold",
    ),
    "high-contrast": _theme(
        "for any background; nothing is dim",
        "bold 210 on 16, bold 215 on 16, bold 226 on 16, bold 190 on 16, bold 119 on 16, bold 48 on 16, bold 51 on 16,"
        "bold 117 on 16, bold 75 on 16, bold 147 on 16, bold 213 on 16, bold 218 on 16",
        "bold green on black, bold yellow on black, bold cyan on black, bold white on black",
        own_name="bold underline",
        own="bold",
        mention="bold 226 on 16",
        unsent="italic",
        refused="bold 210 on 16",
        error="bold 210 on 16",
        date="bold",
        new="bold 226 on 16",
        more="italic",
        match="reverse",
        current_match="bold reverse",
        link="underline",
        operator="bold",
        away="italic",
        status="bold reverse",
        chosen="bold underline",
    ),
}
