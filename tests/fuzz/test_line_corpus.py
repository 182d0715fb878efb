"""Replay the corpus of IRC lines, the seeds and the fuzzer's findings. This needs no atheris."""

from pathlib import Path

import pytest

from pylingo.reactor.irc import message
from tests.fuzz import fuzz_lines
from tests.fuzz.fuzz_lines import CORPUS, one_input
from tests.fuzz.make_corpus import line_corpus

FILES = sorted(CORPUS.iterdir())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_an_input_of_the_corpus(path: Path) -> None:
    one_input(path.read_bytes())


def test_the_seeds_are_those_that_are_made() -> None:
    """`python tests/fuzz/make_corpus.py` writes them anew."""
    there = {path.name: path.read_bytes() for path in FILES if not path.name.startswith("found-")}
    assert there == line_corpus()


@pytest.mark.parametrize("data", [b"", b"\0", b"\xff\xff", bytes(range(256)) * 8])
def test_any_bytes_are_an_input(data: bytes) -> None:
    one_input(data)


def test_an_exception_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise the fuzzer would never find anything."""

    def broken(words: str) -> dict[str, str]:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(message, "parse_tags", broken)
        with pytest.raises(ZeroDivisionError):
            one_input(b"\0@a=b PING\r\n")
    one_input(b"\0@a=b PING\r\n")


def test_lines_that_depend_on_the_pieces_are_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    class Forgetful(fuzz_lines.LineDecoder):
        def feed(self, data: bytes) -> "Forgetful":
            self.__init__()  # type: ignore[misc]
            return super().feed(data)

    with monkeypatch.context() as patch:
        patch.setattr(fuzz_lines, "LineDecoder", Forgetful)
        with pytest.raises(AssertionError):
            one_input(b"\x03PING a\r\n")
    one_input(b"\x03PING a\r\n")
