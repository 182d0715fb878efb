"""The lines with the date that stand before the first message of another day. Pure."""

from collections.abc import Iterable

from pylingo.client.terminal.line import Line
from pylingo.client.wording import date_line, local_day

type Day = tuple[int, int, int]
"""A local date: year, month, day."""


def is_another_day(before: Day | None, day: Day, is_stamped: bool) -> bool:
    """Whether a line of `day` is to be dated, below a line of the day `before` or the first one.

    The history of a room may go back to earlier days. The local clock may only be a little behind the server's, so an
    earlier day by it is ignored.
    """
    return before is None or day > before or (is_stamped and day < before)


def day_line(at: int, is_stamped: bool) -> Line:
    """The date line of a message at `at` (microseconds). Of a stamped message it has a stamp just before that."""
    return Line("day", date_line(local_day(at)), max(0, at - 1), is_stamped=is_stamped)


def dated(lines: Iterable[Line], before: Day | None) -> list[Line]:
    """Stamped `lines`, with a date line before each that is of another day than the one before it.

    `before` is the day of what stands before them. If nothing does, the first line gets a date as well.
    """
    result: list[Line] = []
    for line in lines:
        day = local_day(line.at)
        if day != before:
            result.append(day_line(line.at, is_stamped=True))
        result.append(line)
        before = day
    return result
