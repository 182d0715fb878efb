"""Input events are values: equal by what they hold, and usable as keys of a table."""

import dataclasses

import pytest

from pylingo.client.terminal.input_events import CursorReport, InputEvent, Key, Paste, Text


@pytest.mark.parametrize("event", [Text("a"), Key("enter"), Paste("a\nb"), CursorReport(3)])
def test_an_event_is_a_value(event: InputEvent) -> None:
    copy = dataclasses.replace(event)
    assert copy == event
    assert {event: "found"}[copy] == "found"
    assert isinstance(event, InputEvent.__value__)


def test_a_text_is_no_key() -> None:
    assert Text("a") != Key("a")
