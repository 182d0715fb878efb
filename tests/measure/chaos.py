#!/usr/bin/env python3
"""A chaos run, on demand: servers of one chat and their Redis break in every way, and nobody misses anything.

    python tests/measure/chaos.py                              # ten minutes
    python tests/measure/chaos.py --seconds 120 --seed 7
    python tests/measure/chaos.py --faults kill-server,cut     # only these
    python tests/measure/chaos.py --replica                    # a failover now and then, with --cluster-wait 1

Sixty clients talk in a few rooms, enter and leave them, take names from each other, whisper, and resume on any server.
At the end the records of all members are compared with the logs, read through each server and from Redis's streams:
no confirmed message is lost, none is there twice or out of order, and every member has seen everything of the time
in which it was in a room. No name was that of two members at once. Prints a Markdown table. The exit status is 1 if
something is wrong, 2 for a bad argument.
"""

# ruff: noqa: E402 - a script, which puts the checkout on the path first

import argparse
import random
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent

if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))

from tests.chaos.faults import FAULTS, REPLICA_FAULTS, Happened
from tests.chaos.run import Result, chaos
from tests.chaos.verdict import Said

AFTERMATH = 5.0
"""Seconds after a fault in which a slow `sent` counts as its."""


def worst(said: Sequence[Said], begin: float, end: float) -> float:
    """The longest time from saying to `sent` among the messages that were open in a span of time; 0 without any."""
    return max((one.confirmed - one.said for one in said if one.said <= end and one.confirmed >= begin), default=0.0)


def table(result: Result) -> str:
    """The faults, how many times each happened, and the slowest `sent` around them."""
    rows = ["| fault | times | worst `sent` |", "| --- | --: | --: |"]
    known = {**FAULTS, **REPLICA_FAULTS}
    for name in sorted({fault.name for fault in result.happened}, key=list(known).index):
        those = [fault for fault in result.happened if fault.name == name]
        slowest = max(worst(result.evidence.said, fault.begin, fault.end + AFTERMATH) for fault in those)
        rows.append(f"| {known[name][0]} | {len(those)} | {slowest:.2f} s |")
    return "\n".join(rows)


def around(sentence: str, happened: Sequence[Happened]) -> str:
    """The faults of the run, for the sentence of a violation."""
    faults = ", ".join(f"{fault.name} {fault.begin:.1f} to {fault.end:.1f}" for fault in happened)
    return f"{sentence}\n  faults: {faults}"


def summary(wrong: Sequence[str], most: int = 3) -> list[str]:
    """The first few sentences of each kind, and how many there are of it. The kind is what stands before the colon."""
    kinds: dict[str, list[str]] = {}
    for sentence in wrong:
        kinds.setdefault(sentence.partition(":")[0].split(" at ")[0], []).append(sentence)
    lines = []
    for kind, those in kinds.items():
        lines += [sentence[:2_000] for sentence in those[:most]]
        lines.append(f"{kind}: {len(those)} in all")
    return lines


def main() -> int:
    parser = argparse.ArgumentParser(description="Break everything, and compare the records.", allow_abbrev=False)
    parser.add_argument("--seconds", type=float, default=600.0, help="how long things break (%(default)s)")
    parser.add_argument("--servers", type=int, default=3, help="servers of the chat (%(default)s)")
    parser.add_argument("--clients", type=int, default=60, help="people who talk (%(default)s)")
    parser.add_argument("--seed", type=int, help="of the random choices; one by chance")
    parser.add_argument("--replica", action="store_true", help="a replica and a sentinel, and failovers")
    parser.add_argument(
        "--faults", help=f"names with commas between them, of {', '.join({**FAULTS, **REPLICA_FAULTS})}"
    )
    options = parser.parse_args()
    known = REPLICA_FAULTS if options.replica else FAULTS
    faults = options.faults.split(",") if options.faults else list(known)
    if unknown := [name for name in faults if name not in known]:
        print(f"there is no fault {unknown[0]} here: choose from {', '.join(known)}", file=sys.stderr)
        return 2
    if options.servers < 2 or not 2 <= options.clients <= 400 or options.seconds < 0:
        print("at least 2 servers, 2 to 400 clients and 0 seconds are needed", file=sys.stderr)
        return 2
    seed = random.randrange(10_000) if options.seed is None else options.seed
    print(f"seed {seed}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        result = chaos(
            Path(folder), options.servers, options.clients, options.seconds, faults, seed, options.replica, print
        )
    print(table(result))
    print(f"{len(result.evidence.said)} confirmed, {result.resumed} resumed, {result.returned} came back by name")
    if result.wrong:
        print(around(f"FAILED with the seed {seed}: {result.wrong[0]}", result.happened))
        for line in summary(result.wrong[1:]):
            print(f"  {line}")
    else:
        print("nothing lost, nothing doubled, nothing out of order, nothing unseen")
    return 1 if result.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
