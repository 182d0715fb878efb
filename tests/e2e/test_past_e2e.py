"""The real client reads the whole log of a real server: up to the beginning of a room, and back to the end."""

# Runs once: the tests of the history have its pages over TLS.

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from pylingo.shared.messages import Say
from tests.console import Console
from tests.support import Peer, ServerProcess

SAID = 3_000
PAGE_UP, PAGE_DOWN = "\x1b[5~", "\x1b[6~"
TO_TOP, TO_END = "\x1b<", "\x1b>"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server whose lobby has many messages."""
    folder: Path = tmp_path_factory.mktemp("history")
    with ServerProcess("--rate", "0", "--history", str(folder / "history.db")) as process:
        with Peer(process.port) as bob:
            bob.hello("bob")
            bob.join("lobby")
            for first in range(1, SAID, 100):
                bob.send(*(Say(f"message {number}.") for number in range(first, first + 100)))
                bob.fence()
        yield process


@pytest.fixture
def ada(server: ServerProcess) -> Iterator[Console]:
    with Console(f"127.0.0.1:{server.port}", "--name", "ada", rows=100) as console:
        console.wait(f"message {SAID}.")
        yield console


def numbers(console: Console) -> list[int]:
    """The numbers of the messages on the screen."""
    return [int(number) for number in re.findall(r"bob: message (\d+)\.", console.text)]


def walk(console: Console, key: str, end: int) -> set[int]:
    """Press a key until message number `end` is on the screen; the numbers of all messages that were."""
    seen: set[int] = set()
    while end not in (shown := numbers(console)):
        assert shown == list(range(shown[0], shown[-1] + 1)), "there is no hole"
        seen |= set(shown)
        console.press(key)
        console.wait(lambda before=shown: numbers(console) != before)
    return seen | set(numbers(console))


def test_up_to_the_beginning_and_back_to_the_end(ada: Console):
    assert walk(ada, PAGE_UP, 1) == set(range(1, SAID + 1))
    ada.press(PAGE_UP * 2)
    ada.wait("--- beginning of lobby ---")
    assert walk(ada, PAGE_DOWN, SAID) == set(range(1, SAID + 1))
    ada.press(PAGE_DOWN)
    ada.wait(lambda: "below" not in ada.rows[0])


def test_to_the_beginning_by_jumps_and_to_the_end_by_one(ada: Console, server: ServerProcess):
    for _ in range(SAID // 50):
        before = numbers(ada)
        ada.press(TO_TOP)
        ada.wait(lambda before=before: numbers(ada) != before or "beginning of" in ada.text)
        if "beginning of" in ada.text:
            break
    assert numbers(ada)[0] == 1
    before = ada.rows[2:]
    with Peer(server.port) as bob:
        bob.hello("cy")
        bob.join("lobby")
        bob.send(Say("news"))
        bob.fence()
        ada.wait("new below")
        assert ada.rows[2:] == before, "nothing in view has moved"
    ada.press(TO_END)
    ada.wait("cy: news")
    assert "below" not in ada.rows[0]


def test_a_row_says_that_older_messages_are_loading(server: ServerProcess, ada: Console):
    with server.stopped():
        ada.press(TO_TOP)
        ada.wait("loading older messages …")
    ada.wait(lambda: "loading" not in ada.text)


def test_inline_prints_the_page_before(server: ServerProcess):
    with Console(f"127.0.0.1:{server.port}", "--name", "eve", "--layout", "inline", rows=60) as eve:
        eve.wait("in lobby as eve")
        eve.wait(f"message {SAID}.")
        eve.press(PAGE_UP)
        eve.wait("--- end of the earlier ---")
        assert f"message {SAID - 60}." in eve.text
        eve.press("/history\r")
        eve.wait(f"message {SAID - 80}.")
