"""Dialling with and without TLS, on real sockets."""

import socket
import ssl
from collections.abc import Iterator

import pytest

from pylingo.reactor.engine.loop import Reactor
from pylingo.reactor.engine.tls import ClientTls, TlsChannel
from pylingo.reactor.engine.tls_dial import Stream, TlsDial
from tests.fakes.tls import client_tls, der, server_tls
from tests.support import DEADLINE, wait_until


class Dialled:
    """A listening socket, and what dialling it has come to."""

    def __init__(self) -> None:
        self.reactor = Reactor()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(DEADLINE)
        self.streams: list[Stream] = []
        self.errors: list[Exception] = []

    def dial(self, tls: ClientTls | None) -> TlsDial:
        target = (socket.AF_INET, self.listener.getsockname())
        return TlsDial(self.reactor, [target], tls, self.streams.append, self.errors.append)

    def turn_until(self, condition) -> None:
        wait_until(lambda: self.reactor.tick(0.01) or condition())

    def accept(self) -> socket.socket:
        self.turn_until(lambda: True)
        return self.listener.accept()[0]

    def close(self) -> None:
        for stream in self.streams:
            stream.close()
        self.listener.close()
        self.reactor.close()


@pytest.fixture
def dialled() -> Iterator[Dialled]:
    made = Dialled()
    yield made
    made.close()


def test_without_tls_the_socket_itself_is_given(dialled: Dialled) -> None:
    dialled.dial(None)
    dialled.turn_until(lambda: dialled.streams)
    (sock,) = dialled.streams
    assert isinstance(sock, socket.socket)
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_with_tls_the_channel_comes_after_the_handshake(dialled: Dialled) -> None:
    dialled.dial(client_tls())
    with dialled.accept() as accepted:
        accepted.setblocking(False)
        with server_tls().wrap(accepted) as server:

            def shaken() -> bool:
                try:
                    server.do_handshake()
                except ssl.SSLWantReadError:
                    return False
                return True

            dialled.turn_until(shaken)
            dialled.turn_until(lambda: dialled.streams)
            (channel,) = dialled.streams
            assert isinstance(channel, TlsChannel)
            assert channel.certificate == der()
            assert channel.version == "TLSv1.3"


def test_a_handshake_that_fails_closes_the_socket(dialled: Dialled) -> None:
    dial = dialled.dial(client_tls())
    with dialled.accept() as accepted:
        accepted.sendall(b"\x15\x03\x03\x00\x02\x02\x28")  # the alert handshake_failure
        dialled.turn_until(lambda: dialled.errors)
        assert [isinstance(error, ssl.SSLError) for error in dialled.errors] == [True]
        assert dial.target == (socket.AF_INET, dialled.listener.getsockname()), "it has answered the connect"
        accepted.settimeout(DEADLINE)
        while accepted.recv(1_000):
            pass


def test_an_address_where_nobody_listens(dialled: Dialled) -> None:
    dialled.listener.close()
    with socket.create_server(("127.0.0.1", 0)) as free:
        target = (socket.AF_INET, free.getsockname())
    dial = TlsDial(dialled.reactor, [target], client_tls(), dialled.streams.append, dialled.errors.append)
    dialled.turn_until(lambda: dialled.errors)
    assert dial.target is None
    assert [type(error) for error in dialled.errors] == [ConnectionRefusedError] or dialled.errors


@pytest.mark.parametrize("is_connected", [False, True])
def test_cancelling(dialled: Dialled, is_connected: bool) -> None:
    dial = dialled.dial(client_tls())
    if is_connected:
        with dialled.accept() as accepted:
            accepted.settimeout(0.01)

            def greeted() -> bool:
                try:
                    return bool(accepted.recv(1_000))
                except TimeoutError:
                    return False

            dialled.turn_until(greeted)
            dial.cancel()
            accepted.settimeout(DEADLINE)
            assert accepted.recv(1_000) == b""
    dial.cancel()
    for _ in range(3):
        dialled.reactor.tick(0.01)
    assert (dialled.streams, dialled.errors) == ([], [])
