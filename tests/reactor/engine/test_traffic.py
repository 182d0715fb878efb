"""What goes through a transport is counted, once for each system call."""

import socket

import pytest

from pylingo.reactor.engine.loop import Reactor
from pylingo.reactor.engine.traffic import Traffic
from pylingo.reactor.engine.transport import Transport


class Silent:
    def data_received(self, data): ...
    def eof_received(self): ...
    def drained(self): ...
    def connection_lost(self, error): ...


@pytest.fixture
def reactor():
    made = Reactor()
    yield made
    made.close()


def test_bytes_and_system_calls_of_all_transports_together(reactor):
    traffic = Traffic()
    pairs = [socket.socketpair() for _ in range(2)]
    transports = [Transport(reactor, ours, Silent(), traffic) for ours, _ in pairs]
    for (_, theirs), transport in zip(pairs, transports, strict=True):
        theirs.send(b"12345")
        transport.write(b"abc")
        transport.write(b"de")
    reactor.tick(0)
    assert (traffic.reads, traffic.bytes_received, traffic.sends) == (2, 10, 2)
    other = socket.socketpair()
    Transport(reactor, other[0], Silent()).write(b"not counted")
    reactor.tick(0)
    assert traffic.sends == 2
    for pair in (*pairs, other):
        for sock in pair:
            sock.close()


def test_only_system_calls_that_took_something_count(reactor):
    traffic = Traffic()
    ours, theirs = socket.socketpair()
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4_096)
    transport = Transport(reactor, ours, Silent(), traffic)
    transport.write(b"x" * 2**20)
    for _ in range(3):
        reactor.tick(0)
    assert 0 < transport.queued < 2**20
    assert traffic.sends == 1
    theirs.recv(2**20)
    reactor.tick(0)
    assert traffic.sends == 2
    ours.close()
    theirs.close()
