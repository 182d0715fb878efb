"""The benchmark's command line."""

import argparse
import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pylingo.client.bench.plan import Plan
from pylingo.client.bench.scenarios import SCENARIOS
from pylingo.client.bench.stream import MARK_SIZE
from pylingo.reactor.engine.descriptors import raise_descriptor_limit
from pylingo.shared.launch import LaunchError, OneLineParser
from pylingo.shared.settings import Setting, Source, argument_parser, read_options, table
from pylingo.shared.text import MAX_TEXT, counted
from pylingo.shared.values import ValueType, address, flag, integer, number, one_of, path, texts

_SPARE_DESCRIPTORS = 64
_WITHOUT = {"idle": ["messages"], "broadcast": ["seconds"], "churn": ["seconds"], "join-storm": ["messages", "seconds"]}
_DEFAULTS = {field.name: str(field.default) for field in dataclasses.fields(Plan)}
_MILLION = 1_000_000


def _setting(name: str, type: ValueType, metavar: str, about: str, default: str = "", **more: Any) -> Setting:
    return Setting(
        name=name, type=type, metavar=metavar, about=about, default=default, source=Source.COMMAND_LINE, **more
    )


SETTINGS = table(
    [
        _setting(
            "address",
            address(),
            "HOST[:PORT]",
            "a running server, started with --max-per-address 0 --resume-grace 0",
            positional=True,
        ),
        _setting("scenario", one_of(*SCENARIOS), "NAME", "the scenario to run", "chat"),
        _setting("clients", integer(1, _MILLION), "N", "connections, besides one observer in each room"),
        _setting("rooms", integer(1, _MILLION), "N", "rooms that the clients are spread over"),
        _setting("senders", integer(1, _MILLION), "N", "clients of each room that send messages"),
        _setting("rate", number(0, 1e6), "N", "messages a second of each sender; 0 for as fast as possible"),
        _setting("seconds", number(0.1, 86_400), "N", "how long the senders send"),
        _setting("messages", integer(1, 10**9), "N", "how many messages are sent, instead of --seconds"),
        _setting("size", integer(MARK_SIZE, MAX_TEXT), "N", "characters of a message", _DEFAULTS["size"]),
        _setting("stalled", integer(0, _MILLION), "N", "clients that do not read"),
        _setting("window", integer(1, 10**9), "N", "undelivered messages of a room at --rate 0", _DEFAULTS["window"]),
        _setting("seed", integer(0, 2**63), "N", "the seed of the random numbers", _DEFAULTS["seed"]),
        _setting("tls", flag(), "", "encrypt the connections; a server that it starts gets a certificate for that"),
        _setting("json", path(), "FILE", "write the figures to this file, as JSON"),
        _setting("explain", flag(), "", "explain the rows that a run prints, and end"),
        _setting(
            "server_option", texts(), "OPTION", "for the server it starts, such as --server-option=--rate=9; repeatable"
        ),
    ]
)


@dataclass(frozen=True, slots=True)
class BenchOptions:
    """The run to make. Without a `target` the benchmark starts its own server, with `server_options`.

    With `has_own_size`, somebody has chosen the number of clients or rooms. With `explains`, nothing is run.
    """

    scenario: str
    plan: Plan
    target: tuple[str, int] | None
    json: str | None
    server_options: tuple[str, ...]
    tls: bool = False
    has_own_size: bool = False
    explains: bool = False

    @property
    def changes(self) -> str:
        """The differences from the plan of the scenario, such as `clients 40, senders 2`; empty without any."""
        usual, plan = dataclasses.asdict(SCENARIOS[self.scenario].plan), dataclasses.asdict(self.plan)
        return ", ".join(f"{name} {value:g}" for name, value in plan.items() if value != usual[name])


def parse_arguments(arguments: Sequence[str]) -> BenchOptions:
    """Return the options on a command line. Raises `LaunchError`. Exits the process after `--help` and `--version`."""
    given = read_options(SETTINGS, parser(), arguments)
    scenario = given.get("scenario", "chat")
    chosen = {name: given[name] for name in _DEFAULTS if name in given}
    if "messages" in chosen and "seconds" not in chosen:
        chosen["seconds"] = 0.0
    plan = dataclasses.replace(SCENARIOS[scenario].plan, **chosen)
    members = plan.clients // plan.rooms
    if not members:
        raise LaunchError(f"--rooms ({plan.rooms}) must be at most --clients ({plan.clients})")
    if plan.senders > members:
        if "senders" in given:
            raise LaunchError(f"--senders must be at most the {members} clients of a room, not {plan.senders}")
        plan = dataclasses.replace(plan, senders=members)
    readers = max(0, plan.clients - plan.rooms)
    if plan.stalled > readers:
        raise LaunchError(
            f"--stalled must leave one client of each room reading: at most {readers}, not {plan.stalled}"
        )
    for option in _WITHOUT.get(scenario, ()):
        if option in given:
            raise LaunchError(f"--{option} does not apply to {scenario}")
    return BenchOptions(
        scenario,
        plan,
        given.get("address"),
        given.get("json"),
        given.get("server_option", ()),
        given.get("tls", False),
        has_own_size=bool({"clients", "rooms"} & given.keys()),
        explains=given.get("explain", False),
    )


def check_descriptors(plan: Plan) -> None:
    """Raise this process's descriptor limit to its maximum. Raises `LaunchError` if the plan does not fit."""
    limit = raise_descriptor_limit()
    fits = limit - _SPARE_DESCRIPTORS - plan.rooms
    if plan.clients > fits:
        raise LaunchError(
            f"--clients: this system's limit of {limit} open files allows at most {fits}, not {plan.clients}:"
            f" {_more_files(plan)}"
        )


def fit(plan: Plan) -> tuple[Plan, str]:
    """Raise the descriptor limit, and make the plan as small as it demands: fewer clients, in as many fewer rooms.

    Returns a sentence about that as well, which is empty if the plan fits. Raises `LaunchError` if nothing fits.
    """
    limit = raise_descriptor_limit()
    free, needed = limit - _SPARE_DESCRIPTORS, plan.clients + plan.rooms
    if needed <= free:
        return plan, ""
    rooms = max(1, plan.rooms * free // needed)
    clients = min(plan.clients * free // needed, free - rooms)
    if clients < rooms:
        raise LaunchError(f"this system's limit of {limit} open files is too low: {_more_files(plan)}")
    fitting = dataclasses.replace(
        plan,
        clients=clients,
        rooms=rooms,
        senders=min(plan.senders, clients // rooms),
        stalled=min(-(-plan.stalled * clients // plan.clients), clients - rooms),
    )
    words = (
        f"this system's limit of {limit:,} open files is too low for {plan.clients:,} clients in"
        f" {counted(plan.rooms, 'room')}"
    )
    return fitting, f"{words}: the run has {clients:,} in {rooms:,}; {_more_files(plan)}"


def _more_files(plan: Plan) -> str:
    return f"ulimit -n {plan.clients + plan.rooms + _SPARE_DESCRIPTORS}  as root raises the limit for a shell"


def parser() -> OneLineParser:
    """The parser of the command line."""
    listed = "\n".join(f"  {name:<12} {scenario.about}" for name, scenario in SCENARIOS.items())
    return argument_parser(
        SETTINGS,
        "pylingo-bench",
        "Connects simulated clients to a PyLingo server and checks everything they receive.",
        f"scenarios:\n{listed}\n\nWithout HOST:PORT it starts its own server and measures what that server uses.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
