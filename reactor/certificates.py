"""The certificate of the server and its key, read from files and tried out before anybody meets them."""

import ssl
from collections.abc import Callable
from pathlib import Path

from pylingo.reactor.config import ServerSettings
from pylingo.reactor.engine.tls import ClientTls, ServerTls, reason_of, server_context
from pylingo.shared.launch import LaunchError

_EXPIRED, _NOT_YET_VALID = 10, 9  # X509_V_ERR_CERT_HAS_EXPIRED and X509_V_ERR_CERT_NOT_YET_VALID of OpenSSL
_MOST_MESSAGES = 10  # far more than a handshake has


def load_tls(settings: ServerSettings) -> ServerTls | None:
    """The server's side of TLS; None without a certificate. Raises `LaunchError`. Reads files, so it can block."""
    if not settings.tls_cert:
        if settings.irc_tls_port is not None:
            raise LaunchError(
                "--irc-tls-port needs a certificate: give --tls-cert and --tls-key, or --data without --no-tls"
            )
        return None
    chain = _read("--tls-cert", settings.tls_cert)
    key = _read("--tls-key", settings.tls_key)
    context = server_context()
    try:
        certificate = ssl.PEM_cert_to_DER_cert(_first_certificate(chain))
        context.load_cert_chain(settings.tls_cert, settings.tls_key, password=_refuse_encrypted(settings.tls_key))
    except (ssl.SSLError, ValueError) as error:
        raise LaunchError(_why_unusable(settings, key, error)) from None
    tls = ServerTls(context, certificate)
    _try_out(tls, settings.tls_cert)
    return tls


def _read(option: str, path: str) -> str:
    try:
        return Path(path).read_text(encoding="ascii", errors="replace")
    except OSError as error:
        raise LaunchError(f"cannot read {option} {path}: {error.strerror}") from None


def _first_certificate(chain: str) -> str:
    """The first certificate in a file that may hold a chain, and words between. Raises `ValueError`."""
    start = chain.index(ssl.PEM_HEADER)
    return chain[start : chain.index(ssl.PEM_FOOTER, start) + len(ssl.PEM_FOOTER)]


def _refuse_encrypted(path: str) -> Callable[[], str]:
    """A callback that is called for the password of a key; without one, OpenSSL would ask on the terminal."""

    def refuse() -> str:
        raise LaunchError(
            f"the key in --tls-key {path} is encrypted: decrypt it with  openssl pkey -in {path} -out KEYFILE"
        )

    return refuse


def _why_unusable(settings: ServerSettings, key: str, error: Exception) -> str:
    """A sentence that says why OpenSSL takes the two files not."""
    reason = getattr(error, "reason", None)
    if reason == "KEY_VALUES_MISMATCH":
        return f"the key in --tls-key {settings.tls_key} does not belong to the certificate in --tls-cert"
    if isinstance(error, ValueError) and reason is None:
        return f"there is no certificate in --tls-cert {settings.tls_cert}: it must be a PEM file"
    if "PRIVATE KEY-----" not in key:
        return f"there is no private key in --tls-key {settings.tls_key}: it must be a PEM file"
    return f"--tls-cert {settings.tls_cert} and --tls-key {settings.tls_key} cannot be used: {reason_of(error)}"


def _try_out(tls: ServerTls, path: str) -> None:
    """Shake hands with ourselves, in memory. Raises `LaunchError` if a client would find the certificate out of date.

    Whether clients trust its issuer is not our business: the certificate itself is trusted here.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    try:
        context.load_verify_locations(cadata=tls.certificate)
        _shake_hands(tls, ClientTls(context))
    except ssl.SSLCertVerificationError as error:
        if error.verify_code == _EXPIRED:
            raise LaunchError(f"the certificate in --tls-cert {path} has expired") from None
        if error.verify_code == _NOT_YET_VALID:
            raise LaunchError(f"the certificate in --tls-cert {path} is not valid yet") from None
    except ssl.SSLError as error:
        raise LaunchError(f"no TLS handshake is possible with --tls-cert {path}: {reason_of(error)}") from None


def _shake_hands(server: ServerTls, client: ClientTls) -> None:
    """Pass the messages of a handshake back and forth. Raises `ssl.SSLError`."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = [
        client.context.wrap_bio(to_client, to_server),
        server.context.wrap_bio(to_server, to_client, server_side=True),
    ]
    for _ in range(_MOST_MESSAGES):
        for side in list(sides):
            try:
                side.do_handshake()
                sides.remove(side)
            except ssl.SSLWantReadError:
                pass
