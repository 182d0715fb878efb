"""Styles as sequences: colours where the terminal and the person have them, and never colour alone."""

import re
from dataclasses import replace

import pytest

from pylingo.client.colors import TRUE_COLOR
from pylingo.client.styles import Style, parse_style
from pylingo.client.terminal.capabilities import Capabilities
from pylingo.client.terminal.line import Line, Presence
from pylingo.client.terminal.rows import NAME_STYLES, Span, wrapped
from pylingo.client.terminal.theme import make_theme, render
from pylingo.client.themes import ELEMENTS, THEMES, styles_of_names
from tests.fakes.window import NOON, make, said

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
        on_color=lambda number: f"<on {number}>",
        rgb=lambda *parts: f"<rgb {parts}>",
        on_rgb=lambda *parts: f"<on rgb {parts}>",
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
        italic="<i>",
        reverse="<r>",
        underline="<u>",
        keys={},
    )


NAMES = [f"name{number}" for number in range(NAME_STYLES)]
EVERY = pytest.mark.parametrize("name", THEMES)


@EVERY
@pytest.mark.parametrize("number", [0, 1, 2, 8, 16, 88, 256, TRUE_COLOR])
def test_without_colours_there_are_none(name: str, number: int) -> None:
    theme = make_theme(terminal(number), False, name, {"own": (Style(3, (1, 2, 3)),)})
    assert not any(re.search("<(c|rgb|on)", begin) for begin in theme.values())
    assert {theme[name] for name in NAMES} == {"<b>"}
    assert theme["own"] == theme["status"].replace("<b>", "") == "<r>", "a block stays a block"


@pytest.mark.parametrize(
    ("number", "several"), [(0, 1), (2, 1), (8, 5), (16, 5), (256, NAME_STYLES), (TRUE_COLOR, NAME_STYLES)]
)
def test_names_have_as_many_colours_as_the_terminal_gives(number: int, several: int) -> None:
    theme = make_theme(terminal(number), colors=True)
    colors = {theme[name] for name in NAMES}
    assert len(colors) == several
    if number >= 8:
        assert all(0 < int(color[2:-1]) < number for color in colors), "black is none"


@pytest.mark.parametrize("number", [0, 8, 256])
@pytest.mark.parametrize("colors", [True, False])
@pytest.mark.parametrize("name", ["dark", "light"])
def test_every_style_of_the_view_is_told_from_plain_text_without_colour(name: str, number: int, colors: bool) -> None:
    theme = make_theme(terminal(number), colors, name)
    for style in ("time", "status", "note", "date", "unsent", "error", "refused", "mention", "link"):
        attribute = theme[style].partition("<c")[0]
        assert attribute in ("<b>", "<d>", "<r>", "<u>"), style
    assert set(NAMES) <= set(theme)


@pytest.mark.parametrize(
    ("number", "begin"),
    [
        (TRUE_COLOR, "<b><u><rgb (95, 135, 175)><on 17>"),
        (256, "<b><u><c67><on 17>"),
        (8, "<b><u><c6><on 0>"),
        (0, "<b><u>"),
    ],
)
def test_a_style_of_the_persons_own_is_shown_as_well_as_the_terminal_can(number: int, begin: str) -> None:
    own = {"mention": (parse_style("bold underline #5f87af on 17"),)}
    assert make_theme(terminal(number), True, own=own)["mention"] == begin


def test_a_colour_behind_the_text_may_be_any() -> None:
    own = {"mention": (parse_style("on #010203"),), "time": (parse_style(""),)}
    theme = make_theme(terminal(TRUE_COLOR), True, own=own)
    assert theme["mention"] == "<on rgb (1, 2, 3)>"
    assert theme["time"] == ""
    assert theme["error"] == make_theme(terminal(TRUE_COLOR), True)["error"], "the others are the theme's"


def test_names_of_the_persons_own_are_dealt_out() -> None:
    own = {"names": styles_of_names("red, bold green")}
    theme = make_theme(terminal(256), True, own=own)
    assert [theme[name] for name in NAMES] == ["<c1>", "<b><c2>"] * 6
    bare = make_theme(terminal(0), True, own=own)
    assert {bare[name] for name in NAMES} == {"<b>"}


def test_every_style_of_the_rows_is_an_element() -> None:
    """What a view calls its styles and what a person may change are the same."""
    model = make(columns=60, names="column")
    lines = [said("hi http://a"), Line("own", "x", NOON, "ada"), Line("own", "x", NOON, "ada", state="unsent")]
    lines += [Line("own", "x", NOON, "ada", state="refused"), said("\n" * 50), replace(said("ada"), is_mention=True)]
    lines += [Line(kind, "x", NOON) for kind in ("note", "error", "day", "marker")]
    lines.append(Line("note", "* x", NOON, presence=Presence(NOON)))
    styles = {span.style for line in lines for row in wrapped(model, line) for span in row}
    named = {style for style in styles if style.startswith("name")}
    assert named <= set(NAMES)
    assert styles - named - {""} <= set(ELEMENTS)
    assert len(styles) >= 14


def test_a_row_ends_without_attributes() -> None:
    theme = {"time": "<d>", "name0": "<b>"}
    row = (Span("12:00 ", "time"), Span("ada:", "name0"), Span(" hello", ""), Span("!", "unknown"))
    assert render(row, theme, terminal(8)) == "<d>12:00 <n><b>ada:<n> hello!"
    assert render((), theme, terminal(8)) == ""


def test_a_link_is_closed_behind_its_own_words() -> None:
    row = (Span("see "), Span("http://a", "link", "http://a.example"), Span("!"))
    assert render(row, {"link": "<u>"}, terminal(8)) == "see <http://a.example><u>http://a<n></>!"
