"""What the server says, frame by frame: lines for the person, and who is where. Pure."""

from collections.abc import Callable
from typing import Any

from pylingo.client.local_commands import LOCAL
from pylingo.client.terminal.line import Line
from pylingo.client.terminal.mentions import mentions
from pylingo.client.terminal.model import MOST, Ask, Bell, Effect, Model, Received, Shown
from pylingo.client.terminal.notes import add_line, add_words, stamp, transcript, turn_day, words_of
from pylingo.shared.messages import (
    Command,
    Error,
    Goodbye,
    Help,
    Joined,
    Left,
    Message,
    Pong,
    Ready,
    Renamed,
    Rooms,
    Sent,
    Users,
    Welcome,
)
from pylingo.shared.names import fold, is_guest
from pylingo.shared.schema import Record
from pylingo.shared.text import printable, readable

BELL_EVERY = 2.0
"""Seconds in which the bell rings once at most."""
OLD = 60_000_000
"""Microseconds after which a message is no news; generous, as clocks differ."""


def received(model: Model, event: Received, now: float, at: int) -> list[Effect]:
    record = event.record
    model.heard_at = now
    handler = _FRAMES.get(type(record))
    if handler is not None:
        return handler(model, record, now, at)
    number = getattr(record, "re", None)
    return [] if number in model.quiet else add_words(model, record, at)


def _message(model: Model, message: Message, now: float, at: int) -> list[Effect]:
    if fold(message.from_) in model.people or model.quiet:  # who left the room long ago speaks in its log as well
        model.know(message.from_)
    if model.hides(message.from_):
        return []
    line = Line("message", readable(message.text), message.at, printable(message.from_), is_stamped=True)
    line.is_mention = mentions(message.text, model.name)
    effects = add_line(model, line)
    is_news = at - message.at < OLD  # what is read in the log does not ring
    if line.is_mention and is_news and model.preferences.bell and now - model.rung_at >= BELL_EVERY:
        model.rung_at = now
        effects.append(Bell())
    return effects


def _sent(model: Model, sent: Sent, now: float, at: int) -> list[Effect]:
    if sent.key is None or sent.key not in model.scrollback.unsent:
        return []
    turn_day(model, sent.at, is_stamped=True)
    is_here = fold(sent.room) == fold(model.room or sent.room)
    line = model.scrollback.confirm(sent.key, sent.at, None if is_here else fold(sent.room))
    assert line is not None
    line.who = printable(model.name)
    return [Shown(transcript(line))]


def _joined(model: Model, joined: Joined, now: float, at: int) -> list[Effect]:
    if joined.users is None:
        model.know(joined.name)
        _change_arriving(model, None, joined.name)
        _expect(model, 1)
        return _presence(model, "joined", joined.name, at)
    model.room, model.name = joined.room, joined.name
    model.people.clear()
    model.know(joined.name)
    model.expected = joined.users
    if joined.room not in model.rooms:
        model.rooms.append(joined.room)
    effects = add_words(model, joined, at)
    model.scrollback.lines[-1].begins = fold(joined.room)
    return [*effects, ask_users(model)]


def _left(model: Model, left: Left, now: float, at: int) -> list[Effect]:
    if left.reason is None:
        model.room, model.expected = None, None
        model.people.clear()
        return add_words(model, left, at)
    _expect(model, -1)
    gone = fold(left.name)
    model.people.pop(gone, None)
    _change_arriving(model, left.name, None)
    verb = "left" if left.reason in ("leave", "moved", "close") else "lost the connection"
    effects = _presence(model, verb, left.name, at)
    model.lose_sight(lambda key: key == gone and not is_guest(key))  # no other guest gets that number
    return effects


def _expect(model: Model, more: int) -> None:
    """So many more are here than the server has said."""
    if model.expected is not None:
        model.expected += more


def _presence(model: Model, verb: str, name: str, at: int) -> list[Effect]:
    if model.hides(name):
        return []
    turn_day(model, at, is_stamped=False)
    model.scrollback.fold(verb, printable(name), at)
    return [Shown(f"{stamp(at)} * {printable(name)} {verb}")]


def _renamed(model: Model, renamed: Renamed, now: float, at: int) -> list[Effect]:
    if renamed.room is None:
        model.name = renamed.new
    if model.people.pop(fold(renamed.old), None) is not None:
        model.know(renamed.new)
    _change_arriving(model, renamed.old, renamed.new)
    if renamed.room is not None and model.hides(renamed.old):
        model.follow(renamed.old, renamed.new)
        return []
    return add_words(model, renamed, at)


def _change_arriving(model: Model, gone: str | None, came: str | None) -> None:
    """Somebody came, went or changed a name between two pages of the list of people."""
    if model.arriving:
        if gone is not None:
            model.arriving.pop(fold(gone), None)
        if came is not None:
            model.arriving[fold(came)] = came


def _ready(model: Model, ready: Ready, now: float, at: int) -> list[Effect]:
    model.name, model.room = ready.name, ready.room
    if not ready.resumed:  # perhaps the server was started anew, and counts its guests from one
        model.lose_sight(is_guest)
    if ready.room is None:
        model.people.clear()
    return [ask_users(model)] if ready.room is not None else []


def _users(model: Model, users: Users, now: float, at: int) -> list[Effect]:
    if len(model.arriving) < MOST:
        model.arriving |= {fold(name): name for name in users.users}
    if not users.more:
        if model.room is not None and fold(users.room) == fold(model.room):
            spoke = {key: name for key, name in model.people.items() if key in model.arriving}
            model.people = {key: name for key, name in model.arriving.items() if key not in spoke} | spoke
            model.expected = None
            model.lose_sight(lambda key: key not in model.people and not is_guest(key))
        model.arriving = {}
    return _unless_quiet(model, users, users.more, at)


def _rooms(model: Model, rooms: Rooms, now: float, at: int) -> list[Effect]:
    known = {fold(name) for name in model.rooms}
    model.rooms += [info.room for info in rooms.rooms if fold(info.room) not in known]
    del model.rooms[MOST:]
    return _unless_quiet(model, rooms, rooms.more, at)


def _unless_quiet(model: Model, record: Users | Rooms, has_more: bool, at: int) -> list[Effect]:
    if record.re not in model.quiet:
        return add_words(model, record, at)
    if not has_more:
        model.quiet.discard(record.re)
    return []


def _pong(model: Model, pong: Pong, now: float, at: int) -> list[Effect]:
    began = model.pings.pop(pong.re, None) if pong.re is not None else None
    if began is not None:
        model.round_trip = now - began
    return []


def _help(model: Model, help_: Help, now: float, at: int) -> list[Effect]:
    model.commands |= {info.name for info in help_.commands}
    _, *local, _ = words_of(Help(list(LOCAL)))
    words = "\n".join([*words_of(help_), "Of this program alone:", *local])
    return add_line(model, Line("note", words, at))


def _error(model: Model, error: Error, now: float, at: int) -> list[Effect]:
    if error.re in model.quiet:
        model.quiet.discard(error.re)
        return []
    return add_words(model, error, at, "error")


def _silent(model: Model, record: Record, now: float, at: int) -> list[Effect]:
    return []


def next_id(model: Model) -> int:
    """An id that no request has had."""
    model.last_id += 1
    return model.last_id


def ask_users(model: Model) -> Effect:
    return ask(model, Command("users", id=next_id(model)))


def ask(model: Model, command: Command) -> Effect:
    """Ask the server without the person's doing: the answer is not shown."""
    assert command.id is not None
    model.quiet.add(command.id)
    return Ask(command)


_FRAMES: dict[type[Record], Callable[[Model, Any, float, int], list[Effect]]] = {
    Message: _message,
    Sent: _sent,
    Joined: _joined,
    Left: _left,
    Renamed: _renamed,
    Ready: _ready,
    Users: _users,
    Rooms: _rooms,
    Pong: _pong,
    Help: _help,
    Error: _error,
    Welcome: _silent,
    Goodbye: _silent,  # its text comes with the end of the connection
}
