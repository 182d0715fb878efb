"""Where a cursor may stand: between graphemes. Pure.

Each question is answered from the text near by: from the nearest place on either side that is a boundary whatever
stands around it. In most text that is the place itself, so that a key costs the same in a long line as in a short one.
"""

import re

from pylingo.client.terminal.cells import graphemes

# Two characters of these never make one: letters without marks, Hangul syllables, emoji without skin tones.
_LETTERS = (
    "\x00-\x0c\x0e-\x7f\u00c0-\u02ff\u0370-\u0482\u048a-\u052f\u05d0-\u05ea\u0620-\u064a\u3041-\u3096\u30a1-\u30fa"
)
_SIGNS = "\u3001-\u3029\u3041-\u3096\u30a1-\u30fa\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uff01-\uff9d"
_EMOJI = "\U0001f300-\U0001f3fa\U0001f400-\U0001f64f"
_APART = re.compile(f"[{_LETTERS}{_SIGNS}{_EMOJI}]{{2}}")


def _is_plain(text: str, at: int) -> bool:
    """Whether `at` is seen to be between two graphemes, from what stands on its two sides alone."""
    return at in (0, len(text)) or text[at - 1] == "\n" or _APART.match(text, at - 1) is not None


def snap(text: str, at: int) -> int:
    """`at`, or the end of the grapheme that it is inside of."""
    return at if _is_plain(text, at) else after(text, at - 1, inside=True)


def after(text: str, at: int, inside: bool = False) -> int:
    """The end of the grapheme that begins at `at`; or that `at` is `inside` of."""
    if at >= len(text) or (not inside and _is_plain(text, at + 1)):
        return min(at + 1, len(text))
    place = _safe(text, at) if inside else at
    for part in graphemes(text[place : _safe_end(text, at + 1)]):
        place += len(part)
        if place > at:
            break
    return place


def before(text: str, at: int) -> int:
    """The beginning of the grapheme that ends at `at`."""
    if at <= 1 or _is_plain(text, at - 1):
        return max(at - 1, 0)
    place = _safe(text, at - 1)
    for part in graphemes(text[place:at]):
        if place + len(part) >= at:
            break
        place += len(part)
    return place


def _safe(text: str, at: int) -> int:
    """A place at or before `at` that surely is between graphemes, so that reading can begin there."""
    while not _is_plain(text, at):
        at -= 1
    return at


def _safe_end(text: str, at: int) -> int:
    while not _is_plain(text, at):
        at += 1
    return at
