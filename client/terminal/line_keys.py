"""The keys of the input line that need more than its editor: rows, two keys in a row, quoting, clearing. Pure."""

from collections.abc import Callable

from pylingo.client.terminal.buffers import show
from pylingo.client.terminal.commands import leave
from pylingo.client.terminal.editor import LIMIT
from pylingo.client.terminal.input_rows import neighbor
from pylingo.client.terminal.model import Edit, Edited, Effect, Model
from pylingo.client.terminal.prompts import prompt
from pylingo.shared.text import MAX_TEXT

LEAVES_WITHIN = 3.0  # seconds between two C-c that leave
_CANCEL = ("ctrl-g", "ctrl-c", "escape")
_PREFIXES = {"ctrl-x": "C-x", "ctrl-v": "C-v", "ctrl-q": "C-q"}
_QUOTED = {"tab": "\t", "enter": "\n"}

type _Action = Callable[[Model, float, int], list[Effect]]


def _vertically(key: str, step: int) -> _Action:
    """Move the cursor to the next row or, from the last one, go to the next line of the history."""

    def go(model: Model, now: float, at: int) -> list[Effect]:
        editor = model.buffer.editor
        editor.press("tab")  # accepts what a search has found
        place = neighbor(model, prompt(model, now), step)
        if place is None:
            editor.press(key)
        else:
            editor.move(place)
        return []

    return go


# --- leaving


def _clear_or_leave(model: Model, now: float, at: int) -> list[Effect]:
    """Clear the line. On an empty line, leave the second time, because C-c clears a line elsewhere as well."""
    editor = model.buffer.editor
    if editor.text:
        editor.discard()
        model.leaves_until = now
        model.hint = "the line is cleared; C-y inserts it again"
    elif now < model.leaves_until:
        return leave(model)
    else:
        model.leaves_until = now + LEAVES_WITHIN
        model.hint = "press C-c again to leave, or type /close"
    return []


def _delete_or_leave(model: Model, now: float, at: int) -> list[Effect]:
    if not model.buffer.editor.text:
        return leave(model)
    model.buffer.editor.press("ctrl-d")
    return []


# --- the person's own editor


def _edit(model: Model, now: float, at: int) -> list[Effect]:
    editor = model.buffer.editor
    editor.press("tab")  # accepts what a search has found
    if model.edited not in model.buffers:
        model.edited = model.buffer
    return [Edit(editor.text)]


def edited(model: Model, event: Edited, now: float, at: int) -> list[Effect]:
    """The person's editor has ended, or was stopped. Undo brings back the line as it was."""
    buffer = model.edited
    if not event.is_waiting:
        model.edited = None
    model.hint = event.why
    if event.text is None:
        return []
    why = event.why
    if not why and buffer not in model.buffers:
        why = "its room is closed"
    elif not why and len(event.text) > MAX_TEXT:
        why = f"too long: a message has at most {MAX_TEXT} characters"
    if why:
        model.buffer.editor.kills.append(event.text[:LIMIT])
        model.hint = f"{why}; C-y inserts what was edited"
        return []
    assert buffer is not None
    buffer.editor.replace(0, len(buffer.editor.text), event.text)
    show(model, buffer)
    return []


# --- two keys in a row


def _begin(prefix: str) -> _Action:
    def begin(model: Model, now: float, at: int) -> list[Effect]:
        model.prefix = prefix
        model.hint = f"{_PREFIXES[prefix]}-"
        return []

    return begin


def take_prefix(model: Model, key: str) -> str | None:
    """The name of `key` together with the key before it that waits for another; None if the two do nothing."""
    prefix, model.prefix = model.prefix, ""
    if not prefix:
        return key
    if prefix == "ctrl-x":
        return None if key in _CANCEL else f"{prefix}+{key}"
    if key in _QUOTED:
        model.buffer.editor.insert(_QUOTED[key])
    elif key not in _CANCEL:
        model.hint = "only Tab and Enter can be quoted: a message has no other control characters"
    return None


def take_text(model: Model, text: str) -> str:
    """The rest of a typed text whose first character may belong to the key before it."""
    prefix, model.prefix = model.prefix, ""
    if prefix == "ctrl-x":
        say_unbound(model, f"{prefix}+{text[0]}")
        return text[1:]
    return text


def say_unbound(model: Model, name: str) -> None:
    """Say that two keys, which end with `name`, do nothing."""
    prefix, plus, key = name.partition("+")
    if plus:
        model.hint = f"{_PREFIXES[prefix]} {key.replace('ctrl-', 'C-').replace('alt-', 'M-')} does nothing"


LINE_KEYS: dict[str, _Action] = {
    **{key: _vertically(key, -1) for key in ("up", "ctrl-p")},
    **{key: _vertically(key, 1) for key in ("down", "ctrl-n")},
    **{prefix: _begin(prefix) for prefix in _PREFIXES},
    "ctrl-x+ctrl-e": _edit,
    "ctrl-c": _clear_or_leave,
    "ctrl-d": _delete_or_leave,
}
