"""The rows of the input and the cursor in them; the way up and down; that nothing in a row is alive or too wide."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pylingo.client.terminal.cells import graphemes, width
from pylingo.client.terminal.input_rows import INDENT, PROMPT, InputRows, input_rows, neighbor
from pylingo.client.terminal.model import Model
from tests.fakes.window import make
from tests.support import is_live

FAMILY = "👩\u200d👩\u200d👧"


def draft(text: str, cursor: int | None = None, columns: int = 40, rows: int = 30) -> Model:
    model = make(columns=columns, rows=rows)
    editor = model.buffer.editor
    editor.set_draft(text)
    editor.cursor = len(text) if cursor is None else cursor
    return model


def marked(text: str, columns: int = 40, rows: int = 30) -> Model:
    """A draft with | where the cursor is."""
    return draft(text.replace("|", ""), text.index("|"), columns, rows)


def shown(model: Model, prompt: str = PROMPT) -> list[str]:
    """The rows, with | where the cursor is."""
    rows = input_rows(model, prompt)
    return [*rows.above, f"{rows.before}|{rows.after}", *rows.below]


@pytest.mark.parametrize(
    ("text", "columns", "expected"),
    [
        ("|", 40, ["> |"]),
        ("he|llo", 40, ["> he|llo"]),
        ("one\ntw|o\nthree", 40, ["> one", "  tw|o", "  three"]),
        ("one\n|", 40, ["> one", "  |"]),
        ("|\n\n", 40, ["> |", "  ", "  "]),
        ("abcdefg|", 10, ["> abcdefg|"]),
        ("abcdefgh|", 10, ["> abcdefg", "  h|"]),
        ("abcdefg|h", 10, ["> abcdefg", "  |h"]),
        ("abcdefg|\nh", 10, ["> abcdefg|", "  h"]),
        ("漢字漢字|", 10, ["> 漢字漢", "  字|"]),
        ("漢字漢|字", 10, ["> 漢字漢", "  |字"]),
        ("a漢字漢字漢字|", 10, ["> a漢字漢", "  字漢字|"]),
        ("a\tb|", 40, ["> a b|"]),
        ("e\u0301|e\u0301", 40, ["> e\u0301|e\u0301"]),
        ("so\u00adft|", 40, ["> soft|"]),
        (f"abcdef{FAMILY}|", 10, ["> abcdef", f"  {FAMILY}|"]),
        ("hello|", 5, ["> he", "  ll", "  o|"]),
        ("hello|", 4, ["hel", "lo|"]),
        ("ab|c", 2, ["a", "b", "|c"]),
        ("a漢|", 2, ["a", "?|"]),
        ("漢a|", 2, ["?", "a|"]),
        ("hello|", 1, ["|"]),
    ],
)
def test_the_rows(text: str, columns: int, expected: list[str]) -> None:
    assert shown(marked(text, columns)) == expected


def test_only_the_rows_around_the_cursor_are_shown_in_a_low_window() -> None:
    text = "\n".join("abcdefghi")
    model = draft(text, rows=9)
    seen = []
    for at in (0, 2, 4, 8, 12, 14, 16):
        model.buffer.editor.cursor = at
        seen.append(shown(model))
    assert seen == [
        ["> |a", "  b", "\N{DOWNWARDS ARROW} c"],
        ["> a", "  |b", "\N{DOWNWARDS ARROW} c"],
        ["\N{UPWARDS ARROW} b", "  |c", "\N{DOWNWARDS ARROW} d"],
        ["\N{UPWARDS ARROW} d", "  |e", "\N{DOWNWARDS ARROW} f"],
        ["\N{UPWARDS ARROW} f", "  |g", "\N{DOWNWARDS ARROW} h"],
        ["\N{UPWARDS ARROW} g", "  |h", "  i"],
        ["\N{UPWARDS ARROW} g", "  h", "  |i"],
    ]
    model.rows = 5
    assert shown(model) == ["\N{UPWARDS ARROW} |i"]
    model.buffer.editor.cursor = 4
    assert shown(model) == ["\N{UP DOWN ARROW} |c"]


def test_a_long_prompt_takes_half_of_the_row() -> None:
    assert shown(marked("he|llo", 20), "p" * 50) == ["p" * 10 + "he|llo"]


def test_a_search_shows_the_query_and_the_line_that_was_found() -> None:
    model = make(columns=80)
    editor = model.buffer.editor
    editor.insert("an old line")
    editor.submit()
    editor.press("ctrl-r")
    assert shown(model) == ["(search '') |"]
    editor.insert("old")
    assert shown(model) == ["(search 'old') an |old line"]
    editor.insert("er")
    assert shown(model) == ["(no line has 'older') an |old line"]
    editor.press("backspace")
    editor.press("backspace")
    assert shown(model) == ["(search 'old') an |old line"]
    editor.press("ctrl-r")
    assert shown(model) == ["(no line has 'old') an |old line"], "no other line has it"


WORDS = st.text(st.sampled_from("ab c\t漢e\u0301👩\u200d\n\x1b\u00ad\u0e01\u200b🇩"), max_size=120)


@settings(max_examples=300, deadline=None)
@given(WORDS, st.integers(0, 120), st.integers(1, 60), st.integers(1, 40))
def test_whatever_is_typed_fits_and_is_inert(text: str, cursor: int, columns: int, rows: int) -> None:
    model = draft(text, min(cursor, len(text)), columns, rows)
    seen = input_rows(model, PROMPT)
    assert 1 <= seen.height <= max(1, rows // 3)
    for row in (*seen.all, seen.before, seen.after):
        assert width(row) < max(columns, 2)
        assert not any(is_live(char) for char in row if char not in "\u200c\u200d")


@given(st.text("abc d", max_size=300), st.integers(8, 40))
def test_typing_at_the_end_changes_no_earlier_row(text: str, columns: int) -> None:
    rows = [input_rows(draft(text[:end], columns=columns, rows=300), PROMPT) for end in range(len(text) + 1)]
    for before, after in itertools.pairwise(rows):
        assert after.all[: before.height][:-1] == before.all[:-1]
        assert after.all[before.height - 1].startswith(before.before)
        assert (after.after, after.below) == ("", ())


# --- up and down


@pytest.mark.parametrize(
    ("before", "step", "after"),
    [
        ("abc\nd|e", -1, "a|bc\nde"),
        ("ab\ncde|", -1, "ab|\ncde"),
        ("漢字|\nabcd", 1, "漢字\nabcd|"),
        ("abc|\n漢字", 1, "abc\n漢|字"),
        ("a\n|\nb", 1, "a\n\n|b"),
        ("漢字\na\tc|d", -1, "漢|字\na\tcd"),
        ("漢|字\na\tcd", 1, "漢字\na\t|cd"),
        ("abcdefgabc|defg", -1, "abc|defgabcdefg"),
        ("abc|defgabcdefg", 1, "abcdefgabc|defg"),
        ("abcdefgabcdefg|", -1, "abcdef|gabcdefg"),
        ("abcdefgab\nabcdef|", -1, "abcdefgab|\nabcdef"),
        ("so\u00adft\nabc|", -1, "so\u00adf|t\nabc"),
        ("ab|", -1, None),
        ("a|b", 1, None),
        ("ab\nc|d", 1, None),
    ],
)
def test_up_and_down_keep_the_column(before: str, step: int, after: str | None) -> None:
    place = neighbor(marked(before, 10), PROMPT, step)
    assert place == (None if after is None else after.index("|"))


def test_below_a_long_prompt_the_column_is_that_of_the_screen() -> None:
    prompt = "[lobby] "
    assert neighbor(marked("a|bc\nabcdefghijkl"), prompt, 1) == 4 + len(prompt) - INDENT + 1
    assert neighbor(marked("abc\nab|cdefghijkl"), prompt, -1) == 0


def place_of(rows: InputRows) -> tuple[int, int]:
    return len(rows.above), width(rows.before)


@settings(max_examples=300, deadline=None)
@given(st.text("ab c漢\n\u00ad\u0301", max_size=80), st.integers(0, 80), st.integers(1, 30))
def test_up_and_down_go_to_the_next_row_and_stay_between_graphemes(text: str, cursor: int, columns: int) -> None:
    stops = [0, *itertools.accumulate(map(len, graphemes(text)))]
    model = draft(text, max(stop for stop in stops if stop <= cursor), columns, 300)
    for step in (1, -1):
        start = place_of(input_rows(model, PROMPT))
        place = neighbor(model, PROMPT, step)
        height = input_rows(model, PROMPT).height
        assert (place is None) == (not 0 <= start[0] + step < height)
        if place is not None:
            assert place in stops
            model.buffer.editor.cursor = place
            row, column = place_of(input_rows(model, PROMPT))
            assert abs(row - start[0] - step) <= (0 if columns > 6 and text.isascii() else 1)
            assert column <= start[1] + 2
