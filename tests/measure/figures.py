#!/usr/bin/env python3
"""Measure what the server withstands on this machine, and print a Markdown table.

    python tests/measure/figures.py            # all of them, about three minutes
    python tests/measure/figures.py dead cpu   # only these

Each figure starts its own server, a child process with default settings unless it says otherwise.
"""

# ruff: noqa: E402 - a script, which puts the checkout on the path first

import argparse
import os
import re
import resource
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from socket import SHUT_WR

ROOT = Path(__file__).resolve().parent.parent.parent

if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))

from pylingo.client.bench.dialect import PyLingo
from pylingo.client.bench.load import Load
from pylingo.client.bench.plan import Plan
from pylingo.client.bench.process import usage
from pylingo.client.bench.scenarios import TargetServer, run_speaking
from pylingo.client.bench.speaking import speak
from pylingo.shared.codec import encode
from pylingo.shared.framing import encode_frame
from pylingo.shared.messages import Command, Goodbye, Left, Ping, PongRequest, Say
from tests.support import Peer, ServerProcess, wait_until

Rows = list[tuple[str, str]]
_COUNTERS = r"(\d+) connected, .*; (.*); (\d+) messages? skipped; longest tick ([\d.]+) ms"


def quiet(what: str, part: float) -> None: ...


def counters(server: ServerProcess) -> tuple[int, dict[str, int], int, float]:
    """Connections, the counts by reason, messages skipped, the longest tick in ms; from the server's log."""
    before = len(re.findall(_COUNTERS, server.log()))
    os.kill(server.pid, signal.SIGUSR1)
    connected, reasons, skipped, tick = wait_until(lambda: re.findall(_COUNTERS, server.log())[before:], "counters")[0]
    counts = {name: int(count) for name, count in re.findall(r"([\w-]+) (\d+)", reasons)}
    return int(connected), counts, int(skipped), float(tick)


def latency(options: argparse.Namespace) -> Rows:
    """p99 without and with clients that do not read, in turn. At 80 KB/s for each client they fall behind."""
    without, with_, ratios = [], [], []
    with ServerProcess("--resume-grace", "0") as server:
        target = TargetServer("127.0.0.1", server.port, server.pid)
        for _ in range(3):
            pair = []
            for stalled in (0, 10):
                plan = Plan(clients=500, rooms=10, senders=10, rate=2, seconds=6, size=4_000, stalled=stalled)
                value = run_speaking(plan, target, PyLingo(), quiet).latency(0.99)
                assert value is not None
                pair.append(value)
            without.append(pair[0])
            with_.append(pair[1])
            ratios.append(pair[1] / pair[0])
        _, _, skipped, _ = counters(server)
    median = statistics.median
    return [
        ("p99 of delivery, 500 clients, ms", f"{median(without):.1f}"),
        (
            "the same with 10 who do not read, ms",
            f"{median(with_):.1f} ({skipped:,} messages were left out for those who do not read)",
        ),
        ("ratio of both, median of 3", f"{median(ratios):.2f} ({', '.join(f'{ratio:.2f}' for ratio in ratios)})"),
    ]


def memory(options: argparse.Namespace) -> Rows:
    """4,000 clients in one room, half of which do not read, get 8 messages of 4,000 bytes a second for 25 s."""
    clients, stalled = 4_000, 2_000
    plan = Plan(clients=clients, rooms=1, senders=4, rate=2, seconds=25, size=4_000, stalled=stalled)
    with ServerProcess("--resume-grace", "0") as server:
        load = Load(plan, PyLingo(), server.port)
        try:
            load.connect()
            load.settle()
            before = usage(server.pid)
            speak(load)  # raises if a client that reads is disconnected or misses a byte
            after = usage(server.pid)
            connected, counts, skipped, _ = counters(server)
        finally:
            load.close()
    ended = {reason: count for reason, count in counts.items() if reason != "accepted"}
    return [
        (
            f"memory that the server grows by, {stalled:,} of {clients:,} not reading",
            f"{(after.peak - before.resident) / 2**20:.1f} MiB at most, "
            f"{(after.peak - before.resident) / stalled / 1024:.2f} KiB for each of them",
        ),
        (
            "who was cut off meanwhile",
            (", ".join(f"{reason} {count}" for reason, count in ended.items()) or "nobody")
            + f"; {connected:,} connected; {skipped:,} messages left out",
        ),
    ]


def farewells(options: argparse.Namespace) -> Rows:
    """200 clients each have 150 KB on the way to the server when it receives SIGINT."""
    frames = encode(Say("x" * 1_000)) * 150
    arrived = 0
    with ServerProcess("--resume-grace", "0", "--rate", "0") as server, server.peers(200) as peers:
        for index, peer in enumerate(peers):
            peer.join(f"room{index}")
        with server.stopped():
            for peer in peers:
                peer.raw(frames)
            server.process.send_signal(signal.SIGINT)
        start = time.monotonic()
        for peer in peers:
            with suppress(OSError):
                last = peer.rest()[-1:]
                arrived += last == [Goodbye("shutdown", "the server is shutting down")]
            peer.close()
        status = server.process.wait(20)
        seconds = time.monotonic() - start
    return [("farewells that arrive on SIGINT, of 200", f"{arrived} (exit status {status} after {seconds:.1f} s)")]


def cpu(options: argparse.Namespace) -> Rows:
    """CPU time while no descriptor is free and 50 clients wait to be accepted."""
    with ServerProcess("--resume-grace", "0") as server, server.peers(3, room="tea"), ExitStack() as stack:
        used = {int(name) for name in os.listdir(f"/proc/{server.pid}/fd")}
        free = next(number for number in range(10_000) if number not in used)
        hard = resource.prlimit(server.pid, resource.RLIMIT_NOFILE)[1]
        resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (free, hard))
        for _ in range(50):
            stack.enter_context(Peer(server.port, greet=False))
        wait_until(lambda: "accepting pauses" in server.log(), "the pause")
        before, start = usage(server.pid).cpu, time.monotonic()
        time.sleep(5)
        share = (usage(server.pid).cpu - before) / (time.monotonic() - start)
    return [("CPU while out of descriptors and 50 wait", f"{100 * share:.2f}%")]


ALIVE = """
import sys
sys.path.insert(0, sys.argv[1])
from pylingo.shared.messages import Ping, PongRequest
from tests.support import Peer
with Peer(int(sys.argv[2])) as peer:
    peer.join("tea")
    print(peer.name, flush=True)
    while (record := peer.recv(600)) is not None:
        if isinstance(record, Ping):
            peer.send(PongRequest())
"""


def dead(options: argparse.Namespace) -> Rows:
    """Seconds until a stopped client is noticed; its kernel still acknowledges keepalives."""
    with (
        ServerProcess("--resume-grace", "0") as server,
        server.peers(1, room="tea") as (witness,),
        subprocess.Popen(
            [sys.executable, "-c", ALIVE, str(ROOT), str(server.port)], stdout=subprocess.PIPE, text=True
        ) as child,
    ):
        assert child.stdout is not None
        child.stdout.readline()
        child.send_signal(signal.SIGSTOP)
        start = time.monotonic()
        record = None
        while not isinstance(record, Left) and time.monotonic() - start < 100:
            record = witness.recv(60)
            if isinstance(record, Ping):
                witness.send(PongRequest())
        seconds = time.monotonic() - start
        child.kill()
    reason = record.reason if isinstance(record, Left) else "not found"
    return [("seconds until a stopped process is found, silent room", f"{seconds:.1f} ({reason})")]


TIMED = """
import sys, time
sys.path.insert(0, sys.argv.pop(1))
from pylingo.reactor import run
from pylingo.reactor.engine.loop import Reactor
tick, longest_cpu = Reactor.tick, 0.0
def timed(self, longest=None):
    global longest_cpu
    start = time.thread_time()
    tick(self, longest)
    longest_cpu = max(longest_cpu, time.thread_time() - start)
    self.longest_tick = longest_cpu
Reactor.tick = timed
run.main()
"""


def garbage(options: argparse.Namespace) -> Rows:
    """The longest tick while invalid frames of every kind arrive for 8 s, from new connections and at the default pace.

    This is CPU time, because the clients share the cores and a tick may wait for one of them.
    """
    from tests.fakes.streams import BAD_BODIES, SIZES

    streams = [*SIZES.values(), *map(encode_frame, BAD_BODIES.values())]
    lists = b"\x90"  # the most expensive to decode: as many nested lists as there are bytes
    for count in (15, 15, 15, 8):
        lists = bytes([0x90 + count]) + lists * count
    dear = [encode_frame(b"\x82\xa4type\xa4ping\xa1x" + lists) * 10, encode(Say("\x01\u0301" * 2_048)) * 10]
    dear += [encode(Command("name", "\u0436" * 32)) * 5 + encode(Command("join", "\u0436x")) * 5]
    wrong = encode_frame(b"\x82\xa4type\xa3say\xa2id\x05") + encode_frame(b"\x80")
    sent = 0
    with ServerProcess(program=("-c", TIMED, str(ROOT))) as server, server.peers(20) as steady:
        quiet_tick = counters(server)[3]
        end = time.monotonic() + 8
        while time.monotonic() < end:
            for peer in steady:
                peer.raw(wrong)
                sent += 2
            for stream in streams:
                with Peer(server.port, greet=False) as peer, suppress(OSError):
                    peer.raw(stream)
                    sent += 1
                    peer.rest()
            for stream in dear:
                with Peer(server.port) as peer:
                    peer.raw(stream)
                    sent += 10
                    peer.sock.shutdown(SHUT_WR)
                    peer.rest()
            time.sleep(0.3)
        tick = counters(server)[3]
    return [
        (
            "CPU of the longest tick under garbage at the default rate",
            f"{tick:.1f} ms in {sent:,} frames ({quiet_tick:.1f} ms before)",
        )
    ]


def fuzz(options: argparse.Namespace) -> Rows:
    """Run the fuzzer, which ends with its first finding."""
    seconds = max(1, min(options.fuzz_seconds, 3_600))
    script = ROOT / "tests" / "fuzz" / "fuzz_session.py"
    run = subprocess.run(
        [sys.executable, str(script), "--seconds", str(seconds)],
        capture_output=True,
        text=True,
        errors="replace",
        timeout=seconds + 120,
    )
    done = re.search(r"Done (\d+) runs", run.stderr)
    if "takes atheris" in run.stderr:
        said = "not measured: pip install atheris"
    elif run.returncode or done is None:
        said = "A FINDING: " + " ".join(run.stderr.split("=== Uncaught")[-1].split()[:40])
    else:
        said = f"{int(done[1]):,} in {seconds} s"
    return [("fuzz executions without a finding", said)]


FIGURES: dict[str, Callable[[argparse.Namespace], Rows]] = {
    figure.__name__: figure for figure in (latency, memory, farewells, cpu, dead, garbage, fuzz)
}


def print_table(parser: argparse.ArgumentParser, figures: dict[str, Callable[[argparse.Namespace], Rows]]) -> None:
    """Measure the figures on the command line, by default all, and print each one as soon as it is known."""
    parser.add_argument("figure", nargs="*", choices=[*figures], help=f"any of {', '.join(figures)} (all)")
    options = parser.parse_args()
    if not os.path.isdir("/proc/self/fd"):
        sys.exit("the figures take Linux's /proc, and there is none")
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    print("| figure | value |\n| --- | --- |", flush=True)
    for name in options.figure or figures:
        for what, value in figures[name](options):
            print(f"| {what} | {value} |", flush=True)
    one, five, _ = os.getloadavg()
    print(f"\n{os.cpu_count()} cores, load average {one:.1f} of the last minute, {five:.1f} of the last five.")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0], allow_abbrev=False)
    parser.add_argument("--fuzz-seconds", type=int, default=20, help="how long to fuzz (%(default)s)")
    print_table(parser, FIGURES)


if __name__ == "__main__":
    main()
