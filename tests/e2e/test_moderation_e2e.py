"""What operators, those whom it concerns and the others read in the client, on terminals and in plain mode."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.console import Console
from tests.fakes.keys import UNENCRYPTED, UNENCRYPTED_PUBLIC
from tests.support import EVERYWHERE, ServerProcess, in_turn

type Open = Callable[..., Console]

pytestmark = pytest.mark.usefixtures("wire")


@pytest.fixture
def open_client(layout: str, tmp_path: Path) -> Iterator[Open]:
    """Starts clients with the layout of the test in the room tea. Ada is an operator."""
    key = tmp_path / "id_ed25519"
    key.touch(0o600)
    key.write_bytes(UNENCRYPTED)
    members = tmp_path / "members"
    members.write_text(f'operator,name="ada" {UNENCRYPTED_PUBLIC}\n')
    with ExitStack() as stack:
        server = stack.enter_context(ServerProcess("--rate", "0", "--members", str(members), "--open"))

        def open_(name: str) -> Console:
            own = ("--identity", str(key)) if name == "ada" else ()
            given = (server.address, "--name", name, "--room", "tea", "--layout", layout, *own)
            console = stack.enter_context(Console(*given))
            console.wait(f"in tea as {name}")
            return console

        yield open_


def lines_with(console: Console, words: str) -> list[str]:
    """The lines of the chat with these words, without their times."""
    return [row.partition("* ")[2] for row in console.rows if words in row and "* " in row]


@in_turn("layout", ["top", "plain"], EVERYWHERE)
def test_a_kick_is_told_once_to_everybody(open_client: Open) -> None:
    ada, bob, eve = map(open_client, ("ada", "bob", "eve"))
    ada.wait("eve joined")
    ada.press("/kick eve too loud\r")
    ada.wait("eve was kicked")
    ada.press("/announce tea time\r")  # comes after everything that the kick has caused
    for console in (ada, bob, eve):
        console.wait(lambda console=console: lines_with(console, "* tea time"))
    ada.press("what a silence\r")
    bob.wait("ada: what a silence")
    told = ["eve was kicked out of tea by ada: too loud"]
    assert [lines_with(console, "kicked") for console in (ada, bob)] == [told, told]
    assert lines_with(eve, "kicked") == ["you were kicked out of tea by ada: too loud"]
    assert [lines_with(console, "tea time") for console in (ada, bob, eve)] == [["tea time"]] * 3


@in_turn("layout", ["top", "bottom", "inline"], EVERYWHERE)
def test_tab_finds_the_message_that_is_to_be_removed(open_client: Open) -> None:
    ada, bob = map(open_client, ("ada", "bob"))
    ada.wait("bob joined")
    for words in ("hello there", "my password is hunter2", "oh no"):
        bob.press(f"{words}\r")
        ada.wait(f"bob: {words}")
    ada.press("/redact bo\t\t")
    ada.wait(lambda: re.search(r"\[bob \d\d:\d\d my pass", ada.text))
    ada.press("a secret\r")
    for console in (ada, bob):
        console.wait("from tea: a secret")
    bob.press("thanks\r")
    ada.wait("bob: thanks")
    for console in (ada, bob):
        assert "oh no" in console.text
        (told,) = lines_with(console, "removed the message")
        assert re.fullmatch(r"ada removed the message of \d\d:\d\d from tea: a secret", told)


@in_turn("layout", ["plain", "top"], EVERYWHERE)
def test_the_operator_sees_the_servers(open_client: Open) -> None:
    ada = open_client("ada")
    ada.press("/servers\r")
    ada.wait("* servers of this chat:")
    ada.wait("1 person, where you are; version")
