"""Text on its way out fits the lines and loses nothing; text on its way in loses its codes."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wcwidth import iter_graphemes

from pylingo.reactor.irc.formatting import (
    MAX_LINES,
    Words,
    action,
    fit_line,
    packed,
    read_words,
    split_row,
    split_text,
    strip_codes,
)

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("hello", ["hello"]),
        ("", []),
        ("a\nb", ["a", "b"]),
        ("a\n\n \nb\n", ["a", "b"]),
        ("hello there you", ["hello", "there you"]),
        ("hellotherehowareyou", ["hellothere", "howareyou"]),
        ("hello    there", ["hello   ", "there"]),
        ("é" * 6, ["é" * 5, "é"]),
    ],
)
def test_a_text_is_split(text: str, lines: list[str]) -> None:
    assert split_text(text, 10) == lines


def test_a_grapheme_is_not_cut() -> None:
    size = len(FAMILY.encode())
    assert split_text(FAMILY * 2, size * 2 - 1) == [FAMILY, FAMILY]
    assert split_text("e\u0301" * 3, 8) == ["e\u0301" * 2, "e\u0301"]
    assert split_text("abc \u0301def", 5) == ["abc", " \u0301de", "f"]


def test_a_grapheme_that_is_longer_than_a_line_is_cut_between_characters() -> None:
    lines = split_text("e" + "\u0301" * 40, 20)
    assert "".join(lines) == "e" + "\u0301" * 40
    assert all(len(line.encode()) <= 20 for line in lines)


def test_of_a_text_of_many_lines_the_rest_is_counted() -> None:
    assert len(split_text("a\n" * MAX_LINES, 100)) == MAX_LINES
    lines = split_text("a\n" * (MAX_LINES + 1), 100)
    assert lines[MAX_LINES:] == ["(1 more line was left out)"]
    assert split_text("a\n" * 2_048, 100)[-1] == "(2028 more lines were left out)"


parts = st.sampled_from(["a", "bc", " ", "é", FAMILY, "\u0301", "\U0001f1e9", "\U0001f1ea", "한", "\u200d"])
texts = st.lists(parts).map("".join)


@given(texts, st.integers(4, 60))
def test_a_row_loses_only_spaces_and_fits(row: str, most: int) -> None:
    pieces = list(split_row(row, most))
    assert all(0 < len(piece.encode()) <= most for piece in pieces)
    assert "".join(pieces).replace(" ", "") == row.replace(" ", "")


@given(texts)
def test_a_row_is_cut_only_between_graphemes(row: str) -> None:
    most = max((len(grapheme.encode()) for grapheme in iter_graphemes(row)), default=1)
    whole = [grapheme for grapheme in iter_graphemes(row) if grapheme != " "]
    found = [
        grapheme for piece in split_row(row, max(most, 4)) for grapheme in iter_graphemes(piece) if grapheme != " "
    ]
    assert found == whole


@pytest.mark.parametrize(
    "text", ["x" * 4_096, "\U0001f600" * 4_096, "\u0301" * 4_096, " \u0301" * 2_048, "\U0001f1e9" * 4_096]
)
def test_no_text_takes_long(text: str) -> None:
    begin = time.thread_time()
    split_text(text, 400)
    assert time.thread_time() - begin < 1.0  # it takes milliseconds


def test_a_line_is_shortened_to_fit() -> None:
    assert fit_line(":a TOPIC #tea :scones") == b":a TOPIC #tea :scones\r\n"
    assert fit_line("x" * 510) == b"x" * 510 + b"\r\n"
    for letter in ("x", "é", "€", FAMILY):
        line = fit_line(letter * 511).decode()
        assert 480 < len(line.encode()) <= 512
        assert set(line.removesuffix("…\r\n").split(letter)) == {""}


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("\x02bold\x02 \x1ditalic\x0f", "bold italic"),
        ("\x0304red\x03 \x0304,12both\x03,", "red both,"),
        ("\x03123", "3"),
        ("\x04ff0000hex\x04", "hex"),
        ("\x11mono\x16reverse\x1estrike\x1funder", "monoreversestrikeunder"),
        ("plain, 04 text", "plain, 04 text"),
    ],
)
def test_codes_are_removed(text: str, plain: str) -> None:
    assert strip_codes(text) == plain


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("hello", Words("hello")),
        ("\x01ACTION waves\x01", Words("waves", "ACTION")),
        ("\x01action waves", Words("waves", "ACTION")),
        ("\x01ACTION \x02waves\x02\x01", Words("waves", "ACTION")),
        ("\x01VERSION\x01", Words("", "VERSION")),
        ("\x01PING 1 2\x01", Words("1 2", "PING")),
        ("\x01", Words("", "")),
        ("a \x01 b", Words("a \x01 b")),
    ],
)
def test_what_a_client_wrote_is_read(text: str, words: Words) -> None:
    assert read_words(text) == words


def test_an_emote_goes_there_and_back() -> None:
    assert read_words(action("waves at Zoë")) == Words("waves at Zoë", "ACTION")


@given(st.lists(st.text(st.characters(exclude_categories=["Cs", "Zs"]), min_size=1)), st.integers(1, 60))
def test_words_are_packed_tightly_and_none_is_lost(words: list[str], most_bytes: int) -> None:
    groups = list(packed(words, most_bytes))
    assert [word for group in groups for word in group] == words
    sizes = [sum(len(word.encode()) + 1 for word in group) for group in groups]
    assert all(size <= most_bytes or len(group) == 1 for size, group in zip(sizes, groups, strict=True))
    firsts = [len(group[0].encode()) + 1 for group in groups[1:]]
    assert all(size + first > most_bytes for size, first in zip(sizes, firsts, strict=False))
