"""Connections behind a balancer, on pairs of sockets. A server behind one is in `test_admission`."""

import collections
import ipaddress
import logging
import math
import socket

import pytest

from pylingo.reactor.config import ServerSettings
from pylingo.reactor.engine.listener import ConnectionLimiter
from pylingo.reactor.engine.loop import EVENT_READ, Reactor
from pylingo.reactor.log_format import fields_of
from pylingo.reactor.proxied import QUIET, REASON, ProxyHeaders

BALANCER = ("192.0.2.1", 40_000)
LINE = b"PROXY TCP4 203.0.113.9 192.0.2.1 4321 5000\r\n"
PEER = ("203.0.113.9", 4_321)


class Place:
    """The headers of a server, whose clock the test moves."""

    def __init__(self, reactor, **settings):
        self.reactor = reactor
        self.counts = collections.Counter()
        self.limiter = ConnectionLimiter(0, 0)
        self.headers = ProxyHeaders(reactor, self.counts, self.limiter)
        self.configure(proxy_protocol=(ipaddress.ip_network("192.0.2.0/24"),), **settings)
        self.accepted = []
        self.accept = self.headers.before(lambda sock, address: self.accepted.append((sock, address)))
        self.far_ends = []

    def configure(self, **settings):
        self.headers.configure(ServerSettings(**settings))

    def connect(self, said=b"", address=BALANCER):
        ours, theirs = socket.socketpair()
        self.far_ends.append(theirs)
        theirs.settimeout(5)
        theirs.send(said)
        self.accept(ours, address)
        return theirs

    @property
    def addresses(self):
        return [address for _, address in self.accepted]


@pytest.fixture
def place():
    clock = [1_000.0]
    errors = []
    reactor = Reactor(lambda: clock[0], on_error=lambda source, error: errors.append(error), most_late=math.inf)
    place = Place(reactor)
    place.errors = errors

    def wait(seconds):
        clock[0] += seconds
        reactor.tick(0)

    place.wait = wait
    yield place
    place.headers.close()
    for sock in [*place.far_ends, *(sock for sock, _ in place.accepted)]:
        sock.close()
    reactor.close()


def test_a_connection_from_elsewhere_is_accepted_as_it_is(place):
    place.connect(LINE, ("198.51.100.1", 7))
    ((sock, address),) = place.accepted
    assert (address, sock.recv(100)) == (("198.51.100.1", 7), LINE)


def test_without_the_option_no_header_is_expected(place):
    place.configure()
    place.connect()
    assert place.addresses == [BALANCER]


@pytest.mark.parametrize("address", [BALANCER, ("::ffff:192.0.2.1", 40_000, 0, 0)])
def test_the_address_in_the_header_counts_and_nothing_behind_it_is_read(place, address):
    place.connect(LINE + b"hello", address)
    ((sock, found),) = place.accepted
    assert (found, sock.recv(100)) == (PEER, b"hello")
    assert (len(place.headers), place.limiter.pending) == (0, 0)


def test_a_header_may_come_a_byte_at_a_time(place):
    peer = place.connect()
    for byte in LINE[:-1]:
        peer.send(bytes([byte]))
        place.reactor.tick(0)
        assert (place.accepted, place.limiter.pending) == ([], 1)
    place.reactor.tick(0)
    peer.send(LINE[-1:] + b"hello")
    place.reactor.tick(0)
    ((sock, found),) = place.accepted
    assert (found, sock.recv(100)) == (PEER, b"hello")
    place.wait(100)
    assert not place.counts
    place.reactor.register(sock.fileno(), EVENT_READ, None)  # which it is not any more
    place.reactor.unregister(sock.fileno())


def test_a_header_without_an_address_keeps_the_one_of_the_connection(place):
    place.connect(b"PROXY UNKNOWN\r\n")
    assert place.addresses == [BALANCER]


def is_closed(peer):
    try:
        return peer.recv(1) == b""
    except ConnectionResetError:  # nothing was read
        return True


def test_a_wrong_header_ends_the_connection_with_a_line_in_the_log(place, caplog):
    assert is_closed(place.connect(b"GET / HTTP/1.1\r\n"))
    assert (place.accepted, place.counts, place.limiter.pending) == ([], {REASON: 1}, 0)
    why = "192.0.2.1:40000, a PROXY header was expected, and it begins with something else"
    assert caplog.messages == [f"refused {REASON}: {why}"]
    fields = {"event": "refused", "reason": REASON, "address": "192.0.2.1:40000"}
    assert fields_of(caplog.records[0]) == {**fields, "error": "it begins with something else"}


@pytest.mark.parametrize("said", [b"", LINE[:-1]])
def test_a_header_that_does_not_come_ends_the_connection(place, caplog, said):
    place.configure(proxy_protocol=(ipaddress.ip_network("192.0.2.0/24"),), first_frame_timeout=3)
    peer = place.connect(said)
    place.wait(2.9)
    assert not place.counts
    place.wait(0.2)
    assert is_closed(peer)
    assert place.counts == {REASON: 1}
    assert "none came within 3 s" in caplog.text


@pytest.mark.parametrize(("said", "lines"), [(b"", 0), (b"PROXY", 1)])
def test_a_balancer_that_only_looks_whether_the_port_answers_is_no_line_in_the_log(place, caplog, said, lines):
    place.connect(said).close()
    place.reactor.tick(0)
    assert (place.counts, place.limiter.pending) == ({REASON: 1}, 0)
    assert len(caplog.messages) == lines


def test_the_lines_in_the_log_are_few(place, caplog):
    caplog.set_level(logging.INFO)
    for _ in range(100):
        place.connect(b"\0")
    assert len(caplog.messages) == 1
    place.wait(QUIET)
    place.connect(b"\0")
    place.connect(b"\0")
    assert len(caplog.messages) == 2
    assert caplog.messages[1].endswith("; 99 more before")
    assert place.counts == {REASON: 102}


def test_who_is_awaited_counts_for_the_limit_of_all(place):
    place.limiter.most = 1
    place.connect()
    assert (place.limiter.is_full, place.limiter.admit("203.0.113.1")) == (True, "full")
    place.connect()
    assert place.addresses == [BALANCER]  # which is refused at once
    place.headers.close()
    assert (place.limiter.is_full, place.limiter.admit("203.0.113.1")) == (False, None)


def test_at_the_end_no_header_is_awaited(place):
    peer = place.connect(b"PROXY")
    place.headers.close()
    assert is_closed(peer)
    assert (len(place.headers), place.counts) == (0, {})


def test_a_failure_behind_the_header_ends_no_other_connection(place):
    def accepted(sock, address):
        sock.close()
        raise RuntimeError("a bug")

    failing = place.headers.before(accepted)
    ours, theirs = socket.socketpair()
    with theirs:
        theirs.send(LINE)
        failing(ours, BALANCER)
        assert [str(error) for error in place.errors] == ["a bug"]
        assert place.limiter.pending == 0
