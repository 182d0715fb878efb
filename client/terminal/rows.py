"""The rows of a line of the chat: wrapped, folded, with styles and links. Pure.

A row is a tuple of styled spans, and nothing in them moves a cursor. Only a person's name is ever in the place of
names: rows after the first are blank there, so that no text can imitate another person's line. Rows are cached, so that
a key press wraps nothing again.
"""

import functools
import zlib
from collections import deque
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from pylingo.client.terminal.addresses import links
from pylingo.client.terminal.areas import name_columns, text_columns
from pylingo.client.terminal.cells import clip, width, wrap
from pylingo.client.terminal.line import MESSAGES, Line
from pylingo.client.terminal.model import Model
from pylingo.client.wording import clock_time
from pylingo.shared.names import fold

if TYPE_CHECKING:
    from pylingo.client.terminal.match_marks import Mark
    from pylingo.shared.search import Search

NAME_STYLES = 12
"""The number of styles `name0`, `name1` and so on; each name always has the same one."""
FOLDED_ABOVE, FOLDED_TO = 20, 10
"""A message of more rows than the first number is folded to the second."""
CACHED, CACHED_LONG = 1_024, 8
"""Lines whose rows are kept. There are more than a screen has rows, but few long ones: a line of newlines that fills
a frame takes 10 MB."""
CUT = "+"
"""The end of a name that the column of names is too narrow for. No name contains it."""
_LONG = 1_000  # characters
_STATES = {"unsent": "\N{HORIZONTAL ELLIPSIS} ", "refused": "\N{MULTIPLICATION SIGN} "}
_MENTION = "\N{BLACK RIGHT-POINTING SMALL TRIANGLE}"
_DIVIDER = " \N{BOX DRAWINGS LIGHT VERTICAL} "
_LINES_ACROSS = {"day": "date", "edge": "date", "marker": "new"}
"""The kinds of lines across the window, and their styles."""
_NOBODY = {"note": ("* ", "--"), "error": ("! ", "!")}
"""The beginning of a text that nobody says, and what stands in the column of names instead, where emotes have `*`."""


class Span(NamedTuple):
    """Words in one style. `link` is the whole address that they belong to, even if the span holds a part of it."""

    text: str
    style: str = ""
    link: str = ""


type Row = tuple[Span, ...]


class _Speaker(NamedTuple):
    """The speaker of a text. `mark` and `name` may be empty.

    If nobody speaks, `label` stands in the column of names, instead of what the text begins with.
    """

    time: str
    mark: str
    name: str
    style: str
    is_action: bool
    label: tuple[str, str]


def wrapped(model: Model, line: Line) -> Sequence[Row]:
    """The rows of a line.

    A message of more than `FOLDED_ABOVE` rows is folded unless it `is_open`. The layout `plain` has no key to open it,
    so it folds nothing.
    """
    likes, columns = model.preferences, text_columns(model)
    has_time = likes.times and not line.is_across and columns > 20
    is_said = line.kind in MESSAGES
    folds = is_said and not line.is_open and likes.layout != "plain"
    search = model.buffer.search if is_said else None
    rows = _cached if folds or len(line.text) < _LONG else _cached_long
    return rows(
        columns,
        0 if line.is_across else name_columns(model),
        _Speaker(
            f"{clock_time(line.at)} " if has_time else "",
            _STATES.get(line.state, "") or (_MENTION if line.is_mention else ""),
            line.who,
            ("own-name" if _is_own(line) else name_style(line.who)) if line.who else "",
            line.is_action,
            _label(line),
        ),
        line.text,
        _style(line),
        folds,
        search.rule if search is not None else None,
        search is not None and line.is_stamped and line.at == search.current,
    )


def _is_own(line: Line) -> bool:
    return line.kind == "own" or line.is_own


def _style(line: Line) -> str:
    if line.is_mention:
        return "mention"
    if line.presence is not None:
        return "presence"
    return _LINES_ACROSS.get(line.kind) or line.state or ("own" if _is_own(line) else line.kind)


def _label(line: Line) -> tuple[str, str]:
    begin, label = _NOBODY.get(line.kind, ("", ""))
    return begin, label if line.presence is None else line.presence.arrow


def _rows(
    columns: int,
    names: int,
    speaker: _Speaker,
    text: str,
    style: str,
    folds: bool,
    search: "Search | None",
    is_current: bool,
) -> tuple[Row, ...]:
    """The rows, in `columns`, of which `names` are for the column of names, with what a search has found marked."""
    found = _found(search, text) if search is not None else []
    length = len(text)
    if names:
        first, other, head, text = _in_column(names, speaker, text)
        indent = 0
    else:
        first, other = (), ()
        head, text = _before_text(speaker, text)
        indent = min(len(speaker.time) or 2, columns // 4)
    before = sum(len(span.text) for span in head) + len(text) - length
    found = [(begin + before, end + before) for begin, end in found]
    match = "current-match" if is_current else "match"
    return tuple(_wrapped(columns, indent, first, other, head, text, style, folds, found, match))


def _found(search: "Search", text: str) -> "list[Mark]":
    from pylingo.client.terminal.match_marks import marks  # it takes 6 ms, and few searches begin with the program

    return marks(search, text)


def _before_text(speaker: _Speaker, text: str) -> tuple[Row, str]:
    """The head of a line whose name stands before the text, and the rest of the line."""
    time, mark, name, style, is_action, _ = speaker
    if not name:
        return (Span(time, "time"), Span(mark)), text
    called = f"{mark}* {name}" if is_action else f"{mark}{name}:"
    return (Span(time, "time"), Span(called, style)), f" {text}"


def _in_column(names: int, speaker: _Speaker, text: str) -> tuple[Row, Row, Row, str]:
    """The words in the columns before the first row and before the others, the head of the text, and the text.

    A name that is cut off stands before the text as well: others may begin in the same way.
    """
    time, mark, name, style, is_action, (begin, shown) = speaker
    head: Row = ()
    if not name:
        text = text.removeprefix(begin)
    elif is_action:
        shown, head, text = "*", (Span(name, style),), f" {text}"
    elif width(name) > names:
        shown, head, text = clip(name, names - len(CUT)) + CUT, (Span(f"{name}:", style),), f" {text}"
    else:
        shown = name
    shown = mark.strip() + shown
    gap = " " * (names + 1 - width(shown))
    first = (Span(time, "time"), Span(gap), Span(shown, style), Span(_DIVIDER, "divider"))
    return first, (Span(" " * (len(time) + names + 1)), Span(_DIVIDER, "divider")), head, text


def _wrapped(
    columns: int,
    indent: int,
    first: Row,
    other: Row,
    head: Row,
    text: str,
    style: str,
    folds: bool,
    found: "Sequence[Mark]",
    match: str,
) -> Iterator[Row]:
    """Wrap `head` and `text`, with `first` before the first row and `other` before all others.

    The places `found` in both together get the style `match`.
    """
    whole = "".join(span.text for span in head) + text
    taken = sum(width(span.text) for span in other)
    texts = wrap(whole, columns - taken, indent)
    more = len(texts) - FOLDED_TO if folds and len(texts) > FOLDED_ABOVE else 0
    if more:
        del texts[FOLDED_TO:]
    addresses = deque(links(whole)) if "://" in text else None
    place = 0
    for index, row in enumerate(texts):
        spans: list[Span] = []
        done = 0
        for span in head if index == 0 else ():
            spans.append(span._replace(text=row[done : done + len(span.text)]))
            done = min(done + len(span.text), len(row))
        words = row.lstrip(" ")
        margin = len(row) - len(words)
        if index:
            done = min(indent, margin)
            spans.append(Span(row[:done]))
        if addresses is not None or found:
            place = max(place, whole.find(words, place)) - margin  # a row is cut from `whole`, which loses spaces only
        if addresses is None:
            spans.append(Span(row[done:], style))
        else:
            spans += _linked(row, max(done, margin), done, place, whole, addresses, style)
        if found:
            spans = list(_marked(spans, place, margin, found, match))
        place += len(row)
        yield tuple(span for span in (*(other if index else first), *spans) if span.text)
    if more:
        words = f"{' ' * indent}\N{HORIZONTAL ELLIPSIS} {more:,} more {'row' if more == 1 else 'rows'} (C-o shows them)"
        yield (*other, Span(clip(words, columns - taken), "more"))


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


def _marked(spans: Sequence[Span], place: int, least: int, found: "Sequence[Mark]", style: str) -> Iterator[Span]:
    """The spans of a row, which begins at `place`. Those `found` are in `style`, but not before `least` in the row."""
    begin = 0
    for span in spans:
        done, end = begin, begin + len(span.text)
        for first, last in found:
            first, last = max(first - place, least, done), min(last - place, end)
            if first < last:
                yield span._replace(text=span.text[done - begin : first - begin])
                yield span._replace(text=span.text[first - begin : last - begin], style=style)
                done = last
        yield span._replace(text=span.text[done - begin :])
        begin = end


def _ascii(address: str) -> str:
    """`address` in ASCII, which terminals expect, with everything else percent-encoded."""
    return "".join(chr(byte) if byte < 0x80 else f"%{byte:02X}" for byte in address.encode())
