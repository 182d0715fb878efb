"""When a message calls for the person: the bell, and a notification if the window has no focus. Pure.

The person says for each room what calls: mentions, all messages, or nothing. A private message counts as a mention.
"""

from pylingo.client.settings import room_place
from pylingo.client.terminal.buffer import Buffer
from pylingo.client.terminal.line import Line
from pylingo.client.terminal.model import Do, Effect, Model, Notify
from pylingo.shared.names import fold

CALL_EVERY = 2.0  # seconds between two calls, at least


def call(model: Model, buffer: Buffer, line: Line, now: float, is_urgent: bool) -> list[Effect]:
    """The effects of a message that is new. `is_urgent` says whether it is private or mentions us."""
    if is_urgent and buffer is model.buffer and not model.has_focus:
        model.missed += 1
    if not (is_urgent or _is_by_another(model, line)) or not _is_wanted(model, buffer, is_urgent):
        return []
    if now - model.called_at < CALL_EVERY:
        return []
    effects: list[Effect] = [Do.BELL] if model.preferences.bell else []
    if not model.has_focus:
        effects.append(_notification(buffer, line))
    if effects:
        model.called_at = now
    return effects


def notify_level(model: Model, buffer: Buffer) -> str:
    """The messages of a buffer that call the person: `mention`, `all` or `none`."""
    likes = model.preferences
    if buffer.room is None:
        return likes.notify
    return likes.notify_rooms.get(room_place(model.where, buffer.room), likes.notify)


def _is_wanted(model: Model, buffer: Buffer, is_urgent: bool) -> bool:
    return notify_level(model, buffer) in (("mention", "all") if is_urgent else ("all",))


def _is_by_another(model: Model, line: Line) -> bool:
    """Whether we did not say it ourselves, from another window."""
    return fold(line.who) not in model.own_names


def _notification(buffer: Buffer, line: Line) -> Notify:
    where = f" in {buffer.room}" if buffer.room is not None else ""
    text = f"{line.who} {line.text}" if line.is_action else line.text
    return Notify(f"{line.who}{where}", text, buffer.title)
