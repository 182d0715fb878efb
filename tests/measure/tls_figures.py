#!/usr/bin/env python3
"""Measure what TLS costs the server on this machine, and print a Markdown table.

    python tests/measure/tls_figures.py              # all of them, about three minutes
    python tests/measure/tls_figures.py cpu storm    # only these

Plain and encrypted servers take turns, because the speed of a machine changes more between rounds than within one.
"""

# ruff: noqa: E402 - a script, which puts the checkout on the path first

import argparse
import dataclasses
import statistics
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent

if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))

from pylingo.client.bench.certificate import trust_anybody
from pylingo.client.bench.dialect import PyLingo
from pylingo.client.bench.load import Load
from pylingo.client.bench.options import check_descriptors
from pylingo.client.bench.plan import Plan
from pylingo.client.bench.scenarios import SCENARIOS, UNLIMITED, TargetServer, run_idle, run_speaking
from tests.measure.figures import counters, quiet
from tests.support import ServerProcess

Rows = list[tuple[str, str, str, str]]
ROUNDS = 5
HANDSHAKES = 1_000
STORM = 500
OPTIONS = ("--max-per-address", "0", "--resume-grace", "0", *UNLIMITED)

STORMER = """
import socket, ssl, sys
context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
is_tls = sys.argv[3] == "True"
for _ in sys.stdin:  # a line for each storm
    socks = [socket.create_connection(("127.0.0.1", int(sys.argv[1]))) for _ in range(int(sys.argv[2]))]
    if is_tls:
        socks = [context.wrap_socket(sock, do_handshake_on_connect=False) for sock in socks]
        for sock in socks:
            sock.setblocking(False)
            try:
                sock.do_handshake()
            except ssl.SSLWantReadError:
                pass
        for sock in socks:
            sock.settimeout(30)
            sock.do_handshake()
    for sock in socks:
        sock.settimeout(30)
        assert sock.recv(1000)
        sock.close()
    print("done", flush=True)
"""
"""Makes so many connections at once, waits for the welcome on each, and closes them."""


def target_of(server: ServerProcess) -> TargetServer:
    return TargetServer("127.0.0.1", server.port, server.pid, trust_anybody() if server.is_encrypted else None)


def in_turn(measure: Callable[[TargetServer], float], rounds: int = ROUNDS) -> tuple[list[float], list[float]]:
    """The figure of a fresh plain server, and of an encrypted one, `rounds` times."""
    found: tuple[list[float], list[float]] = [], []
    for _ in range(rounds):
        for tls, figures in zip((False, True), found, strict=True):
            with ServerProcess(*OPTIONS, tls=tls) as server:
                figures.append(measure(target_of(server)))
    return found


def row(what: str, plain: list[float], tls: list[float], compared: str) -> tuple[str, str, str, str]:
    return what, f"{statistics.median(plain):,.4g}", f"{statistics.median(tls):,.4g}", compared


def ratio(plain: list[float], tls: list[float]) -> str:
    ratios = [two / one for one, two in zip(plain, tls, strict=True)]
    return f"×{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"


def cpu(options: argparse.Namespace) -> Rows:
    """The fan-out of `pylingo-bench --scenario saturate`, for four seconds."""
    plan = dataclasses.replace(SCENARIOS["saturate"].plan, seconds=4)

    def measure(target: TargetServer) -> float:
        return run_speaking(plan, target, PyLingo(), quiet).cpu_per_delivery or 0.0

    plain, tls = in_turn(measure)
    return [row("saturate: server CPU, µs a delivery", plain, tls, ratio(plain, tls))]


def chat(options: argparse.Namespace) -> Rows:
    """The chat of `pylingo-bench --scenario chat`, for four seconds."""
    plan = dataclasses.replace(SCENARIOS["chat"].plan, seconds=4)

    def measure(target: TargetServer) -> float:
        return run_speaking(plan, target, PyLingo(), quiet).cpu_per_delivery or 0.0

    plain, tls = in_turn(measure)
    return [row("chat: server CPU, µs a delivery", plain, tls, ratio(plain, tls))]


def handshake(options: argparse.Namespace) -> Rows:
    """1,000 connections that say nothing but a ping: what connecting them costs, with and without TLS."""

    def measure(target: TargetServer) -> float:
        before = target.usage().cpu
        plan = Plan(clients=HANDSHAKES, rooms=1)
        with closing(Load(plan, PyLingo(), target.port, target.host, quiet, target.tls)) as load:
            load.connect(enter=False)
            return (target.usage().cpu - before) / HANDSHAKES * 1e3

    plain, tls = in_turn(measure)
    more = [two - one for one, two in zip(plain, tls, strict=True)]
    return [row("a connect: server CPU, ms", plain, tls, f"{statistics.median(more):.2f} ms for the handshake")]


def memory(options: argparse.Namespace) -> Rows:
    """4,000 silent connections."""
    plan = Plan(clients=4_000, rooms=40, seconds=0.1)

    def measure(target: TargetServer) -> float:
        return run_idle(plan, target, PyLingo(), quiet).bytes_per_connection or 0.0

    plain, tls = in_turn(measure, 1)
    return [row("resident bytes for each connection", plain, tls, ratio(plain, tls))]


def storm(options: argparse.Namespace) -> Rows:
    """The chat of 200 clients while another process makes 500 connections at once, again and again."""
    plan = Plan(clients=200, rooms=10, senders=20, rate=2, seconds=8)
    rows = []
    for is_stormy in (False, True):
        found: tuple[list[float], list[float]] = [], []
        ticks: list[float] = []
        storms = 0
        for tls, figures in zip((False, True), found, strict=True):
            with ServerProcess(*OPTIONS, tls=tls) as server:
                arguments = [str(server.port), str(STORM), str(tls)]
                command = ["nice", "-n", "19", sys.executable, "-c", STORMER, *arguments]
                with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as stormer:
                    assert stormer.stdin is not None
                    assert stormer.stdout is not None
                    stormer.stdin.write("storm\n" * 100 * is_stormy)
                    stormer.stdin.flush()
                    figures.append(run_speaking(plan, target_of(server), PyLingo(), quiet).latency(0.99) or 0.0)
                    storms = counters(server)[1]["accepted"] // STORM
                    ticks.append(counters(server)[3])
                    stormer.kill()
        what = f"p99 of a delivery, ms, {f'while {STORM} connect at once' if is_stormy else 'in peace'}"
        note = f"longest tick {ticks[0]:.0f} ms and {ticks[1]:.0f} ms" + f", {storms} storms" * is_stormy
        rows.append(row(what, *found, note))
    return rows


FIGURES = {"cpu": cpu, "chat": chat, "handshake": handshake, "memory": memory, "storm": storm}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("figures", nargs="*", choices=[*FIGURES, []], help="; ".join(FIGURES))
    options = parser.parse_args()
    check_descriptors(Plan(clients=4_000))
    print("| figure | plain | TLS | compared |\n| --- | ---: | ---: | --- |", flush=True)
    for name in options.figures or FIGURES:
        for cells in FIGURES[name](options):
            print(f"| {' | '.join(cells)} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
