"""Lines as they are added: with the date where it is another one, and as a log file has them."""

import os
import time

import pytest

from pylingo.client.events import Received
from pylingo.client.settings import Preferences
from pylingo.client.terminal.line import Line
from pylingo.client.terminal.model import Model, Shown
from pylingo.client.terminal.notes import (
    add_line,
    add_note,
    add_words,
    stamp,
    transcript,
    words_of,
)
from pylingo.client.terminal.update import update
from pylingo.shared.messages import Joined, Message, Notice, Pong, Ready, Sent

DAY = 86_400_000_000
NOON = 1_700_000_000_000_000 // DAY * DAY + DAY // 2


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> object:
    monkeypatch.setitem(os.environ, "TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def model() -> Model:
    return Model("example", Preferences())


def texts(model: Model) -> list[str]:
    return [line.text for line in model.buffer.scrollback.lines]


def said(at: int, text: str = "hello") -> Line:
    return Line("message", text, at, "bob", is_stamped=True)


def test_a_note_is_added_and_written_down(model: Model) -> None:
    assert add_note(model.buffer, "* so", NOON, "error") == [Shown("2023-11-14 12:00 * so")]
    (line,) = model.buffer.scrollback.lines
    assert (line.kind, line.text, line.at, line.is_stamped) == ("error", "* so", NOON, False)


def test_a_frame_is_added_in_words(model: Model) -> None:
    assert add_words(model.buffer, Notice("one\ntwo"), NOON) == [Shown("2023-11-14 12:00 * one\n    two")]
    assert texts(model) == ["* one\ntwo"]
    assert add_words(model.buffer, Pong(1), NOON) == []
    assert len(model.buffer.scrollback.lines) == 1


def test_the_words_of_a_frame_are_without_their_indent() -> None:
    assert words_of(Notice("a\nb")) == ["* a", "b"]


@pytest.mark.parametrize(
    ("line", "written"),
    [
        (said(NOON), "2023-11-14 12:00 bob: hello"),
        (said(NOON, "a\nb\nc"), "2023-11-14 12:00 bob: a\n    b\n    c"),
        (Line("note", "* x", NOON + DAY), "2023-11-15 12:00 * x"),
    ],
)
def test_the_transcript(line: Line, written: str) -> None:
    assert transcript(line) == written


def test_a_stamp_has_date_and_time() -> None:
    assert stamp(NOON) == "2023-11-14 12:00"
    assert stamp(0) == "1970-01-01 00:00"
    assert stamp(2**64 - 1) == "586524-01-19 08:01", "the greatest of the protocol"


def test_a_note_keeps_newlines_and_has_no_tabs_and_no_controls(model: Model) -> None:
    add_note(model.buffer, "a\tb\n\tc\r\x1b[0m\u202e", NOON)
    assert model.buffer.scrollback.lines[-1].text == "a   b\n    c\ufffd\ufffd[0m\ufffd"


def test_no_date_before_the_first_line_nor_on_the_same_day(model: Model) -> None:
    add_note(model.buffer, "a", NOON)
    add_line(model.buffer, said(NOON + 1))
    add_note(model.buffer, "b", NOON + DAY // 2 - 1)
    assert texts(model) == ["a", "hello", "b"]


def test_an_emptied_buffer_needs_no_date(model: Model) -> None:
    add_note(model.buffer, "a", NOON)
    model.buffer.scrollback.clear()
    add_note(model.buffer, "b", NOON + DAY)
    add_note(model.buffer, "c", NOON + 2 * DAY)
    assert texts(model) == ["b", "--- 2023-11-16 ---", "c"], "the view has that of the first line"


def test_another_day_is_announced_once(model: Model) -> None:
    add_note(model.buffer, "a", NOON)
    effects = add_line(model.buffer, said(NOON + DAY))
    add_line(model.buffer, said(NOON + DAY + 1, "more"))
    add_note(model.buffer, "b", NOON + DAY)
    add_note(model.buffer, "c", NOON + 2 * DAY)
    assert texts(model) == ["a", "--- 2023-11-15 ---", "hello", "more", "b", "--- 2023-11-16 ---", "c"]
    assert effects == [Shown("2023-11-15 12:00 bob: hello")]
    assert [line.kind for line in model.buffer.scrollback.lines].count("day") == 2


def test_the_log_of_a_room_has_the_dates_of_its_messages(model: Model) -> None:
    add_note(model.buffer, "* you are in lobby", NOON)
    add_line(model.buffer, said(NOON - 2 * DAY, "old"))
    add_line(model.buffer, said(NOON - 2 * DAY + 1, "old too"))
    add_line(model.buffer, said(NOON - 1, "new"))
    assert texts(model) == [
        "* you are in lobby",
        "--- 2023-11-12 ---",
        "old",
        "old too",
        "--- 2023-11-14 ---",
        "new",
    ]


def test_a_clock_that_is_a_little_behind_announces_nothing(model: Model) -> None:
    midnight = NOON + DAY // 2
    add_line(model.buffer, said(midnight + 5))
    add_note(model.buffer, "late", midnight - 5)
    add_line(model.buffer, said(midnight + 9, "again"))
    assert texts(model) == ["hello", "late", "again"]


def test_a_date_stands_where_its_first_message_stands(model: Model) -> None:
    add_line(model.buffer, said(NOON))
    add_line(model.buffer, said(NOON + 2 * DAY, "the day after"))
    add_line(model.buffer, said(NOON + DAY, "late"))
    assert texts(model)[:3] == ["hello", "--- 2023-11-15 ---", "late"]


def test_own_words_and_who_comes_have_their_dates_too(model: Model) -> None:
    update(model, Received(Ready("ada", None, "0" * 32, False)), 0.0, NOON)
    add_note(model.buffer, "a", NOON)
    model.buffer.scrollback.unsent["k"] = Line("own", "mine", NOON, "ada", state="unsent")
    update(model, Received(Sent("r", NOON + DAY, key="other")), 0.0, NOON)
    update(model, Received(Sent("r", NOON + DAY, key="k")), 0.0, NOON)
    update(model, Received(Joined("r", "bob")), 0.0, NOON + 2 * DAY)
    update(model, Received(Joined("r", "cy")), 0.0, NOON + 2 * DAY)
    update(model, Received(Joined("r", "dan")), 0.0, NOON + 3 * DAY)
    assert texts(model) == [
        "a",
        "--- 2023-11-15 ---",
        "mine",
        "--- 2023-11-16 ---",
        "* bob and cy joined",
        "--- 2023-11-17 ---",
        "* dan joined",
    ]


def test_any_stamp_has_a_day(model: Model) -> None:
    for at in (0, 1, 2**64 - 1, NOON):
        update(model, Received(Message("r", "bob", "x", at)), 0.0, NOON)
    assert [line.text for line in model.buffer.scrollback.lines if line.kind == "message"] == ["x"] * 4
