"""The tag `time` and message ids, there and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pylingo.reactor.irc.times import MILLISECOND, message_id, parse_message_id, parse_time, server_time

NINES = 253_402_300_799_999_999


@pytest.mark.parametrize(
    ("stamp", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (999, "1970-01-01T00:00:00.000Z"),
        (1_999, "1970-01-01T00:00:00.001Z"),
        (1_772_366_400_123_999, "2026-03-01T12:00:00.123Z"),
        (999_999, "1970-01-01T00:00:00.999Z"),
        (NINES, "9999-12-31T23:59:59.999Z"),
        (2**64 - 1, "9999-12-31T23:59:59.999Z"),
    ],
)
def test_a_stamp_is_cut_to_milliseconds(stamp: int, text: str) -> None:
    assert server_time(stamp) == text


@given(st.integers(0, NINES))
def test_the_time_of_a_stamp_is_not_after_it(stamp: int) -> None:
    found = parse_time(server_time(stamp))
    assert found is not None
    assert 0 <= stamp - found < MILLISECOND


@pytest.mark.parametrize(
    ("text", "stamp"),
    [
        ("1970-01-01T00:00:01Z", 1_000_000),
        ("1970-01-01T00:00:01.5Z", 1_500_000),
        ("1970-01-01T00:00:01.000001Z", 1_000_001),
        ("1969-12-31T23:59:59Z", None),
        ("2026-02-30T00:00:00Z", None),
        ("2026-02-01T00:00:60Z", None),
        ("2026-02-01T00:00:00", None),
        ("2026-02-01T00:00:00+01:00", None),
        ("٢٠٢٦-02-01T00:00:00Z", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_a_time_is_parsed(text: str, stamp: int | None) -> None:
    assert parse_time(text) == stamp


@given(st.integers(0, 2**64 - 1))
def test_a_message_id_is_the_stamp(stamp: int) -> None:
    assert parse_message_id(message_id(stamp)) == stamp


@pytest.mark.parametrize("text", ["", "-1", "abc", "1" * 21, str(2**64), "١", "1 "])
def test_what_is_no_message_id(text: str) -> None:
    assert parse_message_id(text) is None
