"""C-x C-e on a real terminal: the editor has it, and the connection goes on."""

import os
import shlex
import signal
import socket
import termios
from collections.abc import Iterator
from pathlib import Path

import pytest

from pylingo.shared.codec import encode
from pylingo.shared.messages import Goodbye, Left, Message, Say
from tests.console import Console
from tests.support import Peer, ServerProcess, wait_until

EDIT = "\x18\x05"
SCRIPT = """
echo "editing <$(cat "$1")>"
read line || exit 9
echo "$line" > "$1"
"""


@pytest.fixture
def server() -> Iterator[ServerProcess]:
    with ServerProcess("--rate", "0") as process:
        yield process


@pytest.fixture
def bob(server: ServerProcess) -> Iterator[Peer]:
    """Somebody in the room."""
    with Peer(server.port) as peer:
        peer.hello("bob")
        peer.join("lobby")
        yield peer


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str | None]:
    """The client's editor asks for a line. Drafts are kept in `tmp_path`."""
    script = tmp_path / "editor.sh"
    script.write_text(SCRIPT)
    return {"VISUAL": f"sh {shlex.quote(str(script))}", "TMPDIR": str(tmp_path)}


@pytest.fixture
def ada(server: ServerProcess, bob: Peer, environment: dict[str, str | None]) -> Iterator[Console]:
    with Console(server.address, "--name", "ada", environment=environment) as console:
        console.wait("in lobby as ada")
        yield console


def begin(ada: Console) -> None:
    ada.press("a draft")
    ada.wait(lambda: ada.rows[1] == "> a draft")
    ada.press(EDIT)
    ada.wait("editing <a draft>")
    assert termios.tcgetattr(ada.terminal) == ada.modes, "the editor gets the shell's modes"


def drafts(tmp_path: Path) -> list[Path]:
    return list(tmp_path.glob("pylingo-*"))


def test_what_was_edited_comes_back_and_so_does_what_was_missed(ada: Console, bob: Peer, tmp_path: Path) -> None:
    begin(ada)
    bob.send(Say("meanwhile"))
    bob.fence()
    ada.pump(0.2)
    assert "meanwhile" not in ada.text
    ada.press("edited words\r")
    ada.wait(lambda: ada.rows[1] == "> edited words")
    ada.wait("bob: meanwhile")
    ada.press("\x1f")
    ada.wait(lambda: ada.rows[1] == "> a draft")
    ada.press("!\r")
    assert bob.until(Message, from_="ada").text == "a draft!"
    assert drafts(tmp_path) == []
    ada.press("/close\r")
    assert ada.end() == 0
    assert ada.is_restored


@pytest.mark.usefixtures("wire")
def test_the_server_gets_answers_meanwhile(environment: dict[str, str | None]) -> None:
    with (
        ServerProcess("--ping-after", "1", "--ping-timeout", "2") as server,
        Console(server.address, "--name", "ada", environment=environment) as ada,
    ):
        ada.wait("in lobby as ada")
        begin(ada)
        ada.pump(3.5)  # longer than the server waits
        ada.press("edited\r")
        ada.wait(lambda: ada.rows[1] == "> edited")
        ada.press("\r")
        ada.wait("ada: edited")
        ada.wait(lambda: "\u2026 ada: edited" not in ada.text)
        assert "trying to come back" not in ada.text


def test_the_keys_of_signals_are_the_editor_s(ada: Console, bob: Peer, tmp_path: Path) -> None:
    begin(ada)
    ada.press("\x1a")
    ada.wait("the editor is stopped; C-x C-e continues it")
    assert ada.rows[1] == "> a draft"
    ada.press(" goes on\r")
    assert bob.until(Message, from_="ada").text == "a draft goes on"
    ada.press(EDIT)
    ada.wait(lambda: termios.tcgetattr(ada.terminal) == ada.modes)
    ada.press("from the editor\r")
    ada.wait(lambda: ada.rows[1] == "> from the editor")
    ada.press(EDIT)
    ada.wait("editing <from the editor>")
    ada.press("\x03")
    ada.wait("the editor failed with")
    assert ada.rows[1] == "> from the editor"
    ada.press("\r")
    assert bob.until(Message, text="from the editor")
    assert drafts(tmp_path) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_meanwhile_ends_the_editor_too(ada: Console, bob: Peer, tmp_path: Path, number: int) -> None:
    begin(ada)
    ada.signal(number)
    bob.until(Left, name="ada", reason="close")
    assert ada.end() == (128 + number if number == signal.SIGHUP else 0)
    assert drafts(tmp_path) == []
    assert ada.is_restored


def test_the_window_is_closed_meanwhile(ada: Console, bob: Peer, tmp_path: Path) -> None:
    begin(ada)
    ada.hang_up()
    bob.until(Left, name="ada", reason="close")
    assert ada.end() == 128 + signal.SIGHUP
    assert drafts(tmp_path) == []


def test_the_server_goes_meanwhile(server: ServerProcess, ada: Console) -> None:
    begin(ada)
    server.stop()
    ada.press("edited\r")
    ada.wait("next try in")
    ada.wait(lambda: ada.rows[1] == "> edited")


def test_a_password_is_asked_for_afterwards(environment: dict[str, str | None]) -> None:
    """The prompt would stop a client in the background."""
    with socket.create_server(("127.0.0.1", 0)) as fake:
        where = f"127.0.0.1:{fake.getsockname()[1]}"
        with Console(where, "--plain", "--name", "ada", environment=environment) as ada:
            sock, _ = fake.accept()
            ada.wait("connecting to")
            begin(ada)
            with sock:
                sock.sendall(encode(Goodbye("password", "the password is needed")))
                sock.shutdown(socket.SHUT_WR)
                while sock.recv(4_096):  # until the client has read it
                    pass
            ada.pump(0.2)
            assert "Password" not in ada.text
            ada.press("edited\r")
            ada.wait("Password of")
            ada.press("\r")
            ada.wait(lambda: ada.rows[1] == "> edited")
            ada.wait("the password is needed")


def test_a_client_that_is_stopped_and_continued_leaves_the_terminal_to_the_editor(ada: Console) -> None:
    begin(ada)
    ada.signal(signal.SIGSTOP)
    wait_until(lambda: os.waitpid(ada.process.pid, os.WUNTRACED | os.WNOHANG)[1], "the stop")
    ada.signal(signal.SIGCONT)
    ada.press("edited\r")
    ada.wait(lambda: ada.rows[1] == "> edited")


@pytest.mark.parametrize("layout", ["bottom", "inline"])
def test_other_layouts(server: ServerProcess, environment: dict[str, str | None], layout: str) -> None:
    where = f"127.0.0.1:{server.port}"
    with Console(where, "--name", "ada", "--layout", layout, environment=environment) as ada:
        ada.wait("in lobby as ada")
        ada.press("a draft")
        ada.wait(lambda: any(row.endswith(" a draft") for row in ada.rows))
        ada.press(EDIT)
        ada.wait("editing <a draft>")
        ada.press("edited\r")
        ada.wait(lambda: any(row.endswith(("> edited", "] edited")) for row in ada.rows))
