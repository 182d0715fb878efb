"""The words of a text, and whether a text has all the words of a search. Pure.

Memory and disk search with the same words: the server's index holds what `words_of` returns, and `Search.matches` has
the last say about every message that it finds. shared/PROTOCOL.md describes the rules for clients.

A text is folded as names are, in any language. Runs of letters, marks and digits are its words; a search finds a word
by its beginning. In scripts that write words without spaces each character is a word by itself, and characters that
stand together in a search must stand together in the text.
"""

import functools
import re
import unicodedata
from collections.abc import Iterator

from pylingo.shared.errors import RequestError
from pylingo.shared.names import fold

RULES = 1
"""The version of the rules. An index that other rules have made is of no use."""
MAX_SEARCH = 256
"""The longest search, in characters."""
MAX_TERMS = 16
"""The most words and runs of characters in a search."""
COUNTED_LETTERS = 64
"""The characters of a word that count."""
COUNTED_WORDS = 4_096
"""The words of a text that count: as many as its characters. A few characters expand to more than one word."""

# Default_Ignorable_Code_Point, from DerivedCoreProperties.txt of Unicode 15: nobody sees them, and nobody types them.
_IGNORED = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
# Blocks of the scripts that write words without spaces: Thai and Lao, Myanmar, Hangul (which has spaces, but joins its
# particles and compounds to words), Khmer, Tai Le to Tai Tham, the radicals, marks and letters from Han to Hangul, and
# the supplementary ideographic planes.
_UNSPACED = (
    "[\u0e01-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u1950-\u19ff\u1a20-\u1aaf\u2e80-\u2fdf\u3005-\u303b"
    "\u3041-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f\ua9e0-\ua9ff\uaa60-\uaadf\uac00-\ud7ff\uf900-\ufaff"
    "\U00016fe0-\U0001b2ff\U00020000-\U0003ffff]"
)
_ASCII_WORD = re.compile("[a-z0-9]+")
_PIECE = 128  # characters that are folded at once, about: CPython takes quadratic time over a long run of marks
_REMEMBERED = 10_000  # characters whose place in a word is remembered


class _Places(dict[int, str]):
    """A table for `str.translate`: letters, marks and digits stay, a character of unspaced scripts gets spaces around
    it, and everything else is a space."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        place = char if unicodedata.category(char)[0] in "LMN" else " "
        if place == char and _unspaced().match(char):
            place = f" {char} "
        if len(self) < _REMEMBERED:
            self[code] = place
        return place


_PLACES = _Places()


@functools.cache
def _unspaced() -> re.Pattern[str]:
    """Compile `_UNSPACED` when the first text needs it: that takes 3.5 ms, and a start would wait for it."""
    return re.compile(_UNSPACED)


def words_of(text: str) -> list[str]:
    """The words of a text, folded, in their order."""
    words = _ASCII_WORD.findall(text.lower()) if text.isascii() else "".join(_placed(text)).split()
    return [word[:COUNTED_LETTERS] for word in words[:COUNTED_WORDS]]


def _placed(text: str) -> Iterator[str]:
    """The pieces of a text, folded, with spaces between the words, until there are enough words."""
    count = 0
    for piece in _pieces(_IGNORED.sub("", text)):
        placed = fold(piece).translate(_PLACES)
        yield placed
        count += len(placed.split()) - 1  # a word may go on in the next piece
        if count > COUNTED_WORDS:
            return


def _pieces(text: str) -> Iterator[str]:
    """Cut a text where that does not change how it is folded; in a run of more than a hundred marks anywhere.

    No call holds the interpreter for long, whatever the text.
    """
    begin = 0
    while len(text) - begin > 2 * _PIECE:
        most = begin + 2 * _PIECE
        end = next((at for at in range(begin + _PIECE, most) if _begins(text[at])), most)
        yield text[begin:end]
        begin = end
    yield text[begin:]


def _begins(char: str) -> bool:
    """Whether a character never joins those before it when a text is normalized."""
    first = unicodedata.normalize("NFKD", char)[0]
    return unicodedata.category(first)[0] != "M" and not "\u1160" <= first <= "\u11ff"


class Search:
    """The terms of a search. `prefixes` are beginnings of words, none of which is the beginning of another one; `runs`
    are characters that stand together."""

    __slots__ = ("_is_ascii", "_needles", "prefixes", "runs")

    def __init__(self, prefixes: list[str], runs: list[str]) -> None:
        self.prefixes = [
            one for one in dict.fromkeys(prefixes) if not any(it != one and it.startswith(one) for it in prefixes)
        ]
        self.runs = list(dict.fromkeys(runs))
        self._needles = [f" {prefix}" for prefix in self.prefixes] + [f" {' '.join(run)} " for run in self.runs]
        self._is_ascii = all(map(str.isascii, self._needles))

    def matches(self, text: str) -> bool:
        """Whether a text has everything that the search asks for."""
        if text.isascii():  # most texts lack a word, and this finds out without cutting them into words
            lower = text.lower()
            if not self._is_ascii or not all(prefix in lower for prefix in self.prefixes):
                return False
        words = f" {' '.join(words_of(text))} "
        return all(needle in words for needle in self._needles)


def parse_search(text: str) -> Search:
    """Return the search for the words in `text`.

    Raises `RequestError`: `text-too-long`, `bad-text` if it has no words, `bad-argument` if it has too many.
    """
    if len(text) > MAX_SEARCH:
        raise RequestError("text-too-long", f"a search has at most {MAX_SEARCH} characters, not {len(text)}")
    prefixes, runs = _terms("".join(map(fold, _pieces(_IGNORED.sub("", text)))))
    if not prefixes and not runs:
        raise RequestError("bad-text", "a search needs a letter or a digit to look for")
    if (count := len(prefixes) + len(runs)) > MAX_TERMS:
        raise RequestError("bad-argument", f"a search has at most {MAX_TERMS} words, not {count}: leave some out")
    return Search(prefixes, runs)


def _terms(folded: str) -> tuple[list[str], list[str]]:
    """The words of a folded text, and its runs of characters of unspaced scripts."""
    parts: tuple[list[str], list[str]] = [], []
    before = None
    for char in folded:
        place = _PLACES[ord(char)]
        kind = None if place == " " else int(place != char)
        if kind is not None and kind == before:
            parts[kind][-1] += char
        elif kind is not None:
            parts[kind].append(char)
        before = kind
    words, runs = parts
    return [word[:COUNTED_LETTERS] for word in words], runs
