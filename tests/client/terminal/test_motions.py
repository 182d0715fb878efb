"""Each motion, from the place marked with | to the one marked with ^; `test_editor` presses the keys for them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pylingo.client.terminal import motions
from pylingo.client.terminal.motions import Motion

CASES: list[tuple[Motion, str]] = [
    (motions.line_start, "a\n^bc|d\ne"),
    (motions.line_end, "a\nb|cd^\ne"),
    (motions.rest_of_line, "a|bc^\nd"),
    (motions.rest_of_line, "abc|\n^d"),
    (motions.beginning_of_line, "a\n^b|c"),
    (motions.beginning_of_line, "a^\n|bc"),
    (motions.word_left, "one, ^two  |"),
    (motions.word_right, "one|, two^ x"),
    (motions.blank_left, "a ^b-c  |d"),
]


@pytest.mark.parametrize(("motion", "marked"), CASES)
def test_motions(motion: Motion, marked: str) -> None:
    text = marked.replace("|", "").replace("^", "")
    assert motion(text, marked.replace("^", "").index("|")) == marked.replace("|", "").index("^")


@given(st.text("a _\n漢\t", max_size=12), st.data())
def test_every_motion_stays_in_the_text(text: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(text)))
    for motion, _ in CASES:
        assert 0 <= motion(text, at) <= len(text)
