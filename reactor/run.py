#!/usr/bin/env python3
# /// script
# requires-python = ">=3.12"
# dependencies = ["msgpack>=1.2.4", "confusable-homoglyphs>=3.3.1,<4", "cryptography>=44"]
# ///
"""The program that starts the PyLingo chat server: `./reactor/run.py`, `pylingo-server` or `uv run reactor/run.py`."""

import contextlib
import gc
import os
import sys
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

if __name__ == "__main__":  # Python puts the script's folder on the path: replace it by the checkout
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))

from pylingo.shared.launch import LaunchError, launch

if TYPE_CHECKING:
    from pylingo.reactor.succession.successor import Predecessor

_SWITCH = 0.0005
"""Seconds after which the history's thread yields the interpreter to the loop. CPython's default is 0.005."""
_STACK = 2**20
"""Bytes of a thread's stack. The system's 8 MiB would count where address space is limited."""


def main() -> int:
    """Run a server, or a further command, with the command line of the process. Returns the exit status."""
    return launch("pylingo-server", _main)


def _main() -> int:
    command, arguments = sys.argv[1] if sys.argv[1:] else "", sys.argv[2:]
    # Each command imports its own modules alone: one that is used in a script should begin at once.
    if command == "backup":
        from pylingo.reactor.backup import backup

        return backup(arguments)
    if command == "check":
        from pylingo.reactor.check import check

        return check(arguments)
    if command == "cluster":
        from pylingo.reactor.cluster_commands import cluster

        return cluster(arguments)
    if command in ("forget", "hash-password", "invite", "release"):
        from pylingo.reactor.administer import COMMANDS

        return COMMANDS[command](arguments)
    sys.setswitchinterval(_SWITCH)
    threading.stack_size(_STACK)
    if command == "worker":  # of a supervisor
        with _importing():
            from pylingo.reactor.workers.process import work

        return work(arguments)
    return _serve()


def _serve() -> int:
    from pylingo.reactor.succession.line import is_successor

    if not is_successor(os.environ):
        return _run(None)
    with _importing():
        from pylingo.reactor.succession.successor import Predecessor

    predecessor = Predecessor(os.environ)
    try:
        return _run(predecessor)
    except LaunchError as error:
        predecessor.refuse(str(error))
        raise


@contextlib.contextmanager
def _importing() -> Iterator[None]:
    """Collect no garbage meanwhile. Modules stay for good, and looking for garbage among them takes 15 ms."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def _run(predecessor: "Predecessor | None") -> int:
    with _importing():
        from pylingo.reactor.config import parse_arguments, with_data
        from pylingo.reactor.inherited import NAMES, with_sockets
        from pylingo.reactor.log_start import start_log
        from pylingo.reactor.ops.listen_fds import inherited_sockets
        from pylingo.reactor.program import Given, run
        from pylingo.reactor.succession.ports import ports_of

    arguments = sys.argv[1:]
    settings = with_data(parse_arguments(arguments))
    log = start_log(settings.log_level, settings.log_format, settings.log_file, environment=os.environ)
    try:
        sockets = inherited_sockets(os.environ, NAMES) if predecessor is None else predecessor.sockets
        ports = ports_of(settings, sockets) if predecessor is None else predecessor.keep_ports(settings)
        given = Given(arguments, os.path.realpath(__file__), sockets, predecessor, ports)
        return run(with_sockets(settings, sockets), log, given)
    except LaunchError:
        log.flush()  # the reason is the last line
        raise


if __name__ == "__main__":
    sys.exit(main())
