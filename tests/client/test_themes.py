"""The themes: each element of a theme exists, and names can be read on the background that a theme is for."""

from itertools import combinations

import pytest

from pylingo.client.colors import Color, rgb
from pylingo.client.styles import Style
from pylingo.client.themes import ELEMENTS, THEMES, styles_of_names

BLACK, DARK, WHITE = (0, 0, 0), (30, 30, 30), (255, 255, 255)
BACKGROUNDS: dict[str, list[Color]] = {"dark": [BLACK, DARK], "light": [WHITE], "high-contrast": [BLACK, DARK, WHITE]}
LEAST = {"dark": 4.5, "light": 4.5, "high-contrast": 7}


def luminance(color: Color) -> float:
    """The relative luminance, as WCAG 2.2 defines it."""
    parts = [value / 255 for value in rgb(color)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: Color, other: Color) -> float:
    """The contrast ratio of WCAG 2.2, from 1 to 21."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def colored(styles: list[Style]) -> list[Style]:
    return [style for style in styles if style.color is not None]


def test_the_contrast_of_black_and_white() -> None:
    assert contrast(BLACK, WHITE) == pytest.approx(21)
    assert contrast((118, 118, 118), WHITE) == pytest.approx(4.54, abs=0.01), "the example of WCAG"


@pytest.mark.parametrize("name", THEMES)
def test_names_and_every_other_colour_can_be_read(name: str) -> None:
    theme = THEMES[name]
    for style in colored([*theme.names, *theme.styles.values()]):
        assert isinstance(style.color, int)
        assert style.color >= 16, "the others are the person's own choice"
        for background in BACKGROUNDS[name]:
            behind = style.background if style.background is not None else background
            assert contrast(style.color, behind) >= LEAST[name], (style, background)


def test_the_names_of_the_first_theme_can_be_told_on_white_as_well() -> None:
    assert all(contrast(style.color, WHITE) >= 2.7 for style in THEMES["dark"].names if style.color is not None)


@pytest.mark.parametrize("name", THEMES)
def test_every_name_has_a_colour_of_its_own(name: str) -> None:
    theme = THEMES[name]
    assert len({style.color for style in theme.names}) == 12
    assert all(one != other for one, other in combinations(theme.few_names, 2))
    assert all(isinstance(style.color, int) and style.color < 8 for style in theme.few_names)


@pytest.mark.parametrize("name", THEMES)
def test_a_theme_has_only_elements_that_exist(name: str) -> None:
    assert set(THEMES[name].styles) <= set(ELEMENTS)


def test_high_contrast_dims_nothing() -> None:
    theme = THEMES["high-contrast"]
    assert not any("dim" in style.attributes for style in (*theme.styles.values(), *theme.names))


def test_styles_of_names_have_commas_between_them() -> None:
    assert styles_of_names("red, bold 33 on 7,") == (Style(1), Style(33, 7, ("bold",)), Style())
