"""The program around a server: what is made before it, what is said when it listens, and what ends after it."""

import errno
import logging
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from functools import partial
from typing import TYPE_CHECKING

from pylingo.reactor.config import ServerSettings, cluster_settings, with_data
from pylingo.reactor.engine.loop import Reactor
from pylingo.reactor.inherited import METRICS, NATIVE, targets_of, with_sockets
from pylingo.reactor.log import LineWriter
from pylingo.reactor.log_start import ServerLog
from pylingo.reactor.ops.listen_fds import Sockets
from pylingo.reactor.ops.notify import Notifier
from pylingo.reactor.registry import Registry, open_registry
from pylingo.reactor.reload import Reload
from pylingo.reactor.server import Server
from pylingo.reactor.start import NOT_ENCRYPTED, check_history, is_exposed, join_command, reachable, wait_for_host
from pylingo.reactor.succession.ports import tell_changed
from pylingo.reactor.succession.upgrade import NoUpgrade, Upgrade, upgrades_of  # now: later, the disk has newer files
from pylingo.shared import __version__
from pylingo.shared.launch import LaunchError
from pylingo.shared.value_class import value_class

if TYPE_CHECKING:
    from pylingo.reactor.bus.redis.settings import ClusterSettings
    from pylingo.reactor.ops.catalogue import Subject
    from pylingo.reactor.ops.http_port import HttpPort
    from pylingo.reactor.succession.successor import Predecessor
    from pylingo.reactor.workers.supervisor import Supervisor

logger = logging.getLogger(__name__)


@value_class
class Given:
    """The circumstances in which the program was started."""

    arguments: Sequence[str]
    script: str
    """The path of the script that starts a worker."""
    sockets: Sockets
    """Listening sockets that it inherits, by name."""
    predecessor: "Predecessor | None" = None
    """The server that this one takes over from."""
    ports: Mapping[str, str] = field(default_factory=dict)
    """The options of the ports, as they were when the sockets were made."""


def run(settings: ServerSettings, log: ServerLog, given: Given) -> int:
    """Serve until told to stop; return the exit status. Raises `LaunchError`."""
    shared = cluster_settings(settings, os.environ)
    _check_requirements(settings, given)
    is_shared = shared is not None or settings.workers > 0
    registry = open_registry(settings, is_shared, locks=given.predecessor is None)
    if settings.history:
        check_history(settings.history, settings.data)
    reactor = Reactor()
    notifier = Notifier(reactor, os.environ)
    stopping = partial(notifier.stopping, "saying goodbye")
    if settings.workers:
        server: Server | Supervisor = _supervisor(settings, given, reactor, stopping)
    else:
        server = _server(settings, given, reactor, registry, shared, stopping)
    reload = Reload(server, given.arguments, registry, partial(_complete, given))
    upgrades = upgrades_of(server, notifier.close, given.ports)

    def hung_up() -> None:
        log.reopen()
        server.reopen_logs()
        reload.request()

    obey_signals = partial(server.obey_signals, hung_up, upgrades.request)
    try:
        targets = targets_of(given.sockets.get(NATIVE, ())) or wait_for_host(reactor, settings.host, settings.port)
        port = _listen_for_scrapers(server, settings, given, upgrades)
        if given.predecessor is not None and isinstance(server, Server):
            address = given.predecessor.take_over(server, registry, targets, obey_signals)
        else:
            obey_signals()
            address = server.start(targets)
    except OSError as error:
        raise LaunchError(why_not_listening(error, settings.host, settings.port)) from None
    if isinstance(server, Server):
        server.wait_for_cluster()
    else:
        registry.first_code = server.first_code
    bound = targets[0][1][0]
    public = reachable(address, bound)
    reload.applied = partial(keep_link, registry, public)
    if given.predecessor is None:
        _introduce(_addresses(address, server, port), registry, settings, public, bound, log)
    else:  # everybody knows where the server is, but the certificate may be a new one
        threading.Thread(target=reload.applied, args=(settings,), name="link", daemon=True).start()
    server.when_open(partial(tell_systemd, notifier, reload, f"listening on {address}"))
    server.serve()
    registry.close(settings.drain_timeout)  # before a successor is told that it may use the folder
    failure = upgrades.close() or (server.failure if isinstance(server, Server) else "")
    if failure:
        raise LaunchError(failure, 1)
    return 0


def _check_requirements(settings: ServerSettings, given: Given) -> None:
    """Check what the settings need besides themselves. Raises `LaunchError`."""
    if settings.metrics is not None:
        from pylingo.reactor.metrics_start import require_metrics

        require_metrics()
    if settings.workers:
        from pylingo.reactor.workers.start import require_redis

        require_redis(settings)
    if given.predecessor is not None:
        given.predecessor.check(settings)


def keep_link(registry: Registry, address: str, settings: ServerSettings) -> None:
    """Write the link in the data folder again, as the settings may have another certificate. May block."""
    try:
        registry.write_link(address, settings.tls_cert)
    except LaunchError as error:
        logger.warning("the link in the data folder is as it was: %s", error)


def tell_systemd(notifier: Notifier, reload: Reload, status: str) -> None:
    """Say that people may come, and tell of each reload from now on. Before that, its end would say the same."""
    reload.began = partial(notifier.reloading, "reading the configuration")
    reload.ended = partial(notifier.ready, status)
    notifier.ready(status)


def why_not_listening(error: OSError, host: str, port: int) -> str:
    """Return one sentence: why the server cannot listen, and what helps."""
    if error.errno == errno.EADDRINUSE:
        return f"port {port} on {host} is in use: stop the other program or choose a port with --port"
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"port {port} needs privileges: choose a port above 1023 with --port"
    return f"cannot listen on {host} port {port}: {error.strerror or error}"


def _complete(given: Given, read: ServerSettings) -> ServerSettings:
    """Complete settings that were read again. Raises `LaunchError`."""
    read = with_data(read)
    tell_changed(given.ports, read, given.sockets)
    return with_sockets(read, given.sockets)


def _supervisor(
    settings: ServerSettings, given: Given, reactor: Reactor, stopping: Callable[[], object]
) -> "Supervisor":
    from pylingo.reactor.workers.start import make_supervisor

    supervisor = make_supervisor(settings, given.arguments, given.script, reactor, given.sockets)
    supervisor.draining = stopping
    return supervisor


def _server(
    settings: ServerSettings,
    given: Given,
    reactor: Reactor,
    registry: Registry,
    cluster: "ClusterSettings | None",
    stopping: Callable[[], object],
) -> Server:
    if given.predecessor is None:
        registry.attach(reactor)
    server = Server(settings, reactor, registry, cluster=cluster, sockets=given.sockets)
    server.ending.began = stopping
    return server


def _listen_for_scrapers(
    server: "Server | Supervisor", settings: ServerSettings, given: Given, upgrades: Upgrade | NoUpgrade
) -> "HttpPort | None":
    """Answer scrapers, on an inherited socket if there is one. Raises `LaunchError`.

    The totals go on through upgrades, from the server before and to the next one.
    """
    if settings.metrics is None:
        return None
    from pylingo.reactor.metrics_start import OneServer, serve_metrics

    subject: Subject
    if isinstance(server, Server):
        subject = alone = OneServer(server)
        upgrades.totals = alone.totals
        if given.predecessor is not None:
            given.predecessor.take_totals = alone.go_on_from
    else:
        from pylingo.reactor.workers.census import Census

        subject = Census(server)
    port = serve_metrics(server.reactor, settings.metrics, subject, given.sockets.get(METRICS, ()))
    upgrades.share(METRICS, port)
    return port


def _addresses(address: str, server: "Server | Supervisor", port: "HttpPort | None") -> list[str]:
    """The lines that say where the server is."""
    lines = [f"PyLingo {__version__} listening on {address}"]
    lines += [f"IRC clients connect to {irc_address}" for irc_address in server.irc_addresses]
    return [*lines, f"Prometheus finds metrics at http://{port.address}/metrics"] if port is not None else lines


def _introduce(
    lines: list[str], registry: Registry, settings: ServerSettings, address: str, bound: str, log: ServerLog
) -> None:
    """Say `lines` and who becomes the operator on stdout, and how to join in the log. Raises `LaunchError`.

    Other machines reach the server at `address`, and `bound` is the IP address of its host.
    """
    certificate = settings.tls_cert
    link = registry.write_link(address, certificate)
    registry.write_first(is_shown=bool(certificate))
    if registry.first_code is not None and certificate:
        lines.append(f"open this link to become the operator: {registry.first_link(link)}")
    elif registry.first_code is not None:
        command = f"pylingo-server invite --operator --data {settings.data}"
        lines.append(f"links need TLS: to become the operator, start without --no-tls, then run  {command}")
    _print(lines)
    is_in_danger = not certificate and is_exposed(bound)
    log.say(f"join it with: {join_command(link if certificate else address, needs_plain=is_in_danger)}")
    if is_in_danger:
        log.say(NOT_ENCRYPTED)


def _print(lines: Sequence[str]) -> None:
    """Write to stdout without being blocked by a pipe that nobody reads. Raises `LaunchError`."""
    stdout = LineWriter(1)
    for line in lines:
        stdout.write(line)
    is_written = stdout.flush()
    stdout.close()
    if not is_written and stdout.error is not None:
        raise LaunchError(f"cannot write to stdout: {stdout.error.strerror}")
