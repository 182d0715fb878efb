"""The positions between graphemes, where a cursor may stand, and the motions between them. Pure.

A motion takes a text of one or more lines and the cursor's position, and returns another position. `snap`, `after` and
`before` need only the text between the nearest positions, on either side, that are boundaries whatever surrounds them.
In most text that is the position itself, so a key costs the same in a long line as in a short one.
"""

import re
from collections.abc import Callable, Iterator
from itertools import accumulate

from pylingo.client.terminal.cells import graphemes

type Motion = Callable[[str, int], int]

_LETTERS = (
    "\x00-\x0c\x0e-\x7f\u00c0-\u02ff\u0370-\u0482\u048a-\u052f\u05d0-\u05ea\u0620-\u064a\u3041-\u3096\u30a1-\u30fa"
)
_SIGNS = "\u3001-\u3029\u3041-\u3096\u30a1-\u30fa\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uff01-\uff9d"
_EMOJI = "\U0001f300-\U0001f3fa\U0001f400-\U0001f64f"
APART = re.compile(f"[{_LETTERS}{_SIGNS}{_EMOJI}]{{2}}")
"""Two characters that never form one grapheme: letters without marks, Hangul syllables, emoji without skin tones."""


def _is_plain(text: str, at: int) -> bool:
    """Whether the two characters around `at` alone show that it is a boundary."""
    return at in (0, len(text)) or text[at - 1] == "\n" or APART.match(text, at - 1) is not None


def snap(text: str, at: int) -> int:
    """`at`, or the end of the grapheme that it is inside of."""
    return at if _is_plain(text, at) else after(text, at - 1, inside=True)


def after(text: str, at: int, inside: bool = False) -> int:
    """The end of the grapheme that begins at `at`, or that `at` is `inside` of."""
    if at >= len(text) or (not inside and _is_plain(text, at + 1)):
        return min(at + 1, len(text))
    place = _plain_before(text, at) if inside else at
    end = at + 1
    while not _is_plain(text, end):
        end += 1
    return next(stop for stop in _stops(text, place, end) if stop > at)


def before(text: str, at: int) -> int:
    """The start of the grapheme that ends at `at`."""
    if at <= 1 or _is_plain(text, at - 1):
        return max(at - 1, 0)
    return max(stop for stop in _stops(text, _plain_before(text, at - 1), at) if stop < at)


def _stops(text: str, start: int, end: int) -> Iterator[int]:
    """The boundaries from `start` to `end`, which are two of them."""
    return accumulate(map(len, graphemes(text[start:end])), initial=start)


def _plain_before(text: str, at: int) -> int:
    """The nearest certain boundary at or before `at`."""
    while not _is_plain(text, at):
        at -= 1
    return at


def line_start(text: str, at: int) -> int:
    return text.rfind("\n", 0, at) + 1


def line_end(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end


def rest_of_line(text: str, at: int) -> int:
    """The end of the line, or of the newline at its end."""
    return max(line_end(text, at), min(at + 1, len(text)))


def beginning_of_line(text: str, at: int) -> int:
    """The start of the line, or of the newline before it."""
    return min(line_start(text, at), max(at - 1, 0))


def word_left(text: str, at: int) -> int:
    return at - _run(graphemes(text[:at])[::-1], in_word)


def word_right(text: str, at: int) -> int:
    return at + _run(graphemes(text[at:]), in_word)


def blank_left(text: str, at: int) -> int:
    """The start of a word as C-w defines it: whatever stands between blanks."""
    return at - _run(graphemes(text[:at])[::-1], lambda grapheme: not grapheme.isspace())


def in_word(grapheme: str) -> bool:
    return grapheme[0].isalnum() or grapheme[0] == "_"


def _run(parts: list[str], wanted: Callable[[str], bool]) -> int:
    """The characters up to the end of the first run of parts that are `wanted`."""
    length = 0
    inside = False
    for part in parts:
        if wanted(part):
            inside = True
        elif inside:
            break
        length += len(part)
    return length
