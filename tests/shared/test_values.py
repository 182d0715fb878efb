"""How settings are written, and what is said to be right."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pylingo.shared.values import (
    TRUE,
    ExplainedError,
    address,
    duration,
    flag,
    number,
    one_of,
    path,
    path_or_true,
    show_duration,
    show_size,
    show_toml,
    size,
    texts,
)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0"),
        (1, "1"),
        (1_023, "1023"),
        (1_024, "1K"),
        (1_536, "1536"),
        (65_536, "64K"),
        (3 * 2**20, "3M"),
        (2**30, "1G"),
    ],
)
def test_a_size_is_shown_in_the_largest_unit_that_divides_it(value, shown):
    assert show_size(value) == shown


@settings(deadline=None)
@given(st.integers(0, 2**40))
def test_a_size_is_read_as_it_is_shown(value):
    assert size(0, 2**50)(show_size(value)) == value


@settings(deadline=None)
@given(st.text(max_size=20))
def test_any_text_is_a_size_or_a_value_error(text):
    try:
        value = size(10, 2**30)(text)
    except ValueError as error:
        assert str(error) == "a size from 10 to 1G, such as 64K or 2M"
    else:
        assert 10 <= value <= 2**30
        assert re.fullmatch(r"[0-9]+[KMG]?", text)


@settings(deadline=None)
@given(st.integers(1, 864_000_000) | st.integers(1, 10_000).map(lambda value: value / 1_000))
def test_a_time_is_read_as_it_is_shown(value):
    assert duration(0.001, 1e9)(show_duration(value)) == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize(("value", "shown"), [(0.005, "5ms"), (0.0025, "2.5ms"), (0.1, "100ms"), (1, "1s"), (0, "0")])
def test_a_short_time_is_shown_in_milliseconds(value, shown):
    assert show_duration(value) == shown


def test_hardly_anything_is_not_the_zero_that_stands_for_no_limit():
    rate = number(0.5, 100, or_none=True)
    assert [rate(text) for text in ("0", "0.0", "0.5", "100")] == [0, 0, 0.5, 100]
    for text in ("1e-320", "1e-7", "0.49", "-0.5", "100.1", "nan"):
        with pytest.raises(ValueError, match=r"^0 or a number from 0\.5 to 100$"):
            rate(text)


def test_a_home_is_put_in_place_of_its_sign(monkeypatch):
    monkeypatch.setenv("HOME", "/home/ada")
    parse = path()
    assert parse("~/chat.db") == "/home/ada/chat.db"
    assert parse("~") == "/home/ada"
    assert parse("/var/~/a") == "/var/~/a"
    assert parse("") == ""
    with pytest.raises(ValueError, match="a known user"):
        parse("~nobody-of-that-name/chat.db")


@pytest.mark.parametrize("value", [True, False])
def test_a_flag_is_read_as_it_is_shown(value):
    assert flag()(flag().show(value)) is value
    assert flag().read_toml(value) is value
    with pytest.raises(ValueError, match=r"^true or false$"):
        flag().read_toml("true")


def test_an_address_is_read_as_it_is_shown():
    for text in ("[::1]:7", "chat.example:5000"):
        assert address().show(address()(text)) == text
    with pytest.raises(ExplainedError, match="a port must be a whole number from 1 to 65535, not 'http'"):
        address()("host:http")
    with pytest.raises(ExplainedError, match="UTF-8"):
        address()("a\udcff")


def test_a_choice_may_be_written_in_any_case():
    assert one_of("debug", "info")("DEBUG") == "debug"
    with pytest.raises(ValueError, match=r"^one of debug, info$"):
        one_of("debug", "info")("loud")


def test_texts_are_a_list():
    assert texts()(["a", "b,c"]) == ("a", "b,c")
    assert texts().read_toml(["a"]) == texts().read_toml("a") == ("a",)


def test_a_toml_value_is_shown_as_a_text():
    assert [show_toml(value) for value in (True, "a", 1.5)] == ["true", "a", "1.5"]
    assert show_toml(16**5_000) == "a number of thousands of digits"


def test_a_path_or_true() -> None:
    kind = path_or_true("the file `members`")
    assert [kind(text) for text in ("", "false", "true", "keys", "./true")] == ["", "", TRUE, "keys", "./true"]
    assert [kind.read_toml(value) for value in (True, False, "keys")] == [TRUE, "", "keys"]
    with pytest.raises(ValueError, match="true for the file `members`, or a path without NUL"):
        kind("a\0b")


@pytest.mark.parametrize(("text", "seconds"), [("250ms", 0.25), ("1s", 1.0), ("1.5", 1.5), ("1h", 3_600.0)])
def test_durations_from_milliseconds_on(text: str, seconds: float) -> None:
    assert duration(0.1, 3_600, or_none=False)(text) == seconds


@pytest.mark.parametrize("text", ["0", "0ms", "99ms", "2h", "1 ms", "ms"])
def test_durations_that_are_out_of_range_or_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"^a time from 100ms to 1h, such as"):
        duration(0.1, 3_600, or_none=False)(text)
