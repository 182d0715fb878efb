"""The data folder of a real server: killed while it writes, on a full disk, damaged."""

# Runs once: no connection matters to the folder.

import os
import re
import resource
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from pylingo.reactor.control import ask
from pylingo.reactor.people.administration import NOT_STORED, invite_request
from pylingo.reactor.people.register import Register
from pylingo.reactor.people.state_file import read_state
from tests.fakes.people import key
from tests.support import DEADLINE, ROOT, ServerProcess, wait_until

SCRIPT = str(ROOT / "reactor" / "run.py")


def register_of(data: Path) -> Register:
    return Register.from_state(read_state(str(data / "people.json")))


def test_a_server_that_is_killed_while_it_writes_has_a_whole_file_with_all_it_has_told(tmp_path: Path) -> None:
    data = tmp_path / "data"
    told: list[str] = []
    for _ in range(3):
        with ServerProcess("--data", str(data), "--no-tls") as server:

            def ask_on(server: ServerProcess = server) -> None:
                while server.process.poll() is None:
                    try:
                        reply = ask(str(data / "control"), invite_request(False), 1.0)
                    except OSError:  # it was killed
                        return
                    if reply is not None:
                        told.append(reply["code"])

            before = len(told)
            asking = threading.Thread(target=ask_on)
            asking.start()
            while len(told) < before + 10:
                assert asking.is_alive()
                asking.join(0.001)
            server.process.kill()
            asking.join(DEADLINE)
        register = register_of(data)
        for code in told:
            assert register.redeem(code, key(1)) is not None
            register = register_of(data)
    assert len(told) >= 30


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="limits of another process are set as Linux has it")
def test_a_full_disk_gives_no_invitation(tmp_path: Path) -> None:
    data = tmp_path / "data"
    codes: list[str] = []
    with ServerProcess("--data", str(data), "--no-tls") as server:
        # Python ignores SIGXFSZ: a write beyond the limit is an error, as on a disk that is full.
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (6_144, resource.RLIM_INFINITY))
        reply: dict[str, Any] | None = {}
        while reply != NOT_STORED:
            reply = ask(str(data / "control"), invite_request(False), DEADLINE)
            assert reply is not None
            codes += [reply["code"]] if "code" in reply else []
            assert len(codes) < 50
        wait_until(lambda: "cannot write" in server.log(), "the line about it in the log")
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        reply = ask(str(data / "control"), invite_request(False), DEADLINE)
        assert reply is not None
        codes.append(reply["code"])
        assert server.stop(signal.SIGTERM) == 0
    invitations = register_of(data).to_state()["invitations"]
    assert len([one for one in invitations if not one.operator]) == len(codes)


# Starts servers in "data-0", "data-1" and so on. The one in "data-N" is killed at its Nth step on the files.
KILLED_STARTS = """
import os, sys
from pylingo.reactor.config import parse_arguments, with_data
from pylingo.reactor.history.database import open_file
from pylingo.reactor.registry import open_registry
from pylingo.reactor.start import check_history

STEPS = {"open", "os.chmod", "os.mkdir", "os.remove", "os.rename", "os.truncate", "sqlite3.connect"}
steps_left = 0

def count(event, arguments):
    global steps_left
    if event in STEPS and (event == "os.truncate" or b"data-" in os.fsencode(str(arguments[0]))):
        steps_left -= 1
        if not steps_left:
            os._exit(9)

def start(path):
    settings = with_data(parse_arguments(["--data", path]))
    registry = open_registry(settings)
    check_history(settings.history, settings.data)
    link = registry.write_link("127.0.0.1:5000", settings.tls_cert)
    open_file(settings.history).close()
    registry.write_first(is_shown=True)
    registry.data.unlock()
    return registry.first_code is not None

start("first")  # imports everything
sys.addaudithook(count)
number, status = 0, 9
while status == 9:
    number += 1
    if not (child := os.fork()):
        steps_left = number
        start(f"data-{number}")
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    print(status, start(f"data-{number}"), start(f"data-{number}"))
"""


def test_a_first_start_that_is_killed_anywhere_is_made_up_for_by_the_next_one(tmp_path: Path) -> None:
    command = [sys.executable, "-c", KILLED_STARTS]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=5 * DEADLINE, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    *killed, last = [line.split() for line in done.stdout.splitlines()]
    assert last == ["0", "False", "False"]
    assert len(killed) > 20
    assert {status for status, _, _ in killed} == {"9"}
    assert {later for _, _, later in killed} == {"False"}
    # Between the storing of the invitation and its printing, the first start is over: /invite makes another one.
    is_first = [first == "True" for _, first, _ in killed]
    assert is_first == sorted(is_first, reverse=True)
    assert 0 < is_first.count(False) < 5


@pytest.mark.parametrize("content", ["", "{", '{"version": 9}'])
def test_a_damaged_file_keeps_a_server_from_starting(tmp_path: Path, content: str) -> None:
    data = tmp_path / "data"
    with ServerProcess("--data", str(data)) as server:
        server.stop(signal.SIGTERM)
    (data / "people.json").write_text(content)
    command = [sys.executable, SCRIPT, "--port", "0", "--data", str(data)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch(r"pylingo-server: the people file \S+people.json is (empty|damaged)[^\n]+\n", done.stderr)
    assert (data / "people.json").read_text() == content


@pytest.mark.parametrize("options", [[], ["--no-tls"]])
def test_a_server_without_its_people_file_does_not_start_anew_before_it_is_told_to(
    tmp_path: Path, options: list[str]
) -> None:
    data = tmp_path / "data"
    with ServerProcess("--data", str(data), *options) as server:
        server.stop(signal.SIGTERM)
    (data / "people.json").unlink()
    command = [sys.executable, SCRIPT, "--port", "0", "--data", str(data), *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch(r"pylingo-server: the people file \S+people.json is missing[^\n]+\n", done.stderr)
    told = re.findall(r"pylingo-server (forget --data \S+)\n", done.stderr)[0].split()
    command = [sys.executable, SCRIPT, *told]
    done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    with ServerProcess("--data", str(data)) as server:
        server.stop(signal.SIGTERM)
        assert server.process.stdout is not None
        assert server.process.stdout.read().startswith("open this link to become the operator: ")


def test_an_empty_history_does_not_start_anew(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with ServerProcess("--data", str(data)) as server:
        server.stop(signal.SIGTERM)
    (data / "history.db").write_bytes(b"")
    command = [sys.executable, SCRIPT, "--port", "0", "--data", str(data)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch(r"pylingo-server: cannot keep the history in \S+history.db: it is empty: [^\n]+\n", done.stderr)
    assert (data / "history.db").read_bytes() == b""
    with ServerProcess("--data", str(data), "--history", str(tmp_path / "other.db")) as server:
        server.stop(signal.SIGTERM)
