"""The connection that carries a session, as the session knows it."""

from typing import Protocol


class Peer[S](Protocol):
    """The connection that carries a session of the type `S`."""

    @property
    def host(self) -> str:
        """The peer's address."""

    @property
    def certificate(self) -> bytes | None:
        """The certificate that the peer was shown, as DER; None without TLS."""

    def attach(self, session: S) -> None:
        """Carry `session` from now on, instead of the one before."""

    def said_hello(self) -> None:
        """The client has said hello: it comes back to its rooms now."""

    def ended(self, reason: str) -> None:
        """The goodbye is in the transport: flush it and close."""

    def go_on(self) -> None:
        """The session is no longer busy: handle what has come meanwhile."""
