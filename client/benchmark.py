#!/usr/bin/env python3
# /// script
# requires-python = ">=3.12"
# dependencies = ["msgpack>=1.2.4", "confusable-homoglyphs>=3.3.1,<4"]
# ///
"""Many simulated clients against a server: `./client/benchmark.py`, `pylingo-bench`. What arrives is checked."""

import os
import sys

if __name__ == "__main__":  # a script's own folder comes first on the path: put the checkout in its place
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))

from pylingo.shared.launch import LaunchError, launch


def main() -> int:
    """Run a scenario as the command line says; returns the exit status: 1 if a delivery was not as it must be."""
    return launch("pylingo-bench", _benchmark)


def _benchmark() -> int:
    from pylingo.client.bench.dialect import PyLingo
    from pylingo.client.bench.options import check_descriptors, parse_arguments
    from pylingo.client.bench.process import ServerChild
    from pylingo.client.bench.report import Progress, figures, print_table, write_json
    from pylingo.client.bench.scenarios import SCENARIOS, Target
    from pylingo.client.bench.stream import StreamError

    options = parse_arguments(sys.argv[1:])
    scenario = SCENARIOS[options.scenario]
    check_descriptors(options.plan)
    progress = Progress()
    child = None
    try:
        if options.target is None:
            child = ServerChild((*scenario.options, "--max-per-address", "0", *options.server_options))
        target = Target("127.0.0.1", child.port, child.pid) if child else Target(*options.target)  # type: ignore[misc]
        result = scenario.run(options.plan, target, PyLingo(), progress)
    except (StreamError, RuntimeError, OSError) as error:
        progress.clear()
        raise LaunchError(f"{options.scenario} failed: {error}", status=1) from None
    except KeyboardInterrupt:
        progress.clear()
        raise LaunchError("interrupted", status=130) from None
    finally:
        if child is not None:
            child.stop()
    progress.clear()
    rows = figures(result, options.plan)
    print_table(f"{options.scenario}: {scenario.about}", rows)
    if options.json is not None:
        try:
            write_json(options.json, options.scenario, options.plan, rows)
        except OSError as error:
            raise LaunchError(f"cannot write {options.json}: {error.strerror}", status=1) from None
    return 0


if __name__ == "__main__":
    sys.exit(main())
