#!/usr/bin/env python3
# /// script
# requires-python = ">=3.12"
# dependencies = ["msgpack>=1.2.4", "confusable-homoglyphs>=3.3.1,<4", "cryptography>=44"]
# ///
"""The program that starts the PyLingo chat server: `./reactor/run.py`, `pylingo-server` or `uv run reactor/run.py`."""

import errno
import os
import sys
import threading
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

if __name__ == "__main__":  # Python puts the script's folder on the path: replace it by the checkout
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))

from pylingo.shared.launch import LaunchError, launch

if TYPE_CHECKING:
    from pylingo.reactor.config import ServerSettings
    from pylingo.reactor.log_start import ServerLog
    from pylingo.reactor.ops.http_port import HttpPort
    from pylingo.reactor.ops.listen_fds import Sockets
    from pylingo.reactor.registry import Registry
    from pylingo.reactor.server import Server
    from pylingo.reactor.succession.successor import Predecessor
    from pylingo.reactor.workers.supervisor import Supervisor
    from pylingo.shared.address import Address

_SWITCH = 0.0005
"""Seconds after which the history's thread yields the interpreter to the loop. CPython's default is 0.005."""
_STACK = 2**20
"""Bytes of a thread's stack. The system's 8 MiB would count where address space is limited."""
_COMMANDS = ("forget", "hash-password", "invite", "release")


def main() -> int:
    """Run a server with the command line of the process. Returns the exit status."""
    return launch("pylingo-server", _serve)


def _serve() -> int:
    if sys.argv[1:2] == ["backup"]:
        from pylingo.reactor.backup import backup

        return backup(sys.argv[2:])
    if sys.argv[1:2] == ["check"]:
        from pylingo.reactor.check import check

        return check(sys.argv[2:])
    if sys.argv[1:2] == ["cluster"]:
        from pylingo.reactor.cluster_commands import cluster

        return cluster(sys.argv[2:])
    if sys.argv[1:2] and sys.argv[1] in _COMMANDS:
        from pylingo.reactor.administer import COMMANDS

        return COMMANDS[sys.argv[1]](sys.argv[2:])
    sys.setswitchinterval(_SWITCH)
    threading.stack_size(_STACK)
    if sys.argv[1:2] == ["worker"]:  # of a supervisor
        from pylingo.reactor.workers.process import work

        return work(sys.argv[2:])
    from pylingo.reactor.config import parse_arguments, with_data
    from pylingo.reactor.inherited import NAMES, with_sockets
    from pylingo.reactor.log_start import start_log
    from pylingo.reactor.ops.listen_fds import inherited_sockets
    from pylingo.reactor.succession.line import is_successor

    settings = with_data(parse_arguments(sys.argv[1:]))
    log = start_log(settings.log_level, settings.log_format, settings.log_file, environment=os.environ)
    try:
        if is_successor(os.environ):
            from pylingo.reactor.succession.successor import Predecessor

            predecessor = Predecessor(os.environ)
            return _run(with_sockets(settings, predecessor.sockets), log, predecessor.sockets, predecessor)
        sockets = inherited_sockets(os.environ, NAMES)
        return _run(with_sockets(settings, sockets), log, sockets)
    except LaunchError:
        log.flush()  # the reason is the last line
        raise


def _run(
    settings: "ServerSettings", log: "ServerLog", sockets: "Sockets", predecessor: "Predecessor | None" = None
) -> int:
    from pylingo.reactor.config import cluster_settings, with_data
    from pylingo.reactor.engine.loop import Reactor
    from pylingo.reactor.inherited import METRICS, NATIVE, targets_of, with_sockets
    from pylingo.reactor.metrics_start import require_metrics
    from pylingo.reactor.ops.notify import Notifier
    from pylingo.reactor.registry import open_registry
    from pylingo.reactor.reload import Reload
    from pylingo.reactor.server import Server
    from pylingo.reactor.start import check_history, wait_for_host
    from pylingo.reactor.succession.upgrade import upgrades_of

    shared = cluster_settings(settings, os.environ)
    if settings.metrics is not None:
        require_metrics()
    if predecessor is not None:
        predecessor.check(settings)
    registry = open_registry(settings, is_shared=shared is not None or settings.workers > 0, locks=predecessor is None)
    if settings.history:
        check_history(settings.history, settings.data)
    reactor = Reactor()
    notifier = Notifier(reactor, os.environ)
    stopping = partial(notifier.stopping, "saying goodbye")
    inherited = sockets.get(NATIVE, ())
    server: Server | Supervisor
    if settings.workers:
        from pylingo.reactor.workers.start import make_supervisor

        server = make_supervisor(settings, sys.argv[1:], os.path.realpath(__file__), reactor, sockets)
        server.draining = stopping
    else:
        if predecessor is None:
            registry.attach(reactor)
        server = Server(settings, reactor, registry, cluster=shared, sockets=sockets)
        server.ending.began = stopping
    reload = Reload(server, sys.argv[1:], registry, lambda given: with_sockets(with_data(given), sockets))
    upgrades = upgrades_of(server)

    def hung_up() -> None:
        log.reopen()
        if not isinstance(server, Server):
            server.reopen_logs()
        reload.request()

    obey_signals = partial(server.obey_signals, hung_up, upgrades.request)
    try:
        targets = targets_of(inherited) or wait_for_host(reactor, settings.host, settings.port)
        port = _serve_metrics(server, settings.metrics, sockets) if settings.metrics is not None else None
        if port is not None:
            upgrades.share(METRICS, port)
        if predecessor is not None and isinstance(server, Server):
            address = predecessor.take_over(server, registry, targets, obey_signals)
        else:
            obey_signals()
            address = server.start(targets)
    except OSError as error:
        raise LaunchError(why_not_listening(error, settings.host, settings.port)) from None
    if isinstance(server, Server):
        server.wait_for_cluster()
    else:
        registry.first_code = server.first_code
    if predecessor is None:  # after an upgrade, everybody knows where the server is
        lines = [f"Prometheus finds metrics at http://{port.address}/metrics"] if port is not None else []
        _introduce(server, registry, settings, address, targets[0][1][0], lines, log)
    ready = partial(notifier.ready, f"listening on {address}")
    reload.began, reload.ended = partial(notifier.reloading, "reading the configuration"), ready
    if isinstance(server, Server):
        server.when_open(ready)
    else:
        ready()
    server.serve()
    upgrades.close()
    registry.close(settings.drain_timeout)
    if isinstance(server, Server) and server.failure:
        raise LaunchError(server.failure, 1)
    return 0


def _introduce(
    server: "Server | Supervisor",
    registry: "Registry",
    settings: "ServerSettings",
    address: str,
    bound: str,
    more: Sequence[str],
    log: "ServerLog",
) -> None:
    """Say where the server is, and `more`, on stdout, and how to join it, in the log. Raises `LaunchError`."""
    from pylingo.reactor.start import NOT_ENCRYPTED, is_exposed, join_command, reachable
    from pylingo.shared import __version__

    server_at = reachable(address, bound)
    certificate = settings.tls_cert
    lines = [f"PyLingo {__version__} listening on {address}"]
    lines += [f"clients of IRC connect to {irc_address}" for irc_address in server.irc_addresses]
    lines += more
    link = registry.write_link(server_at, certificate)
    registry.write_first(is_shown=bool(certificate))
    if registry.first_code is not None and certificate:
        lines.append(f"open this link to become the operator: {registry.first_link(link)}")
    elif registry.first_code is not None:
        command = f"pylingo-server invite --operator --data {settings.data}"
        lines.append(f"links need TLS: to become the operator, start without --no-tls, then run  {command}")
    _print(lines)
    is_in_danger = not certificate and is_exposed(bound)
    log.say(f"join it with: {join_command(link if certificate else server_at, needs_plain=is_in_danger)}")
    if is_in_danger:
        log.say(NOT_ENCRYPTED)


def _serve_metrics(server: "Server | Supervisor", address: "Address", sockets: "Sockets") -> "HttpPort":
    """Answer scrapers at `address`, or on an inherited socket. Raises `LaunchError`."""
    from pylingo.reactor.inherited import METRICS
    from pylingo.reactor.metrics_start import OneServer, serve_metrics
    from pylingo.reactor.server import Server

    inherited = sockets.get(METRICS, ())
    if isinstance(server, Server):
        return serve_metrics(server.reactor, address, OneServer(server), inherited)
    from pylingo.reactor.workers.census import Census

    return serve_metrics(server.reactor, address, Census(server), inherited)


def _print(lines: Sequence[str]) -> None:
    """Write to stdout without being blocked by a pipe that nobody reads. Raises `LaunchError`."""
    from pylingo.reactor.log import LineWriter

    stdout = LineWriter(1)
    for line in lines:
        stdout.write(line)
    is_written = stdout.flush()
    stdout.close()
    if not is_written and stdout.error is not None:
        raise LaunchError(f"cannot write to stdout: {stdout.error.strerror}")


def why_not_listening(error: OSError, host: str, port: int) -> str:
    """Return one sentence: why the server cannot listen, and what helps."""
    if error.errno == errno.EADDRINUSE:
        return f"port {port} on {host} is in use: stop the other program or choose a port with --port"
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"port {port} needs privileges: choose a port above 1023 with --port"
    return f"cannot listen on {host} port {port}: {error.strerror or error}"


if __name__ == "__main__":
    sys.exit(main())
