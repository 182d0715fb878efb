"""The scenarios by name: sizes that suit two cores, the server's options, and how the load is driven."""

import dataclasses
import math
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field

from pylingo.client.bench.churn import churn, join_storm
from pylingo.client.bench.dialect import Dialect
from pylingo.client.bench.load import Load, ProgressCallback
from pylingo.client.bench.plan import Measured, Plan
from pylingo.client.bench.process import Usage, usage
from pylingo.client.bench.speaking import speak, speak_in_turn
from pylingo.reactor.engine.tls import ClientTls

UNLIMITED = ("--rate", "0", "--queue-soft", "256M", "--queue-hard", "1G")
"""The server's options for a run that measures the fan-out and not the limits."""


@dataclass(frozen=True, slots=True)
class TargetServer:
    """The address of the server, its process if that is known, and TLS if it has that."""

    host: str
    port: int
    pid: int | None = None
    tls: ClientTls | None = None

    def usage(self) -> Usage:
        """CPU time and memory of the server so far; NaN and 0 if its process is not known."""
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

    def charge(self, before: Usage, after: Usage) -> None:
        """Note what the server used in between, if its process is known."""
        if after.peak:
            self.server_cpu = after.cpu - before.cpu
            self.peak = after.peak


type Run = Callable[[Plan, TargetServer, Dialect, ProgressCallback], Result]


_CHECKED = "all {deliveries:,} deliveries checked: none lost, doubled or out of order"


@dataclass(frozen=True, slots=True)
class Scenario:
    """Its subject and usual size, how it is run, the server's options, and what a run has checked."""

    about: str
    plan: Plan
    run: Run
    options: tuple[str, ...] = ()
    checked: str = _CHECKED

    def verdict(self, result: Result) -> str:
        """One line about a run that has ended well: what was checked."""
        measured = result.measured
        return self.checked.format(connections=result.connections, deliveries=measured.deliveries)


def _settled(name: str, drive: Callable[[Load], Measured]) -> Run:
    """A run that connects everybody, and measures from the moment when everybody has entered."""

    def run(plan: Plan, target: TargetServer, dialect: Dialect, progress: ProgressCallback) -> Result:
        empty = target.usage()
        with closing(Load(plan, dialect, target.port, target.host, progress, target.tls)) as load:
            seconds = load.connect()
            load.settle()
            before = target.usage()
            count = len(load.clients)
            result = Result(name, count, drive(load), connect_rate=count / seconds)
            result.charge(before, target.usage())
            load.stay_level()
        if before.resident:
            result.bytes_per_connection = (before.resident - empty.resident) / count
        return result

    return run


run_speaking = _settled("speaking", speak)
run_broadcast = _settled("broadcast", speak_in_turn)
run_idle = _settled("idle", Load.wait)


def run_stalled(plan: Plan, target: TargetServer, dialect: Dialect, progress: ProgressCallback) -> Result:
    """The same load without and with clients that do not read."""
    without = run_speaking(dataclasses.replace(plan, stalled=0, prefix="d"), target, dialect, progress)
    result = run_speaking(plan, target, dialect, progress)
    before, after = without.latency(0.99), result.latency(0.99)
    if before and after:
        result.extra = {"stalled readers": plan.stalled, "p99 without them, ms": before, "ratio of p99": after / before}
    return result


def run_join_storm(plan: Plan, target: TargetServer, dialect: Dialect, progress: ProgressCallback) -> Result:
    """Everybody joins one room at once; measures the time until all have seen all who joined later."""
    result = Result("join-storm", plan.clients, Measured())
    with closing(Load(plan, dialect, target.port, target.host, progress, target.tls)) as load:
        load.connect(enter=False)
        before = target.usage()
        result.measured.seconds, result.measured.deliveries = join_storm(load)
        result.charge(before, target.usage())
    result.extra = {"seconds until everybody had seen everything": result.measured.seconds}
    return result


def run_churn(plan: Plan, target: TargetServer, dialect: Dialect, progress: ProgressCallback) -> Result:
    """`messages` clients connect, join, say something and close, `clients` at a time."""
    result = Result("churn", plan.clients, Measured())
    observer = dataclasses.replace(plan, clients=1)
    with closing(Load(observer, dialect, target.port, target.host, progress, target.tls)) as load:
        load.connect()
        before = target.usage()
        start = time.monotonic()
        result.measured.messages = result.measured.deliveries = churn(load, plan.clients, plan.messages)
        result.measured.seconds = time.monotonic() - start
        load.listen_on()
        after = target.usage()
        result.charge(before, after)
    result.extra = {"clients a second": plan.messages / result.measured.seconds}
    if after.peak:
        result.extra["memory growth, bytes a client"] = (after.resident - before.resident) / plan.messages
    return result


SCENARIOS = {
    "chat": Scenario(
        "1,000 clients in 20 rooms, each sends one message a second",
        Plan(clients=1_000, rooms=20, senders=50, rate=1, seconds=10),
        run_speaking,
    ),
    "saturate": Scenario(
        "1,000 clients in 10 rooms, 5 in each room send as fast as the sockets allow",
        Plan(clients=1_000, rooms=10, senders=5, seconds=8),
        run_speaking,
        UNLIMITED,
    ),
    "broadcast": Scenario(
        "one message to 5,000 clients in one room, the next after everybody has it",
        Plan(clients=5_000, rooms=1, senders=1, messages=100),
        run_broadcast,
        UNLIMITED,
    ),
    "join-storm": Scenario(
        "5,000 clients join one room at once",
        Plan(clients=5_000),
        run_join_storm,
        UNLIMITED,
        "all {deliveries:,} notices of a join checked: none lost, doubled or out of order",
    ),
    "idle": Scenario(
        "10,000 clients are connected and silent",
        Plan(clients=10_000, rooms=100, seconds=20),
        run_idle,
        checked="all {connections:,} connections checked: none ended, and nothing came that nobody had sent",
    ),
    "stalled": Scenario(
        "chat while 1% of the clients do not read: p99 of the others, and p99 without them",
        Plan(clients=1_000, rooms=20, senders=49, rate=1, seconds=10, stalled=10),
        run_stalled,
        checked="all {deliveries:,} deliveries to clients that read checked: none lost, doubled or out of order",
    ),
    "churn": Scenario(
        "clients connect, join, say something and close, 100 at a time",
        Plan(clients=100, rooms=1, messages=20_000),
        run_churn,
        checked="all {deliveries:,} joins, messages and leaves checked: none lost, doubled or out of order",
    ),
}
