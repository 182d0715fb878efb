"""What a CHATHISTORY command asks for: exclusive bounds, and a time that is a whole millisecond."""

import pytest

from pylingo.reactor.irc.selection import (
    MOST,
    Bound,
    Part,
    Selection,
    SelectionError,
    read_bound,
    read_limit,
    read_selection,
)

TIME = "timestamp=1970-01-01T00:00:05.123Z"
BEGIN, END = 5_123_000, 5_123_999


@pytest.mark.parametrize(
    ("word", "bound"),
    [("msgid=7", Bound(7, 7)), (TIME, Bound(BEGIN, END)), ("timestamp=1970-01-01T00:00:05.123456Z", Bound(BEGIN, END))],
)
def test_a_selector(word: str, bound: Bound) -> None:
    assert read_bound(word) == bound


@pytest.mark.parametrize("word", ["", "*", "msgid", "msgid=", "msgid=x", "timestamp=", "timestamp=5", "at=5"])
def test_what_is_no_selector(word: str) -> None:
    with pytest.raises(SelectionError, match="msgid=ID"):
        read_bound(word)


@pytest.mark.parametrize(("word", "limit"), [("1", 1), ("100", MOST), ("101", MOST), ("999999999", MOST)])
def test_a_number(word: str, limit: int) -> None:
    assert read_limit(word) == limit


@pytest.mark.parametrize("word", ["0", "-1", "", "x", "1.5", "²", "9" * 5_000])
def test_what_is_no_number(word: str) -> None:
    with pytest.raises(SelectionError, match="at least 1"):
        read_limit(word)


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        ("LATEST #a * 10", [Part(10)]),
        ("LATEST #a msgid=7 10", [Part(10, since=7)]),
        (f"LATEST #a {TIME} 10", [Part(10, since=END)]),
        ("BEFORE #a msgid=7 10", [Part(10, before=7)]),
        (f"BEFORE #a {TIME} 10", [Part(10, before=BEGIN)]),
        ("AFTER #a msgid=7 10", [Part(10, since=7, is_forward=True)]),
        (f"AFTER #a {TIME} 10", [Part(10, since=END, is_forward=True)]),
        ("AROUND #a msgid=7 10", [Part(5, before=7), Part(5, since=6, is_forward=True)]),
        ("AROUND #a msgid=7 5", [Part(2, before=7), Part(3, since=6, is_forward=True)]),
        ("AROUND #a msgid=0 1", [Part(1, since=0, is_forward=True)]),
        ("BETWEEN #a msgid=7 msgid=9 10", [Part(10, 7, 9, is_forward=True)]),
        ("BETWEEN #a msgid=9 msgid=7 10", [Part(10, 7, 9)]),
    ],
)
def test_a_selection(words: str, parts: list[Part]) -> None:
    subcommand, *params = words.split()
    assert read_selection(subcommand, params) == Selection("#a", tuple(parts))


@pytest.mark.parametrize(
    "words",
    ["LATEST", "LATEST #a *", "BEFORE #a * 10", "BETWEEN #a msgid=1 10", "NEXT #a msgid=1 10", "AFTER #a x 10"],
)
def test_a_selection_that_makes_no_sense(words: str) -> None:
    subcommand, *params = words.split()
    with pytest.raises(SelectionError):
        read_selection(subcommand, params)
