#!/usr/bin/env python3
"""Put the same load on PyLingo and other servers, in one run and in turn: `.venv/bin/python tests/peers/compare.py`.

The others are Redis pub/sub, NATS and MQTT (`redis-server`, `nats-server` and `mosquitto`), PyLingo's protocol on
asyncio and on uvloop with one write for each recipient, and, for the broadcast, a bare `for s in socks: s.send(frame)`.
With `--irc`, PyLingo speaks IRC, and the others are ngircd and InspIRCd. All get the same clients, which check every
delivery. It prints one table with ratios; servers that are not installed are named and left out.
"""

import argparse
import contextlib
import dataclasses
import importlib.util
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[0] = str(HERE.parent.parent)

from pylingo.client.bench.dialect import Dialect, PyLingo
from pylingo.client.bench.options import check_descriptors
from pylingo.client.bench.plan import Plan
from pylingo.client.bench.process import ServerChild
from pylingo.client.bench.report import ProgressBar, where
from pylingo.client.bench.scenarios import UNLIMITED, Result, TargetServer, run_broadcast, run_speaking
from tests.peers.dialects import Bare, Irc, Mqtt, Nats, Redis
from tests.peers.starting import (
    Started,
    start_inspircd,
    start_mosquitto,
    start_nats,
    start_ngircd,
    start_pylingo,
    start_pylingo_for_irc,
    start_redis,
    start_script,
)

ROOM_SIZES = (10, 30, 100, 300, 1_000)
PACES = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0)
"""Messages a second of each of 1,000 people."""
PERCENTILES = (50, 90, 99)


@dataclass(frozen=True)
class Peer:
    """A server under load. `start` returns the process and its port; `missing` returns what is not installed."""

    name: str
    dialect: Dialect
    start: Callable[[Path], Started]
    missing: Callable[[], str | None]
    version: Callable[[], str]


@dataclass(frozen=True)
class Trial:
    """One load, and the figures to compare; smaller is better."""

    about: str
    plan: Plan
    run: Callable[..., Result]
    figures: dict[str, Callable[[Result], float | None]]
    rounds: int


def with_pace(peer: Peer, coalesce: str) -> Peer:
    """PyLingo with another `--coalesce`."""

    def start(folder: Path) -> Started:
        child = ServerChild((*UNLIMITED, "--max-per-address", "0", "--coalesce", coalesce))
        return child.process, child.port

    return dataclasses.replace(peer, name=f"{peer.name}, {coalesce}", start=start)


def lacks_program(name: str) -> Callable[[], str | None]:
    return lambda: None if shutil.which(name) or shutil.which(name, path="/usr/sbin") else f"{name} is not installed"


def lacks_module(name: str) -> Callable[[], str | None]:
    return lambda: None if importlib.util.find_spec(name) else f"the Python package {name} is not installed"


def version_of(*command: str) -> Callable[[], str]:
    return lambda: (
        subprocess.run(command, capture_output=True, text=True, check=False)  # mosquitto -h ends with 3
        .stdout.splitlines()[0]
        .split("sha=")[0]
        .strip()
    )


def module_version(name: str) -> Callable[[], str]:
    return lambda: f"{name} {importlib.import_module(name).__version__}"


def nothing() -> None:
    return None


PEERS = [
    Peer("PyLingo", PyLingo(), start_pylingo, nothing, lambda: where()["pylingo"]),
    Peer("Redis pub/sub", Redis(), start_redis, lacks_program("redis-server"), version_of("redis-server", "--version")),
    Peer("NATS", Nats(), start_nats, lacks_program("nats-server"), version_of("nats-server", "--version")),
    Peer("mosquitto", Mqtt(), start_mosquitto, lacks_program("mosquitto"), version_of("mosquitto", "-h")),
    Peer("asyncio", PyLingo(), start_script(str(HERE / "servers.py"), "asyncio"), nothing, lambda: where()["python"]),
    Peer(
        "uvloop",
        PyLingo(),
        start_script(str(HERE / "servers.py"), "uvloop"),
        lacks_module("uvloop"),
        module_version("uvloop"),
    ),
    Peer("bare send loop", Bare(), start_script(str(HERE / "bare.py")), nothing, lambda: where()["python"]),
]

# Everybody who enters is told who is there, which takes longer than a connect: the system drops what a backlog cannot
# hold. That of ngircd has 10 connections.
IRC_PEERS = [
    Peer("PyLingo, IRC", Irc(pending=1_000), start_pylingo_for_irc, nothing, lambda: where()["pylingo"]),
    Peer("ngircd", Irc(pending=8), start_ngircd, lacks_program("ngircd"), version_of("ngircd", "--version")),
    Peer(
        "InspIRCd", Irc(pending=1_000), start_inspircd, lacks_program("inspircd"), version_of("inspircd", "--version")
    ),
]


def cpu(result: Result) -> float | None:
    return result.cpu_per_delivery


TRIALS = {
    "saturate": Trial(
        "1,000 connections, 10 rooms, 5 senders in each, 64 bytes of text, as fast as they go",
        Plan(clients=1_000, rooms=10, senders=5, seconds=6),
        run_speaking,
        {
            "CPU µs a delivery": cpu,
            "ns of wall time a delivery": lambda r: r.measured.seconds / r.measured.deliveries * 1e9,
        },
        3,
    ),
    "chat": Trial(
        "1,000 connections, 20 rooms, all of them senders at 1 message a second",
        Plan(clients=1_000, rooms=20, senders=50, rate=1, seconds=6),
        run_speaking,
        {"CPU µs a delivery": cpu, "p50 ms": lambda r: r.latency(0.5), "p99 ms": lambda r: r.latency(0.99)},
        5,
    ),
    "broadcast": Trial(
        "one message to 5,000, and the next when all have had it",
        Plan(clients=5_000, senders=1, messages=100),
        run_broadcast,
        {"CPU µs a delivery": cpu},
        5,
    ),
    "memory": Trial(
        "10,000 connected, in 100 rooms, silent",
        Plan(clients=10_000, rooms=100, seconds=0.5),
        run_broadcast,
        {"resident bytes a connection": lambda r: r.bytes_per_connection},
        1,
    ),
}
for _size in ROOM_SIZES:
    TRIALS[f"room-{_size}"] = Trial(
        f"1,000 connections in rooms of {_size}, 5 senders in each",
        Plan(clients=1_000, rooms=1_000 // _size, senders=5, seconds=3),
        run_speaking,
        {
            "ns of wall time a delivery": lambda r: r.measured.seconds / r.measured.deliveries * 1e9,
            "CPU µs a delivery": cpu,
        },
        3,
    )


def _latency(percent: int) -> Callable[[Result], float | None]:
    return lambda result: result.latency(percent / 100)


def _lateness(result: Result) -> float | None:
    """Milliseconds by which the load generator itself was late, at the 99th percentile."""
    late = sorted(result.measured.lateness)
    return late[len(late) * 99 // 100] * 1e3 if late else None


for _pace in PACES:
    TRIALS[f"pace-{_pace:g}"] = Trial(
        f"1,000 connections, 20 rooms, all of them senders at {_pace:g} messages a second",
        Plan(clients=1_000, rooms=20, senders=50, rate=_pace, seconds=5),
        run_speaking,
        {
            "CPU µs a delivery": cpu,
            **{f"p{percent} ms": _latency(percent) for percent in PERCENTILES},
            "the clients' own delay, p99 ms": _lateness,
        },
        3,
    )


def fits(peer: Peer, name: str) -> bool:
    """Whether a server can run a load: the bare loop has no rooms, and 5,000 joins take the asyncio servers minutes."""
    return peer.name not in ("asyncio", "uvloop") if name == "broadcast" else peer.name != "bare send loop"


@contextlib.contextmanager
def running(peer: Peer) -> Iterator[TargetServer]:
    """Start the server for one run."""
    with tempfile.TemporaryDirectory() as folder:
        process, port = peer.start(Path(folder))
        try:
            yield TargetServer("127.0.0.1", port, process.pid)
        finally:
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            for pipe in (process.stdout, process.stderr):
                if pipe is not None:
                    pipe.close()


def compare(
    names: list[str], peers: list[Peer], rounds: int | None, seconds: float | None
) -> dict[str, dict[str, dict[str, list[float]]]]:
    """The figures of every round: trial → figure → peer → values."""
    table: dict[str, dict[str, dict[str, list[float]]]] = {}
    progress = ProgressBar()
    for name in names:
        trial = TRIALS[name]
        plan = (
            trial.plan
            if seconds is None or not trial.plan.seconds
            else dataclasses.replace(trial.plan, seconds=seconds)
        )
        check_descriptors(plan)
        rows: dict[str, dict[str, list[float]]] = {figure: {} for figure in trial.figures}
        for turn in range(rounds or trial.rounds):
            for peer in peers:
                if not fits(peer, name):
                    continue
                with running(peer) as target:
                    result = trial.run(plan, target, peer.dialect, progress)
                progress.clear()
                for figure, read in trial.figures.items():
                    value = read(result)
                    if value is not None:
                        rows[figure].setdefault(peer.name, []).append(value)
                shown = ", ".join(
                    f"{figure} {rows[figure][peer.name][-1]:.4g}" for figure in rows if peer.name in rows[figure]
                )
                print(f"{name} round {turn + 1}, {peer.name}: {shown}", file=sys.stderr)
        table[name] = rows
    return table


def markdown(table: dict[str, dict[str, dict[str, list[float]]]], peers: list[Peer]) -> str:
    """A table with a row for each load and figure and a column for each server: medians, and ratios to the first's."""
    lines = [
        "| load | figure | " + " | ".join(peer.name for peer in peers) + " |",
        "| --- | --- |" + " ---: |" * len(peers),
    ]
    for name, rows in table.items():
        for figure, values in rows.items():
            first = peers[0].name
            ours = statistics.median(values[first]) if first in values else None
            cells = []
            for peer in peers:
                if peer.name not in values:
                    cells.append("")
                    continue
                median = statistics.median(values[peer.name])
                ratio = f" (×{median / ours:.3g})" if ours and peer.name != first else ""
                cells.append(f"{median:.3g}{ratio}" if median < 1_000 else f"{median:,.0f}{ratio}")
            lines.append(f"| {name} | {figure} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = ["saturate", "chat", "broadcast", "memory"]
    parser.add_argument("--loads", nargs="+", choices=TRIALS, default=default, metavar="LOAD", help=" ".join(TRIALS))
    parser.add_argument(
        "--plot-loads", action="store_true", help="run what plot.py needs: saturated rooms of all sizes"
    )
    parser.add_argument(
        "--latency-loads", action="store_true", help="run what plot.py needs: chat at paces from idle to overload"
    )
    parser.add_argument(
        "--peers", nargs="+", choices=[peer.name for peer in PEERS + IRC_PEERS], metavar="PEER", help="only these"
    )
    parser.add_argument("--irc", action="store_true", help="compare IRC servers")
    parser.add_argument("--coalesce", nargs="+", default=[], metavar="TIME", help="PyLingo once with each of these")
    parser.add_argument("--rounds", type=int, help="instead of each load's own number")
    parser.add_argument("--seconds", type=float, help="instead of each load's own time")
    parser.add_argument("--markdown", metavar="FILE", help="write the table there")
    parser.add_argument("--json", metavar="FILE", help="write all figures there, for plot.py")
    given = parser.parse_args()
    os.environ["PATH"] += ":/usr/sbin"
    peers = []
    for peer in IRC_PEERS if given.irc else PEERS:
        if given.peers and peer.name not in given.peers:
            continue
        if reason := peer.missing():
            print(f"left out: {peer.name}, as {reason}", file=sys.stderr)
        else:
            is_ours = peer.name == "PyLingo" and given.coalesce
            peers += [with_pace(peer, time) for time in given.coalesce] if is_ours else [peer]
    names = given.loads
    if given.plot_loads:
        names = [f"room-{size}" for size in ROOM_SIZES]
    elif given.latency_loads:
        names = [f"pace-{pace:g}" for pace in PACES]
    peers = [peer for peer in peers if any(fits(peer, name) for name in names)]
    table = compare(names, peers, given.rounds, given.seconds)
    text = markdown(table, peers)
    machine = where()
    abouts = "; ".join(f"{name}: {TRIALS[name].about}" for name in names if name in default)
    text += "\n\nMedians; in brackets what that is of the first server's." + (f" {abouts}." if abouts else "")
    text += f"\n\nOn {machine['machine']}, {machine['system']}, {machine['python']}, msgpack {machine['msgpack']}. "
    text += (
        ", ".join(f"{peer.name}: {peer.version()}" for peer in peers if peer.name not in ("asyncio", "bare send loop"))
        + ".\n"
    )
    print(text)
    if given.markdown:
        Path(given.markdown).write_text(text)
    if given.json:
        Path(given.json).write_text(json.dumps({"table": table, "where": machine}, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
