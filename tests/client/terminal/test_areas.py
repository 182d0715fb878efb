"""How the width of the window is divided."""

import pytest

from pylingo.client.terminal.areas import LEAST_NAMES, MOST_NAMES, name_columns, text_columns
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


def test_the_column_of_names_is_as_wide_as_they_need_within_bounds() -> None:
    model = make(columns=80, names="column")
    widths = []
    for name in ("bob", "n" * 9, "\u6f22" * 6, "bob", "n" * 32):
        model.buffer.note_speaker(name)
        widths.append(name_columns(model))
    assert widths == [LEAST_NAMES, 9, 12, 12, MOST_NAMES]
