"""How a client secures its connections: without TLS, with a context of the caller's, or as its `Trust` decides.

A connection that the system's authorities do not vouch for fails in the handshake, before its certificate can be seen.
So the client connects once more without them, looks at the certificate, and sends nothing unless that is accepted.
"""

import ssl

from pylingo.client.trust import Trust
from pylingo.reactor.engine.tls import ClientTls, harden, reason_of


class Security:
    """With a `trust`, that decides; with a `context`, that alone; with neither, connections are not encrypted.

    `hostname` is whose certificate is expected.
    """

    def __init__(self, hostname: str, *, trust: Trust | None = None, context: ssl.SSLContext | None = None) -> None:
        self.trust = trust
        self._context = context
        self._hostname = hostname.partition("%")[0].rstrip(".")  # neither a zone nor the last dot is in a certificate
        self._is_retrying = False

    @property
    def is_encrypted(self) -> bool:
        return self.trust is not None or self._context is not None

    @property
    def may_invite(self) -> bool:
        """Whether an invitation may be sent on the present connection."""
        return self._context is not None if self.trust is None else self.trust.may_invite

    def begin(self) -> ClientTls | None:
        """Return what the next connection is secured with. Raises `TrustError` if it is useless to connect."""
        if self.trust is None:
            return None if self._context is None else ClientTls(self._context, self._hostname)
        if not self._is_retrying:
            self.trust.begin()
        self._is_retrying = False
        return ClientTls(_context(self.trust.asks_authorities), self._hostname)

    def tries_again(self, error: Exception | None) -> bool:
        """Whether to connect once more at once, after a handshake failed with `error`. Raises `TrustError`."""
        if self.trust is None or not isinstance(error, ssl.SSLCertVerificationError):
            return False
        self.trust.not_verified(reason_of(error))
        self._is_retrying = True
        return True

    def check(self, certificate: bytes | None) -> None:
        """Accept the certificate of a new connection, before anything is sent. Raises `TrustError`."""
        if self.trust is not None:
            self.trust.check(certificate or b"")


def _context(asks_authorities: bool) -> ssl.SSLContext:
    context = ssl.create_default_context() if asks_authorities else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    harden(context)
    if not asks_authorities:  # the fingerprint is compared after the handshake
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
