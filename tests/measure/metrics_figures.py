#!/usr/bin/env python3
"""Measure what --metrics costs the server on this machine, and print a Markdown table.

    python tests/measure/metrics_figures.py                    # all of them, about two minutes
    python tests/measure/metrics_figures.py answer --rounds 9  # only these

Servers without metrics, and servers that are scraped every second, take turns, because the speed of a machine changes
more between rounds than within one.
"""

# ruff: noqa: E402 - a script, which puts the checkout on the path first

import argparse
import contextlib
import dataclasses
import re
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent

if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))

from pylingo.client.bench.dialect import PyLingo
from pylingo.client.bench.options import check_descriptors
from pylingo.client.bench.plan import Plan
from pylingo.client.bench.process import usage
from pylingo.client.bench.report import where
from pylingo.client.bench.scenarios import SCENARIOS, UNLIMITED, TargetServer, run_speaking
from tests.measure.figures import quiet
from tests.support import Peer, ServerProcess

OPTIONS = ("--max-per-address", "0", "--resume-grace", "0", "--log-level", "warning")
CONNECTIONS = (0, 1_000, 8_000)
ANSWERS = 20
SCRAPER = """
import sys, time, urllib.request
while True:
    time.sleep(1)
    with urllib.request.urlopen(sys.argv[1]) as answer:
        assert answer.read()
"""


def url_of(server: ServerProcess) -> str:
    assert server.process.stdout is not None
    found = re.search(r"http://\S+", server.process.stdout.readline())
    assert found is not None
    return found[0]


@contextlib.contextmanager
def scraped(server: ServerProcess) -> Iterator[None]:
    """Scrape a server every second meanwhile."""
    with subprocess.Popen([sys.executable, "-c", SCRAPER, url_of(server)]) as scraper:
        try:
            yield
        finally:
            scraper.kill()


def cpu(scenario: str, seconds: float, is_scraped: bool) -> float:
    """Microseconds of the server's CPU for a delivery in a scenario of the benchmark."""
    plan = dataclasses.replace(SCENARIOS[scenario].plan, seconds=seconds)
    options = (*OPTIONS, *SCENARIOS[scenario].options, *(("--metrics", "0") if is_scraped else ()))
    with ServerProcess(*options) as server, scraped(server) if is_scraped else contextlib.nullcontext():
        result = run_speaking(plan, TargetServer("127.0.0.1", server.port, server.pid), PyLingo(), quiet)
    value = result.cpu_per_delivery
    assert value is not None
    return value


def compare(scenario: str, rounds: int, seconds: float) -> None:
    """Print the figures of a scenario without metrics and with them."""
    values: tuple[list[float], list[float]] = [], []
    for number in range(rounds):
        for is_scraped in (False, True) if number % 2 == 0 else (True, False):
            values[is_scraped].append(cpu(scenario, seconds, is_scraped))
    ratios = [second / first for first, second in zip(*values, strict=True)]
    without, scraped_, ratio = map(statistics.median, (*values, ratios))
    rounds_ = ", ".join(f"{ratio:.3f}" for ratio in ratios)
    print(
        f"| CPU for a delivery, {scenario}, µs | {without:.4g} | {scraped_:.4g} | ×{ratio:.3f} ({rounds_}) |",
        flush=True,
    )


def answers() -> None:
    """Print the CPU of the server for an answer to a scraper, by the number of connections."""
    check_descriptors(Plan(clients=max(CONNECTIONS)))
    for count in CONNECTIONS:
        options = (*OPTIONS, *UNLIMITED, "--first-frame-timeout", "1000", "--ping-after", "1000")
        with ServerProcess(*options, "--metrics", "0") as server, contextlib.ExitStack() as stack:
            url = url_of(server)
            for _ in range(count):
                stack.enter_context(Peer(server.port))
            before = usage(server.pid).cpu
            for _ in range(ANSWERS):
                with urllib.request.urlopen(url) as answer:
                    answer.read()
                time.sleep(0.5)
            spent = (usage(server.pid).cpu - before) / ANSWERS * 1e3
        print(f"| CPU for an answer, {count:,} connections, ms | | {spent:.3g} | |", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    names = ("saturate", "chat", "answer")
    parser.add_argument("figures", nargs="*", choices=names, default=[*names], help="only these")
    parser.add_argument("--rounds", type=int, default=5, help="how often each kind is measured (%(default)s)")
    parser.add_argument("--seconds", type=float, default=5.0, help="of speaking in each run (%(default)s)")
    given = parser.parse_args()
    print("| figure | without metrics | scraped every second | ratio |")
    print("| --- | ---: | ---: | --- |", flush=True)
    for name in given.figures:
        if name == "answer":
            answers()
        else:
            compare(name, given.rounds, given.seconds)
    machine = where()
    print(f"\nMedians of {given.rounds} rounds, in turn. {machine['machine']}, {machine['python']}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
