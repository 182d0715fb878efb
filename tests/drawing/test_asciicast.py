"""Recordings are written and read in asciinema's format, and pauses in them are shortened when they are shown."""

import json

import pytest

from tests.drawing.asciicast import Cast, CastError, read_cast, write_cast

HEADER = '{"version": 2, "width": 80, "height": 24}\n'


@pytest.mark.parametrize(
    "cast",
    [
        Cast(80, 24, []),
        Cast(80, 24, [(0.0, "\x1b[1m"), (0.25, "\r\n\x85\u2028é日\x1c")]),
        Cast(80, 24, [(0.5, "x")], longest_pause=1.5, title="a title"),
    ],
)
def test_a_recording_is_read_as_it_was_written(cast: Cast) -> None:
    assert read_cast(write_cast(cast)) == cast


def test_a_file_has_a_header_and_an_event_on_each_further_line() -> None:
    header, *events = map(json.loads, write_cast(Cast(80, 24, [(1.0000004, "a"), (2, "b")], 1.5, "t")).split("\n")[:-1])
    assert header == {
        "version": 2,
        "width": 80,
        "height": 24,
        "idle_time_limit": 1.5,
        "title": "t",
        "env": {"TERM": "xterm-256color"},
    }
    assert events == [[1.0, "o", "a"], [2, "o", "b"]]


def test_only_the_output_of_a_recording_is_read() -> None:
    text = HEADER + '[0.1, "i", "x"]\n[0.2, "o", "y"]\n\n[0.3, "r", "100x30"]\n'
    assert read_cast(text).output == [(0.2, "y")]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "line 1 is no header"),
        ("[]\n", "line 1 is no header"),
        ('{"version": 2, "width": 80}\n', "line 1 is no header"),
        ('{"version": 2, "width": "wide", "height": 24}\n', "line 1 is no header"),
        ('{"version": 3, "term": {"cols": 80, "rows": 24}}\n', "version 3, and only version 2 can be read"),
        (HEADER + "x\n", "line 2 is no event"),
        (HEADER + '[0.1, "o"]\n', "line 2 is no event"),
        (HEADER + '["soon", "o", "x"]\n', "line 2 is no event"),
        (HEADER + '[2, "o", "x"]\n[1, "o", "y"]\n', "line 3 is earlier than the line before it"),
    ],
)
def test_a_file_that_is_no_recording(text: str, error: str) -> None:
    with pytest.raises(CastError, match=error):
        read_cast(text)


def test_long_pauses_are_shortened_when_it_is_shown() -> None:
    output = [(5.0, "a"), (6.0, "b"), (9.0, "c"), (9.5, "d")]
    assert Cast(80, 24, output, 2.0).with_capped_pauses() == [(2.0, "a"), (3.0, "b"), (5.0, "c"), (5.5, "d")]
    assert Cast(80, 24, output).with_capped_pauses() == output
