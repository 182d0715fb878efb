"""What Tab offers."""

import pytest

from pylingo.client.settings import Preferences
from pylingo.client.terminal.buffer import Buffer
from pylingo.client.terminal.candidates import sources
from pylingo.client.terminal.completion import Completer
from pylingo.client.terminal.model import Model


@pytest.fixture
def model() -> Model:
    made = Model("x", Preferences(), name="ada")
    made.buffers = [Buffer("lobby"), Buffer("Dev"), Buffer(person="grace")]
    for name in ("ada", "bob", "cy"):
        made.buffers[0].know(name)
    made.buffers[1].know("dan")
    made.rooms = ["lobby", "dev", "deep"]
    return made


def complete(model: Model, text: str) -> list[str]:
    done = Completer().complete(text, len(text), sources(model))
    return done[2] if done is not None else []


def test_names_are_those_of_the_room_then_of_conversations_then_of_other_rooms(model: Model) -> None:
    assert sources(model).names == ["cy", "bob", "grace", "dan"]
    model.active = 2
    assert sources(model).names == ["grace", "cy", "bob", "dan"]


def test_rooms_are_ours_first_and_each_once(model: Model) -> None:
    assert sources(model).rooms == ["lobby", "Dev", "deep"]


@pytest.mark.parametrize(
    ("text", "candidates"),
    [
        ("/switch ", ["Dev", "@grace"]),
        ("/switch @", ["@grace"]),
        ("/switch d", ["Dev"]),
        ("/layout b", ["bottom"]),
        ("/colors o", ["on", "off"]),
        ("/join de", ["Dev", "deep"]),
        ("/ignore g", ["grace"]),
        ("ask @g", ["@grace"]),
        ("see #de", ["#Dev", "#deep"]),
        ("/log f", []),
    ],
)
def test_arguments(model: Model, text: str, candidates: list[str]) -> None:
    assert complete(model, text) == candidates
