#!/usr/bin/env python3
"""Measure two servers with Redis beside one server alone, and print a Markdown table.

    python tests/measure/cluster_figures.py               # all of them, about four minutes
    python tests/measure/cluster_figures.py hundred       # only this one
    python tests/measure/cluster_figures.py --rounds 9

One server and two take turns, because the speed of a machine changes more between rounds than within one. The
throughput by CPU is what both servers of a cluster deliver in the CPU time in which one alone would deliver 1. Redis
appends to a file with `everysec`.
"""

# ruff: noqa: E402 - a script, which puts the checkout on the path first

import argparse
import contextlib
import itertools
import os
import selectors
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent

if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))

from pylingo.client.bench.dialect import PyLingo
from pylingo.client.bench.load import Load
from pylingo.client.bench.plan import Plan
from pylingo.client.bench.process import usage
from pylingo.client.bench.scenarios import UNLIMITED
from pylingo.client.bench.speaking import speak
from pylingo.reactor.engine.dial import resolve
from pylingo.reactor.engine.tls_dial import Stream, TlsDial
from pylingo.shared.codec import encode
from pylingo.shared.framing import FrameDecoder
from pylingo.shared.messages import Command, Hello, Ready, Say, Sent
from tests.measure.figures import quiet
from tests.redis_server import RedisProcess
from tests.support import Peer, ServerProcess, decode_event

ROUNDS = 5
SECONDS = 4.0
OPTIONS = ("--max-per-address", "0", "--resume-grace", "0", *UNLIMITED)
DURABLE = ("appendonly yes", "appendfsync everysec", "stream-node-max-bytes 1024")
_names = itertools.count(1)

type Rows = list[tuple[str, str, str, str]]


class ClusterDialect(PyLingo):
    """PyLingo's protocol on several servers, where what a request caused elsewhere comes after its reply."""

    rest = 1.0


class SpreadLoad(Load):
    """A load whose clients go to several servers, those of each room in turn."""

    def __init__(self, plan: Plan, ports: list[int]) -> None:
        super().__init__(plan, ClusterDialect(), ports[0], progress=quiet)
        self._places = [resolve("127.0.0.1", port) for port in ports]
        self._dialled = itertools.count()

    def dial(self, connected: Callable[[Stream], object], failed: Callable[[Exception], object]) -> TlsDial:
        """Connect one client to the server whose turn it is in the client's room."""
        turn = next(self._dialled) // self.plan.rooms
        return TlsDial(self.reactor, self._places[turn % len(self._places)], None, connected, failed)


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds of CPU of the servers and of Redis, and how many deliveries they have made."""

    servers: float
    redis: float
    deliveries: int

    @property
    def each(self) -> float:
        """Microseconds of the servers for a delivery."""
        return self.servers / self.deliveries * 1e6


@dataclass(frozen=True, slots=True)
class Setting:
    """Servers that share a chat, and their Redis, if they have one."""

    servers: list[ServerProcess]
    redis: int | None

    @property
    def ports(self) -> list[int]:
        return [server.port for server in self.servers]

    def cpu(self) -> tuple[float, float]:
        """Seconds of CPU so far, of the servers and of Redis."""
        servers = sum(usage(server.pid).cpu for server in self.servers)
        return servers, usage(self.redis).cpu if self.redis is not None else 0.0


@contextlib.contextmanager
def setting(count: int, *options: str) -> Iterator[Setting]:
    """One server alone, or `count` in a cluster."""
    with contextlib.ExitStack() as stack:
        if count == 1:
            yield Setting([stack.enter_context(ServerProcess(*OPTIONS, *options))], None)
            return
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pylingo-")))
        redis = RedisProcess(folder, *DURABLE)
        redis.start()
        stack.callback(redis.kill)
        cluster = ("--cluster", redis.url, "--cluster-name", f"figures-{next(_names)}", "--cluster-keep", "1000")
        servers = [stack.enter_context(ServerProcess(*OPTIONS, *cluster, *options)) for _ in range(count)]
        yield Setting(servers, redis.pid)


def saturate(plan: Plan, where: Setting) -> Cost:
    """The fan-out of a plan, as fast as the sockets allow; every byte is checked."""
    with contextlib.closing(SpreadLoad(plan, where.ports)) as load:
        load.connect()
        load.settle()
        before = where.cpu()
        deliveries = speak(load).deliveries
        after = where.cpu()
        load.stay_level()
    return Cost(after[0] - before[0], after[1] - before[1], deliveries)


def with_keys(where: Setting) -> Cost:
    """40 rooms of 10 people; two in each say 32 messages with keys at a time, and wait until all are `sent`."""
    rooms, members, talkers, window = 40, 10, 2, 32
    selector = selectors.DefaultSelector()
    talking: dict[socket.socket, tuple[FrameDecoder, itertools.count[int], list[int]]] = {}
    socks = []
    for number in range(rooms * members):
        sock = socket.create_connection(("127.0.0.1", where.ports[(number // rooms) % len(where.ports)]))
        sock.sendall(encode(Hello(1, f"n{number}")) + encode(Command("join", f"room{number % rooms}")))
        socks.append(sock)
        if number // rooms < talkers:
            talking[sock] = FrameDecoder(), itertools.count(number << 32), [0]
    time.sleep(2.0)
    for sock in socks:
        sock.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while sock.recv(2**20):
                pass
        selector.register(sock, selectors.EVENT_READ)
    before, sent = where.cpu(), 0
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        for sock, (_, keys, missing) in talking.items():
            if not missing[0]:
                missing[0] = window
                sock.sendall(b"".join(encode(Say("x" * 64, key=str(next(keys)))) for _ in range(window)))
        for event, _ in selector.select(0.1):
            sock = event.fileobj  # type: ignore[assignment]
            data = sock.recv(2**18)
            if sock in talking:
                decoder, _, missing = talking[sock]
                done = sum(type(decode_event(body)) is Sent for body in decoder.feed(data))
                missing[0] -= done
                sent += done
    after = where.cpu()
    for sock in socks:
        sock.close()
    return Cost(after[0] - before[0], after[1] - before[1], sent * (members - 1))


def compared(what: str, measure: Callable[[Setting], Cost], rounds: int) -> Rows:
    """One server and two in turn."""
    alone: list[Cost] = []
    both: list[Cost] = []
    for _ in range(rounds):
        for count, costs in ((1, alone), (2, both)):
            with setting(count) as where:
                costs.append(measure(where))
    times = [2 * one.each / two.each for one, two in zip(alone, both, strict=True)]
    shares = [100 * two.redis / two.servers for two in both]
    return [
        (
            f"{what}: CPU of the servers, µs a delivery",
            f"{statistics.median(cost.each for cost in alone):.3f}",
            f"{statistics.median(cost.each for cost in both):.3f}",
            f"throughput ×{statistics.median(times):.2f} ({min(times):.2f} to {max(times):.2f})",
        ),
        (
            f"{what}: Redis's CPU, % of the servers'",
            "",
            f"{statistics.median(shares):.1f}",
            f"{min(shares):.1f} to {max(shares):.1f}",
        ),
    ]


def hundred(rounds: int) -> Rows:
    """Rooms of 100."""
    return compared(
        "rooms of 100", lambda where: saturate(Plan(clients=1_000, rooms=10, senders=5, seconds=SECONDS), where), rounds
    )


def ten(rounds: int) -> Rows:
    """Rooms of 10, with keys."""
    return compared("rooms of 10, with keys", with_keys, rounds)


def sent(rounds: int) -> Rows:
    """One message at a time, with a key: from the request to its `sent`."""
    medians: tuple[list[float], list[float]] = [], []
    for _ in range(rounds):
        for count, found in zip((1, 2), medians, strict=True):
            with setting(count) as where, Peer(where.ports[0]) as ada, Peer(where.ports[-1]) as bob:
                ada.join("tea")
                bob.join("tea")
                times = []
                for key in range(500):
                    start = time.perf_counter()
                    ada.send(Say("hello", key=str(key)))
                    ada.until(Sent)
                    times.append(time.perf_counter() - start)
                found.append(statistics.median(times) * 1e3)
    one, two = (statistics.median(found) for found in medians)
    return [
        (
            "a message alone: p50 until `sent`, ms",
            f"{one:.2f}",
            f"{two:.2f}",
            f"{min(medians[1]):.2f} to {max(medians[1]):.2f}",
        )
    ]


def resume(rounds: int) -> Rows:
    """After kill -9 of a server, from the end of the stream to `ready` on the other one."""
    times = []
    for _ in range(rounds):
        with setting(2, "--resume-grace", "60") as where:
            first, second = where.servers
            with Peer(first.port) as ada:
                ada.send(Hello(1))
                token = ada.until(Ready).token
                ada.join("tea")
                first.process.kill()
                while ada.recv() is not None:
                    pass
                start = time.perf_counter()
                with Peer(second.port) as back:
                    back.send(Hello(1, resume=token))
                    ready = back.until(Ready)
                    assert ready.resumed, ready
                times.append((time.perf_counter() - start) * 1e3)
            first.process.wait()
    return [
        (
            "resumed on the other server after kill -9, ms",
            "",
            f"{statistics.median(times):.1f}",
            f"at most {max(times):.1f}",
        )
    ]


FIGURES = {"hundred": hundred, "ten": ten, "sent": sent, "resume": resume}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("figures", nargs="*", choices=[*FIGURES, []], help="only these")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"how often each is measured ({ROUNDS})")
    options = parser.parse_args()
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}")
    print("| figure | one server | two, with Redis | |\n| --- | --- | --- | --- |", flush=True)
    for name in options.figures or FIGURES:
        for row in FIGURES[name](options.rounds):
            print("| " + " | ".join(row) + " |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
