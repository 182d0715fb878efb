"""The connections of a client, one after the other: dials, checks the server, and decides what follows an end.

After a connection to one of several addresses has ended, the next address is tried at once, as `AddressList` says.
"""

import enum
import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from pylingo.client.address_list import AddressList, Endpoint
from pylingo.client.connection import ClientConnection
from pylingo.client.events import Status
from pylingo.client.reconnect import ELSEWHERE, FinalError, ReconnectPolicy
from pylingo.reactor.engine.dial import TIMEOUT, Resolver, Target
from pylingo.reactor.engine.loop import Reactor
from pylingo.reactor.engine.timers import Timer
from pylingo.shared.messages import Goodbye, Ready
from pylingo.shared.schema import Record

if TYPE_CHECKING:
    from pylingo.reactor.engine.tls import ClientTls


HASTE = 3.0
"""Seconds for connecting to one address while there are other servers to try."""
STEADY = 1.0
"""Seconds online after which a loss begins a new round of all addresses. Otherwise servers that accept people and drop
them would be tried without a pause."""


class Again(enum.Enum):
    """Whether another connection follows one that has ended, and when."""

    AT_ONCE = enum.auto()
    LATER = enum.auto()
    """As the `ReconnectPolicy` says."""
    NEVER = enum.auto()


class Connector:
    """See the module. `targets` replace the look-up of each server's name.

    Calls `connected(certificate)` once the server of a new connection is checked; `certificate` is in DER, and None
    without TLS. Calls `received(record)` for each frame, `lost()` after each connection, `again()` if nothing else
    decides what follows it, `drained()` when everything queued has been sent, and `changed(status)` for each new
    `status`.
    """

    def __init__(
        self,
        reactor: Reactor,
        servers: AddressList,
        policy: ReconnectPolicy,
        *,
        targets: Sequence[Target] | None = None,
        connected: Callable[[bytes | None], object],
        received: Callable[[Record], object],
        lost: Callable[[], object],
        again: Callable[[], Again],
        drained: Callable[[], object],
        changed: Callable[[Status], object],
    ) -> None:
        self.status = Status("connecting", where=servers.current.where)
        self.goodbye: Goodbye | None = None
        """The server's goodbye, if the last connection ended with one."""
        self.connection: ClientConnection | None = None
        """The present connection, which may not be established yet."""
        self._reactor = reactor
        self._servers = servers
        self._targets = targets
        self._resolvers: dict[Endpoint, Resolver] = {}
        self._policy = policy
        self._online_since: float | None = None
        self._connected = connected
        self._received = received
        self._lost = lost
        self._again = again
        self._drained = drained
        self._changed = changed
        self._closing: ClientConnection | None = None  # after the end, until everything queued is sent
        self._timer: Timer | None = None

    @property
    def server(self) -> Endpoint:
        """The server of the present connection, or of the next one."""
        return self._servers.current

    def connect(self) -> None:
        """Begin anew, as if there had been no connection before."""
        self.goodbye = None
        self._servers.refresh()
        self._policy.restart()
        self._dial()

    def hurry(self) -> None:
        """Try again at once instead of waiting."""
        if self.status.state == "waiting" and self._timer is not None:
            self._timer.cancel()
            self._policy.hurry()
            self._dial()

    def stop(self, error: Exception | None = None, where: str | None = None) -> None:
        """End the connection after everything queued has been sent, and do not reconnect.

        `error` is about the server at `where`, by default the current one.
        """
        if self._timer is not None:
            self._timer.cancel()
        if self.connection is not None:
            self.connection.close()
        self._closing, self.connection = self.connection, None
        self._become("over", error, where=where)

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
        if self.server.security.is_encrypted:
            self._reactor.call_soon(self._dial_securely)  # it reads files, which takes longer than a first frame
        else:
            self._dial_with(None)

    def _dial_securely(self) -> None:
        if self.status.state != "connecting" or self.connection is not None:
            return
        try:
            self._dial_with(self.server.security.begin())
        except FinalError as error:
            self.stop(error)

    def _dial_with(self, tls: "ClientTls | None") -> None:
        self.connection = ClientConnection(
            self._reactor,
            self._targets or self._resolver(),
            self._established,
            self._heard,
            self._drained,
            self._ended,
            tls,
            HASTE if self._servers.has_others else TIMEOUT,
        )

    def _resolver(self) -> Resolver:
        """The resolver of the current server, whose name is looked up for each attempt, since the server may move."""
        server = self.server
        if server not in self._resolvers:
            arrange = functools.partial(self._servers.arrange, server)
            self._resolvers[server] = Resolver(self._reactor, server.host, server.port, arrange)
        return self._resolvers[server]

    def _established(self) -> None:
        self.goodbye = None
        assert self.connection is not None
        certificate = self.connection.certificate
        try:
            self.server.security.check(certificate)
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
            self._online_since = self._reactor.clock()
            self._become("online")
        self._received(record)

    def _ended(self, error: Exception | None) -> None:
        if self.status.state == "over":
            return
        answered = self.connection.target if self.connection is not None else None
        self.connection = None
        self._lost()
        try:
            if self.server.security.tries_again(error):
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
        where = self.server.where
        if again is Again.LATER and reason in ELSEWHERE and self._moves_on(answered):
            if self.server.where != where:
                self.goodbye = None
            self._dial()
            return
        delay = self._policy.delay(self._reactor.clock(), reason) if again is Again.LATER else None
        if delay is None:
            self.stop(error, where)
            return
        self._become("waiting", error, delay, where)
        if self.status.state != "over":
            self._timer = self._reactor.call_later(delay, self._dial)

    def _moves_on(self, answered: Target | None) -> bool:
        """Whether another address is to be tried at once, which is the current one then."""
        now = self._reactor.clock()
        if self._online_since is not None and now - self._online_since >= STEADY:
            self._servers.refresh()
        self._online_since = None
        return self._servers.ended(answered) and self._policy.goes_on(now)

    def _become(self, state: str, error: Exception | None = None, delay: float = 0.0, where: str | None = None) -> None:
        self.status = Status(state, error, delay, self.goodbye, where or self.server.where)
        self._changed(self.status)
