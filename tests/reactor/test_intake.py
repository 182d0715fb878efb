"""The port of a server: bound, opened, held and closed."""

import contextlib
import socket

import pytest

from pylingo.reactor.config import ServerSettings
from pylingo.reactor.engine.loop import Reactor
from pylingo.reactor.intake import Port
from pylingo.shared.address import parse_address
from tests.support import wait_until


@pytest.fixture
def reactor():
    reactor = Reactor()
    yield reactor
    reactor.close()


@pytest.fixture
def accepted():
    with contextlib.ExitStack() as stack:
        accepted = []
        yield accepted
        for sock in accepted:
            stack.enter_context(sock)


def connect(stack, address):
    return stack.enter_context(socket.create_connection(parse_address(address)))


def test_peers_wait_until_the_port_is_open_and_while_it_is_held(reactor, accepted):
    port = Port(reactor)
    address = port.bind(ServerSettings(port=0), ())
    with contextlib.ExitStack() as stack:
        connect(stack, address)
        reactor.tick(0.01)
        assert accepted == []
        port.open(lambda sock, peer: accepted.append(sock), lambda sock: None)
        wait_until(lambda: reactor.tick(0.001) or len(accepted) == 1)
        port.hold()
        connect(stack, address)
        reactor.tick(0.01)
        assert len(accepted) == 1
        port.go_on()
        wait_until(lambda: reactor.tick(0.001) or len(accepted) == 2)
        port.close()


def test_accepted_sockets_have_the_buffer_of_the_settings(reactor, accepted):
    port = Port(reactor)
    address = port.bind(ServerSettings(port=0, queue_soft=65_536), ())
    port.open(lambda sock, peer: accepted.append(sock), lambda sock: None)
    sizes = []
    with contextlib.ExitStack() as stack:
        for soft in (65_536, 131_072):
            port.configure(ServerSettings(queue_soft=soft, accepts=5))
            connect(stack, address)
            wait_until(lambda: reactor.tick(0.001) or len(accepted) == len(sizes) + 1)
            sizes.append(accepted[-1].getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF))
    assert sizes[1] == 2 * sizes[0]
    assert [listener.accepts for listener in port.listeners] == [5]
    port.close()


def test_a_closed_port_is_not_opened(reactor):
    port = Port(reactor)
    address = port.bind(ServerSettings(port=0), ())
    port.close()
    port.open(lambda sock, peer: None, lambda sock: None)
    port.configure(ServerSettings())
    assert port.listeners == []
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(parse_address(address))


def test_whom_a_port_turns_away_is_refused_at_once(reactor, accepted):
    port = Port(reactor)
    address = port.bind(ServerSettings(port=0), ())
    port.open(lambda sock, peer: accepted.append(sock), lambda sock: None)
    with contextlib.ExitStack() as stack:
        for _ in range(2):
            port.turn_away()
            port.turn_away()
            port.hold()
            with pytest.raises(ConnectionRefusedError):
                connect(stack, address)
            port.go_on()
            port.go_on()
            connect(stack, address)
            wait_until(lambda: reactor.tick(0.001) or accepted)
            accepted.pop().close()
        port.turn_away()
        port.close()
        port.go_on()  # Redis may come back while a server stops


def test_an_inherited_socket_listens_on_for_the_process_that_has_passed_it(reactor, accepted):
    with socket.create_server(("127.0.0.1", 0)) as sock, contextlib.ExitStack() as stack:
        port = Port(reactor, inherited=[sock.dup()])
        address = port.bind(ServerSettings(host="127.0.0.1", port=1), ())
        assert parse_address(address) == sock.getsockname()
        port.open(lambda sock, peer: accepted.append(sock), lambda sock: None)
        port.turn_away()
        connect(stack, address)
        port.go_on()
        wait_until(lambda: reactor.tick(0.001) or accepted)
        port.close()
        connect(stack, address)
        stack.enter_context(sock.accept()[0])
