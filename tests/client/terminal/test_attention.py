"""When a message calls: by the level of its room, by the focus, and not too often."""

from dataclasses import replace

import pytest

from pylingo.client.settings import Preferences
from pylingo.client.terminal.attention import CALL_EVERY, call, notify_level
from pylingo.client.terminal.buffer import Buffer
from pylingo.client.terminal.model import Do, Effect, Model, Notify
from tests.fakes.window import said


@pytest.fixture
def model() -> Model:
    made = Model("chat.example:5000", Preferences(), name="ada")
    made.own_names = {"ada"}
    made.buffers = [Buffer("Lobby"), Buffer("ops"), Buffer(person="grace")]
    return made


def calls(model: Model, buffer: Buffer, *, urgent: bool, now: float = 100.0, who: str = "bob") -> list[Effect]:
    return call(model, buffer, said("hello", who), now, urgent)


IN_LOBBY = Notify("bob in Lobby", "hello", "Lobby")


@pytest.mark.parametrize(
    ("level", "urgent", "does_call"),
    [
        ("mention", True, True),
        ("mention", False, False),
        ("all", True, True),
        ("all", False, True),
        ("none", True, False),
        ("none", False, False),
    ],
)
def test_the_level(model: Model, level: str, urgent: bool, does_call: bool) -> None:
    model.preferences.notify = level
    assert calls(model, model.buffers[0], urgent=urgent) == ([Do.BELL] if does_call else [])
    model.has_focus, model.called_at = False, 0.0
    assert calls(model, model.buffers[0], urgent=urgent) == ([Do.BELL, IN_LOBBY] if does_call else [])


def test_a_room_has_its_own_level(model: Model) -> None:
    lobby, ops, grace = model.buffers
    model.preferences.notify_rooms = {"chat.example:5000/lobby": "none", "chat.example:5000/ops": "all"}
    assert [notify_level(model, buffer) for buffer in (lobby, ops, grace, Buffer())] == [
        "none",
        "all",
        "mention",
        "mention",
    ]
    assert calls(model, lobby, urgent=True) == []
    assert calls(model, ops, urgent=False) == [Do.BELL]
    model.where = "other:5000"
    assert notify_level(model, lobby) == "mention"


def test_without_the_bell_there_is_the_notification(model: Model) -> None:
    model.preferences.bell = False
    assert calls(model, model.buffers[0], urgent=True) == []
    model.has_focus, model.called_at = False, 0.0
    assert calls(model, model.buffers[0], urgent=True) == [IN_LOBBY]


def test_not_too_often_over_all_buffers(model: Model) -> None:
    model.has_focus = False
    times = [tenth / 10 for tenth in range(50)]
    rung = [now for now in times if calls(model, model.buffers[int(now * 10) % 3], urgent=True, now=now)]
    assert rung == [0.0, CALL_EVERY, 2 * CALL_EVERY]


def test_the_words_of_a_notification(model: Model) -> None:
    model.has_focus = False
    assert calls(model, model.buffers[2], urgent=True, who="grace")[-1] == Notify("grace", "hello", "@grace")
    action = replace(said("waves"), is_action=True)
    assert call(model, model.buffers[1], action, 200.0, True)[-1] == Notify("bob in ops", "bob waves", "ops")


def test_our_own_words_from_elsewhere_do_not_call(model: Model) -> None:
    model.preferences.notify = "all"
    assert calls(model, model.buffers[0], urgent=False, who="ADA") == []
    assert calls(model, model.buffers[0], urgent=False, who="adam") == [Do.BELL]


def test_without_the_focus_the_shown_buffer_is_not_read(model: Model) -> None:
    lobby, ops, _ = model.buffers
    calls(model, lobby, urgent=True)
    assert model.missed == 0
    model.has_focus = False
    calls(model, lobby, urgent=True)
    calls(model, lobby, urgent=True)
    calls(model, lobby, urgent=False)
    calls(model, ops, urgent=True)
    assert model.missed == 2, "the other buffer counts it itself"
