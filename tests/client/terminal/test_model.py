"""The state of the window as it is at first, and whom it knows."""

import dataclasses
from typing import Any, TypeAliasType, get_args

import pytest

from pylingo.client.events import Status
from pylingo.client.settings import Preferences
from pylingo.client.terminal import input_events
from pylingo.client.terminal import model as module
from pylingo.client.terminal.model import Model, SecondPassed
from pylingo.client.terminal.update import EVENTS


def kinds(alias: Any) -> set[Any]:
    """The types of a union, those of the unions in it as well."""
    members = get_args(alias.__value__) if isinstance(alias, TypeAliasType) else ()
    return {kind for member in members for kind in kinds(member)} or {alias}


def test_models_share_nothing() -> None:
    one, two = Model("x", Preferences()), Model("x", Preferences())
    one.buffer.know("ada")
    one.rooms.append("lobby")
    one.queries.append("users")
    one.buffer.arriving["bob"] = "bob"
    one.buffer.scrollback.fold("joined", "ada", 0)
    one.buffer.editor.insert("x")
    assert two.buffer.people == two.buffer.arriving == {}
    assert (two.rooms, two.queries, two.buffer.scrollback.lines, two.buffer.editor.text) == ([], [], [], "")


def test_a_new_window_is_connecting_and_knows_nobody() -> None:
    model = Model("x", Preferences())
    assert (model.state, model.name, model.buffer.room, model.question, model.hint) == (
        "connecting",
        "",
        None,
        None,
        "",
    )
    assert (model.columns, model.rows) == (80, 24)


def test_there_is_a_rule_for_every_event() -> None:
    events = kinds(module.Event)
    assert events == set(EVENTS)
    assert {input_events.Text, input_events.Key, input_events.Paste, input_events.CursorReport} <= events


@pytest.mark.parametrize("thing", [Status("online"), SecondPassed()])
def test_events_do_not_change(thing: object) -> None:
    assert dataclasses.is_dataclass(thing)
    for kind in kinds(module.Event) | kinds(module.Effect) - {module.Do}:
        assert kind.__hash__ is not None, f"{kind} is no value class"
