"""The stage of a chaos run, the servers and their Redis, and everything that goes wrong on it."""

import contextlib
import dataclasses
import os
import random
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.redis_server import RedisProcess, running, running_sentinel
from tests.support import DEADLINE, ServerProcess, wait_until

PATIENCE = 4.0
"""Seconds of `--cluster-patience`."""
GRACE = 20.0
"""Seconds of `--resume-grace`."""
APART = 10.0
"""Seconds between the death of a server and a Redis that loses its newest data: the server was its memory."""
_TAIL = 0.5  # seconds that Redis loses
_DURABLE = ("appendonly yes", "appendfsync everysec", "aof-load-truncated yes")
_KEEP = 1_000_000  # batches of a room: all are compared
_KINDS = ("normal", "pubsub")
_PAUSES = 0.0, 0.3, 1.0, 2.0, 4.0  # seconds between two faults


@dataclasses.dataclass(frozen=True, slots=True)
class Happened:
    """A fault, from its beginning to the end of what was done about it, in seconds of the run."""

    name: str
    begin: float
    end: float


class Stage:
    """`count` servers on fixed ports and a Redis in `folder`, with a replica and a sentinel if it `is_replicated`."""

    def __init__(self, folder: Path, count: int, is_replicated: bool, seed: int) -> None:
        self.ports = [0] * count  # the system chooses one at the first start, and a restart takes it again
        self.chance = random.Random(f"{seed} faults")
        self.problems: list[str] = []
        self.is_replicated = is_replicated
        self._stack = contextlib.ExitStack()
        self._sizes: deque[tuple[float, Path, int]] = deque()
        if is_replicated:
            self.redis, self.replica, self.sentinel = self._stack.enter_context(running_sentinel(folder))
            self.url = f"redis+sentinel://127.0.0.1:{self.sentinel.port}/main"
        else:
            self.redis = self._stack.enter_context(running(folder, *_DURABLE))
            self.url = self.redis.url
        self.servers: list[ServerProcess] = []
        try:
            for index in range(count):
                self.servers.append(self._start(index))
                self.ports[index] = self.servers[index].port
        except BaseException:
            self.close()
            raise
        self.last_death = -APART
        self.last_loss = -APART
        self._is_over = False
        threading.Thread(target=self._measure_log, daemon=True).start()

    def close(self) -> None:
        """End everything."""
        self._is_over = True
        for server in self.servers:
            self._close(server)
        self._stack.close()

    # --- servers

    def _start(self, index: int) -> ServerProcess:
        options = [
            "--port",
            str(self.ports[index]),
            "--rate",
            "0",
            "--max-per-address",
            "0",
            "--max-connections",
            "500",
        ]
        options += ["--resume-grace", str(int(GRACE)), "--cluster", self.url, "--cluster-keep", str(_KEEP)]
        options += ["--cluster-patience", str(int(PATIENCE)), "--cluster-wait", "1" if self.is_replicated else "0"]
        return ServerProcess(*options)

    def _close(self, server: ServerProcess) -> None:
        if (folder := os.environ.get("CHAOS_LOGS")) is not None:
            Path(folder, f"{server.port}.{server.pid}.log").write_text(server.log())
        try:
            server.__exit__(None, None, None)
        except AssertionError as error:
            self.problems.append(f"a server had an error:\n{error}")

    def kill_server(self) -> None:
        """`kill -9`, and another one on the same port."""
        self._replace(signal.SIGKILL, 0.5, 3.0)

    def stop_server(self) -> None:
        """A planned stop, and another one on the same port."""
        self._replace(signal.SIGTERM, 0.0, 1.0)

    def _replace(self, number: int, least: float, most: float) -> None:
        index = self.chance.randrange(len(self.servers))
        self.last_death = time.monotonic()
        server = self.servers[index]
        server.process.send_signal(number)
        try:
            server.process.wait(DEADLINE)
        except Exception:
            self.problems.append(f"the server on port {server.port} did not end:\n{server.log()}")
        self._close(server)
        time.sleep(self.chance.uniform(least, most))
        self.servers[index] = self._start(index)
        self.last_death = time.monotonic()

    def hang_server(self) -> None:
        """Stop a server for less than the patience."""
        with self.chance.choice(self.servers).stopped():
            time.sleep(2.5)

    def hang_server_too_long(self) -> None:
        """Stop a server until the others have given it up."""
        self.last_death = time.monotonic()
        with self.chance.choice(self.servers).stopped():
            time.sleep(PATIENCE + 4)
        self.last_death = time.monotonic()

    # --- Redis

    def kill_redis(self) -> None:
        """`kill -9` of Redis: its log is as long as what it has written."""
        self.redis.kill()
        time.sleep(self.chance.uniform(0.2, 1.5))
        self.redis.start()

    def lose_tail(self) -> None:
        """`kill -9` of Redis, which comes back without the last half second of its log."""
        self.last_loss = time.monotonic()
        self.redis.kill()
        now = time.monotonic()
        newest = self._log()
        before = [size for at, log, size in list(self._sizes) if at <= now - _TAIL and log == newest]
        if newest is not None and before:
            os.truncate(newest, min(before[-1], newest.stat().st_size))
        time.sleep(self.chance.uniform(0.0, 1.0))
        self.redis.start()
        self.last_loss = time.monotonic()

    def hang_redis(self) -> None:
        """Stop Redis for a while."""
        self.redis.pause()
        time.sleep(self.chance.choice((0.2, 0.2, 0.5, 1.0, 2.5, 8.0)))
        self.redis.resume()

    def rewrite_log(self) -> None:
        """Have Redis rewrite its log."""
        self.redis.call("BGREWRITEAOF")
        time.sleep(0.5)

    def cut_links(self) -> None:
        """Cut the connections of all servers, all of them or one kind, once or twice."""
        for _ in range(self.chance.randint(1, 2)):
            for kind in self.chance.choice((_KINDS, _KINDS[:1], _KINDS[1:])):
                self.redis.call("CLIENT", "KILL", "TYPE", kind)
            time.sleep(self.chance.uniform(0.0, 0.5))

    def fail_over(self) -> None:
        """Kill the primary. A sentinel promotes the replica, and the old primary becomes its replica."""
        self.redis.kill()
        wait_until(lambda: _replicates(self.replica, b"role:master"), "the failover", 60.0)
        self.redis.options = (f"replicaof 127.0.0.1 {self.replica.port}",)
        self.redis.start()
        self.redis, self.replica = self.replica, self.redis
        wait_until(lambda: _replicates(self.replica, b"master_link_status:up"), "the replication", 60.0)
        wait_until(self._knows_replica, "the sentinel's knowledge of the replica", 60.0)

    def _knows_replica(self) -> bool:
        info = self.sentinel.call("SENTINEL", "MASTER", "main")
        flags = info[info.index(b"flags") + 1]
        replicas = self.sentinel.call("SENTINEL", "REPLICAS", "main")
        return flags == b"master" and any(
            one[one.index(b"flags") + 1] == b"slave" and one[one.index(b"master-link-status") + 1] == b"ok"
            for one in replicas
        )

    def _measure_log(self) -> None:
        """Note how long the log of Redis is, now and then."""
        while not self._is_over:
            with contextlib.suppress(OSError):
                if (log := self._log()) is not None:
                    self._sizes.append((time.monotonic(), log, log.stat().st_size))
            while len(self._sizes) > 100:
                self._sizes.popleft()
            time.sleep(0.05)

    def _log(self) -> Path | None:
        logs = list((self.redis.folder / "appendonlydir").glob("*.incr.aof"))
        return max(logs, key=lambda log: int(log.name.split(".")[-3])) if logs else None


def _replicates(redis: RedisProcess, how: bytes) -> bool:
    """Whether a Redis says that of its replication. A sentinel that promotes it ends the connections to it."""
    with contextlib.suppress(OSError):
        return how in redis.call("INFO", "replication")
    return False


type Fault = Callable[[Stage], object]

FAULTS: dict[str, tuple[str, Fault]] = {
    "kill-server": ("kill -9 of a server, and restart", Stage.kill_server),
    "stop-server": ("planned stop of a server, and restart", Stage.stop_server),
    "hang-server": ("a server hangs 2.5 s", Stage.hang_server),
    "hang-long": ("a server hangs longer than the patience", Stage.hang_server_too_long),
    "kill-redis": ("kill -9 of Redis, and restart", Stage.kill_redis),
    "lose-tail": ("Redis returns without its last 0.5 s", Stage.lose_tail),
    "hang-redis": ("Redis hangs 0.2 to 8 s", Stage.hang_redis),
    "rewrite": ("Redis rewrites its log", Stage.rewrite_log),
    "cut": ("all links to Redis are cut, once or twice", Stage.cut_links),
}
REPLICA_FAULTS: dict[str, tuple[str, Fault]] = {
    **{name: FAULTS[name] for name in ("kill-server", "stop-server", "hang-server", "hang-long", "cut")},
    "fail-over": ("the primary is killed, and its replica promoted", Stage.fail_over),
}
DEATHS = frozenset({"kill-server", "stop-server", "hang-long"})
"""The faults after which a server's newest batches are gone."""


class Trouble:
    """A thread in which one fault after another happens, of those with these `names`, until the run's time is `end`.

    Without an end, each of them happens once, in their order.
    """

    def __init__(self, stage: Stage, names: list[str], end: float | None, now: Callable[[], float]) -> None:
        self.happened: list[Happened] = []
        self.current = ""
        self._stage = stage
        self._faults = {**REPLICA_FAULTS, **FAULTS} if not stage.is_replicated else REPLICA_FAULTS
        self._names = names
        self._end = end
        self._now = now
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    @property
    def is_over(self) -> bool:
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            for name in self._choices():
                begin = self._now()
                self.current = name
                self._faults[name][1](self._stage)
                self.happened.append(Happened(name, begin, self._now()))
                self.current = ""
                time.sleep(self._stage.chance.choice(_PAUSES) if self._end is not None else _PAUSES[1])
        except BaseException as error:
            self._stage.problems.append(f"the fault {self.current} failed: {error!r}")

    def _choices(self) -> Iterator[str]:
        if self._end is None:
            yield from self._names
        while self._end is not None and self._now() < self._end:
            stage, now = self._stage, time.monotonic()
            kept = self._names
            if now - stage.last_death < APART:
                kept = [name for name in kept if name != "lose-tail"]
            if now - stage.last_loss < APART:
                kept = [name for name in kept if name not in DEATHS]
            if kept:
                yield stage.chance.choice(kept)
            else:
                time.sleep(0.2)
