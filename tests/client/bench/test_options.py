"""The benchmark's command line, and whether a plan fits into the descriptors."""

import dataclasses
import resource

import pytest

from pylingo.client.bench.load import Plan
from pylingo.client.bench.options import BenchOptions, check_descriptors, fit, parse_arguments
from pylingo.client.bench.scenarios import SCENARIOS
from pylingo.client.bench.stream import MARK_SIZE
from pylingo.shared import __version__
from pylingo.shared.launch import LaunchError
from pylingo.shared.text import MAX_TEXT

CHAT = SCENARIOS["chat"].plan
GOOD = {
    "nothing": ([], CHAT, {}),
    "clients": (["--clients", "40"], {"clients": 40, "senders": 2}, {"has_own_size": True}),
    "rooms": (["--rooms", "4"], {"rooms": 4}, {"has_own_size": True}),
    "as many rooms as clients": (
        ["--rooms", "3", "--clients", "3"], {"rooms": 3, "clients": 3, "senders": 1}, {"has_own_size": True},
    ),
    "senders": (["--senders", "50"], {"senders": 50}, {}),
    "rate": (["--rate", "0"], {"rate": 0.0}, {}),
    "seconds": (["--seconds", "0.1"], {"seconds": 0.1}, {}),
    "messages instead of seconds": (["--messages", "7"], {"messages": 7, "seconds": 0.0}, {}),
    "both": (["--messages", "7", "--seconds", "2"], {"messages": 7, "seconds": 2.0}, {}),
    "the smallest size": (["--size", str(MARK_SIZE)], {"size": MARK_SIZE}, {}),
    "the largest size": (["--size", str(MAX_TEXT)], {"size": MAX_TEXT}, {}),
    "stalled": (["--stalled", "0"], {"stalled": 0}, {}),
    "window": (["--window", "9"], {"window": 9}, {}),
    "seed": (["--seed", "5"], {"seed": 5}, {}),
    "an address": (["host:7"], CHAT, {"target": ("host", 7)}),
    "a host": (["host"], CHAT, {"target": ("host", 5000)}),
    "IPv6": (["[::1]:7"], CHAT, {"target": ("::1", 7)}),
    "json": (["--json", "f"], CHAT, {"json": "f"}),
    "TLS": (["--tls"], CHAT, {"tls": True}),
    "what the rows are": (["--explain"], CHAT, {"explains": True}),
    "server options": (
        ["--server-option=--rate=9", "--server-option", "x"], CHAT, {"server_options": ("--rate=9", "x")},
    ),
}  # fmt: skip
BAD = {
    "no such scenario": (["--scenario", "x"], "--scenario must be one of chat, saturate, "),
    "no clients": (["--clients", "0"], "--clients must be a whole number from 1 to 1000000, not '0'"),
    "a fraction": (["--clients", "1.5"], "whole number"),
    "other digits": (["--clients", "٣"], "whole number"),
    "a sign": (["--clients", "+3"], "whole number"),
    "thousands of digits": (["--clients", "9" * 5_000], "--clients"),
    "more rooms than clients": (["--clients", "2", "--rooms", "3"], "--rooms (3) must be at most --clients (2)"),
    "more senders than a room": (["--senders", "51"], "--senders must be at most the 50 clients of a room, not 51"),
    "too small": (["--size", str(MARK_SIZE - 1)], f"from {MARK_SIZE} to {MAX_TEXT}"),
    "too large": (["--size", str(MAX_TEXT + 1)], f"from {MARK_SIZE} to {MAX_TEXT}"),
    "not a number": (["--rate", "nan"], "must be a number from 0 to 1000000, not 'nan'"),
    "endless": (["--seconds", "inf"], "must be a number from 0.1 to 86400, not 'inf'"),
    "a word": (["--seconds", "soon"], "not 'soon'"),
    "a port that is none": (["host:http"], "port"),
    "two addresses": (["a", "b"], "unrecognized arguments: b"),
    "cut short": (["--cli", "5"], "--cli"),
    "how many, where time counts": (["--scenario", "idle", "--messages", "9"], "--messages does not apply to idle"),
    "how long, where turns count": (["--scenario", "broadcast", "--seconds", "9"], "--seconds does not apply to broad"),
    "how long, where lives count": (["--scenario", "churn", "--seconds", "9"], "--seconds does not apply to churn"),
    "how long a storm is": (["--scenario", "join-storm", "--seconds", "9"], "--seconds does not apply to join-storm"),
    "more stalled than there are": (["--clients", "5", "--rooms", "1", "--stalled", "6"], "--stalled"),
}


@pytest.mark.parametrize(("arguments", "plan", "rest"), GOOD.values(), ids=GOOD)
def test_options(arguments: list[str], plan: Plan | dict[str, object], rest: dict[str, object]):
    wanted = plan if isinstance(plan, Plan) else dataclasses.replace(CHAT, **plan)  # type: ignore[arg-type]
    without = {"target": None, "json": None, "server_options": ()}
    assert parse_arguments(arguments) == BenchOptions("chat", wanted, **{**without, **rest})  # type: ignore[arg-type]


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario_runs_as_it_is_planned(name: str):
    assert parse_arguments(["--scenario", name]) == BenchOptions(name, SCENARIOS[name].plan, None, None, ())


@pytest.mark.parametrize(("arguments", "why"), BAD.values(), ids=BAD)
def test_a_mistake_is_said_in_one_sentence(arguments: list[str], why: str):
    with pytest.raises(LaunchError) as caught:
        parse_arguments(arguments)
    assert why in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.status == 2


def test_help_lists_the_scenarios_and_the_true_defaults(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as caught:
        parse_arguments(["--help"])
    assert caught.value.code == 0
    shown = " ".join(capsys.readouterr().out.split())
    for name, scenario in SCENARIOS.items():
        assert f"{name} {scenario.about}" in shown
    assert f"characters of a message ({CHAT.size})" in shown
    assert f"undelivered messages of a room at --rate 0 ({CHAT.window})" in shown
    assert f"the seed of the random numbers ({CHAT.seed})" in shown


def test_version(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        parse_arguments(["--version"])
    assert capsys.readouterr().out == f"PyLingo {__version__}\n"


class Limits:
    """A process whose limits are these."""

    def __init__(self, soft: int, hard: int) -> None:
        self.now = (soft, hard)

    def getrlimit(self, which: int) -> tuple[int, int]:
        assert which == resource.RLIMIT_NOFILE
        return self.now

    def setrlimit(self, which: int, limits: tuple[int, int]) -> None:
        assert which == resource.RLIMIT_NOFILE
        self.now = limits


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch) -> Limits:
    made = Limits(100, 1_000)
    monkeypatch.setattr(resource, "getrlimit", made.getrlimit)
    monkeypatch.setattr(resource, "setrlimit", made.setrlimit)
    return made


def test_the_limit_is_raised_as_far_as_it_goes(limits: Limits):
    check_descriptors(Plan(clients=500, rooms=10))
    assert limits.now == (1_000, 1_000)


def test_the_most_that_fits_and_one_more(limits: Limits):
    most = 1_000 - 64 - 10
    check_descriptors(Plan(clients=most, rooms=10))
    with pytest.raises(LaunchError, match=f"limit of 1000 open files allows at most {most}, not {most + 1}") as error:
        check_descriptors(Plan(clients=most + 1, rooms=10))
    assert str(error.value).endswith(": ulimit -n 1001  as root raises the limit for a shell")


def test_a_plan_that_fits_stays_as_it_is(limits: Limits):
    plan = Plan(clients=1_000 - 64 - 10, rooms=10, senders=3)
    assert fit(plan) == (plan, "")
    assert limits.now == (1_000, 1_000)


@pytest.mark.parametrize("name", SCENARIOS)
@pytest.mark.parametrize("limit", [66, 67, 100, 1_000, 4_096])
def test_a_plan_is_made_to_fit_and_keeps_its_shape(limits: Limits, name: str, limit: int):
    limits.now = (10, limit)
    plan = SCENARIOS[name].plan
    fitting, words = fit(plan)
    check_descriptors(fitting)
    assert fitting == plan or f"limit of {limit:,} open files" in words
    assert bool(words) == (plan.clients + plan.rooms + 64 > limit)
    assert 1 <= fitting.rooms <= fitting.clients <= plan.clients
    assert fitting.senders <= fitting.clients // fitting.rooms
    assert fitting.senders > 0 or not plan.senders
    assert fitting.stalled <= fitting.clients - fitting.rooms
    if limit >= 1_000 and plan.rooms > 1:
        assert fitting.clients / fitting.rooms == pytest.approx(plan.clients / plan.rooms, rel=0.15)
        assert fitting.clients + fitting.rooms + 64 >= 0.9 * min(limit, plan.clients + plan.rooms + 64)


def test_a_limit_that_is_too_low_for_anything(limits: Limits):
    limits.now = (10, 65)
    with pytest.raises(LaunchError, match="limit of 65 open files is too low: ulimit -n 1084  as root"):
        fit(CHAT)


def test_what_differs_from_the_usual_plan_is_named():
    assert parse_arguments([]).changes == ""
    assert parse_arguments(["--clients", "40", "--rate", "0.5"]).changes == "clients 40, senders 2, rate 0.5"


def test_a_system_without_a_limit(limits: Limits):
    limits.now = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    check_descriptors(Plan(clients=5_000))
