"""Cutting input into lines: the same ones however it arrives, and never more memory than a line may have."""

import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pylingo.client.lines import LONGEST_LINE, LineReader
from pylingo.shared.errors import RequestError
from pylingo.shared.text import MAX_TEXT

Seen = list[str | tuple[str, str]]


def read(pieces: list[bytes]) -> Seen:
    """What the reader makes of the pieces, refusals as pairs that can be compared."""
    reader = LineReader()
    lines = [line for piece in pieces for line in reader.feed(piece)]
    lines += reader.finish()
    return [(line.reason, line.text) if isinstance(line, RequestError) else line for line in lines]


def cut(data: bytes, places: list[int]) -> list[bytes]:
    ends = sorted({place % (len(data) + 1) for place in places})
    return [data[a:b] for a, b in zip([0, *ends], [*ends, len(data)], strict=True)]


def codes(seen: Seen) -> list[str]:
    return [line if isinstance(line, str) else line[0] for line in seen]


CASES = {
    "nothing": (b"", []),
    "one line": (b"hello\n", ["hello"]),
    "the last line without an end": (b"a\nb", ["a", "b"]),
    "empty lines": (b"\n\na\n\n", ["", "", "a", ""]),
    "CRLF": (b"a\r\nb\r\n\r\n", ["a", "b", ""]),
    "CRLF, and a CR at the very end": (b"a\r\nb\r", ["a", "b"]),
    "only the CR of the line's end goes": (b"a\r\r\nb\rc\n", ["a\r", "b\rc"]),
    "CR alone ends nothing": (b"a\rb", ["a\rb"]),
    "other separators end nothing": ("a\u2028b\x0bc\x85d\n".encode(), ["a\u2028b\x0bc\x85d"]),
    "beyond ASCII": ("ü漢👩‍💻\n".encode(), ["ü漢👩‍💻"]),
    "NUL": (b"a\0b\n", ["a\0b"]),
    "not UTF-8": (b"a\xff\nb\n", ["bad-text", "b"]),
    "Latin-1": (b"na\xefve\nb\n", ["bad-text", "b"]),
    "a lone surrogate": (b"\xed\xa0\x80\nb\n", ["bad-text", "b"]),
    "overlong": (b"\xc0\xaf\nb\n", ["bad-text", "b"]),
    "a character cut off by the end": ("a\nü".encode()[:-1], ["a", "bad-text"]),
    "the longest line": (b"x" * LONGEST_LINE + b"\nb\n", ["x" * LONGEST_LINE, "b"]),
    "a byte too long": (b"x" * (LONGEST_LINE + 1) + b"\nb\n", ["text-too-long", "b"]),
    "far too long": (b"x" * 300_000 + b"\nb\n", ["text-too-long", "b"]),
    "too long, without an end": (b"a\n" + b"x" * 300_000, ["a", "text-too-long"]),
    "two that are too long": ((b"x" * 20_000 + b"\n") * 2 + b"b", ["text-too-long", "text-too-long", "b"]),
}


@pytest.mark.parametrize(("data", "expected"), CASES.values(), ids=CASES)
@pytest.mark.parametrize("size", [1, 7, 65_536, 10**6])
def test_lines(data: bytes, expected: list[str], size: int):
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    assert codes(read(pieces)) == expected


def test_the_longest_text_fits_in_four_byte_characters_with_a_command_before_it():
    line = "/command " + "👩" * MAX_TEXT
    assert read([line.encode() + b"\r\n"]) == [line]


@pytest.mark.parametrize(("data", "words"), [(b"\xff\n", "not UTF-8"), (b"x" * 99_999 + b"\n", "4096 characters")])
def test_a_refusal_says_that_the_line_was_not_sent_and_why(data: bytes, words: str):
    [refusal] = LineReader().feed(data)
    assert isinstance(refusal, RequestError)
    assert words in refusal.text
    assert "not sent" in refusal.text


pieces_of_input = st.one_of(
    st.sampled_from([b"\n", b"\r", b"\r\n", b"\xff", "ü".encode(), b"x" * (LONGEST_LINE - 1), b"x" * 40_000]),
    st.binary(max_size=8),
    st.text(max_size=8).map(lambda text: text.encode()),
)


@settings(deadline=None)
@given(st.lists(pieces_of_input, max_size=8).map(b"".join), st.lists(st.integers(0, 10**6), max_size=12))
def test_any_cut_gives_the_same_lines(data: bytes, places: list[int]):
    whole = read([data])
    assert read(cut(data, places)) == whole
    # and the lines are those of the bytes: the reference knows no pieces
    lines = data.split(b"\n")
    lines = lines if lines[-1] else lines[:-1]
    for line, seen in zip(lines, whole, strict=True):
        if len(line) > LONGEST_LINE:
            assert seen[0] == "text-too-long"
        else:
            try:
                assert seen == line.decode().removesuffix("\r")
            except UnicodeDecodeError:
                assert seen[0] == "bad-text"


def test_finish_leaves_nothing_behind():
    reader = LineReader()
    reader.feed(b"rest")
    assert reader.finish() == ["rest"]
    assert reader.finish() == []
    assert reader.feed(b"new\n") == ["new"]


def test_a_line_that_never_ends_takes_no_more_memory_than_one_piece():
    reader = LineReader()
    piece = b"x" * 65_536
    tracemalloc.start()
    try:
        for _ in range(300):
            assert reader.feed(piece) == []
        kept, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 2 * LONGEST_LINE
    assert peak < 500_000
    [refusal] = reader.feed(b"\n")
    assert isinstance(refusal, RequestError)
    assert reader.feed(b"after\n") == ["after"]
