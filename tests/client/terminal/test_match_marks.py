"""Which parts of a text are marked: where each word and each run of a search is."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pylingo.client.terminal.match_marks import marks
from pylingo.shared.errors import RequestError
from pylingo.shared.search import parse_search


def marked(words: str, text: str) -> list[str]:
    return [text[begin:end] for begin, end in marks(parse_search(words), text)]


@pytest.mark.parametrize(
    ("words", "text", "parts"),
    [
        ("deploy", "Deployed at noon, deploying again", ["Deploy", "deploy"]),
        ("noon deploy", "Deployed at noon", ["Deploy", "noon"]),
        ("deploy midnight", "Deployed at noon", []),
        ("ployed", "Deployed at noon", []),
        ("strasse", "STRA\u00dfE 12", ["STRA\u00dfE"]),
        ("stra\u00dfe", "STRASSE 12", ["STRASSE"]),
        ("zo\u00eb", "Zoe\u0308 was here", ["Zoe\u0308"]),
        ("zoe", "Zoe\u0308 was here", []),
        ("proj-12", "see PROJ-123", ["PROJ", "12"]),
        ("cooperation", "co\u00adoperation", ["co\u00adoperation"]),
        ("fi", "ﬁsh and ﬁn", ["ﬁ", "ﬁ"]),
        ("ab a", "abc", ["ab"]),
        ("a", "a b a", ["a", "a"]),
        ("\u4eac\u90fd", "\u6771\u4eac\u90fd\u306b\u3044\u308b", ["\u4eac\u90fd"]),
        ("\u90fd \u6771", "\u6771\u4eac\u90fd", ["\u6771", "\u90fd"]),
        ("\u6771\u90fd", "\u6771\u4eac\u90fd", []),
        ("\u6771\u6771", "\u6771\u6771\u6771", ["\u6771\u6771\u6771"]),
        ("\u6771\u4eac", "in \u6771 \u4eac", ["\u6771 \u4eac"]),
        ("\u682a\u5f0f", "at \u337f", ["\u337f"]),
        ("\uad6d", "\ud55c\uad6d\uc5d0", ["\uad6d"]),
        ("x", "", []),
    ],
)
def test_the_parts_that_a_search_has_found(words: str, text: str, parts: list[str]) -> None:
    assert marked(words, text) == parts


texts = st.text(st.sampled_from("abA ßé\u0301,.\u00ad日本語ﬁ½1\u0e01\uac00\u1100\u1161\n😀"), max_size=20)


def can_be_searched(words: str) -> bool:
    """Whether there are words, and not too many."""
    try:
        parse_search(words)
    except RequestError:
        return False
    return True


@given(texts.filter(can_be_searched), texts)
@settings(max_examples=500)
def test_marks_are_in_order_and_apart_and_only_where_the_text_matches(words: str, text: str) -> None:
    search = parse_search(words)
    found = marks(search, text)
    assert all(0 <= begin < end <= len(text) for begin, end in found)
    assert all(one[1] < other[0] for one, other in itertools.pairwise(found))
    assert not found or search.matches(text)


@given(st.text(st.sampled_from("abc de"), max_size=30), st.text(st.sampled_from("abc de"), min_size=1, max_size=8))
def test_a_plain_text_that_matches_is_marked(text: str, words: str) -> None:
    if not words.split():
        return
    search = parse_search(words)
    assert bool(marks(search, text)) == search.matches(text)
    for begin, end in marks(search, text):
        assert any(prefix.startswith(text[begin:end]) for prefix in search.prefixes)
