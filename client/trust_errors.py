"""The errors of `trust`. The window handles them, and imports `trust` only if it has TLS."""

from pylingo.client.reconnect import FinalError


class TrustError(FinalError):
    """The server is not trusted."""


class UnknownCertificateError(TrustError):
    """Nobody vouches for the server's certificate, and the person was not asked yet."""

    def __init__(self, where: str, fingerprint: str, why: str) -> None:
        super().__init__(
            f"the certificate of {where} is not known ({why}): its fingerprint is {fingerprint}; if the server's"
            " operator gives you the same, accept it in the window, or once with --accept-new"
        )
        self.where = where
        self.fingerprint = fingerprint
        self.why = why
