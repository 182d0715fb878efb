"""What can be run, by name: sizes that suit two cores, the options of the server, and how the load is driven."""

import dataclasses
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from pylingo.client.bench.churn import churn, storm
from pylingo.client.bench.dialect import Dialect
from pylingo.client.bench.load import Load, Measured, Plan
from pylingo.client.bench.process import Usage, usage

UNLIMITED = ("--rate", "0", "--queue-soft", "256M", "--queue-hard", "1G")
"""The server's options for a run that is to measure the fan-out and not the limits."""

Progress = Callable[[str, float], object]


@dataclass(frozen=True, slots=True)
class Target:
    """Where the server is, and its process if that is known."""

    host: str
    port: int
    pid: int | None = None

    def usage(self) -> Usage:
        """What the server has used so far; not a number where its process is not known."""
        return usage(self.pid) if self.pid is not None else Usage(math.nan, 0, 0)


@dataclass(slots=True)
class Result:
    """The figures of one run; those that a scenario does not measure are None. Times in seconds."""

    scenario: str
    connections: int
    measured: Measured
    server_cpu: float | None = None
    bytes_per_connection: float | None = None
    peak: int | None = None
    connect_rate: float | None = None
    extra: dict[str, float] = field(default_factory=dict)

    @property
    def cpu_per_delivery(self) -> float | None:
        """Microseconds of the server's CPU."""
        if self.server_cpu is None or not self.measured.deliveries:
            return None
        return self.server_cpu / self.measured.deliveries * 1e6

    def latency(self, quantile: float) -> float | None:
        """Milliseconds from the sender's clock to the receiver's."""
        ordered = sorted(self.measured.latencies)
        return ordered[min(len(ordered) - 1, int(len(ordered) * quantile))] / 1e6 if ordered else None


Run = Callable[[Plan, Target, Dialect, Progress], Result]


@dataclass(frozen=True, slots=True)
class Scenario:
    about: str
    plan: Plan
    run: Run
    options: tuple[str, ...] = ()


def run_speaking(plan: Plan, target: Target, dialect: Dialect, progress: Progress, name: str = "speaking") -> Result:
    """Connect everybody, have them speak as the plan says, and measure while they do."""
    return _measure(name, plan, target, dialect, progress, Load.speak)


def run_broadcast(plan: Plan, target: Target, dialect: Dialect, progress: Progress) -> Result:
    """One message, and the next when everybody has had it: nothing to batch."""
    return _measure("broadcast", plan, target, dialect, progress, Load.speak_in_turn)


def run_idle(plan: Plan, target: Target, dialect: Dialect, progress: Progress) -> Result:
    """Everybody is connected and silent."""
    return _measure("idle", plan, target, dialect, progress, Load.wait)


def run_stalled(plan: Plan, target: Target, dialect: Dialect, progress: Progress) -> Result:
    """The same load without and with clients that do not read."""
    without = run_speaking(dataclasses.replace(plan, stalled=0, prefix="d"), target, dialect, progress)
    result = run_speaking(plan, target, dialect, progress)
    before, after = without.latency(0.99), result.latency(0.99)
    if before and after:
        result.extra = {"stalled readers": plan.stalled, "p99 without them, ms": before, "ratio of p99": after / before}
    return result


def run_join_storm(plan: Plan, target: Target, dialect: Dialect, progress: Progress) -> Result:
    """Everybody joins one room at once: how long until all have seen all who came after them."""
    load = Load(plan, dialect, target.port, target.host, progress)
    try:
        result = Result("join-storm", plan.clients, Measured())
        load.connect(enter=False)
        before = target.usage()
        result.measured.seconds, result.measured.deliveries = storm(load)
        after = target.usage()
        result.server_cpu = after.cpu - before.cpu if target.pid else None
        result.peak = after.peak or None
        result.extra = {"seconds until everybody had seen everything": result.measured.seconds}
        return result
    finally:
        load.close()


def run_churn(plan: Plan, target: Target, dialect: Dialect, progress: Progress) -> Result:
    """Clients connect, join, say something and close, `clients` at a time, until `messages` lives are over."""
    result = Result("churn", plan.clients, Measured())
    load = Load(dataclasses.replace(plan, clients=1), dialect, target.port, target.host, progress)
    try:
        load.connect()
        before = target.usage()
        start = time.monotonic()
        result.measured.messages = result.measured.deliveries = churn(load, plan.clients, plan.messages)
        result.measured.seconds = time.monotonic() - start
        after = target.usage()
        result.server_cpu = after.cpu - before.cpu if target.pid else None
        result.peak = after.peak or None
        result.extra = {"lives a second": plan.messages / result.measured.seconds}
        if target.pid:
            result.extra["growth of memory, bytes a life"] = (after.resident - before.resident) / plan.messages
        return result
    finally:
        load.close()


def _measure(
    name: str, plan: Plan, target: Target, dialect: Dialect, progress: Progress, drive: Callable[[Load], Measured]
) -> Result:
    load = Load(plan, dialect, target.port, target.host, progress)
    try:
        empty = target.usage()
        seconds = load.connect()
        load.settle()
        before = target.usage()
        result = Result(name, len(load.clients), drive(load))
        after = target.usage()
        load.stay_level()
    finally:
        load.close()
    result.connect_rate = len(load.clients) / seconds
    if target.pid is not None:
        result.server_cpu = after.cpu - before.cpu
        result.bytes_per_connection = (before.resident - empty.resident) / len(load.clients)
        result.peak = after.peak
    return result


SCENARIOS = {
    "chat": Scenario(
        "1,000 people in 20 rooms who say something once a second",
        Plan(clients=1_000, rooms=20, senders=50, rate=1, seconds=10),
        run_speaking,
    ),
    "saturate": Scenario(
        "1,000 people in 10 rooms, 5 of each room pipeline as fast as the sockets take it",
        Plan(clients=1_000, rooms=10, senders=5, seconds=8),
        run_speaking,
        UNLIMITED,
    ),
    "broadcast": Scenario(
        "one message to 5,000 in one room, and the next when all have had it",
        Plan(clients=5_000, rooms=1, senders=1, messages=100),
        run_broadcast,
        UNLIMITED,
    ),
    "join-storm": Scenario("5,000 join one room at once", Plan(clients=5_000), run_join_storm, UNLIMITED),
    "idle": Scenario("10,000 are connected and silent", Plan(clients=10_000, rooms=100, seconds=20), run_idle),
    "stalled": Scenario(
        "chat, with 1% of the clients not reading: the others' p99 beside the p99 without them",
        Plan(clients=1_000, rooms=20, senders=49, rate=1, seconds=10, stalled=10),
        run_stalled,
    ),
    "churn": Scenario(
        "connect, join, say, close: 100 at a time", Plan(clients=100, rooms=1, messages=20_000), run_churn
    ),
}
