"""The model as rows of a screen. Pure: a row is styled words, and nothing in them moves a cursor."""

import functools
import itertools
import zlib
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pylingo.client.terminal.addresses import links
from pylingo.client.terminal.cells import clip, graphemes, width, wrap
from pylingo.client.terminal.line import Line
from pylingo.client.terminal.model import MOST, Model
from pylingo.client.wording import clock_time
from pylingo.shared.names import fold
from pylingo.shared.text import JOINERS, printable, readable

NAME_STYLES = 12
"""Styles `name0` and so on, one of which each name has, always the same."""
FOLDED_ABOVE, FOLDED_TO = 20, 10
"""Rows of what somebody says above which it is folded, and how many are shown then."""
LATE = 2.0
"""Seconds without an answer after which the status row says so."""
CACHED, CACHED_LONG = 1_024, 8
"""Lines whose rows are kept, so that a key wraps nothing anew: more than a screen has rows, but of those that may be
very many rows no more than a few, as a frame of newlines takes 10 MB."""
_LONG = 1_000  # characters
_NEWLINE, _TAB = "\u21b5", " "
_MARKS = {"unsent": "\N{HORIZONTAL ELLIPSIS} ", "refused": "\N{MULTIPLICATION SIGN} "}
_MENTION = "\N{BLACK RIGHT-POINTING SMALL TRIANGLE}"


class Span(NamedTuple):
    """Words in one style, and the address that they lead to, if they are of one: all of it, where a row has a part."""

    text: str
    style: str = ""
    link: str = ""


type Row = tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Screen:
    """What is to be seen. Without room for a status row, `status` is None.

    The cursor stands between `before` and `after` in the input row.
    """

    columns: int
    rows: int
    body: tuple[Row, ...]
    body_top: int
    before: str
    after: str
    input_row: int
    status: Row | None
    status_row: int


def screen(model: Model, now: float) -> Screen:
    """The window at the time `now`, in the layout `top` or `bottom`."""
    height = body_height(model)
    rows = tuple(model.scrollback.viewport.rows(height, lambda line: wrapped(model, line)))
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


_ROWS_FOR_STATUS = 3


def body_height(model: Model) -> int:
    """How many rows there are for messages."""
    if model.preferences.layout == "inline":
        return model.rows
    return model.rows - 1 - int(model.rows >= _ROWS_FOR_STATUS)


# --- lines


def wrapped(model: Model, line: Line) -> Sequence[Row]:
    """The rows of a line. Every row but the first is indented: nobody can write what looks like another's line.

    What somebody says in more than `FOLDED_ABOVE` rows is folded to the first of them, unless it `is_open`. The layout
    `plain` has no key to open it, and folds nothing.
    """
    likes = model.preferences
    time_of_day = f"{clock_time(line.at)} " if likes.times and line.kind != "day" and model.columns > 20 else ""
    folds = line.kind in ("message", "own") and not line.is_open and likes.layout != "plain"
    rows = _cached if folds or len(line.text) < _LONG else _cached_long
    return rows(model.columns, time_of_day, line.kind, line.who, line.text, line.state, line.is_mention, folds)


def _rows(
    columns: int, time_of_day: str, kind: str, who: str, text: str, state: str, is_mention: bool, folds: bool
) -> tuple[Row, ...]:
    indent = min(len(time_of_day) or 2, columns // 4)
    head = time_of_day + (_MARKS.get(state, "") or (_MENTION if is_mention else ""))
    name = f"{who}:" if who else ""
    whole = f"{head}{name} {text}" if name else head + text
    style = "mention" if is_mention else kind if kind in ("note", "error", "day") else state
    texts = wrap(whole, columns, indent)
    more = len(texts) - FOLDED_TO if folds and len(texts) > FOLDED_ABOVE else 0
    if more:
        del texts[FOLDED_TO:]
    addresses = deque(links(whole)) if "://" in text else None
    rows: list[Row] = []
    place = 0
    for index, row in enumerate(texts):
        spans: list[Span] = []
        done = 0
        if index == 0:
            first, done = min(len(time_of_day), len(row)), min(len(head) + len(name), len(row))
            spans = [Span(row[:first], "time"), Span(row[first:done], name_style(who) if name else style)]
        if addresses is None:
            spans.append(Span(row[done:], style))
        else:
            words = row.lstrip(" ")
            margin = len(row) - len(words)
            place = max(place, whole.find(words, place)) - margin  # a row is cut from `whole`, which loses spaces only
            spans += _linked(row, max(done, margin), done, place, whole, addresses, style)
            place += len(row)
        rows.append(tuple(span for span in spans if span.text))
    if more:
        words = f"{' ' * indent}\N{HORIZONTAL ELLIPSIS} {more:,} more rows (C-o shows them)"
        rows.append((Span(clip(words, columns), "more"),))
    return tuple(rows)


_cached = functools.lru_cache(CACHED)(_rows)
_cached_long = functools.lru_cache(CACHED_LONG)(_rows)


def is_folded(model: Model, line: Line) -> bool:
    """Whether a line has more rows than are shown."""
    return any(span.style == "more" for span in wrapped(model, line)[-1])


def name_style(name: str) -> str:
    """The style of a name: the same on every day and every computer."""
    return f"name{zlib.crc32(fold(name).encode()) % NAME_STYLES}"


def _linked(
    row: str, least: int, done: int, place: int, whole: str, addresses: deque[tuple[int, int]], style: str
) -> Iterator[Span]:
    """What comes behind the first `done` characters of a row, which begins at `place` of `whole`.

    Of the addresses, those that end before the row are dropped. None begins in the row before `least`.
    """
    while addresses and addresses[0][1] <= place:
        addresses.popleft()
    for first, last in addresses:
        if first >= place + len(row):
            break
        begin, end = max(first - place, done, least), min(last - place, len(row))
        if begin < end:
            yield Span(row[done:begin], style)
            yield Span(row[begin:end], "link", _ascii(whole[first:last]))
            done = end
    yield Span(row[done:], style)


def _ascii(address: str) -> str:
    """`address` as terminals want it: what is beyond ASCII as hex digits."""
    return address if address.isascii() else "".join(c if c.isascii() else _hex(c) for c in address)


def _hex(char: str) -> str:
    return "".join(f"%{byte:02X}" for byte in char.encode())


# --- the input row


def input_row(model: Model, prompt: str) -> tuple[str, str]:
    """The input row left and right of the cursor: as much of the text around it as fits.

    The text moves by half a row at a time, so that most keys change the row only at the cursor.
    """
    editor = model.editor
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
    """`text` in one row. A joiner at its end waits for what it will join."""
    return readable(text.rstrip(JOINERS).replace("\n", _NEWLINE).replace("\t", _TAB))


def _without(text: str, columns: int) -> str:
    """`text` without its first `columns` columns, or one more where a wide character stands across."""
    if text.isascii():
        return text[columns:]
    pieces = graphemes(text)
    for taken, end in enumerate(itertools.accumulate(map(width, pieces)), 1):
        if end >= columns:
            return "".join(pieces[taken:])
    return ""


# --- the status row


def status_line(model: Model, now: float) -> Row:
    """Where one is and how that goes; a question or a hint goes before."""
    if model.question is not None:
        text = question(model)
    elif model.hint:
        text = f" {model.hint}"
    else:
        text = _state(model, now)
    text = clip(printable(text), model.columns)
    return (Span(text + " " * (model.columns - width(text)), "status"),)


def question(model: Model) -> str:
    """What is asked about a large paste."""
    assert model.question is not None
    text = model.question.text
    lines = text.rstrip("\n").count("\n") + 1
    return f" Paste {lines} lines, {len(text)} characters? Enter: yes, Esc: no"


def _state(model: Model, now: float) -> str:
    scrollback = model.scrollback
    parts = [connection(model, now), model.name + (f", wanted {model.wanted}" if model.wanted else "")]
    if model.room is not None and model.state == "online":
        parts[1:1] = [model.room, _company(model)]
    elif model.state == "online":
        parts[1:1] = ["no room: /join one"]
    if new := scrollback.viewport.new_below:
        parts.insert(0, f"{new} new below \N{DOWNWARDS ARROW}")
    elif scrollback.viewport.is_scrolled:
        parts.insert(0, "more below \N{DOWNWARDS ARROW}")
    if scrollback.unsent and model.state != "online":
        parts.insert(1, f"{len(scrollback.unsent)} unsent")
    return " " + " \N{MIDDLE DOT} ".join(part for part in parts if part)


def _company(model: Model) -> str:
    """How many are here; before the list of them is here, as many as the server has said."""
    count = len(model.people) if model.expected is None else model.expected
    return f"{count}{'+' if count == MOST else ''} here"


def is_late(model: Model, now: float) -> bool:
    """Whether a ping is out, and nothing has come for longer than the way to the server and back takes."""
    return bool(model.pings) and _silence(model, now) >= LATE


def _silence(model: Model, now: float) -> float:
    return now - max(model.heard_at, *model.pings.values())


def connection(model: Model, now: float) -> str:
    """The state of the connection in few words."""
    match model.state:
        case "online" if is_late(model, now):
            return f"online, no answer for {_silence(model, now):.0f} s"
        case "online" if model.round_trip is not None:
            return f"online {model.round_trip * 1000:.0f} ms"
        case "waiting":
            seconds = max(0, -int(now - model.retry_at))
            return f"offline, next try in {seconds} s"
        case "connecting":
            return f"connecting to {printable(model.where)}"
        case "over":
            return "not connected"
    return model.state
