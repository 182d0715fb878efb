"""Replay the corpus of IRC clients, the seeds and the fuzzer's findings, on a server. This needs no atheris."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pylingo.reactor.irc.client import Client
from tests.fuzz import fuzz_irc
from tests.fuzz.fuzz_irc import CORPUS, REGISTER, one_input
from tests.fuzz.make_corpus import irc_corpus

FILES = sorted(CORPUS.iterdir())


@pytest.fixture(scope="module", autouse=True)
def server() -> Iterator[None]:
    yield
    fuzz_irc.close()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_an_input_of_the_corpus(path: Path) -> None:
    one_input(path.read_bytes())


def test_the_seeds_are_those_that_are_made() -> None:
    """`python tests/fuzz/make_corpus.py` writes them anew."""
    there = {path.name: path.read_bytes() for path in FILES if not path.name.startswith("found-")}
    assert there == irc_corpus()


@pytest.mark.parametrize("data", [b"", b"\0", b"\xff\xff", b"\x03\x03" + bytes(range(256)) * 8])
def test_any_bytes_are_an_input(data: bytes) -> None:
    one_input(data)


def test_an_exception_in_the_server_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise the fuzzer would never find anything."""

    def broken(self: Client, *words: object, **values: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(Client, "numeric", broken)
        with pytest.raises(AssertionError, match="ZeroDivisionError"):
            one_input(bytes([0, REGISTER]) + b"NONSENSE\r\n")
    one_input(bytes([0, REGISTER]) + b"NONSENSE\r\n")
