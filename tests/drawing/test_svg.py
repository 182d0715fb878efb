"""A terminal as SVG: each cell is where it belongs, with its colours."""

import xml.etree.ElementTree as ElementTree

import pytest

from tests.drawing.svg import CELL, INK, LINE, OVERLAP, PAPER, number, picture, row_shapes, size
from tests.drawing.terminal import Terminal


def shapes(data: str) -> list[ElementTree.Element]:
    """The first row of a terminal that shows `data`."""
    terminal = Terminal(20, 1)
    terminal.feed(data.encode())
    return list(ElementTree.fromstring(f"<g>{''.join(row_shapes(terminal.runs(0)))}</g>"))


def test_a_blank_row_has_no_shapes() -> None:
    assert shapes("") == shapes("   ") == []


def test_a_text_takes_its_cells_whatever_the_font() -> None:
    (text,) = shapes("  ada: hi   ")
    assert (text.tag, text.text) == ("text", "ada: hi")
    assert text.get("x") == number(2 * CELL)
    assert text.get("textLength") == number(7 * CELL)
    assert text.get("fill") is None


def test_a_wide_character_takes_two_cells() -> None:
    (text,) = shapes("日x")
    assert text.get("textLength") == number(3 * CELL)


@pytest.mark.parametrize(
    ("data", "attributes"),
    [
        ("\x1b[1ma", {"font-weight": "bold"}),
        ("\x1b[3ma", {"font-style": "italic"}),
        ("\x1b[4ma", {"text-decoration": "underline"}),
        ("\x1b[31ma", {"fill": "#d75f5f"}),
        ("\x1b[38;5;110ma", {"fill": "#87afd7"}),
        ("\x1b[38;2;1;2;3ma", {"fill": "#010203"}),
        ("\x1b[2ma", {"fill": "#898989"}),
        ("\x1b[7ma", {"fill": PAPER}),
    ],
)
def test_a_look(data: str, attributes: dict[str, str]) -> None:
    text = shapes(f"{data}\x1b[m")[-1]
    assert text.attrib.items() >= attributes.items()


@pytest.mark.parametrize(("data", "paper"), [("\x1b[7m", INK), ("\x1b[48;5;17m", "#00005f"), ("\x1b[41m", "#d75f5f")])
def test_cells_with_a_background_are_filled(data: str, paper: str) -> None:
    block, text = shapes(f" {data} a \x1b[m")
    assert (block.tag, block.get("fill"), text.text) == ("rect", paper, "a")
    assert [block.get(key) for key in ("x", "width", "height")] == [number(CELL), number(3 * CELL), str(LINE)]


def test_dividers_are_lines_that_reach_the_next_row() -> None:
    (path,) = shapes("\x1b[2m│\x1b[m")
    assert (path.tag, path.get("d")) == ("path", f"M{number(CELL / 2)} 0v{LINE + OVERLAP}")


def test_a_picture_is_a_whole_file() -> None:
    terminal = Terminal(20, 2)
    terminal.feed(b"\x1b]2;a <b>\x1b\\> x < y & z\r\n")
    root = ElementTree.fromstring(picture(terminal, 'the "client" & more'))
    assert (root.get("width"), root.get("height")) == tuple(map(str, size(20, 2)))
    texts = [element.text for element in root.iter() if element.text and element.text.strip()]
    assert texts == ['the "client" & more', "a <b>", "> x < y & z"]


def test_a_hidden_cursor_is_not_drawn() -> None:
    terminal = Terminal(20, 2)
    shown = picture(terminal, "nothing")
    terminal.feed(b"\x1b[?25l")
    assert shown.count("opacity") == 1
    assert "opacity" not in picture(terminal, "nothing")
