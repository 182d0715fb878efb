"""Replay the corpus, the seeds and the fuzzer's findings, on a server. This needs no atheris."""

import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from pylingo.reactor.chat.outbox import Outbox
from pylingo.reactor.chat.room import Room
from pylingo.reactor.chat.session import Session
from tests.fuzz import fuzz_session
from tests.fuzz.fuzz_session import BODY, CORPUS, JOIN, one_input
from tests.fuzz.make_corpus import corpus

FILES = sorted(CORPUS.iterdir())


@pytest.fixture(scope="module", autouse=True)
def servers() -> Iterator[None]:
    yield
    fuzz_session.close()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_an_input_of_the_corpus(path: Path) -> None:
    one_input(path.read_bytes())


def test_the_seeds_are_those_that_are_made() -> None:
    """`python tests/fuzz/make_corpus.py` writes them anew."""
    there = {path.name: path.read_bytes() for path in FILES if not path.name.startswith("found-")}
    assert there == corpus()


@pytest.mark.parametrize("data", [b"", b"\0", b"\xff\xff", b"\x01\x3f", b"\x03\x3f" + bytes(range(256)) * 8])
def test_any_bytes_are_an_input(data: bytes) -> None:
    one_input(data)


def test_an_exception_in_the_server_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise the fuzzer would never find anything."""

    def broken(self: Session, request: object) -> None:
        raise ZeroDivisionError

    body = b"\x81\xa4type\xa4ping"
    with monkeypatch.context() as patch:
        patch.setattr(Session, "refuse", broken)
        with pytest.raises(AssertionError, match="ZeroDivisionError"):
            one_input(bytes([0, JOIN | BODY]) + b"\x80")
    one_input(bytes([0, JOIN | BODY]) + body)


def test_memory_that_grows_too_much_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = iter([2**30, 2**30 + fuzz_session.MEMORY + 1])
    with monkeypatch.context() as patch:
        patch.setattr(fuzz_session, "_peak", lambda: next(sizes))
        with pytest.raises(AssertionError, match="has grown"):
            one_input(b"")
    one_input(b"")


def test_a_peer_who_keeps_the_room_from_hearing_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    write_to_room = Outbox.write_to_room

    def forgetful(self: Outbox[Session], room: Room[Session], frame: bytes, at: int = 0) -> None:
        if room.members[self].person.name != "guest-1":
            write_to_room(self, room, frame, at)

    one_input(b"")
    with monkeypatch.context() as patch:
        patch.setattr(Outbox, "write_to_room", forgetful)
        with pytest.raises(AssertionError):
            one_input(b"\0\0" + struct.pack(">I", 0))
    one_input(b"\0\0" + struct.pack(">I", 0))
