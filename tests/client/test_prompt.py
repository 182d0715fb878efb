"""Secrets that a person types."""

import os
import pty
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pylingo.client.prompt import read_link
from pylingo.shared.launch import LaunchError
from tests.support import DEADLINE, ROOT

ASK = "from pylingo.client.prompt import ask_secret; print('got', len(ask_secret('Secret: ')))"


def test_typed_secrets_are_not_shown() -> None:
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(ROOT)
        os.execv(sys.executable, [sys.executable, "-c", ASK])
    output = b""
    is_typed = False
    end = time.monotonic() + DEADLINE
    while not output.endswith(b"\r\n") or b"got" not in output:
        assert time.monotonic() < end, output
        output += os.read(terminal, 1_024)
        if b"Secret: " in output and not is_typed:
            is_typed = True
            os.write(terminal, b"hunter2\n")
    os.waitpid(pid, 0)
    os.close(terminal)
    assert b"got 7" in output
    assert b"hunter2" not in output


def test_without_a_terminal_there_is_a_sentence() -> None:
    code = f"from pylingo.shared.launch import launch; launch('p', lambda: exec({ASK!r}))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        input=b"hunter2\n",
        capture_output=True,
        start_new_session=True,
        timeout=DEADLINE,
    )
    assert done.stderr == b"p: there is no terminal to ask on: Secret\n"
    assert done.stdout == b""


def with_input(data: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """Make `data` the standard input of this process; returns a descriptor that restores the old one."""
    path = tmp_path / "input"
    path.write_bytes(data)
    descriptor = os.open(path, os.O_RDONLY)
    monkeypatch.setattr("pylingo.client.prompt.os.isatty", lambda fd: False)
    before = os.dup(0)
    os.dup2(descriptor, 0)
    os.close(descriptor)
    return before


@pytest.mark.parametrize("line", [b"pylingo://h\n", b"  pylingo://h\r\n", b"pylingo://h"])
def test_a_link_is_the_first_line_of_a_pipe_and_the_rest_is_left(
    line: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = with_input(line + (b"hello\n" if line.endswith(b"\n") else b""), tmp_path, monkeypatch)
    try:
        assert read_link() == "pylingo://h"
        assert os.read(0, 100) == (b"hello\n" if line.endswith(b"\n") else b"")
    finally:
        os.dup2(before, 0)
        os.close(before)


def test_a_link_is_utf8_and_has_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for data, size in ((b"\xff\n", None), (b"x" * 10_000, 4_097)):
        before = with_input(data, tmp_path, monkeypatch)
        try:
            if size is None:
                with pytest.raises(LaunchError, match="not UTF-8"):
                    read_link()
            else:
                assert len(read_link()) == size
        finally:
            os.dup2(before, 0)
            os.close(before)
