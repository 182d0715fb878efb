"""Masks: what may be typed, and for whom they stand."""

import pytest

from pylingo.reactor.chat.masks import MAX_MASK, is_for_words, matches, read_mask, same_mask, show
from pylingo.shared.errors import RequestError
from tests.fakes.chat import Chat


@pytest.mark.parametrize(
    ("typed", "mask"),
    [
        ("eve", "eve!*@*"),
        ("eve*", "eve*!*@*"),
        ("eve!bot", "eve!bot@*"),
        ("bot@pylingo", "*!bot@pylingo"),
        ("*!*@pylingo", "*!*@pylingo"),
        ("m:eve", "m:eve!*@*"),
        ("M:!x@", "m:*!x@*"),
    ],
)
def test_a_mask_is_completed(typed: str, mask: str) -> None:
    assert read_mask(typed) == mask


@pytest.mark.parametrize("typed", ["a b", "a,b", "x" * MAX_MASK, "*a" * 7, "a\x01"])
def test_what_is_no_mask(typed: str) -> None:
    with pytest.raises(RequestError, match="a mask is such as") as caught:
        read_mask(typed)
    assert caught.value.reason == "bad-argument"


def test_for_whom_a_mask_stands() -> None:
    eve = Chat().person("Eve").session.person
    assert show(eve) == "Eve!native@pylingo"
    assert all(matches(read_mask(mask), eve) for mask in ("eve", "E*", "m:EVE", "*!native@*", "?ve"))
    assert not any(matches(read_mask(mask), eve) for mask in ("ev", "[e]ve", "*!bot@*", "*@elsewhere"))


def test_masks_that_are_the_same() -> None:
    assert same_mask("EVE!*@*", "eve!*@*")
    assert not same_mask("m:eve!*@*", "eve!*@*")
    assert is_for_words("m:eve!*@*")
    assert not is_for_words("eve!*@*")
