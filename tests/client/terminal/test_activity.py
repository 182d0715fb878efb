"""Where something new was said, in the words of the status row."""

import pytest

from pylingo.client.settings import Preferences
from pylingo.client.terminal.activity import activity, title
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


def test_what_does_not_fit_is_counted(model: Model) -> None:
    assert activity(model, 22) == "[3:@grace 1!] +1"
    assert activity(model, 5) == "+2"
    assert activity(model, 1) == activity(model, -4) == ""


def test_nothing_new_is_nothing() -> None:
    assert activity(Model("x", Preferences()), 80) == ""


def test_names_are_cleaned_and_cut(model: Model) -> None:
    model.buffers[1].room = "\x1b[2J" + "x" * 60
    assert "\x1b" not in title(model, model.buffers[1])
    assert len(title(model, model.buffers[1])) <= 22
