"""Which lines are kept, in which order, and which rows of them are in view."""

import functools
import itertools
import operator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pylingo.client.terminal import loaded as module
from pylingo.client.terminal.line import Line
from pylingo.client.terminal.loaded import LINES
from pylingo.client.terminal.scrollback import PRINTED_AT_ONCE, Scrollback
from pylingo.client.wording import clock_time


def said(at: int, text: str = "") -> Line:
    return Line("message", text or f"m{at}", at, "bob", is_stamped=True)


def note(text: str, at: int = 0) -> Line:
    return Line("note", text, at)


def own(text: str) -> Line:
    return Line("own", text, 0, "ada", state="unsent")


def texts(scrollback: Scrollback) -> list[str]:
    return [line.text for line in scrollback.lines]


def rows_of(line: Line) -> list[str]:
    """Each word is a row here."""
    return line.text.split(" ")


def whole(line: Line) -> list[str]:
    return [line.text]


def filled(*words: str) -> Scrollback:
    made = Scrollback()
    for text in words:
        made.add(note(text))
    return made


def shown(scrollback: Scrollback) -> list[str]:
    """The texts in the order in which they are shown, without the date."""
    return scrollback.viewport.rows(99, lambda line: [] if line.kind == "day" else [line.text])


# --- the date above the first line

DAY = 86_400_000_000


def test_the_date_of_the_first_line_is_above_it() -> None:
    scrollback = Scrollback()
    assert scrollback.viewport.rows(9, rows_of) == []
    scrollback.add(said(40 * DAY, "x"))
    scrollback.add(said(40 * DAY + 1, "y"))
    assert scrollback.viewport.rows(9, whole) == ["--- 1970-02-10 ---", "x", "y"]
    assert texts(scrollback) == ["x", "y"], "it is not kept"


def test_the_date_stays_above_the_first_line_when_lines_come_and_go_there() -> None:
    scrollback = Scrollback()
    scrollback.add(said(40 * DAY, "x"))
    scrollback.add(said(30 * DAY, "older"))
    assert scrollback.viewport.rows(9, whole) == ["--- 1970-01-31 ---", "older", "x"]
    scrollback.loaded.shorten(1, 99)
    assert scrollback.viewport.rows(9, whole) == ["--- 1970-02-10 ---", "x"]
    scrollback.clear()
    assert scrollback.viewport.rows(9, whole) == []
    scrollback.unsent["k"] = Line("own", "mine", 50 * DAY, "ada", state="unsent")
    assert scrollback.viewport.rows(9, whole) == ["--- 1970-02-20 ---", "mine"]


def test_a_date_that_is_kept_needs_no_other_one_above_it() -> None:
    scrollback = Scrollback()
    scrollback.add(Line("day", "--- a day ---", 40 * DAY, is_stamped=True))
    scrollback.add(said(40 * DAY + 1, "x"))
    assert scrollback.viewport.rows(9, whole) == ["--- a day ---", "x"]


def test_a_view_that_holds_on_to_the_date_follows_when_that_is_gone() -> None:
    scrollback = Scrollback()
    for number in range(5):
        scrollback.add(said(40 * DAY + number, str(number)))
    scrollback.viewport.scroll_up(9, 1, whole)
    assert scrollback.viewport.rows(1, whole) == ["--- 1970-02-10 ---"]
    assert scrollback.viewport.below == 5
    scrollback.add(Line("day", "--- a day ---", 30 * DAY, is_stamped=True))
    assert scrollback.viewport.rows(1, whole) == ["4"]
    assert not scrollback.viewport.is_scrolled


# --- the order


@pytest.mark.parametrize("order", list(itertools.permutations([1, 2, 3])), ids=str)
def test_stamped_lines_stand_by_their_stamps(order: tuple[int, ...]) -> None:
    scrollback = Scrollback()
    for at in order:
        scrollback.add(said(at))
    assert texts(scrollback) == ["m1", "m2", "m3"]


def test_a_line_without_a_stamp_goes_to_the_end_and_stays_between_its_neighbours() -> None:
    scrollback = Scrollback()
    scrollback.add(said(1))
    scrollback.add(note("n", 100))
    scrollback.add(said(3))
    scrollback.add(said(2))
    assert texts(scrollback) == ["m1", "n", "m2", "m3"]


def test_a_line_that_is_older_than_all_goes_before_the_first_stamped_one() -> None:
    scrollback = Scrollback()
    scrollback.add(note("n"))
    scrollback.add(said(5))
    scrollback.add(said(1))
    assert texts(scrollback) == ["n", "m1", "m5"]


def test_nothing_is_put_in_among_the_lines_of_the_room_before() -> None:
    scrollback = Scrollback()
    scrollback.add(said(50))
    room = note("you are in y")
    room.begins = "lobby"
    scrollback.add(room)
    scrollback.add(said(60))
    scrollback.add(said(10))
    assert texts(scrollback) == ["m50", "you are in y", "m10", "m60"]


def test_a_line_that_was_printed_stays_before_all_that_come_later() -> None:
    scrollback = Scrollback()
    scrollback.add(said(11))
    scrollback.unsent["k"] = own("mine")
    assert [line.text for line in scrollback.unprinted()] == ["m11"]
    scrollback.confirm("k", 10)
    assert [line.text for line in scrollback.unprinted()] == ["mine"]
    assert scrollback.unprinted() == []


def test_unprinted_lines_are_given_once_and_in_order() -> None:
    scrollback = filled("a", "b")
    assert [line.text for line in scrollback.unprinted()] == ["a", "b"]
    scrollback.add(note("c"))
    scrollback.unsent["k"] = own("not confirmed")
    assert [line.text for line in scrollback.unprinted()] == ["c"]
    scrollback.refuse("k")
    assert [line.text for line in scrollback.unprinted()] == ["not confirmed"]
    assert Scrollback().unprinted() == []


# --- own messages


def test_an_own_message_is_last_until_it_is_confirmed() -> None:
    scrollback = Scrollback()
    scrollback.unsent["k"] = own("mine")
    scrollback.add(said(1))
    scrollback.add(said(3))
    assert shown(scrollback) == ["m1", "m3", "mine"]
    line = scrollback.confirm("k", 2)
    assert line is not None
    assert (line.at, line.is_stamped, line.state) == (2, True, "")
    assert shown(scrollback) == ["m1", "mine", "m3"]
    assert scrollback.unsent == {}


def test_own_messages_are_in_the_order_of_typing() -> None:
    scrollback = Scrollback()
    for number in range(5):
        scrollback.unsent[f"k{number}"] = own(str(number))
    scrollback.refuse("k1")
    scrollback.confirm("k3", 7)
    assert shown(scrollback) == ["1", "3", "0", "2", "4"]
    assert [line.state for line in scrollback.lines] == ["refused", ""]


def test_the_view_does_not_go_back_with_a_message_that_finds_its_place() -> None:
    scrollback = Scrollback()
    for at in range(1, 10):
        scrollback.add(said(at))
    scrollback.unsent.update(k=own("mine"), l=own("later"))
    scrollback.viewport.scroll_up(1, 2, rows_of)
    assert scrollback.viewport.rows(2, rows_of) == ["m9", "mine"]
    scrollback.confirm("k", 3)
    assert not scrollback.viewport.is_scrolled
    assert scrollback.viewport.rows(2, rows_of) == ["m9", "later"]


def test_a_message_of_others_is_neither_confirmed_nor_refused() -> None:
    scrollback = filled("a")
    assert scrollback.confirm("k", 1) is None
    scrollback.refuse("k")
    assert texts(scrollback) == ["a"]
    scrollback.unsent["k"] = own("mine")
    scrollback.confirm("k", 1)
    assert scrollback.confirm("k", 2) is None
    assert texts(scrollback) == ["a", "mine"]


def test_clearing_keeps_what_waits_to_be_sent() -> None:
    scrollback = filled(*"abcdef")
    scrollback.unsent["k"] = own("mine")
    scrollback.viewport.scroll_up(2, 2, rows_of)
    scrollback.clear()
    assert scrollback.viewport.rows(9, rows_of) == ["mine"]
    assert not scrollback.viewport.is_scrolled


# --- who came and went


def test_messages_of_a_room_that_was_left_stand_there():
    scrollback = Scrollback()
    scrollback.add(Line("note", "you are in lobby", begins="lobby"))
    scrollback.unsent["key"] = Line("own", "said in the lobby")
    scrollback.add(Line("note", "you are in other", begins="other"))
    scrollback.add(Line("message", "hello other", 20, is_stamped=True))
    scrollback.confirm("key", 10, "lobby")
    assert [line.text for line in scrollback.lines] == [
        "you are in lobby",
        "said in the lobby",
        "you are in other",
        "hello other",
    ]


def test_lines_that_were_dropped_before_they_were_printed_are_counted():
    scrollback = Scrollback()
    scrollback.add(Line("note", "first"))
    assert len(scrollback.unprinted()) == 1
    for number in range(2 * LINES):
        scrollback.add(Line("note", str(number)))
    lines = []
    while scrollback.is_behind:
        lines += scrollback.unprinted()
    left_out = 2 * LINES - len(lines) + 1
    assert lines[0].text == f"! {left_out} lines were left out: lines arrived faster than the terminal could show them"
    assert [line.text for line in lines[1:]] == [str(number) for number in range(2 * LINES)][1 - len(lines) :]
    assert not any("left out" in line.text for line in scrollback.unprinted())


def test_lines_that_wait_to_be_printed_are_cut_into_frames():
    scrollback = Scrollback()
    for number in range(LINES):
        scrollback.add(Line("note", str(number)))
    frames = []
    while scrollback.is_behind:
        frames.append([line.text for line in scrollback.unprinted()])
        assert len(frames[-1]) <= max(PRINTED_AT_ONCE, LINES // 4)
    assert functools.reduce(operator.iadd, frames, []) == [str(number) for number in range(LINES)]
    assert len(frames) > 10
    assert scrollback.unprinted() == []


def test_long_lines_are_printed_by_fewer():
    scrollback = Scrollback()
    for _ in range(100):
        scrollback.add(Line("note", "x" * 4_096))
    assert len(scrollback.unprinted()) == 2
    scrollback.add(Line("note", "x" * 100_000))
    while scrollback.is_behind:
        assert len(scrollback.unprinted()) in (1, 2)


def test_only_the_last_lines_are_printed_where_printing_begins():
    scrollback = Scrollback()
    for number in range(10):
        scrollback.add(Line("note", str(number)))
    scrollback.print_last(3)
    assert [line.text for line in scrollback.unprinted()] == ["7", "8", "9"]


def test_presence_is_folded_into_one_line() -> None:
    scrollback = Scrollback()
    shown = [scrollback.fold("joined", name, 1).text for name in ("ada", "bob", "cy", "dan")]
    assert shown == ["* ada joined", "* ada and bob joined", "* ada, bob and cy joined", "* 4 people joined"]
    assert scrollback.fold("left", "ada", 2).text == "* 4 people joined; ada left"
    assert len(scrollback.lines) == 1
    scrollback.add(said(5))
    scrollback.fold("left", "bob", 6)
    assert texts(scrollback) == ["* 4 people joined; ada left", "m5", "* bob left"]


def test_presence_that_is_folded_for_hours_says_until_when() -> None:
    scrollback = Scrollback()
    hour = 3_600_000_000
    scrollback.fold("joined", "ada", 10 * hour)
    assert scrollback.fold("joined", "bob", 10 * hour + 1).text == "* ada and bob joined"
    line = scrollback.fold("left", "ada", 13 * hour)
    assert line.at == 10 * hour
    assert line.text == f"* ada and bob joined; ada left (until {clock_time(13 * hour)})"
    assert len(scrollback.lines) == 1


def test_presence_is_not_folded_into_what_was_printed() -> None:
    scrollback = Scrollback()
    scrollback.fold("joined", "ada", 1)
    scrollback.unprinted()
    scrollback.fold("joined", "bob", 2)
    assert [line.text for line in scrollback.unprinted()] == ["* bob joined"]


# --- the limits


def test_so_many_lines_are_kept_and_no_more() -> None:
    scrollback = Scrollback()
    for at in range(1, 3 * LINES):
        scrollback.add(said(at, "x"))
        assert len(scrollback.lines) <= LINES + 256
    assert len(scrollback.lines) >= LINES
    assert scrollback.lines[-1].at == 3 * LINES - 1
    assert [line.at for line in scrollback.lines] == list(range(scrollback.lines[0].at, 3 * LINES))


def test_so_many_characters_are_kept_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHARACTERS", 100)
    scrollback = Scrollback()
    for at in range(1, 50):
        scrollback.add(said(at, "x" * 30))
        assert sum(len(line.text) for line in scrollback.lines) <= 100
    assert len(scrollback.lines) == 3
    scrollback.fold("joined", "y" * 90, 50)
    scrollback.add(said(51, "z"))
    assert texts(scrollback)[-1] == "z"
    assert sum(len(line.text) for line in scrollback.lines) <= 100
    scrollback.add(said(52, "z" * 1_000))
    assert texts(scrollback) == ["z" * 1_000], "the newest line is always kept"
    scrollback.clear()
    for at in range(60, 63):
        scrollback.add(said(at, "x" * 30))
    assert len(scrollback.lines) == 3, "what is cleared does not count"


@given(st.lists(st.integers(1, 50), unique=True, max_size=12), st.lists(st.integers(51, 90), unique=True, max_size=12))
def test_whatever_comes_late_the_stamps_of_a_room_ascend(before: list[int], behind: list[int]) -> None:
    scrollback = Scrollback()
    for at in before:
        scrollback.add(said(at))
    line = note("another room")
    line.begins = "lobby"
    scrollback.add(line)
    for at in behind:
        scrollback.add(said(at - 50))
    place = scrollback.lines.index(line)
    assert [line.at for line in scrollback.lines[:place]] == sorted(before)
    assert [line.at + 50 for line in scrollback.lines[place + 1 :]] == sorted(behind)
