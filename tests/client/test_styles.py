"""The language of styles: what it reads, and what it refuses in a sentence."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pylingo.client.styles import ATTRIBUTES, RIGHT, Style, parse_style


@pytest.mark.parametrize(
    ("text", "style"),
    [
        ("", Style()),
        ("bold", Style(attributes=("bold",))),
        ("Bold  YELLOW", Style(3, attributes=("bold",))),
        ("red on blue", Style(1, 4)),
        ("on 17", Style(None, 17)),
        ("bright-white on black underline", Style(15, 0, ("underline",))),
        ("#FF8000", Style((255, 128, 0))),
        ("dim #000000 on #ffffff italic", Style((0, 0, 0), (255, 255, 255), ("dim", "italic"))),
        ("0 on 255", Style(0, 255)),
        ("default on default", Style()),
        ("bold bold", Style(attributes=("bold",))),
    ],
)
def test_a_style_is_read(text: str, style: Style) -> None:
    assert parse_style(text) == style


@pytest.mark.parametrize(
    "text",
    [
        *("bld", "256", "-1", "007", "#fff", "#gggggg", "red blue", "on", "on on", "red on", "on red on blue"),
        *("default red", "red default", "bright-default", "\u0661", "#ff800\u0660", "red,blue", "1.5", "none"),
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="a style such as bold") as caught:
        parse_style(text)
    assert str(caught.value) == RIGHT


@given(st.text(max_size=40))
def test_no_text_does_worse(text: str) -> None:
    try:
        style = parse_style(text)
    except ValueError as error:
        assert str(error) == RIGHT
    else:
        assert set(style.attributes) <= set(ATTRIBUTES)
