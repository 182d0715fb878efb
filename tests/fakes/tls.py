"""Certificates for tests, and both ends of a TLS connection after its handshake."""

import atexit
import contextlib
import functools
import socket
import ssl
import tempfile
from pathlib import Path

from pylingo.client.bench.certificate import make_certificate
from pylingo.reactor.engine.tls import ClientTls, ServerTls, server_context


@functools.cache
def certificate() -> tuple[str, str]:
    """The files of a certificate for 127.0.0.1 and its key, made once in each process."""
    folder = tempfile.TemporaryDirectory(prefix="pylingo-tls-")
    atexit.register(folder.cleanup)
    return make_certificate(Path(folder.name))


@functools.cache
def server_tls() -> ServerTls:
    """The server's side with that certificate."""
    context = server_context()
    context.load_cert_chain(*certificate())
    return ServerTls(context, der())


def der() -> bytes:
    """That certificate as DER."""
    return ssl.PEM_cert_to_DER_cert(Path(certificate()[0]).read_text())


def trusting(**versions: ssl.TLSVersion) -> ssl.SSLContext:
    """A client's context that trusts that certificate, for its address alone."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(certificate()[0])
    for name, version in versions.items():
        setattr(context, name, version)
    return context


@functools.cache
def client_tls() -> ClientTls:
    """The client's side that trusts that certificate."""
    return ClientTls(trusting(), "127.0.0.1")


def shake_hands(near: socket.socket, far: socket.socket) -> tuple[ssl.SSLSocket, ssl.SSLSocket]:
    """TLS on both ends of a connection, the server's first; neither blocks."""
    near.setblocking(False)
    far.setblocking(False)
    server, client = server_tls().wrap(near), client_tls().wrap(far)
    for _ in range(5):
        for side in (client, server):
            with contextlib.suppress(ssl.SSLWantReadError):
                side.do_handshake()
    with contextlib.suppress(ssl.SSLWantReadError):
        client.read(1)  # takes in the session ticket
    return server, client
