#!/usr/bin/env python3
"""Measures the terminal client on this machine and prints a Markdown table.

    python tests/measure/window_figures.py              # all figures, about half a minute
    python tests/measure/window_figures.py keys memory  # only these

The real client runs on a pty that answers no query, beside a real server. No emulator runs while time is measured.
"""

# ruff: noqa: E402 - the script puts the checkout on the path first

import argparse
import contextlib
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent

if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))

from pylingo.client.identity import make
from pylingo.client.terminal.loaded import CHARACTERS, LINES
from pylingo.shared.codec import encode
from pylingo.shared.identity import fingerprint
from pylingo.shared.messages import Say
from tests.console import Console
from tests.fakes.tls import der
from tests.support import Peer, ServerProcess, wait_until

Rows = list[tuple[str, str]]
FLOOD = 10_000
CROWD = 1_000
ROUNDS = 11
PAINTED = b"\x1b[?2026l"
BACKSPACE = b"\x7f"
KEY = b"z"  # occurs in no sequence that the client writes and in no message here


def client(server: ServerProcess, columns: int = 80, rows: int = 24) -> Console:
    """A client that has joined the lobby."""
    console = Console(f"127.0.0.1:{server.port}", "--name", "ada", columns=columns, rows=rows, is_shown=False)
    written(console, b"in lobby as ada")
    console.pump(0.2)
    return console


def written(console: Console, what: bytes, begin: int = 0) -> None:
    """Wait until the client has written `what`, after the first `begin` bytes."""
    wait_until(lambda: console.pump(0.0005) or what in console.written[begin:], repr(what))


def speaker(server: ServerProcess) -> Peer:
    peer = Peer(server.port)
    peer.hello("bob")
    peer.join("lobby")
    return peer


def press(console: Console) -> float:
    """Milliseconds until a key is shown; then delete its character again."""
    taken = _until(console, KEY, KEY)
    _until(console, BACKSPACE, b"\b")
    return taken


def _until(console: Console, key: bytes, shown: bytes) -> float:
    begin, start = len(console.written), time.monotonic()
    console.press(key)
    while shown not in console.written[begin:]:
        console.pump(0.0005)
        assert time.monotonic() < start + 10, "a key was not shown within 10 s"
    return (time.monotonic() - start) * 1000


def percentile(values: list[float], part: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]


def start() -> Rows:
    """Time from the start of the program to the first paint: plain, with a key, over TLS; and that of an empty Python.

    They take turns, because the speed of a machine changes more between rounds than within one.
    """
    times: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder, ServerProcess(tls=False) as plain, ServerProcess(tls=True) as secure:
        key = Path(folder, "key")
        make(key)
        address = f"127.0.0.1:{plain.port}"
        ways = {
            "plain": (address, "--name", "ada"),
            "with a key": (address, "--name", "ada", "--identity", str(key)),
            "over TLS": (f"pylingo://127.0.0.1:{secure.port}#{fingerprint(der())}", "--name", "ada"),
        }
        for _ in range(ROUNDS):
            for way, arguments in ways.items():
                begin = time.monotonic()
                with Console(*arguments, environment={"XDG_DATA_HOME": folder}, is_shown=False) as console:
                    written(console, PAINTED)
                    times.setdefault(way, []).append((time.monotonic() - begin) * 1000)
            begin = time.monotonic()
            with Console(program=("-c", "print(1)"), is_shown=False) as console:
                console.end()
                times.setdefault("a Python that prints one line", []).append((time.monotonic() - begin) * 1000)
    words = "; ".join(f"{way}: {statistics.median(found):.0f} ms" for way, found in times.items())
    return [(f"Start to the first paint, on a terminal that answers no query, median of {ROUNDS}", words)]


def keys() -> Rows:
    """Time until a key is shown, in a quiet room and during a flood."""
    with ServerProcess("--rate", "0") as server, client(server) as console, speaker(server) as peer:
        quiet = [press(console) for _ in range(200)]
        console.pump(0.2)
        peer.sock.setblocking(False)
        data = b"".join(encode(Say(f"FLOOD {number}")) for number in range(FLOOD))
        busy, begin = [], len(console.written)
        last = f"FLOOD {FLOOD - 1}".encode()
        while last not in console.written[begin:]:
            if data:
                try:
                    data = data[peer.sock.send(data[:65_536]) :]
                except BlockingIOError:
                    pass
            busy.append(press(console))
    return [
        ("A key until it is shown, p95 of 200", f"{percentile(quiet, 0.95):.1f} ms"),
        (
            f"The same in the middle of a flood of {FLOOD:,} messages",
            f"p95 {percentile(busy, 0.95):.1f} ms, longest {max(busy):.1f} ms, of {len(busy)}",
        ),
    ]


def size() -> Rows:
    """Bytes written for a message of one row and for a key, on a full screen."""
    rows: Rows = []
    for columns, lines in ((80, 24), (200, 60)):
        with ServerProcess("--rate", "0") as server, client(server, columns, lines) as console:
            with speaker(server) as peer:
                for number in range(lines + 20):
                    peer.send(Say(f"number {number}"))
                    written(console, f"number {number}".encode())
                console.pump(0.2)
                costs = said(console, peer)
            console.pump(0.2)
            keys_ = []
            for _ in range(20):
                begin = len(console.written)
                console.press(KEY)
                console.pump(0.05)
                keys_.append(len(console.written) - begin)
            words = f"{statistics.median(costs):.0f} bytes, {statistics.median(keys_):.0f} bytes"
            rows.append((f"A message of one row and a key, written at {columns}x{lines}", words))
    return rows


def people() -> Rows:
    """A key and a message beside a list of few and of many people, after a flood of messages."""
    rows: Rows = []
    for count in (20, CROWD):
        with contextlib.ExitStack() as stack:
            server = stack.enter_context(ServerProcess("--rate", "0"))
            console = stack.enter_context(client(server, 200, 60))
            for number in range(count - 2):
                peer = stack.enter_context(Peer(server.port))
                peer.hello(f"person{number:04}")
                peer.join("lobby")
            peer = stack.enter_context(speaker(server))
            peer.send(*(Say(f"FLOOD {number}") for number in range(FLOOD)))
            written(console, f"FLOOD {FLOOD - 1}".encode())
            written(console, b"person0010")
            console.pump(0.3)
            keys_ = [press(console) for _ in range(200)]
            costs = said(console, peer)
        words = f"{percentile(keys_, 0.95):.1f} ms, {statistics.median(costs):.0f} bytes"
        rows.append((f"A key, p95, and a message, at 200x60 with {count:,} people, after {FLOOD:,} messages", words))
    return rows


def said(console: Console, peer: Peer) -> list[int]:
    """The bytes written for each of some messages of one row."""
    costs = []
    for number in range(20):
        begin = len(console.written)
        peer.send(Say(f"another one, number {number}"))
        written(console, f"another one, number {number}".encode(), begin)
        console.pump(0.1)
        costs.append(len(console.written) - begin)
    return costs


def search() -> Rows:
    """Time until a search shows its newest match, and time until a key is shown meanwhile, with all lines in memory."""
    with ServerProcess("--rate", "0") as server, client(server) as console, speaker(server) as peer:
        for number in range(LINES):
            peer.send(Say(f"{number} words {'needle' if number == 7 else ''}".ljust(60, "x")))
            if number % 100 == 99:
                written(console, f"{number} words".encode())
        console.pump(0.5)
        begin, start = len(console.written), time.monotonic()
        console.press("/search needle\r")
        written(console, b"match 1 of", begin)
        taken = (time.monotonic() - start) * 1000
        console.pump(0.5)
        pressed = [press(console) for _ in range(200)]
    return [
        (f"A search among {LINES:,} messages until its match, the oldest one, is shown", f"{taken:.0f} ms"),
        (
            f"A key until it is shown, far up among {LINES:,} messages and with a search, p95 of 200",
            f"{percentile(pressed, 0.95):.1f} ms",
        ),
    ]


def memory() -> Rows:
    """Resident memory with as many messages as the client keeps."""
    rows: Rows = []
    for length in (60, 700):
        with ServerProcess("--rate", "0") as server, client(server) as console, speaker(server) as peer:
            empty = resident(console)
            for number in range(LINES + 500):
                peer.send(Say(f"{number} words ".ljust(length, "x")))
                if number % 100 == 99:
                    written(console, f"{number} words".encode())
            words = f"{resident(console):.0f} MiB; without any: {empty:.0f} MiB"
            kept = min(LINES, CHARACTERS // (length + len("bob")))
            rows.append((f"Memory with {kept:,} messages of {length} characters to scroll back", words))
    return rows


def resident(console: Console) -> float:
    """The resident memory of the client in MiB."""
    status = Path(f"/proc/{console.process.pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) / 1024


FIGURES: dict[str, Callable[[], Rows]] = {
    "start": start,
    "keys": keys,
    "size": size,
    "people": people,
    "search": search,
    "memory": memory,
}


def main() -> None:
    parser = argparse.ArgumentParser(description="Measures the terminal client.")
    parser.add_argument("figure", nargs="*", choices=[*FIGURES, []], help=f"any of {', '.join(FIGURES)} (all)")
    print("| what | measured |\n| --- | --- |")
    for name in parser.parse_args().figure or FIGURES:
        for what, figure in FIGURES[name]():
            print(f"| {what} | {figure} |", flush=True)


if __name__ == "__main__":
    main()
