"""A buffer as it is at first, whom it knows, and the line before what is new in it."""

import pytest

from pylingo.client.terminal import buffer as module
from pylingo.client.terminal.buffer import Buffer
from pylingo.client.terminal.line import Line


@pytest.mark.parametrize(
    ("buffer", "title", "current"),
    [
        (Buffer(), "", None),
        (Buffer("lobby"), "lobby", "lobby"),
        (Buffer("lobby", is_outside=True), "lobby", None),
        (Buffer(person="grace"), "@grace", None),
    ],
)
def test_a_buffer_is_called_after_its_room_or_person(buffer: Buffer, title: str, current: str | None) -> None:
    assert (buffer.title, buffer.current_room) == (title, current)
    assert buffer.is_vacant == (title == "")


def test_the_latest_active_person_comes_last_and_each_once() -> None:
    buffer = Buffer()
    for name in ("ada", "bob", "cy", "ADA"):
        buffer.know(name)
    assert list(buffer.people.items()) == [("bob", "bob"), ("cy", "cy"), ("ada", "ADA")]
    buffer.know("straße")
    buffer.know("STRASSE")
    assert list(buffer.people.values()) == ["bob", "cy", "ADA", "STRASSE"]


def test_outside_the_room_nobody_is_known() -> None:
    buffer = Buffer("lobby", expected=3, is_listing=True, people={"a": "a"}, arriving={"b": "b"})
    buffer.forget_people()
    assert (buffer.people, buffer.arriving, buffer.expected, buffer.is_listing) == ({}, {}, None, False)


def test_one_line_marks_what_is_new_until_one_looks_elsewhere_again() -> None:
    buffer = Buffer("lobby")
    buffer.scrollback.add(Line("message", "old", 1, is_stamped=True))
    buffer.mark(2)
    buffer.mark(3)
    buffer.scrollback.add(Line("message", "new", 2, is_stamped=True))
    buffer.new, buffer.urgent, buffer.last_at = 1, 1, 2
    buffer.look()
    assert [line.text for line in buffer.scrollback.lines] == ["old", "--- new ---", "new"]
    assert (buffer.new, buffer.urgent, buffer.seen) == (0, 0, 2)
    buffer.look_away()
    assert [line.text for line in buffer.scrollback.lines] == ["old", "new"]
    buffer.mark(4)
    assert [line.kind for line in buffer.scrollback.lines] == ["message", "message", "marker"]


def test_a_marker_that_was_printed_stays() -> None:
    buffer = Buffer("lobby")
    buffer.mark(1)
    buffer.scrollback.unprinted()
    buffer.look_away()
    assert [line.kind for line in buffer.scrollback.lines] == ["marker"]
    buffer.mark(2)
    assert [line.kind for line in buffer.scrollback.lines] == ["marker", "marker"]


def test_the_newest_stamp_seen_never_goes_back() -> None:
    buffer = Buffer("lobby", seen=9, last_at=5)
    buffer.look()
    assert buffer.seen == 9
    nothing_said = Buffer("lobby")
    nothing_said.look()
    assert nothing_said.seen is None


def test_a_mark_above_a_log_moves_below_it() -> None:
    buffer = Buffer("lobby")
    buffer.mark(1)
    buffer.scrollback.add(Line("message", "log", 2, "bob", is_stamped=True))
    buffer.is_in_log = True
    buffer.mark(3)
    assert [line.kind for line in buffer.scrollback.lines] == ["message", "marker"]
    buffer.unmark()
    buffer.unmark()
    assert [line.kind for line in buffer.scrollback.lines] == ["message"]


def test_the_people_are_kept_sorted_whatever_happens() -> None:
    buffer = Buffer("lobby")
    for name in ("bob", "Ada", "cy"):
        buffer.know(name)
    assert buffer.sorted_people == ["ada", "bob", "cy"]
    buffer.know("Bea")
    buffer.know("bob")
    assert buffer.forget("CY")
    assert not buffer.forget("cy")
    assert buffer.sorted_people == ["ada", "bea", "bob"] == sorted(buffer.people)
    assert list(buffer.people.values()) == ["Ada", "Bea", "bob"], "the latest speaker is the last"
    buffer.set_people({"zoe": "Zoe"})
    assert buffer.sorted_people == ["zoe"]
    buffer.forget_people()
    assert buffer.sorted_people == []


def test_whoever_is_not_kept_is_not_sorted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 2)
    buffer = Buffer("lobby")
    assert buffer.sorted_people == []
    for name in ("bob", "ada", "cy", "bob"):
        buffer.know(name)
    assert buffer.sorted_people == sorted(buffer.people) == ["ada", "bob"]


def test_how_many_are_here_is_known_unless_frames_were_missed() -> None:
    buffer = Buffer("lobby")
    buffer.know("ada")
    assert buffer.count == 1
    buffer.expected = 7
    assert buffer.count == 7
    buffer.lose_track()
    assert (buffer.count, list(buffer.people)) == (None, ["ada"])
    buffer.forget_people()
    assert (buffer.count, buffer.people) == (0, {})
