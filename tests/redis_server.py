"""A real `redis-server` as a child process, for tests and measurements."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hiredis
import pytest

from pylingo.reactor.bus.redis.settings import ClusterSettings, parse_redis_address
from tests.support import DEADLINE, wait_until

LONGEST_PATH = 107
"""Bytes in the path of a Unix socket on Linux."""


def need_redis() -> None:
    """Skip the test where there is no `redis-server`."""
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is missing")


def free_port() -> int:
    """A TCP port of loopback that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


class RedisProcess:
    """A Redis in `folder`, which keeps its data between `kill` and `start`, as far as `options` have it written.

    It listens on the socket `path`, and with `tcp` on `port` of 127.0.0.1 as well. `options` are more settings, such as
    `"appendonly yes"`. It writes nothing to disk, unless they say so.
    """

    def __init__(self, folder: Path, *options: str, tcp: bool = False, mode: str = "") -> None:
        self.folder = folder
        self.path = str(folder / "redis.sock")
        assert len(os.fsencode(self.path)) <= LONGEST_PATH, f"the path of a socket is too long: {self.path}"
        self.port = free_port() if tcp else 0
        self.log = folder / "redis.log"
        self.options = options
        self._mode = [mode] if mode else []
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The address for `--cluster`."""
        return f"redis://127.0.0.1:{self.port}" if self.port else f"redis+unix://{self.path}"

    def settings(self, **more: Any) -> ClusterSettings:
        """The settings of a server in a cluster on this Redis."""
        return ClusterSettings(address=parse_redis_address(self.url), **more)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self, is_loaded: bool = True) -> None:
        """Start it and wait until it answers, and has loaded its data unless `is_loaded` is false."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for _ in range(5):
            self._launch()
            wait_until(lambda: not self.is_running or self._answers(is_loaded), "the start of redis-server")
            if self.is_running:
                return
            if self.port:  # somebody was given the port in the meantime
                self.port = free_port()
        raise AssertionError(f"redis-server does not start:\n{self.log.read_text()}")

    def _launch(self) -> None:
        config = self.folder / "redis.conf"
        if not config.exists() or not self._mode:  # Sentinel keeps its state in the file
            own = [f"dir {self.folder}", f"port {self.port}", "bind 127.0.0.1", f"unixsocket {self.path}"]
            plain = [] if self._mode else ['save ""', "appendonly no", "repl-diskless-sync-delay 0"]
            config.write_text("\n".join([*own, f"logfile {self.log}", *plain, *self.options, ""]))
        self._process = subprocess.Popen(
            ["redis-server", str(config), *self._mode], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )

    def _answers(self, is_loaded: bool) -> bool:
        try:
            reply = self.call("PING")
        except OSError:
            return False
        return not (is_loaded and isinstance(reply, Exception) and "LOADING" in str(reply))

    def call(self, *args: bytes | str | int) -> Any:
        """The reply to one command, on a connection of its own; an error is returned. Raises `OSError`."""
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(DEADLINE)
            sock.connect(self.path)
            sock.sendall(hiredis.pack_command(args))  # type: ignore[arg-type]
            reader = hiredis.Reader(notEnoughData=...)
            while (reply := reader.gets()) is ...:
                data = sock.recv(65_536)
                if not data:
                    raise ConnectionResetError("Redis closed the connection")
                reader.feed(data)
            return reply

    def stop(self) -> None:
        """End it in order, as an operator does. Does nothing if it does not run."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once."""
        self._end(signal.SIGKILL)

    def pause(self) -> None:
        """Have it hang until `resume`."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def _end(self, number: int) -> None:
        if self._process is not None:
            self._signal(number)
            self._signal(signal.SIGCONT)
            try:
                self._process.wait(DEADLINE)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None


@contextlib.contextmanager
def running(folder: Path, *options: str, tcp: bool = False, mode: str = "") -> Iterator[RedisProcess]:
    """A Redis that runs meanwhile. Skips the test where there is no `redis-server`."""
    need_redis()
    process = RedisProcess(folder, *options, tcp=tcp, mode=mode)
    try:
        process.start()
        yield process
    finally:
        process.kill()


@contextlib.contextmanager
def running_cluster(folder: Path) -> Iterator[tuple[RedisProcess, RedisProcess]]:
    """A Redis Cluster of two nodes meanwhile: the first has the slots below 8192, such as that of lane 2.

    The second has the others, such as those of the lanes 0 and 1.
    """
    with contextlib.ExitStack() as stack:
        ports = [free_port(), free_port()]
        options = [("cluster-enabled yes", f"cluster-port {port}", "cluster-node-timeout 2000") for port in ports]
        first, second = (
            stack.enter_context(running(folder / f"node{index}", *option, tcp=True))
            for index, option in enumerate(options)
        )
        assert first.call("CLUSTER", "ADDSLOTSRANGE", 0, 8191) == b"OK"
        assert second.call("CLUSTER", "ADDSLOTSRANGE", 8192, 16383) == b"OK"
        assert first.call("CLUSTER", "MEET", "127.0.0.1", second.port, ports[1]) == b"OK"
        for node in (first, second):
            wait_until(
                lambda node=node: b"cluster_state:ok" in node.call("CLUSTER", "INFO"), "the state of the Redis Cluster"
            )
        yield first, second


@contextlib.contextmanager
def running_sentinel(folder: Path) -> Iterator[tuple[RedisProcess, RedisProcess, RedisProcess]]:
    """A primary, its replica, and a sentinel that knows them as `main`."""
    with contextlib.ExitStack() as stack:
        primary = stack.enter_context(running(folder / "primary", tcp=True))
        replica = stack.enter_context(running(folder / "replica", f"replicaof 127.0.0.1 {primary.port}", tcp=True))
        wait_until(lambda: b"master_link_status:up" in replica.call("INFO", "replication"), "the replication")
        sentinel = stack.enter_context(
            running(
                folder / "sentinel",
                f"sentinel monitor main 127.0.0.1 {primary.port} 1",
                "sentinel down-after-milliseconds main 500",
                "sentinel failover-timeout main 5000",
                tcp=True,
                mode="--sentinel",
            )
        )
        wait_until(
            lambda: (
                b"num-slaves" in (info := sentinel.call("SENTINEL", "MASTER", "main"))
                and info[info.index(b"num-slaves") + 1] == b"1"
            ),
            "the sentinel's knowledge of the replica",
        )
        yield primary, replica, sentinel
