"""The values of terminal colours, and the nearest one of a smaller palette."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pylingo.client.colors import NAMES, TRUE_COLOR, Color, nearest, rgb

RGBS = st.tuples(*[st.integers(0, 255)] * 3)
COLORS = st.one_of(st.integers(0, 255), RGBS)


@pytest.mark.parametrize(
    ("number", "value"),
    [
        (0, (0, 0, 0)),
        (16, (0, 0, 0)),
        (67, (95, 135, 175)),
        (231, (255, 255, 255)),
        (232, (8, 8, 8)),
        (255, (238,) * 3),
    ],
)
def test_the_palette_is_that_of_xterm(number: int, value: tuple[int, int, int]) -> None:
    assert rgb(number) == value
    assert rgb((1, 2, 3)) == (1, 2, 3)
    assert len({rgb(number) for number in range(16, 256)}) == 240


@pytest.mark.parametrize(
    ("color", "colors", "expected"),
    [
        ((1, 2, 3), TRUE_COLOR, (1, 2, 3)),
        (200, TRUE_COLOR, 200),
        ((95, 135, 175), 256, 67),
        ((94, 136, 170), 256, 67),
        ((0, 0, 0), 256, 16),
        (9, 256, 9),
        (9, 16, 9),
        (9, 8, 1),
        (203, 16, 9),
        (203, 8, 1),
        ((10, 200, 10), 8, 2),
        ((10, 200, 10), 2, None),
        (7, 0, None),
    ],
)
def test_the_nearest_colour(color: Color, colors: int, expected: Color | None) -> None:
    assert nearest(color, colors) == expected


@given(COLORS, st.sampled_from([0, 2, 8, 16, 256, TRUE_COLOR]))
def test_a_terminal_gets_only_colours_that_it_has(color: Color, colors: int) -> None:
    found = nearest(color, colors)
    if colors < 8:
        assert found is None
    elif colors < TRUE_COLOR:
        assert isinstance(found, int)
        assert found < colors
        assert nearest(found, colors) == found, "what a terminal has stays"
    else:
        assert found == color


def test_there_are_eight_names() -> None:
    assert len(set(NAMES)) == 8
