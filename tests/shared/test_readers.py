"""Readers of field values: which values they accept, and how they describe the right ones."""

from typing import Annotated, Any

import pytest

from pylingo.shared.readers import Ascii, Between, kind_of, list_of, reader_of

SCORE = Annotated[int, Between(1, 10)]
KEY = Annotated[str, Ascii(4)]


@pytest.mark.parametrize(
    ("hint", "value", "read"),
    [
        (str, b"Zo\xc3\xab", "Zo\u00eb"),
        (int, 2**64, 2**64),
        (bool, False, False),
        (SCORE, 1, 1),
        (SCORE, 10, 10),
        (KEY, b"k-01", "k-01"),
    ],
)
def test_a_value_is_read(hint: Any, value: object, read: object) -> None:
    assert reader_of(hint)(value) == read
    assert list_of(reader_of(hint))([value]) == [read]


@pytest.mark.parametrize(
    ("hint", "value", "right"),
    [
        (str, 1, "a string, not an integer"),
        (str, b"\xff", "a string in UTF-8, which these bytes are not"),
        (int, True, "an integer, not a boolean"),
        (int, 1.0, "an integer, not a float"),
        (bool, 1, "true or false, not an integer"),
        (SCORE, 0, "an integer from 1 to 10, not 0"),
        (SCORE, 11, "an integer from 1 to 10, not 11"),
        (SCORE, True, "an integer from 1 to 10, not a boolean"),
        (KEY, b"", "1 to 4 ASCII characters, not ''"),
        (KEY, b"12345", "1 to 4 ASCII characters, not '12345'"),
        (KEY, "\u0436".encode(), "1 to 4 ASCII characters, not '\u0436'"),
    ],
)
def test_a_wrong_value_is_refused_with_what_would_be_right(hint: Any, value: object, right: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        reader_of(hint)(value)
    assert str(caught.value) == right


def test_an_array_is_a_list() -> None:
    with pytest.raises(ValueError, match="an array, not a map"):
        list_of(reader_of(int))({})
    assert [kind_of(value) for value in (b"", [], {}, None)] == ["a string", "an array", "a map", "nil"]
