"""A part of the log: pages above and below it, and what is kept of it. `test_loaded` has the rest."""

import pytest

from pylingo.client.terminal.line import Line
from pylingo.client.terminal.log_part import LogPart

SECOND, DAY = 1_000_000, 86_400_000_000
NOON = 1_700_000_000_000_000 // DAY * DAY + DAY // 2


def said(number: int, day: int = 0) -> Line:
    return Line("message", str(number), NOON + day * DAY + number * SECOND, "bob", is_stamped=True)


def part(first: int, last: int) -> LogPart:
    lines = [said(number) for number in range(first, last + 1)]
    return LogPart(lines, lines[0].at, lines[-1].at)


def texts(lines: list[Line]) -> list[str]:
    return [line.text for line in lines]


def test_an_older_page_says_what_is_new_and_which_date_is_obsolete() -> None:
    log = part(5, 6)
    new, date = log.put_before([said(3), said(4), said(5)], said(3).at, is_beginning=True)
    assert texts(new[1:]) == ["3", "4"]
    assert new[0].kind == "day"
    assert date is None
    assert (log.first, log.has_beginning) == (said(3).at, True)
    new, date = log.put_before([said(1)], said(1).at, is_beginning=False)
    assert [line.kind for line in new] == ["day", "message"]
    assert date is not None, "the date of the page before, which is the same"
    assert date.kind == "day"
    assert log.lines[2] is date


def test_a_page_of_another_day_leaves_the_date_and_adds_one_that_is_missing() -> None:
    log = part(5, 6)
    new, date = log.put_before([said(1, day=-1)], None, is_beginning=False)
    assert [line.kind for line in new] == ["day", "message", "day"]
    assert date is None
    assert log.first == said(5).at


def test_a_part_without_messages_takes_a_page_behind_the_line_of_the_room() -> None:
    entered = Line("note", "in lobby")
    log = LogPart([Line("note", "connected"), entered, Line("note", "bob joined")], entered=entered)
    assert log.newest is None
    assert log.start == 2
    log.put_before([said(1)], said(1).at, is_beginning=False)
    assert texts(log.lines) == ["connected", "in lobby", log.lines[2].text, "1", "bob joined"]


def test_a_later_page_and_the_newest_lines_stand_below() -> None:
    log = part(1, 2)
    assert texts(log.put_behind([said(3)], said(4).at)) == ["3"]
    assert log.last == said(4).at
    log.put_behind([], said(3).at)
    assert log.last == said(4).at, "it never goes back"
    assert log.join([Line("note", "n"), said(5)]) == ([], [])
    assert texts(log.lines) == ["1", "2", "3", "n", "5"]
    missing, _ = log.join([Line("note", "m"), said(1, day=1)])
    assert [line.kind for line in missing] == ["day"]
    assert texts(log.lines)[-3:] == ["m", missing[0].text, "1"]
    assert log.join([Line("note", "end")]) == ([], [])


def test_messages_of_the_newest_lines_that_are_here_already_are_left_out() -> None:
    log = part(1, 4)
    log.last = said(4).at
    newest = [Line("note", "n"), Line("day", "today"), said(3), Line("note", "m"), said(4), said(5)]
    missing, gone = log.join(newest)
    assert (missing, gone) == ([], [newest[1], newest[2], newest[4]])
    assert texts(log.lines) == ["1", "2", "3", "4", "n", "m", "5"]


def test_the_newest_lines_are_split_off_with_their_date_and_without_another_room() -> None:
    entered = Line("note", "in lobby")
    lines = [said(1, day=-1), entered, said(1), Line("day", "today"), said(2), said(3)]
    log = LogPart(list(lines), said(1).at, entered=entered)
    assert log.split_off(2) == lines[3:]
    assert (log.lines, log.last) == (lines[:3], said(1).at)
    assert log.split_off(9) == lines[2:3]
    assert (log.lines, log.last) == (lines[:2], said(1).at - 1), "the message of the other room does not count"


@pytest.mark.parametrize(
    ("center", "first", "last", "kept"),
    [(None, 8, 10, "8 9 10"), (5, 2, 7, "2 3 4 5 6 7"), (1, 1, 3, "1 2 3"), (10, 7, 10, "7 8 9 10")],
)
def test_the_lines_around_a_line_are_kept(center: int | None, first: int, last: int, kept: str) -> None:
    log = part(1, 10)
    log.has_beginning = True
    log.keep(None if center is None else log.lines[center - 1], 3)
    assert texts(log.lines) == kept.split()
    assert log.first == (said(1).at if first == 1 else said(first - 1).at + 1)
    assert log.last == (said(10).at if last == 10 else said(last + 1).at - 1)
    assert log.has_beginning == (first == 1)
