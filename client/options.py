"""The client's command line."""

import argparse
import getpass
import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from pylingo.client.client import RETRY
from pylingo.client.settings import LAYOUTS, Preferences, Settings, default_path, load
from pylingo.shared import __version__
from pylingo.shared.address import DEFAULT_HOST, DEFAULT_PORT, parse_address
from pylingo.shared.errors import RequestError
from pylingo.shared.launch import LaunchError, OneLineParser
from pylingo.shared.names import MAX_NAME, room_name

DEFAULT_ROOM = "lobby"
_LONGEST_NAME = 1_024  # a name that is too long is the server's to refuse, as long as it fits a frame


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a run of the client is to do. Without a `name` one stays the guest, without a `room` one joins none.

    `retry` is in seconds, `insist` is whether it holds for the first connection, too.
    `config` is where changed preferences are kept, None if nowhere; `trouble` says why it was not read.
    """

    host: str = DEFAULT_HOST
    port: int = DEFAULT_PORT
    name: str | None = None
    room: str | None = DEFAULT_ROOM
    as_json: bool = False
    only_text: bool = False
    retry: float = RETRY
    insist: bool = False
    preferences: Preferences = field(default_factory=Preferences)
    config: Path | None = field(default_factory=default_path, compare=False)
    trouble: str | None = None


def parse_arguments(arguments: Sequence[str]) -> Options:
    """The options on a command line, and under them those of the configuration file.

    Raises `LaunchError`; exits the process after `--help` and `--version`.
    """
    given = _parser().parse_args(arguments)
    config = Path(os.path.expanduser(given.config)) if given.config is not None else default_path()
    settings, trouble = _read(config, must_exist=given.config is not None)
    address = _first(given.address, settings.address, f"{DEFAULT_HOST}:{DEFAULT_PORT}")
    name = _first(given.name, settings.name, "")
    try:
        host, port = parse_address(address)
        room = _first(given.room, settings.room, DEFAULT_ROOM)
        for word in (host, name, room):
            word.encode()
        if len(name) > _LONGEST_NAME:
            where = "--name" if given.name is not None else f"{settings.places.get('name', '')}: name"
            raise LaunchError(f"{where} has at most {MAX_NAME} characters, not {len(name)}")
        goal = room_name(room) if room else None
    except UnicodeEncodeError:
        raise LaunchError("the address, the name and the room must be valid UTF-8") from None
    except RequestError as error:
        where = "--room" if given.room is not None else f"{settings.places.get('room', '')}: room"
        raise LaunchError(f"{where}: {error.text}") from None
    except ValueError as error:
        where = "" if given.address is not None else f"{settings.places.get('address', '')}: address: "
        raise LaunchError(f"{where}{error}") from None
    return Options(
        host=host,
        port=port,
        name=name or login_name(),
        room=goal,
        as_json=given.json,
        only_text=given.text,
        retry=RETRY if given.retry is None else given.retry,
        insist=given.retry is not None,
        preferences=replace(settings.preferences, layout=given.layout or settings.preferences.layout),
        config=config,
        trouble=trouble,
    )


def _read(config: Path | None, must_exist: bool) -> tuple[Settings, str | None]:
    """What the file says, or why it is left out. Nobody who named no file is kept from a start by a folder's fault."""
    if config is None:
        return Settings(), "there is no home folder, so that no configuration file is read and nothing is kept"
    try:
        return load(config), None
    except FileNotFoundError:
        if must_exist:
            raise LaunchError(f"{config}: there is no such file") from None
        return Settings(), None
    except OSError as error:
        if must_exist:
            raise LaunchError(f"{config}: {error.strerror}") from None
        return Settings(), f"the configuration file {config} is left out: {error.strerror}"


def _first(given: str | None, configured: str | None, default: str) -> str:
    if given is not None:
        return given
    return configured if configured is not None else default


def login_name() -> str | None:
    """The name of the person at this computer, where the system has one."""
    try:
        name = getpass.getuser()
        name.encode()
    except (OSError, KeyError, ImportError, UnicodeEncodeError):
        return None
    return name if len(name) <= _LONGEST_NAME else None


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1e6:
        raise argparse.ArgumentTypeError(f"must be a number of seconds from 0 to 1000000, not '{text}'")
    return value


def _parser() -> argparse.ArgumentParser:
    parser = OneLineParser(
        prog="pylingo",
        description="Joins a PyLingo chat.",
        epilog="Type a line to say it, /help for the commands. A line that begins with // is said with one slash. In a "
        "pipe a line is a command only if its first word is exactly one that /help lists; with --text, never.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "address",
        nargs="?",
        metavar="HOST[:PORT]",
        help=f"the server ({DEFAULT_HOST}:{DEFAULT_PORT})",
    )
    parser.add_argument("--name", metavar="NAME", help="what you want to be called (your login name)")
    parser.add_argument("--room", metavar="ROOM", help=f"the room to join ({DEFAULT_ROOM})")
    parser.add_argument("--layout", choices=LAYOUTS, help="where the input line is: %(choices)s (top)")
    parser.add_argument("--config", metavar="FILE", help="the configuration file, in TOML (in the platform's folder)")
    parser.add_argument("--json", action="store_true", help="print each frame as one line of JSON")
    parser.add_argument("--text", action="store_true", help="say every line of input as it is: none is a command")
    parser.add_argument(
        "--retry",
        metavar="SECONDS",
        type=_seconds,
        help=f"in a pipe, how long to try to come back ({RETRY:g}), and if given, to connect for the first time; "
        "on a terminal it is as long as you stay",
    )
    parser.add_argument("--version", action="version", version=f"PyLingo {__version__}")
    return parser
