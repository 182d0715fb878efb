"""The bytes that the kernel has counted for a connection."""

import socket
import sys
import time
from unittest import mock

import pytest

from pylingo.reactor.engine.loop import Reactor
from pylingo.reactor.engine.tcp_bytes import TcpBytes, tcp_bytes
from pylingo.reactor.engine.transport import Transport
from tests.support import DEADLINE, wait_until


@pytest.fixture
def pair():
    """Two connected sockets."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as one:
        other, _ = server.accept()
        with other:
            yield one, other


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux counts them")
def test_each_direction_is_counted_without_the_ends(pair):
    ours, theirs = pair
    assert tcp_bytes(ours.fileno(), has_ended=False) == TcpBytes(0, 0)
    theirs.sendall(b"x" * 1_000)
    ours.sendall(b"x" * 300)
    assert len(ours.recv(1_000, socket.MSG_WAITALL)) == 1_000
    assert tcp_bytes(ours.fileno(), has_ended=False) == TcpBytes(1_000, 300)
    theirs.shutdown(socket.SHUT_WR)
    assert ours.recv(1) == b""
    ours.shutdown(socket.SHUT_WR)
    assert tcp_bytes(ours.fileno(), has_ended=True) == TcpBytes(1_000, 300)
    ours.getsockname()  # it is still open


def test_what_is_no_connection_of_tcp_has_none(pair, monkeypatch):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert tcp_bytes(ours.fileno(), has_ended=False) is None
    assert tcp_bytes(-1, has_ended=False) is None
    assert tcp_bytes(10_000, has_ended=False) is None
    monkeypatch.setattr("sys.platform", "darwin")
    assert tcp_bytes(pair[0].fileno(), has_ended=False) is None


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux counts them")
def test_a_transport_has_them_until_it_is_closed(pair):
    reactor = Reactor()
    ours, theirs = pair
    receiver = mock.Mock()
    transport = Transport(reactor, ours, receiver)
    counts: list[TcpBytes | None] = []
    receiver.connection_lost = lambda error: counts.append(transport.tcp_bytes)
    transport.write(b"x" * 70)
    theirs.sendall(b"x" * 9)
    reactor.tick(0)
    theirs.shutdown(socket.SHUT_WR)
    end = time.monotonic() + DEADLINE
    while theirs.recv(70, socket.MSG_DONTWAIT | socket.MSG_PEEK) != b"x" * 70:
        assert time.monotonic() < end
    transport.close()
    wait_until(lambda: reactor.tick(0.01) or transport.fileno() < 0)
    assert counts == [TcpBytes(9, 70)]
    assert transport.tcp_bytes is None
    reactor.close()
