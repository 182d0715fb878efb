"""The width of text on a screen, and cutting and wrapping it to fit. Pure.

The unit is the grapheme, so no letter is separated from its marks and no emoji sequence is broken up. wcwidth provides
the graphemes and their widths, one at a time: its own `wrap` and `width` take seconds for some lines that a peer may
send (endless flags). Text here is cleaned and has no tabs.
"""

import re
import unicodedata
from collections.abc import Iterator

from wcwidth import iter_graphemes, wcswidth

STAND_IN = "?"  # shown instead of a wide character if there is only one column
_WIDEST = 2
_UNCERTAIN = frozenset({"Cn", "Co"})
_TOKEN = re.compile(" +|[^ ]+")


def width(text: str) -> int:
    """The columns of `text`; control characters have none."""
    if text.isascii():
        return len(text) if text.isprintable() else sum(map(str.isprintable, text))
    return sum(columns for _, columns in pieces(text))


def graphemes(text: str) -> list[str]:
    """`text` split into graphemes, which a person sees as one character each."""
    # In ASCII, only a carriage return and a newline form one grapheme, and cleaned text has no carriage returns.
    return list(text) if text.isascii() and "\r" not in text else list(iter_graphemes(text))


def clip(text: str, columns: int) -> str:
    """The longest beginning of `text` that fits into `columns`."""
    if columns <= 0:
        return ""
    if text.isascii() and text.isprintable():
        return text[:columns]
    kept = []
    for piece, taken in pieces(text):
        columns -= taken
        if columns < 0:
            break
        kept.append(piece)
    return "".join(kept)


def wrap(text: str, columns: int, indent: int = 0) -> list[str]:
    """`text` in rows of at most `columns`, at least one row.

    A newline begins a row. Other rows break at spaces, which are dropped, or anywhere in a word longer than a row.
    Rows after the first are indented. The indentation leaves at least half of the columns for the text, and two, to
    make room for wide characters. In a single column, a wide character is shown as `STAND_IN`.
    """
    columns = max(columns, 1)
    indent = max(min(indent, columns // 2, columns - _WIDEST), 0)
    rows: list[str] = []
    for line in text.split("\n"):
        _wrap_line(line, columns, indent, rows)
    return rows


def _wrap_line(line: str, columns: int, indent: int, rows: list[str]) -> None:
    """Append the rows of `line`, which has no newline, to `rows`."""
    margin = " " * indent
    whole = columns - indent  # the columns for text in rows after the first
    room = whole if rows else columns
    if len(line) <= (room if line.isascii() else room // _WIDEST):  # no character is wider
        rows.append(margin + line if rows else line)
        return
    row, used, gap = "", 0, ""

    def end() -> None:
        nonlocal row, used, gap, room
        rows.append(margin + row if rows else row)
        row, used, gap, room = "", 0, "", whole

    for token in _TOKEN.findall(line):
        if token[0] == " ":
            gap = token
            continue
        taken = width(token)
        left = room - used - len(gap)
        if row and taken > left and (taken <= whole or left < _WIDEST):
            end()
            left = room
        if taken <= left:
            row += gap + token
            used += len(gap) + taken
        else:
            if left < _WIDEST:
                gap, left = "", room
            first, *others = _chunks(token, left, whole)
            row += gap + first
            for chunk in others:
                end()
                row = chunk
            used = width(row)
        gap = ""
    row += gap[: room - used]
    end()


def _chunks(word: str, first: int, columns: int) -> list[str]:
    """`word` cut between graphemes: a chunk that fits into `first` columns, then chunks of `columns`. At least one."""
    if word.isascii():
        return [word[:first], *(word[at : at + columns] for at in range(first, len(word), columns))]
    chunks: list[list[str]] = [[]]
    left = first
    for piece, taken in pieces(word):
        if taken > columns:
            piece, taken = STAND_IN, 1
        if taken > left:
            chunks.append([])
            left = columns
        chunks[-1].append(piece)
        left -= taken
    return ["".join(chunk) for chunk in chunks]


def pieces(text: str) -> Iterator[tuple[str, int]]:
    """The graphemes of `text` and their columns, at most 2 each.

    Some graphemes are wider (letters of old Hangul, signs before a number). Terminals draw their characters one after
    another, and a row may end between them. Terminals disagree about private-use and unassigned characters: these
    count as wide, so that no row can run into the next.
    """
    for grapheme in iter_graphemes(text):
        columns = _columns(grapheme)
        if columns <= _WIDEST:
            yield grapheme, columns
            continue
        start = 0
        for at in range(1, len(grapheme) + 1):  # each character with the zero-width ones behind it
            if at == len(grapheme) or wcswidth(grapheme[at]) > 0:
                yield grapheme[start:at], _columns(grapheme[start:at])
                start = at


def _columns(piece: str) -> int:
    columns = max(wcswidth(piece), 0)
    is_uncertain = columns == 1 and not piece.isprintable() and unicodedata.category(piece[0]) in _UNCERTAIN
    return _WIDEST if is_uncertain else columns
