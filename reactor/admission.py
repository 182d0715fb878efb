"""Admission: accepted sockets become connections, within limits, after a handshake if there is TLS."""

import logging
import socket
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

from pylingo.reactor.connection import Connection
from pylingo.reactor.engine.deadlines import DeadlineWheel
from pylingo.reactor.engine.descriptors import UNLIMITED, descriptors_for_connections
from pylingo.reactor.engine.dial import Target
from pylingo.reactor.engine.handshake import HandshakeQueue, NotTlsError
from pylingo.reactor.engine.listener import Address, ConnectionLimiter
from pylingo.reactor.engine.tls import ServerTls, TlsChannel, reason_of
from pylingo.reactor.engine.transport import Transport
from pylingo.reactor.face import NATIVE, Face
from pylingo.reactor.inherited import NATIVE as SOCKETS
from pylingo.reactor.intake import Accepted, Intake
from pylingo.reactor.peer_deadlines import next_check
from pylingo.reactor.proxied import ProxyHeaders
from pylingo.reactor.refusals import Refusals
from pylingo.reactor.service import Service
from pylingo.shared.address import plain_host, show_address
from pylingo.shared.codec import encode
from pylingo.shared.messages import Goodbye
from pylingo.shared.text import counted

logger = logging.getLogger(__name__)


class Door(Protocol):
    """A further way in, on which something else than frames is spoken."""

    is_encrypted: bool
    name: str
    """The name of its sockets, for a process that inherits them (see `inherited`)."""

    def face(self) -> Face:
        """The face of a new connection."""

    def goodbye(self, record: Goodbye) -> bytes:
        """The bytes that tell a peer that it is refused."""


class NativeDoor:
    """The way in for native clients."""

    is_encrypted = True
    """If there is a certificate."""
    name = SOCKETS

    def face(self) -> Face:
        """All native connections share one."""
        return NATIVE

    def goodbye(self, record: Goodbye) -> bytes:
        """A frame."""
        return encode(record)


_NATIVE_DOOR = NativeDoor()


class Admission:
    """Admits what `intake` accepts, within the limits of `limiter`. `closed` is called when a connection has ended.

    With `tls`, a peer becomes a connection after the handshake, and counts for the limits from the accept on.
    """

    def __init__(
        self, service: Service, limiter: ConnectionLimiter, intake: Intake, closed: Callable[[], object]
    ) -> None:
        self.limiter = limiter
        self.intake = intake
        self.tls: ServerTls | None = None
        """Used for every handshake that begins; may be changed at any time."""
        self.handshakes = HandshakeQueue(service.reactor)
        self.is_accepting = False
        """Whether those who connect are let in, if the limits allow."""
        self._doors: list[tuple[Door, Intake]] = [(_NATIVE_DOOR, intake)]
        self._service = service
        self._closed = closed
        self._reactor = service.reactor
        self._deadlines: DeadlineWheel[Connection] = DeadlineWheel(service.reactor)
        self._refusals = Refusals(service.reactor, service.counts)
        self._headers = ProxyHeaders(service.reactor, service.counts, limiter)
        self._most = UNLIMITED  # connections that the descriptors and the memory suffice for
        service.closed = self._forget
        service.reactor.memory.on_shortage = self._lower_limit

    @property
    def count(self) -> int:
        """The number of connections."""
        return self.limiter.count

    @property
    def unfinished(self) -> int:
        """Accepted peers that are no connections yet: their PROXY header or their handshake is awaited."""
        return len(self._headers) + len(self.handshakes)

    @property
    def goodbyes(self) -> int:
        """Refused peers whose goodbye is on its way."""
        return self._refusals.goodbyes

    def connections(self) -> list[Connection]:
        """All connections."""
        return self._deadlines.members()

    def listen(self, targets: Sequence[Target]) -> str:
        """Prepare to accept; return `HOST:PORT` as a client would write it. Raises `OSError`.

        Peers that connect before `open` wait. `targets` are the addresses of the host, which is looked up if there are
        none.
        """
        self._most = descriptors_for_connections()
        address = self.intake.bind(self._service.settings, targets)
        self.configure()
        return address

    def add_door(self, door: Door, host: str, port: int, inherited: Sequence[socket.socket] = ()) -> str:
        """Prepare to accept on a further port, or with `inherited` sockets; return `HOST:PORT`. Raises `OSError`."""
        made = self.intake.further(door.name, (host, port), inherited)
        address = made.bind(self._service.settings, ())
        self._doors.append((door, made))
        return address

    def sockets(self) -> list[tuple[str, socket.socket]]:
        """The listening sockets with their names."""
        return [(door.name, sock) for door, intake in self._doors for sock in intake.sockets]

    def open(self) -> None:
        """Begin to accept."""
        self.is_accepting = True
        for door, intake in self._doors:
            accepted: Accepted = partial(self.admit, door=door)
            if not intake.reads_headers:
                accepted = self._headers.before(accepted)
            intake.open(accepted, partial(self._refusals.refuse_one, form=door.goodbye))

    def hold(self) -> None:
        """Accept nobody until `go_on`. Those who connect meanwhile wait."""
        self.is_accepting = False
        for _, intake in self._doors:
            intake.hold()

    def turn_away(self) -> None:
        """Accept nobody until `go_on`, and give up the handshakes that are not finished.

        Those who connect meanwhile are refused at once, if the system can do that.
        """
        self.is_accepting = False
        for _, intake in self._doors:
            intake.turn_away()
        self._headers.close()
        self.handshakes.close()

    def go_on(self) -> None:
        """Accept again after `hold` or `turn_away`."""
        self.is_accepting = True
        for _, intake in self._doors:
            intake.go_on()

    def close(self) -> None:
        """Stop accepting, and give up the handshakes that are not finished."""
        self.is_accepting = False
        for _, intake in self._doors:
            intake.close()
        self._headers.close()
        self.handshakes.close()

    def configure(self) -> None:
        """Apply the settings."""
        settings, limiter = self._service.settings, self.limiter
        limiter.most = min(settings.max_connections or self._most, self._most)
        limiter.most_per_address, limiter.exempt = settings.max_per_address, settings.exempt
        self._headers.configure(settings)
        for _, intake in self._doors:
            intake.configure(settings)

    def admit(self, sock: socket.socket, address: Address, door: Door = _NATIVE_DOOR) -> None:
        """Make a connection of an accepted socket, now or after its handshake, or refuse it."""
        address = (plain_host(address[0]), *address[1:])
        reason = self.limiter.admit(address[0])
        if reason is not None:
            self._refusals.refuse(sock, address, reason, door.goodbye)
            self.intake.ended(address[0])
        elif self.tls is None or not door.is_encrypted:
            self._connect(sock, address, door)
        else:
            self.handshakes.start(
                sock,
                self.tls,
                lambda channel: self._connect(channel, address, door),
                lambda error, sock: self._handshake_failed(error, sock, address, door),
            )

    def _connect(self, channel: socket.socket | TlsChannel, address: Address, door: Door) -> None:
        """Make a connection. The welcome is its first frame."""
        host = address[0]
        try:
            transport = Transport(self._reactor, channel, None, self._service.traffic)
        except OSError as error:  # epoll limits the descriptors that one user may watch
            self._release(host)
            shown = show_address(*address[:2])
            fields = {"event": "refused", "reason": "full", "address": shown, "error": error.strerror}
            logger.warning("refused %s: %s", shown, error.strerror, extra={"fields": fields})
            self._refusals.refuse_one(channel, door.goodbye)
            channel.close()
            return
        except MemoryError:
            self._release(host)
            channel.close()
            raise
        try:
            connection = Connection(self._service, transport, address[:2], door.face())
            transport.receiver = connection
            self._deadlines.add(connection, next_check(connection, self._reactor.now))
        except MemoryError:
            if transport.receiver is None:  # `connection_lost` will not be called
                self._release(host)
            transport.abort()
            raise
        self._service.counts["accepted"] += 1

    def _handshake_failed(self, error: Exception, sock: socket.socket, address: Address, door: Door) -> None:
        self._release(address[0])
        if isinstance(error, NotTlsError):
            self._refusals.refuse(sock, address, "tls", door.goodbye)
        else:
            sock.close()
            self._service.counts["handshake"] += 1
            shown, why = show_address(*address[:2]), reason_of(error)
            fields = {"event": "refused", "reason": "handshake", "address": shown, "error": why}
            logger.info("refused handshake: %s, %s", shown, why, extra={"fields": fields})
        self._closed()

    def _forget(self, connection: Connection) -> None:
        """The socket of `connection` is closed."""
        self._deadlines.discard(connection)
        self._reactor.memory.hold()
        self._release(connection.host)
        self._closed()

    def _release(self, host: str) -> None:
        """A connection from `host` counts no longer."""
        self.limiter.release(host)
        self.intake.ended(host)

    def _lower_limit(self) -> None:
        """Memory has run out: admit nobody until a quarter has gone, and never so many again."""
        count = self.count
        if count <= self._most:  # otherwise it was lowered already, and there are still more
            self._most = max(1, count * 3 // 4)
            self.configure()
            logger.error("memory has run out with %s: at most %d from now on", counted(count, "connection"), self._most)
