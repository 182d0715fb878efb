#!/usr/bin/env python3
"""A soak test, on demand: every kind of load at once for some minutes, and no resource may keep growing.

    python tests/measure/soak.py --minutes 10
    python tests/measure/soak.py --minutes 10 --in-process

Clients chat, join and leave, end in every possible way, stall, send garbage, half frames and floods, and reset. A row
is printed every few seconds. At the end, the median of the last third of the rows is compared with that of the middle
third. The exit status is 1 if a column has grown by more than its tolerance.

The server is a child process, observed through /proc and its own counters. With `--in-process` it is a thread of this
process, and the columns include the objects of the interpreter and the sizes of the server's tables.
"""

# ruff: noqa: E402 - a script, which puts the checkout on the path first

import argparse
import contextlib
import gc
import itertools
import os
import random
import re
import signal
import socket
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent

if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))

from pylingo.client.bench.process import usage
from pylingo.reactor.config import ServerSettings
from pylingo.reactor.engine.timers import Timer
from pylingo.reactor.server import Server
from pylingo.shared.codec import encode
from pylingo.shared.messages import Command, Message, PongRequest, Say
from tests.support import Peer, ServerProcess, decode_event

OPTIONS = {
    "rate": "0",
    "ping_after": "5",
    "ping_timeout": "5",
    "stall_timeout": "5",
    "frame_timeout": "2",
    "resume_grace": "2",
}
"""Short times: every deadline passes again and again."""
GARBAGE = [
    b"\0\0\0\0",
    b"\xff\xff\xff\xff",
    b"GET / HTTP/1.1\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"\0\0\0\x01\xc1",
    b"\0\0\0\x02\x80\x80",
    b"\0\0\x1f\x40" + b"\x81\xa1x" * 2_666 + b"\xc0\xc0",
    b"\0\0\0\x06\x81\xa1x\xd4\x01\x02",
    b"\0\0\0\x0d\x82\xa4type\xa3say\xa2id\x05" * 20,
    b"\0\0\0\x01\x80" * 200,
]


@dataclass(frozen=True, slots=True)
class Column:
    """A resource. It may grow by `share` of itself and `slack` from one third to the next."""

    name: str
    slack: float
    share: float = 0.05
    watched: bool = True


COLUMNS = [
    Column("descriptors", 15, 0.1),
    Column("resident KiB", 2_048, 0.03),
    Column("objects", 3_000, 0.05),
    Column("in cycles", 0, watched=False),
    Column("connections", 15, 0.1),
    Column("names", 15, 0.1),
    Column("rooms", 5, 0.1),
    Column("sockets", 15, 0.1),
    Column("timers", 60, 0.1),
    Column("accepted", 0, watched=False),
    Column("delivered", 0, watched=False),
    Column("skipped", 0, watched=False),
    Column("longest tick ms", 0, watched=False),
]


# --- the server, outside and inside


class Child:
    """The server as a child process."""

    def __init__(self) -> None:
        options = [word for name, value in OPTIONS.items() for word in ("--" + name.replace("_", "-"), value)]
        self._server = ServerProcess(*options, "--log-level", "info")
        self.port = self._server.port

    def sample(self) -> dict[str, float]:
        pid = self._server.pid
        # Read only the end of the log, which has a line for every connection that ends badly.
        self._server.errors.seek(0, os.SEEK_END)
        start = self._server.errors.tell()
        os.kill(pid, signal.SIGUSR1)
        pattern = r"(\d+) connected, (\d+) rooms?; (.*); (\d+) messages? skipped; longest tick ([\d.]+) ms"
        deadline = time.monotonic() + 10
        while True:
            self._server.errors.seek(start)
            if found := re.search(pattern, self._server.errors.read().decode(errors="replace")):
                break
            if time.monotonic() > deadline or self._server.process.poll() is not None:
                raise RuntimeError("the server does not answer SIGUSR1")
            time.sleep(0.01)
        accepted = re.search(r"accepted (\d+)", found[3])
        return {
            "descriptors": len(os.listdir(f"/proc/{pid}/fd")),
            "resident KiB": usage(pid).resident / 1024,
            "connections": int(found[1]),
            "rooms": int(found[2]),
            "accepted": int(accepted[1]) if accepted else 0,
            "skipped": int(found[4]),
            "longest tick ms": float(found[5]),
        }

    def stop(self) -> list[str]:
        """End it; returns what was wrong about its end."""
        with contextlib.ExitStack() as stack:
            stack.push(self._server.__exit__)
            status = self._server.stop()
            log = self._server.log()
            wrong = [f"the exit status was {status}"] if status else []
            return wrong + (["there is a traceback in the log"] if "Traceback" in log else [])


class Thread:
    """The server in a thread of this process."""

    def __init__(self) -> None:
        settings = {name: float(value) for name, value in OPTIONS.items()}
        self._server = Server(ServerSettings(port=0, log_level="error", **settings))  # type: ignore[arg-type]
        self.port = int(self._server.start().rpartition(":")[2])
        self._thread = threading.Thread(target=self._server.serve, name="server")
        self._thread.start()

    def sample(self) -> dict[str, float]:
        results: list[dict[str, float]] = []
        done = threading.Event()

        def look() -> None:
            server = self._server
            decode_event.cache_clear()  # the clients' own, in the same process
            cycles = gc.collect()
            things = gc.get_objects()
            results.append(
                {
                    "in cycles": cycles,
                    "objects": len(things),
                    "connections": server.admission.count,
                    "names": len(server.hub),
                    "rooms": len(server.hub.rooms),
                    "sockets": len(server.admission.connections()),
                    "timers": sum(isinstance(thing, Timer) for thing in things),
                    "accepted": server.service.counts["accepted"],
                    "skipped": server.hub.tick.skipped,
                    "longest tick ms": server.reactor.longest_tick * 1e3,
                }
            )
            done.set()

        self._server.reactor.call_from_thread(look)
        if not done.wait(10):
            raise RuntimeError("the server does not take calls")
        pid = os.getpid()
        return results[0] | {
            "descriptors": len(os.listdir(f"/proc/{pid}/fd")),
            "resident KiB": usage(pid).resident / 1024,
        }

    def stop(self) -> list[str]:
        self._server.reactor.call_from_thread(self._server.ending.drain)
        self._thread.join(20)
        return ["the server's thread has not ended"] if self._thread.is_alive() else []


# --- the load


class Load:
    """Threads, each with one kind of load, that run until they are stopped."""

    def __init__(self, port: int, seed: int) -> None:
        self.port = port
        self.delivered = 0
        self.errors: list[str] = []
        self._random = random.Random(seed)
        self._stop = threading.Event()
        jobs = [self._chat, self._churn, self._stall, self._harm]
        self._threads = [threading.Thread(target=self._run, args=(job,), name=job.__name__) for job in jobs]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(60)
            if thread.is_alive():
                self.errors.append(f"{thread.name} hangs")

    def _run(self, job: Callable[[], None]) -> None:
        try:
            job()
        except BaseException as error:
            self.errors.append(f"{job.__name__.strip('_')}: {error!r}")

    def _going(self, pause: float) -> Iterator[int]:
        for number in itertools.count():
            if self._stop.wait(pause):
                return
            yield number

    def _peer(self, **options: int) -> Peer:
        return Peer(self.port, **options)

    def _chat(self) -> None:
        """Ten clients take turns to send a short or a long message, which all others must receive."""
        with contextlib.ExitStack() as stack:
            people = [stack.enter_context(self._peer()) for _ in range(10)]
            for peer in people:
                peer.join("busy")
            for number in self._going(0.02):
                speaker = people[number % len(people)]
                text = f"{number} " + "x" * (3_000 if number % 2 else 30)
                speaker.send(Say(text))
                for peer in people:
                    if peer is not speaker:
                        peer.until(Message, text=text)
                        self.delivered += 1
                if number % 10 == 0:
                    speaker.fence()

    def _churn(self) -> None:
        """A client joins, speaks, renames itself and leaves, by each kind of end in turn."""
        for number in self._going(0.01):
            with self._peer() as peer:
                peer.hello(f"n{number}")
                peer.join("busy" if number % 20 == 0 else f"room{number % 7}")
                peer.send(Say("here I am"), Command("name", f"m{number}"))
                match number % 5:
                    case 0:
                        peer.send(Command("close"))
                        peer.rest()
                    case 1:
                        peer.reset()
                    case 2:
                        peer.raw(encode(Say("cut off"))[:9])
                    case 3:
                        peer.sock.shutdown(socket.SHUT_WR)
                        peer.rest()

    def _stall(self) -> None:
        """Eight clients read nothing; the oldest leaves when another one joins."""
        deaf: list[Peer] = []
        for number in self._going(0.5):
            peer = self._peer(receive_buffer=2_048)
            peer.join("busy")
            peer.send(*[Command("help")] * (400 if number % 4 == 0 else 0))
            deaf.append(peer)
            for other in deaf:
                with contextlib.suppress(OSError):
                    other.send(PongRequest())
            if len(deaf) > 8:
                with deaf.pop(0) as oldest:
                    if number % 2:
                        oldest.reset()
        for peer in deaf:
            peer.close()

    def _harm(self) -> None:
        """Send garbage, unfinished frames and floods, and connect without sending anything."""
        held: list[Peer] = []
        for number in self._going(0.03):
            peer = self._peer(greet=False)
            held.append(peer)
            with contextlib.suppress(OSError):
                match number % 4:
                    case 0:
                        peer.raw(GARBAGE[number // 4 % len(GARBAGE)])
                    case 1:
                        peer.raw(encode(Say("x" * 3_000))[: self._random.randrange(1, 3_000)])
                    case 2:
                        peer.sock.settimeout(0.2)
                        peer.raw(encode(Command("join", "flood")) + encode(Say("x" * 500)) * 200)
                    case 3:
                        peer.reset()
            if len(held) > 40:
                with held.pop(0) as oldest, contextlib.suppress(OSError):
                    if number % 3:
                        oldest.reset()
        for peer in held:
            peer.close()


# --- the verdict


def growing(rows: list[dict[str, float]]) -> list[str]:
    """The columns whose last third exceeds the middle third by more than their tolerance."""
    third = len(rows) // 3
    if third < 2:
        return []
    found = []
    for column in COLUMNS:
        if column.watched and column.name in rows[0]:
            middle = statistics.median(row[column.name] for row in rows[third : 2 * third])
            last = statistics.median(row[column.name] for row in rows[2 * third :])
            if last > middle * (1 + column.share) + column.slack:
                found.append(f"{column.name} grew from {middle:.0f} to {last:.0f}")
    return found


def soak(server: Child | Thread, minutes: float, every: float, seed: int) -> list[str]:
    """Run the load on the server and print the rows; returns what is wrong."""
    load = Load(server.port, seed)
    rows: list[dict[str, float]] = []
    start = time.monotonic()
    load.start()
    try:
        while (past := time.monotonic() - start) < minutes * 60 and not load.errors:
            row = server.sample() | {"delivered": load.delivered}
            names = [column.name for column in COLUMNS if column.name in row]
            if not rows:
                print("| s | " + " | ".join(names) + " |\n" + "| --: " * (len(names) + 1) + "|")
            print(f"| {past:.0f} | " + " | ".join(f"{row[name]:.0f}" for name in names) + " |", flush=True)
            rows.append(row)
            time.sleep(max(0.0, every - (time.monotonic() - start) % every))
    finally:
        load.stop()
        ended = server.stop()
    return load.errors + ended + growing(rows)


def main() -> int:
    parser = argparse.ArgumentParser(description="Everything at once, and nothing may grow.", allow_abbrev=False)
    parser.add_argument("--minutes", type=float, default=1.0, help="how long, at most 720 (%(default)s)")
    parser.add_argument("--every", type=float, default=2.0, help="seconds between rows (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the random choices (%(default)s)")
    parser.add_argument("--in-process", action="store_true", help="the server as a thread, with its objects counted")
    options = parser.parse_args()
    if not os.path.isdir("/proc/self/fd"):
        print("the soak counts with Linux's /proc, and there is none", file=sys.stderr)
        return 2
    minutes = max(0.05, min(options.minutes, 720.0))
    server = Thread() if options.in_process else Child()
    wrong = soak(server, minutes, max(0.2, options.every), options.seed)
    for line in wrong:
        print(f"FAILED: {line}")
    if not wrong:
        print("nothing grew")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
