"""The benchmark's command line."""

import argparse
import dataclasses
import resource
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pylingo.client.bench.plan import Plan
from pylingo.client.bench.scenarios import SCENARIOS
from pylingo.client.bench.stream import MARK_SIZE
from pylingo.shared import __version__
from pylingo.shared.address import parse_address
from pylingo.shared.launch import LaunchError, OneLineParser
from pylingo.shared.text import MAX_TEXT

_SPARE_DESCRIPTORS = 64
_WITHOUT = {"idle": ["messages"], "broadcast": ["seconds"], "churn": ["seconds"], "join-storm": ["messages", "seconds"]}


@dataclass(frozen=True, slots=True)
class Options:
    """What to run. Without a `target` the benchmark starts a server of its own, with `server_options`."""

    scenario: str
    plan: Plan
    target: tuple[str, int] | None
    json: str | None
    server_options: tuple[str, ...]


def parse_arguments(arguments: Sequence[str]) -> Options:
    """The options on a command line. Raises `LaunchError`; exits the process after `--help` and `--version`."""
    given = _parser().parse_args(arguments)
    try:
        target = parse_address(given.address) if given.address else None
    except ValueError as error:
        raise LaunchError(str(error)) from None
    names = [field.name for field in dataclasses.fields(Plan)]
    chosen = {name: getattr(given, name) for name in names if getattr(given, name, None) is not None}
    if "messages" in chosen and "seconds" not in chosen:
        chosen["seconds"] = 0.0
    plan = dataclasses.replace(SCENARIOS[given.scenario].plan, **chosen)
    members = plan.clients // plan.rooms
    if not members:
        raise LaunchError(f"--rooms ({plan.rooms}) must be at most --clients ({plan.clients})")
    if plan.senders > members:
        most = dataclasses.replace(plan, senders=members)
        if given.senders is not None:
            raise LaunchError(f"--senders must be at most the {members} clients of a room, not {plan.senders}")
        plan = most
    if plan.stalled > plan.clients - plan.rooms:
        readers = max(0, plan.clients - plan.rooms)
        raise LaunchError(
            f"--stalled must leave one client of each room reading: at most {readers}, not {plan.stalled}"
        )
    for option in _WITHOUT.get(given.scenario, ()):
        if getattr(given, option) is not None:
            raise LaunchError(f"--{option} means nothing to {given.scenario}")
    return Options(given.scenario, plan, target, given.json, tuple(given.server_option or ()))


def check_descriptors(plan: Plan) -> None:
    """Raise this process's descriptor limit as far as it goes. Raises `LaunchError` if the plan still does not fit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    hard = hard if hard != resource.RLIM_INFINITY else 2**20
    fits = hard - _SPARE_DESCRIPTORS - plan.rooms
    if plan.clients > fits:
        raise LaunchError(
            f"--clients: this system's limit of {hard} open files allows at most {fits}, not {plan.clients}"
        )


def _whole(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not (text.isascii() and text.isdigit() and low <= int(text) <= high):
            raise argparse.ArgumentTypeError(f"must be a whole number from {low} to {high}, not '{text}'")
        return int(text)

    return parse


def _number(low: float, high: float) -> Callable[[str], float]:
    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = low - 1
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"must be a number from {low:g} to {high:g}, not '{text}'")
        return value

    return parse


def _parser() -> argparse.ArgumentParser:
    listed = "\n".join(f"  {name:<12} {scenario.about}" for name, scenario in SCENARIOS.items())
    parser = OneLineParser(
        prog="pylingo-bench",
        description="Puts simulated clients on a PyLingo server and checks everything they receive.",
        epilog=f"scenarios:\n{listed}\n\nWithout HOST:PORT it starts a server of its own, and can say what that costs.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add(
        "address",
        nargs="?",
        metavar="HOST[:PORT]",
        help="a running server, started with --max-per-address 0 --resume-grace 0",
    )
    add("--scenario", choices=SCENARIOS, default="chat", metavar="NAME", help="what to run (chat)")
    add("--clients", type=_whole(1, 1_000_000), metavar="N", help="connections, besides one observer for each room")
    add("--rooms", type=_whole(1, 1_000_000), metavar="N", help="rooms that they are spread over")
    add("--senders", type=_whole(1, 1_000_000), metavar="N", help="how many of each room speak")
    add("--rate", type=_number(0, 1e6), metavar="N", help="messages a second of each sender; 0: as fast as they go")
    add("--seconds", type=_number(0.1, 86_400), metavar="N", help="how long they speak")
    add("--messages", type=_whole(1, 10**9), metavar="N", help="how many messages, instead of how long")
    add("--size", type=_whole(MARK_SIZE, MAX_TEXT), metavar="N", help="characters of a message (64)")
    add("--stalled", type=_whole(0, 1_000_000), metavar="N", help="clients that do not read")
    add("--window", type=_whole(1, 10**9), metavar="N", help="messages of a room on their way at --rate 0 (2000)")
    add("--seed", type=_whole(0, 2**63), metavar="N", help="for what is drawn by chance (1)")
    add("--json", metavar="FILE", help="also write the figures there, as JSON")
    add(
        "--server-option",
        action="append",
        metavar="OPTION",
        help="for the server it starts, such as --server-option=--rate=9",
    )
    add("--version", action="version", version=f"PyLingo {__version__}")
    return parser
