"""The data folder of a real server: killed while it writes, on a full disk, damaged."""

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
