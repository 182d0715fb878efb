"""A server as a child process, and the CPU time and memory of a process by the accounting of Linux."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pylingo.client.bench.certificate import make_certificate

_RUN = Path(__file__).resolve().parent.parent.parent / "reactor" / "run.py"
_START = re.compile(r"listening on .*:(\d+)$")


@dataclass(frozen=True, slots=True)
class Usage:
    """CPU in seconds, user and system together; memory in bytes."""

    cpu: float
    resident: int
    peak: int


def usage(pid: int) -> Usage:
    """CPU time and memory of the process `pid` so far, from /proc. Raises `OSError` without one."""
    cpu = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        path = f"/proc/{pid}/task/{task}/schedstat"
        with contextlib.suppress(FileNotFoundError, ProcessLookupError), open(path, "rb") as file:  # a thread may end
            cpu += int(file.read().split()[0])
    sizes = dict.fromkeys(("VmRSS", "VmHWM"), 0)
    with open(f"/proc/{pid}/status") as status:
        for line in status:
            key, _, value = line.partition(":")
            if key in sizes:
                sizes[key] = int(value.split()[0]) * 1024
    return Usage(cpu / 1e9, sizes["VmRSS"], sizes["VmHWM"])


class ServerChild:
    """A PyLingo server on a port chosen by the system, with a certificate of its own if `tls` is wanted.

    Raises `RuntimeError` if it does not start.
    """

    def __init__(self, options: Sequence[str] = (), tls: bool = False) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="pylingo-bench-") if tls else None
        if self._folder is not None:
            certificate, key = make_certificate(Path(self._folder.name))
            options = (*options, "--tls-cert", certificate, "--tls-key", key)
        self.process = subprocess.Popen(
            [sys.executable, str(_RUN), "--port", "0", "--log-level", "warning", "--resume-grace", "0", *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.pid = self.process.pid
        assert self.process.stdout is not None
        started = _START.search(self.process.stdout.readline().strip())
        if started is None:
            raise RuntimeError(f"the server did not start: {self.stop().strip()}")
        self.port = int(started[1])

    def stop(self) -> str:
        """End the server; returns what it wrote to stderr."""
        if self._folder is not None:
            self._folder.cleanup()
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.communicate(timeout=15)[1]
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.communicate()[1]
