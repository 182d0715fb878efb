"""The certificates of servers that were accepted before, in a file that works as OpenSSH's `known_hosts`.

A line has a server and the fingerprint of its certificate: `chat.example.org:5000 SHA256:…`. A server may have several
lines. Blank lines and those that begin with # are comments. Nothing in the file is skipped: a line that cannot be read
could be the one that warns of a stranger.
"""

import ipaddress
import re
import stat
from pathlib import Path

from pylingo.client.locked_file import locked, replace
from pylingo.shared.address import parse_address, show_address
from pylingo.shared.identity import parse_fingerprint
from pylingo.shared.value_class import value_class

_LARGEST = 1 << 20  # bytes; thousands of servers
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
_SERVER = re.compile(r"[^\s#]+")


@value_class
class KnownHost:
    """The fingerprint of one line. `place` is FILE:LINE."""

    fingerprint: str
    place: str


def server_name(host: str, port: int) -> str:
    """Return the name of a server in the file, which is the same for all spellings of its host."""
    try:
        host = str(ipaddress.ip_address(host))
    except ValueError:
        host = host.rstrip(".").lower()
    return show_address(host, port)


def find(path: Path, host: str, port: int) -> list[KnownHost]:
    """Return the lines of a server. Raises `OSError` if the file cannot be read, and `ValueError` if it is damaged."""
    try:
        with open(path, "rb") as file:
            if stat.S_IMODE(path.stat().st_mode) & _OTHERS_WRITE:
                raise ValueError(f"{path} can be changed by others: run  chmod go-w {path}")
            data = file.read(_LARGEST + 1)
    except FileNotFoundError:
        return []
    if len(data) > _LARGEST:
        raise ValueError(f"{path} has more than {_LARGEST} bytes: it cannot be the file of known hosts")
    name = server_name(host, port)
    lines = data.decode(errors="replace").split("\n")
    read = [_read(f"{path}:{number}", line) for number, line in enumerate(lines, 1)]
    return [known for entry in read if entry is not None for server, known in [entry] if server == name]


def add(path: Path, host: str, port: int, fingerprint: str) -> None:
    """Add a server's certificate. Raises `OSError`, and `ValueError` if the file is damaged or the host is none."""
    name = server_name(host, port)
    if not _SERVER.fullmatch(name):
        raise ValueError("the name of the host has spaces or #, so it cannot be remembered")
    with locked(path) as target:
        if fingerprint in {known.fingerprint for known in find(target, host, port)}:
            return
        before = target.read_bytes().decode(errors="surrogateescape")
        if before and not before.endswith("\n"):
            before += "\n"
        replace(target, f"{before}{name} {fingerprint}\n")


def _read(place: str, line: str) -> tuple[str, KnownHost] | None:
    words = line.split()
    if not words or words[0].startswith("#"):
        return None
    try:
        server, fingerprint = words
        return server_name(*parse_address(server)), KnownHost(parse_fingerprint(fingerprint), place)
    except ValueError:
        raise ValueError(f"{place} must be HOST:PORT SHA256:FINGERPRINT: correct the line, or remove it") from None
