"""The socket through which commands ask the running server."""

import os
import socket
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pylingo.reactor.control import Answer, Control, ask
from pylingo.reactor.engine.loop import Reactor
from tests.support import DEADLINE, wait_until


class Bench:
    """A loop with a control socket that notes the requests, and answers when it is told to."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.reactor = Reactor()
        self.requests: list[object] = []
        self.answers: list[Answer] = []
        self.control = Control(self.reactor, str(path), self.note)

    def note(self, request: object, answer: Answer) -> None:
        self.requests.append(request)
        self.answers.append(answer)

    def turn_until(self, condition: Any) -> None:
        def turned() -> object:
            self.reactor.tick(0)
            return condition()

        wait_until(turned)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path / "control")
    yield bench
    bench.control.close()
    bench.reactor.close()


def ask_in_thread(path: Path, replies: list[object]) -> threading.Thread:
    thread = threading.Thread(target=lambda: replies.append(ask(str(path), {"command": "x"}, DEADLINE)))
    thread.start()
    return thread


def test_a_request_is_answered_later(bench: Bench) -> None:
    replies: list[object] = []
    thread = ask_in_thread(bench.path, replies)
    bench.turn_until(lambda: bench.requests)
    assert bench.requests == [{"command": "x"}]
    assert replies == []
    bench.answers[0]({"done": True})
    thread.join(DEADLINE)
    assert replies == [{"done": True}]
    assert os.listdir(bench.path.parent) == ["control"]  # the command has removed its own


def test_the_socket_is_its_owners_alone(bench: Bench) -> None:
    assert stat.S_IMODE(bench.path.stat().st_mode) == 0o600


def test_two_at_once_get_their_own_replies(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    replies: dict[int, list[object]] = {1: [], 2: []}
    threads = []
    for number in (1, 2):  # as two processes would
        with monkeypatch.context() as patch:
            patch.setattr(os, "getpid", lambda number=number: number)
            threads.append(ask_in_thread(bench.path, replies[number]))
            bench.turn_until(lambda number=number: len(bench.requests) == number)
    for number, answer in enumerate(bench.answers, start=1):
        answer({"number": number})
    for thread in threads:
        thread.join(DEADLINE)
    assert replies == {1: [{"number": 1}], 2: [{"number": 2}]}


@pytest.mark.parametrize("data", [b"", b"words", b"\xff", b"[" * 60_000])
def test_a_line_that_is_no_json_is_no_request(bench: Bench, data: bytes) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.sendto(data, str(bench.path))
        bench.turn_until(lambda: bench.requests)
        assert bench.requests == [None]
        bench.answers[0]({"error": "x"})  # nobody can be answered


def test_a_command_that_has_ended_is_not_answered(bench: Bench, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(tmp_path / "gone"))
        sock.sendto(b"{}", str(bench.path))
        bench.turn_until(lambda: bench.requests)
    bench.answers[0]({})


def test_a_socket_that_a_killed_server_has_left_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "control"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(path))
    assert stat.S_ISSOCK(path.stat().st_mode)
    assert ask(str(path), {}, DEADLINE) is None
    bench = Bench(path)
    replies: list[object] = []
    thread = ask_in_thread(path, replies)
    bench.turn_until(lambda: bench.requests)
    bench.answers[0]({})
    thread.join(DEADLINE)
    assert replies == [{}]
    bench.control.close()
    bench.reactor.close()
    assert not path.exists()


def test_without_a_server_nobody_answers(tmp_path: Path) -> None:
    assert ask(str(tmp_path / "control"), {}, DEADLINE) is None
    assert os.listdir(tmp_path) == []


def test_a_server_that_hangs_is_not_waited_for(bench: Bench) -> None:
    with pytest.raises(TimeoutError):
        ask(str(bench.path), {}, 0.01)
    assert os.listdir(bench.path.parent) == ["control"]


def test_a_path_that_is_too_long_is_an_error(tmp_path: Path) -> None:
    reactor = Reactor()
    with pytest.raises(OSError, match="too long"):
        Control(reactor, str(tmp_path / ("x" * 120)), lambda request, answer: None)
    reactor.close()
