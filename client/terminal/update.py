"""The rules of the window: how an event changes the model, and which effects follow. Pure, after the Elm architecture.

Only `update` changes a model, apart from the marks of a painter on printed lines. It sends and writes nothing: the
window carries out the effects that it returns.
"""

import math
from collections.abc import Callable
from typing import Any

from pylingo.client.disconnection import why_no_connection
from pylingo.client.events import (
    FramesMissed,
    KeyChanged,
    NameWanted,
    NewSince,
    PageReply,
    PongReceived,
    QueryReply,
    Received,
    Refused,
    Remark,
    Status,
)
from pylingo.client.terminal import past, printed_past, searching
from pylingo.client.terminal.buffer import Buffer
from pylingo.client.terminal.buffers import bound, find_person, saying
from pylingo.client.terminal.commands import leave
from pylingo.client.terminal.forgetting import lose_connection
from pylingo.client.terminal.input_events import CursorReport, Focus, Key, Mouse, Paste, Text
from pylingo.client.terminal.keyboard import pasted, pasting, pressed, typed
from pylingo.client.terminal.line_keys import edited
from pylingo.client.terminal.model import (
    Do,
    Edited,
    Effect,
    Event,
    Interrupted,
    Model,
    Pasting,
    Report,
    Resized,
    SearchGoesOn,
    SecondPassed,
)
from pylingo.client.terminal.mouse import mouse
from pylingo.client.terminal.notes import add_line, add_note, words_of
from pylingo.client.terminal.people_events import describe_people
from pylingo.client.terminal.questions import CertificateQuestion
from pylingo.client.terminal.server_events import frames_missed, new_since, query_reply, received
from pylingo.client.trust_errors import UnknownCertificateError
from pylingo.client.wording import key_changed
from pylingo.shared.messages import Command, Error, Say
from pylingo.shared.names import fold

STEADY = 0.02
"""Seconds. A round trip that differs by less, or by less than a quarter, is not shown: an idle window stays silent."""
PING_EVERY = 5.0
"""Seconds between two pings. They measure the round trip and show a connection that does not respond."""


KEEP_EVERY = 30.0
"""Seconds after which the rooms, and how far each was read, are saved for the next run, as at the end."""


def update(model: Model, event: Event, now: float, at: int) -> list[Effect]:
    """Handle `event` at the time `now` (seconds, of any origin) or `at` (microseconds since 1970)."""
    if model.is_bare and isinstance(event, Text | Key | Paste):  # any key brings the window back, and does nothing else
        model.is_bare = False
        return [Do.REPAINT]
    effects = EVENTS[type(event)](model, event, now, at)
    bound(model)
    return [*effects, *describe_people(model, now)]


def _status(model: Model, event: Status, now: float, at: int) -> list[Effect]:
    model.state, model.server = event.state, event.where or model.where
    if event.state != "online":
        lose_connection(model)
        past.lose_pages(model)
        searching.lose_requests(model)
    if event.state != "over" and isinstance(model.question, CertificateQuestion):
        model.question = None
    match event.state:
        case "online":
            return _online(model, now, at)
        case "waiting":
            return _waiting(model, event, now, at)
        case "over":
            return _over(model, event, at)
    return []


def _online(model: Model, now: float, at: int) -> list[Effect]:
    effects: list[Effect] = []
    if model.is_told or (model.was_online and model.server != model.online_at):
        again = " again" if model.server == model.online_at else ""
        effects = add_note(model.buffer, f"* connected to {model.server}{again}", at)
    model.was_online, model.is_told, model.online_at = True, False, model.server
    model.pinged_at = -math.inf
    return [*effects, *_ping(model, now)]


def _waiting(model: Model, event: Status, now: float, at: int) -> list[Effect]:
    model.retry_at = now + event.delay
    if model.is_told:
        return []
    model.is_told = True
    trying = "trying to come back" if model.was_online else "trying again"
    return add_note(model.buffer, f"! {_why(model, event)}; {trying}", at, "error")


def _over(model: Model, event: Status, at: int) -> list[Effect]:
    if model.is_leaving or (event.goodbye is not None and event.goodbye.reason == "close"):
        return [Do.EXIT]
    if isinstance(event.error, UnknownCertificateError):
        return _ask_about(model, event.error, at)
    effects = add_note(model.buffer, f"! {_why(model, event)}; Enter connects again, /close leaves", at, "error")
    return [*effects, Do.ASK_PASSWORD] if _wants_password(event) else effects


def _ask_about(model: Model, error: UnknownCertificateError, at: int) -> list[Effect]:
    model.question = CertificateQuestion(error.where, error.fingerprint)
    sentence = (
        f"! the certificate of {error.where} is not known, and no authority vouches for it ({error.why})."
        f"\nIts fingerprint is {error.fingerprint}\nAsk the server's operator whether this is right."
    )
    return add_note(model.buffer, sentence, at, "error")


def _wants_password(event: Status) -> bool:
    reason = event.goodbye.reason if event.goodbye is not None else getattr(event.error, "code", "")
    return reason in ("password", "no-password")


def _key_changed(model: Model, event: KeyChanged, now: float, at: int) -> list[Effect]:
    buffer = find_person(model, event.name) or model.buffer
    return add_note(buffer, f"! {key_changed(event)}", at, "error")


def _page_received(model: Model, event: PageReply, now: float, at: int) -> list[Effect]:
    model.heard_at = now
    for receive in (searching.page_received, printed_past.page_received):
        if (effects := receive(model, event, now, at)) is not None:
            return effects
    return past.page_received(model, event, now, at)


def _remark(model: Model, event: Remark, now: float, at: int) -> list[Effect]:
    return add_note(model.buffer, f"! {event.text}", at, "error")


def _why(model: Model, event: Status) -> str:
    return why_no_connection(event.error, event.goodbye, model.server)


def _ping(model: Model, now: float) -> list[Effect]:
    if model.is_awaiting_pong or now - model.pinged_at < PING_EVERY:
        return []
    model.pinged_at, model.is_awaiting_pong = now, True
    return [Do.PING]


def _second_passed(model: Model, event: SecondPassed, now: float, at: int) -> list[Effect]:
    if model.state != "online":
        return []
    effects = _ping(model, now)
    if now - model.kept_at >= KEEP_EVERY:
        model.kept_at = now
        effects.append(Do.KEEP_PLACES)
    return effects


def _pong_received(model: Model, event: PongReceived, now: float, at: int) -> list[Effect]:
    model.heard_at = now
    model.is_awaiting_pong = False
    trip = now - model.pinged_at
    if model.round_trip is None or abs(trip - model.round_trip) > max(STEADY, model.round_trip / 4):
        model.round_trip = trip
    return []


def _name_wanted(model: Model, event: NameWanted, now: float, at: int) -> list[Effect]:
    model.wanted = event.name
    return []


def _refused(model: Model, event: Refused, now: float, at: int) -> list[Effect]:
    match event.request:
        case Say(key=str(key)):
            if (buffer := saying(model, key)) is not None:
                _refuse_words(model, buffer, key, event.error, at)
        case Command("join" | "open", str(room)):
            stayed = model.moves.pop(fold(room.strip().partition(" ")[0].removeprefix("#")), None)
            if stayed is not None:
                stayed.heading = None
        case Command("leave"):
            for buffer in model.buffers:
                buffer.is_leaving = False
    return []


def _refuse_words(model: Model, buffer: Buffer, key: str, error: Error, at: int) -> None:
    """Mark a message that will never be sent. In a buffer that is not shown, that is urgent news."""
    if buffer is not model.buffer:
        buffer.mark(at)
        buffer.new += 1
        buffer.urgent += 1
    buffer.scrollback.refuse(key)
    # The error was shown just before, where it may not belong.
    last = model.buffer.scrollback.newest
    if buffer is not model.buffer and last is not None and last.text == "\n".join(words_of(error)):
        model.buffer.scrollback.remove(last)
        if not last.is_printed:
            add_line(buffer, last)


def _resized(model: Model, event: Resized, now: float, at: int) -> list[Effect]:
    model.columns, model.rows = max(1, event.columns), max(1, event.rows)
    return [Do.REPAINT]


def _cursor_report(model: Model, event: CursorReport, now: float, at: int) -> list[Effect]:
    model.place = event.column
    model.places += 1
    return []


def _focus(model: Model, event: Focus, now: float, at: int) -> list[Effect]:
    model.has_focus = event.is_here
    if event.is_here:
        model.missed, model.focused_at = 0, now
    return []


def _report(model: Model, event: Report, now: float, at: int) -> list[Effect]:
    mark, kind = ("!", "error") if event.is_error else ("*", "note")
    return add_note(model.buffer, f"{mark} {event.text}", at, kind)


EVENTS: dict[type[Any], Callable[[Model, Any, float, int], list[Effect]]] = {
    Text: typed,
    Key: pressed,
    Paste: pasted,
    Pasting: pasting,
    CursorReport: _cursor_report,
    Focus: _focus,
    Mouse: mouse,
    Received: received,
    QueryReply: query_reply,
    PageReply: _page_received,
    SearchGoesOn: searching.go_on,
    Refused: _refused,
    Status: _status,
    PongReceived: _pong_received,
    Resized: _resized,
    SecondPassed: _second_passed,
    Interrupted: lambda model, event, now, at: leave(model),
    FramesMissed: frames_missed,
    NewSince: new_since,
    NameWanted: _name_wanted,
    KeyChanged: _key_changed,
    Remark: _remark,
    Report: _report,
    Edited: edited,
}
