#!/usr/bin/env python3
"""Two revisions of this project, measured in turn on this machine, as a Markdown table of medians and ratios.

    python tests/measure/compare_revisions.py v1.0.0            # that revision and this checkout, about five minutes
    python tests/measure/compare_revisions.py ../before ../after --figures chat --rounds 9

A revision is a folder with a checkout, or a name that Git knows. Both get the load generator of this checkout; only
the server, or the client for `paint` and `paint-cpu`, is the revision's own. The two change places in every second
round. A ratio is the median of the rounds' ratios, because the speed of a machine changes more between rounds than
within one. On a busy machine `paint-cpu` says more than `paint`; it needs Linux.

With `--check` the exit status is 1 if the second revision is above a limit: 1.05 times the CPU time for a delivery,
64 more resident bytes for a connection, 1.05 times the time or the client's CPU time to the first paint.
"""

# ruff: noqa: E402 - a script, which puts the checkout on the path first

import argparse
import compileall
import dataclasses
import io
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent

if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))

from pylingo.client.bench.dialect import PyLingo
from pylingo.client.bench.options import check_descriptors
from pylingo.client.bench.plan import Plan
from pylingo.client.bench.report import where
from pylingo.client.bench.scenarios import SCENARIOS, UNLIMITED, Run, TargetServer, run_idle, run_speaking
from tests.console import Console
from tests.measure.figures import quiet
from tests.support import ServerProcess, wait_until

PAINTED = b"\x1b[?2026l"
"""The client writes this at the end of each frame."""
CONNECTIONS = 4_000


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of one revision, and how much worse the second revision may be."""

    about: str
    unit: str
    measure: Callable[[Path, float], float]
    most_ratio: float = float("inf")
    most_more: float = float("inf")


def serve(folder: Path, plan: Plan, run: Run, *options: str) -> dict[str, float | None]:
    """Run a plan on a server of the revision in `folder`."""
    script = str(folder / "reactor" / "run.py")
    options = ("--max-per-address", "0", "--resume-grace", "0", "--log-level", "warning", *options)
    with ServerProcess(*options, program=(script,)) as server:
        result = run(plan, TargetServer("127.0.0.1", server.port, server.pid), PyLingo(), quiet)
    return {"cpu": result.cpu_per_delivery, "bytes": result.bytes_per_connection}


def cpu_of(scenario: str) -> Callable[[Path, float], float]:
    """Microseconds of the server's CPU for a delivery in a scenario of the benchmark."""

    def measure(folder: Path, seconds: float) -> float:
        plan = dataclasses.replace(SCENARIOS[scenario].plan, seconds=seconds)
        value = serve(folder, plan, run_speaking, *SCENARIOS[scenario].options)["cpu"]
        assert value is not None
        return value

    return measure


def bytes_per_connection(folder: Path, seconds: float) -> float:
    plan = Plan(clients=CONNECTIONS, rooms=40, seconds=0.5)
    check_descriptors(plan)
    value = serve(folder, plan, run_idle, *UNLIMITED)["bytes"]
    assert value is not None
    return value


def starts(folder: Path) -> list[tuple[float, float]]:
    """Milliseconds from the call of the client to its first paint, and those of its CPU, for each of five starts."""
    times = []
    with ServerProcess(program=(str(folder / "reactor" / "run.py"),)) as server:
        for _ in range(5):
            start = time.monotonic()
            program = (str(folder / "client" / "chat.py"),)
            with Console(f"127.0.0.1:{server.port}", "--name", "ada", program=program, is_shown=False) as console:
                wait_until(
                    lambda console=console: console.pump(0.0005) or PAINTED in console.written, "the first paint"
                )  # type: ignore[misc]
                wall = (time.monotonic() - start) * 1e3
                cpu = int(Path(f"/proc/{console.process.pid}/schedstat").read_text().split()[0]) / 1e6
                times.append((wall, cpu))
    return times


def first_paint(folder: Path, seconds: float) -> float:
    return statistics.median(wall for wall, _ in starts(folder))


def cpu_to_paint(folder: Path, seconds: float) -> float:
    return statistics.median(cpu for _, cpu in starts(folder))


FIGURES = {
    "saturate": Figure("server CPU for a delivery, saturate", "µs", cpu_of("saturate"), most_ratio=1.05),
    "chat": Figure("server CPU for a delivery, chat", "µs", cpu_of("chat"), most_ratio=1.05),
    "memory": Figure("resident memory for a connection", "bytes", bytes_per_connection, most_more=64),
    "paint": Figure("start of the client to the first paint", "ms", first_paint, most_ratio=1.05),
    "paint-cpu": Figure("client CPU until the first paint", "ms", cpu_to_paint, most_ratio=1.05),
}


def checkout(revision: str, stack: ExitStack) -> Path:
    """The folder of a revision, compiled."""
    folder = Path(revision).resolve() if Path(revision).is_dir() else unpacked(revision, stack)
    for name in ("client", "reactor", "shared"):  # otherwise every start compiles where Python writes no bytecode
        compileall.compile_dir(folder / name, quiet=2)
    return folder


def unpacked(revision: str, stack: ExitStack) -> Path:
    """A temporary folder with the files of a revision that Git knows."""
    archive = subprocess.run(["git", "archive", revision], cwd=ROOT, capture_output=True, check=False)
    if archive.returncode:
        sys.exit(f"{revision} is neither a folder nor a revision: {archive.stderr.decode().strip()}")
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as tar:
        tar.extractall(folder, filter="data")
    return folder


def compare(figure: Figure, folders: list[Path], rounds: int, seconds: float) -> list[list[float]]:
    """The values of each round: those of the first folder, those of the second."""
    values: list[list[float]] = [[], []]
    for number in range(rounds):
        for index in (0, 1) if number % 2 == 0 else (1, 0):
            values[index].append(figure.measure(folders[index], seconds))
    return values


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("before", help="a folder or a revision")
    parser.add_argument("after", nargs="?", default=str(ROOT), help="a folder or a revision (this checkout)")
    parser.add_argument("--figures", nargs="+", choices=FIGURES, default=[*FIGURES], help="only these")
    parser.add_argument("--rounds", type=int, default=5, help="how often each revision is measured (%(default)s)")
    parser.add_argument("--seconds", type=float, default=5.0, help="of speaking in each run (%(default)s)")
    parser.add_argument("--check", action="store_true", help="exit with 1 if the second one is above a limit")
    options = parser.parse_args()
    is_above = False
    with ExitStack() as stack:
        folders = [checkout(options.before, stack), checkout(options.after, stack)]
        print("| figure | before | after | ratio | ratios of the rounds | limit |")
        print("| --- | ---: | ---: | ---: | --- | --- |", flush=True)
        for name in options.figures:
            figure = FIGURES[name]
            before, after = compare(figure, folders, max(1, options.rounds), options.seconds)
            ratios = [second / first for first, second in zip(before, after, strict=True)]
            first, second, ratio = map(statistics.median, (before, after, ratios))
            limit = f"×{figure.most_ratio}" if figure.most_ratio < float("inf") else f"+{figure.most_more:g}"
            is_above |= ratio > figure.most_ratio or second - first > figure.most_more
            cells = [f"{figure.about}, {figure.unit}", f"{first:.4g}", f"{second:.4g}", f"{ratio:.3f}"]
            print("| " + " | ".join([*cells, ", ".join(f"{ratio:.2f}" for ratio in ratios), limit]) + " |", flush=True)
    machine = where()
    print(f"\nMedians of {max(1, options.rounds)} rounds, in turn. {machine['machine']}, {machine['python']}.")
    return 1 if options.check and is_above else 0


if __name__ == "__main__":
    sys.exit(main())
