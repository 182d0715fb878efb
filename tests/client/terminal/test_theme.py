"""Styles as sequences: colours where the terminal and the person have them, and never colour alone."""

import pytest

from pylingo.client.terminal.capabilities import Capabilities
from pylingo.client.terminal.rows import NAME_STYLES, Span
from pylingo.client.terminal.theme import make_theme, render

NOTHING = ""
NORMAL = "<n>"


def terminal(colors: int) -> Capabilities:
    """A terminal whose sequences can be read."""
    return Capabilities(
        move=lambda row, column: f"<{row},{column}>",
        left=lambda count: f"<left {count}>",
        right=lambda count: f"<left {count}>",
        region=lambda top, bottom: f"<region {top}-{bottom}>",
        color=lambda number: f"<c{number}>",
        link=lambda address, text: f"<{address}>{text}</>",
        keyboard=("", ""),
        number_of_colors=colors,
        enter_fullscreen=NOTHING,
        exit_fullscreen=NOTHING,
        clear=NOTHING,
        clear_eol=NOTHING,
        clear_eos=NOTHING,
        save=NOTHING,
        restore=NOTHING,
        hide_cursor=NOTHING,
        normal_cursor=NOTHING,
        normal=NORMAL,
        bold="<b>",
        dim="<d>",
        reverse="<r>",
        underline="<u>",
        keys={},
    )


NAMES = [f"name{number}" for number in range(NAME_STYLES)]


@pytest.mark.parametrize("number", [0, 1, 2, 8, 16, 88, 256, 1 << 24])
def test_without_colours_there_are_none(number: int) -> None:
    theme = make_theme(terminal(number), colors=False)
    assert not any("<c" in begin for begin in theme.values())
    assert {theme[name] for name in NAMES} == {"<b>"}


@pytest.mark.parametrize(("number", "several"), [(0, 1), (2, 1), (8, 6), (16, 6), (256, NAME_STYLES), (1 << 24, 12)])
def test_names_have_as_many_colours_as_the_terminal_gives(number: int, several: int) -> None:
    theme = make_theme(terminal(number), colors=True)
    colors = {theme[name] for name in NAMES}
    assert len(colors) == several
    if number >= 8:
        assert all(0 < int(color[2:-1]) < number for color in colors), "black is none"


@pytest.mark.parametrize("number", [0, 8, 256])
@pytest.mark.parametrize("colors", [True, False])
def test_every_style_of_the_view_is_told_from_plain_text_without_colour(number: int, colors: bool) -> None:
    theme = make_theme(terminal(number), colors)
    for style in ("time", "status", "note", "day", "unsent", "error", "refused", "mention", "link"):
        attribute = theme[style].partition("<c")[0]
        assert attribute in ("<b>", "<d>", "<r>", "<u>"), style
    assert set(NAMES) <= set(theme)


def test_a_row_ends_without_attributes() -> None:
    theme = {"time": "<d>", "name0": "<b>"}
    row = (Span("12:00 ", "time"), Span("ada:", "name0"), Span(" hello", ""), Span("!", "unknown"))
    assert render(row, theme, terminal(8)) == "<d>12:00 <n><b>ada:<n> hello!"
    assert render((), theme, terminal(8)) == ""


def test_a_link_is_closed_behind_its_own_words() -> None:
    row = (Span("see "), Span("http://a", "link", "http://a.example"), Span("!"))
    assert render(row, {"link": "<u>"}, terminal(8)) == "see <http://a.example><u>http://a<n></>!"
