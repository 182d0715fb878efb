"""The goodbyes of peers that are refused before they become connections."""

import collections
import logging
import socket
from collections.abc import Callable

from pylingo.reactor.engine.listener import Address
from pylingo.reactor.engine.loop import Reactor
from pylingo.reactor.engine.tls import TlsChannel
from pylingo.reactor.engine.transport import Transport
from pylingo.shared.address import show_address
from pylingo.shared.codec import encode
from pylingo.shared.messages import Goodbye

logger = logging.getLogger(__name__)

MOST_GOODBYES = 16
"""Refused peers that are read to the end at the same time, so that the goodbye arrives."""
_HELLO = 16_384  # bytes, more than any
_REFUSALS = {
    "full": "the server has no place for another connection: try again later",
    "address-limit": "there are too many connections from your address: close one first",
    "tls": "this port is encrypted: connect with TLS",
    "shutdown": "the server is shutting down",
}


class Refusals:
    """Refuses accepted sockets. Adds each one to `counts`, under its reason."""

    def __init__(self, reactor: Reactor, counts: "collections.Counter[str]") -> None:
        self.goodbyes = 0
        """Refused peers whose goodbye is on its way."""
        self._reactor = reactor
        self._counts = counts

    def refuse(
        self, sock: socket.socket, address: Address, reason: str, form: Callable[[Goodbye], bytes] = encode
    ) -> None:
        """Say goodbye and close the socket. Beyond `MOST_GOODBYES`, say it without waiting for the peer.

        `form` puts the goodbye into bytes.
        """
        self._counts[reason] += 1
        shown = show_address(*address[:2])
        fields = {"event": "refused", "reason": reason, "address": shown}
        logger.info("refused %s: %s", reason, shown, extra={"fields": fields})
        goodbye = form(Goodbye(reason, _REFUSALS[reason]))
        if self.goodbyes < MOST_GOODBYES:
            try:
                transport = Transport(self._reactor, sock, _Refused(self))
            except OSError:  # epoll limits the descriptors that one user may watch
                pass
            else:
                self.goodbyes += 1
                transport.write(goodbye)
                transport.close()
                return
        _send_once(sock, goodbye)
        sock.close()

    def refuse_one(self, sock: socket.socket | TlsChannel, form: Callable[[Goodbye], bytes] = encode) -> None:
        """Descriptors or memory have run out: tell this peer that the server is full. The caller closes the socket."""
        self._counts["full"] += 1
        _send_once(sock, form(Goodbye("full", _REFUSALS["full"])))


class _Refused:
    """The receiver of a refused peer: it ignores the peer."""

    def __init__(self, refusals: Refusals) -> None:
        self._refusals = refusals

    def data_received(self, data: bytes) -> None: ...
    def eof_received(self) -> None: ...
    def drained(self) -> None: ...
    def connection_lost(self, error: Exception | None) -> None:
        self._refusals.goodbyes -= 1


def _send_once(sock: socket.socket | TlsChannel, data: bytes) -> None:
    """Send what the empty buffer of a new socket takes at once."""
    try:
        sock.setblocking(False)
        sock.send(data)
        sock.shutdown(socket.SHUT_WR)
        sock.recv(_HELLO)  # the hello of a TLS client is mostly there already; over unread input, data is lost
    except OSError:
        pass
