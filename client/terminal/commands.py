"""The commands that the window carries out itself; all others go to the server. Pure.

`pylingo.client.local_commands` describes them for `/help` and Tab.
"""

from collections.abc import Callable, Mapping

from pylingo.client.help_topics import KEYS_TOPIC, explain
from pylingo.client.local_commands import LOCAL_BY_NAME
from pylingo.client.settings import LAYOUTS, NOTIFY, room_place
from pylingo.client.terminal.areas import LEAST_WIDE, list_columns
from pylingo.client.terminal.attention import notify_level
from pylingo.client.terminal.key_table import key_rows
from pylingo.client.terminal.line import Line
from pylingo.client.terminal.model import Do, Effect, Model, Transcribe
from pylingo.client.terminal.room_commands import ROOM_COMMANDS
from pylingo.client.terminal.scrolling import page_up
from pylingo.client.terminal.searching import start
from pylingo.client.themes import THEMES
from pylingo.shared.errors import RequestError
from pylingo.shared.names import fold, is_guest, user_name
from pylingo.shared.text import printable, quote

type _Handler = Callable[[Model, str, int], list[Effect] | None]


def run_local(model: Model, name: str, argument: str | None, at: int) -> list[Effect] | None:
    """Carry out a local command at `at` (microseconds); return None for others. Raises `RequestError`."""
    if argument and name in _WITHOUT_ARGUMENT:
        raise RequestError("bad-argument", f"/{name} takes no argument")
    handler = _HANDLERS.get(name) or ROOM_COMMANDS.get(name)
    return handler(model, argument or "", at) if handler is not None else None


def leave(model: Model) -> list[Effect]:
    """End the program on behalf of the person."""
    model.is_leaving = True
    return [Do.LEAVE]


def _note(model: Model, text: str, at: int) -> list[Effect]:
    model.buffer.scrollback.add(Line("note", f"* {text}", at))
    return []


def _choose(command: str, choices: Mapping[str, str]) -> _Handler:
    """Set the preference called `command` to one of `choices`; without one, list them."""

    def choose(model: Model, argument: str, at: int) -> list[Effect]:
        if argument not in choices:
            longest = max(map(len, choices))
            known = "\n".join(f"{name:<{longest + 2}}{what}".rstrip() for name, what in choices.items())
            now = getattr(model.preferences, command)
            return _note(model, f"/{command} takes one of these; it is {now} now:\n{known}", at)
        setattr(model.preferences, command, argument)
        return [Do.REMEMBER, Do.REPAINT]

    return choose


def _toggle(command: str, preference: str) -> _Handler:
    """Turn a preference on or off; without an argument, change it."""

    def toggle(model: Model, argument: str, at: int) -> list[Effect]:
        if argument not in ("", "on", "off"):
            raise RequestError("bad-argument", f"/{command} takes on or off, or nothing to change what it is")
        now = getattr(model.preferences, preference)
        setattr(model.preferences, preference, argument == "on" if argument else not now)
        return [Do.REMEMBER, Do.REPAINT]

    return toggle


def _people(model: Model, argument: str, at: int) -> list[Effect] | None:
    effects = _toggle("people", "people")(model, argument, at)
    if model.preferences.people and not list_columns(model):
        model.hint = f"people are listed in rooms, in windows of {LEAST_WIDE} columns, in the layouts top and bottom"
    return effects


def _ignore(model: Model, argument: str, at: int) -> list[Effect]:
    if not argument:
        here = [key if key == origin else f"{key} (was {origin})" for key, origin in model.hidden.items()]
        hidden = printable(", ".join(sorted([*model.preferences.ignored, *here]))) or "nobody"
        return _note(model, f"hidden: {hidden}", at)
    name = argument.removeprefix("@")
    return _show_again(model, name, at) if model.hides(name) else _hide(model, name, at)


def _show_again(model: Model, name: str, at: int) -> list[Effect]:
    """Show a person again, under every name that they have had."""
    origin = model.hidden.get(fold(name), fold(name))
    model.hidden = {key: first for key, first in model.hidden.items() if first != origin}
    _note(model, f"{printable(name)} is shown again", at)
    if origin not in model.preferences.ignored:
        return []
    model.preferences.ignored.discard(origin)
    return [Do.REMEMBER]


def _hide(model: Model, argument: str, at: int) -> list[Effect]:
    is_here = any(fold(argument) in buffer.people for buffer in model.buffers)
    if is_guest(argument) and not is_here:
        raise RequestError("bad-name", f"there is no guest {quote(argument)} here to be hidden")
    name = argument if is_here else user_name(argument)
    _note(model, f"{printable(name)} is hidden from now on; /ignore {printable(name)} again shows them", at)
    if is_guest(name):  # not saved: after a restart of the server the number belongs to somebody else
        model.hidden[fold(name)] = fold(name)
        return []
    model.preferences.ignored.add(fold(name))
    return [Do.REMEMBER]


def _notify(model: Model, argument: str, at: int) -> list[Effect]:
    """Say which messages of this room call the person."""
    room = model.buffer.room
    if argument and argument not in NOTIFY:
        raise RequestError("bad-argument", f"/notify takes one of {', '.join(NOTIFY)}, or nothing to show what it is")
    if room is None:
        raise RequestError("no-room", "/notify is about a room, and there is none in this buffer")
    if not argument:
        level = notify_level(model, model.buffer)
        return _note(model, f"in {printable(room)}, {NOTIFY[level]} calls you: notify is {level}", at)
    likes, place = model.preferences, room_place(model.where, room)
    likes.notify_rooms.pop(place, None)
    if argument != likes.notify:
        likes.notify_rooms[place] = argument
    _note(model, f"in {printable(room)}, {NOTIFY[argument]} calls you from now on", at)
    return [Do.REMEMBER]


def _help(model: Model, argument: str, at: int) -> list[Effect] | None:
    """Explain a command, or the keys. The list of commands comes from the server."""
    if not argument:
        return None
    if argument.lower() == KEYS_TOPIC:
        rows = "\n".join(key_rows())
        return _note(model, f"keys; C- is Ctrl, and M- is Alt, or Esc before the key:\n{rows}", at)
    return _note(model, explain(argument, model.commands | LOCAL_BY_NAME), at)


def show_bare(model: Model) -> list[Effect]:
    """Show the messages without the window, until the next key."""
    model.is_bare = True
    return [Do.REPAINT]


def _clear(model: Model, argument: str, at: int) -> list[Effect]:
    model.buffer.scrollback.clear()
    model.buffer.marker = None
    return [Do.REPAINT]


_WITHOUT_ARGUMENT = ("bare", "clear", "quit", "close", "history")
MOVES_VIEW = frozenset({"history", "search", "bare"})
"""The commands that decide which messages are in view. After any other line, the end is."""
_HANDLERS: dict[str, _Handler] = {
    "layout": _choose("layout", LAYOUTS),
    "theme": _choose("theme", {name: theme.about for name, theme in THEMES.items()}),
    "colors": _toggle("colors", "colors"),
    "time": _toggle("time", "times"),
    "people": _people,
    "mouse": _toggle("mouse", "mouse"),
    "ignore": _ignore,
    "notify": _notify,
    "log": lambda model, argument, at: [Transcribe(argument or None)],
    "help": _help,
    "bare": lambda model, argument, at: show_bare(model),
    "clear": _clear,
    "search": lambda model, argument, at: start(model, argument),
    "history": lambda model, argument, at: page_up(model, 0.0, at),
    "quit": lambda model, argument, at: leave(model),
    "close": lambda model, argument, at: leave(model),
}
