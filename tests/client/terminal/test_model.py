"""The state of the window as it is at first, and whom it knows."""

import dataclasses

import pytest

from pylingo.client.settings import Preferences
from pylingo.client.terminal import input_events
from pylingo.client.terminal import model as module
from pylingo.client.terminal.model import Connection, Model, Tick
from pylingo.client.terminal.update import _EVENTS


def test_models_share_nothing() -> None:
    one, two = Model("x", Preferences()), Model("x", Preferences())
    one.know("ada")
    one.rooms.append("lobby")
    one.quiet.add(1)
    one.pings[1] = 0.0
    one.arriving["bob"] = "bob"
    one.scrollback.fold("joined", "ada", 0)
    one.editor.insert("x")
    assert two.people == two.pings == two.arriving == {}
    assert (two.rooms, two.quiet, two.scrollback.lines, two.editor.text) == ([], set(), [], "")


def test_a_new_window_is_connecting_and_knows_nobody() -> None:
    model = Model("x", Preferences())
    assert (model.state, model.name, model.room, model.question, model.hint) == ("connecting", "", None, None, "")
    assert (model.columns, model.rows) == (80, 24)


def test_who_did_something_last_comes_last_and_each_once() -> None:
    model = Model("x", Preferences())
    for name in ("ada", "bob", "cy", "ADA"):
        model.know(name)
    assert list(model.people.items()) == [("bob", "bob"), ("cy", "cy"), ("ada", "ADA")]
    model.know("straße")
    model.know("STRASSE")
    assert list(model.people.values()) == ["bob", "cy", "ADA", "STRASSE"]


def test_there_is_a_rule_for_every_event() -> None:
    events = set(module.Event.__value__.__args__)
    assert events == set(_EVENTS)
    assert {input_events.Text, input_events.Key, input_events.Paste, input_events.Focus} <= events


@pytest.mark.parametrize("thing", [Connection("online"), Tick()])
def test_events_do_not_change(thing: object) -> None:
    assert dataclasses.is_dataclass(thing)
    for kind in (*module.Event.__value__.__args__, *module.Effect.__value__.__args__):
        assert kind.__dataclass_params__.frozen, kind
