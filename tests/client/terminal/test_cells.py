"""Rows never exceed the columns, nothing of the text is lost, and no line takes long."""

import sys
from types import FrameType

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pylingo.client.terminal.cells import STAND_IN, clip, graphemes, width, wrap

FAMILY = "👩\u200d👩\u200d👧"
GERMANY = "🇩🇪"
ACCENTED = "e\u0301"


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("", 0),
        ("hello", 5),
        ("a\nb", 2),
        ("é", 1),
        (ACCENTED, 1),
        ("漢字", 4),
        (FAMILY, 2),
        (GERMANY, 2),
        (GERMANY + "🇩", 4),
        ("👍🏽", 2),
        ("\u200d", 0),
        ("\ufffd", 1),
        ("שלום", 4),
        ("\u1100\u1161\u11a8", 2),
        ("\u1100" * 3, 6),
    ],
)
def test_width(text: str, columns: int) -> None:
    assert width(text) == columns


def test_graphemes() -> None:
    parts = ["a", ACCENTED, "漢", FAMILY, GERMANY, GERMANY, "🇩", "👍🏽", "\n", "b"]
    assert graphemes("".join(parts)) == parts
    assert graphemes("ab c") == ["a", "b", " ", "c"]
    assert graphemes("a\r\nb") == ["a", "\r\n", "b"]
    assert graphemes("") == []


@pytest.mark.parametrize(
    ("text", "columns", "expected"),
    [
        ("hello", 3, "hel"),
        ("hello", 9, "hello"),
        ("hello", 0, ""),
        ("hello", -1, ""),
        ("漢字", 3, "漢"),
        ("漢字", 4, "漢字"),
        ("漢", 1, ""),
        (FAMILY + "x", 2, FAMILY),
        (ACCENTED * 3, 2, ACCENTED * 2),
        ("a漢b", 2, "a"),
    ],
)
def test_clip(text: str, columns: int, expected: str) -> None:
    assert clip(text, columns) == expected


WRAPPED = {
    "nothing": ("", 10, 0, [""]),
    "fits": ("hello", 5, 2, ["hello"]),
    "at spaces": ("one two three", 8, 0, ["one two", "three"]),
    "exactly": ("abc def", 3, 0, ["abc", "def"]),
    "hanging indent": ("one two three four", 9, 2, ["one two", "  three", "  four"]),
    "newlines": ("one\n\ntwo", 9, 2, ["one", "  ", "  two"]),
    "a newline at the end": ("one\n", 9, 0, ["one", ""]),
    "several spaces": ("a  b   c", 5, 0, ["a  b", "c"]),
    "spaces in front": ("  def f", 5, 0, ["  def", "f"]),
    "more spaces in front than columns": ("      ab", 4, 0, ["ab"]),
    "spaces at the end": ("ab    ", 4, 0, ["ab  "]),
    "only spaces": ("     ", 3, 0, ["   "]),
    "a long word": ("abcdefgh", 3, 0, ["abc", "def", "gh"]),
    "a long word with an indent": ("abcdefgh", 4, 2, ["abcd", "  ef", "  gh"]),
    "a long word behind a short one": ("a bcdefghij k", 4, 0, ["a bc", "defg", "hij", "k"]),
    "a long word behind a full row": ("abc defgh", 4, 0, ["abc", "defg", "h"]),
    "a word that only the first row could hold": ("a bcdefg", 7, 3, ["a bcdef", "   g"]),
    "wide": ("漢字漢字", 5, 0, ["漢字", "漢字"]),
    "wide behind narrow": ("a漢字", 4, 0, ["a漢", "字"]),
    "wide with an indent": ("漢字漢", 4, 2, ["漢字", "  漢"]),
    "wide in one column": ("a漢b", 1, 4, ["a", STAND_IN, "b"]),
    "wide in two columns with an indent": ("漢字", 2, 1, ["漢", "字"]),
    "marks": (ACCENTED * 3, 2, 0, [ACCENTED * 2, ACCENTED]),
    "families": (FAMILY * 2, 3, 0, [FAMILY, FAMILY]),
    "flags": (GERMANY * 3, 4, 0, [GERMANY * 2, GERMANY]),
    "old Hangul": ("\u1100" * 3, 4, 0, ["\u1100" * 2, "\u1100"]),
    "few columns": ("abc", 1, 9, ["a", "b", "c"]),
    "no columns are taken for one": ("ab", 0, 0, ["a", "b"]),
    "a negative indent": ("ab", 1, -2, ["a", "b"]),
}


@pytest.mark.parametrize(("text", "columns", "indent", "rows"), WRAPPED.values(), ids=WRAPPED)
def test_wrap(text: str, columns: int, indent: int, rows: list[str]) -> None:
    assert wrap(text, columns, indent) == rows


PARTS = [" ", "  ", "a", "word", "漢", ACCENTED, FAMILY, GERMANY, "🇩", "👍🏽", "a🏽", "\u200d", "\ufe0f", "❤️", "\u0301"]
TEXTS = st.lists(st.sampled_from([*PARTS, "\n", "\u1100", "\u0600", "क्षि"]) | st.characters(), max_size=30).map("".join)


@pytest.mark.parametrize("char", ["\ue0b0", "\U000f0000", "\u0378", "\U0003fffd"], ids=ascii)
def test_characters_that_terminals_do_not_agree_about_count_as_wide(char: str) -> None:
    assert width(char) == 2
    assert wrap(f"a{char}b", 2, 0) == ["a", char, "b"]


@settings(max_examples=500, deadline=None)
@example("0\ufffe🏻", 2, 0)
@given(TEXTS, st.integers(2, 12), st.integers(0, 12))
def test_rows_fit_and_lose_nothing(text: str, columns: int, indent: int) -> None:
    rows = wrap(text, columns, indent)
    assert rows
    assert max(map(width, rows)) <= columns
    assert "".join(rows).replace(" ", "") == text.replace(" ", "").replace("\n", "")
    hanging = {len(row) - len(row.lstrip(" ")) for row in rows[1:] if row.strip(" ")}
    assert all(margin >= min(indent, columns // 2, columns - 2) for margin in hanging)


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_rows_of_one_column(text: str) -> None:
    assert max(map(width, wrap(text, 1, 3))) <= 1


@settings(max_examples=300, deadline=None)
@given(TEXTS, st.integers(0, 30))
def test_a_clipped_text_fits_and_is_the_longest_beginning(text: str, columns: int) -> None:
    kept = clip(text, columns)
    assert text.startswith(kept)
    assert width(kept) <= columns
    rest = graphemes(text[len(kept) :])
    assert not rest or width(kept) + max(map(width, rest)) > columns - 2
    assert clip(text, width(text) + 1) == text


@pytest.mark.parametrize("unit", ["a", "a ", "漢", "漢 ", ACCENTED, "\u0301", "🇩", "👩\u200d", "\u1100", " ", "a🏽"])
@pytest.mark.parametrize("columns", [1, 40])
def test_twice_the_text_is_twice_the_work(unit: str, columns: int) -> None:
    def work(text: str) -> int:
        calls = 0

        def count(frame: FrameType, event: str, argument: object) -> None:
            nonlocal calls
            calls += 1

        before = sys.getprofile()
        sys.setprofile(count)
        try:
            wrap(text, columns, 4)
        finally:
            sys.setprofile(before)
        return calls

    once, twice = work(unit * 1_000), work(unit * 2_000)
    assert twice <= 2.2 * once + 100


@pytest.mark.parametrize(
    ("unit", "count"), [("🇩", 300_000), *((unit, 100_000) for unit in ("a", "漢", "\u0301", "👩\u200d", "\u1100"))]
)
def test_some_hundred_thousand_characters(unit: str, count: int) -> None:
    """Half a second; wcwidth's own sum takes 20 s for a hundred thousand flags, and nine times that for these."""
    text = unit * count
    assert sum(map(len, wrap(text, 80))) == len(text)
    assert width(text) == sum(map(width, graphemes(text)))
