"""Lines from pipes and files, and the pauses between them."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from pylingo.client.line_input import LineInput
from pylingo.reactor.engine.loop import Reactor
from pylingo.shared.errors import RequestError


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
