"""How a client secures its connections: the interface, and the implementation that does not.

`encryption` has the one with TLS. A client without TLS never imports that, which keeps its start short.
"""

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pylingo.client.trust import Trust
    from pylingo.reactor.engine.tls import ClientTls


class Security(Protocol):
    """The security of all connections of one client."""

    @property
    def is_encrypted(self) -> bool: ...
    @property
    def trust(self) -> "Trust | None":
        """The trust in the server, if that decides which certificates are good."""

    @property
    def may_invite(self) -> bool:
        """Whether an invitation may be sent on the present connection."""

    def begin(self) -> "ClientTls | None":
        """Return what the next connection is secured with. Raises `TrustError` if it is useless to connect."""

    def tries_again(self, error: Exception | None) -> bool:
        """Whether to connect once more at once, after a handshake failed with `error`. Raises `TrustError`."""

    def check(self, certificate: bytes | None) -> None:
        """Accept the certificate of a new connection, before anything is sent. Raises `TrustError`."""


class Unencrypted:
    """Connections without TLS."""

    is_encrypted = False
    trust = None
    may_invite = False

    def begin(self) -> None:
        return None

    def tries_again(self, error: Exception | None) -> bool:
        return False

    def check(self, certificate: bytes | None) -> None:
        pass
