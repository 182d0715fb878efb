"""Lines from pipes and files, the pauses between them, and the same lines however the bytes arrive."""

import os
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pylingo.client.line_input import LONGEST_LINE, LineInput, LineReader
from pylingo.reactor.engine.loop import Reactor
from pylingo.shared.errors import RequestError
from pylingo.shared.text import MAX_TEXT


class Reading:
    """A line input, and what it passed on."""

    def __init__(self, fd: int) -> None:
        self.lines: list[str | RequestError] = []
        self.is_full = False
        self.ends = 0
        self.failures = 0
        self.errors: list[Exception] = []
        self.reactor = Reactor(on_error=lambda source, error: self.errors.append(error))
        self.input = LineInput(
            self.reactor,
            fd,
            self.lines.append,
            lambda: self.is_full,
            lambda: None,
            ended=self.ended,
            failed=self.failed,
        )

    def ended(self) -> None:
        self.ends += 1
        self.input.pause()

    def failed(self) -> None:
        self.failures += 1
        self.input.pause()

    def turn(self) -> None:
        for _ in range(3):
            self.reactor.tick(0)


@pytest.fixture
def pipe() -> Iterator[tuple[Reading, int]]:
    reader, writer = os.pipe()
    reading = Reading(reader)
    yield reading, writer
    reading.input.close()
    reading.reactor.close()
    os.close(reader)
    os.close(writer)


def test_lines_of_a_pipe_are_passed_on_while_it_is_read(pipe: tuple[Reading, int]) -> None:
    reading, writer = pipe
    os.write(writer, b"one\ntwo\nthr")
    reading.turn()
    assert reading.lines == []
    reading.input.open()
    reading.input.resume()
    assert (reading.input.is_terminal, reading.input.is_reading) == (False, True)
    reading.turn()
    assert reading.lines == ["one", "two"]
    reading.input.pause()
    os.write(writer, b"ee\n")
    reading.turn()
    assert reading.lines == ["one", "two"]
    reading.input.resume()
    reading.turn()
    assert reading.lines == ["one", "two", "three"]


def test_reading_pauses_when_no_more_can_be_taken(pipe: tuple[Reading, int]) -> None:
    reading, writer = pipe
    reading.is_full = True
    os.write(writer, b"one\n")
    reading.input.resume()
    reading.turn()
    assert (reading.lines, reading.input.is_reading) == (["one"], False)


def test_a_file_is_read_to_its_end_with_the_last_line(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_bytes(b"one\n\xff\nlast")
    with path.open("rb") as file:
        reading = Reading(file.fileno())
        reading.input.resume()
        reading.turn()
        first, second, third = reading.lines
        assert (first, third, reading.ends) == ("one", "last", 1)
        assert isinstance(second, RequestError)
        reading.reactor.close()


def test_a_closed_descriptor_is_the_end_of_the_input() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    os.close(writer)
    reading = Reading(reader)
    reading.input.resume()
    assert (reading.ends, reading.input.is_reading) == (1, False)
    reading.reactor.close()


@pytest.mark.parametrize("is_file", [True, False], ids=["file", "pipe"])
def test_an_unexpected_exception_is_a_failure(tmp_path: Path, is_file: bool) -> None:
    path = tmp_path / "lines"
    path.write_bytes(b"one\n")
    reader, writer = os.pipe()
    os.write(writer, b"one\n")
    with path.open("rb") as file:
        reading = Reading(file.fileno() if is_file else reader)
        error = RuntimeError("a bug")

        def raising() -> bool:
            raise error

        reading.input = LineInput(
            reading.reactor,
            file.fileno() if is_file else reader,
            lambda line: None,
            raising,
            lambda: None,
            ended=reading.ended,
            failed=reading.failed,
        )
        reading.input.resume()
        reading.turn()
        assert (reading.errors, reading.failures, reading.input.is_reading) == ([error], 1, False)
        reading.reactor.close()
    os.close(reader)
    os.close(writer)


# --- cutting bytes into lines

Seen = list[str | tuple[str, str]]


def read(pieces: list[bytes]) -> Seen:
    """The lines that the reader makes of the pieces; a refusal is a pair, which can be compared."""
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
