#!/usr/bin/env python3
"""Measure what the history file costs, and how it does with five million messages; print a Markdown table.

    python tests/measure/scale.py               # all of it, about five minutes and 2 GB of disk in the temporary folder
    python tests/measure/scale.py rooms page    # only these

Each figure starts its own server, a child process. Compared configurations are run in turn, several times.
"""

# ruff: noqa: E402 - a script, which puts the checkout on the path first

import argparse
import contextlib
import itertools
import os
import random
import re
import sqlite3
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent

if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))

from pylingo.client.bench.dialect import PyLingo
from pylingo.client.bench.process import ServerChild, Usage, usage
from pylingo.client.bench.scenarios import SCENARIOS, UNLIMITED, Result, TargetServer, run_speaking
from pylingo.reactor.history.database import open_file
from pylingo.shared.messages import Command, HistoryPage, HistoryRequest, PingRequest, Pong, Say, Sent
from tests.measure.figures import Rows, counters, print_table, quiet
from tests.support import Peer, ServerProcess

ROOMS = 1_000
_OLD = 0.04  # of the large file's messages are older than 90 days


class ReactorOnly(TargetServer):
    """A server whose CPU time is that of the reactor's thread, the first thread of the process."""

    def usage(self) -> Usage:
        assert self.pid is not None
        with open(f"/proc/{self.pid}/task/{self.pid}/schedstat", "rb") as file:
            cpu = int(file.read().split()[0]) / 1e9
        whole = usage(self.pid)
        return Usage(cpu, whole.resident, whole.peak)


def in_turn(options: argparse.Namespace, scenario: str, seconds: float, extra: tuple[str, ...]) -> list[list[Result]]:
    """The results of each round, without and with a file."""
    plan = SCENARIOS[scenario].plan
    plan = type(plan)(**{**{name: getattr(plan, name) for name in plan.__slots__}, "seconds": seconds})
    results: list[list[Result]] = []
    for _ in range(options.rounds):
        pair = []
        for has_file in (False, True):
            with tempfile.TemporaryDirectory() as folder:
                history = ("--history", os.path.join(folder, "history")) if has_file else ()
                child = ServerChild((*extra, "--max-per-address", "0", *history))
                try:
                    target = ReactorOnly("127.0.0.1", child.port, child.pid)
                    pair.append(run_speaking(plan, target, PyLingo(), quiet))
                finally:
                    child.stop()
        results.append(pair)
    return results


def compared(what: str, unit: str, pairs: list[list[float]]) -> Rows:
    without, with_ = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratios = [after / before for before, after in pairs]
    shown = ", ".join(f"{ratio:.2f}" for ratio in ratios)
    return [
        (f"{what} without a file, {unit}", f"{without:.3g}"),
        (f"{what} with a file, {unit}", f"{with_:.3g}"),
        (f"ratio of both, median of {len(pairs)}", f"{statistics.median(ratios):.2f} ({shown})"),
    ]


def cpu(options: argparse.Namespace) -> Rows:
    """The reactor thread's CPU for a delivery in `saturate`."""
    results = in_turn(options, "saturate", 5.0, UNLIMITED)
    return compared(
        "CPU of the reactor for a delivery", "µs", [[r.cpu_per_delivery or 0.0 for r in p] for p in results]
    )


def latency(options: argparse.Namespace) -> Rows:
    """p99 in the scenario `chat`: 1,000 clients, 1,000 messages a second."""
    results = in_turn(options, "chat", 8.0, ())
    pairs = [[result.latency(0.99) or 0.0 for result in pair] for pair in results]
    return compared("p99 of delivery in a paced chat", "ms", pairs)


@contextlib.contextmanager
def large_file(count: int) -> Iterator[str]:
    """Write a history of `count` messages, each with a key; the last one is of now."""
    now = time.time_ns() // 1_000
    day = 86_400_000_000
    begin = now - 91 * day
    old = int(count * _OLD)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "history")
        with contextlib.closing(open_file(path)) as file:
            file.execute("pragma synchronous = off")
            indexes = file.execute("select name, sql from sqlite_master where type = 'index'").fetchall()
            for name, _ in indexes:
                file.execute(f"drop index {name}")
            with file:
                file.execute(
                    "with recursive n(i) as (select 1 union all select i + 1 from n where i < :count)"
                    " insert into message select"
                    " case when i <= :old then :begin + i else :now - (:count - i) * 1000 end,"
                    " 'room-' || (i % :rooms), 'user-' || (i % 5000), 'message ' || i || ' ' || hex(randomblob(24)),"
                    " lower(hex(randomblob(8))), random(), null"
                    " from n",
                    {"count": count, "old": old, "begin": begin, "now": now, "rooms": ROOMS},
                )
            for _, sql in indexes:
                file.execute(sql)
        with open(path, "rb") as written:
            os.fsync(written.fileno())
        yield path


def page(options: argparse.Namespace) -> Rows:
    """Start with a large history, read pages, delete old messages during a chat; and the same with an empty history."""
    rows: Rows = []
    with (
        tempfile.TemporaryDirectory() as folder,
        ServerProcess("--history", os.path.join(folder, "history"), "--rate", "0") as server,
        Peer(server.port) as peer,
    ):
        alone, longest, _ = chat(server, peer, 20.0)
        rows.append(("a new history, with nothing else to do: time until `sent`", alone))
        rows.append(("the time until a `pong` then; longest tick, ms", longest))
    with large_file(options.messages) as path:
        name = f"a history of {options.messages:,} messages, {os.path.getsize(path) / 2**20:,.0f} MiB"
        start = time.monotonic()
        with (
            ServerProcess("--history", path, "--history-keep", "0", "--history-max", "0", "--rate", "0") as server,
            Peer(server.port) as peer,
        ):
            rows.append((f"{name}: seconds from start to the first welcome", f"{time.monotonic() - start:.2f}"))
            at_first = counters(server)[3]
            loading, longest, _ = chat(server, peer, 20.0)
            said = re.search(r"keys of the history were read in [\d.]+ s", server.log())
            rows.append(
                ("in its first 20 s: time until `sent`", f"{loading}; {said[0] if said else 'keys are still read'}")
            )
            rows.append(("the time until a `pong` then; longest tick, that of opening, ms", f"{longest}, {at_first}"))
            rows.append(("a page of 50 at random: median and longest of 300, ms", pages(peer, options.messages)))
            rows.append(("resident memory, MiB", f"{usage(server.pid).resident / 2**20:.0f}"))
        with (
            ServerProcess("--history", path, "--history-keep", "90d", "--history-max", "0", "--rate", "0") as server,
            Peer(server.port) as peer,
        ):
            deleting, longest, seconds = chat(server, peer, 30.0)
        with contextlib.closing(sqlite3.connect(path)) as file:
            left = file.execute("select count(*) from message where at < ?", ((time.time() - 89 * 86_400) * 1e6,))
            deleted = int(options.messages * _OLD) - left.fetchone()[0]
        rows.append((f"while {deleted:,} old ones are deleted in {seconds:.0f} s, ms for `sent`", deleting))
        rows.append(("the time until a `pong` then; longest tick, ms", longest))
    return rows


def chat(server: ServerProcess, peer: Peer, seconds: float) -> tuple[str, str, float]:
    """Speak with new keys and ping meanwhile: the times until `sent` and `pong`, and the longest tick."""
    pongs: list[float] = []
    is_over = threading.Event()

    def ping() -> None:
        with Peer(server.port) as other:
            while not is_over.wait(0.005):
                begin = time.monotonic()
                other.send(PingRequest(1))
                other.until(Pong)
                pongs.append(time.monotonic() - begin)

    thread = threading.Thread(target=ping)
    thread.start()
    sents = []
    peer.join("room-7")
    end = time.monotonic() + seconds
    number = 0
    while time.monotonic() < end:
        number += 1
        begin = time.monotonic()
        peer.send(Say("hi", f"{random.getrandbits(64):016x}", number))
        peer.until(Sent)
        sents.append(time.monotonic() - begin)
        time.sleep(0.02)
    is_over.set()
    thread.join()
    tick = counters(server)[3]
    sent = f"median {statistics.median(sents) * 1e3:.1f} ms, longest {max(sents) * 1e3:.1f} ms of {len(sents):,}"
    pongs.sort()
    pong = f"p99 {pongs[len(pongs) * 99 // 100] * 1e3:.1f}, longest {pongs[-1] * 1e3:.1f} of {len(pongs):,}; {tick:.1f}"
    return sent, pong, seconds


def pages(peer: Peer, count: int) -> str:
    """Read pages of rooms all over the file."""
    chance = random.Random(1)
    taken = []
    for number in range(300):
        if number % 3 == 0:
            peer.join(f"room-{chance.randrange(ROOMS)}")
        before = time.time_ns() // 1_000 - chance.randrange(int(count * (1 - _OLD))) * 1_000
        begin = time.monotonic()
        peer.send(HistoryRequest(before=before, limit=50, id=number))
        got = peer.until(HistoryPage, re=number)
        taken.append(time.monotonic() - begin)
        assert len(got.messages) in range(1, 51), got
    return f"{statistics.median(taken) * 1e3:.1f}, {max(taken) * 1e3:.1f}"


def rooms(options: argparse.Namespace) -> Rows:
    """Memory while 100,000 rooms are made, get one message, and are left, one after the other."""
    count, at_once = 100_000, 500
    rows: Rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name, more in (("in memory", ()), ("with a file", ("--history", os.path.join(folder, "history")))):
            with ServerProcess("--rate", "0", *more) as server, Peer(server.port) as peer:
                before = usage(server.pid).resident
                stamps: list[int] = []
                for begin in range(0, count, at_once):
                    for number in range(begin, begin + at_once):
                        peer.send(Command("join", f"room-{number}"), Say("x" * 100, f"key-{number}"))
                    while len(stamps) < begin + at_once:
                        stamps.append(peer.until(Sent).at)
                grown = usage(server.pid).peak - before
                tick = counters(server)[3]
            assert all(one < other for one, other in itertools.pairwise(stamps)), "stamps do not rise"
            assert len(stamps) == count
            rows.append(
                (
                    f"memory grows with {count:,} rooms made and left, {name}",
                    f"{grown / 2**20:.0f} MiB at most (--history-memory is 64 MiB); every `at` above the one before;"
                    f" longest tick {tick:.1f} ms",
                )
            )
    return rows


FIGURES: dict[str, Callable[[argparse.Namespace], Rows]] = {
    figure.__name__: figure for figure in (cpu, latency, page, rooms)
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0], allow_abbrev=False)
    parser.add_argument("--rounds", type=int, default=3, help="how often what is compared is run (%(default)s)")
    parser.add_argument("--messages", type=int, default=5_000_000, help="of the large history (%(default)s)")
    print_table(parser, FIGURES)


if __name__ == "__main__":
    main()
