"""The table that a run prints, and the file that it writes."""

import io
import json
import math
from pathlib import Path

import pytest

from pylingo.client.bench.plan import Measured, Plan
from pylingo.client.bench.report import QUANTILES, ProgressBar, figures, print_table, show, where, write_json
from pylingo.client.bench.scenarios import Result
from pylingo.shared import __version__

PLAN = Plan(clients=4)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def full_result() -> Result:
    measured = Measured(
        seconds=2.0, messages=10, deliveries=40, latencies=[4_000_000, 1_000_000, 3_000_000, 2_000_000],
        lateness=[0.002, 0.001], client_cpu=0.5,
    )  # fmt: skip
    return Result(
        "chat", 5, measured, server_cpu=0.1, bytes_per_connection=900.0, peak=25_000_000, connect_rate=10.0,
        extra={"more": 1.0},
    )  # fmt: skip


def test_the_figures():
    assert figures(full_result(), PLAN) == {
        "connections": 5,
        "connects a second": 10.0,
        "seconds": 2.0,
        "messages": 10,
        "deliveries": 40,
        "deliveries a second": 20.0,
        "server CPU, seconds": 0.1,
        "server CPU, % of one": 5.0,
        "server CPU, microseconds a delivery": pytest.approx(2_500),
        "latency p50, ms": 3.0,
        "latency p90, ms": 4.0,
        "latency p99, ms": 4.0,
        "latency p99.9, ms": 4.0,
        "latency max, ms": 4.0,
        "resident bytes for each connection": 900.0,
        "peak memory, MB": 25.0,
        "load generator CPU, % of one": 25.0,
        "more": 1.0,
        "load generator late p99, ms": 2.0,
    }
    assert list(QUANTILES) == ["p50", "p90", "p99", "p99.9", "max"]


def test_figures_that_were_not_measured_are_left_out():
    assert figures(Result("idle", 5, Measured(seconds=1.0)), PLAN) == {"connections": 5, "seconds": 1.0}


def test_a_run_of_no_time():
    rows = figures(Result("idle", 5, Measured(), server_cpu=0.0), PLAN)
    assert rows["connections"] == 5
    assert all(math.isfinite(value) for value in rows.values())


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (1_234_567, "1,234,567"), (5.0, "5"), (0.12345, "0.1235"), (999.96, "1000"), (12_345.6, "12,346")],
)
def test_show(value: float, text: str):
    assert show(value) == text


def test_the_table():
    stream = io.StringIO()
    print_table("chat: about", {"seconds": 1.5, "messages": 1_000}, stream)
    about, *rows = stream.getvalue().splitlines()
    assert about == "chat: about"
    assert rows[-2:] == [f"  {'seconds':<42} 1.5", f"  {'messages':<42} 1,000"]
    assert [row.split()[0] for row in rows[:-2]] == list(where())


def test_a_table_goes_where_stdout_is_now(capsys: pytest.CaptureFixture[str]):
    print_table("chat: about", {})
    assert capsys.readouterr().out.startswith("chat: about\n")


def test_where():
    found = where()
    assert found.keys() == {"machine", "system", "python", "msgpack", "pylingo"}
    assert all(found.values())
    assert found["pylingo"].startswith(f"{__version__} (")


def test_json(tmp_path: Path):
    file = tmp_path / "out.json"
    write_json(str(file), "chat", PLAN, {"seconds": 1.5})
    text = file.read_text()
    assert text.endswith("}\n")
    written = json.loads(text)
    assert written["scenario"] == "chat"
    assert written["plan"]["clients"] == 4
    assert Plan(**written["plan"]) == PLAN
    assert written["figures"] == {"seconds": 1.5}
    with pytest.raises(OSError, match="Is a directory"):
        write_json(str(tmp_path), "chat", PLAN, {})


def test_a_bar_on_a_terminal():
    stream = Terminal()
    progress = ProgressBar(stream)
    progress("speaking", 0.5)
    first = stream.getvalue()
    assert first == f"\rspeaking     [{'#' * 15}{'.' * 15}]  50%"
    progress("speaking", 0.501)  # looks the same: not written again
    assert stream.getvalue() == first
    progress("speaking", 7)
    assert stream.getvalue().endswith(f"[{'#' * 30}] 100%")
    progress.clear()
    assert stream.getvalue().endswith(f"\r{' ' * 50}\r")
    end = stream.getvalue()
    progress.clear()
    assert stream.getvalue() == end


def test_no_bar_elsewhere():
    stream = io.StringIO()
    progress = ProgressBar(stream)
    progress("speaking", 0.5)
    progress.clear()
    assert stream.getvalue() == ""
