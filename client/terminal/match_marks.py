"""The parts of a text that a search has found, so that they can be marked. Pure.

`shared.search` decides whether a text matches. It works on the folded text; here the places in the text itself are
found, character by character, as far as each character is folded by itself.
"""

import functools
from collections.abc import Iterator

from pylingo.shared.search import COUNTED_LETTERS, Search, words_of

type Mark = tuple[int, int]
"""The beginning and the end of a part of a text."""

_SEPARATOR, _LETTER, _UNSPACED = range(3)


def marks(search: Search, text: str) -> list[Mark]:
    """The parts of a text that a search has found, in their order; none if the text does not match."""
    return _marks(tuple(search.prefixes), tuple(search.runs), text) if search.matches(text) else []


def _marks(prefixes: tuple[str, ...], runs: tuple[str, ...], text: str) -> list[Mark]:
    found = [mark for begin, word in _words(text) for mark in _in_word(prefixes, begin, word)]
    for characters in _unspaced(text):
        found += [mark for run in runs for mark in _runs(run, characters)]
    return _merged(sorted(found))


def _merged(found: list[Mark]) -> list[Mark]:
    merged: list[Mark] = []
    for begin, end in found:
        if merged and begin <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((begin, end))
    return merged


@functools.lru_cache(4_096)
def _kind(char: str) -> int:
    """Whether a character is part of a word, a word by itself, or between words. One that is ignored is part of any."""
    words = words_of(f"a{char}a")
    if len(words) == 1:
        return _LETTER
    return _UNSPACED if any(word != "a" for word in words) else _SEPARATOR


def _words(text: str) -> Iterator[tuple[int, str]]:
    """The words of letters, each with its place."""
    begin: int | None = None
    for index, char in enumerate(text):
        if _kind(char) == _LETTER:
            begin = index if begin is None else begin
        elif begin is not None:
            yield begin, text[begin:index]
            begin = None
    if begin is not None:
        yield begin, text[begin:]


def _in_word(prefixes: tuple[str, ...], begin: int, word: str) -> Iterator[Mark]:
    """The beginning of a word, if it is one of `prefixes`."""
    folded = words_of(word)
    for prefix in prefixes:
        if not any(each.startswith(prefix) for each in folded):
            continue
        lengths = range(1, min(len(word), COUNTED_LETTERS) + 1)
        end = next((end for end in lengths if words_of(word[:end])[:1] and _begins(word[:end], prefix)), len(word))
        yield begin, begin + end


def _begins(word: str, prefix: str) -> bool:
    return words_of(word)[0].startswith(prefix)


def _unspaced(text: str) -> Iterator[list[tuple[str, int]]]:
    """The sequences of characters that are words by themselves, without a word of letters between them.

    Each folded character comes with its place.
    """
    characters: list[tuple[str, int]] = []
    for index, char in enumerate(text):
        kind = _kind(char)
        if kind == _UNSPACED:
            characters += [(folded, index) for word in words_of(char) for folded in word]
        elif kind == _LETTER:
            yield characters
            characters = []
    yield characters


def _runs(run: str, characters: list[tuple[str, int]]) -> Iterator[Mark]:
    whole = "".join(folded for folded, _ in characters)
    begin = whole.find(run)
    while begin >= 0:
        yield characters[begin][1], characters[begin + len(run) - 1][1] + 1
        begin = whole.find(run, begin + 1)
