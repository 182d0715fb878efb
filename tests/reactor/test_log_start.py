"""The log of a process as it is set up: where it goes and how it looks."""

import json
import logging
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pylingo.reactor.log_start import is_journal, start_log
from pylingo.shared.launch import LaunchError
from tests.support import DEADLINE, ROOT, Peer, ServerProcess, wait_until


def run(code, **options):
    """`code` in a process of its own, as the set-up is for the whole process."""
    code = f"import logging, sys\nfrom pylingo.reactor.log_start import start_log\n{code}"
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=DEADLINE, check=True, **options
    )


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error", "critical"])
def test_lines_of_at_least_the_level_go_to_stderr(level):
    names = ["debug", "info", "warning", "error", "critical"]
    done = run(
        f"start_log({level!r})\n"
        f"for name in {names}: getattr(logging.getLogger('pylingo.reactor.engine'), name)('%s \\x1b', name)"
    )
    assert done.stdout == ""
    found = re.findall(r"^\S+ \S+ (\S+) +(\w+) \ufffd$", done.stderr, re.MULTILINE)
    assert found == [(name.upper(), name) for name in names[names.index(level) :]]


def test_setting_up_again_replaces_what_was_set_up():
    done = run("start_log('error')\nstart_log('info')\nlogging.info('hello')")
    assert done.stderr.count("hello") == 1


def test_a_closed_stderr_is_no_error():
    done = run("start_log('info')\nsys.stderr.close()\nlogging.error('hello')\nprint('alive')")
    assert done.stdout == "alive\n"


def test_stderr_is_the_journal_only_where_the_variable_names_it():
    status = os.fstat(2)
    named = {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}
    assert is_journal(named)
    assert not is_journal({"JOURNAL_STREAM": "1:1"})
    assert not is_journal({})
    code = (
        "import os\nstatus = os.fstat(2)\n"
        "variables = {'JOURNAL_STREAM': f'{status.st_dev}:{status.st_ino}'}\n"
        "start_log('info', environment=variables)\nlogging.error('hello')"
    )
    assert run(code).stderr == "<3>hello\n"
    assert json.loads(run(code.replace("'info'", "'info', 'json'")).stderr)["message"] == "hello"


@pytest.mark.parametrize(
    ("path", "why"),
    [("none/log", "No such file or directory"), (".", "Is a directory"), ("pipe", "No such device or address")],
)
def test_a_file_that_cannot_be_written_is_one_sentence(path: str, why: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    with pytest.raises(LaunchError) as caught:
        start_log("info", path=path)
    assert str(caught.value) == f"cannot write the log file {path}: {why} (--log-file names it)"
    assert caught.value.status == 2
    assert not [handler for handler in logging.getLogger().handlers if type(handler).__name__ == "LineHandler"]


def objects(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_server_logs_to_a_file_as_json_and_opens_it_again_on_sighup(tmp_path: Path) -> None:
    path = tmp_path / "log"
    old = tmp_path / "log.1"
    with ServerProcess("--log-file", str(path), "--log-format", "json") as server:
        with Peer(server.port) as peer:
            peer.hello("ada")
        wait_until(lambda: len(objects(path)) == 3)
        path.rename(old)
        server.process.send_signal(signal.SIGHUP)
        wait_until(path.exists)
        assert server.stop(signal.SIGTERM) == 0
        assert server.log() == ""
    assert old.stat().st_mode & 0o777 == 0o600
    join, connected, ended = objects(old)
    assert str(join["message"]).startswith("join it with: ")
    assert (connected["event"], connected["level"]) == ("connected", "info")
    assert str(connected["name"]).startswith("guest-")
    assert (ended["event"], ended["reason"], ended["name"]) == ("ended", "lost", "ada")
    assert connected["address"] == ended["address"]
    assert isinstance(ended["duration"], float)
    if sys.platform == "linux":
        assert {type(ended["bytes_in"]), type(ended["bytes_out"])} == {int}
    messages = [str(found["message"]) for found in objects(path)]
    assert messages[0] == "the log file was opened again"
    assert not any("no configuration to reload" in message for message in messages)
    assert messages[-1].startswith("0 connected")
