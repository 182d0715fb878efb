"""The mouse: the wheel scrolls, and a click acts where there is something to act on. Pure.

Anywhere else, a press gives the mouse to the terminal until the next key, so that text can be selected without Shift.
"""

from collections.abc import Callable

from pylingo.client.terminal.activity import buffer_at
from pylingo.client.terminal.buffers import show
from pylingo.client.terminal.input_events import Mouse
from pylingo.client.terminal.model import Effect, Model
from pylingo.client.terminal.people_list import scroll_people
from pylingo.client.terminal.room_commands import ROOM_COMMANDS, send
from pylingo.client.terminal.scrolling import FEW, scroll
from pylingo.client.terminal.view import body_height, is_in_list, person_at, screen
from pylingo.shared.errors import RequestError

_ONLY_FOCUS = 0.3
"""Seconds after the focus has come in which a press is what has brought it, and is not meant for selecting."""

type _Click = Callable[[Model, Mouse, float, int], list[Effect] | None]
"""Acts on a press, and returns None if there is nothing to act on in that place."""


def mouse(model: Model, event: Mouse, now: float, at: int) -> list[Effect]:
    """Handle the wheel or a pressed button."""
    if event.name in _WHEEL:
        return _WHEEL[event.name](model, event, now, at)
    click = _CLICKS.get(event.name)
    effects = click(model, event, now, at) if click is not None and model.question is None else None
    if effects is not None:
        return effects
    return _let_select(model, now) if event.name in _BUTTONS else []


def _left(model: Model, event: Mouse, now: float, at: int) -> list[Effect] | None:
    """Show the conversation with a person of the list, or the buffer that the status row names in that place."""
    if is_in_list(model, event.row, event.column):
        return _command_about(model, event, "msg", at)
    shown = screen(model, now)
    if shown.status is None or event.row != shown.status_row:
        return None
    buffer = buffer_at(model, "".join(span.text for span in shown.status), event.column)
    if buffer is None:
        return None
    show(model, buffer)
    return []


def _right(model: Model, event: Mouse, now: float, at: int) -> list[Effect] | None:
    """Ask the server about a person of the list, and go to the end of the chat, where the reply will stand."""
    if not is_in_list(model, event.row, event.column):
        return None
    effects = _command_about(model, event, "whois", at)
    if effects:
        model.buffer.scrollback.follow()
    return effects


def _command_about(model: Model, event: Mouse, name: str, at: int) -> list[Effect]:
    """Carry out a command about the person in a place of the list; nothing if nobody stands there."""
    person = person_at(model, event.row, event.column)
    if person is None:
        return []
    model.hint = ""
    try:
        return ROOM_COMMANDS[name](model, person, at) if name in ROOM_COMMANDS else send(model, name, person)
    except RequestError as error:
        model.hint = error.text
        return []


def _let_select(model: Model, now: float) -> list[Effect]:
    """Give the mouse to the terminal, for selecting and pasting, until the next key."""
    if now - model.focused_at >= _ONLY_FOCUS:
        model.has_mouse = False
        model.hint = "the mouse selects text until the next key; after that, the wheel scrolls again"
    return []


def _turn(rows: int) -> Callable[[Model, Mouse, float, int], list[Effect]]:
    """Scroll down by `rows`, or up if that is negative: the list of people if the mouse is there, else the messages."""
    scroll_messages = scroll(lambda height: -rows)

    def turn(model: Model, event: Mouse, now: float, at: int) -> list[Effect]:
        if not is_in_list(model, event.row, event.column):
            return scroll_messages(model, now, at)
        scroll_people(model, rows, body_height(model))
        return []

    return turn


_BUTTONS = frozenset({"left", "middle", "right"})
_CLICKS: dict[str, _Click] = {"left": _left, "right": _right}
_WHEEL = {"wheel-up": _turn(-FEW), "wheel-down": _turn(FEW)}
