#!/usr/bin/env python3
"""Draw the figures of `compare.py --plot-loads --json FILE`: `python tests/peers/plot.py FILE PICTURE`."""

import argparse
import json
import statistics
from pathlib import Path

_FIGURE = "ns of wall time a delivery"


def main() -> None:
    """Deliveries a second against the size of the room, one line for each server."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("file", help="the figures, as JSON")
    parser.add_argument("picture", help="the file to write, such as fanout.png")
    options = parser.parse_args()
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    measured = json.loads(Path(options.file).read_text())
    lines: dict[str, list[tuple[int, float]]] = {}
    for load, figures in measured["table"].items():
        size = int(load.removeprefix("room-"))
        for peer, values in figures[_FIGURE].items():
            lines.setdefault(peer, []).append((size, 1e9 / statistics.median(values)))
    figure, axes = plt.subplots(figsize=(8, 4.5), layout="constrained")
    for (peer, points), mark in zip(lines.items(), "os^Dvx", strict=False):
        axes.plot(*zip(*sorted(points), strict=True), marker=mark, label=peer)
    axes.set(xscale="log", yscale="log", xlabel="people in a room, of 1,000 in all", ylabel="deliveries a second")
    axes.set_title("Saturated fan-out: 5 senders in each room, 64 bytes of text")
    axes.grid(which="both", alpha=0.3)
    axes.legend()
    axes.annotate(
        f"{measured['where']['machine']}, {measured['where']['python']}",
        (0, 0),
        (2, 2),
        "axes fraction",
        "offset points",
    ).set_fontsize(7)
    figure.savefig(options.picture, dpi=110)


if __name__ == "__main__":
    main()
