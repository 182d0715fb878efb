"""The commands that the program carries out by itself, as a table; all others are the server's."""

from collections.abc import Callable

from pylingo.client.settings import LAYOUTS
from pylingo.client.terminal.model import Effect, Leave, Model, Remember, Repaint, Transcribe
from pylingo.client.terminal.scrollback import Line
from pylingo.shared.errors import RequestError
from pylingo.shared.messages import CommandInfo
from pylingo.shared.text import fold, is_guest, printable, quote, user_name

LOCAL = (
    CommandInfo("layout", "layout", f"Puts the input line elsewhere: {', '.join(LAYOUTS)}."),
    CommandInfo("colors", "on|off", "Shows names in colours, or not."),
    CommandInfo("time", "on|off", "Shows the time of each line, or not."),
    CommandInfo("ignore", "username", "Hides what somebody says, or shows it again; alone: who is hidden."),
    CommandInfo("log", "file", "Writes what is shown to a file from now on; alone: no more."),
    CommandInfo("clear", None, "Empties the window."),
    CommandInfo("quit", None, "Another name of /close."),
)


def run_local(model: Model, name: str, argument: str | None, at: int) -> list[Effect] | None:
    """Carry out a local command at the time `at` (microseconds); None if it is none.

    Raises `RequestError` for a wrong argument.
    """
    handler = _HANDLERS.get(name)
    return handler(model, argument or "", at) if handler is not None else None


def _layout(model: Model, argument: str, at: int) -> list[Effect]:
    if argument not in LAYOUTS:
        known = "\n".join(f"{name:<8}{what}" for name, what in LAYOUTS.items())
        text = f"* /layout takes one of these; it is {model.preferences.layout} now:\n{known}"
        model.scrollback.add(Line("note", text, at))
        return []
    model.preferences.layout = argument
    return [Remember(), Repaint()]


def _colors(model: Model, argument: str, at: int) -> list[Effect]:
    model.preferences.colors = _switched("colors", argument, model.preferences.colors)
    return [Remember(), Repaint()]


def _time(model: Model, argument: str, at: int) -> list[Effect]:
    model.preferences.times = _switched("time", argument, model.preferences.times)
    return [Remember(), Repaint()]


def _switched(command: str, argument: str, now: bool) -> bool:
    if argument not in ("", "on", "off"):
        raise RequestError("bad-argument", f"/{command} takes on or off, or nothing to change what it is")
    return argument == "on" if argument else not now


def _ignore(model: Model, argument: str, at: int) -> list[Effect]:
    if not argument:
        here = [key if key == origin else f"{key} (was {origin})" for key, origin in model.hidden.items()]
        hidden = printable(", ".join(sorted([*model.preferences.ignored, *here]))) or "nobody"
        model.scrollback.add(Line("note", f"* hidden: {hidden}", at))
        return []
    return _show_again(model, argument, at) if model.hides(argument) else _hide(model, argument, at)


def _show_again(model: Model, name: str, at: int) -> list[Effect]:
    """Also under the other names that the same person has had."""
    origin = model.hidden.get(fold(name), fold(name))
    model.hidden = {key: first for key, first in model.hidden.items() if first != origin}
    model.scrollback.add(Line("note", f"* {printable(name)} is shown again", at))
    if origin not in model.preferences.ignored:
        return []
    model.preferences.ignored.discard(origin)
    return [Remember()]


def _hide(model: Model, argument: str, at: int) -> list[Effect]:
    is_here = fold(argument) in model.people
    if is_guest(argument) and not is_here:
        raise RequestError("bad-name", f"there is no guest {quote(argument)} here to be hidden")
    name = argument if is_here else user_name(argument)
    words = f"* {printable(name)} is hidden from now on; /ignore {printable(name)} again shows them"
    model.scrollback.add(Line("note", words, at))
    if is_guest(name):  # the number is somebody else's after the server's next start: nothing to be kept
        model.hidden[fold(name)] = fold(name)
        return []
    model.preferences.ignored.add(fold(name))
    return [Remember()]


def _log(model: Model, argument: str, at: int) -> list[Effect]:
    return [Transcribe(argument or None)]


def _clear(model: Model, argument: str, at: int) -> list[Effect]:
    _needs_none("clear", argument)
    model.scrollback.clear()
    return [Repaint()]


def _quit(model: Model, argument: str, at: int) -> list[Effect]:
    _needs_none("quit", argument)
    return leave(model)


def _close(model: Model, argument: str, at: int) -> list[Effect]:
    _needs_none("close", argument)
    return leave(model)


def leave(model: Model) -> list[Effect]:
    """The person wants to go."""
    model.is_leaving = True
    return [Leave()]


def _needs_none(command: str, argument: str) -> None:
    if argument:
        raise RequestError("bad-argument", f"/{command} takes no argument")


_HANDLERS: dict[str, Callable[[Model, str, int], list[Effect]]] = {
    "layout": _layout,
    "colors": _colors,
    "time": _time,
    "ignore": _ignore,
    "log": _log,
    "clear": _clear,
    "quit": _quit,
    "close": _close,
}
