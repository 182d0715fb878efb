"""Job control: Ctrl+Z, bg and fg in a shell, and where no shell would have the client go on."""

import os
import shutil
import signal
import sys
import termios
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from pylingo.shared.messages import Joined, Left, Message, Say
from tests.console import Console
from tests.support import ROOT, Peer, ServerProcess, wait_until

SHELL = "import os; os.execvp('bash', ['bash', '--norc', '--noprofile', '-i'])"
ELSEWHERE = """
import fcntl, os, signal, sys, termios
sys.path.insert(0, sys.argv.pop(1))
signal.signal(signal.SIGHUP, signal.SIG_IGN)
fcntl.ioctl(0, termios.TIOCNOTTY)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
def refuse(fd): raise PermissionError(13, "Permission denied")
os.ttyname = refuse
from pylingo.client.chat import main
sys.exit(main())
"""
"""As `su user -c` has it: the terminal is another user's, and none controls us."""


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
def shell(bob: Peer) -> Iterator[Callable[..., Console]]:
    """Starts a shell with job control and in it a client."""
    if shutil.which("bash") is None:
        pytest.skip("there is no bash here")
    with ExitStack() as stack:

        def start(server: ServerProcess, behind: str = "", before: str = "") -> Console:
            environment: dict[str, str | None] = {"PS1": "ready> ", "HISTFILE": None}
            console = stack.enter_context(Console(program=("-c", SHELL), environment=environment))
            console.wait("ready>")
            command = f'{before}"{sys.executable}" "{ROOT}/client/chat.py" {server.address} --name ada{behind}'
            console.press(f"clear; {command}\r")
            bob.until(Joined, name="ada")
            if not behind:
                console.wait("in lobby as ada")
            return console

        yield start


def run(console: Console, command: str) -> None:
    """Have the shell run a command, and wait until it has."""
    run.count = getattr(run, "count", 0) + 1  # type: ignore[attr-defined]
    done = f"{run.count}00"  # type: ignore[attr-defined]
    console.press(f"{command}\r")
    console.press(f"echo done-$(({done} + 1))\r")
    console.wait(f"done-{int(done) + 1}")


def suspend(console: Console) -> None:
    console.press("a draft")
    console.wait("> a draft")
    console.press("\x1a")
    console.wait("Stopped")
    run(console, "clear")


def is_taken(console: Console) -> bool:
    """Whether the terminal has the client's modes: keys come one by one, without an echo, and ^S is one."""
    modes = termios.tcgetattr(console.terminal)
    return not modes[3] & (termios.ICANON | termios.ECHO) and not modes[0] & termios.IXON


def check_is_back(console: Console, bob: Peer) -> None:
    console.wait(lambda: "> a draft" in console.rows[1])
    console.wait(lambda: is_taken(console))
    console.press("!\r")
    bob.until(Message, text="a draft!")


def check_background_and_return(console: Console, bob: Peer) -> None:
    """In the background the client runs and leaves the terminal alone; in front again it shows what it missed."""
    bob.send(Say("to the background"))
    bob.fence()
    run(console, "jobs")
    assert "Running" in console.text
    assert "to the background" not in console.text
    console.press("fg\r")
    console.wait("bob: to the background")
    check_is_back(console, bob)
    leave(console)


def leave(console: Console) -> None:
    console.press("\x03\x03")
    console.wait(lambda: not is_taken(console))
    run(console, "stty -a | grep -o ' icanon'")
    console.press("exit\r")
    console.end()


def test_stopped_and_in_front_again(server: ServerProcess, bob: Peer, shell: Callable[..., Console]) -> None:
    ada = shell(server)
    for _ in range(2):
        suspend(ada)
        bob.send(Say("meanwhile"))
        ada.press("fg\r")
        ada.wait("bob: meanwhile")
        ada.wait(lambda: "> a draft" in ada.rows[1])
        ada.press("\x15")
    ada.press("a draft")
    check_is_back(ada, bob)
    leave(ada)


def test_in_the_background_the_terminal_is_the_shell_s(
    server: ServerProcess, bob: Peer, shell: Callable[..., Console]
) -> None:
    ada = shell(server)
    suspend(ada)
    run(ada, "bg")
    check_background_and_return(ada, bob)


def test_started_in_the_background(server: ServerProcess, bob: Peer, shell: Callable[..., Console]) -> None:
    ada = shell(server, behind=" &")
    run(ada, "jobs")
    assert "Running" in ada.text
    ada.press("fg\r")
    ada.wait("in lobby as ada")
    ada.press("a draft")
    check_is_back(ada, bob)
    leave(ada)


def test_an_editor_in_a_job_of_the_shell(
    server: ServerProcess, bob: Peer, shell: Callable[..., Console], tmp_path: Path
) -> None:
    script = tmp_path / "editor.sh"
    script.write_text('echo "editing"; read line; echo "$line" > "$1"')
    ada = shell(server, before=f"TMPDIR='{tmp_path}' VISUAL='sh {script}' ")
    for words in ("once", "twice"):
        ada.press("\x18\x05")
        ada.wait("editing")
        ada.press(f"{words}\r")
        ada.wait(lambda words=words: ada.rows[1] == f"> {words}")
        ada.press("\x1a")
        ada.wait("Stopped")
        run(ada, "clear")
        ada.press("fg\r")
        ada.wait(lambda words=words: ada.rows[1] == f"> {words}")
    # A read that has begun would take what is typed for the shell.
    script.write_text('echo "editing"; until [ -e "$0.go" ]; do sleep 0.05; done; read line; echo "$line" > "$1"')
    ada.press("\x18\x05")
    ada.wait("editing")
    os.kill(client_of(ada), signal.SIGSTOP)
    ada.wait("Stopped")
    run(ada, "clear")
    ada.press("fg\r")
    ada.wait("VISUAL=")  # the shell says what it brings back
    wait_until(lambda: group_in_front(ada) not in (ada.process.pid, client_of(ada)), "the editor in front")
    Path(f"{script}.go").touch()
    ada.press("once more\r")
    ada.wait(lambda: ada.rows[1] == "> once more")
    ada.press("\x15a draft")
    check_is_back(ada, bob)
    leave(ada)


@pytest.mark.usefixtures("wire")
def test_a_stop_that_nobody_saw_coming_ends_in_the_background(
    server: ServerProcess, bob: Peer, shell: Callable[..., Console]
) -> None:
    ada = shell(server)
    ada.press("a draft")
    ada.wait("> a draft")
    os.kill(client_of(ada), signal.SIGSTOP)
    ada.wait("Stopped")
    run(ada, "clear; bg")
    check_background_and_return(ada, bob)


def test_a_signal_in_the_background_ends_it_without_a_touch(
    server: ServerProcess, bob: Peer, shell: Callable[..., Console]
) -> None:
    ada = shell(server)
    suspend(ada)
    run(ada, "bg")
    run(ada, "kill %1")
    bob.until(Left, name="ada", reason="close")
    run(ada, "wait")
    assert "\x1b[?1049l" not in ada.text
    ada.press("exit\r")
    assert ada.end() == 0


def test_without_a_window_the_input_is_the_shell_s_too(
    server: ServerProcess, bob: Peer, shell: Callable[..., Console]
) -> None:
    ada = shell(server, before="TERM=dumb ")
    ada.press("\x1a")
    ada.wait("Stopped")
    run(ada, "bg")
    for number in range(3):
        bob.send(Say(f"to the background {number}"))
        ada.wait(f"bob: to the background {number}")
        run(ada, "jobs")
    run(ada, "clear; jobs")
    assert "Running" in ada.text
    before = len(ada.written)
    ada.press("fg\r")
    ada.wait(lambda: b"chat.py" in ada.written[before:])  # the shell says what it brings back
    ada.wait(lambda: termios.tcgetattr(ada.terminal)[3] & termios.ICANON)
    ada.press("hello\r")
    bob.until(Message, text="hello")
    ada.press("\x04")
    ada.press("exit\r")
    ada.end()


def client_of(console: Console) -> int:
    """The process that runs in the shell."""
    children = Path(f"/proc/{console.process.pid}/task/{console.process.pid}/children")
    if not children.exists():
        pytest.skip("there is no /proc here")
    return int(wait_until(lambda: children.read_text().split())[0])


def group_in_front(console: Console) -> int:
    """The process group that has the terminal, as the system shows it."""
    fields = Path(f"/proc/{console.process.pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[5])


def test_without_a_shell_ctrl_z_says_so_and_stops_nothing(server: ServerProcess, bob: Peer) -> None:
    """As in `xterm -e`, `ssh -t` and `docker exec`: nobody would have a stopped program go on."""
    with Console(server.address, "--name", "ada") as ada:
        ada.wait("in lobby as ada")
        for _ in range(2):
            ada.press("\x15a draft")
            ada.wait("> a draft")
            ada.press("\x1a")
            ada.wait("no shell can resume this program, so it was not suspended")
        bob.send(Say("still there?"))
        ada.wait("bob: still there?")
        check_is_back(ada, bob)
        ada.signal(signal.SIGSTOP)
        ada.signal(signal.SIGCONT)
        ada.press("\x15a draft")
        check_is_back(ada, bob)
        ada.press("\x03\x03")
        assert ada.end() == 0
        assert ada.is_restored


def test_an_editor_on_a_terminal_that_does_not_control_the_client(
    server: ServerProcess, bob: Peer, tmp_path: Path
) -> None:
    script = tmp_path / "editor.sh"
    script.write_text('echo "editing"; read line; echo "$line" > "$1"')
    program, environment = ("-c", ELSEWHERE, str(ROOT)), {"VISUAL": f"sh {script}", "TMPDIR": str(tmp_path)}
    with Console(f"127.0.0.1:{server.port}", "--name", "ada", program=program, environment=environment) as ada:
        ada.wait("in lobby as ada")
        ada.press("\x18\x05")
        ada.wait("editing")
        bob.send(Say("meanwhile"))
        ada.pump(1.2)  # the window looks every second whether the terminal is its own again
        assert ada.is_restored
        assert "meanwhile" not in ada.text
        ada.press("edited\r")
        ada.wait(lambda: ada.rows[1] == "> edited")
        ada.wait("bob: meanwhile")
        ada.press("\x15/close\r")
        assert ada.end() == 0
        assert ada.is_restored


@pytest.mark.parametrize("kind", ["xterm-256color", "dumb"])
def test_a_terminal_that_cannot_be_opened_is_used_as_it_is(server: ServerProcess, bob: Peer, kind: str) -> None:
    program = ("-c", ELSEWHERE, str(ROOT))
    with Console(server.address, "--name", "ada", program=program, environment={"TERM": kind}) as ada:
        ada.wait("in lobby as ada")
        ada.press("hello\r")
        bob.until(Message, text="hello")
        ada.press("/close\r")
        assert ada.end() == 0
        assert ada.is_restored
        assert os.get_blocking(ada.terminal), "the shell has it as it was"
