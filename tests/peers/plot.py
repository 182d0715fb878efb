#!/usr/bin/env python3
"""Draw what `compare.py --json FILE` has measured: `python tests/peers/plot.py FILE PICTURE`.

After `--plot-loads` it is deliveries a second against the size of the room, and after `--latency-loads` the latency
against the load, at the median and further percentiles.
"""

import argparse
import json
import statistics
from pathlib import Path
from typing import Any

_WALL = "ns of wall time a delivery"
_DELAY = "the clients' own delay, p99 ms"
_MARKS = "os^Dvx*P"
_LATEST = 25.0  # milliseconds: clients that are later measure themselves
_READERS = 49  # of each message, in rooms of 50

type Points = dict[str, list[tuple[float, float]]]
"""The points of each server."""


def main() -> None:
    """Read the figures and draw those that are there."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("file", help="the figures, as JSON")
    parser.add_argument("picture", help="the file to write, such as fanout.png")
    options = parser.parse_args()
    import matplotlib

    matplotlib.use("Agg")

    measured = json.loads(Path(options.file).read_text())
    draw = _draw_latency if any(load.startswith("pace-") for load in measured["table"]) else _draw_fanout
    figure = draw(measured)
    figure.axes[0].annotate(
        f"{measured['where']['machine']}, {measured['where']['python']}",
        (0, 0),
        (2, 2),
        "axes fraction",
        "offset points",
    ).set_fontsize(7)
    figure.savefig(options.picture, dpi=110)


def _draw_fanout(measured: dict[str, Any]) -> Any:
    """Deliveries a second against the size of the room, one line for each server."""
    import matplotlib.pyplot as plt

    lines: Points = {}
    for load, figures in measured["table"].items():
        size = int(load.removeprefix("room-"))
        for peer, values in figures[_WALL].items():
            lines.setdefault(peer, []).append((size, 1e9 / statistics.median(values)))
    figure, axes = plt.subplots(figsize=(8, 4.5), layout="constrained")
    _plot(axes, lines)
    axes.set(xscale="log", yscale="log", xlabel="people in a room, of 1,000 in all", ylabel="deliveries a second")
    axes.set_title("Saturated fan-out: 5 senders in each room, 64 bytes of text")
    axes.legend()
    return figure


def _draw_latency(measured: dict[str, Any]) -> Any:
    """A panel for each percentile, with the latency against the load, one line for each server.

    Where the load generator was late itself, the point is left out: it would show the machine, and not the server.
    """
    import matplotlib.pyplot as plt

    loads = {float(load.removeprefix("pace-")): figures for load, figures in measured["table"].items()}
    percentiles = [name for name in next(iter(loads.values())) if name.startswith("p")]
    figure, panels = plt.subplots(1, len(percentiles), figsize=(4 * len(percentiles), 4.5), layout="constrained")
    for axes, name in zip(panels, percentiles, strict=True):
        lines: Points = {}
        for pace, figures in sorted(loads.items()):
            for peer, values in figures[name].items():
                if statistics.median(figures[_DELAY][peer]) <= _LATEST:
                    lines.setdefault(peer, []).append((1_000 * pace * _READERS, statistics.median(values)))
        _plot(axes, lines)
        axes.set(xscale="log", yscale="log", xlabel="deliveries a second", ylabel="milliseconds", title=name[:-3])
    panels[0].legend(fontsize=8)
    figure.suptitle("Latency from sender to reader: 1,000 people in 20 rooms, 64 bytes of text")
    return figure


def _plot(axes: Any, lines: Points) -> None:
    for (peer, points), mark in zip(lines.items(), _MARKS, strict=False):
        axes.plot(*zip(*sorted(points), strict=True), marker=mark, label=peer)
    axes.grid(which="both", alpha=0.3)


if __name__ == "__main__":
    main()
