"""The words of a text, and which texts a search finds. `test_protocol_document.py` has the examples of the protocol."""

import re
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pylingo.shared import search as module
from pylingo.shared.errors import RequestError
from pylingo.shared.names import fold
from pylingo.shared.search import COUNTED_LETTERS, COUNTED_WORDS, MAX_SEARCH, MAX_TERMS, parse_search, words_of
from pylingo.shared.text import MAX_TEXT

MARKS = "".join(char for char in map(chr, range(0x300, 0x370)) if unicodedata.combining(char))
SALAAM, SQUARED = "\ufdfa", "\u3316"  # one character that is four words, and one that is six


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        (" \n\t.,!", []),
        ("Hello, World!", ["hello", "world"]),
        ("don't e-mail a_b", ["don", "t", "e", "mail", "a", "b"]),
        ("v1.2 x86", ["v1", "2", "x86"]),
        ("Grüße", ["grüsse"]),
        ("Gru\u0308ße", ["grüsse"]),
        ("\uff21\uff11", ["a1"]),  # full width
        ("\u0430\u0431 \u0661", ["\u0430\u0431", "\u0661"]),
        ("a\u200db\u00adc", ["abc"]),  # joiners and hyphens that nobody sees
        ("\u6771\u4eac abc\u90fd", ["\u6771", "\u4eac", "abc", "\u90fd"]),
        ("\u30ab\u3099\u30fb\uff76", ["\u30ac", "\u30ab"]),  # a mark is composed; a dot separates; half width
        ("\ud55c\uae00", ["\ud55c", "\uae00"]),
        ("\u0e01\u0e34\u0e19", ["\u0e01", "\u0e34", "\u0e19"]),
        ("\u2615\U0001f600 \u20ac 5\u20ac", ["5"]),
        (SALAAM, fold(SALAAM).split()),
        ("x" * 100, ["x" * COUNTED_LETTERS]),
    ],
)
def test_the_words_of_a_text(text: str, words: list[str]) -> None:
    assert words_of(text) == words


@given(st.text(st.characters(max_codepoint=0x7F)))
@example("Foo_Bar\x00\x7f1.5")
def test_ascii_has_the_words_that_the_rules_for_everything_give_it(text: str) -> None:
    assert words_of(text) == [word for word in words_of(text + " \xe9") if word != "\xe9"]


JOINING = "aZ 1é\u0301\u0308ß東\u0e33ᄀ\u1161\u11a8가\uff9eﬁ\ufdfa"


@given(st.text(st.sampled_from(JOINING) | st.characters(codec="utf-8"), max_size=50))
def test_a_text_is_folded_in_pieces_as_it_is_as_a_whole(text: str) -> None:
    long = text * (400 // max(1, len(text)) + 1)
    if not re.search(f"[{MARKS}\uff9e]{{100}}", long):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "_PIECE", 10 * MAX_TEXT)
            whole = words_of(long)
        assert words_of(long) == whole


@pytest.mark.parametrize("text", ["a" + MARKS * 80, "a" + MARKS[::-1] * 80, SALAAM * MAX_TEXT, SQUARED * MAX_TEXT])
def test_no_text_takes_long(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """CPython's normalization takes quadratic time over a run of marks, and holds the interpreter meanwhile."""
    folded: list[int] = []

    def counting(piece: str) -> str:
        folded.append(len(piece))
        return fold(piece)

    monkeypatch.setattr(module, "fold", counting)
    assert 0 < len(words_of(text[:MAX_TEXT])) <= COUNTED_WORDS
    assert max(folded) <= 256
    assert sum(folded) <= MAX_TEXT


def test_the_words_at_the_limit_are_whole() -> None:
    assert words_of(SQUARED * MAX_TEXT) == (list(fold(SQUARED)) * MAX_TEXT)[:COUNTED_WORDS]
    assert words_of("\xe9" + " ab" * 5_000) == ["\xe9"] + ["ab"] * (COUNTED_WORDS - 1)
    assert words_of(" ab" * 5_000) == ["ab"] * COUNTED_WORDS


# --- what is found

letters = st.sampled_from(
    ["a", "b", "ab", "A", "é", "e\u0301", "ß", "ss", "東", "京", "東京", "한", "1", " ", ".", "\u200b"]
)
phrases = st.lists(letters, max_size=8).map("".join)


def found_by_the_book(text: str, search: str) -> bool:
    """The rule of the protocol in other words: `search` has a space wherever its terms are to be told apart."""
    words = words_of(text)
    for part in re.findall("[東京한]+|[^東京한 .]+", fold(search.replace("\u200b", ""))):
        if part[0] in "東京한":
            ends = range(len(words) - len(part) + 1)
            if not any(words[at : at + len(part)] == list(part) for at in ends):
                return False
        elif not any(word.startswith(part) for word in words):
            return False
    return True


@given(phrases, phrases)
@example("ab 東京", "京 東")
@example("東a京", "東京")
def test_a_search_finds_what_the_protocol_says(text: str, words: str) -> None:
    try:
        search = parse_search(words)
    except RequestError:
        assert words_of(words) == []
    else:
        assert search.matches(text) == found_by_the_book(text, words)


def test_a_word_that_begins_another_one_is_not_looked_for() -> None:
    search = parse_search("de deploy Dep deploy 東 京都 東")
    assert (search.prefixes, search.runs) == (["deploy"], ["東", "京都"])


def test_long_words_are_found_by_what_counts_of_them() -> None:
    assert parse_search("x" * 65).matches("x" * 64 + "y")
    assert not parse_search("x" * 63 + "y").matches("x" * 64)


# --- what is refused


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        ("", "bad-text", "a search needs a letter or a digit to look for"),
        (" .\u200b\u2615", "bad-text", "a search needs a letter or a digit to look for"),
        ("x" * 257, "text-too-long", "a search has at most 256 characters, not 257"),
        ("a " * 17, "bad-argument", "a search has at most 16 words, not 17: leave some out"),
        ("東 " * 17, "bad-argument", "a search has at most 16 words, not 17: leave some out"),
    ],
)
def test_a_search_that_cannot_be_made(words: str, code: str, sentence: str) -> None:
    with pytest.raises(RequestError) as caught:
        parse_search(words)
    assert (caught.value.reason, caught.value.text) == (code, sentence)


def test_a_search_of_the_largest_size() -> None:
    assert parse_search("x" * MAX_SEARCH).prefixes == ["x" * COUNTED_LETTERS]
    assert len(parse_search(" ".join(map(chr, range(97, 97 + MAX_TERMS)))).prefixes) == MAX_TERMS
    assert len(parse_search("東" * MAX_SEARCH).runs[0]) == MAX_SEARCH
