"""The `redis-server` that the supervisor starts for its workers, with its data in one folder and without a TCP port."""

import contextlib
import ctypes
import enum
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable

from pylingo.reactor.engine.loop import EVENT_READ, Reactor
from pylingo.reactor.engine.timers import Timer
from pylingo.reactor.people.data_dir import DataDir, open_data_dir
from pylingo.reactor.workers.backoff import Backoff
from pylingo.reactor.workers.children import Children, describe_end
from pylingo.reactor.workers.redis_log import RedisLog
from pylingo.shared.launch import LaunchError

logger = logging.getLogger(__name__)

_MOST_PATH = 107  # bytes of the path of a socket
_ASK_EVERY = 0.05  # seconds
_OTHER_LEAVES = 10.0  # seconds that the Redis of a server that was killed may take to end
_TOLD_AFTER = 5.0  # seconds after which the log says what is waited for
_END = 10.0  # seconds for the end, after which it is killed
_SETTINGS = {
    "port": "0",
    "unixsocketperm": "700",
    "save": "",
    "appendonly": "yes",
    "appendfsync": "everysec",
    "maxmemory-policy": "noeviction",
    "stream-node-max-bytes": "1024",
    "daemonize": "no",
    "loglevel": "warning",
}
_PR_SET_PDEATHSIG = 1


class RedisState(enum.Enum):
    """The progress of the server."""

    CHECKING = enum.auto()
    """Nothing may answer on the socket yet."""
    STARTING = enum.auto()
    UP = enum.auto()
    RESTARTING = enum.auto()
    STOPPING = enum.auto()
    DOWN = enum.auto()


def find_redis_server(data: str, program: str = "redis-server") -> str:
    """Return the path of the program. Raises `LaunchError` if it is missing, or cannot listen below the folder `data`.

    Nothing is made, so a start that would fail can be refused before it leaves anything behind.
    """
    found = shutil.which(program)
    if found is None:
        raise LaunchError(
            "--workers needs redis-server, which is missing: install it with  apt install redis-server"
            "  or name a Redis with --cluster"
        )
    path = DataDir(os.path.abspath(data)).redis_socket
    if len(os.fsencode(path)) > _MOST_PATH:
        raise LaunchError(f"the path {path} is too long for a socket: choose a shorter --data")
    return found


class RedisServer:
    """Redis as a child process. It is started again when it ends, and ends when the supervisor does, however that ends.

    `ready` is called when it answers for the first time. `failed` is called with one sentence if it never will.
    """

    def __init__(
        self,
        reactor: Reactor,
        children: Children,
        data: str,
        ready: Callable[[], object],
        failed: Callable[[str], object],
        program: str = "redis-server",
    ) -> None:
        """`data` is the data folder, which exists. Raises `LaunchError`, as `find_redis_server`, or for its folder."""
        found = find_redis_server(data, program)
        folder = DataDir(os.path.abspath(data))
        self.folder, self.path = folder.redis, folder.redis_socket
        try:
            open_data_dir(self.folder)
        except ValueError as error:
            raise LaunchError(str(error)) from None
        self.state = RedisState.DOWN
        self.starts = 0
        self._program = found
        self._reactor = reactor
        self._children = children
        self._ready = ready
        self._failed = failed
        self._stopped: Callable[[], object] = lambda: None
        self._backoff = Backoff()
        self._process = 0
        self._since = 0.0  # when the state was entered, on the reactor's clock
        self._timer: Timer | None = None
        self._log: RedisLog | None = None
        self._has_told = False

    @property
    def url(self) -> str:
        """The address of the server, as `--cluster` takes it."""
        return f"redis+unix://{self.path}"

    @property
    def process(self) -> int:
        """The number of its process; 0 if there is none."""
        return self._process

    def start(self) -> None:
        """Wait until no other Redis uses the folder, then start one."""
        self._enter(RedisState.CHECKING)
        self._ask()

    def stop(self, stopped: Callable[[], object]) -> None:
        """End it, and call `stopped` then. It has written everything that it was told."""
        self._stopped = stopped
        self._enter(RedisState.STOPPING)
        if self._timer is not None:
            self._timer.cancel()
        if self._process:
            self._children.kill(self._process, signal.SIGTERM)
            self._reactor.call_later(_END, self._children.kill, self._process, signal.SIGKILL)
        else:
            self._is_down()

    def _enter(self, state: RedisState) -> None:
        self.state = state
        self._since = self._reactor.clock()
        self._has_told = False

    def _launch(self) -> None:
        """Start the process. Its output goes to our log."""
        settings = {"dir": self.folder, "unixsocket": self.path, **_SETTINGS}
        command = [self._program]
        for name, value in settings.items():
            command += [f"--{name}", value]
        self.starts += 1
        ours, theirs = os.pipe()
        self._log = RedisLog(self._reactor, ours)
        try:
            self._process = self._children.start(
                command,
                self._ended,
                stdin=subprocess.DEVNULL,
                stdout=theirs,
                stderr=theirs,
                umask=0o077,
                process_group=0,  # Ctrl-C on the terminal is for the supervisor: Redis ends last
                preexec_fn=_prepare_child(),
            )
        except OSError as error:
            self._has_failed(f"redis-server cannot be started: {error.strerror or error}", "")
        else:
            self._later(_ASK_EVERY, self._ask)
        finally:
            os.close(theirs)

    def _ended(self, status: int) -> None:
        self._process = 0
        if self._log is not None:
            self._log.handle()  # its last words
            self._log.close()
        if self._timer is not None:
            self._timer.cancel()
        if self.state is RedisState.STOPPING:
            self._is_down()
        else:
            self._has_failed(f"redis-server {describe_end(status)}", " before it could be used: its last words say why")

    def _has_failed(self, why: str, at_first: str) -> None:
        """Start it again, unless it never was up: then it is given up, and `at_first` belongs to the reason."""
        if self.state is RedisState.STARTING:
            self.state = RedisState.DOWN
            self._failed(why + at_first)
            return
        delay = self._backoff.delay(self._reactor.clock() - self._since)
        logger.error("%s: starting it again%s", why, f" in {delay:g} s" if delay else "")
        self._enter(RedisState.RESTARTING)
        self._later(delay, self._launch)

    def _is_down(self) -> None:
        self.state = RedisState.DOWN
        self._stopped()

    def _later(self, delay: float, callback: Callable[[], object]) -> None:
        self._timer = self._reactor.call_later(delay, callback)

    # --- whether it answers

    def _ask(self) -> None:
        try:
            _Question(self._reactor, self.path, self._answered)
        except OSError:  # nobody listens
            self._answered(b"")

    def _answered(self, reply: bytes) -> None:
        """`reply` is empty if nobody has answered."""
        waited = self._reactor.clock() - self._since
        if self.state is RedisState.CHECKING:
            self._check(bool(reply), waited)
        elif self.state in (RedisState.STARTING, RedisState.RESTARTING):
            if reply.startswith(b"+PONG"):
                is_first = self.state is RedisState.STARTING
                self._enter(RedisState.UP)
                if is_first:
                    self._ready()
                return
            if waited > _TOLD_AFTER and not self._has_told:
                self._has_told = True
                logger.info("waiting for redis-server, which loads its data")
            self._later(_ASK_EVERY, self._ask)

    def _check(self, is_used: bool, waited: float) -> None:
        if not is_used:
            self._enter(RedisState.STARTING)
            self._launch()
        elif waited < _OTHER_LEAVES:
            self._later(_ASK_EVERY, self._ask)
        else:
            self.state = RedisState.DOWN
            self._failed(f"another redis-server uses the folder {self.folder}: stop it, or name another --data")


class _Question:
    """Asks the Redis at `path` whether it is ready, and calls `answered` with its reply, once."""

    def __init__(self, reactor: Reactor, path: str, answered: Callable[[bytes], object]) -> None:
        """Raises `OSError` if nobody listens."""
        self._reactor = reactor
        self._answered = answered
        self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._sock.setblocking(False)
            self._sock.connect(path)
            self._sock.send(b"PING\r\n")
            reactor.register(self._sock.fileno(), EVENT_READ, self)
        except BaseException:
            self._sock.close()
            raise

    def handle(self, mask: int) -> None:
        """Read the reply."""
        reply = b""
        with contextlib.suppress(OSError):
            reply = self._sock.recv(1_024)
        self._reactor.unregister(self._sock.fileno())
        self._sock.close()
        self._answered(reply)

    def fail(self, error: Exception) -> None:
        """Do nothing: the error is logged."""


def _prepare_child() -> Callable[[], None] | None:
    """Return what a child calls before its program: it ignores the supervisor's signals, and ends with it.

    `systemctl kill -s USR1` sends the signal to all processes of a unit, and it would end Redis. Redis cannot watch a
    pipe, so the system ends it. Elsewhere than on Linux there is no such thing, and the next start waits for it.
    """
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)
    parent = os.getpid()

    def prepare() -> None:
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        signal.signal(signal.SIGUSR2, signal.SIG_IGN)
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != parent:  # it has ended meanwhile
            os._exit(1)

    return prepare
