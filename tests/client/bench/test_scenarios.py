"""The table of scenarios, and the figures that a run gives."""

import dataclasses
import math
import os
from collections.abc import Iterator

import pytest

from pylingo.client.bench.certificate import trust_anybody
from pylingo.client.bench.dialect import PyLingo
from pylingo.client.bench.load import Load
from pylingo.client.bench.plan import Measured, Plan
from pylingo.client.bench.process import ServerChild
from pylingo.client.bench.scenarios import SCENARIOS, UNLIMITED, Result, TargetServer
from pylingo.client.bench.stream import StreamError, mark
from pylingo.reactor.config import parse_arguments
from pylingo.shared.codec import encode
from pylingo.shared.messages import Message
from tests.support import wait_until

TINY = {
    "chat": {"senders": 3, "rate": 50.0, "seconds": 0.2},
    "saturate": {"senders": 3, "seconds": 0.0, "messages": 100},
    "broadcast": {"senders": 1, "messages": 10, "rooms": 1},
    "join-storm": {},
    "idle": {"seconds": 0.1},
    "stalled": {"senders": 3, "rate": 50.0, "seconds": 0.2, "stalled": 2},
    "churn": {"messages": 30, "rooms": 1},
}


@pytest.fixture(scope="module")
def child() -> Iterator[ServerChild]:
    running = ServerChild(("--max-per-address", "0", *UNLIMITED))
    yield running
    assert "Traceback" not in running.stop()


def run(name: str, target: TargetServer) -> Result:
    plan = dataclasses.replace(SCENARIOS[name].plan, **{"clients": 12, "rooms": 2, **TINY[name]})  # type: ignore[arg-type]
    told: list[float] = []

    def attempt() -> Result | None:
        try:
            return SCENARIOS[name].run(plan, target, PyLingo(), lambda what, part: told.append(part))
        except Exception as error:
            if "name-taken" in str(error):  # those of the test before are still leaving
                return None
            raise

    result: Result = wait_until(attempt, "a server without those before")
    assert told
    return result


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_plan_makes_sense_and_its_server_starts_with_these_options(name: str):
    scenario = SCENARIOS[name]
    plan = scenario.plan
    assert scenario.about
    assert plan.rooms <= plan.clients
    assert plan.senders + math.ceil(plan.stalled / plan.rooms) <= plan.clients // plan.rooms
    assert parse_arguments(scenario.options) is not None


@pytest.mark.parametrize("number", [0, 11])  # an observer, and a reader
def test_a_message_doubled_at_the_very_end_is_noticed(child: ServerChild, number: int, monkeypatch: pytest.MonkeyPatch):
    stay_level = Load.stay_level

    def with_one_message_again(load: Load) -> None:
        last = encode(Message("room0", "c1", mark(1, 9, 0).decode() + "." * 38, 1))
        load.reactor.call_later(0.01, load.clients[number].data_received, last)
        stay_level(load)

    monkeypatch.setattr(Load, "stay_level", with_one_message_again)
    with pytest.raises(StreamError, match=r"more arrived than was sent|where 10 was due"):
        run("broadcast", TargetServer("127.0.0.1", child.port))


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_run_and_what_it_cost(child: ServerChild, name: str):
    result = run(name, TargetServer("127.0.0.1", child.port, child.pid))
    assert result.scenario == ("speaking" if name in ("chat", "saturate", "stalled") else name)
    assert result.measured.seconds > 0
    assert result.server_cpu is not None
    assert result.server_cpu >= 0
    assert result.peak
    assert result.connections >= 12
    assert all(math.isfinite(value) for value in result.extra.values())


@pytest.fixture(scope="module")
def encrypted() -> Iterator[ServerChild]:
    running = ServerChild(("--max-per-address", "0", *UNLIMITED), tls=True)
    yield running
    assert "Traceback" not in running.stop()


@pytest.mark.parametrize("name", ["saturate", "churn"])
def test_a_run_over_tls(encrypted: ServerChild, name: str):
    result = run(name, TargetServer("127.0.0.1", encrypted.port, encrypted.pid, trust_anybody()))
    assert result.measured.deliveries > 0


def test_a_run_without_tls_against_an_encrypted_server_says_why(encrypted: ServerChild):
    with pytest.raises(StreamError, match="this port is encrypted"):
        run("saturate", TargetServer("127.0.0.1", encrypted.port))


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_run_against_a_server_whose_process_is_not_known(child: ServerChild, name: str):
    result = run(name, TargetServer("127.0.0.1", child.port))
    assert result.server_cpu is None
    assert result.bytes_per_connection is None
    assert not result.peak
    assert "memory growth, bytes a client" not in result.extra
    assert result.cpu_per_delivery is None


def test_deliveries_are_counted(child: ServerChild):
    target = TargetServer("127.0.0.1", child.port, child.pid)
    saturate = run("saturate", target)
    assert (saturate.measured.messages, saturate.measured.deliveries) == (100, 600)
    broadcast = run("broadcast", target)
    assert (broadcast.measured.messages, broadcast.measured.deliveries) == (10, 120)
    assert run("join-storm", target).measured.deliveries == 6 + 15
    assert run("churn", target).measured.messages == 90
    stalled = run("stalled", target)
    assert stalled.extra["stalled readers"] == 2
    assert stalled.extra["ratio of p99"] > 0


VERDICTS = {
    "chat": "all 392,000 deliveries checked: none lost, doubled or out of order",
    "saturate": "all 392,000 deliveries checked: none lost, doubled or out of order",
    "broadcast": "all 392,000 deliveries checked: none lost, doubled or out of order",
    "join-storm": "all 392,000 notices of a join checked: none lost, doubled or out of order",
    "idle": "all 1,020 connections checked: none ended, and nothing came that nobody had sent",
    "stalled": "all 392,000 deliveries to clients that read checked: none lost, doubled or out of order",
    "churn": "all 392,000 joins, messages and leaves checked: none lost, doubled or out of order",
}


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_verdict_says_what_was_checked(name: str):
    assert SCENARIOS[name].verdict(Result(name, 1_020, Measured(deliveries=392_000))) == VERDICTS[name]


def test_the_cost_of_a_delivery():
    assert Result("x", 1, Measured(deliveries=4), server_cpu=0.002).cpu_per_delivery == pytest.approx(500)
    assert Result("x", 1, Measured(deliveries=0), server_cpu=0.002).cpu_per_delivery is None
    assert Result("x", 1, Measured(deliveries=4)).cpu_per_delivery is None


def test_latencies():
    result = Result("x", 1, Measured(latencies=[index * 1_000_000 for index in range(99, -1, -1)]))
    assert [result.latency(quantile) for quantile in (0.0, 0.5, 0.99, 1.0)] == [0, 50, 99, 99]
    assert Result("x", 1, Measured()).latency(0.5) is None


def test_a_target():
    assert TargetServer("h", 1, os.getpid()).usage().cpu > 0
    nothing = TargetServer("h", 1).usage()
    assert math.isnan(nothing.cpu)
    assert (nothing.resident, nothing.peak) == (0, 0)
    assert Plan(clients=1) == Plan(clients=1, rooms=1)
