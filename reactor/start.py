"""The checks before a server starts: the history file, the address of its host, and the command to join it."""

import importlib.util
import ipaddress
import logging
import os
import shlex
import shutil
import signal
import socket
import sqlite3
import stat
import sys
import urllib.parse
from collections.abc import Sequence
from contextlib import closing

from pylingo.reactor.engine.dial import Resolver, Target
from pylingo.reactor.engine.loop import Reactor
from pylingo.reactor.history.database import VERSION
from pylingo.shared.address import show_address
from pylingo.shared.launch import LaunchError

logger = logging.getLogger(__name__)

RETRY = 1.0
"""Seconds between two attempts to look up a host while the name server is unavailable."""
_PATIENCE = 300.0  # seconds after which the server stops trying
_ELSEWHERE = {"0.0.0.0": "198.51.100.1", "::": "2001:db8::1"}  # reserved for documentation (RFC 5737, RFC 3849)
_CLIENT = os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(__file__))), "client", "chat.py")


# --- the history


def check_history(path: str, data: str = "") -> None:
    """Check that this file can keep a history, if it is there. Raises `LaunchError` with the reason if it cannot.

    `data` is the data folder, if there is one. A server never leaves an empty file behind, so an empty one in the
    folder has lost its contents. Elsewhere an empty file is a new one. A lock is not an error. It may be released soon,
    and the server handles it.
    """
    folder = os.path.dirname(path) or "."
    is_kept = False
    try:
        is_kept = bool(data) and os.path.samefile(folder, data)
        trouble = _trouble_with(path, folder, is_kept)
    except FileNotFoundError:
        trouble = f"there is no folder {folder}"
    except OSError as error:
        trouble = f"{error.strerror}"
    except sqlite3.DatabaseError as error:
        trouble = f"{error}: {_HELP}" if is_kept else f"{error}"
    if trouble:
        raise LaunchError(f"cannot keep the history in {path}: {trouble} (--history chooses another file)")


def _trouble_with(path: str, folder: str, is_kept: bool) -> str:
    """Return the reason why the file is unusable, or an empty string. `is_kept` says that it is in a data folder."""
    try:
        file = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)  # O_NONBLOCK: opening a pipe would block
    except FileNotFoundError:
        status = None
        if not os.path.isdir(folder):
            raise
    else:
        status = os.fstat(file)
        os.close(file)
        if not stat.S_ISREG(status.st_mode):
            return "it is not a regular file"
    if not os.access(folder, os.W_OK | os.X_OK):  # SQLite creates files in it
        return "its folder is not writable"
    if status is None:
        return ""
    if is_kept and status.st_mode & 0o077:
        return f"others can use it: change that with  chmod 600 {path}"
    if not status.st_size:
        return _EMPTY if is_kept else ""
    if status.st_size < _HEADER:  # SQLite would overwrite a file of a few bytes
        return f"it is cut off: {_HELP}"
    return _trouble_inside(path, is_kept)


_HELP = "put back a copy of it, or move it away to begin with an empty history"
_EMPTY = f"it is empty: {_HELP}"
_HEADER = 100  # bytes


def _trouble_inside(path: str, is_kept: bool) -> str:
    name = urllib.parse.quote(os.path.abspath(path))
    try:
        with closing(sqlite3.connect(f"file:{name}?mode=rw", uri=True, timeout=0)) as database:
            version = database.execute("pragma user_version").fetchone()[0]
            tables = database.execute("select count(*) from sqlite_master").fetchone()[0]
            page = database.execute("pragma page_size").fetchone()[0]
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return ""
        raise
    if version > VERSION:
        return f"its version is {version}, and this server supports {VERSION}: use a newer server"
    if version == 0:
        return "it is the database of another program" if tables else _EMPTY if is_kept else ""
    is_cut = os.path.getsize(path) % page and not os.path.exists(path + "-wal")  # which may have the rest
    return f"it is cut off: {_HELP}" if is_cut else ""


# --- the host


def wait_for_host(reactor: Reactor, host: str, port: int) -> Sequence[Target]:
    """Return the addresses of `host`. Waits at most 300 seconds while the name server is unavailable.

    SIGINT and SIGTERM end the wait. Raises `OSError` for an unknown host, and `LaunchError` after such a signal.
    """
    found: Sequence[Target] | OSError | None = None
    resolver = Resolver(reactor, host, port)
    deadline = reactor.clock() + _PATIENCE
    is_told = False

    def answered(answer: Sequence[Target] | OSError) -> None:
        nonlocal found, is_told
        is_temporary = isinstance(answer, socket.gaierror) and answer.errno == socket.EAI_AGAIN
        if not is_temporary or reactor.clock() >= deadline:
            found = answer
            reactor.stop()
            return
        if not is_told:
            is_told = True
            logger.warning("the host %s cannot be looked up yet: retrying for up to %g s", host, _PATIENCE)
        reactor.call_later(RETRY, resolver.resolve, answered)

    for number in (signal.SIGINT, signal.SIGTERM):
        reactor.on_signal(number, reactor.stop)
    resolver.resolve(answered)
    reactor.run()
    if found is None:
        raise LaunchError(f"stopped before the host {host} could be looked up", status=0)
    if isinstance(found, OSError):
        raise found
    return found


# --- how to join


def join_command(server: str, needs_plain: bool = False) -> str:
    """Return a shell command that joins a server, which is HOST:PORT or a link.

    It `needs_plain` if the server is not encrypted and not on loopback: the client does not connect otherwise.
    """
    return f"{_client_command()} {shlex.quote(server)}{' --plain' if needs_plain else ''}"


def reachable(address: str, bound: str) -> str:
    """Return HOST:PORT as other machines reach a server. `bound` is the IP address of its host."""
    if bound in _ELSEWHERE:
        return show_address(_own_address(bound), int(address.rpartition(":")[2]))
    return address


def is_exposed(bound: str) -> bool:
    """Whether other machines may reach a server that is bound to this IP address."""
    return not ipaddress.ip_address(bound.partition("%")[0]).is_loopback


NOT_ENCRYPTED = (
    "this port is not encrypted: everybody on the network between here and a client can read and change everything;"
    " --data or --tls-cert encrypts it"
)
"""A warning about a server without TLS that other machines can reach."""


def _own_address(bound: str) -> str:
    """Return the address from which this machine connects to others, for a server that listens on all addresses."""
    for wildcard in dict.fromkeys(("0.0.0.0", bound)):  # :: includes IPv4
        try:
            with socket.socket(socket.AF_INET6 if wildcard == "::" else socket.AF_INET, socket.SOCK_DGRAM) as sock:
                sock.connect((_ELSEWHERE[wildcard], 9))  # sends nothing: the system only selects a route
                return str(sock.getsockname()[0])
        except OSError:  # no route
            continue
    return "127.0.0.1"


def _client_command() -> str:
    """Return the command of the client that matches the way this server was started."""
    if not sys.argv[0].endswith(".py"):
        beside = os.path.join(os.path.dirname(shutil.which(sys.argv[0]) or sys.argv[0]), "pylingo")
        if os.access(beside, os.X_OK):
            on_path = shutil.which("pylingo")
            is_found = on_path is not None and os.path.samefile(on_path, beside)
            return "pylingo" if is_found else shlex.quote(_short(beside))
    script = shlex.quote(_short(_CLIENT))
    if importlib.util.find_spec("blessed") is None:  # in an environment that uv created for the server only
        return f"uv run {script}"
    python = os.path.abspath(shutil.which("python3") or "/")  # the script's first line runs it
    if python == os.path.abspath(sys.executable) and os.access(_CLIENT, os.X_OK):
        return script
    return f"{shlex.quote(_short(sys.executable))} {script}"


def _short(path: str) -> str:
    """Return a path relative to the working folder if it is below it."""
    relative = os.path.relpath(path)
    return path if relative.startswith("..") else os.path.join(".", relative)
