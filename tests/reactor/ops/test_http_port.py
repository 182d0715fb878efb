"""The port of scrapers among many of them, and in the time that they get."""

import socket

import pytest

from pylingo.reactor.engine.loop import Reactor
from pylingo.reactor.engine.transport import Transport
from pylingo.reactor.ops.budget import CREDIT, LONGEST, SHARE
from pylingo.reactor.ops.http_port import MOST_SCRAPERS, HttpPort
from pylingo.reactor.ops.scraper import Response
from tests.fakes.clock import Clock
from tests.fakes.scrapes import GET, Desk


@pytest.fixture
def desk():
    made = Desk(Reactor())
    yield made
    made.close()


def answered(desk, peer):
    return desk.read(peer, lambda found: found.endswith(b"ok\n"))


def test_a_newcomer_gets_in_and_the_one_that_was_silent_for_longest_makes_room(desk):
    silent = [desk.connect() for _ in range(MOST_SCRAPERS)]
    desk.turn_until(lambda: len(desk.port) == MOST_SCRAPERS)
    silent[0].send(GET)
    assert answered(desk, silent[0])
    newcomer = desk.connect(GET)
    assert answered(desk, newcomer)
    assert desk.read_all(silent[1]) == b""
    silent[0].send(GET)
    assert answered(desk, silent[0])
    assert len(desk.port) == MOST_SCRAPERS


def test_of_many_who_connect_at_once_only_some_hold_a_descriptor(desk):
    for _ in range(4 * MOST_SCRAPERS):
        desk.connect()
    most = 0

    def is_over():
        nonlocal most
        most = max(most, len(desk.port))
        return most == MOST_SCRAPERS

    desk.turn_until(is_over)
    assert answered(desk, desk.connect(GET))
    assert len(desk.port) <= MOST_SCRAPERS


def test_one_with_a_request_does_not_make_room(desk):
    desk.holds = True
    waiting = desk.connect(GET)
    desk.turn_until(lambda: desk.held)
    silent = [desk.connect() for _ in range(MOST_SCRAPERS)]
    desk.read_all(silent[0])
    assert len(desk.port) == MOST_SCRAPERS
    assert waiting.fileno() >= 0
    with pytest.raises(BlockingIOError):
        waiting.recv(1)


def test_answers_take_a_share_of_the_time():
    clock = Clock()
    desk = Desk(Reactor(clock, most_late=float("inf")))
    desk.before = lambda: clock.advance(0.02)
    peer = desk.connect()
    try:
        while not desk.port.delay():
            peer.send(GET)
            answered(desk, peer)
        count = len(desk.seen)
        assert count * 0.02 == pytest.approx(CREDIT * SHARE, abs=0.02)
        peer.send(GET)
        for _ in range(20):
            desk.reactor.tick(0.001)
        assert len(desk.seen) == count
        clock.advance(LONGEST)
        assert answered(desk, peer)
    finally:
        desk.close()


def test_an_answer_that_comes_later_takes_its_share_as_well():
    clock = Clock()
    desk = Desk(Reactor(clock, most_late=float("inf")))
    desk.holds = True
    peer = desk.connect(GET)
    try:
        desk.turn_until(lambda: desk.held)

        def make():
            clock.advance(0.8 * CREDIT * SHARE)
            return Response(200, b"ok\n")

        desk.held[0](make)
        assert answered(desk, peer)
        assert desk.port.delay() == 0.0
        peer.send(GET)
        desk.turn_until(lambda: len(desk.held) == 2)
        desk.held[1](make)
        assert answered(desk, peer)
        assert desk.port.delay() > 0.1
    finally:
        desk.close()


def test_a_loop_that_is_busy_sending_sends_an_answer_as_well(desk):
    desk.body = b"x" * 50_000 + b"ok\n"
    desk.reactor.sending = 1e-9  # one connection in a tick
    pairs = [socket.socketpair() for _ in range(3)]
    transports = [Transport(desk.reactor, ours) for ours, _ in pairs]

    def talk():
        for transport in transports:
            transport.write(b"x")
        desk.reactor.call_soon(talk)

    talk()
    assert len(answered(desk, desk.connect(GET))) > 50_000
    for transport, (_, theirs) in zip(transports, pairs, strict=True):
        transport.abort()
        theirs.close()


def test_an_error_in_an_answer_ends_one_connection_alone():
    errors = []
    desk = Desk(Reactor(on_error=lambda source, error: errors.append(error)))

    def fail():
        desk.before = lambda: None
        raise ZeroDivisionError

    desk.before = fail
    assert desk.read_all(desk.connect(GET)) == b""
    assert answered(desk, desk.connect(GET))
    assert [type(error) for error in errors] == [ZeroDivisionError]
    desk.close()


def test_a_port_that_is_closed_accepts_nobody(desk):
    assert isinstance(desk.port, HttpPort)
    desk.port.close()
    with socket.socket() as peer, pytest.raises(ConnectionRefusedError):
        peer.connect(desk.address)
