"""The screen of the layouts `top` and `bottom`, and the words that all layouts share, made from the model. Pure."""

import itertools
from dataclasses import dataclass

from pylingo.client.terminal.activity import activity, title
from pylingo.client.terminal.buffer import MOST, Buffer
from pylingo.client.terminal.cells import clip, graphemes, width
from pylingo.client.terminal.model import Model
from pylingo.client.terminal.questions import words
from pylingo.client.terminal.rows import Row, Span, wrapped
from pylingo.shared.names import fold
from pylingo.shared.text import JOINERS, printable, readable

LATE = 2.0  # seconds without an answer after which the status row says so
_NEWLINE, _TAB = "\u21b5", " "
_ROWS_FOR_STATUS = 3
# Brackets and dots of the status row, and characters that look like them, with their substitutes in a topic.
_SIGNS = {
    **dict.fromkeys(map(ord, "[\N{FULLWIDTH LEFT SQUARE BRACKET}\N{LEFT WHITE SQUARE BRACKET}"), "("),
    **dict.fromkeys(map(ord, "]\N{FULLWIDTH RIGHT SQUARE BRACKET}\N{RIGHT WHITE SQUARE BRACKET}"), ")"),
    **dict.fromkeys(
        map(
            ord, "\N{MIDDLE DOT}\N{GREEK ANO TELEIA}\N{HYPHENATION POINT}\N{BULLET}\N{BULLET OPERATOR}\N{DOT OPERATOR}"
        ),
        "-",
    ),
}


@dataclass(frozen=True, slots=True)
class Screen:
    """A screen to be painted. In the input row, the cursor stands between `before` and `after`."""

    columns: int
    rows: int
    body: tuple[Row, ...]
    body_top: int
    before: str
    after: str
    input_row: int
    status: Row | None  # None if there is no room for it
    status_row: int


def screen(model: Model, now: float) -> Screen:
    """The screen of `model` at the time `now`, in the layout `top` or `bottom`."""
    height = body_height(model)
    rows = tuple(model.buffer.scrollback.viewport.rows(height, lambda line: wrapped(model, line)))
    empty: tuple[Row, ...] = ((),) * (height - len(rows))
    has_status = model.rows >= _ROWS_FOR_STATUS
    before, after = input_row(model, "> ")
    if model.preferences.layout == "bottom":
        status_row, input_at, top = model.rows - 2, model.rows - 1, 0
        body = (*empty, *rows)
    else:
        status_row, input_at = 0, int(has_status)
        top = input_at + 1
        body = (*rows, *empty)
    status = status_line(model, now) if has_status else None
    return Screen(model.columns, model.rows, body, top, before, after, input_at, status, status_row)


def body_height(model: Model) -> int:
    """The number of rows for messages."""
    if model.preferences.layout == "inline":
        return model.rows
    return model.rows - 1 - int(model.rows >= _ROWS_FOR_STATUS)


# --- the input row


def input_row(model: Model, prompt: str) -> tuple[str, str]:
    """The input row left and right of the cursor, with as much of the text around it as fits.

    The text moves by half a row at a time, so that most keys change the row at the cursor only.
    """
    editor = model.buffer.editor
    if editor.search is not None:
        what = "search" if editor.has_found else "no line has"
        prompt = f"({what} '{_shown(editor.search)}') "
    if width(prompt) > model.columns // 2:
        prompt = clip(prompt, model.columns // 2)
    room = model.columns - 1 - width(prompt)
    before = _shown(editor.text[: editor.cursor])
    whole = width(before)
    if whole > room:
        step = max(1, room // 2)
        before = _without(before, -(-(whole - room) // step) * step)
    after = clip(_shown(editor.text[editor.cursor : editor.cursor + model.columns]), max(0, room - width(before)))
    return prompt + before, after


def _shown(text: str) -> str:
    """`text` in one row, without a joiner at its end, which waits for the next character."""
    return readable(text.rstrip(JOINERS).replace("\n", _NEWLINE).replace("\t", _TAB))


def _without(text: str, columns: int) -> str:
    """`text` without its first `columns` columns, or one more if a wide character crosses the edge."""
    if text.isascii():
        return text[columns:]
    pieces = graphemes(text)
    for taken, end in enumerate(itertools.accumulate(map(width, pieces)), 1):
        if end >= columns:
            return "".join(pieces[taken:])
    return ""


# --- the status row


def status_line(model: Model, now: float) -> Row:
    """A question, or else a hint, or else the room and the state of the connection."""
    if model.question is not None:
        text = words(model.question)
    elif model.hint:
        text = f" {model.hint}"
    else:
        text = _state(model, now)
    text = clip(printable(text), model.columns)
    return (Span(text + " " * (model.columns - width(text)), "status"),)


def _state(model: Model, now: float) -> str:
    buffer, scrollback = model.buffer, model.buffer.scrollback
    is_online = model.state == "online"
    name = f"@{model.name}" if model.is_operator else model.name
    below = ""
    if new := scrollback.viewport.new_below:
        below = f"{new} new below \N{DOWNWARDS ARROW}"
    elif scrollback.viewport.is_scrolled:
        below = "more below \N{DOWNWARDS ARROW}"
    unsent = 0 if is_online else sum(len(other.scrollback.unsent) for other in model.buffers)
    place, *details = _place(model, buffer) if is_online else [title(model, buffer) if len(model.buffers) > 1 else ""]
    # Each part with its rank: in a narrow row, the part with the highest rank goes first, and the place stays.
    parts = [
        (3, below),
        (2 if is_online else 1, connection(model, now)),
        (1, f"{unsent} unsent" if unsent else ""),
        (0, place),
        *((4, detail) for detail in details),
        (5, name + (f", wanted {model.wanted}" if model.wanted else "")),
        (6, "you are away" if fold(model.name) in model.away else ""),
    ]
    parts = [(rank, part) for rank, part in parts if part]
    news = activity(model, model.columns * 2 // 3)
    while len(parts) > 1 and width(_row([*(part for _, part in parts), news])) > model.columns:
        parts.remove(max(parts))
    return _row([*(part for _, part in parts), news, _topic(buffer.topic) if buffer.topic else ""])


def _topic(text: str) -> str:
    """A topic, which anybody may have set, without the signs that part the client's own words in the row."""
    return f"topic: {text.translate(_SIGNS)}"


def _row(parts: list[str]) -> str:
    return " " + " \N{MIDDLE DOT} ".join(part for part in map(printable, parts) if part)


def _place(model: Model, buffer: Buffer) -> list[str]:
    """The room or the conversation that is shown."""
    name = title(model, buffer) if len(model.buffers) > 1 else buffer.title
    if buffer.person is not None:
        why = model.away.get(fold(buffer.person))
        return [name] if why is None else [name, f"away: {why}"]
    if buffer.room is None:
        return ["no room: /join one"]
    if buffer.is_outside:
        return [f"not in {name}"]
    people = len(buffer.people) if buffer.expected is None else buffer.expected
    return [name, f"{people}{'+' if people == MOST else ''} here"]


def _lock(model: Model) -> str:
    return "TLS " if model.is_encrypted else ""


def is_late(model: Model, now: float) -> bool:
    """Whether a ping is unanswered and nothing else has arrived for `LATE` seconds."""
    return model.is_awaiting_pong and _silence(model, now) >= LATE


def _silence(model: Model, now: float) -> float:
    return now - max(model.heard_at, model.pinged_at)


def connection(model: Model, now: float) -> str:
    """The state of the connection in a few words, and whether it is encrypted."""
    match model.state:
        case "online" if is_late(model, now):
            return f"{_lock(model)}online, no answer for {_silence(model, now):.0f} s"
        case "online" if model.round_trip is not None:
            return f"{_lock(model)}online {model.round_trip * 1000:.0f} ms"
        case "online":
            return f"{_lock(model)}online"
        case "waiting":
            seconds = max(0, -int(now - model.retry_at))
            return f"offline, next try in {seconds} s"
        case "connecting":
            return f"connecting to {printable(model.where)}"
        case "over":
            return "not connected"
    return model.state
