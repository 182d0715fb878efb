"""Admission: the listening sockets, the limits for connections, and the goodbye of a peer that is refused."""

import errno
import logging
import resource
import socket
from collections.abc import Callable, Sequence

from pylingo.reactor.connection import Connection
from pylingo.reactor.engine.deadlines import DeadlineWheel
from pylingo.reactor.engine.dial import Target, enable_keepalive
from pylingo.reactor.engine.handshake import HandshakeQueue, NotTlsError
from pylingo.reactor.engine.listener import Address, ConnectionLimiter, Listener, listen
from pylingo.reactor.engine.tls import ServerTls, TlsChannel, reason_of
from pylingo.reactor.engine.transport import Transport
from pylingo.reactor.peer_deadlines import PeerDeadlines
from pylingo.reactor.service import Service
from pylingo.shared.address import host_of, show_address
from pylingo.shared.codec import encode
from pylingo.shared.messages import Goodbye

logger = logging.getLogger(__name__)

SPARE_DESCRIPTORS = 32
"""Descriptors that connections cannot use: listeners, the wake-up, files, goodbyes to refused peers."""
MOST_GOODBYES = 16
"""Refused peers that are read to the end at the same time, so that the goodbye arrives."""
_UNLIMITED = 1_000_000  # descriptors, where the system has no limit
_SEND_BUFFER = 65_536, 2**20  # the least and the most bytes
_HELLO = 16_384  # bytes, more than any
_REFUSALS = {
    "full": "the server has no place for another connection: try again later",
    "address-limit": "there are too many connections from your address: close one first",
    "tls": "this port is encrypted: connect with TLS",
}


class Admission:
    """Accepts connections, within the limits of `limiter`. `closed` is called after each connection has ended.

    With `tls`, a peer becomes a connection after the handshake, and counts for the limits from the accept on.
    """

    def __init__(self, service: Service, limiter: ConnectionLimiter, closed: Callable[[], object]) -> None:
        self.limiter = limiter
        self.goodbyes = 0
        """Refused peers whose goodbye is on its way."""
        self.listeners: list[Listener] = []
        self.tls: ServerTls | None = None
        """Used for every handshake that begins; may be changed at any time."""
        self.handshakes = HandshakeQueue(service.reactor)
        self._service = service
        self._closed = closed
        self._reactor = service.reactor
        self._deadlines: DeadlineWheel[PeerDeadlines[Connection]] = DeadlineWheel(service.reactor)
        self._socks: list[socket.socket] = []
        self._is_open = True
        self._most = _UNLIMITED  # connections that the descriptors and the memory suffice for
        service.closed = self._forget
        service.reactor.memory.on_shortage = self._lower_limit

    @property
    def count(self) -> int:
        """The number of connections."""
        return self.limiter.count

    def connections(self) -> list[Connection]:
        """All connections."""
        return [deadlines.peer for deadlines in self._deadlines.members()]

    def listen(self, targets: Sequence[Target]) -> str:
        """Bind the listening sockets; return `HOST:PORT` as a client would write it. Raises `OSError`.

        Peers that connect before `open` wait in the backlog. `targets` are the addresses of the host, which is looked
        up if there are none.
        """
        self._most = raise_descriptor_limit() - SPARE_DESCRIPTORS
        if self._most < 1:
            raise OSError(errno.EMFILE, f"the descriptor limit must be above {SPARE_DESCRIPTORS} (see ulimit -n)")
        settings = self._service.settings
        self._socks = listen(settings.host, settings.port, targets)
        self.configure()
        host, port = self._socks[0].getsockname()[:2]
        return show_address(settings.host or host, port)

    def open(self) -> None:
        """Begin to accept."""
        accepts = self._service.settings.accepts
        self.listeners = [Listener(self._reactor, sock, self.admit, self._refuse_one, accepts) for sock in self._socks]
        if not self._is_open:
            self.close()

    def close(self) -> None:
        """Stop accepting, and give up the handshakes that are not finished."""
        self._is_open = False
        for listener in self.listeners:
            listener.close()
        self.handshakes.close()

    def configure(self) -> None:
        """Apply the settings."""
        settings, limiter = self._service.settings, self.limiter
        limiter.most = min(settings.max_connections or self._most, self._most)
        limiter.most_per_address, limiter.exempt = settings.max_per_address, settings.exempt
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

    def admit(self, sock: socket.socket, address: Address) -> None:
        """Make a connection of an accepted socket, now or after its handshake, or refuse it."""
        reason = self.limiter.admit(address[0])
        if reason is not None:
            self._refuse(sock, address, reason)
        elif self.tls is None:
            self._connect(sock, address)
        else:
            self.handshakes.start(
                sock,
                self.tls,
                lambda channel: self._connect(channel, address, channel.certificate),
                lambda error, sock: self._handshake_failed(error, sock, address),
            )

    def _connect(self, channel: socket.socket | TlsChannel, address: Address, certificate: bytes | None = None) -> None:
        """Make a connection. The welcome is its first frame."""
        host = address[0]
        try:
            transport = Transport(self._reactor, channel)
        except OSError as error:  # epoll limits the descriptors that one user may watch
            self.limiter.release(host)
            logger.warning("refused %s: %s", show_address(*address[:2]), error.strerror)
            self._refuse_one(channel)
            channel.close()
            return
        except MemoryError:
            self.limiter.release(host)
            channel.close()
            raise
        try:
            connection = Connection(self._service, transport, show_address(*address[:2]), certificate)
            transport.receiver = connection
            self._deadlines.add(connection.deadlines, connection.deadlines.next_check(self._reactor.now))
        except MemoryError:
            if transport.receiver is None:  # `connection_lost` will not be called
                self.limiter.release(host)
            transport.abort()
            raise
        self._service.counts["accepted"] += 1

    def _handshake_failed(self, error: Exception, sock: socket.socket, address: Address) -> None:
        self.limiter.release(address[0])
        if isinstance(error, NotTlsError):
            self._refuse(sock, address, "tls")
        else:
            sock.close()
            self._service.counts["handshake"] += 1
            logger.info("refused handshake: %s, %s", show_address(*address[:2]), reason_of(error))
        self._closed()

    def _forget(self, connection: Connection) -> None:
        """The socket of `connection` is closed."""
        self._deadlines.discard(connection.deadlines)
        self._reactor.memory.hold()
        self.limiter.release(host_of(connection.address))
        self._closed()

    def _refuse(self, sock: socket.socket, address: Address, reason: str) -> None:
        self._service.counts[reason] += 1
        logger.info("refused %s: %s", reason, show_address(*address[:2]))
        goodbye = encode(Goodbye(reason, _REFUSALS[reason]))
        if self.goodbyes < MOST_GOODBYES:
            try:
                transport = Transport(self._reactor, sock, _Refused(self))
            except OSError:  # as for `admit`
                pass
            else:
                self.goodbyes += 1
                transport.write(goodbye)
                transport.close()
                return
        _send_once(sock, goodbye)
        sock.close()

    def _refuse_one(self, sock: socket.socket | TlsChannel) -> None:
        """Descriptors or memory have run out: tell this peer that the server is full."""
        self._service.counts["full"] += 1
        _send_once(sock, encode(Goodbye("full", _REFUSALS["full"])))

    def _lower_limit(self) -> None:
        """Memory has run out: admit nobody until a quarter has gone, and never so many again."""
        count = self.count
        if count <= self._most:  # otherwise it was lowered already, and there are still more
            self._most = max(1, count * 3 // 4)
            self.configure()
            logger.error("memory has run out with %d connections: at most %d from now on", count, self._most)


class _Refused:
    """The receiver of a refused peer: it ignores the peer."""

    def __init__(self, admission: Admission) -> None:
        self._admission = admission

    def data_received(self, data: bytes) -> None: ...
    def eof_received(self) -> None: ...
    def drained(self) -> None: ...
    def connection_lost(self, error: Exception | None) -> None:
        self._admission.goodbyes -= 1


def raise_descriptor_limit() -> int:
    """Raise the soft limit of open descriptors to the hard one, and return it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        except (OSError, ValueError):  # macOS says "unlimited" and means less
            return soft
    return hard if hard != resource.RLIM_INFINITY else _UNLIMITED


def _send_once(sock: socket.socket | TlsChannel, data: bytes) -> None:
    """Send what the empty buffer of a new socket takes at once."""
    try:
        sock.setblocking(False)
        sock.send(data)
        sock.shutdown(socket.SHUT_WR)
        sock.recv(_HELLO)  # the hello of a TLS client is mostly there already; over unread input, data is lost
    except OSError:
        pass
