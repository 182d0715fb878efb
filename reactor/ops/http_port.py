"""The port of scrapers: few connections at a time, and a small share of the time for all of them.

A newcomer always gets in. If there are too many, the one that has not been answered for the longest time makes room, so
that connections that do nothing lock nobody out.
"""

import logging
import socket
from collections.abc import Sequence

from pylingo.reactor.engine.listener import Address, Listener
from pylingo.reactor.engine.loop import Reactor
from pylingo.reactor.engine.transport import Transport
from pylingo.reactor.ops.budget import Budget
from pylingo.reactor.ops.scraper import Answer, Scraper
from pylingo.shared.address import show_address

logger = logging.getLogger(__name__)

MOST_SCRAPERS = 8
"""Connections at a time."""
ACCEPT_EVERY = 0.01
"""Seconds between two accepted connections. Others wait for the system to hand them over."""


class HttpPort:
    """Accepts on the listening `socks`, and has requests answered by `answer`."""

    def __init__(self, reactor: Reactor, socks: Sequence[socket.socket], answer: Answer) -> None:
        self._reactor = reactor
        self._answer = answer
        self._budget = Budget()
        self._scrapers: dict[Scraper, None] = {}  # the one that was answered last stands last
        self.sockets = [*socks]
        """The listening sockets."""
        self.address = show_address(*socks[0].getsockname()[:2])
        """`HOST:PORT` of the first socket."""
        self._listeners = [self._listener(sock) for sock in socks]

    def __len__(self) -> int:
        """The number of connections."""
        return len(self._scrapers)

    def close(self) -> None:
        """Accept nobody any more, and cut all connections."""
        for listener in self._listeners:
            listener.close()
        for scraper in self._scrapers:
            scraper.abort()

    def _listener(self, sock: socket.socket) -> Listener:
        def accepted(peer: socket.socket, address: Address) -> None:
            listener.hold()
            self._reactor.call_later(ACCEPT_EVERY, listener.go_on)
            self._accepted(peer)

        listener = Listener(self._reactor, sock, accepted, lambda peer: None)
        return listener

    def _accepted(self, sock: socket.socket) -> None:
        try:
            transport = Transport(self._reactor, sock)
        except OSError as error:  # epoll limits the descriptors that one user may watch
            logger.warning("refused a scraper: %s", error.strerror)
            sock.close()
            return
        if len(self._scrapers) >= MOST_SCRAPERS:
            min(self._scrapers, key=lambda scraper: scraper.is_waiting).abort()  # the first of those that do not wait
        scraper = transport.receiver = Scraper(self._reactor, transport, self, self._answer)
        self._scrapers[scraper] = None

    # --- from the scrapers

    def delay(self) -> float:
        """See `Host.delay`."""
        return self._budget.delay(self._reactor.clock())

    def charge(self, seconds: float) -> None:
        """See `Host.charge`."""
        self._budget.charge(seconds, self._reactor.clock())

    def answered(self, scraper: Scraper) -> None:
        """See `Host.answered`."""
        self._scrapers[scraper] = self._scrapers.pop(scraper)

    def gone(self, scraper: Scraper) -> None:
        """See `Host.gone`."""
        self._scrapers.pop(scraper, None)
