#!/usr/bin/env python3
# /// script
# requires-python = ">=3.12"
# dependencies = ["msgpack>=1.2.4", "confusable-homoglyphs>=3.3.1,<4", "cryptography>=42"]
# ///
"""Put many simulated clients on a server and check what they receive: `./client/benchmark.py`, `pylingo-bench`."""

import dataclasses
import os
import shutil
import sys
from typing import TYPE_CHECKING

if __name__ == "__main__":  # replace the script's own folder, which comes first on the path, by the checkout
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))

from pylingo.shared.launch import LaunchError, launch

if TYPE_CHECKING:
    from pylingo.client.bench.options import BenchOptions
    from pylingo.client.bench.scenarios import Result, Scenario

_WIDTH = 100  # columns of the explanation, on a wide terminal


def main() -> int:
    """Run the scenario on the command line; returns the exit status, 1 if a delivery was wrong."""
    return launch("pylingo-bench", _benchmark)


def _benchmark() -> int:
    from pylingo.client.bench.certificate import trust_anybody
    from pylingo.client.bench.dialect import PyLingo
    from pylingo.client.bench.explanation import explain
    from pylingo.client.bench.options import check_descriptors, fit, parse_arguments
    from pylingo.client.bench.process import ServerChild
    from pylingo.client.bench.report import ProgressBar
    from pylingo.client.bench.scenarios import SCENARIOS, TargetServer
    from pylingo.client.bench.stream import StreamError

    options = parse_arguments(sys.argv[1:])
    if options.explains:
        _print_long(explain(min(shutil.get_terminal_size().columns, _WIDTH)))
        return 0
    scenario = SCENARIOS[options.scenario]
    if options.has_own_size:
        check_descriptors(options.plan)
    else:
        plan, words = fit(options.plan)
        options = dataclasses.replace(options, plan=plan)
        if words:
            print(f"pylingo-bench: {words}", file=sys.stderr)
    progress = ProgressBar()
    child = None
    try:
        if options.target is None:
            child = ServerChild((*scenario.options, "--max-per-address", "0", *options.server_options), options.tls)
        host, port = ("127.0.0.1", child.port) if child else options.target  # type: ignore[misc]
        tls = trust_anybody() if options.tls else None
        target = TargetServer(host, port, child.pid if child else None, tls)
        result = scenario.run(options.plan, target, PyLingo(), progress)
    except (StreamError, RuntimeError, OSError) as error:
        raise LaunchError(f"{options.scenario} failed: {error}", status=1) from None
    except KeyboardInterrupt:
        raise LaunchError("interrupted", status=130) from None
    finally:
        progress.clear()
        if child is not None:
            child.stop()
    _report(options, scenario, result)
    return 0


def _report(options: "BenchOptions", scenario: "Scenario", result: "Result") -> None:
    """Print the figures, and write them as JSON if that is wanted. Raises `LaunchError`."""
    from pylingo.client.bench.report import figures, print_table, write_json

    rows = figures(result, options.plan)
    changes = f"; here with {options.changes}" if options.changes else ""
    print_table(f"{options.scenario}: {scenario.about}{changes}", rows)
    print(scenario.verdict(result))
    if options.json is not None:
        try:
            write_json(options.json, options.scenario, options.plan, rows)
        except OSError as error:
            raise LaunchError(f"cannot write {options.json}: {error.strerror}", status=1) from None


def _print_long(text: str) -> None:
    """Print what somebody may read with a program that ends before the text does."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the interpreter flushes it once more


if __name__ == "__main__":
    sys.exit(main())
