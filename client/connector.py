"""The connections of a client, one after the other: dials, checks the server, and decides what follows an end."""

import enum
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from pylingo.client.connection import ClientConnection
from pylingo.client.events import Status
from pylingo.client.reconnect import FinalError, ReconnectPolicy
from pylingo.client.security import Security
from pylingo.reactor.engine.dial import Resolver, Target
from pylingo.reactor.engine.loop import Reactor
from pylingo.reactor.engine.timers import Timer
from pylingo.shared.messages import Goodbye, Ready
from pylingo.shared.schema import Record

if TYPE_CHECKING:
    from pylingo.reactor.engine.tls import ClientTls


class Again(enum.Enum):
    """Whether another connection follows one that has ended."""

    AT_ONCE = enum.auto()
    LATER = enum.auto()
    """As the `ReconnectPolicy` says."""
    NEVER = enum.auto()


class Connector:
    """See the module.

    Calls `connected(certificate)` once the server of a new connection is checked; `certificate` is in DER, and None
    without TLS. Calls `received(record)` for each frame, `lost()` after each connection, `again()` if nothing else
    decides what follows it, `drained()` when everything queued has been sent, and `changed(status)` for each new
    `status`.
    """

    def __init__(
        self,
        reactor: Reactor,
        where: Sequence[Target] | Resolver,
        security: Security,
        policy: ReconnectPolicy,
        *,
        connected: Callable[[bytes | None], object],
        received: Callable[[Record], object],
        lost: Callable[[], object],
        again: Callable[[], Again],
        drained: Callable[[], object],
        changed: Callable[[Status], object],
    ) -> None:
        self.status = Status("connecting")
        self.goodbye: Goodbye | None = None
        """The server's goodbye, if the last connection ended with one."""
        self.connection: ClientConnection | None = None
        """The present connection, which may not be established yet."""
        self._reactor = reactor
        self._where = where
        self._security = security
        self._policy = policy
        self._connected = connected
        self._received = received
        self._lost = lost
        self._again = again
        self._drained = drained
        self._changed = changed
        self._closing: ClientConnection | None = None  # after the end, until everything queued is sent
        self._timer: Timer | None = None

    def connect(self) -> None:
        """Begin anew, as if there had been no connection before."""
        self.goodbye = None
        self._policy.restart()
        self._dial()

    def hurry(self) -> None:
        """Try again at once instead of waiting."""
        if self.status.state == "waiting" and self._timer is not None:
            self._timer.cancel()
            self._policy.hurry()
            self._dial()

    def stop(self, error: Exception | None = None) -> None:
        """End the connection after everything queued has been sent, and do not reconnect."""
        if self._timer is not None:
            self._timer.cancel()
        if self.connection is not None:
            self.connection.close()
        self._closing, self.connection = self.connection, None
        self._become("over", error)

    @property
    def is_closing(self) -> bool:
        """Whether the last connection still sends what was queued, or waits for the server to close it."""
        return self._closing is not None and not self._closing.is_closed

    def abort(self, error: Exception) -> None:
        """Cut the present connection, or the last one if that `is_closing`."""
        connection = self.connection or self._closing
        if connection is not None:
            connection.abort(error)

    def _dial(self) -> None:
        self._become("connecting", self.status.error)
        if self.status.state == "over":
            return
        if self._security.is_encrypted:
            self._reactor.call_soon(self._dial_securely)  # it reads files, which takes longer than a first frame
        else:
            self._dial_with(None)

    def _dial_securely(self) -> None:
        if self.status.state != "connecting" or self.connection is not None:
            return
        try:
            self._dial_with(self._security.begin())
        except FinalError as error:
            self.stop(error)

    def _dial_with(self, tls: "ClientTls | None") -> None:
        self.connection = ClientConnection(
            self._reactor, self._where, self._established, self._heard, self._drained, self._ended, tls
        )

    def _established(self) -> None:
        self.goodbye = None
        assert self.connection is not None
        certificate = self.connection.certificate
        try:
            self._security.check(certificate)
        except FinalError as error:
            self.connection.abort(error)
            return
        self._connected(certificate)

    def _heard(self, record: Record) -> None:
        if self.status.state == "over":
            return
        if type(record) is Goodbye:
            self.goodbye = record
        elif type(record) is Ready:
            self._policy.online()
            self._become("online")
        self._received(record)

    def _ended(self, error: Exception | None) -> None:
        if self.status.state == "over":
            return
        self.connection = None
        self._lost()
        try:
            if self._security.tries_again(error):
                self._dial()
                return
        except FinalError as final:
            error = final
        if isinstance(error, FinalError):
            self.goodbye = None  # the error says more
            self.stop(error)
            return
        again = self._again()
        if again is Again.AT_ONCE:
            self._dial()
            return
        reason = self.goodbye.reason if self.goodbye is not None else None
        delay = self._policy.delay(self._reactor.clock(), reason) if again is Again.LATER else None
        if delay is None:
            self.stop(error)
            return
        self._become("waiting", error, delay)
        if self.status.state != "over":
            self._timer = self._reactor.call_later(delay, self._dial)

    def _become(self, state: str, error: Exception | None = None, delay: float = 0.0) -> None:
        self.status = Status(state, error, delay, self.goodbye)
        self._changed(self.status)
