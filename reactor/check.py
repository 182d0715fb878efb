"""The command `pylingo-server check`: finds out whether a server answers, for a container, a monitor or a script."""

import argparse
import dataclasses
import os
import time
from collections.abc import Sequence

from pylingo.reactor.config import ServerSettings, parse_arguments, with_data
from pylingo.reactor.people.certificate import certificate_fingerprint
from pylingo.reactor.people.data_dir import open_data_dir
from pylingo.reactor.people.link_file import read_link
from pylingo.reactor.probe import ProbeError, Target, probe
from pylingo.shared.address import DEFAULT_HOST, DEFAULT_PORT, is_loopback, show_address
from pylingo.shared.launch import LaunchError, OneLineParser
from pylingo.shared.link import Link, is_link, parse_server
from pylingo.shared.settings import Setting
from pylingo.shared.values import number

_TIMEOUT = Setting(
    name="timeout",
    type=number(0.1, 3_600),
    metavar="SECONDS",
    about="how long the server may take to answer",
    default="5",
)
_ALL_ADDRESSES = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # a server that listens on all of them is asked at loopback


def check(arguments: Sequence[str]) -> int:
    """Run the command with these arguments and return its exit status. Raises `LaunchError`."""
    given = parser().parse_args(arguments)
    timeout = _TIMEOUT.read_option(given.timeout)
    try:
        target = _target(given)
    except ValueError as error:
        raise LaunchError(str(error)) from None
    where = show_address(target.host, target.port)
    start = time.monotonic()
    try:
        words = probe(target, timeout)
    except ProbeError as error:
        raise LaunchError(f"the server at {where} is not well: {error}", 1) from None
    print(f"the server at {where} answers within {(time.monotonic() - start) * 1e3:.1f} ms: {words}")
    return 0


def parser() -> OneLineParser:
    """The parser of the command line."""
    made = OneLineParser(
        prog="pylingo-server check",
        description="Ask a server whether it answers. Exit status: 0 if it does, even if it is full or only for"
        " members, 1 if it does not.",
        epilog="Without ADDRESS, the server is the one of --config or --data, or else the one on 127.0.0.1:5000. A"
        " link, and an address that is not loopback, mean TLS.",
        allow_abbrev=False,
    )
    made.add_argument("address", metavar="ADDRESS", nargs="?", help="HOST[:PORT], or a link pylingo://…")
    made.add_argument("--config", metavar="FILE", help="the configuration file of the server")
    made.add_argument("--data", metavar="DIR", help="the data folder of the server, whose certificate is expected")
    made.add_argument("--plain", action="store_true", help="the port is not encrypted")
    made.add_argument("--proxy-header", action="store_true", help="begin with a PROXY header, as a balancer does")
    made.add_argument(_TIMEOUT.option, metavar=_TIMEOUT.metavar, default=_TIMEOUT.default, help=_TIMEOUT.help)
    return made


def _target(given: argparse.Namespace) -> Target:
    """The server to ask. Raises `LaunchError`, and `ValueError` with one sentence."""
    if given.config is not None:
        target = _of_settings(_settings(given.config, given.data))
    elif given.data is not None:
        target = _of_folder(given.data)
    else:
        target = Target(host=DEFAULT_HOST, port=DEFAULT_PORT)
    if given.address is not None:
        target = _at(target, parse_server(given.address), is_alone=given.config is given.data is None)
    if given.plain:
        if given.address is not None and is_link(given.address):
            raise ValueError("--plain contradicts the link: pylingo:// always means TLS")
        target = dataclasses.replace(target, is_encrypted=False)
    return dataclasses.replace(target, sends_header=given.proxy_header)


def _settings(config: str, data: str | None) -> ServerSettings:
    return with_data(parse_arguments(["--config", config, *([] if data is None else ["--data", data])]))


def _of_settings(settings: ServerSettings) -> Target:
    """The server with these settings."""
    if not settings.port:
        if not settings.data:
            raise ValueError("the configuration leaves the port to the system: give the address of the server")
        return _of_folder(settings.data)
    pin = certificate_fingerprint(settings.tls_cert) if settings.tls_cert else None
    host = _ALL_ADDRESSES.get(settings.host, settings.host)
    return Target(host=host, port=settings.port, is_encrypted=pin is not None, pin=pin)


def _of_folder(path: str) -> Target:
    """The server that has used a data folder last, as it was started then."""
    data = open_data_dir(os.path.expanduser(path), create=False)
    link = read_link(data.link)
    if link is None:
        raise ValueError(f"no server has been started with  --data {path}")
    return Target(host=link.host, port=link.port, is_encrypted=link.fingerprint is not None, pin=link.fingerprint)


def _at(target: Target, link: Link, is_alone: bool) -> Target:
    """The target at another address. If the address `is_alone`, it says whether there is TLS."""
    if link.others:
        raise ValueError("ADDRESS must be one server: check each server of a chat by itself")
    found = dataclasses.replace(target, host=link.host, port=link.port)
    if link.is_link:
        return dataclasses.replace(found, is_encrypted=True, pin=link.fingerprint or target.pin)
    return dataclasses.replace(found, is_encrypted=not is_loopback(link.host)) if is_alone else found
