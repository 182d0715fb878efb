"""Starting the server the ways an operator does, and being told in one line why it does not start."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pylingo.shared import __version__
from pylingo.shared.messages import Message, Notice, Say
from tests.support import DEADLINE, ROOT, Peer, ServerProcess, late_names

RUN = ROOT / "reactor" / "run.py"
# `env` finds python3 on the path: put the one first that runs the tests.
ENVIRONMENT = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"}


def run(*arguments: str, **options: Any) -> "subprocess.CompletedProcess[str]":
    """Run the server to its end."""
    command = [sys.executable, str(RUN), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, check=False, **options)


def test_from_start_to_listening(record_property: Any) -> None:
    """The time is written down; the bound is one that only something broken misses."""
    begin = time.monotonic()
    with ServerProcess() as server:
        taken = time.monotonic() - begin
        with Peer(server.port) as peer:
            assert peer.fence() == []
    record_property("seconds_to_listening", round(taken, 3))
    assert taken < 10


def test_the_first_line_says_where_it_listens() -> None:
    with ServerProcess() as server:
        assert server.first_line == f"PyLingo {__version__} listening on 127.0.0.1:{server.port}\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
@pytest.mark.parametrize("attempt", range(5))
def test_it_can_be_ended_as_soon_as_it_says_that_it_listens(number: signal.Signals, attempt: int) -> None:
    """A supervisor may change its mind at once; several attempts, as it is a race."""
    with ServerProcess() as server:
        assert server.stop(number) == 0


@pytest.mark.usefixtures("wire")
@pytest.mark.parametrize("text", ["Welcome to the tea house.", "two\nlines\tand a tab", "\u00e9" * 4_096])
def test_the_notice_of_the_day_follows_the_welcome(text: str) -> None:
    with ServerProcess("--motd", text) as server, server.peers(2) as peers:
        for peer in peers:
            assert peer.recv_map() == {"type": "notice", "text": text}
            assert peer.fence() == []


def test_controls_in_the_notice_of_the_day_are_made_visible() -> None:
    with ServerProcess("--motd", "a\x1b[2Jb\x07") as server, Peer(server.port) as peer:
        assert peer.expect(Notice).text == "a\ufffd[2Jb\ufffd"


def test_without_a_notice_there_is_none() -> None:
    with ServerProcess() as server, Peer(server.port) as peer:
        assert peer.fence() == []


@pytest.fixture
def ipv6() -> None:
    try:
        with socket.socket(socket.AF_INET6) as sock:
            sock.bind(("::1", 0))
    except OSError as error:
        pytest.skip(f"there is no ::1 on this machine: {error}")


@pytest.mark.usefixtures("ipv6", "wire")
@pytest.mark.parametrize("host", ["::1", "::"])
def test_ipv6(host: str) -> None:
    with ServerProcess("--host", host) as server:
        assert server.first_line.endswith(f" listening on [{host}]:{server.port}\n")
        with Peer(server.port, "::1") as one, Peer(server.port, "127.0.0.1" if host == "::" else "::1") as two:
            one.join("tea")
            assert two.join("tea").users == 2
            two.send(Say("over another family" if host == "::" else "over IPv6"))
            assert one.until(Message).from_ == two.name


@pytest.mark.usefixtures("wire")
def test_localhost() -> None:
    with ServerProcess("--host", "localhost") as server:
        with socket.create_connection(("localhost", server.port)):
            pass
        with Peer(server.port, "127.0.0.1") as peer:
            assert peer.fence() == []


@pytest.fixture
def scripts(tmp_path: Path) -> Iterator["list[subprocess.Popen[str]]"]:
    """Processes that end with the test."""
    processes: list[subprocess.Popen[str]] = []
    yield processes
    for process in processes:
        process.kill()
        process.communicate(timeout=DEADLINE)


@pytest.mark.parametrize("how", ["from the checkout", "from another folder", "by a link", "with a relative path"])
def test_the_script_starts_by_itself(how: str, tmp_path: Path, scripts: "list[subprocess.Popen[str]]") -> None:
    if not os.access(RUN, os.X_OK):
        pytest.fail("reactor/run.py is not executable")
    link = tmp_path / "server"
    link.symlink_to(RUN)
    command, folder = {
        "from the checkout": ("./reactor/run.py", ROOT),
        "from another folder": (str(RUN), tmp_path),
        "by a link": (str(link), tmp_path),
        "with a relative path": (os.path.relpath(RUN, tmp_path), tmp_path),
    }[how]
    process = subprocess.Popen(
        [command, "--port", "0"],
        cwd=folder,
        env=ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    scripts.append(process)
    assert process.stdout is not None
    line = process.stdout.readline()
    match = re.fullmatch(r"PyLingo \S+ listening on 127\.0\.0\.1:(\d+)\n", line)
    assert match, (line, process.communicate(timeout=DEADLINE))
    with Peer(int(match[1])) as peer:
        assert peer.fence() == []


def test_a_module_of_the_working_folder_does_not_get_in_the_way(tmp_path: Path) -> None:
    for name in ("shared", "reactor", "selectors", "msgpack"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('the wrong module')")
    done = run("--version", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, f"PyLingo {__version__}\n")


def test_the_help_names_every_option_of_these_tests() -> None:
    done = run("--help")
    assert done.returncode == 0
    for option in ("--host", "--port", "--motd", "--rate", "--max-connections", "--ping-after", "--config"):
        assert option in done.stdout


def test_settings_from_a_file_under_those_of_the_command_line(tmp_path: Path) -> None:
    file = tmp_path / "server.toml"
    file.write_text('motd = "from the file"\nmax-connections = 1\n')
    with ServerProcess("--config", str(file)) as server, Peer(server.port) as peer:
        assert peer.expect(Notice).text == "from the file"
        with Peer(server.port, greet=False) as late:
            assert getattr(late.recv(), "reason", None) == "full"
    with ServerProcess("--config", str(file), "--motd", "from the line") as server, Peer(server.port) as peer:
        assert peer.expect(Notice).text == "from the line"


MISTAKES = {
    "an unknown option": (["--nope"], "--nope"),
    "a word": (["now"], "now"),
    "a port that is none": (["--port", "x"], "0 to 65535"),
    "a port out of range": (["--port", "65536"], "0 to 65535"),
    "a negative rate": (["--rate=-1"], "--rate"),
    "not a number": (["--ping-after", "nan"], "--ping-after"),
    "a size": (["--queue-soft", "64 KB"], "64K"),
    "limits that do not go together": (["--queue-soft", "2M", "--queue-hard", "1M"], "--queue-hard"),
    "an unknown host": (["--host", "no-such-host.invalid"], "no-such-host.invalid"),
    "a host that is not ours": (["--host", "192.0.2.1"], "192.0.2.1"),
    "a file that is not there": (["--config", "nowhere.toml"], "nowhere.toml"),
    "too long a notice": (["--motd", "x" * 4_097], "4096"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_answered_with_one_line(case: str, tmp_path: Path) -> None:
    arguments, hint = MISTAKES[case]
    done = run("--port", "0", *arguments, cwd=tmp_path, env={**os.environ, **late_names(tmp_path, 0)})
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("pylingo-server: ")
    assert done.stderr.count("\n") == 1
    assert hint in done.stderr


def test_a_port_in_use_is_answered_with_one_line() -> None:
    with ServerProcess() as server:
        done = run("--port", str(server.port))
        assert done.returncode == 2
        assert done.stderr.count("\n") == 1
        assert f"port {server.port}" in done.stderr
        with Peer(server.port) as peer:  # and the one that has it is not disturbed
            assert peer.fence() == []
