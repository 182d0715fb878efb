"""Connections that a balancer forwards: the PROXY header of each is read before anything else.

The address in the header takes the place of the balancer's: limits, bans and the log are about the peer itself. Nothing
behind the header is read, so the connection goes on as if it had just been accepted, with TLS or without.
"""

import collections
import logging
import socket
from collections.abc import Sequence

from pylingo.reactor.config import ServerSettings
from pylingo.reactor.engine.listener import Address, ConnectionLimiter, Network, is_in
from pylingo.reactor.engine.loop import EVENT_READ, Reactor
from pylingo.reactor.intake import Accepted
from pylingo.reactor.proxy_protocol import HeaderError, HeaderParser
from pylingo.shared.address import plain_host, show_address

logger = logging.getLogger(__name__)

REASON = "proxy-header"
"""The reason under which connections without a right header are counted."""
QUIET = 10.0
"""Seconds between two lines of the log about such connections."""
_LOOK = 4_096  # bytes that are looked at in one turn


class ProxyHeaders:
    """Reads the headers of the connections that come from the networks of `--proxy-protocol`.

    While a header is awaited, its connection counts as pending in `limiter`.
    """

    def __init__(self, reactor: Reactor, counts: "collections.Counter[str]", limiter: ConnectionLimiter) -> None:
        self._reactor = reactor
        self._counts = counts
        self._limiter = limiter
        self._networks: Sequence[Network] = ()
        self._deadline = 0.0
        self._open: set[_Awaited] = set()
        self._quiet_until = 0.0
        self._unlogged = 0

    def __len__(self) -> int:
        """The number of headers that are awaited."""
        return len(self._open)

    def configure(self, settings: ServerSettings) -> None:
        """Apply the settings to connections that come from now on."""
        self._networks = settings.proxy_protocol
        self._deadline = settings.first_frame_timeout

    def before(self, accepted: Accepted) -> Accepted:
        """Return a callback for accepted sockets. It gives `accepted` each one with the address of the peer itself."""

        def read_first(sock: socket.socket, address: Address) -> None:
            # A server that is full refuses the connection at once.
            if not self._networks or not is_in(address[0], self._networks) or self._limiter.is_full:
                accepted(sock, address)
            else:
                self._start(sock, address, accepted)

        return read_first

    def close(self) -> None:
        """Close the connections whose headers are awaited."""
        for awaited in list(self._open):
            awaited.cancel()

    def forget(self, awaited: "_Awaited") -> None:
        """A header is not awaited any more."""
        self._open.discard(awaited)
        self._limiter.pending = len(self._open)

    def refused(self, address: Address, why: str) -> None:
        """A connection has ended without a right header. `why` is empty if the peer has sent nothing and closed.

        Balancers do that to find out whether the port answers, so it is no line of the log.
        """
        self._counts[REASON] += 1
        if not why:
            return
        if self._reactor.now < self._quiet_until:
            self._unlogged += 1
            return
        self._quiet_until = self._reactor.now + QUIET
        more = f"; {self._unlogged} more before" if self._unlogged else ""
        self._unlogged = 0
        where = show_address(plain_host(address[0]), address[1])
        fields = {"event": "refused", "reason": REASON, "address": where, "error": why}
        words = "refused %s: %s, a PROXY header was expected, and %s%s"
        logger.warning(words, REASON, where, why, more, extra={"fields": fields})

    def _start(self, sock: socket.socket, address: Address, accepted: Accepted) -> None:
        awaited = _Awaited(self, self._reactor, sock, address, accepted, self._deadline)
        self._open.add(awaited)
        self._limiter.pending = len(self._open)
        self._reactor.run_safely(awaited.begin, owner=awaited)


class _Awaited:
    """One connection whose header has not come in full."""

    __slots__ = ("_accepted", "_address", "_headers", "_is_over", "_parser", "_reactor", "_sock", "_timer")

    def __init__(
        self,
        headers: ProxyHeaders,
        reactor: Reactor,
        sock: socket.socket,
        address: Address,
        accepted: Accepted,
        deadline: float,
    ) -> None:
        sock.setblocking(False)
        self._headers = headers
        self._reactor = reactor
        self._sock = sock
        self._address = address
        self._accepted = accepted
        self._parser = HeaderParser()
        self._is_over = False
        self._timer = reactor.call_later(deadline, self._refuse, f"none came within {deadline:g} s", owner=self)

    def begin(self) -> None:
        """Read what is there already. Wait for the rest."""
        self.handle(EVENT_READ)
        if not self._is_over:
            try:
                self._reactor.register(self._sock.fileno(), EVENT_READ, self)
            except OSError as error:  # epoll limits the descriptors that one user may watch
                self._refuse(f"it could not be awaited: {error.strerror}")

    def handle(self, mask: int) -> None:
        """Read the header as far as it has come."""
        try:
            data = self._sock.recv(_LOOK, socket.MSG_PEEK)
            if data:
                self._sock.recv(self._parser.feed(data))
        except BlockingIOError:
            return
        except HeaderError as error:
            self._refuse(str(error))
            return
        except OSError as error:
            self._refuse(f"the connection was lost: {error.strerror}")
            return
        if not data:
            self._refuse("the peer closed within it" if self._parser.is_begun else "")
        elif self._parser.is_complete:
            self._end()
            self._accepted(self._sock, self._parser.source or self._address)

    def fail(self, error: Exception) -> None:
        """Give up because of `error`, which is our fault or the system's."""
        self.cancel()

    def cancel(self) -> None:
        """Close the connection, and count nothing."""
        if not self._is_over:
            self._end()
            self._sock.close()

    def _refuse(self, why: str) -> None:
        self._end()
        self._sock.close()
        self._headers.refused(self._address, why)

    def _end(self) -> None:
        self._is_over = True
        self._timer.cancel()
        self._reactor.unregister(self._sock.fileno())
        self._headers.forget(self)
