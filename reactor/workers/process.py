"""The process of a worker: a server that gets its connections from the supervisor, and stops when that one ends."""

import os
import signal
import sys
from collections.abc import Callable, Sequence

from pylingo.reactor.config import cluster_settings, parse_arguments, with_data
from pylingo.reactor.engine.loop import Reactor
from pylingo.reactor.instruments import Instruments
from pylingo.reactor.log_start import start_log
from pylingo.reactor.registry import open_registry
from pylingo.reactor.reload import Reload
from pylingo.reactor.server import Server
from pylingo.reactor.workers.channel import Order, channel_of_stdin
from pylingo.reactor.workers.handover import Handover
from pylingo.shared.launch import LaunchError

_CONTROLLED = "1"
"""The worker that answers the commands of the administrator, such as `pylingo-server invite`."""


def worker_command(program: str, number: int, arguments: Sequence[str]) -> list[str]:
    """Return the command of a worker: the script at the path `program` with the arguments of the server."""
    return [sys.executable, program, "worker", str(number), *arguments]


def work(arguments: Sequence[str]) -> int:
    """Be the worker with the number in front of the server's `arguments`. Returns the exit status.

    Raises `LaunchError`.
    """
    number, *arguments = arguments or ["0"]
    try:
        channel = channel_of_stdin()
    except OSError:
        raise LaunchError("the server itself starts its workers: start it with --workers") from None
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)  # meant for the supervisor, which says why there is no upgrade
    settings = with_data(parse_arguments(arguments))
    log = start_log(settings.log_level, settings.log_format, settings.log_file, f"worker {number}", os.environ)
    cluster = cluster_settings(settings, os.environ)
    registry = open_registry(settings, is_shared=cluster is not None, locks=False)
    reactor = Reactor()
    if number == _CONTROLLED:
        registry.attach(reactor)
    handover = Handover(reactor, channel)
    handover.first_code = lambda: registry.first_code or ""
    server = Server(settings, reactor, registry, handover, cluster)
    reload = Reload(server, arguments, registry).request
    handover.obey = _Obedience(server, reload, log.reopen, handover.report_metrics).obey
    if settings.metrics is not None:
        handover.snapshot = Instruments(server).read
    server.start()
    server.wait_for_cluster()
    server.serve()
    handover.disconnect()
    registry.close(settings.drain_timeout)
    if server.failure:
        raise LaunchError(server.failure, 1)
    return 0


class _Obedience:
    """Obeys the orders of the supervisor and the signals to the process."""

    def __init__(
        self,
        server: Server,
        hung_up: Callable[[], object],
        reopen_log: Callable[[], object],
        report_metrics: Callable[[], object],
    ) -> None:
        self._server = server
        self._is_stopping = False
        self._orders: dict[Order, Callable[[], object]] = {
            Order.STOP: self._stop_for_all,
            Order.LEAVE: self._stop,
            Order.HURRY: server.ending.stop,
            Order.RELOAD: hung_up,
            Order.REOPEN: reopen_log,
            Order.COUNT: server.log_counters,
            Order.MEASURE: report_metrics,
        }
        server.obey_signals(hung_up)
        for number in (signal.SIGINT, signal.SIGTERM):
            server.reactor.on_signal(number, self._stop)

    def obey(self, order: Order) -> None:
        self._orders[order]()

    def _stop_for_all(self) -> None:
        """Stop together with all other servers: nobody could take over the people."""
        self._server.ending.hands_over = False
        self._stop()

    def _stop(self) -> None:
        """Stop, once: Ctrl-C reaches us and the supervisor, which then orders a stop."""
        if not self._is_stopping:
            self._is_stopping = True
            self._server.ending.stop()
