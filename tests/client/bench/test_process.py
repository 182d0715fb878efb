"""The server as a child, and what the system says that a process costs."""

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pylingo.client.bench.certificate import trust_anybody
from pylingo.client.bench.process import ServerChild, Usage, usage
from tests.support import Peer, wait_until


@pytest.fixture
def child() -> Iterator[ServerChild]:
    running = ServerChild(("--motd", "hello"))
    yield running
    if running.process.poll() is None:
        running.stop()


def test_it_serves_until_it_is_stopped(child: ServerChild):
    with Peer(child.port) as peer:
        peer.hello() if peer.recv() else None
        assert peer.join("r").users == 1
    assert child.process.poll() is None
    assert child.stop().count("Traceback") == 0
    assert child.process.returncode == 0


def test_an_encrypted_server_has_a_certificate_of_its_own_until_it_is_stopped():
    running = ServerChild(tls=True)
    folder = Path(running.process.args[running.process.args.index("--tls-key") + 1]).parent  # type: ignore[union-attr, operator, index]
    with socket.create_connection(("127.0.0.1", running.port)) as sock, trust_anybody().wrap(sock) as tls:
        tls.do_handshake()
        assert tls.recv(1_000)
    assert "Traceback" not in running.stop()
    assert not folder.exists()


def test_usage(child: ServerChild):
    first = usage(child.pid)
    assert first.cpu > 0
    assert 2**20 < first.resident <= first.peak
    with Peer(child.port) as peer:
        peer.recv()
        # Work until it shows: how soon is the system's to say.
        wait_until(lambda: peer.fence() == [] and usage(child.pid).cpu > first.cpu, "the accounting")
    later = usage(child.pid)
    assert later.cpu > first.cpu
    assert later.peak >= later.resident  # no comparison with the first: the kernel's counters are not exact


def test_usage_of_this_process_grows():
    before = usage(os.getpid())
    block = bytearray(os.urandom(1) * 2**24)
    after = usage(os.getpid())
    assert after.peak >= after.resident > 0
    assert after.cpu >= before.cpu
    assert len(block) == 2**24


def test_a_thread_that_ends_meanwhile_is_left_out(monkeypatch: pytest.MonkeyPatch):
    tasks = os.listdir(f"/proc/{os.getpid()}/task")
    with monkeypatch.context() as patch:
        patch.setattr(os, "listdir", lambda path: [*tasks, str(2**22 + 1)])
        assert usage(os.getpid()).cpu > 0


def test_usage_of_nobody():
    with pytest.raises(OSError, match="No such file"):
        usage(2**22 + 1)  # Linux has no such numbers


def test_a_server_that_does_not_start():
    with pytest.raises(RuntimeError, match=r"did not start: pylingo-server: .*--nope"):
        ServerChild(("--nope",))


def test_a_server_that_does_not_stop_is_killed(child: ServerChild, monkeypatch: pytest.MonkeyPatch):
    communicate = child.process.communicate

    def sooner(timeout: float | None = None) -> Any:
        return communicate(timeout=None if timeout is None else 0.05)

    monkeypatch.setattr(child.process, "communicate", sooner)
    os.kill(child.pid, signal.SIGSTOP)
    assert child.stop() is not None
    assert child.process.returncode == -signal.SIGKILL


def test_stopping_twice(child: ServerChild):
    child.stop()
    assert isinstance(child.process, subprocess.Popen)
    assert child.process.returncode == 0
    assert Usage(1.0, 2, 3) == Usage(1.0, 2, 3)
