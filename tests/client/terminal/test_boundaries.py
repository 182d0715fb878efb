"""Boundaries found near by are those that reading the whole text gives."""

from itertools import accumulate

from hypothesis import example, given, settings
from hypothesis import strategies as st

from pylingo.client.terminal.cells import graphemes
from pylingo.client.terminal.motions import APART, after, before, snap

PARTS = [
    "a",
    " ",
    "\n",
    "\u0301",
    "\u200d",
    "👩",
    "🇩",
    "🇪",
    "🏽",
    "❤",
    "\ufe0f",
    "\u0600",
    "क",
    "\u094d",
    "\u1100",
    "\u1161",
]
TEXTS = st.lists(st.sampled_from(PARTS) | st.characters(exclude_characters="\r"), max_size=16).map("".join)


@settings(max_examples=600, deadline=None)
@given(TEXTS)
@example("漢字🇩🇪한국👩👧")
def test_all_boundaries(text: str) -> None:
    ends = [0, *accumulate(map(len, graphemes(text)))]
    for at in range(len(text) + 1):
        assert snap(text, at) == min(end for end in ends if end >= at)
    for at in ends:
        assert after(text, at) == min((end for end in ends if end > at), default=len(text))
        assert before(text, at) == max((end for end in ends if end < at), default=0)


def test_flags_pair_from_their_first() -> None:
    flags = "🇩🇪🇫🇷"
    assert [snap(flags, at) for at in range(5)] == [0, 2, 2, 4, 4]
    assert (after(flags, 2), before(flags, 4), before("x" + flags, 3)) == (4, 2, 1)


def test_characters_that_are_taken_to_stand_apart_do() -> None:
    """Each before and behind a letter, an ideograph, an emoji and itself; wcwidth knows newer Unicode than `re`."""
    apart = [char for char in map(chr, range(0x20000)) if APART.match(char * 2)]
    assert len(apart) > 40_000
    assert [
        c for c in apart for text in (f"a{c}", f"{c}漢", f"👩{c}", f"{c}한", c * 2) if len(graphemes(text)) != 2
    ] == []


def test_marks_joiners_and_flags_are_not_taken_to_stand_apart() -> None:
    assert [char for char in "\u0301\u200d\ufe0f🇩🏽\u0600\u1100\u094dक\r" if APART.match(char * 2)] == []
