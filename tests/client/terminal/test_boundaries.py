"""Boundaries found near by are those that reading the whole text gives."""

from itertools import accumulate

from hypothesis import given, settings
from hypothesis import strategies as st

from client.terminal.boundaries import after, before, snap
from client.terminal.cells import graphemes

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
