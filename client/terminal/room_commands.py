"""The commands about buffers: entering and leaving rooms, conversations, emotes. Pure.

Most of them act on the room of the buffer in which they are typed, and not on the room that is current for the server.
"""

from collections.abc import Callable

from pylingo.client.features import check_supported
from pylingo.client.terminal.activity import title
from pylingo.client.terminal.buffer import Buffer
from pylingo.client.terminal.buffers import close, find_person, find_room, of_person, show
from pylingo.client.terminal.line import Line
from pylingo.client.terminal.model import Effect, Model, SendCommand, Speak
from pylingo.client.terminal.notes import add_note
from pylingo.client.unanswered import new_key
from pylingo.shared.errors import RequestError
from pylingo.shared.messages import Command, Say
from pylingo.shared.names import fold, is_guest, user_name
from pylingo.shared.text import message_text, printable, quote, readable

_OF_ROOMS = frozenset({"users", "topic", "leave"})
"""Commands of the server about the room in whose buffer they are typed."""


def check(model: Model, request: Say | Command) -> None:
    """Raise `RequestError` if the server is known to lack a feature that a request needs."""
    if model.features is not None:
        check_supported(request, model.features, None)


def speak(model: Model, text: str, at: int, is_action: bool = False) -> list[Effect]:
    """Say something in the buffer that is shown. Raises `RequestError` if it cannot be sent."""
    buffer = model.buffer
    message_text(text)
    _check_place(model)
    elsewhere = buffer.room if buffer.is_outside else None
    check(model, Say(text, to=buffer.person, action=is_action or None, room=elsewhere))
    _check_conversation(model, buffer)
    buffer.spoken = True
    key = new_key()
    line = Line("own", readable(text), at, printable(model.name), state="unsent", is_action=is_action)
    buffer.note_speaker(line.who)
    buffer.scrollback.unsent[key] = line
    return [Speak(text, key, room_of(model, buffer), buffer.person, is_action)]


def room_of(model: Model, buffer: Buffer) -> str | None:
    """The room that a request in a buffer names; None leaves it to the server, which may know one room only."""
    is_one_of_several = model.has("rooms") or sum(other.room is not None for other in model.buffers) > 1
    return (buffer.heading or buffer.room) if is_one_of_several else None


def _check_place(model: Model) -> None:
    """Raise `RequestError` if this buffer has no room, but others have: the server would take one of those."""
    if model.buffer.is_vacant and any(buffer.room is not None for buffer in model.buffers):
        raise RequestError("no-room", "there is no room in this buffer: /open one, or /switch to another buffer")


def _check_conversation(model: Model, buffer: Buffer) -> None:
    """Raise `RequestError` once in a conversation that has ended, and always if another one has its name."""
    if buffer.person is None:
        return
    name, present = printable(buffer.person), find_person(model, buffer.person)
    if buffer.is_ended and present is not None and present is not buffer:
        place = f"buffer {model.buffers.index(present) + 1}"
        raise RequestError("ended", f"this conversation has ended: the one with the present {name} is {place}")
    if not buffer.is_warned:
        buffer.is_warned = True
        raise RequestError("ended", f"{name} may be somebody else now: Enter again sends it")
    buffer.is_ended = False


def send(model: Model, name: str, argument: str | None) -> list[Effect]:
    """Send a command to the server. Raises `RequestError` if that makes no sense."""
    check(model, Command(name, argument))
    if name in _OF_ROOMS:
        _check_place(model)
        if model.buffer.person is not None:
            raise RequestError("no-room", f"/{name} is about a room, and this is a conversation")
    return [SendCommand(name, argument, room_of(model, model.buffer))]


def _join(model: Model, argument: str, at: int) -> list[Effect]:
    """Move to another room. If this buffer has none, there is none to be left."""
    buffer = model.buffer
    if buffer.room is None and (buffer.person is not None or any(other.room is not None for other in model.buffers)):
        return _open(model, argument, at)
    effects = send(model, "join", argument or None)
    room = _room_name(argument)
    if room:
        buffer.heading = room
        model.moves[fold(room)] = buffer
    return effects


def _open(model: Model, argument: str, at: int) -> list[Effect]:
    """Enter a room without leaving another; if we are in it already, show it."""
    room = _room_name(argument)
    here = find_room(model, room)
    if here is not None and not here.is_outside:
        show(model, here)
        return []
    check(model, Command("open", argument))
    if room:
        vacant = next((buffer for buffer in model.buffers if buffer.is_vacant), None)
        model.moves[fold(room)] = here or vacant or Buffer()
    return [SendCommand("open", argument or None)]


def _room_name(argument: str) -> str:
    """The name of a room in an argument. Behind it may be the key of the room."""
    return argument.strip().partition(" ")[0].removeprefix("#")


def _leave(model: Model, argument: str, at: int) -> list[Effect]:
    """Leave the room of the buffer, or close a conversation; others are not told of that."""
    buffer = model.buffer
    is_open = buffer.person is None and not (buffer.is_outside and model.state == "online" and len(model.buffers) > 1)
    if is_open or argument:
        effects = send(model, "leave", argument or None)
        buffer.is_leaving = not argument
        return effects
    if buffer.scrollback.unsent:
        raise RequestError("unconfirmed", "not closed: some of your messages here are not confirmed yet")
    close(model, buffer)
    return []


def _message_to(model: Model, argument: str, at: int) -> list[Effect]:
    """Show the conversation with somebody and, with a text, say it to them."""
    check(model, Command("msg", argument))
    if not argument:
        raise RequestError("bad-argument", "/msg takes a name and what you want to say")
    name, *rest = argument.split(maxsplit=1)
    name, text = name.removeprefix("@"), "".join(rest)
    if not is_guest(name):
        name = user_name(name)
    if fold(name) == fold(model.name):
        raise RequestError("bad-argument", "that is your own name")
    conversation = of_person(model, name)
    if text:
        message_text(text)
        _check_conversation(model, conversation)
    show(model, conversation)
    return speak(model, text, at) if text else []


def _me(model: Model, argument: str, at: int) -> list[Effect]:
    check(model, Command("me", argument))
    if not argument:
        raise RequestError("bad-argument", "/me takes what you do, as in /me waves")
    return speak(model, argument, at, is_action=True)


def _switch(model: Model, argument: str, at: int) -> list[Effect]:
    if not argument:
        listed = "\n".join(_listed(model, buffer) for buffer in model.buffers)
        return add_note(model.buffer, f"* buffers:\n{listed}", at)
    show(model, _named(model, argument))
    return []


def _listed(model: Model, buffer: Buffer) -> str:
    return f"{title(model, buffer)}{f'  {buffer.new} new' if buffer.new else ''}"


def _named(model: Model, name: str) -> Buffer:
    """The buffer with a number, a name or the beginning of one. Raises `RequestError` if there is none."""
    if name.isascii() and name.isdecimal() and 1 <= int(name[:4]) <= len(model.buffers):
        return model.buffers[int(name[:4]) - 1]
    exact = find_room(model, name.removeprefix("#")) or find_person(model, name.removeprefix("@"))
    if exact is not None:
        return exact
    begun = [
        buffer for buffer in model.buffers if fold(buffer.title.removeprefix("@")).startswith(fold(name.lstrip("@#")))
    ]
    if len(begun) == 1:
        return begun[0]
    raise RequestError("no-buffer", f"{'several buffers begin' if begun else 'no buffer begins'} with {quote(name)}")


ROOM_COMMANDS: dict[str, Callable[[Model, str, int], list[Effect]]] = {
    "join": _join,
    "open": _open,
    "leave": _leave,
    "msg": _message_to,
    "me": _me,
    "switch": _switch,
}
