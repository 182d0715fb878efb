"""Which messages of a page have a date before them."""

import pytest

from pylingo.client.terminal.days import Day, dated, day_line, is_another_day
from pylingo.client.terminal.line import Line
from pylingo.client.wording import date_line, local_day

DAY = 86_400_000_000
NOON = 1_700_000_000_000_000 // DAY * DAY + DAY // 2


def said(at: int) -> Line:
    return Line("message", "x", at, "bob", is_stamped=True)


def date(at: int) -> str:
    return date_line(local_day(at))


@pytest.mark.parametrize("is_stamped", [True, False])
def test_a_date_stands_just_before_its_message(is_stamped: bool) -> None:
    line = day_line(NOON, is_stamped)
    assert (line.kind, line.text, line.at, line.is_stamped) == ("day", date(NOON), NOON - 1, is_stamped)
    assert day_line(0, is_stamped).at == 0


def test_a_page_has_a_date_for_each_day() -> None:
    lines = [said(NOON), said(NOON + 1), said(NOON + DAY), said(NOON + 3 * DAY), said(NOON + 3 * DAY + 1)]
    assert [line.text for line in dated(lines, None)] == [
        date(NOON),
        "x",
        "x",
        date(NOON + DAY),
        "x",
        date(NOON + 3 * DAY),
        "x",
        "x",
    ]


def test_a_page_goes_on_with_the_day_before_it() -> None:
    assert [line.kind for line in dated([said(NOON + 1)], local_day(NOON))] == ["message"]
    assert [line.kind for line in dated([said(NOON + DAY)], local_day(NOON))] == ["day", "message"]
    assert dated([], None) == []


@pytest.mark.parametrize(
    ("before", "day", "is_stamped", "expected"),
    [
        (None, (2023, 1, 1), False, True),
        ((2023, 1, 1), (2023, 1, 1), True, False),
        ((2023, 1, 1), (2023, 1, 2), False, True),
        ((2023, 1, 2), (2023, 1, 1), True, True),
        ((2023, 1, 2), (2023, 1, 1), False, False),
    ],
)
def test_which_lines_are_dated(before: Day | None, day: Day, is_stamped: bool, expected: bool) -> None:
    assert is_another_day(before, day, is_stamped) is expected
