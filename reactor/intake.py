"""The sources of accepted connections: the port of a server alone, or the supervisor of several servers."""

import socket
from collections.abc import Callable, Sequence
from typing import Protocol

from pylingo.reactor.config import ServerSettings
from pylingo.reactor.engine.dial import Target, enable_keepalive
from pylingo.reactor.engine.listener import Address, Listener, listen
from pylingo.reactor.engine.loop import Reactor
from pylingo.shared.address import show_address

_SEND_BUFFER = 65_536, 2**20  # the least and the most bytes

type Accepted = Callable[[socket.socket, Address], object]
"""Called with each accepted socket and the address of its peer."""
type Refused = Callable[[socket.socket], object]
"""Called with the one connection that is refused when descriptors run out."""


class Intake(Protocol):
    """The source of a server's connections."""

    reads_headers: bool
    """Whether the PROXY headers of connections are read here already, so that their addresses are right."""

    def bind(self, settings: ServerSettings, targets: Sequence[Target]) -> str:
        """Return `HOST:PORT` as a client would write it. Peers that connect before `open` wait. Raises `OSError`."""

    def further(self, name: str, address: tuple[str, int], inherited: Sequence[socket.socket]) -> "Intake":
        """Return the source of the connections that come to a further port, which has a `name` for processes."""

    @property
    def sockets(self) -> Sequence[socket.socket]:
        """The listening sockets, none if another process has them."""

    def open(self, accepted: Accepted, refused: Refused) -> None:
        """Begin to accept. Does nothing after `close`."""

    def configure(self, settings: ServerSettings) -> None:
        """Apply the settings to connections that come from now on."""

    def ended(self, host: str) -> None:
        """One connection from `host` that was accepted here has ended, or was refused."""

    def hold(self) -> None:
        """Accept nobody until `go_on`. Those who connect meanwhile wait."""

    def turn_away(self) -> None:
        """Accept nobody until `go_on`. Those who connect meanwhile are refused at once, if the system can do that."""

    def go_on(self) -> None:
        """Accept again after `hold` or `turn_away`."""

    def close(self) -> None:
        """Accept no more."""


class Port:
    """The `Intake` that listens. `hold` and `go_on` interrupt accepting; those who connect meanwhile wait.

    It listens on the host and the port of the settings, or on `address`, or with the sockets that are `inherited`. The
    process that has passed these has them as well, so they are never shut down.
    """

    reads_headers = False

    def __init__(
        self,
        reactor: Reactor,
        address: tuple[str, int] | None = None,
        inherited: Sequence[socket.socket] = (),
    ) -> None:
        self._address = address
        self._inherited = inherited
        self.listeners: list[Listener] = []
        self._reactor = reactor
        self._socks: list[socket.socket] = []
        self._accepts = 0
        self._is_closed = False

    def bind(self, settings: ServerSettings, targets: Sequence[Target]) -> str:
        """Bind the listening sockets. `targets` are the host's addresses, which is looked up if there are none."""
        wanted, number = self._address or (settings.host, settings.port)
        self._socks = list(self._inherited) or listen(wanted, number, targets)
        self.configure(settings)
        host, port = self._socks[0].getsockname()[:2]
        return show_address(wanted or host, port)

    def further(self, name: str, address: tuple[str, int], inherited: Sequence[socket.socket]) -> "Port":
        """Return another port."""
        return Port(self._reactor, address, inherited)

    @property
    def sockets(self) -> Sequence[socket.socket]:
        """The listening sockets."""
        return self._socks

    def open(self, accepted: Accepted, refused: Refused) -> None:
        """Begin to accept. Does nothing after `close`."""
        if not self._is_closed:
            self.listeners = [Listener(self._reactor, sock, accepted, refused, self._accepts) for sock in self._socks]

    def configure(self, settings: ServerSettings) -> None:
        """Apply the settings to connections that come from now on."""
        self._accepts = settings.accepts
        for listener in self.listeners:
            listener.accepts = settings.accepts
        # Accepted sockets inherit these, which saves four calls for each of them. The send buffer is small, or the
        # kernel takes megabytes for a peer that never reads; and as large as the soft limit, or a saturated fan-out
        # costs three times the CPU.
        least, most = _SEND_BUFFER
        for sock in self._socks:
            if sock.fileno() >= 0:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, min(max(settings.queue_soft, least), most))
                enable_keepalive(sock, settings.tcp_timeout)

    def ended(self, host: str) -> None:
        """Do nothing: a port does not count its connections."""

    def hold(self) -> None:
        """Accept nobody until `go_on`."""
        for listener in self.listeners:
            listener.hold()

    def turn_away(self) -> None:
        """Refuse all who connect until `go_on`. With inherited sockets, they wait."""
        for listener in self.listeners:
            if self._inherited:
                listener.hold()
            else:
                listener.turn_away()

    def go_on(self) -> None:
        """Accept again after `hold` or `turn_away`."""
        for listener in self.listeners:
            listener.go_on()

    def close(self) -> None:
        """Stop listening."""
        self._is_closed = True
        for listener in self.listeners:
            listener.close()
        for sock in self._socks:
            sock.close()
