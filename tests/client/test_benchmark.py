"""The benchmark as people start it, and whether it finds what a faulty server does to the deliveries."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pylingo.client import benchmark
from pylingo.client.bench import load as bench_load
from pylingo.client.bench import report
from pylingo.client.bench.scenarios import SCENARIOS, UNLIMITED
from pylingo.shared import __version__
from pylingo.shared.messages import Message
from pylingo.shared.schema import Record
from tests.fakes.loads import wait_until_empty
from tests.fakes.proxy import Fault, Proxy
from tests.support import DEADLINE, ROOT, Peer, ServerProcess, in_turn

SCRIPT = ROOT / "client" / "benchmark.py"


def bench(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(SCRIPT), *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        cwd=tempfile.gettempdir(),
        timeout=3 * DEADLINE,
        check=False,
        **options,
    )


def one_line(run: subprocess.CompletedProcess[str], status: int) -> str:
    """The sentence that is all there is."""
    assert run.returncode == status, run.stderr
    assert run.stdout == ""
    (line,) = run.stderr.splitlines()
    assert line.startswith("pylingo-bench: ")
    return line


@pytest.fixture(scope="module")
def shared_server() -> Iterator[ServerProcess]:
    with ServerProcess("--max-per-address", "0", "--resume-grace", "0", *UNLIMITED) as running:
        yield running


@pytest.fixture
def server(shared_server: ServerProcess) -> ServerProcess:
    """A server where those of the tests before have left."""
    wait_until_empty(shared_server)
    return shared_server


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Runs it in this process, which saves the start; gives the exit status, stdout and stderr."""

    monkeypatch.setattr(bench_load, "PATIENCE", 1.0)  # of those who wait for what a faulty server does not send

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["pylingo-bench", *arguments])
        monkeypatch.setattr(report.print_table, "__defaults__", (sys.stdout,))  # bound when the module was imported
        monkeypatch.setattr(report.ProgressBar.__init__, "__defaults__", (sys.stderr,))
        status = benchmark.main()
        return status, *capsys.readouterr()

    return run


# --- what it prints -------------------------------------------------------------------------------------------

TINY = {
    "chat": ("--seconds", "0.3", "--rate", "20"),
    "saturate": ("--seconds", "0.3",),
    "broadcast": ("--messages", "10",),
    "join-storm": (),
    "idle": ("--seconds", "0.3",),
    "stalled": ("--seconds", "0.3", "--rate", "20", "--stalled", "2", "--senders", "3"),
    "churn": ("--messages", "50",),
}  # fmt: skip
MEASURES = {
    "chat": {"messages", "deliveries", "latency p99, ms", "load generator late p99, ms", "peak memory, MB"},
    "saturate": {"messages", "deliveries a second", "latency max, ms", "server CPU, microseconds a delivery"},
    "broadcast": {"messages", "deliveries", "latency p50, ms"},
    "join-storm": {"deliveries", "seconds until everybody had seen everything", "peak memory, MB"},
    "idle": {"connects a second", "resident bytes for each connection", "server CPU, % of one"},
    "stalled": {"stalled readers", "p99 without them, ms", "ratio of p99"},
    "churn": {"messages", "clients a second", "memory growth, bytes a client"},
}


def test_every_scenario_is_tried_here():
    assert TINY.keys() == MEASURES.keys() == SCENARIOS.keys()


@in_turn("scenario", TINY)
def test_a_scenario(scenario: str, is_encrypted: bool, tmp_path: Path):
    file = tmp_path / "figures.json"
    options = [*TINY[scenario], *["--tls"] * is_encrypted]
    run = bench("--scenario", scenario, "--clients", "20", "--rooms", "2", *options, "--json", str(file))
    assert (run.returncode, run.stderr) == (0, "")
    about, *rows, verdict = run.stdout.splitlines()
    assert about.startswith(f"{scenario}: {SCENARIOS[scenario].about}; here with clients 20, rooms 2")
    assert re.match(r"all [1-9][\d,]* [a-z ,]+ checked: none ", verdict)
    assert all(row.startswith("  ") and len(row.split()) > 1 for row in rows)
    written = json.loads(file.read_text())
    assert written["scenario"] == scenario
    assert written["plan"]["clients"] == 20
    assert written["where"]["pylingo"].startswith(__version__)
    figures = written["figures"]
    assert MEASURES[scenario] <= figures.keys()
    assert all(type(value) in (int, float) and value == value for value in figures.values())
    names = [row[2:44].rstrip() for row in rows]
    assert names == [name[:42] for name in (*written["where"], *figures)]
    latencies = [value for name, value in figures.items() if name.startswith("latency")]
    assert latencies == sorted(latencies)


def test_the_numbers_are_those_of_the_plan(tmp_path: Path):
    file = tmp_path / "figures.json"
    run = bench(
        "--scenario", "saturate", "--clients", "20", "--rooms", "2", "--messages", "600", "--senders", "3",
        "--json", str(file),
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    figures = json.loads(file.read_text())["figures"]
    assert figures["connections"] == 22
    assert figures["messages"] == 600
    assert figures["deliveries"] == 600 * 10  # everybody of eleven but who said it


def test_a_running_server(is_encrypted: bool):
    options = ["--clients", "20", "--rooms", "2", "--seconds", "0.3", "--rate", "20", *["--tls"] * is_encrypted]
    with ServerProcess("--max-per-address", "0", "--resume-grace", "0", *UNLIMITED, tls=is_encrypted) as server:
        run = bench(f"127.0.0.1:{server.port}", *options)
        assert (run.returncode, run.stderr) == (0, "")
        assert "deliveries" in run.stdout
        assert "server CPU" not in run.stdout  # whose process it is not told
        assert "peak memory" not in run.stdout
        wait_until_empty(server)  # it goes on, and nobody is left behind


@pytest.mark.parametrize("scenario", ["join-storm", "churn", "idle"])
def test_a_running_server_and_another_scenario(server: ServerProcess, here, scenario: str):
    status, out, err = here(
        f"127.0.0.1:{server.port}", "--scenario", scenario, "--clients", "10", "--rooms", "1", *TINY[scenario]
    )
    assert (status, err) == (0, "")
    assert "server CPU" not in out
    assert "memory" not in out


def test_options_for_the_server(here):
    status, out, err = here(
        "--clients", "5", "--rooms", "1", "--seconds", "0.1", "--server-option=--max-connections=3"
    )  # fmt: skip
    assert status == 1
    assert "chat failed" in err
    assert "no place for another connection" in err or "a connection was lost" in err
    assert out == ""


def test_help_and_version():
    run = bench("--help")
    assert run.returncode == 0
    assert all(scenario in run.stdout for scenario in SCENARIOS)
    run = bench("--version")
    assert (run.returncode, run.stdout) == (0, f"PyLingo {__version__}\n")


# --- what is wrong is said in one line ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--scenario", "nope"], "nope"),
        (["--clients", "0"], "--clients"),
        (["--clients", "5", "--rooms", "6"], "--rooms (6) must be at most --clients (5)"),
        (["--clients", "5", "--rooms", "1", "--senders", "6"], "--senders must be at most the 5 clients"),
        (["--seconds", "nan"], "--seconds"),
        (["--size", "25"], "from 26 to"),
        (["host:0"], "port"),
        (["--what\nis-this"], "unrecognized"),
    ],
)
def test_a_wrong_option(arguments: list[str], why: str, here):
    status, out, err = here(*arguments)
    assert (status, out) == (2, "")
    assert why in err
    assert err.count("\n") == 1


def test_a_wrong_option_of_the_script():
    assert "--clients" in one_line(bench("--clients", "many"), 2)


def test_more_clients_than_descriptors():
    run = bench("--clients", "500", "--rooms", "1", preexec_fn=lambda: limit_descriptors(300))
    words = "this system's limit of 300 open files allows at most 235, not 500: ulimit -n 565  as root raises the limit"
    assert words in one_line(run, 2)


def test_a_scenario_is_made_to_fit_the_descriptors():
    run = bench("--scenario", "saturate", "--seconds", "0.2", preexec_fn=lambda: limit_descriptors(200))
    assert run.returncode == 0, run.stderr
    (line,) = run.stderr.splitlines()
    sizes = "too low for 1,000 clients in 10 rooms: the run has 134 in 1; ulimit -n 1074  as root"
    assert line.startswith(f"pylingo-bench: this system's limit of 200 open files is {sizes}")
    about, *_, verdict = run.stdout.splitlines()
    assert about.endswith("; here with clients 134, rooms 1, seconds 0.2")
    assert verdict.endswith(" deliveries checked: none lost, doubled or out of order")


def test_the_rows_are_explained(here, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", "70")
    status, out, err = here("--explain")
    assert (status, err) == (0, "")
    assert "\nlatency p99, ms\n    As above: 99% of the samples took less.\n" in out
    assert all(len(line) <= 70 for line in out.splitlines())


def test_as_many_clients_as_descriptors_allow(server: ServerProcess):
    """The number of clients that the error message names can be reached."""
    run = bench(
        f"127.0.0.1:{server.port}", "--clients", "55", "--rooms", "1", "--seconds", "0.1", "--rate", "20",
        preexec_fn=lambda: limit_descriptors(120),
    )  # fmt: skip
    assert (run.returncode, run.stderr) == (0, "")


def limit_descriptors(most: int) -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def test_nobody_listens(here):
    with socket.socket() as taken:  # bound and not listening: nobody else can take the port meanwhile
        taken.bind(("127.0.0.1", 0))
        status, out, err = here(f"127.0.0.1:{taken.getsockname()[1]}", "--clients", "5", "--rooms", "1")
    assert (status, out) == (1, "")
    assert err == "pylingo-bench: chat failed: connecting failed: Connection refused\n"


def test_a_server_option_that_is_wrong():
    line = one_line(bench("--clients", "5", "--rooms", "1", "--server-option=--nope"), 1)
    assert "the server did not start: pylingo-server: unrecognized arguments: --nope" in line
    assert "\ufffd" not in line  # the end of the server's line is no part of the sentence


def test_figures_that_cannot_be_written(server: ServerProcess, here, tmp_path: Path):
    file = tmp_path / "no" / "such"
    status, _, err = here(
        f"127.0.0.1:{server.port}", "--scenario", "idle", "--clients", "2", "--rooms", "1", "--seconds", "0.1",
        "--json", str(file),
    )  # fmt: skip
    assert status == 1
    assert err == f"pylingo-bench: cannot write {file}: No such file or directory\n"


def test_an_interrupt(server: ServerProcess):
    with Proxy(server.port, lambda name, frame, record: [frame]) as proxy:
        running = subprocess.Popen(
            [sys.executable, str(SCRIPT), f"127.0.0.1:{proxy.port}", "--clients", "4", "--rooms", "1", "--rate", "50"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert proxy.said.wait(DEADLINE)
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=DEADLINE)
    assert (running.returncode, out, err) == (130, "", "pylingo-bench: interrupted\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--scenario", "idle", "--clients", "2", "--rooms", "1", "--messages", "1"],
        ["--scenario", "stalled", "--clients", "5", "--rooms", "1", "--seconds", "0.1"],
        ["--clients", "5", "--rooms", "1", "--stalled", "6", "--seconds", "0.1"],
    ],
)
def test_any_options_run_or_are_refused(arguments: list[str]):
    run = bench(*arguments)
    assert "Traceback" not in run.stderr
    assert run.returncode in (0, 2)
    assert run.stderr.count("\n") == (run.returncode == 2)


# --- a faulty server is found ---------------------------------------------------------------------------------

FIXED = (
    "--scenario",
    "saturate",
    "--clients",
    "20",
    "--rooms",
    "2",
    "--senders",
    "3",
    "--messages",
    "120",
    "--window",
    "120",
)
"""Each room has 60 messages; `c0` and `c1` observe, `c2` is the first who speaks, and `c21` only reads."""
WHO = {"the observer": "c0", "a reader": "c21", "a sender": "c2"}
KINDS = {
    "lose": "arrived where|bytes differ|came to a halt",
    "double": "arrived where|bytes differ|came to a halt",
    "reorder": "arrived where|bytes differ",
    "alter": "bytes differ|another text",
    "end": "a connection was lost",
}


def test_the_proxy_alone_changes_nothing(server: ServerProcess, here):
    with Proxy(server.port, lambda name, frame, record: [frame]) as proxy:
        status, out, err = here(f"127.0.0.1:{proxy.port}", *FIXED)
    assert (status, err) == (0, "")
    assert "deliveries" in out


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_is_found(server: ServerProcess, here, kind: str, who: str):
    fault = Fault(kind, WHO[who])
    with Proxy(server.port, fault) as proxy:
        status, out, err = here(f"127.0.0.1:{proxy.port}", *FIXED)
    assert fault.done
    assert (status, out) == (1, "")
    assert err.startswith("pylingo-bench: saturate failed: ")
    assert any(words in err for words in KINDS[kind].split("|")), err
    assert err.count("\n") == 1


@pytest.mark.parametrize("kind", ["lose", "end"])
def test_the_script_says_so_with_its_exit_status(server: ServerProcess, kind: str):
    with Proxy(server.port, Fault(kind, "c21")) as proxy:
        line = one_line(bench(f"127.0.0.1:{proxy.port}", *FIXED), 1)
    assert line.startswith("pylingo-bench: saturate failed: ")


class ToAll:
    """Does something to one message, the same for all who get it."""

    def __init__(self, change: Callable[[bytes], list[bytes]], sender: int = 2, serial: int = 5) -> None:
        self._mark = b"%06x%08x" % (sender, serial)
        self._change = change
        self.times = 0

    def __call__(self, name: str, frame: bytes, record: Record) -> list[bytes]:
        if type(record) is Message and record.text.encode().startswith(self._mark):
            self.times += 1
            return self._change(frame)
        return [frame]


@pytest.mark.parametrize(
    "change",
    [
        lambda frame: [],
        lambda frame: [frame, frame],
        lambda frame: [frame.replace(b"....", b"..,.", 1)],
    ],
    ids=["lose", "double", "alter"],
)
def test_a_fault_in_every_delivery_is_found(server: ServerProcess, here, change: Callable[[bytes], list[bytes]]):
    """A delivery that is wrong for every reader in the same way is compared with the messages that were sent."""
    fault = ToAll(change)
    with Proxy(server.port, fault) as proxy:
        status, _, err = here(f"127.0.0.1:{proxy.port}", *FIXED)
    assert fault.times
    assert status == 1, "nobody noticed"
    assert "saturate failed" in err


def test_a_last_message_that_does_not_come(server: ServerProcess, here):
    """There is nothing behind it that could differ: it is waited for, but not for ever."""
    fault = Fault("lose", "c21", at=60)
    with Proxy(server.port, fault) as proxy:
        status, _, err = here(f"127.0.0.1:{proxy.port}", *FIXED)
    assert fault.done
    assert status == 1
    assert "came to a halt" in err


def test_a_name_that_is_taken(server: ServerProcess, here):
    with Peer(server.port) as peer:
        peer.hello("c3")
        status, _, err = here(f"127.0.0.1:{server.port}", *FIXED)
        assert status == 1
        assert "entering failed" in err
        peer.fence()


# How faults in `join-storm` and `churn` are found is in the tests of `client.bench.churn`.


def test_the_script_is_executable():
    assert os.access(SCRIPT, os.X_OK)
