"""The script `./client/chat.py` as people start it: from anywhere, with anything wrong about it."""

import contextlib
import importlib.util
import os
import re
import signal
import socket
import subprocess
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pylingo.client import chat
from pylingo.shared import __version__
from pylingo.shared.messages import Joined, Message, Say
from tests.console import Console
from tests.support import DEADLINE, ROOT, Peer, ServerProcess, late_names, wait_until

SCRIPT = ROOT / "client" / "chat.py"
Done = subprocess.CompletedProcess[bytes]


def environment(**changes: str) -> dict[str, str]:
    """Ours, but for what would change how the child runs."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "LC_", "LANG"))}
    # A name server that does not answer must not hold the tests up.
    return {**kept, "LOGNAME": "login", "RES_OPTIONS": "timeout:1 attempts:1", **changes}


def run(*arguments: str | bytes, python: tuple[str, ...] = (), **settings: Any) -> Done:
    """The script, run to its end."""
    settings = {"stdin": subprocess.DEVNULL, "capture_output": True, "env": environment(), **settings}
    command = [sys.executable, *python, str(SCRIPT), *arguments]
    return subprocess.run(command, timeout=DEADLINE, check=False, **settings)


def check_one_line(done: Done, status: int, words: str) -> None:
    """It said in one line on stderr what was wrong, and nothing else."""
    assert done.returncode == status, done.stderr
    said = done.stderr.decode()
    assert words in said
    assert said.startswith("pylingo: ")
    assert len(said.splitlines()) == 1, said
    assert said.endswith("\n")
    assert not any(unicodedata.category(char)[0] == "C" for char in said[:-1]), said
    assert done.stdout == b""


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    with ServerProcess("--rate", "0") as running:
        yield running


@pytest.fixture
def address(server: ServerProcess) -> str:
    return f"127.0.0.1:{server.port}"


@pytest.fixture(scope="module")
def impatient() -> Iterator[str]:
    """The address of a server that soon ends the connection of a client that says nothing."""
    with ServerProcess("--first-frame-timeout", "1") as running:
        yield f"127.0.0.1:{running.port}"


# --- starting ---------------------------------------------------------------------------------------------------


def test_help():
    done = run("--help")
    assert (done.returncode, done.stderr) == (0, b"")
    for word in (b"HOST[:PORT]", b"--name", b"--room", b"--json", b"--retry", b"--version"):
        assert word in done.stdout


def test_version():
    done = run("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"PyLingo {__version__}\n".encode(), b"")


def imported(output: bytes) -> set[str]:
    """The modules that a Python with `-X importtime` says it has imported."""
    return {name.decode() for name in re.findall(rb"import time: +\d+ \| +\d+ \| +(\S+)", output)}


@pytest.mark.parametrize("options", [["--help"], ["ADDRESS"]], ids=str)
def test_blessed_is_not_imported_where_it_is_not_needed(address: str, options: list[str]):
    done = run(*(option.replace("ADDRESS", address) for option in options), python=("-X", "importtime"))
    modules = imported(done.stderr)
    assert "argparse" in modules
    assert not modules & {"blessed", "wcwidth", "curses", "jinxed"}


OF_TLS_AND_KEYS = {
    *("pylingo.client.encryption", "pylingo.client.identity", "pylingo.client.known_hosts", "pylingo.client.openssh"),
    *("pylingo.client.plain_refusal", "pylingo.client.trust"),
    *("pylingo.reactor.engine.handshake", "pylingo.reactor.engine.tls", "pylingo.shared.identity", "cryptography"),
}
"""Modules that a connection without TLS and without a key does not need. They take some 20 ms to import."""


def test_a_pipe_without_tls_imports_nothing_of_it(address: str):
    done = run(address, "--name", "lean", python=("-X", "importtime"), stdin=None, input=b"/users\n")
    assert done.returncode == 0
    modules = imported(done.stderr)
    assert "pylingo.client.connection" in modules
    assert not modules & {"ssl", "asyncio", *OF_TLS_AND_KEYS}


def test_a_window_without_tls_imports_nothing_of_it(address: str):
    """blessed imports asyncio, and that imports `ssl`."""
    with Console(address, "--name", "slim", environment={"PYTHONPROFILEIMPORTTIME": "1"}, is_shown=False) as console:
        console.wait(lambda: b"in lobby as slim" in console.written)
        modules = imported(console.written)
    assert "pylingo.client.terminal.window" in modules
    assert not modules & OF_TLS_AND_KEYS


def test_the_modules_of_tls_and_keys_are_named_right():
    assert all(importlib.util.find_spec(name) for name in OF_TLS_AND_KEYS)


@pytest.mark.parametrize("shape", ["absolute", "beside decoys", "isolated", "module"])
def test_it_starts_from_anywhere(tmp_path: Path, shape: str):
    command, folder = [sys.executable, str(SCRIPT)], tmp_path
    match shape:
        case "beside decoys":
            for decoy in ("shared", "client", "reactor", "msgpack"):
                (tmp_path / f"{decoy}.py").write_text("raise SystemExit('the wrong one')")
        case "isolated":
            command = [sys.executable, "-I", str(SCRIPT)]
        case "module":
            command, folder = [sys.executable, "-m", "pylingo.client.chat"], ROOT
    done = subprocess.run(
        [*command, "--version"], cwd=folder, env=environment(), capture_output=True, timeout=DEADLINE, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, f"PyLingo {__version__}\n".encode(), b"")


def test_it_can_be_started_as_a_program():
    assert os.access(SCRIPT, os.X_OK)
    assert SCRIPT.read_text().startswith("#!/usr/bin/env python3\n")


def test_main_returns_the_status(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setattr(sys, "argv", ["pylingo", "--nope"])
    assert chat.main() == 2
    assert capsys.readouterr().err.startswith("pylingo: unrecognized arguments: --nope")


PEEK = """
import gc, sys
from pylingo.client import chat
from pylingo.reactor.engine.loop import Reactor
run = Reactor.run
def peek(reactor):
    print(gc.isenabled(), flush=True)
    run(reactor)
Reactor.run = peek
status = chat.main()
print(gc.isenabled(), flush=True)
sys.exit(status)
"""


def test_garbage_is_collected_but_at_the_start(address: str):
    done = subprocess.run(
        [sys.executable, "-c", PEEK, address, "--json"],
        cwd=ROOT,
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=DEADLINE,
    )
    lines = done.stdout.splitlines()
    assert (done.returncode, lines[0], lines[-1]) == (0, b"True", b"True"), done.stderr


def test_help_needs_no_package():
    done = run("--help", python=("-S",))  # without site-packages
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(b"usage: pylingo")


def test_a_missing_package_is_named_with_the_way_to_install_it():
    done = run(python=("-S",))
    check_one_line(done, 2, " is missing: install PyLingo with ")
    assert f"{sys.executable} -m pip install {ROOT}" in done.stderr.decode()


def test_a_module_of_ours_that_is_missing_is_a_bug_and_no_matter_of_installing(tmp_path: Path):
    for package in ("client", "shared"):
        (tmp_path / package).mkdir()
    for name in ("client/chat.py", "shared/__init__.py", "shared/launch.py"):
        (tmp_path / name).write_text((ROOT / name).read_text())
    command = [sys.executable, "-S", str(tmp_path / "client/chat.py")]  # an installed one would take its place
    done = subprocess.run(command, capture_output=True, env=environment(), timeout=DEADLINE, check=False)
    assert b"pip install" not in done.stderr
    assert b"client" in done.stderr


# --- what is wrong on the command line --------------------------------------------------------------------------

BAD: dict[str, tuple[list[str | bytes], str]] = {
    "an unknown option": (["--nope"], "unrecognized arguments: --nope"),
    "a port that is none": (["host:http"], "a port must be a whole number from 1 to 65535"),
    "a room in escapes": (["--room", "\x1b[2J"], "--room"),
    "a name that is not UTF-8": (["--name", b"al\xffice"], "UTF-8"),
    "an option that is not UTF-8": ([b"--\xff"], "unrecognized"),
    "a port in two lines": (["host:1\n\x1b[2J"], "a port must be"),
    "an option in two lines": (["--no\n\x1b]0;title\x07"], "unrecognized"),
}


@pytest.mark.parametrize(("arguments", "words"), BAD.values(), ids=BAD)
def test_wrong_arguments_are_answered_with_one_line(arguments: list[str | bytes], words: str):
    check_one_line(run(*arguments), 2, words)


# --- no connection ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [[], ["--json"]], ids=str)
def test_refused(arguments: list[str]):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # ours, and nobody listens
        port = taken.getsockname()[1]
        done = run(f"127.0.0.1:{port}", *arguments)
    check_one_line(done, 1, f"connection refused: no server listens on 127.0.0.1:{port}")


@pytest.mark.parametrize("host", ["nosuch.invalid", "a..b", "\x1b[2Jx"], ids=repr)
def test_an_unknown_host(host: str):
    check_one_line(run(f"{host}:7"), 1, "unknown host ")


def test_an_address_that_cannot_be_reached():
    # Nothing can connect to a broadcast address by TCP; what the system says of it differs.
    done = run("255.255.255.255:7")
    check_one_line(done, 1, "255.255.255.255:7")


def test_ctrl_c_while_the_name_is_looked_up(tmp_path: Path):
    (tmp_path / "sitecustomize.py").write_text(
        "import os, signal, socket\n"
        "look_up = socket.getaddrinfo\n"
        "def interrupted(*arguments, **named):\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "    return look_up(*arguments, **named)\n"
        "socket.getaddrinfo = interrupted\n"
    )
    with socket.create_server(("127.0.0.1", 0)) as listener:
        done = run(f"localhost:{listener.getsockname()[1]}", env=environment(PYTHONPATH=str(tmp_path)))
    assert done.returncode in (0, 128 + signal.SIGINT, -signal.SIGINT)
    assert b"Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) <= 1


HANGING = """
import os, signal, socket, threading
look_up = socket.getaddrinfo
def hanging(host, *arguments, **named):
    if host != "chat.example" or named.get("flags", 0) & socket.AI_NUMERICHOST:
        return look_up(host, *arguments, **named)
    os.kill(os.getpid(), signal.SIGINT)
    threading.Event().wait()
socket.getaddrinfo = hanging
"""


def test_a_name_server_that_never_answers_keeps_nobody(tmp_path: Path):
    (tmp_path / "sitecustomize.py").write_text(HANGING)
    done = run("chat.example:7", env=environment(PYTHONPATH=str(tmp_path)))
    assert (done.returncode, done.stdout) == (128 + signal.SIGINT, b"")
    assert b"Traceback" not in done.stderr


def test_with_retry_it_waits_for_a_name_server_that_is_not_there_yet(tmp_path: Path, server: ServerProcess):
    done = run(f"chat.example:{server.port}", "--retry", "60", "--plain", env=environment(**late_names(tmp_path, 2)))
    assert done.returncode == 0, done.stderr
    where = f"chat.example:{server.port}"
    words = f"pylingo: the host in {where} cannot be looked up at present: Temporary failure in name resolution"
    assert done.stderr.decode() == f"{words}; trying again\n"
    assert b"* you are in lobby" in done.stdout


def test_without_retry_a_name_server_that_is_not_there_is_an_error_at_once(tmp_path: Path):
    done = run("chat.example:7", env=environment(**late_names(tmp_path, 1)))
    check_one_line(done, 1, "the host in chat.example:7 cannot be looked up at present: Temporary failure")


@pytest.mark.parametrize("host", ["localhost", ""])
def test_a_name_with_several_addresses_finds_the_one_that_answers(server: ServerProcess, host: str):
    done = run(f"{host}:{server.port}")
    assert (done.returncode, done.stderr) == (0, b"")


def test_ipv6():
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            pass
    except OSError:
        pytest.skip("this machine has no IPv6")
    with ServerProcess("--host", "::1") as server:
        done = run(f"[::1]:{server.port}")
        assert (done.returncode, done.stderr) == (0, b"")
        port = server.port
        server.stop()
    check_one_line(run(f"[::1]:{port}"), 1, f"[::1]:{port}")


@pytest.mark.parametrize("home", ["/dev/null", None])
def test_a_home_that_is_none_is_said_and_no_hindrance(address: str, home: str | None):
    changes = environment()
    for name in ("HOME", "XDG_CONFIG_HOME"):
        changes.pop(name, None)
    python: tuple[str, ...] = ()
    if home is not None:
        changes["HOME"] = home
    else:  # as in a container that runs as a number without a name
        code = "import pwd, runpy, sys\n"
        code += "def nobody(number): raise KeyError(number)\n"
        code += "pwd.getpwuid = nobody\n"
        code += "sys.argv = sys.argv[1:]\n"
        code += "runpy.run_path(sys.argv[0], run_name='__main__')\n"
        python = ("-c", code)
    done = run(address, python=python, env=changes)
    assert done.returncode == 0, done.stderr
    (line,) = done.stderr.decode().splitlines()
    words = "there is no home folder" if home is None else "/dev/null/.config/pylingo/config.toml is not used: Not a"
    assert words in line
    assert b"* you are in lobby" in done.stdout


# --- who one is -------------------------------------------------------------------------------------------------


def test_the_login_name_is_what_one_is_called(address: str):
    done = run(address, "--room", "", env=environment(LOGNAME="somebody"))
    assert done.returncode == 0
    assert b"* you are somebody\n" in done.stdout
    assert b"* you are in" not in done.stdout, "an empty --room joins none"


def test_a_login_name_that_is_no_name_leaves_one_the_guest(address: str):
    done = run(address, "--room", "", env=environment(LOGNAME="some body"))
    assert done.returncode == 0
    assert b"* you are guest-" in done.stdout
    assert b"\n! a name" in done.stdout


@pytest.mark.parametrize(
    ("name", "login"),
    [("x" * 40_000, b"login"), ("", b"x" * 40_000), ("", b"\xff")],
    ids=["a name too large for a frame", "a login name too large", "a login name not UTF-8"],
)
def test_a_name_that_cannot_be_sent_is_told_and_not_a_crash(impatient: str, name: str, login: bytes):
    # Whether as a guest or with a refusal, it goes on or ends; nobody sits before a program that does nothing.
    done = run(impatient, "--name", name, env={**environment(), "LOGNAME": os.fsdecode(login)})
    assert b"Traceback" not in done.stderr
    assert b"(silent)" not in done.stdout
    assert done.returncode in (0, 1, 2)
    if done.returncode:
        assert done.stderr.startswith(b"pylingo: ")
        assert len(done.stderr.splitlines()) == 1


# --- the outside world ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"},
        {"LC_ALL": "C", "PYTHONUTF8": "0"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "latin-1:strict"},
    ],
    ids=["ASCII", "C", "Latin-1"],
)
def test_a_locale_without_the_letters_of_others(
    tmp_path: Path, server: ServerProcess, address: str, changes: dict[str, str], request: pytest.FixtureRequest
):
    room = f"locale-{request.node.callspec.indices['changes']}"
    out = tmp_path / "out"
    with contextlib.ExitStack() as stack:
        peer = stack.enter_context(Peer(server.port))
        peer.join(room)
        with out.open("wb") as printed:
            client = subprocess.Popen(
                [sys.executable, str(SCRIPT), address, "--room", room],
                stdin=subprocess.PIPE,
                stdout=printed,
                stderr=subprocess.PIPE,
                env=environment(**changes),
            )
        stack.callback(client.kill)
        peer.until(Joined)
        peer.send(Say("wave 👩‍💻 漢 \u2028 bye"))
        wait_until(lambda: b"bye" in out.read_bytes() or client.poll() is not None, "the message on stdout")
        _, errors = client.communicate("schöne Grüße 👋\n".encode() + b"\xff\n", DEADLINE)
        assert b"Traceback" not in errors
        peer.until(Message, text="schöne Grüße 👋")
        assert b"wave ?" in out.read_bytes()
        assert b"UTF-8" in errors
        assert client.returncode == 1  # for the line that was not UTF-8


SHELL = f'"{sys.executable}" "{SCRIPT}"'


@pytest.mark.parametrize(
    "tail",
    [
        "</dev/null >&-",
        "</dev/null 2>&-",
        "<&- >&-",
        "<&- >&- 2>&-",
        "--help >&-",
        "--nope 2>&-",
        "</dev/null | true",
        "</dev/null | head -1 >/dev/null",
        "--json </dev/null 2>&1 | head -1 >/dev/null",
    ],
)
def test_descriptors_that_are_closed(address: str, tail: str):
    done = subprocess.run(
        ["sh", "-c", f"{SHELL} {address} {tail}"],
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=DEADLINE,
        check=False,
    )
    assert b"Traceback" not in done.stderr
    assert b"Exception" not in done.stderr
    assert len(done.stderr.splitlines()) <= 1 or "--help" in tail  # with stdout closed, help goes where it can


def test_errors_do_not_go_to_the_output_where_stderr_is_closed(address: str):
    done = subprocess.run(
        ["sh", "-c", f"{SHELL} {address} --name stderrless --json 2>&-"],
        env=environment(),
        input=b"\xff\n/users\n",
        stdout=subprocess.PIPE,
        timeout=DEADLINE,
        check=False,
    )
    lines = done.stdout.splitlines()
    assert len(lines) == 5, done.stdout  # welcome, ready, joined, users, goodbye
    assert all(line.startswith(b"{") for line in lines)


def test_nothing_of_the_server_is_loaded(address: str):
    done = run(address, python=("-X", "importtime"))
    assert done.returncode == 0
    assert b"pylingo.reactor.engine.loop" in done.stderr
    assert b"pylingo.reactor.chat" not in done.stderr
    assert b"pylingo.reactor.server" not in done.stderr
    assert importlib.util.find_spec("pylingo.reactor.chat") is not None
