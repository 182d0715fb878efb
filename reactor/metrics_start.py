"""The port of metrics. A server without one does not import this module."""

import importlib.util
import socket
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from pylingo.reactor.engine.listener import listen
from pylingo.reactor.engine.loop import Reactor
from pylingo.reactor.instruments import Instruments, Measured
from pylingo.reactor.ops.catalogue import Source, Subject
from pylingo.reactor.ops.totals import totals_of
from pylingo.shared.address import Address, show_address
from pylingo.shared.launch import LaunchError

if TYPE_CHECKING:
    from pylingo.reactor.ops.http_port import HttpPort


def require_metrics() -> None:
    """Raises `LaunchError` if the extra for metrics is missing."""
    missing = [name for name in ("h11", "prometheus_client") if importlib.util.find_spec(name) is None]
    if missing:
        install = f"{sys.executable} -m pip install 'pylingo-chat[metrics]'"
        words = f"--metrics needs {' and '.join(missing)}, which {'is' if len(missing) == 1 else 'are'} missing"
        raise LaunchError(f"{words}: install it with  {install}")


class OneServer:
    """A server alone, as scrapers see it."""

    def __init__(self, server: Measured) -> None:
        self._server = server
        self._instruments = Instruments(server)
        self.go_on_from = self._instruments.go_on_from

    def totals(self) -> dict[str, Any]:
        """The totals so far, with which a successor goes on."""
        return totals_of(self._instruments.read())

    def ask(self, answer: Callable[[Iterable[Source]], None]) -> None:
        """See `Subject`."""
        answer([Source(self._instruments.read())])

    def ask_trouble(self, answer: Callable[[str], None]) -> None:
        """See `Subject`."""
        answer(self._server.trouble)


def serve_metrics(
    reactor: Reactor, address: Address, subject: Subject, inherited: Sequence[socket.socket] = ()
) -> "HttpPort":
    """Answer scrapers at `address` about `subject`. Raises `LaunchError`.

    `inherited` are sockets that listen there already.
    """
    from pylingo.reactor.ops.endpoints import Endpoints
    from pylingo.reactor.ops.http_port import HttpPort

    try:
        socks = inherited or listen(*address)
    except OSError as error:
        where, why = show_address(*address), error.strerror or error
        raise LaunchError(f"cannot listen for scrapers on {where}: {why}: choose another --metrics") from None
    return HttpPort(reactor, socks, Endpoints(subject).answer)
