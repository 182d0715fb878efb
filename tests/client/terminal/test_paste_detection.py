"""Pastes that the terminal has not marked as such."""

import pytest

from pylingo.client.terminal.input_events import InputEvent, Key, Paste, Text
from pylingo.client.terminal.paste_detection import ENTER, GOES_ON, LONGEST_WORD, PasteDetector


def lines(count: int) -> list[InputEvent]:
    events: list[InputEvent] = []
    for number in range(count):
        events += [Text(f"line {number}"), ENTER]
    return events


@pytest.mark.parametrize("events", [[], [Text("a")], [ENTER], lines(5), [Key("up"), ENTER, Text("b")]])
def test_keys_as_fast_as_a_person_types_are_typed(events):
    assert PasteDetector().classify(events, 0.0) == events


def test_many_lines_in_one_read_are_a_paste():
    assert PasteDetector().classify(lines(6), 0.0) == [Paste("".join(f"line {number}\n" for number in range(6)))]


def test_further_reads_belong_to_it_line_by_line():
    detector = PasteDetector()
    detector.classify(lines(6), 0.0)
    assert detector.classify([Text("more"), ENTER], GOES_ON / 2) == [Paste("more\n", goes_on=True)]
    assert detector.classify([Text("typed")], GOES_ON) == [Text("typed")]
    assert detector.classify([Text("still"), ENTER], GOES_ON) == [Paste("still\n", goes_on=True)]
    assert detector.classify([Text("typed"), ENTER], 3 * GOES_ON) == [Text("typed"), ENTER]


def test_a_long_piece_without_a_line_end_belongs_to_it():
    detector = PasteDetector()
    long = "x" * (LONGEST_WORD + 1)
    assert detector.classify([Text(long)], 0.0) == [Text(long)]
    detector.classify(lines(6), 0.0)
    assert detector.classify([Text(long)], GOES_ON / 2) == [Paste(long, goes_on=True)]
    assert detector.classify([Text(long)], 2 * GOES_ON) == [Text(long)]


def test_an_answer_right_after_a_marked_paste_is_typed():
    detector = PasteDetector()
    paste = [Paste("a\nb\n" * 10)]
    assert detector.classify(paste, 0.0) == paste
    assert detector.classify([ENTER], 0.001) == [ENTER]


def test_tabs_and_pastes_among_them_belong_to_it():
    [paste] = PasteDetector().classify([*lines(6), Key("tab"), Text("x"), Paste("y\n"), Key("up")], 0.0)
    assert isinstance(paste, Paste)
    assert paste.text.endswith("line 5\n\txy\n")
