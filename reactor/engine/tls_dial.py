"""Connects, and makes the TLS handshake if one is wanted: what a client dials with.

The modules of TLS are imported for the first handshake, because a client without TLS starts faster without them.
"""

import socket
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from pylingo.reactor.engine.dial import TCP_TIMEOUT, TIMEOUT, Dial, Resolver, Target, enable_keepalive
from pylingo.reactor.engine.loop import Reactor

if TYPE_CHECKING:
    from pylingo.reactor.engine.handshake import Handshake
    from pylingo.reactor.engine.tls import ClientTls, TlsChannel

type Stream = socket.socket | TlsChannel


class TlsDial:
    """As `Dial`, with `enable_keepalive` and its `tcp_timeout`, and with a handshake if there is a `tls`.

    `connected` gets a socket or a `TlsChannel`. `failed` may get other errors than `OSError`, such as `ValueError` for
    a host name that no certificate can have. `timeout` is that of each connect.
    """

    def __init__(
        self,
        reactor: Reactor,
        where: Sequence[Target] | Resolver,
        tls: "ClientTls | None",
        connected: Callable[[Stream], object],
        failed: Callable[[Exception], object],
        tcp_timeout: float = TCP_TIMEOUT,
        timeout: float = TIMEOUT,
    ) -> None:
        self._tls = tls
        self._tcp_timeout = tcp_timeout
        self._connected = connected
        self._failed = failed
        self._reactor = reactor
        self._dial = Dial(reactor, where, self._dialled, failed, timeout)
        self._stage: Dial | Handshake = self._dial

    @property
    def target(self) -> Target | None:
        """The address that has answered the connect, whatever came of the handshake."""
        return self._dial.target

    def cancel(self) -> None:
        """Give up, and call nothing."""
        self._stage.cancel()

    def _dialled(self, sock: socket.socket) -> None:
        enable_keepalive(sock, self._tcp_timeout)
        if self._tls is None:
            self._connected(sock)
        else:
            from pylingo.reactor.engine.handshake import HandshakeQueue

            self._stage = HandshakeQueue(self._reactor).start(sock, self._tls, self._connected, self._handshake_failed)

    def _handshake_failed(self, error: Exception, sock: socket.socket) -> None:
        sock.close()
        self._failed(error)
