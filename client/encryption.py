"""The security of a client with TLS: a context of the caller's decides which certificates are good, or a `Trust`.

A connection that the system's authorities do not vouch for fails in the handshake, before its certificate can be seen.
So the client connects once more without them, looks at the certificate, and sends nothing unless that is accepted.
"""

import ssl

from pylingo.client.trust import Trust
from pylingo.reactor.engine.tls import ClientTls, harden, reason_of


class Encryption:
    """A `Security` with TLS. `judge` decides which certificates are good: the trust in the server, or a context alone.

    `hostname` is whose certificate is expected.
    """

    is_encrypted = True

    def __init__(self, hostname: str, judge: Trust | ssl.SSLContext) -> None:
        self._judge = judge
        self._hostname = hostname.partition("%")[0].rstrip(".")  # neither a zone nor the last dot is in a certificate
        self._is_retrying = False

    @property
    def trust(self) -> Trust | None:
        return self._judge if isinstance(self._judge, Trust) else None

    @property
    def may_invite(self) -> bool:
        return self.trust is None or self.trust.may_invite

    def begin(self) -> ClientTls:
        if isinstance(self._judge, ssl.SSLContext):
            return ClientTls(self._judge, self._hostname)
        if not self._is_retrying:
            self._judge.begin()
        self._is_retrying = False
        return ClientTls(_context(self._judge.asks_authorities), self._hostname)

    def tries_again(self, error: Exception | None) -> bool:
        if self.trust is None or not isinstance(error, ssl.SSLCertVerificationError):
            return False
        self.trust.not_verified(reason_of(error))
        self._is_retrying = True
        return True

    def check(self, certificate: bytes | None) -> None:
        if self.trust is not None:
            self.trust.check(certificate or b"")


def _context(asks_authorities: bool) -> ssl.SSLContext:
    context = ssl.create_default_context() if asks_authorities else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    harden(context)
    if not asks_authorities:  # the fingerprint is compared after the handshake
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
