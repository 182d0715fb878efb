"""The keys that show another buffer."""

import pytest

from pylingo.client.settings import Preferences
from pylingo.client.terminal.buffer import Buffer
from pylingo.client.terminal.buffers import close
from pylingo.client.terminal.input_events import Key, Paste, Text
from pylingo.client.terminal.jumps import BUFFER_KEYS
from pylingo.client.terminal.model import Model
from pylingo.client.terminal.update import update


def make(count: int) -> Model:
    return Model("x", Preferences(), buffers=[Buffer(f"room{number}") for number in range(1, count + 1)])


def do(model: Model, *events: str | Paste) -> str:
    """Text for what begins with a blank, else the name of a key. The title of the buffer that is shown then."""
    for event in events:
        if isinstance(event, str):
            update(model, Text(event[1:]) if event.startswith(" ") else Key(event), 0.0, 0)
        else:
            update(model, event, 0.0, 0)
    return model.buffer.title


def test_numbers() -> None:
    model = make(11)
    for number in (*range(2, 11), 1):
        assert do(model, f"alt-{number % 10}") == f"room{number}"
    assert do(make(3), "alt-4", "alt-0") == "room1"


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        *[(key, "room2") for key in ("alt-page-down", "alt-down", "f6")],
        *[(key, "room3") for key in ("alt-page-up", "alt-up", "f5")],
    ],
)
def test_the_neighbours_in_a_circle(key: str, shown: str) -> None:
    model = make(3)
    assert do(model, key) == shown
    assert do(model, key, key) == "room1"


def test_the_most_urgent_news() -> None:
    model = make(3)
    assert do(model, "alt-a") == "room1"
    model.buffers[1].new, model.buffers[2].new, model.buffers[2].urgent = 5, 1, 1
    assert do(model, "alt-a") == "room3"
    assert do(model, "alt-a") == "room2"


def test_the_buffer_from_before() -> None:
    model = make(3)
    assert do(model, "alt-/") == "room1"
    assert do(model, "alt-3", "alt-/") == "room1"
    assert do(model, "alt-/") == "room3"
    close(model, model.buffers[0])
    assert do(model, "alt-/") == "room3", "it is closed"


@pytest.mark.parametrize("digits", [(" 1", " 2"), (" 12",)])
def test_a_number_of_two_digits(digits: tuple[str, ...]) -> None:
    model = make(25)
    assert do(model, "alt-j", *digits) == "room12"
    assert (model.hint, model.number, model.buffer.editor.text) == ("", None, "")
    assert do(model, "alt-j", " 05") == "room5"
    assert do(model, "alt-j", " 3") == "room3", "there is no buffer 30"
    assert do(model, " 12") == "room3"
    assert model.buffer.editor.text == "12"


def test_one_digit_is_enough_if_no_number_goes_on_with_it() -> None:
    assert do(make(19), "alt-j", " 2") == "room2"
    model = make(20)
    assert do(model, "alt-j", " 2") == "room1"
    assert do(model, " 0") == "room20"


def test_the_number_is_shown_while_it_is_typed() -> None:
    model = make(25)
    do(model, "alt-j")
    assert "two digits" in model.hint
    do(model, " 2")
    assert model.hint.endswith(": 2")
    do(model, " 6")
    assert (model.hint, model.buffer.title) == ("there is no buffer 26", "room1")


def test_a_number_without_a_buffer() -> None:
    model = make(3)
    assert do(model, "alt-j", " 00") == "room1"
    assert model.hint == "there is no buffer 0"
    assert do(model, "alt-j", " 5") == "room1"
    assert model.hint == "there is no buffer 5"


def test_anything_else_ends_the_number() -> None:
    for events in ((" x",), ("left", " x"), (Paste("x"),), (" 1", " x")):
        model = make(25)
        assert do(model, "alt-j", *events) == "room1"
        assert (model.number, model.buffer.editor.text) == (None, "x")
    model = make(25)
    assert do(model, "alt-j", " ٣") == "room1", "these digits are no number here"
    assert model.buffer.editor.text == "٣"


def test_keys_after_the_number_are_typed_in_the_buffer() -> None:
    model = make(25)
    assert do(model, "alt-j", " 12and more") == "room12"
    assert model.buffer.editor.text == "and more"


def test_the_keys_have_an_action() -> None:
    assert {"alt-0", "alt-j", "alt-/"} <= BUFFER_KEYS.keys()
