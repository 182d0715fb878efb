"""Admission: the rest of its tests is in `test_server`, through a server."""

import contextlib
import ipaddress
import os
import socket
import ssl

import pytest

import pylingo.reactor.admission
import pylingo.reactor.engine.descriptors
from pylingo.reactor.admission import NativeDoor
from pylingo.reactor.engine.descriptors import SPARE_DESCRIPTORS
from pylingo.reactor.engine.handshake import DEADLINE
from pylingo.reactor.intake import Port
from pylingo.reactor.refusals import MOST_GOODBYES
from pylingo.reactor.workers.handover import Handover
from pylingo.shared.address import parse_address
from pylingo.shared.codec import encode
from pylingo.shared.messages import Command, PingRequest, PongRequest, Say, Welcome
from tests.fakes.bench import Wire, benches
from tests.fakes.tls import certificate, client_tls, der


@pytest.fixture
def bench():
    with benches() as make:
        yield make


def test_a_connection_is_counted_until_its_socket_is_closed(bench):
    desk = bench()
    wires = [desk.connect() for _ in range(3)]
    assert desk.server.admission.count == len(desk.server.admission.connections()) == 3
    wires[0].hang_up()
    desk.turn()
    assert desk.server.admission.count == len(desk.server.admission.connections()) == 2


def test_ipv4_on_a_socket_for_both_is_ipv4_in_the_log(bench, caplog):
    caplog.set_level("INFO")
    desk = bench(max_per_address=1)
    for _ in range(2):
        desk.connect(("::ffff:192.0.2.1", 4_321, 0, 0))
    assert [connection.address for connection in desk.connections] == ["192.0.2.1:4321"]
    assert "refused address-limit: 192.0.2.1:4321" in caplog.messages


def test_a_limited_number_of_refused_peers_is_read_to_the_end(bench):
    desk = bench(max_connections=1)
    desk.connect()
    for _ in range(MOST_GOODBYES + 4):
        desk.connect()
    assert desk.server.admission.goodbyes == MOST_GOODBYES


def test_the_descriptor_limit_bounds_the_connections(bench, monkeypatch):
    monkeypatch.setattr(pylingo.reactor.engine.descriptors, "raise_descriptor_limit", lambda: SPARE_DESCRIPTORS + 1)
    for limit in (0, 100):
        desk = bench(max_connections=limit)
        desk.server.start()
        assert [type(record) for record in desk.connect().got()] == [Welcome]
        assert [record.reason for record in desk.connect().got()] == ["full"]


def test_the_intake_learns_of_every_connection_that_has_ended_or_was_refused(bench, monkeypatch):
    desk = bench(max_connections=1)
    ended = []
    monkeypatch.setattr(desk.server.admission.intake, "ended", ended.append)
    first = desk.connect(("192.0.2.1", 40_000))
    desk.connect(("192.0.2.2", 40_000))
    assert ended == ["192.0.2.2"]
    first.hang_up()
    desk.turn()
    assert ended == ["192.0.2.2", "192.0.2.1"]


def test_all_ways_in_are_closed_and_opened_together(bench):
    admission = bench().server.admission
    addresses = [admission.listen(()), admission.add_door(NativeDoor(), "127.0.0.1", 0)]
    admission.open()
    for _ in range(2):
        admission.turn_away()
        assert [can_connect(address) for address in addresses] == [False, False]
        admission.go_on()
        assert [can_connect(address) for address in addresses] == [True, True]


def can_connect(address):
    try:
        socket.create_connection(parse_address(address)).close()
    except ConnectionRefusedError:
        return False
    return True


# --- behind a balancer

BALANCERS = (ipaddress.ip_network("127.0.0.0/8"),)


class Forwarded:
    """A server behind a balancer on loopback, which is the test."""

    def __init__(self, make, **settings):
        self.desk = make(proxy_protocol=BALANCERS, exempt=(), **settings)
        self.address = parse_address(self.desk.server.start())

    def peer(self, host, behind=b"", to=None):
        """Somebody whom the balancer forwards, with the first bytes of the connection."""
        sock = socket.create_connection(to or self.address)
        sock.sendall(f"PROXY TCP4 {host} 127.0.0.1 4321 5000\r\n".encode() + behind)
        self.desk.wires.append(Wire(sock))
        return self.desk.wires[-1]

    def hear(self, wire):
        records = []
        self.desk.turn_until(lambda: records.extend(wire.got()) or records)
        return records[0]


def test_limits_are_about_the_address_in_the_header(bench):
    place = Forwarded(bench, max_per_address=1)
    first = place.peer("203.0.113.9", encode(PingRequest(7)))
    assert type(place.hear(first)) is Welcome
    assert place.desk.connections[0].address == "203.0.113.9:4321"
    assert place.hear(place.peer("203.0.113.9")).reason == "address-limit"
    assert type(place.hear(place.peer("203.0.113.10"))) is Welcome
    first.hang_up()
    place.desk.turn_until(lambda: place.desk.server.admission.count == 1)
    assert type(place.hear(place.peer("203.0.113.9"))) is Welcome


def test_a_header_is_expected_where_clients_of_irc_connect(bench):
    place = Forwarded(bench, irc_port=("127.0.0.1", 0))
    to = parse_address(place.desk.server.irc_addresses[0])
    wire = place.peer("203.0.113.9", b"NICK ada\r\nUSER ada 0 * :ada\r\n", to)
    lines = []
    place.desk.turn_until(lambda: lines.append(wire.take()) or b" 001 ada " in b"".join(lines))
    assert place.desk.connections[0].address == "203.0.113.9:4321"


def test_when_people_are_turned_away_no_header_is_awaited(bench):
    for turn_away in ("turn_away", "close"):
        place = Forwarded(bench)
        sock = socket.create_connection(place.address)
        place.desk.turn_until(lambda place=place: place.desk.server.admission.limiter.pending)
        getattr(place.desk.server.admission, turn_away)()
        assert place.desk.server.admission.limiter.pending == 0
        sock.close()


def test_a_worker_expects_no_header_as_the_supervisor_has_read_it(bench, monkeypatch):
    monkeypatch.setattr(Port, "reads_headers", Handover.reads_headers)
    place = Forwarded(bench)
    assert place.hear(place.peer("203.0.113.9")).protocol == 1
    assert place.desk.connections[0].host == "127.0.0.1"


# --- over TLS


class Encrypted:
    """A server with a certificate, its peers on real sockets, and a clock that the test moves."""

    def __init__(self, make, **settings):
        cert, key = certificate()
        self.desk = make(tls_cert=cert, tls_key=key, **settings)
        _, _, port = self.desk.server.start().rpartition(":")
        self.address = ("127.0.0.1", int(port))
        self.admission = self.desk.server.admission
        self.counts = self.desk.server.service.counts
        self.desk.turn()

    def raw(self, said=b""):
        """A peer that sends something and has not made a handshake."""
        sock = socket.create_connection(self.address)
        if said:
            sock.sendall(said)
        wire = Wire(sock)
        self.desk.wires.append(wire)
        return wire

    def peer(self):
        """A peer after its handshake, who has not read the welcome yet."""
        sock = socket.create_connection(self.address)
        sock.setblocking(False)
        tls = trusting_socket(sock)
        self.desk.turn_until(lambda: shaken(tls))
        self.desk.wires.append(TlsWire(tls))
        return self.desk.wires[-1]

    def hear(self, wire, count=1):
        """The next frames that come to a wire, or fewer at the end of the stream."""
        records = []
        self.desk.turn_until(lambda: records.extend(wire.got()) or wire.ended or len(records) >= count)
        return records


class TlsWire(Wire):
    def take(self, most=2**20):
        try:
            return super().take(most)
        except ssl.SSLWantReadError:
            return b""


def trusting_socket(sock):
    return client_tls().wrap(sock)


def shaken(tls):
    try:
        tls.do_handshake()
    except ssl.SSLWantReadError:
        return False
    return True


@pytest.fixture
def encrypted(bench):
    return lambda **settings: Encrypted(bench, **settings)


def test_a_connection_begins_after_its_handshake_and_counts_from_the_accept_on(encrypted):
    place = encrypted()
    half = place.raw(b"\x16")
    place.desk.turn_until(lambda: place.admission.count)
    assert place.admission.connections() == []
    whole = place.peer()
    assert [type(record) for record in place.hear(whole)] == [Welcome]
    assert (place.admission.count, len(place.admission.connections())) == (2, 1)
    assert place.desk.connections[0].certificate == der()
    half.hang_up()
    place.desk.turn_until(lambda: place.admission.count == 1)
    assert place.counts["handshake"] == 1
    assert (place.counts["accepted"], place.counts["tls"]) == (1, 0)


def test_whom_a_server_turns_away_during_the_handshake_is_no_connection_later(encrypted):
    place = encrypted()
    half = place.raw(b"\x16")
    place.desk.turn_until(lambda: place.admission.count)
    place.admission.turn_away()
    assert place.hear(half) == []
    assert half.ended
    assert (place.admission.count, place.counts["handshake"]) == (0, 1)


def test_without_tls_a_connection_has_no_certificate(bench):
    desk = bench()
    desk.connect()
    assert desk.connections[0].certificate is None


def test_the_header_of_a_balancer_comes_before_the_handshake(encrypted):
    place = encrypted(proxy_protocol=BALANCERS)
    sock = socket.create_connection(place.address)
    sock.setblocking(False)
    sock.send(b"PROXY TCP4 203.0.113.9 127.0.0.1 4321 5000\r\n")
    tls = trusting_socket(sock)
    assert not shaken(tls)  # the first bytes of both are on their way
    place.desk.turn_until(lambda: shaken(tls))
    place.desk.wires.append(TlsWire(tls))
    assert [type(record) for record in place.hear(place.desk.wires[-1])] == [Welcome]
    assert (place.desk.connections[0].address, place.desk.connections[0].certificate) == ("203.0.113.9:4321", der())


@pytest.mark.parametrize("said", [b"\0\0\0\x09", b"GET / HTTP/1.1\r\n\r\n"])
def test_a_peer_without_tls_gets_a_goodbye_in_plain(encrypted, said):
    place = encrypted()
    wire = place.raw(said)
    assert [record.reason for record in place.hear(wire, 2)] == ["tls"]
    wire.hang_up()
    place.desk.turn_until(lambda: not place.admission.goodbyes)
    assert (place.admission.count, place.counts["tls"]) == (0, 1)


def test_300_half_handshakes_cost_others_nothing_and_the_server_no_descriptor_beyond_their_deadline(encrypted):
    place = encrypted(ping_after=600)
    one, two = place.peer(), place.peer()
    for wire in (one, two):
        wire.send(Command("join", "tea"))
    place.hear(one, 3)
    place.hear(two, 2)
    before = len(os.listdir("/proc/self/fd"))
    hello = client_hello()
    halves = [place.raw(hello[: size % len(hello)]) for size in range(300)]
    place.desk.turn_until(lambda: place.admission.count == 302)
    one.send(Say("hello"))
    assert [record.text for record in place.hear(two)] == ["hello"]
    place.desk.now += DEADLINE - 1
    place.desk.turn()
    assert place.admission.count == 302
    place.desk.now += 2
    place.desk.turn_until(lambda: place.admission.count == 2)
    one.send(Say("still here"))
    assert [record.text for record in place.hear(two)] == ["still here"]
    assert place.counts["handshake"] + place.counts["tls"] == 300
    for wire in halves:
        wire.hang_up()
    place.desk.turn_until(lambda: not place.admission.goodbyes)
    assert len(os.listdir("/proc/self/fd")) == before


def client_hello():
    """The first bytes of a handshake."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        client_tls().context.wrap_bio(incoming, outgoing, server_hostname="127.0.0.1").do_handshake()
    return outgoing.read()


def test_a_record_at_a_byte_a_second_neither_counts_as_a_sign_of_life_nor_costs_another(encrypted):
    place = encrypted(ping_after=5, ping_timeout=5)
    slow, other = place.peer(), place.peer()
    for wire in (slow, other):
        wire.send(PongRequest())
        place.hear(wire)
    drip = b"\x17\x03\x03\x03\xe8" + bytes(1_000)  # the beginning of a record of 1,000 bytes
    for index in range(12):
        socket.socket.send(slow.sock, drip[index : index + 1])
        place.desk.wait(1.0)
        other.send(PingRequest(index))
        assert any(record.re == index for record in place.hear(other))
        if slow.got() and slow.ended:
            break
    assert place.counts["idle"] == 1


def test_closing_gives_the_handshakes_up(encrypted):
    place = encrypted()
    for size in range(5):
        place.raw(b"\x16\x03\x01"[:size])
    place.desk.turn_until(lambda: place.admission.count == 5)
    place.admission.close()
    assert place.admission.count == 0
    assert len(place.admission.handshakes) == 0


def test_a_refused_peer_has_no_handshake(encrypted):
    place = encrypted(max_connections=1)
    place.peer()
    wire = place.raw(client_hello())
    assert [record.reason for record in place.hear(wire, 2)] == ["full"]


def test_a_peer_that_is_refused_in_passing_gets_the_goodbye_although_it_has_said_hello(encrypted):
    place = encrypted(max_connections=1)
    place.peer()
    lingering = [place.raw() for _ in range(MOST_GOODBYES)]
    place.desk.turn_until(lambda: place.admission.goodbyes == MOST_GOODBYES)
    wire = place.raw(client_hello())
    assert [record.reason for record in place.hear(wire)] == ["full"]
    place.desk.turn_until(lambda: wire.got() == [] and wire.ended)
    error = wire.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    assert error == 0  # no reset, over which a system may drop what nobody has read yet
    assert len(lingering) == MOST_GOODBYES


def test_without_memory_for_a_connection_after_the_handshake_its_place_is_free(encrypted, monkeypatch):
    place = encrypted()

    def explode(*arguments):
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr("pylingo.reactor.admission.Connection", explode)
        wire = place.raw()
        wire.sock.setblocking(False)
        tls = trusting_socket(wire.sock)
        place.desk.turn_until(lambda: shaken(tls))
        place.desk.turn_until(lambda: place.admission.count == 0)
        tls.close()
    assert [type(record) for record in place.hear(place.peer())] == [Welcome]
