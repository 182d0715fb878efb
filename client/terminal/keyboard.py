"""The actions of keys and pastes. A key that no table here names goes to the editor. Pure."""

import math
from collections.abc import Callable

from pylingo.client.local_commands import LOCAL_BY_NAME
from pylingo.client.terminal import searching
from pylingo.client.terminal.candidates import query_for, sources
from pylingo.client.terminal.commands import MOVES_VIEW, leave, run_local, show_bare
from pylingo.client.terminal.input_events import Key, Paste, Text
from pylingo.client.terminal.jumps import BUFFER_KEYS, take_digits
from pylingo.client.terminal.keys import LONGEST_PASTE, PASTE_PATIENCE
from pylingo.client.terminal.line_keys import LINE_KEYS, say_unbound, take_prefix, take_text
from pylingo.client.terminal.mention_jumps import MENTION_KEYS
from pylingo.client.terminal.model import AcceptCertificate, Do, Effect, KeepLine, Model, Pasting, SendCommand, Speak
from pylingo.client.terminal.notes import add_note
from pylingo.client.terminal.people_events import query
from pylingo.client.terminal.questions import CertificateQuestion
from pylingo.client.terminal.room_commands import send, speak
from pylingo.client.terminal.scrolling import SCROLL_KEYS
from pylingo.shared.commands import parse_line, unknown_command
from pylingo.shared.errors import RequestError
from pylingo.shared.messages import Command, Say
from pylingo.shared.text import MAX_TEXT

ASKED_ABOVE = 5  # a paste of more lines than this needs a yes

type Action = Callable[[Model, float, int], list[Effect]]
"""Changes the model at a time of the reactor's clock (seconds) and of the calendar (microseconds since 1970)."""


def typed(model: Model, event: Text, now: float, at: int) -> list[Effect]:
    _forget_hint(model)
    if model.question is None:
        text = take_digits(model, take_text(model, event.text))
        if (effects := searching.press(model, text)) is not None:
            return effects
        if text:
            model.buffer.editor.insert(text)
    elif isinstance(model.question, CertificateQuestion):
        model.question.type(event.text)
    elif event.text.lower() in ("y", "n"):
        _answer(model, event.text.lower() == "y")
    return []


def _forget_hint(model: Model, key: str = "") -> None:
    """The words for the moment end with the next key, and the mouse is ours again. Two C-c leave only in a row."""
    model.hint, model.offer, model.has_mouse = "", None, True
    if key != "ctrl-c":
        model.leaves_until = -math.inf


def pressed(model: Model, event: Key, now: float, at: int) -> list[Effect]:
    _forget_hint(model, event.name)
    model.number = None
    if isinstance(model.question, CertificateQuestion):
        return _certificate(model, model.question, event.name, at)
    if model.question is not None:
        if event.name in ("enter", "escape", "ctrl-g", "ctrl-c"):
            _answer(model, event.name == "enter")
        return []
    editor = model.buffer.editor
    name = take_prefix(model, event.name)
    if name is None:
        return []
    if editor.search is not None and name in ("escape", "ctrl-c", "ctrl-d"):
        editor.press("ctrl-g")
    elif (action := _KEYS.get(name)) is not None:
        return action(model, now, at)
    elif not editor.press(name):
        say_unbound(model, name)
    return []


def pasted(model: Model, event: Paste, now: float, at: int) -> list[Effect]:
    if event.goes_on:
        if not isinstance(model.question, Paste):  # the previous pieces were refused, or the question was answered
            return []
        whole = model.question.text + event.text
        event = Paste(whole[:LONGEST_PASTE], cut=event.cut or len(whole) > LONGEST_PASTE)
    _forget_hint(model)
    model.number, model.prefix = None, ""
    if isinstance(model.question, CertificateQuestion):
        return []
    model.question = None
    text = event.text.rstrip("\n")
    if event.cut or len(model.buffer.editor.text) + len(text) > MAX_TEXT:
        model.hint = f"nothing pasted: too long for one message, which has at most {MAX_TEXT} characters"
    elif text.count("\n") >= ASKED_ABOVE:
        model.question = event
    else:
        model.buffer.editor.insert(text)
    return []


def pasting(model: Model, event: Pasting, now: float, at: int) -> list[Effect]:
    model.hint = f"receiving a paste, which ends with its end marker or after {PASTE_PATIENCE:.0f} s without input"
    return []


def _certificate(model: Model, question: CertificateQuestion, key: str, at: int) -> list[Effect]:
    """A key while the person is asked about a certificate."""
    is_yes = question.press(key)
    if is_yes is None:
        return []
    model.question = None
    if is_yes:
        return [AcceptCertificate(question.fingerprint)]
    return add_note(model.buffer, "* not connected; Enter asks again, /close leaves", at)


def _answer(model: Model, is_yes: bool) -> None:
    paste, model.question = model.question, None
    if isinstance(paste, Paste) and is_yes:
        model.buffer.editor.insert(paste.text.rstrip("\n"))


def _enter(model: Model, now: float, at: int) -> list[Effect]:
    buffer = model.buffer
    buffer.editor.press("enter")  # accepts what a search has found
    text = buffer.editor.text
    if not text.strip():
        buffer.editor.submit()
        if buffer.search is not None:
            searching.end(buffer)
        else:
            buffer.scrollback.follow()
        return [Do.RECONNECT] if model.state == "over" else []
    try:
        effects = _carry_out(model, text, at)
    except RequestError as error:
        model.hint = error.text
        return []
    buffer.editor.submit()
    if not _moves_view(text):
        searching.end(buffer)
        buffer.scrollback.follow()
    if model.keeps_lines:
        effects.append(KeepLine(text))
    if model.state == "over" and any(isinstance(effect, Speak | SendCommand) for effect in effects):
        effects.append(Do.RECONNECT)
    return effects


def _moves_view(text: str) -> bool:
    """Whether a line is a command that decides itself which messages are in view."""
    meant = parse_line(text)
    return isinstance(meant, Command) and meant.name in MOVES_VIEW


def _carry_out(model: Model, text: str, at: int) -> list[Effect]:
    """Carry out a line: a command or a message. Raises `RequestError`."""
    match parse_line(text):
        case Say(said):
            return speak(model, said, at)
        case Command(name, argument):
            if len(text) > MAX_TEXT:  # a longer one might not fit into a frame
                raise RequestError("text-too-long", f"a command has at most {MAX_TEXT} characters, not {len(text)}")
            local = run_local(model, name, argument, at)
            if local is None and name not in model.commands:
                raise unknown_command(name, sorted(model.commands | LOCAL_BY_NAME))
            return send(model, name, argument) if local is None else local
        case None:
            return []


def _escape(model: Model, now: float, at: int) -> list[Effect]:
    """Go to the end of the chat, or from a search back to where one was; or quit before the first connection.

    Later it does not quit, because on a slow link a split escape sequence looks like Escape.
    """
    if model.buffer.search is not None:
        return searching.leave(model, model.buffer)
    model.buffer.scrollback.follow()
    return leave(model) if model.state == "waiting" and not model.was_online else []


def _complete(backwards: bool) -> Action:
    def complete(model: Model, now: float, at: int) -> list[Effect]:
        editor = model.buffer.editor
        editor.press("tab")  # accepts what a search has found
        completer = model.buffer.completer
        done = completer.complete(editor.text, editor.cursor, sources(model), backwards)
        if done is not None:
            editor.replace(0, len(editor.text), done.text, done.cursor)
            has_more = len(done.offer.candidates) > 1 or done.offer.labels  # than the line shows
            model.offer = done.offer if has_more else None
        wanted = query_for(model, completer.kind)
        return [query(model, wanted)] if wanted is not None and not model.queries else []

    return complete


def _toggle_mouse(model: Model, now: float, at: int) -> list[Effect]:
    model.preferences.mouse = not model.preferences.mouse
    what = "the wheel scrolls, and a click acts" if model.preferences.mouse else "the terminal has it"
    model.hint = f"mouse {'on' if model.preferences.mouse else 'off'}: {what}"
    return [Do.REMEMBER]


_KEYS: dict[str, Action] = {
    "enter": _enter,
    "escape": _escape,
    "tab": _complete(backwards=False),
    "shift-tab": _complete(backwards=True),
    **SCROLL_KEYS,
    **MENTION_KEYS,
    **LINE_KEYS,
    **BUFFER_KEYS,
    "alt-l": lambda model, now, at: show_bare(model),
    "alt-m": _toggle_mouse,
    "ctrl-l": lambda model, now, at: [Do.REPAINT],
    "ctrl-z": lambda model, now, at: [Do.SUSPEND],
}
BOUND = frozenset(_KEYS)
"""The names of the keys with an action here. The editor has more."""
