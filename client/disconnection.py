"""The sentence that says why there is no connection to the server. Pure."""

import socket

from pylingo.client.reconnect import FinalError
from pylingo.shared.messages import Goodbye
from pylingo.shared.text import printable

_BAD_CERTIFICATES = {  # by OpenSSL's X509_V_ERR_ number
    9: "is not valid yet: is the clock of this machine right?",
    10: "has expired",
    18: "is its own issuer, and nobody else vouches for it",
    19: "ends in an issuer that this machine does not trust",
    20: "is from an issuer that this machine does not know",
    62: "is for another host",
    64: "is for another address",
}


def why_no_connection(error: Exception | None, goodbye: Goodbye | None, where: str) -> str:
    """A sentence that says why there is no connection to the server at `where`."""
    if goodbye is not None and goodbye.reason == "tls":
        return f"{where} is encrypted: connect with the link that the server printed, or to pylingo://{where}"
    if goodbye is not None:
        return f"{where} ended the connection: {printable(goodbye.text)}"
    if isinstance(error, FinalError):
        return printable(str(error))
    # The system reports a reset, not an end, if the server had not read everything.
    if error is None or isinstance(error, ConnectionResetError | BrokenPipeError):
        return f"the connection to {where} broke: the server went away"
    if isinstance(error, ConnectionRefusedError):
        return f"connection refused: no server listens on {where}"
    if isinstance(error, socket.gaierror):
        later = error.errno == socket.EAI_AGAIN
        words = f"the host in {where} cannot be looked up at present" if later else f"unknown host in {where}"
        return f"{words}: {error.strerror}"
    return _why_no_tls(error, where) or f"no connection to {where}: {getattr(error, 'strerror', None) or error}"


def _why_no_tls(error: Exception, where: str) -> str | None:
    """The sentence for a handshake that failed; None if the error is not about TLS."""
    import ssl  # takes some milliseconds, and a client without TLS needs it here at most

    from pylingo.reactor.engine.handshake import NotTlsError
    from pylingo.reactor.engine.tls import reason_of

    if isinstance(error, NotTlsError):
        return f"{where} does not speak TLS: connect to it without encryption, or to another port"
    if isinstance(error, ssl.SSLCertVerificationError):
        words = _BAD_CERTIFICATES.get(error.verify_code, f"was refused: {printable(reason_of(error))}")
        return f"the certificate of {where} {words}"
    if isinstance(error, ssl.SSLError):
        return f"no encrypted connection to {where}: {printable(reason_of(error))}"
    return None
