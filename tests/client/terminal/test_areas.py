"""How the width of the window is divided."""

import pytest

from pylingo.client.terminal.areas import LEAST_NAMES, LEAST_WIDE, MOST_NAMES, list_columns, name_columns, text_columns
from tests.fakes.window import make


@pytest.mark.parametrize(
    ("layout", "columns", "names", "expected"),
    [
        ("top", 80, "column", LEAST_NAMES),
        ("bottom", 60, "column", LEAST_NAMES),
        ("inline", 80, "column", LEAST_NAMES),
        ("plain", 80, "column", 0),
        ("top", 59, "column", 0),
        ("top", 80, "plain", 0),
    ],
)
def test_where_names_have_a_column(layout: str, columns: int, names: str, expected: int) -> None:
    model = make(layout, columns, names=names)
    assert name_columns(model) == expected
    assert text_columns(model) == columns


def test_the_list_of_people_takes_its_columns_from_the_text() -> None:
    model = make(columns=120, names="column")
    model.buffer.room = "lobby"
    assert (text_columns(model), list_columns(model), name_columns(model)) == (100, 20, LEAST_NAMES)
    model.state = "waiting"
    assert text_columns(model) == 100, "a lost connection wraps nothing anew"
    model.columns = LEAST_WIDE - 1
    assert (text_columns(model), list_columns(model)) == (LEAST_WIDE - 1, 0)


def test_the_column_of_names_is_as_wide_as_they_need_within_bounds() -> None:
    model = make(columns=80, names="column")
    widths = []
    for name in ("bob", "n" * 9, "\u6f22" * 6, "bob", "n" * 32):
        model.buffer.note_speaker(name)
        widths.append(name_columns(model))
    assert widths == [LEAST_NAMES, 9, 12, 12, MOST_NAMES]
