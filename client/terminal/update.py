"""The rules: what an event makes of the model, and what is to be done. Pure, after the Elm architecture.

`update(model, event, now, clock)` alone changes a model, but for what a painter has printed. It sends nothing and
writes nothing: it returns effects, which the window carries out.
"""

import math
from collections.abc import Callable
from typing import Any

from pylingo.client.terminal.commands import leave
from pylingo.client.terminal.input_events import CursorReport, Focus, Key, Paste, Text
from pylingo.client.terminal.keyboard import pasted, pasting, pressed, typed
from pylingo.client.terminal.model import (
    Ask,
    Connection,
    Done,
    Effect,
    Event,
    Failure,
    Gap,
    Interrupted,
    Model,
    Pasting,
    Received,
    Refused,
    Repaint,
    Resized,
    Tick,
    Wanted,
)
from pylingo.client.terminal.notes import add_note
from pylingo.client.terminal.server_events import ask_users, next_id, received
from pylingo.shared.messages import PingRequest

PING_EVERY = 5.0
"""Seconds between two pings, by which the time to the server and back is measured, and a dead link noticed."""


def update(model: Model, event: Event, now: float, clock: Callable[[], int]) -> list[Effect]:
    """Have `event` happen at `now` (seconds, of any origin); `clock` gives microseconds since 1970."""
    return _EVENTS[type(event)](model, event, now, clock())


def _connection(model: Model, event: Connection, now: float, at: int) -> list[Effect]:
    model.state = event.state
    if event.state != "online":  # what was asked is not answered any more
        model.round_trip = None
        model.pings.clear()
        model.quiet.clear()
        model.arriving.clear()
    effects: list[Effect] = []
    match event.state:
        case "online":
            if model.is_told:
                again = " again" if model.was_online else ""
                effects = add_note(model, f"* connected to {model.where}{again}", at)
            model.was_online, model.is_told = True, False
            model.pinged_at = -math.inf
            effects += _ping(model, now)
        case "waiting":
            model.retry_at = now + event.delay
            if not model.is_told:
                model.is_told = True
                trying = "trying to come back" if model.was_online else "trying again"
                effects = add_note(model, f"! {event.why}; {trying}", at, "error")
        case "over" if not model.is_leaving and (event.goodbye is None or event.goodbye.reason != "close"):
            effects = add_note(model, f"! {event.why}; Enter connects again, Ctrl+C leaves", at, "error")
    return effects


def _tick(model: Model, event: Tick, now: float, at: int) -> list[Effect]:
    return _ping(model, now) if model.state == "online" else []


def _ping(model: Model, now: float) -> list[Effect]:
    if model.pings or now - model.pinged_at < PING_EVERY:
        return []
    number = next_id(model)
    model.pings[number] = model.pinged_at = now
    return [Ask(PingRequest(number))]


def _gap(model: Model, event: Gap, now: float, at: int) -> list[Effect]:
    """Joins and leaves were left out as well: ask who is there."""
    return [ask_users(model)] if model.room is not None else []


def _wanted(model: Model, event: Wanted, now: float, at: int) -> list[Effect]:
    model.wanted = event.name
    return []


def _interrupted(model: Model, event: Interrupted, now: float, at: int) -> list[Effect]:
    return leave(model)


def _refused(model: Model, event: Refused, now: float, at: int) -> list[Effect]:
    model.scrollback.refuse(event.key)
    return []


def _resized(model: Model, event: Resized, now: float, at: int) -> list[Effect]:
    model.columns, model.rows = max(1, event.columns), max(1, event.rows)
    return [Repaint()]


def _placed(model: Model, event: CursorReport, now: float, at: int) -> list[Effect]:
    model.place = event.column
    model.places += 1
    return []


def _trouble(model: Model, event: Failure, now: float, at: int) -> list[Effect]:
    return add_note(model, f"! {event.text}", at, "error")


def _done(model: Model, event: Done, now: float, at: int) -> list[Effect]:
    return add_note(model, f"* {event.text}", at)


_EVENTS: dict[type[Any], Callable[[Model, Any, float, int], list[Effect]]] = {
    Text: typed,
    Key: pressed,
    Paste: pasted,
    Pasting: pasting,
    CursorReport: _placed,
    Focus: lambda model, event, now, at: [],
    Received: received,
    Refused: _refused,
    Connection: _connection,
    Resized: _resized,
    Tick: _tick,
    Interrupted: _interrupted,
    Gap: _gap,
    Wanted: _wanted,
    Failure: _trouble,
    Done: _done,
}
