"""Mentions: whether a text calls somebody by name. Pure.

A name counts as a mention if it is a word by the word boundaries of Unicode (UAX 29) and not part of a longer name, a
URL or a mail address. A name in Han is found before kana, which has no spaces, and राम is not found in रामायण.
"""

import re
import unicodedata

from pylingo.client.terminal.addresses import without_addresses
from pylingo.shared.names import fold

# There is a boundary on both sides of each of these letters: ideographs, Hiragana, and the scripts of South East Asia
# (Line_Break SA). Katakana letters stay together, but not with others.
_ALONE = (
    "[\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3038-\u303b\u3041-\u3096\u309d-\u309f\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\U0001b001-\U0001b11f\U0001b150-\U0001b152\U00020000-\U0003ffff"
    "\u0e01-\u0e3a\u0e40-\u0e4e\u0e81-\u0ebd\u0ec0-\u0ecd\u0edc-\u0edf\u1000-\u103f\u1050-\u108f\u109a-\u109f"
    "\u1780-\u17d3\u17d7\u17dc\u17dd\u1950-\u19df\u1a20-\u1aad\ua9e0-\ua9ef\ua9fa-\ua9fe\uaa60-\uaa7f\uaa80-\uaadf"
    "\U00011700-\U0001173f]"
)
_KATAKANA = "[\u3031-\u3035\u309b\u309c\u30a0-\u30fa\u30fc-\u30ff\u31f0-\u31ff\U0001b000\U0001b164-\U0001b167]"
_JOINERS = "-."  # these join two parts of a name, if letters or digits stand on both sides


def mentions(text: str, name: str) -> bool:
    """Whether `text` mentions `name`, in any case."""
    key = fold(name)
    words = fold(without_addresses(text))
    at = words.find(key) if key else -1
    while at >= 0:
        if _begins(words, at) and _ends(words, at + len(key)):
            return True
        at = words.find(key, at + 1)
    return False


def _begins(words: str, at: int) -> bool:
    before = at
    while before and words[before - 1] in _JOINERS:
        before -= 1
    if before < at:
        return _kind(_base(words, before)) is None
    return _is_boundary(_base(words, at), words[at])


def _ends(words: str, end: int) -> bool:
    after = end
    while after < len(words) and words[after] in _JOINERS:
        after += 1
    if after > end:
        return after == len(words) or _kind(words[after]) is None
    return end == len(words) or (not _extends(words[end]) and _is_boundary(_base(words, end), words[end]))


def _base(words: str, end: int) -> str:
    """The character before `end`, below its marks; empty at the beginning."""
    while end and _extends(words[end - 1]):
        end -= 1
    return words[end - 1 : end]


def _is_boundary(left: str, right: str) -> bool:
    """Whether a word may end between two characters; `left` may be empty."""
    kinds = {_kind(left), _kind(right)}
    if None in kinds:
        return True
    return kinds == {"alone"} or ("alone" in kinds and not kinds & {"_", "digit"}) or kinds == {"letter", "katakana"}


def _kind(char: str) -> str | None:
    """The class of `char` in the terms of UAX 29; None if it is in no word."""
    if not char:
        return None
    if char == "_":
        return "_"
    if char.isdecimal():
        return "digit"
    if not char.isascii():  # `re` compiles the classes on first use: compiling them costs milliseconds at the start
        if re.match(_KATAKANA, char):
            return "katakana"
        if re.match(_ALONE, char):
            return "alone"
    return "letter" if char.isalpha() else None


def _extends(char: str) -> bool:
    return unicodedata.category(char) in ("Mn", "Mc", "Me", "Cf") and char != "\u200b"  # the zero-width space
