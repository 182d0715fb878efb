#!/usr/bin/env python3
"""Search for the worst that 50 clients can do to everybody else within the limits, and measure it.

    python tests/measure/worst_legal.py                 # the whole search, about six minutes
    python tests/measure/worst_legal.py users "list"    # only the attacks whose names contain one of these words

The server has default limits and holds 5,000 rooms, 1,000 seats whose connections broke, and a room of 300 clients
whose names are long when they are folded. Then 50 clients in that room attack at the default pace: each says hello, all
send their whole burst and the requests that are not paced after it at one moment, and continue at the rate. Every kind
of request is tried alone, and every request that changes something is tried together with every request that reads.
Twenty other clients ping meanwhile.

If the system allows it, the server and the pinging clients have a higher priority than the attackers.

Each row has the CPU time of the server's longest tick, the others' ping, and the server's memory. Attacks above the
limits are repeated at the end; the exit status is 1 if one of them is above the limits again.
"""

# ruff: noqa: E402 - a script, which puts the checkout on the path first

import argparse
import dataclasses
import itertools
import json
import os
import re
import resource
import selectors
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent

if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))

from pylingo.client.bench.process import usage
from pylingo.reactor.connection import UNPACED
from pylingo.shared.codec import encode
from pylingo.shared.framing import encode_frame
from pylingo.shared.messages import Command, Hello, HistoryRequest, PingRequest, Say
from tests.support import ServerProcess, wait_until

TICK_MOST = 20.0
"""Limit of a tick, in milliseconds of CPU time."""
PING_MOST = 50.0
"""Limit of the others' p99 of pings, in milliseconds."""
ATTACKERS = 50
PINGERS = 20
RATE, BURST = 4.0, 10  # the server's defaults
WORST = ("\ufdfa" * size for size in (31, 5, 1))  # a letter that becomes 18 when it is folded

TIMED = """
import sys, time
sys.path.insert(0, sys.argv.pop(1))
from pylingo.reactor import run
from pylingo.reactor.engine.loop import Reactor
from pylingo.reactor.server import Server
tick, log_counters, longest = Reactor.tick, Server.log_counters, 0.0
def timed(self, most=None):
    global longest
    start = time.thread_time()
    tick(self, most)
    longest = max(longest, time.thread_time() - start)
def log_and_forget(self):
    global longest
    self.reactor.longest_tick, longest = longest, 0.0
    log_counters(self)
Reactor.tick, Server.log_counters = timed, log_and_forget
run.main()
"""
"""A server whose counters give the CPU time of the longest tick since they were read last."""

Attack = Callable[[int], Iterator[bytes]]
"""Makes the endless requests of the client with that number."""


# --- the requests


def same(frame: bytes) -> Attack:
    return lambda client: itertools.repeat(frame)


def numbered(make: Callable[[int, int], object]) -> Attack:
    """Requests that differ by client and by count."""
    return lambda client: (encode(make(client, count)) for count in itertools.count())  # type: ignore[arg-type]


def lists(body_size: int, containers: int) -> bytes:
    """A `ping` of `body_size` bytes with so many lists in it."""
    head = b"\x83\xa4type\xa4ping\xa1x"
    nested = b"\x90"
    counts = [15, 15, 15, 15]
    while counts and len(nested) * 15 < containers:
        nested = bytes([0x90 + counts.pop()]) + nested * 15
    nested = bytes([0x90 + max(1, min(15, containers // len(nested)))]) + nested * max(
        1, min(15, containers // len(nested))
    )
    room = body_size - len(head) - len(nested) - 5
    return encode_frame(head + nested + b"\xa1y\xda" + max(0, room).to_bytes(2) + bytes(max(0, room)))


def long_name(client: int, count: int) -> str:
    return "\ufdfa" * 27 + f"{client:02}{count % 1_000:03}"


def marked_name(client: int, count: int) -> str:
    return f"a{client}x{count % 100}" + "e\u0323\u0302" * 24


QUIET: dict[str, Attack] = {
    "ping": same(encode(PingRequest(1))),
    "ping of 4 KB in lists": same(lists(4_090, 3_900)),
    "ping of 8 KB in lists": same(lists(8_038, 3_616)),
    "ping of 32 KB in lists": same(lists(32_700, 3_900)),
    "ping of 32 KB": same(lists(32_700, 1)),
    "say a": same(encode(Say("a"))),
    "say a with a receipt": same(encode(Say("a", id=1))),
    "say 4,096 letters": same(encode(Say("x" * 4_096))),
    "say 4,096 controls": same(encode(Say("\x01" * 4_096))),
    "say 4,096 controls and marks": same(encode(Say("\x01\u0301" * 2_048))),
    "say 4,096 emoji": same(encode(Say("\U0001f642" * 4_096))),
    "say 10,000 letters": same(encode(Say("x" * 10_000))),
    "say with a new key": numbered(lambda client, count: Say("a", f"{client}-{count}", 1)),
    "say with one key": numbered(lambda client, count: Say("a", f"{client}", 1)),
    "say to one": same(encode(Say("\U0001f642" * 4_096, to="victim"))),
    "say to each other": numbered(lambda client, count: Say("a", f"{client}-{count}", 1, to=f"a{count % ATTACKERS}")),
    "say to nobody": same(encode(Say("a", to="\u0301" * 250))),
    "say in a room of marks": same(encode(Say("a", room="\u0301" * 250))),
    "whois of marks": same(encode(Command("whois", "\u0301" * 250))),
    "unknown type": same(encode_frame(b"\x81\xa4type\xda\x7f\x00" + b"z" * 32_512)),
    "unknown command": same(encode(Command("\u0301" * 10_000))),
    "nearly a command": same(encode(Command("whoisopen"))),
    "argument of marks": same(encode(Command("join", "a" + "\u0301" * 250))),
    "name of 10,000 marks": same(encode(Command("name", "a" + "\u0301" * 10_000))),
    "name of marks": numbered(lambda client, count: Command("name", marked_name(client, count)[:32])),
    "name of 128 marks": same(encode(Command("name", ("e\u0302\u0323" * 43)[:128]))),
    "help": same(encode(Command("help"))),
    "hello again": same(encode(Hello(1, "\ufdfa" * 32, "x" * 20_000, None, "f" * 32))),
}
CHANGES: dict[str, Attack] = {
    "name": numbered(lambda client, count: Command("name", f"n{client}-{count}")),
    "long name": numbered(lambda client, count: Command("name", long_name(client, count))),
    "join another": numbered(lambda client, count: Command("join", f"other-{client}-{count}")),
    "join a long one": numbered(lambda client, count: Command("join", "\ufdfa" * 50 + f"{client}-{count}")),
    "open another": numbered(lambda client, count: Command("open", f"other-{client}-{count % 40}")),
    "topic": numbered(lambda client, count: Command("topic", "\U0001f642" * 500 + f"{client} {count}")),
    "away": numbered(lambda client, count: Command("away", "\U0001f642" * 500 + f"{client} {count}")),
    "leave, join": lambda client: itertools.cycle([encode(Command("leave")), encode(Command("join", "tea"))]),
    "say": same(encode(Say("\u00e9" * 4_096))),
}
READS: dict[str, Attack] = {
    "users": same(encode(Command("users", id=1))),
    "who": same(encode(Command("who", id=1))),
    "inbox": same(encode(HistoryRequest(limit=100, id=1, inbox=True))),
    "list": same(encode(Command("list", id=1))),
    "history": same(encode(HistoryRequest(limit=100, id=1))),
    "old history": same(encode(HistoryRequest(since=0, limit=100, id=1))),
}


def attacks() -> dict[str, Attack]:
    """Every request alone, and every request that changes something with every one that reads."""
    found = {**QUIET, **CHANGES, **READS}
    for (changing, change), (reading, read) in itertools.product(CHANGES.items(), READS.items()):
        found[f"{changing}; {reading}"] = alternate(change, read)
    for (first, one), (second, other) in itertools.combinations(READS.items(), 2):
        found[f"{first}; {second}"] = alternate(one, other)
    return found


def alternate(one: Attack, other: Attack) -> Attack:
    return lambda client: itertools.chain.from_iterable(zip(one(client), other(client), strict=False))


# --- clients


class Crowd:
    """Sockets that send what they are given, and discard what they receive."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._selector = selectors.DefaultSelector()
        self._unsent: dict[socket.socket, bytes] = {}
        self.heard: dict[socket.socket, bytes] = {}
        """The last bytes received."""

    def connect(self, count: int) -> list[socket.socket]:
        came = []
        for _ in range(count):
            sock = socket.create_connection(("127.0.0.1", self._port), timeout=20)
            sock.setblocking(False)
            self._selector.register(sock, selectors.EVENT_READ)
            self.heard[sock] = b""
            came.append(sock)
            if len(came) % 100 == 0:
                self.turn(0)
        return came

    def send(self, sock: socket.socket, data: bytes) -> None:
        """Send in later turns. Nothing happens if the server has ended the connection."""
        if sock not in self._selector.get_map():
            return
        self._unsent[sock] = self._unsent.get(sock, b"") + data
        self._selector.modify(sock, selectors.EVENT_READ | selectors.EVENT_WRITE)

    def turn(self, timeout: float) -> None:
        for key, mask in self._selector.select(timeout):
            sock = key.fileobj
            assert isinstance(sock, socket.socket)
            with suppress(BlockingIOError, ConnectionError):
                if mask & selectors.EVENT_WRITE:
                    rest = self._unsent[sock]
                    rest = self._unsent[sock] = rest[sock.send(rest) :]
                    if not rest:
                        self._selector.modify(sock, selectors.EVENT_READ)
                if mask & selectors.EVENT_READ:
                    data = sock.recv(2**20)
                    self.heard[sock] = data[-200:]
                    if not data:
                        self._selector.unregister(sock)

    def turn_for(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.turn(min(left, 0.05))

    def turn_until(self, condition: Callable[[], bool], what: str) -> None:
        end = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < end, f"{what} did not come true"
            self.turn(0.05)

    def hang_up(self, sock: socket.socket) -> None:
        with suppress(KeyError, ValueError):
            self._selector.unregister(sock)
        self._unsent.pop(sock, None)
        self.heard.pop(sock, None)
        sock.close()


def ping_for_ever(port: int) -> None:
    """The process that pings. For each line on stdin it prints p99 and the longest ping, in ms."""
    selector = selectors.DefaultSelector()
    socks = [socket.create_connection(("127.0.0.1", port)) for _ in range(PINGERS)]
    sent = dict.fromkeys(socks, 0.0)
    pong = b"\xa4type\xa4pong"
    for sock in socks:
        selector.register(sock, selectors.EVENT_READ)
    selector.register(sys.stdin, selectors.EVENT_READ)
    delays: list[float] = []
    order = itertools.cycle(socks)
    frame = encode(PingRequest())
    due = time.monotonic()
    while True:
        for key, _ in selector.select(max(0.0, due - time.monotonic())):
            if key.fileobj is sys.stdin:
                if not os.read(0, 100):
                    return
                now = time.monotonic()
                delays += [now - at for at in sent.values() if at]  # not answered yet
                delays.sort()
                index = max(0, -(-99 * len(delays) // 100) - 1)
                print(json.dumps([delays[index] * 1e3, delays[-1] * 1e3, len(delays)] if delays else [0, 0, 0]))
                sys.stdout.flush()
                delays = []
                continue
            sock = key.fileobj
            assert isinstance(sock, socket.socket)
            data = sock.recv(2**16)
            if pong in data and sent[sock]:
                delays.append(time.monotonic() - sent[sock])
                sent[sock] = 0.0
        while due <= time.monotonic():
            due += 1.25 / RATE / PINGERS  # a little below the pace
            sock = next(order)
            if not sent[sock]:
                sent[sock] = time.monotonic()
                sock.send(frame)


class World:
    """The server, its clients, and the process that pings."""

    def __init__(self, stack: ExitStack, options: argparse.Namespace, *settings: str) -> None:
        self.server = stack.enter_context(
            ServerProcess(
                *("--ping-after", "3600", "--resume-grace", "3600", "--exempt", "none", "--exempt", "127.0.0.1"),
                *settings,
                program=("-c", TIMED, str(ROOT)),
            )
        )
        self.crowd = Crowd(self.server.port)
        self.socks: list[socket.socket] = []
        self._fill(options)
        command = [sys.executable, __file__, "--pinger", str(self.server.port)]
        self._pinger = stack.enter_context(
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        )
        stack.callback(self._pinger.terminate)
        for pid in (self.server.pid, self._pinger.pid):  # the cost of the attackers themselves should not count
            with suppress(PermissionError):
                os.sched_setscheduler(pid, os.SCHED_RR, os.sched_param(1))

    def _fill(self, options: argparse.Namespace) -> None:
        crowd = self.crowd
        everybody = crowd.connect(options.rooms + options.names)
        for number, sock in enumerate(everybody):
            if number < options.rooms:
                crowd.send(sock, encode(Hello(1, f"p{number}")) + encode(Command("join", f"room-number-{number}")))
            else:
                for worst in (27, 4, 1):  # the longest that is allowed is the first that is not refused
                    crowd.send(sock, encode(Command("name", "\ufdfa" * worst + str(number))))
                crowd.send(sock, encode(Hello(1)) + encode(Command("join", "tea")))
        crowd.turn_until(
            lambda: all(b"joined" in crowd.heard[sock] for sock in everybody[: options.rooms]), "everybody's room"
        )
        crowd.turn_for(1.0)
        crowd.send(everybody[-1], encode(Command("name", "victim")))
        for sock in everybody[: options.seats]:
            crowd.hang_up(sock)
        self.socks += everybody[options.seats :]
        crowd.turn_for(1.0)
        self.take()

    def take(self) -> tuple[float, str]:
        """The longest tick since the last call, in ms of CPU, and the line it stands in."""
        pattern = r".* connected, .*; longest tick ([\d.]+) ms.*"
        before = len(re.findall(pattern, self.server.log()))
        os.kill(self.server.pid, signal.SIGUSR1)
        match = wait_until(lambda: list(re.finditer(pattern, self.server.log()))[before:], "the counters")[0]
        return float(match[1]), match[0]

    def pings(self) -> tuple[float, float, int]:
        assert self._pinger.stdin is not None
        assert self._pinger.stdout is not None
        self._pinger.stdin.write("?\n")
        self._pinger.stdin.flush()
        p99, longest, count = json.loads(self._pinger.stdout.readline())
        return p99, longest, count


@dataclasses.dataclass(frozen=True, slots=True)
class Found:
    attack: str
    tick: float
    ping: float
    longest_ping: float
    resident: float

    def __str__(self) -> str:
        return f"| {self.attack} | {self.tick:.1f} | {self.ping:.1f} | {self.longest_ping:.1f} | {self.resident:.0f} |"

    @property
    def is_too_much(self) -> bool:
        return self.tick > TICK_MOST or self.ping > PING_MOST


def measure(world: World, name: str, attack: Attack) -> Found:
    """Fifty clients save their burst, spend it at one moment, and continue at the pace."""
    crowd = world.crowd
    socks = crowd.connect(ATTACKERS)
    for client, sock in enumerate(socks):
        crowd.send(sock, encode(Hello(1, f"a{client}")) + encode(Command("join", "tea")))
    crowd.turn_for(0.6)
    world.take()
    world.pings()
    requests = [attack(client) for client in range(ATTACKERS)]
    for client, sock in enumerate(socks):
        crowd.send(sock, b"".join(itertools.islice(requests[client], BURST + UNPACED - 1)))
    crowd.turn_for(1.2)
    for _ in range(5):
        for client, sock in enumerate(socks):
            crowd.send(sock, next(requests[client]))
        crowd.turn_for(1 / RATE)
    ping, longest, _ = world.pings()
    tick, _ = world.take()
    for sock in socks:
        crowd.hang_up(sock)
    crowd.turn_for(0.3)
    return Found(name, tick, ping, longest, usage(world.server.pid).resident / 2**20)


def come_and_go(world: World, seconds: float) -> Found:
    """Twelve clients at a time connect, say hello, join their own room, send eight messages, and reset the connection.

    They come from an address that is not exempt.
    """
    world.take()
    world.pings()
    end = time.monotonic() + seconds
    count = itertools.count()
    rounds = 0
    linger = struct.pack("ii", 1, 0)
    while time.monotonic() < end:
        socks = []
        for _ in range(12):
            with suppress(OSError):
                sock = socket.create_connection(
                    ("127.0.0.1", world.server.port), timeout=20, source_address=("127.0.0.2", 0)
                )
                number = next(count)
                hello = encode(Hello(1, f"c{number}")) + encode(Command("join", f"own-{number}"))
                sock.sendall(hello + encode(Say("x" * 100)) * 8)
                socks.append(sock)
        for sock in socks:
            with suppress(OSError):
                sock.setblocking(False)
                sock.recv(1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            sock.close()
        rounds += 1
        world.crowd.turn(0)
    ping, longest, _ = world.pings()
    tick, line = world.take()
    print(f"\n{rounds * 12 / seconds:.0f} connections a second; {line}\n", flush=True)
    return Found("connects and hang-ups", tick, ping, longest, usage(world.server.pid).resident / 2**20)


def search(options: argparse.Namespace) -> bool:
    """Print the results; returns whether all are within the limits."""
    chosen = {
        name: attack
        for name, attack in attacks().items()
        if not options.attacks or any(word in name for word in options.attacks)
    }
    with ExitStack() as stack:
        world = World(stack, options, *options.server)
        resident = usage(world.server.pid).resident / 2**20
        print(f"{options.rooms} rooms, {options.seats} seats, {options.names} long names: {resident:.0f} MiB\n")
        print("| attack | longest tick, ms of CPU | ping p99, ms | longest ping, ms | MiB |")
        print("| --- | --- | --- | --- | --- |", flush=True)
        suspects = {}
        for name, attack in chosen.items():
            found = measure(world, name, attack)
            print(found, flush=True)
            if found.is_too_much:
                suspects[name] = attack
        print("\nAgain, those above the limits:\n", flush=True)
        guilty = []
        for name, attack in suspects.items():
            found = measure(world, name, attack)
            print(found, flush=True)
            guilty += [found] if found.is_too_much else []
        if options.come_and_go:
            found = come_and_go(world, options.come_and_go)
            print(found)
            guilty += [found] if found.is_too_much else []
    one, five, _ = os.getloadavg()
    print(f"\n{len(guilty)} of {len(chosen)} above the limits; {os.cpu_count()} cores, load {one:.1f}, {five:.1f}.")
    return not guilty


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0], allow_abbrev=False)
    parser.add_argument("attacks", nargs="*", metavar="WORD", help="only attacks with one of these words in their name")
    parser.add_argument("--rooms", type=int, default=5_000)
    parser.add_argument("--seats", type=int, default=1_000)
    parser.add_argument("--names", type=int, default=300)
    parser.add_argument("--come-and-go", type=float, default=15.0, metavar="SECONDS", help="0 for not at all")
    parser.add_argument("--server", action="append", default=[], metavar="OPTION", help="an option of the server")
    parser.add_argument("--pinger", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.pinger:
        ping_for_ever(options.pinger)
        return
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    sys.exit(not search(options))


if __name__ == "__main__":
    main()
