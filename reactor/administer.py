"""The commands `pylingo-server forget`, `hash-password`, `invite` and `release`.

The last two ask the server that uses the data folder. If there is none, they change the register themselves. With a
cluster, they change its register in Redis.
"""

import argparse
import dataclasses
import getpass
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

from pylingo.reactor.cluster_commands import administer_cluster
from pylingo.reactor.cluster_options import add_cluster_options, read_cluster_options
from pylingo.reactor.control import ask
from pylingo.reactor.people.administration import administer, invite_request, release_request
from pylingo.reactor.people.data_dir import DataDir, open_data_dir
from pylingo.reactor.people.invitations import MOST_SECONDS, MOST_USES, SECONDS
from pylingo.reactor.people.link_file import read_link
from pylingo.reactor.people.passwords import hash_password
from pylingo.reactor.people.register import Register
from pylingo.reactor.people.state_file import read_state, write_state
from pylingo.reactor.registry import begin
from pylingo.shared.files import open_private
from pylingo.shared.launch import LaunchError, OneLineParser
from pylingo.shared.link import Link, parse_plain, show_link
from pylingo.shared.settings import Setting
from pylingo.shared.text import printable
from pylingo.shared.values import duration, integer, show_duration

_PATIENCE = 10.0  # seconds to wait for a server


def forget(arguments: Sequence[str]) -> int:
    """Begin anew in a folder that has lost its people file. Returns the exit status. Raises `LaunchError`."""
    data = _open(forget_parser().parse_args(arguments).data)
    try:
        if not data.lock():
            raise LaunchError(f"a server uses the data folder {data.path}: stop it, and try again", 1)
        if os.path.lexists(data.people):
            raise LaunchError(f"there is a people file {data.people}: move it away first", 1)
        begin(data)
    except ValueError as error:
        raise LaunchError(str(error), 1) from None
    finally:
        data.unlock()
    print(f"{data.people} has nobody in it: start the server with  --data {data.path}")
    return 0


def forget_parser() -> OneLineParser:
    """The parser of the command line of `forget`."""
    parser = _parser(
        "forget",
        "Make a people file in which nobody is, in place of one that is lost. The next start prints a link for the"
        " operator, as the first one did.",
    )
    _add_data(parser)
    return parser


def hash_a_password(arguments: Sequence[str]) -> int:
    """Ask for a password and print its hash. Returns the exit status. Raises `LaunchError`."""
    file = hash_password_parser().parse_args(arguments).file
    try:
        text = hash_password(_ask_password()).text + "\n"
    except ValueError as error:
        raise LaunchError(str(error)) from None
    if file is None:
        print(text, end="")
        return 0
    try:
        with open(file, "x", opener=open_private) as target:
            target.write(text)
    except FileExistsError:
        raise LaunchError(f"{file} exists already: name a file that does not") from None
    except OSError as error:
        raise LaunchError(f"cannot write {file}: {error.strerror}") from None
    return 0


def hash_password_parser() -> OneLineParser:
    """The parser of the command line of `hash-password`."""
    parser = _parser("hash-password", "Ask for a password, and write its hash for --password-file.")
    parser.add_argument("file", metavar="FILE", nargs="?", help="a new file; without it, the hash goes to stdout")
    return parser


def _ask_password() -> str:
    """Ask twice on a terminal, without echo. Otherwise the password is the first line of the input."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    password = getpass.getpass("Password: ")
    if getpass.getpass("Again: ") != password:
        raise LaunchError("the two passwords differ: try again", 1)
    return password


def invite(arguments: Sequence[str]) -> int:
    """Print a link with a new invitation. Returns the exit status. Raises `LaunchError`."""
    given = invite_parser().parse_args(arguments)
    uses, seconds = (setting.read_option(getattr(given, setting.name)) for setting in _LIMITS)
    request = invite_request(given.operator, uses, seconds or MOST_SECONDS)
    if _is_of_cluster(given):
        if given.address is None:
            raise LaunchError("an invitation to a cluster needs --address HOST[:PORT], where people find its servers")
        link = _link_to(given.address)
        reply, fingerprint = administer_cluster(read_cluster_options(given), request)
        link = dataclasses.replace(link, fingerprint=fingerprint)
    else:
        data = _open(given.data)
        link = _link(data, given.address)
        reply = _request(data, request)
    print(show_link(dataclasses.replace(link, invite=reply["code"])))
    return 0


def invite_parser() -> OneLineParser:
    """The parser of the command line of `invite`."""
    parser = _parser("invite", "Print a link. The first person to open it becomes a member.")
    _add_place(parser)
    parser.add_argument("--operator", action="store_true", help="whoever opens it first becomes an operator")
    parser.add_argument(
        "--address",
        metavar="HOST[:PORT][,...]",
        help="the address of the server in the link, or those of all servers of the chat, with commas between them",
    )
    for setting in _LIMITS:
        parser.add_argument(setting.option, metavar=setting.metavar, default=setting.default, help=setting.help)
    return parser


_LIMITS = (
    Setting(
        name="uses", type=integer(1, MOST_USES), metavar="N", about="how many people may open the link", default="1"
    ),
    Setting(
        name="time",
        type=duration(1, MOST_SECONDS),
        metavar="TIME",
        about="how long the link is valid; 0 for as long as possible",
        default=show_duration(SECONDS),
    ),
)


def release(arguments: Sequence[str]) -> int:
    """Free a name that belongs to a key. Returns the exit status. Raises `LaunchError`."""
    given = release_parser().parse_args(arguments)
    request = release_request(given.name)
    if _is_of_cluster(given):
        reply, _ = administer_cluster(read_cluster_options(given), request)
    else:
        reply = _request(_open(given.data), request)
    print(f"the name {printable(reply['released'])} is free")
    return 0


def release_parser() -> OneLineParser:
    """The parser of the command line of `release`."""
    parser = _parser("release", "Free a name that belongs to a key, so that somebody else can take it.")
    parser.add_argument("name", metavar="NAME", help="the name")
    _add_place(parser)
    return parser


COMMANDS: dict[str, Callable[[Sequence[str]], int]] = {
    "forget": forget,
    "hash-password": hash_a_password,
    "invite": invite,
    "release": release,
}
"""The commands by name."""


def _parser(command: str, description: str) -> OneLineParser:
    return OneLineParser(prog=f"pylingo-server {command}", description=description, allow_abbrev=False)


def _add_data(parser: argparse.ArgumentParser, is_required: bool = True) -> None:
    parser.add_argument("--data", metavar="DIR", required=is_required, help="the data folder of the server")


def _add_place(parser: argparse.ArgumentParser) -> None:
    """Either a data folder or a cluster."""
    _add_data(parser, is_required=False)
    add_cluster_options(parser, is_required=False)


def _is_of_cluster(given: argparse.Namespace) -> bool:
    """Whether the options name a cluster, and not a data folder. Raises `LaunchError` unless they name one of both."""
    if (given.data is None) == (given.cluster is None):
        raise LaunchError("give --data DIR for a single server, or --cluster URL for a cluster (see --help)")
    return given.cluster is not None


def _open(path: str) -> DataDir:
    try:
        return open_data_dir(os.path.expanduser(path), create=False)
    except ValueError as error:
        raise LaunchError(str(error)) from None


def _link_to(address: str) -> Link:
    try:
        return dataclasses.replace(parse_plain(address), is_link=True)
    except ValueError as error:
        raise LaunchError(str(error)) from None


def _link(data: DataDir, address: str | None) -> Link:
    """The link to the server, without an invitation: as it was last started, or with another address."""
    try:
        link = read_link(data.link)
        if link is None:
            raise ValueError(
                f"there is no link to the server in {data.path}: start the server once with  --data {data.path}"
            )
        if address is None:
            return link
        return dataclasses.replace(parse_plain(address, link.port), is_link=True, fingerprint=link.fingerprint)
    except ValueError as error:
        raise LaunchError(str(error)) from None


def _request(data: DataDir, request: dict[str, Any]) -> dict[str, Any]:
    """Have the running server do what `request` asks for, or do it here. Raises `LaunchError`."""
    try:
        is_ours = data.lock()
    except ValueError as error:
        raise LaunchError(str(error), 1) from None
    if is_ours:
        try:
            reply = _administer_here(data, request)
        finally:
            data.unlock()
    else:
        try:
            answer = ask(data.control, request, _PATIENCE)
        except OSError as error:  # a timeout as well
            raise LaunchError(f"the server does not answer: {error.strerror or error}; stop it to go on", 1) from None
        if answer is None:
            raise LaunchError("a server uses the data folder and cannot be asked: stop it, and try again", 1)
        reply = answer
    if "error" in reply:
        raise LaunchError(printable(str(reply["error"])), 1)
    return reply


def _administer_here(data: DataDir, request: dict[str, Any]) -> dict[str, Any]:
    try:
        state = read_state(data.people)
        if state is None:
            raise LaunchError(f"there is no {data.people}: start the server once with  --data {data.path}")
        register = Register.from_state(state)
        reply, change = administer(register, request)
        if change is not None:
            write_state(data.people, register.to_state())
    except ValueError as error:
        raise LaunchError(str(error)) from None
    except OSError as error:
        raise LaunchError(f"cannot write {data.people}: {error.strerror}") from None
    return reply
