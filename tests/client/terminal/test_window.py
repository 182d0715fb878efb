"""The parts of the window that need no terminal; the rest is in `tests/e2e/test_terminal_e2e.py`, on a real one."""

import pytest

from client.terminal.keys import Event, Key, Paste, Text
from client.terminal.window import as_paste

ENTER = Key("enter")


def lines(count: int) -> list[Event]:
    events: list[Event] = []
    for number in range(count):
        events += [Text(f"line {number}"), ENTER]
    return events


@pytest.mark.parametrize("events", [[], [Text("a")], [ENTER], lines(5), [Key("up"), ENTER, Text("b")]])
def test_what_a_person_can_type_is_typed(events):
    assert as_paste(events) == events


def test_many_lines_in_one_read_are_a_paste():
    [paste] = as_paste(lines(6))
    assert paste == Paste("".join(f"line {number}\n" for number in range(6)))


def test_further_reads_belong_to_it_line_by_line():
    assert as_paste([Text("more"), ENTER], is_going_on=True) == [Paste("more\n")]
    assert as_paste([Text("typed")], is_going_on=True) == [Text("typed")]


def test_tabs_and_pastes_among_them_belong_to_it():
    [paste] = as_paste([*lines(6), Key("tab"), Text("x"), Paste("y\n"), Key("up")])
    assert isinstance(paste, Paste)
    assert paste.text.endswith("line 5\n\txy\n")
