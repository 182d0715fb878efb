"""How frames from the server change the model: lines to read, the people in the room, the rooms. Pure.

Frames for the person come as `Received`. Replies to the program's own queries come as `QueryReply`: they change the
model and are not shown.
"""

from collections.abc import Callable
from typing import Any

from pylingo.client.events import QueryReply, Received
from pylingo.client.local_commands import LOCAL
from pylingo.client.terminal.buffer import MOST
from pylingo.client.terminal.line import Line
from pylingo.client.terminal.mentions import mentions
from pylingo.client.terminal.model import Do, Effect, Model, Query, Shown
from pylingo.client.terminal.notes import add_line, add_words, stamp, transcript, turn_day
from pylingo.shared import messages
from pylingo.shared.names import fold, is_guest
from pylingo.shared.schema import Record
from pylingo.shared.text import printable, readable

BELL_EVERY = 2.0  # seconds between two rings of the bell, at least
OLD = 60_000_000  # microseconds after which a message is not news; generous, because clocks differ


def received(model: Model, event: Received, now: float, at: int) -> list[Effect]:
    """Show a frame, and note what it tells of people and rooms."""
    model.heard_at = now
    handler = _FRAMES.get(type(event.record), _shown)
    return handler(model, event.record, now, at)


def query_reply(model: Model, event: QueryReply, now: float, at: int) -> list[Effect]:
    """Note a frame of the reply to a query. An error is no news: the model stays as it is."""
    model.heard_at = now
    if event.is_last and event.query in model.queries:
        model.queries.remove(event.query)
    _note(model, event.record)
    return []


def query(model: Model, name: str) -> Effect:
    """Ask the server without the person's doing."""
    model.queries.append(name)
    return Query(name)


def _message(model: Model, message: messages.Message, now: float, at: int) -> list[Effect]:
    if fold(message.from_) in model.buffer.people or "users" in model.queries:  # the history has people who left
        model.buffer.know(message.from_)
    if model.hides(message.from_):
        return []
    line = Line("message", readable(message.text), message.at, printable(message.from_), is_stamped=True)
    line.is_mention = mentions(message.text, model.name)
    effects = add_line(model.buffer, line)
    is_news = at - message.at < OLD  # messages of the history do not ring
    if line.is_mention and is_news and model.preferences.bell and now - model.rung_at >= BELL_EVERY:
        model.rung_at = now
        effects.append(Do.BELL)
    return effects


def _sent(model: Model, sent: messages.Sent, now: float, at: int) -> list[Effect]:
    if sent.key is None or sent.key not in model.buffer.scrollback.unsent:
        return []
    turn_day(model.buffer, sent.at, is_stamped=True)
    is_here = fold(sent.room or "") == fold(model.buffer.room or sent.room or "")
    line = model.buffer.scrollback.confirm(sent.key, sent.at, None if is_here else fold(sent.room or ""))
    assert line is not None
    line.who = printable(model.name)
    return [Shown(transcript(line))]


def _joined(model: Model, joined: messages.Joined, now: float, at: int) -> list[Effect]:
    if joined.users is None:
        model.buffer.know(joined.name)
        _change_people_to_come(model, None, joined.name)
        return _presence(model, "joined", joined.name, at)
    model.buffer.room, model.name = joined.room, joined.name
    model.buffer.people.clear()
    model.buffer.know(joined.name)
    model.buffer.expected = joined.users
    if joined.room not in model.rooms:
        model.rooms.append(joined.room)
    effects = add_words(model.buffer, joined, at)
    model.buffer.scrollback.lines[-1].begins = fold(joined.room)
    return [*effects, query(model, "users")]


def _left(model: Model, left: messages.Left, now: float, at: int) -> list[Effect]:
    if left.reason is None:
        model.buffer.room, model.buffer.expected = None, None
        model.buffer.people.clear()
        return add_words(model.buffer, left, at)
    gone = fold(left.name)
    model.buffer.people.pop(gone, None)
    _change_people_to_come(model, left.name, None)
    verb = "left" if left.reason in ("leave", "moved", "close") else "lost the connection"
    effects = _presence(model, verb, left.name, at)
    model.lose_sight(lambda key: key == gone and not is_guest(key))  # the server gives a guest's number only once
    return effects


def _presence(model: Model, verb: str, name: str, at: int) -> list[Effect]:
    if model.hides(name):
        return []
    turn_day(model.buffer, at, is_stamped=False)
    model.buffer.scrollback.fold(verb, printable(name), at)
    return [Shown(f"{stamp(at)} * {printable(name)} {verb}")]


def _renamed(model: Model, renamed: messages.Renamed, now: float, at: int) -> list[Effect]:
    if renamed.room is None:
        model.name = renamed.new
    if model.buffer.people.pop(fold(renamed.old), None) is not None:
        model.buffer.know(renamed.new)
    _change_people_to_come(model, renamed.old, renamed.new)
    if renamed.room is not None and model.hides(renamed.old):
        model.follow(renamed.old, renamed.new)
        return []
    return add_words(model.buffer, renamed, at)


def _change_people_to_come(model: Model, gone: str | None, came: str | None) -> None:
    """Somebody joined, left or was renamed before the list of people was complete."""
    if model.buffer.expected is not None:
        model.buffer.expected += (came is not None) - (gone is not None)
    if model.buffer.arriving:
        if gone is not None:
            model.buffer.arriving.pop(fold(gone), None)
        if came is not None:
            model.buffer.arriving[fold(came)] = came


def _ready(model: Model, ready: messages.Ready, now: float, at: int) -> list[Effect]:
    model.name, model.buffer.room = ready.name, ready.room
    if not ready.resumed:  # a restarted server counts its guests from one again
        model.lose_sight(is_guest)
    if ready.room is None:
        model.buffer.people.clear()
    return [query(model, "users")] if ready.room is not None else []


def _note_users(model: Model, users: messages.Users) -> None:
    if len(model.buffer.arriving) < MOST:
        model.buffer.arriving |= {fold(name): name for name in users.users}
    if users.more:
        return
    if model.buffer.room is not None and fold(users.room) == fold(model.buffer.room):
        spoke = {key: name for key, name in model.buffer.people.items() if key in model.buffer.arriving}
        model.buffer.people = {key: name for key, name in model.buffer.arriving.items() if key not in spoke} | spoke
        model.buffer.expected = None
        model.lose_sight(lambda key: key not in model.buffer.people and not is_guest(key))
    model.buffer.arriving = {}


def _note_rooms(model: Model, rooms: messages.Rooms) -> None:
    known = {fold(name) for name in model.rooms}
    model.rooms += [info.room for info in rooms.rooms if fold(info.room) not in known]
    del model.rooms[MOST:]


def _help(model: Model, help_: messages.Help, now: float, at: int) -> list[Effect]:
    model.commands |= {info.name for info in help_.commands}
    commands = {info.name: info for info in (*help_.commands, *LOCAL)}
    return add_words(model.buffer, messages.Help(list(commands.values())), at)


def _note(model: Model, record: Record) -> None:
    """Note the people and the rooms that a reply lists."""
    match record:
        case messages.Users():
            _note_users(model, record)
        case messages.Rooms():
            _note_rooms(model, record)


def _shown(model: Model, record: Record, now: float, at: int) -> list[Effect]:
    _note(model, record)
    return add_words(model.buffer, record, at, "error" if isinstance(record, messages.Error) else "note")


_FRAMES: dict[type[Record], Callable[[Model, Any, float, int], list[Effect]]] = {
    messages.Message: _message,
    messages.Sent: _sent,
    messages.Joined: _joined,
    messages.Left: _left,
    messages.Renamed: _renamed,
    messages.Ready: _ready,
    messages.Help: _help,
    messages.Welcome: lambda model, record, now, at: [],
    messages.Goodbye: lambda model, record, now, at: [],  # its text is shown when the connection has ended
}
