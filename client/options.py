"""The client's command line, on top of the configuration file."""

import getpass
import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from pylingo.client.reconnect import RETRY
from pylingo.client.settings import (
    DEFAULT_ROOM,
    LONGEST_NAME,
    SETTINGS,
    ClientSettings,
    Preferences,
    default_path,
    load,
)
from pylingo.shared.address import DEFAULT_HOST, DEFAULT_PORT, Address
from pylingo.shared.errors import RequestError
from pylingo.shared.launch import LaunchError, OneLineParser
from pylingo.shared.link import Link, parse_link
from pylingo.shared.names import MAX_NAME, is_guest, user_name
from pylingo.shared.settings import Setting, Source, argument_parser, read_options, table
from pylingo.shared.values import ValueType, explained, flag, number, path, utf8


def _option(name: str, type: ValueType, metavar: str, about: str, default: str = "") -> Setting:
    return Setting(name=name, type=type, metavar=metavar, about=about, default=default, source=Source.COMMAND_LINE)


def _recipient(text: str) -> str:
    if not text.strip() or len(utf8(text)) > LONGEST_NAME:
        raise ValueError(f"a name must have 1 to {MAX_NAME} characters")
    if not is_guest(text.strip()):
        try:
            user_name(text)
        except RequestError as error:
            raise ValueError(error.text) from None
    return text


STDIN = "-"
PASSWORD_VARIABLE = "PYLINGO_PASSWORD"
_LONGEST_PASSWORD = 1_024


def _server_or_stdin(text: str) -> Link | None:
    return None if text == STDIN else SETTINGS["address"].type.parse(text)


OPTIONS = table(
    [
        replace(
            SETTINGS["address"],
            type=replace(SETTINGS["address"].type, parse=_server_or_stdin),
            about="the server, or several of one chat, or a link pylingo://…; - reads a link without echo",
        ),
        *(setting for setting in SETTINGS.values() if setting.name != "address"),
        _option("plain", flag(), "", "connect without TLS, and trust everybody on the way; on loopback that is usual"),
        _option("accept_new", flag(), "", "accept the certificate of a server that is not known yet, and remember it"),
        _option(
            "password_file",
            path(),
            "FILE",
            "the file whose first line is the server's password",
            f"the variable {PASSWORD_VARIABLE}; a window asks for it",
        ),
        _option("config", path(), "FILE", "the configuration file, in TOML", "in the platform's folder"),
        _option("json", flag(), "", "print each frame as one line of JSON"),
        _option("text", flag(), "", "send every line of input as text; no line is a command"),
        _option(
            "to",
            ValueType(f"1 to {MAX_NAME} characters", explained(_recipient)),
            "NAME",
            "send every message to this person, in plain mode; a room is joined only if --room names it",
        ),
        _option(
            "no_state",
            flag(),
            "",
            "neither read nor write the state file, which keeps the rooms of the last run, and the input history",
        ),
        _option(
            "retry",
            number(0, 1e6),
            "SECONDS",
            "in a pipe, how long to try to reconnect and, if given, to connect for the first time; on a terminal the"
            " client tries until you quit",
            f"{RETRY:g}",
        ),
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientOptions:
    """The options of one run of the client. Without a `name` the user stays a guest, without a `room` in no room.

    `retry` is in seconds; `insist` says whether it applies to the first connection. `config` is the file that keeps
    changed preferences, or None. `trouble` says why that file was not read.

    `others` are the addresses of further servers. `link` is the link that names the servers, if there is one.
    `identity` is the file of a key that the person has named. With `is_unencrypted` there is no TLS, and with
    `accept_new` an unknown server is accepted.

    `to` is the recipient of all messages. `is_room_given` says whether the room comes from the command line. The next
    run finds the rooms of this one with `keeps_state`, and its lines with `keeps_history`.
    """

    host: str = DEFAULT_HOST
    port: int = DEFAULT_PORT
    others: tuple[Address, ...] = ()
    link: Link | None = None
    name: str | None = None
    room: str | None = DEFAULT_ROOM
    is_unencrypted: bool = False
    accept_new: bool = False
    identity: Path | None = None
    password: str | None = field(default=None, repr=False)
    as_json: bool = False
    only_text: bool = False
    to: str | None = None
    is_room_given: bool = False
    keeps_state: bool = True
    keeps_history: bool = True
    retry: float = RETRY
    insist: bool = False
    preferences: Preferences = field(default_factory=Preferences)
    config: Path | None = field(default_factory=default_path, compare=False)
    trouble: str | None = None

    @property
    def server(self) -> Link:
        """The servers, as a link or as addresses alone."""
        return self.link or Link(self.host, self.port, is_link=False, others=self.others)


def parse_arguments(arguments: Sequence[str]) -> ClientOptions:
    """Return the options on a command line, which override those of the configuration file.

    Raises `LaunchError`. Exits the process after `--help` and `--version`.
    """
    given = read_options(OPTIONS, parser(), arguments)
    config = Path(given["config"]) if "config" in given else default_path()
    settings, trouble = _read(config, must_exist="config" in given)

    server = given.get("address", settings.address or Link(DEFAULT_HOST, DEFAULT_PORT, is_link=False))
    server = server or _link_from_stdin()
    if server.is_link and "plain" in given:
        raise LaunchError("--plain contradicts the link: pylingo:// always means TLS")
    identity = given.get("identity", settings.identity)
    return ClientOptions(
        host=server.host,
        port=server.port,
        others=server.others,
        link=server if server.is_link else None,
        name=given.get("name", settings.name) or login_name(),
        room=given.get("room", None if "to" in given else server.room or settings.room or DEFAULT_ROOM),
        is_unencrypted="plain" in given,
        accept_new="accept_new" in given,
        identity=Path(identity) if identity else None,
        password=_password(given.get("password_file")),
        as_json="json" in given,
        only_text="text" in given,
        to=given.get("to"),
        is_room_given="room" in given or server.room is not None,
        keeps_state="no_state" not in given,
        keeps_history="no_state" not in given and settings.history,
        retry=given.get("retry", RETRY),
        insist="retry" in given,
        preferences=replace(settings.preferences, layout=given.get("layout", settings.preferences.layout)),
        config=config,
        trouble=trouble,
    )


def parser() -> OneLineParser:
    """The parser of the command line."""
    return argument_parser(
        OPTIONS,
        "pylingo",
        "Joins a PyLingo chat.",
        "Type a line to send it, /help for the commands. A line that begins with // is sent with one slash. In a pipe,"
        " a line is a command only if its first word is exactly one that /help lists; with --text, no line is. Exit"
        " status: 0 after everything was confirmed by the server; 1 if a line was refused or not confirmed, or if there"
        " was no connection; 2 if an option is wrong; 128 + N after signal N.",
    )


def _read(config: Path | None, must_exist: bool) -> tuple[ClientSettings, str | None]:
    """Return the contents of the file, and why it was not read. An unreadable file is an error only if it was named."""
    if config is None:
        return ClientSettings(), "there is no home folder: no configuration file is read, and no preference is kept"
    try:
        return load(config), None
    except FileNotFoundError:
        if must_exist:
            raise LaunchError(f"{config}: there is no such file") from None
        return ClientSettings(), None
    except OSError as error:
        if must_exist:
            raise LaunchError(f"{config}: {error.strerror}") from None
        return ClientSettings(), f"the configuration file {config} is not used: {error.strerror}"


def _link_from_stdin() -> Link:
    from pylingo.client.prompt import read_link

    try:
        return parse_link(read_link())
    except ValueError as error:
        raise LaunchError(str(error)) from None


def _password(path: str | None) -> str | None:
    """The password in the first line of a file or, without one, in the environment. Raises `LaunchError`."""
    if path is None:
        return os.environ.get(PASSWORD_VARIABLE)
    try:
        with open(path, "rb") as file:
            line = file.read(_LONGEST_PASSWORD + 2).split(b"\n")[0].removesuffix(b"\r").decode()
    except OSError as error:
        raise LaunchError(f"--password-file: {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise LaunchError(f"--password-file: the first line of {path} is not UTF-8") from None
    if not 0 < len(line) <= _LONGEST_PASSWORD:
        raise LaunchError(f"--password-file: the first line of {path} must have 1 to {_LONGEST_PASSWORD} characters")
    return line


def login_name() -> str | None:
    """Return the login name of the person at this computer, if there is one."""
    try:
        name = getpass.getuser()
        name.encode()
    except (OSError, KeyError, ImportError, UnicodeEncodeError):
        return None
    return name if len(name) <= LONGEST_NAME else None
