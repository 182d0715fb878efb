"""Where something new was said, in the words of the status row."""

import pytest

from pylingo.client.settings import Preferences
from pylingo.client.terminal.activity import activity, buffer_at, title
from pylingo.client.terminal.buffer import Buffer
from pylingo.client.terminal.model import Model


@pytest.fixture
def model() -> Model:
    made = Model("x", Preferences())
    made.buffers = [Buffer("lobby"), Buffer("ops", new=5), Buffer(person="grace", new=1, urgent=1)]
    return made


def test_the_most_urgent_comes_first(model: Model) -> None:
    assert activity(model, 80) == "[3:@grace 1!] [2:ops 5]"
    model.buffers[1].urgent = 2
    assert activity(model, 80) == "[2:ops 2!] [3:@grace 1!]"


def test_entries_that_do_not_fit_are_counted(model: Model) -> None:
    assert activity(model, 22) == "[3:@grace 1!] +1"
    assert activity(model, 5) == "+2"
    assert activity(model, 1) == activity(model, -4) == ""


def test_nothing_new_is_nothing() -> None:
    assert activity(Model("x", Preferences()), 80) == ""


def test_names_are_cleaned_and_cut(model: Model) -> None:
    model.buffers[1].room = "\x1b[2J" + "x" * 60
    assert "\x1b" not in title(model, model.buffers[1])
    assert len(title(model, model.buffers[1])) <= 22


def test_the_buffer_in_a_column() -> None:
    model = Model("x", Preferences())
    model.buffers = [Buffer("lobby"), Buffer("\u4e2d\u6587", new=2), Buffer("ops]", new=1), Buffer("last", new=1)]
    words = activity(model, 80)
    assert words == "[2:\u4e2d\u6587 2] [3:ops] 1] [4:last 1]"
    row = f" \u4e2d \u00b7 {words}  \u00b7 topic: [9:x 1]"
    found = [buffer_at(model, row, column) for column in range(45)]
    begin = 6
    assert found[:begin] == [None] * begin
    for number, columns in ((1, 10), (2, 10), (3, 10)):
        assert found[begin : begin + columns] == [model.buffers[number]] * columns
        assert found[begin + columns] is None
        begin += columns + 1
    assert found[begin:] == [None] * (45 - begin)


def test_an_entry_that_the_row_has_no_room_for_is_in_no_column() -> None:
    model = Model("x", Preferences())
    model.buffers = [Buffer("lobby"), Buffer("ops", new=2), Buffer("dev", new=1)]
    row = activity(model, 12)
    assert row == "[2:ops 2] +1"
    assert [buffer_at(model, row, column) for column in (8, 9, 10, 11)] == [model.buffers[1], None, None, None]
    assert buffer_at(model, "nothing", 3) is None
    model.buffers[1].new = model.buffers[2].new = 0
    assert buffer_at(model, row, 3) is None
