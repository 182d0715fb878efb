"""The real client searches the messages of a real server, in memory and in the server's log, on a pty and in tmux."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from pylingo.shared.messages import Say
from tests.console import Console
from tests.support import Peer, ServerProcess

SAID = 3_000
OLD = (40, 1_200, 1_210, 2_990)
"""The numbers of the messages with the word."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, is_encrypted: bool) -> Iterator[ServerProcess]:
    """A server whose lobby has many messages, a few of them with a word of their own."""
    folder: Path = tmp_path_factory.mktemp("history")
    with ServerProcess("--rate", "0", "--history", str(folder / "history.db"), tls=is_encrypted) as process:
        with Peer(process.port) as bob:
            bob.hello("bob")
            bob.join("lobby")
            for first in range(1, SAID, 100):
                texts = {number: f"message {number}." for number in range(first, first + 100)}
                texts |= {number: f"message {number}. Deployed" for number in OLD if number in texts}
                bob.send(*map(Say, texts.values()))
                bob.fence()
        yield process


@pytest.fixture
def ada(server: ServerProcess) -> Iterator[Console]:
    with Console(server.address, "--name", "ada") as console:
        console.wait(f"message {SAID}.")
        yield console


def shows(console: Console, number: int) -> bool:
    """Whether the match with this number is shown, marked, among the messages around it."""
    found = f"bob: message {number}. Deployed"
    near = [f"message {other}." for other in (number - 1, number + 1)]
    return found in console.text and all(text in console.text for text in near) and is_marked(console, found)


def is_marked(console: Console, text: str) -> bool:
    """Whether the searched part of a message is in reverse, and nothing else of it."""
    row = next(index for index, row in enumerate(console.rows) if text in row)
    cells = [console.screen.buffer[row][column] for column in range(console.screen.columns)]
    return "".join(cell.data for cell in cells if cell.reverse) == "Deploy"


def test_an_old_word_is_found_and_escape_goes_back(ada: Console):
    before = ada.rows[2:]
    ada.press("/search deploy\r")
    ada.wait(lambda: shows(ada, 2_990))
    assert "match 1 of" in ada.rows[0]
    for number, place in ((1_210, 2), (1_200, 3), (40, 4)):
        ada.press("n")
        ada.wait(lambda number=number: shows(ada, number))
        ada.wait(f"match {place} of")
    ada.press("n")
    ada.wait("no older match has been found: deploy")
    ada.press("N")
    ada.wait(lambda: shows(ada, 1_200))
    ada.press("\x1b")
    ada.wait(lambda: ada.rows[2:] == before)
    ada.press("hello\r")
    ada.wait("ada: hello")


def test_nothing_is_found(ada: Console):
    ada.press("/search unheard\r")
    ada.wait("nothing has been found: unheard")
    assert f"message {SAID}." in ada.text


@pytest.mark.parametrize("layout", ["inline", "plain"])
def test_matches_are_printed(server: ServerProcess, layout: str):
    with Console(server.address, "--name", "eve", "--layout", layout, rows=60) as eve:
        eve.wait(f"message {SAID}.")
        printed = search_to_the_beginning(eve, "/search deploy\r")
        assert sorted(int(number) for number in re.findall(r"bob: message (\d+)\. Deployed", printed)) == list(OLD)


def search_to_the_beginning(console: Console, line: str) -> str:
    """Repeat a search until nothing older is found; what it has printed. A busy server searches a little at a time."""
    times, printed = 0, ""
    while not re.search("--- nothing (older|has been found)", printed):
        times += 1
        console.press(line)
        console.wait(lambda times=times: len(re.findall("further back ---|--- nothing", console.text)) == times)
        printed = console.text.partition("--- found")[2]
    return printed


def test_plain_mode_on_a_terminal(server: ServerProcess):
    dumb: dict[str, str | None] = {"TERM": "dumb"}
    with Console(server.address, "--name", "cy", environment=dumb, rows=90) as cy:
        cy.wait(f"message {SAID}.")
        assert "bob: message 40. Deployed" in search_to_the_beginning(cy, "/search deploy\n")
        cy.press("/history\n")
        cy.wait("--- end of the earlier ---")
        assert f"bob: message {SAID - 60}." in cy.text


def test_a_conversation_that_was_closed_is_read_and_searched_again(server: ServerProcess):
    with Console(server.address, "--name", "ivy") as ivy, Peer(server.port) as max_:
        ivy.wait(f"message {SAID}.")
        max_.hello("max")
        said = [*(f"private {number}." for number in range(60)), "the secret word"]
        max_.send(*(Say(text, to="ivy") for text in said))
        ivy.wait("@max 61!")
        ivy.press("/switch @max\r")
        ivy.wait("max: the secret word")
        ivy.press("/leave\r")
        ivy.wait(lambda: "secret" not in ivy.text)
        ivy.press("/msg max\r")
        ivy.wait(lambda: "@max" in ivy.rows[0] and "secret" not in ivy.text)
        ivy.press("/search SECR\r")
        ivy.wait("match 1 of 1 for SECR")
        ivy.wait("max: the secret word")
        ivy.press("\x1b")
        ivy.wait(lambda: "match 1" not in ivy.text)
        ivy.press("\x1b<")
        ivy.wait("--- beginning of @max ---")
