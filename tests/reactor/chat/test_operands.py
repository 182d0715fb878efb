"""The parts of the arguments of operators' commands."""

import pytest

from pylingo.reactor.chat.operands import read_reason, read_seconds, split, take_time, until_words
from pylingo.shared.errors import RequestError


def test_an_argument_is_split_after_its_first_word() -> None:
    assert split("eve too  loud") == ("eve", "too  loud")
    assert split("eve") == ("eve", "")


@pytest.mark.parametrize(("word", "seconds"), [("10m", 600.0), ("2h", 7_200.0), ("7d", 604_800.0)])
def test_a_time(word: str, seconds: float) -> None:
    assert read_seconds(word) == seconds
    assert take_time(f"{word} spam") == (seconds, "spam")


@pytest.mark.parametrize("word", ["10", "0m", "10s", "1.5h", "100000m", "٣m"])
def test_what_is_no_time(word: str) -> None:
    with pytest.raises(RequestError, match="10m, 2h or 7d") as raised:
        take_time(word)
    assert raised.value.reason == "bad-argument"


def test_a_reason_need_not_follow_a_time() -> None:
    assert take_time("") == (None, "")
    assert take_time("spam 2h") == (None, "spam 2h")
    assert read_reason("") is None
    assert read_reason("two\nlines") == "two lines"
    with pytest.raises(RequestError, match="512"):
        read_reason("x" * 513)


def test_the_end_of_a_sanction_in_words() -> None:
    assert until_words(None) == ""
    assert until_words(1_767_225_600_000_000) == " until 2026-01-01 00:00 UTC"
