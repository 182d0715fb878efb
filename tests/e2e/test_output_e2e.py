"""A server whose stdout or stderr nobody reads serves on, and ends when it is told to."""

import contextlib
import os
import pty
import re
import signal
import subprocess
import sys
import termios
from collections.abc import Iterator

import pytest

from pylingo.shared.messages import Goodbye
from tests.support import DEADLINE, ROOT, Peer, tls_options

RUN = str(ROOT / "reactor" / "run.py")


@contextlib.contextmanager
def full_pipe() -> Iterator[tuple[int, int]]:
    """Both ends of a pipe that takes no more."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writer, b"." * 65_536)
    os.set_blocking(writer, True)
    try:
        yield reader, writer
    finally:
        os.close(reader)
        os.close(writer)


@contextlib.contextmanager
def stopped_terminal() -> Iterator[tuple[int, int]]:
    """Both ends of a terminal on which ^S was typed."""
    master, slave = pty.openpty()
    termios.tcflow(slave, termios.TCOOFF)
    try:
        yield master, slave
    finally:
        os.close(master)
        os.close(slave)


@pytest.mark.parametrize(
    ("stuck", "level", "is_encrypted"),
    [(full_pipe, "info", False), (full_pipe, "debug", True), (stopped_terminal, "debug", False)],
    ids=["a full pipe", "a full pipe over TLS", "a stopped terminal"],
)
def test_a_log_that_nobody_reads_holds_nobody_up(stuck, level: str, is_encrypted: bool) -> None:
    with stuck() as (_, writer):
        process = subprocess.Popen(
            [sys.executable, RUN, "--port", "0", "--log-level", level, *(tls_options() if is_encrypted else ())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=writer,
            text=True,
        )
        with process:
            try:
                assert process.stdout is not None
                port = int(process.stdout.readline().rpartition(":")[2])
                for _ in range(400):  # each of them is a line in the log
                    with Peer(port, tls=is_encrypted) as bad:
                        bad.raw(b"\xff" * 4)
                        bad.expect(Goodbye, reason="bad-frame")
                with Peer(port, tls=is_encrypted) as peer:
                    peer.join("tea")
                    process.send_signal(signal.SIGTERM)
                    peer.until(Goodbye, reason="shutdown")
                assert process.wait(DEADLINE) == 0
            finally:
                process.kill()


def test_a_first_line_that_nobody_reads_keeps_nobody_out(is_encrypted: bool) -> None:
    with full_pipe() as (_, writer):
        process = subprocess.Popen(
            [sys.executable, RUN, "--port", "0", *(tls_options() if is_encrypted else ())],
            stdin=subprocess.DEVNULL,
            stdout=writer,
            stderr=subprocess.PIPE,
            text=True,
        )
        with process:
            try:
                assert process.stderr is not None
                hint = process.stderr.readline()
                port = int(re.findall(r"\d\.\d:(\d+)", hint)[-1])  # a fingerprint has colons and digits as well
                with Peer(port, tls=is_encrypted) as peer:
                    peer.join("tea")
                    process.send_signal(signal.SIGTERM)
                    peer.until(Goodbye, reason="shutdown")
                assert process.wait(DEADLINE) == 0
            finally:
                process.kill()
