"""The output of a run: a progress bar, a table for people, a JSON object for programs."""

import dataclasses
import json
import math
import os
import platform
import subprocess
import sys
from importlib import metadata
from typing import TextIO

from pylingo.client.bench.plan import Plan
from pylingo.client.bench.scenarios import Result
from pylingo.shared import __version__
from pylingo.shared.files import open_private
from pylingo.shared.text import counted

QUANTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p99.9": 0.999, "max": 1.0}


class ProgressBar:
    """A bar on stderr if that is a terminal, otherwise nothing."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream = stream or sys.stderr
        self._shown = ""
        self._is_terminal = stream.isatty()

    def __call__(self, phase: str, part: float) -> None:
        """Show that `part` (0 to 1) of `phase` is done."""
        part = min(1.0, max(0.0, part))
        full = round(30 * part)
        shown = f"{phase:<12} [{'#' * full}{'.' * (30 - full)}] {int(100 * part):>3}%"
        if self._is_terminal and shown != self._shown:
            self._stream.write("\r" + shown)
            self._stream.flush()
            self._shown = shown

    def clear(self) -> None:
        """Remove the bar."""
        if self._shown:
            self._stream.write("\r" + " " * len(self._shown) + "\r")
            self._stream.flush()
            self._shown = ""


def where() -> dict[str, str]:
    """The machine, the versions and the commit of the figures."""
    describe = ["git", "-C", os.path.dirname(__file__), "describe", "--always", "--dirty"]
    commit = subprocess.run(describe, capture_output=True, text=True, check=False).stdout.strip()
    return {
        "machine": f"{_processor()}, {counted(os.cpu_count() or 1, 'CPU')}",
        "system": f"{platform.system()} {platform.release()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "msgpack": metadata.version("msgpack"),
        "pylingo": f"{__version__} ({commit or 'no checkout'})",
    }


def figures(result: Result, plan: Plan) -> dict[str, float]:
    """The figures by name. Those that were not measured are left out."""
    measured = result.measured
    seconds = measured.seconds or math.nan
    rows: dict[str, float | None] = {
        "connections": result.connections,
        "connects a second": result.connect_rate,
        "seconds": measured.seconds,
        "messages": measured.messages or None,
        "deliveries": measured.deliveries or None,
        "deliveries a second": measured.deliveries / seconds if measured.deliveries else None,
        "server CPU, seconds": result.server_cpu,
        "server CPU, % of one": 100 * result.server_cpu / seconds if result.server_cpu is not None else None,
        "server CPU, microseconds a delivery": result.cpu_per_delivery,
        **{f"latency {name}, ms": result.latency(quantile) for name, quantile in QUANTILES.items()},
        "resident bytes for each connection": result.bytes_per_connection,
        "peak memory, MB": result.peak / 1e6 if result.peak else None,
        "load generator CPU, % of one": 100 * measured.client_cpu / seconds if measured.client_cpu else None,
        **result.extra,
    }
    if measured.lateness:
        ordered = sorted(measured.lateness)
        rows["load generator late p99, ms"] = ordered[int(len(ordered) * 0.99)] * 1e3
    return {name: value for name, value in rows.items() if value is not None and not math.isnan(value)}


def print_table(about: str, rows: dict[str, float], stream: TextIO | None = None) -> None:
    """Print the figures as a table."""
    print(about, file=stream)
    shown = where() | {name: show(value) for name, value in rows.items()}
    for name, value in shown.items():
        print(f"  {name:<42} {value}", file=stream)


def show(value: float) -> str:
    """A figure, with four significant digits unless it is whole."""
    if value == int(value):
        return f"{int(value):,}"
    return f"{value:,.0f}" if value >= 1_000 else f"{value:.4g}"


def write_json(path: str, scenario: str, plan: Plan, rows: dict[str, float]) -> None:
    """Write the figures as JSON. Raises `OSError`."""
    with open(path, "w", opener=open_private) as file:
        json.dump(
            {"scenario": scenario, "plan": dataclasses.asdict(plan), "where": where(), "figures": rows}, file, indent=2
        )
        file.write("\n")


def _processor() -> str:
    try:
        with open("/proc/cpuinfo") as file:
            return next(line.partition(":")[2].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.machine()
