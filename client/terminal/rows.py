"""The rows of a line of the chat: wrapped, folded, with styles and links. Pure.

A row is a tuple of styled spans, and nothing in them moves a cursor. Rows are cached, so that a key press wraps
nothing again.
"""

import functools
import zlib
from collections import deque
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pylingo.client.terminal.addresses import links
from pylingo.client.terminal.cells import clip, wrap
from pylingo.client.terminal.line import Line
from pylingo.client.terminal.model import Model
from pylingo.client.wording import clock_time
from pylingo.shared.names import fold

NAME_STYLES = 12
"""The number of styles `name0`, `name1` and so on; each name always has the same one."""
FOLDED_ABOVE, FOLDED_TO = 20, 10
"""A message of more rows than the first number is folded to the second."""
CACHED, CACHED_LONG = 1_024, 8
"""Lines whose rows are kept. There are more than a screen has rows, but few long ones: a line of newlines that fills
a frame takes 10 MB."""
_LONG = 1_000  # characters
_MARKS = {"unsent": "\N{HORIZONTAL ELLIPSIS} ", "refused": "\N{MULTIPLICATION SIGN} "}
_MENTION = "\N{BLACK RIGHT-POINTING SMALL TRIANGLE}"


class Span(NamedTuple):
    """Words in one style. `link` is the whole address that they belong to, even if the span holds a part of it."""

    text: str
    style: str = ""
    link: str = ""


type Row = tuple[Span, ...]


def wrapped(model: Model, line: Line) -> Sequence[Row]:
    """The rows of a line. All but the first are indented, so that no text can imitate another person's line.

    A message of more than `FOLDED_ABOVE` rows is folded unless it `is_open`. The layout `plain` has no key to open it,
    so it folds nothing.
    """
    likes = model.preferences
    time_of_day = (
        f"{clock_time(line.at)} " if likes.times and line.kind not in ("day", "marker") and model.columns > 20 else ""
    )
    folds = line.kind in ("message", "own") and not line.is_open and likes.layout != "plain"
    rows = _cached if folds or len(line.text) < _LONG else _cached_long
    return rows(
        model.columns, time_of_day, line.kind, line.who, line.head, line.text, line.state, line.is_mention, folds
    )


def _rows(
    columns: int,
    time_of_day: str,
    kind: str,
    who: str,
    name: str,
    text: str,
    state: str,
    is_mention: bool,
    folds: bool,
) -> tuple[Row, ...]:
    indent = min(len(time_of_day) or 2, columns // 4)
    head = time_of_day + (_MARKS.get(state, "") or (_MENTION if is_mention else ""))
    whole = f"{head}{name} {text}" if name else head + text
    style = "mention" if is_mention else kind if kind in ("note", "error", "day", "marker") else state
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
    """The style of a name, the same on every day and every computer."""
    return f"name{zlib.crc32(fold(name).encode()) % NAME_STYLES}"


def _linked(
    row: str, least: int, done: int, place: int, whole: str, addresses: deque[tuple[int, int]], style: str
) -> Iterator[Span]:
    """The spans of a row, which begins at `place` of `whole`, after its first `done` characters.

    Addresses that end before the row are dropped. No link begins before `least` in the row.
    """
    while addresses and addresses[0][1] <= place:
        addresses.popleft()
    for first, last in addresses:
        if first >= place + len(row):
            break
        begin, end = max(first - place, least), min(last - place, len(row))
        if begin < end:
            yield Span(row[done:begin], style)
            yield Span(row[begin:end], "link", _ascii(whole[first:last]))
            done = least = end
    yield Span(row[done:], style)


def _ascii(address: str) -> str:
    """`address` in ASCII, which terminals expect, with everything else percent-encoded."""
    return "".join(chr(byte) if byte < 0x80 else f"%{byte:02X}" for byte in address.encode())
