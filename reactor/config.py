"""The server's settings: each with its default, its limits and what happens when the limit is reached.

A setting is a field of `Settings` and nothing else: the command line, the TOML file, `--help` and the README's table
are all made from the fields.
"""

import argparse
import dataclasses
import os
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pylingo.reactor.chat.hub import GRACE, QUEUE_HARD, QUEUE_SOFT
from pylingo.reactor.engine.listener import ACCEPTS, LOOPBACK, Network
from pylingo.reactor.history.memory import MEMORY
from pylingo.reactor.parsers import (
    Parser,
    duration,
    host_name,
    integer,
    networks,
    number,
    one_of,
    path,
    show_size,
    size,
    words,
)
from pylingo.shared import __version__
from pylingo.shared.launch import LaunchError, OneLineParser
from pylingo.shared.text import MAX_MOTD, printable

LOG_LEVELS = ("debug", "info", "warning", "error", "critical")


class ConfigError(LaunchError):
    """One sentence for the operator: what is wrong with the settings and what would be right."""


_seconds = number(0.1, 86_400)
_tcp_seconds = number(0.1, 32_767)  # the most that Linux takes for TCP_KEEPIDLE


def _setting(
    default: Any, parse: Parser, metavar: str, about: str, outcome: str = "", needs_restart: bool = False
) -> Any:
    """A field of `Settings`. `outcome` is what happens when the limit is reached.

    `Server.reconfigure` takes it over while the server runs, unless it `needs_restart`.
    """
    metadata = {"parse": parse, "metavar": metavar, "about": about, "outcome": outcome, "needs_restart": needs_restart}
    return dataclasses.field(default=default, metadata=metadata)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a server is to behave. Times are in seconds, sizes in bytes."""

    host: str = _setting(
        "127.0.0.1", host_name(), "HOST", "the address or host name to listen on; :: for everybody", needs_restart=True
    )
    port: int = _setting(
        5000, integer(0, 65_535), "PORT", "the TCP port; 0 lets the system choose one", needs_restart=True
    )
    motd: str = _setting("", words(MAX_MOTD), "TEXT", "a notice that everybody gets on connecting")
    log_level: str = _setting("info", one_of(*LOG_LEVELS), "LEVEL", "how much is logged")
    rate: float = _setting(
        4.0,
        number(0.001, 1e6, or_none=True),
        "N",
        "requests a second that one connection may go on with, and one address 16 times as many; 0 for no limit",
        "it is read more slowly; nothing is lost, nobody is cut off",
    )
    burst: int = _setting(
        10,
        integer(1, 1_000_000),
        "N",
        "requests at once, before the rate counts; of one address 16 times as many",
        "as for --rate",
    )
    queue_soft: int = _setting(
        QUEUE_SOFT,
        size(1024, 2**30),
        "SIZE",
        "bytes queued for a slow reader before room frames leave it out",
        "room frames are left out; when it has read the rest it is told with `skipped` what it missed",
    )
    queue_hard: int = _setting(
        QUEUE_HARD,
        size(1024, 2**32),
        "SIZE",
        "bytes of direct answers queued for one connection",
        "its further requests wait until it has read them",
    )
    stall_timeout: float = _setting(
        30.0, _seconds, "SECONDS", "time without a byte taken while something is queued", "goodbye `stalled`"
    )
    max_connections: int = _setting(
        0,
        integer(0, 1_000_000),
        "N",
        "connections at a time; 0 for as many as the descriptor limit allows, less 32",
        "goodbye `full`",
    )
    max_per_address: int = _setting(
        64,
        integer(0, 1_000_000),
        "N",
        "connections from one address, an IPv6 /64 being one, and as many kept seats; 0 for no limit",
        "goodbye `address-limit`; of seats as for --max-seats",
    )
    max_seats: int = _setting(
        0,
        integer(0, 1_000_000),
        "N",
        "seats of broken connections kept at a time; 0 for as many as connections may be",
        "the address's own oldest seat goes, or whoever breaks gets none if that one is younger than half of"
        " --resume-grace; where it has none, the oldest of all goes",
    )
    exempt: tuple[Network, ...] = _setting(
        LOOPBACK,
        networks(),
        "NETWORK",
        "a network, such as 10.0.0.0/8, where no limit for one address holds; may be repeated, and in the file be a"
        " list; none takes loopback away, which is otherwise always exempt",
    )
    accepts: int = _setting(
        ACCEPTS, integer(1, 4_096), "N", "connections accepted in one turn of the loop", "the rest waits a turn"
    )
    first_frame_timeout: float = _setting(
        10.0, _seconds, "SECONDS", "time for the first frame of a connection", "goodbye `silent`"
    )
    frame_timeout: float = _setting(
        10.0, _seconds, "SECONDS", "time for a whole frame, from its first byte", "goodbye `frame-timeout`"
    )
    ping_after: float = _setting(
        20.0, _seconds, "SECONDS", "time without a byte from a connection", "it is sent a `ping`"
    )
    ping_timeout: float = _setting(20.0, _seconds, "SECONDS", "time for any byte after a `ping`", "goodbye `idle`")
    tcp_timeout: float = _setting(
        30.0,
        _tcp_seconds,
        "SECONDS",
        "time for the peer's system to acknowledge data or keepalives",
        "the connection is lost",
    )
    resume_grace: float = _setting(
        GRACE,
        number(0, 86_400),
        "SECONDS",
        "time for which the seat of a broken connection is kept; 0 for none",
        "the room sees `left` with reason `lost`",
    )
    history: str = _setting(
        "", path(), "FILE", "keep what is said in this SQLite file; without it, in memory only", needs_restart=True
    )
    history_memory: int = _setting(
        MEMORY,
        size(2**16, 2**40),
        "SIZE",
        "memory for all rooms' logs, the newest 1,000 messages of each",
        "rooms that nobody is in lose theirs, the one left longest ago first; then the oldest messages go",
        needs_restart=True,
    )
    history_keep: float = _setting(
        90 * 86_400.0,
        duration(1, 10_000 * 86_400),
        "TIME",
        "age of messages in the file; 0 for no bound",
        "older ones are deleted",
        needs_restart=True,
    )
    history_max: int = _setting(
        2 * 2**30,
        size(2**20, 2**50, or_none=True),
        "SIZE",
        "size of the file; 0 for no bound",
        "the oldest messages are deleted",
        needs_restart=True,
    )
    drain_timeout: float = _setting(
        5.0, _seconds, "SECONDS", "time for the farewells and the disk when the server stops", "it stops all the same"
    )

    def __post_init__(self) -> None:
        """Raises `ConfigError` for settings that do not go together."""
        if self.queue_hard < self.queue_soft:
            raise ConfigError(
                f"--queue-hard ({show_size(self.queue_hard)}) must be at least --queue-soft"
                f" ({show_size(self.queue_soft)})"
            )


FIELDS = dataclasses.fields(Settings)
LISTS = frozenset(field.name for field in FIELDS if type(field.default) is tuple)
"""The settings that are lists: an option that may be repeated, an array of strings in the file."""


PARSERS: dict[str, Parser] = {field.name: field.metadata["parse"] for field in FIELDS}
FIXED = frozenset(field.name for field in FIELDS if field.metadata["needs_restart"])
"""The settings that a running server does not take over."""


def option(name: str) -> str:
    """The command-line option of a setting."""
    return "--" + name.replace("_", "-")


def parse_arguments(arguments: Sequence[str]) -> Settings:
    """The settings of a command line, over those of its `--config` file, over the defaults.

    Raises `LaunchError`, mostly as `ConfigError`. Exits the process after `--help` and `--version`.
    """
    given = vars(_parser().parse_args(arguments))
    path = given.pop("config", None)
    values = read_file(os.path.expanduser(path)) if path is not None else {}
    for name, text in given.items():
        values[name] = _parse(name, ",".join(text) if type(text) is list else text, option(name))
    return Settings(**values)


def has_file(arguments: Sequence[str]) -> bool:
    """Whether a command line, which `parse_arguments` takes, names a configuration file."""
    return "config" in vars(_parser().parse_args(arguments))


def read_file(path: str) -> dict[str, Any]:
    """The settings in a TOML file: the names of the options, with - or _. Raises `ConfigError`."""
    try:
        with open(path, "rb") as file:
            table = tomllib.load(file)
    except OSError as error:
        raise ConfigError(f"cannot read the configuration file {path}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"the configuration file {path} is no sound TOML: {error}") from None
    values = {}
    for key, value in table.items():
        name = key.replace("-", "_")
        if name not in PARSERS:
            raise ConfigError(f"{path}: there is no setting '{printable(key)}' (see --help for their names)")
        if name in values:
            raise ConfigError(f"{path}: '{name}' stands there twice, with - and with _")
        if name in LISTS and type(value) is list and all(type(part) is str for part in value):
            value = ",".join(value)
        if type(value) not in (str, int, float):
            kinds = "a string or a list of strings" if name in LISTS else "a string or a number"
            raise ConfigError(f"{path}: '{key}' must be {kinds}")
        try:
            text = str(value)
        except ValueError:  # CPython shows no number of more than 4,300 digits
            text = "a number of thousands of digits"
        values[name] = _parse(name, text, f"{path}: '{key}'")
    return values


def _parse(name: str, text: str, where: str) -> Any:
    try:
        return PARSERS[name](text)
    except ValueError as error:
        raise ConfigError(f"{where} must be {error}, not '{printable(text[:64])}'") from None


def _parser() -> argparse.ArgumentParser:
    parser = OneLineParser(
        prog="pylingo-server",
        description="The PyLingo chat server.",
        epilog="Sizes take K, M and G, times are in seconds. Every option can stand in the TOML file under its name."
        " To copy a history: pylingo-server backup --help",
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
    )
    for field in FIELDS:
        about, parse = field.metadata["about"], field.metadata["parse"]
        default = parse.show(field.default)
        parser.add_argument(
            option(field.name),
            action="append" if field.name in LISTS else "store",
            metavar=field.metadata["metavar"],
            help=(about + (f" ({default})" if default else "") + f": {parse.right}").replace("%", "%%"),
        )
    parser.add_argument("--config", metavar="FILE", help="a TOML file with settings; the command line wins over it")
    parser.add_argument("--version", action="version", version=f"PyLingo {__version__}")
    return parser
