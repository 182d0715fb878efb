"""HTTP as scrapers speak it, and as those speak who mean no good."""

import socket

import pytest

from pylingo.reactor.engine.loop import Reactor
from pylingo.reactor.ops.http_port import ACCEPT_EVERY
from pylingo.reactor.ops.scraper import IDLE_TIME, MOST_HEAD, REQUEST_TIME, Response
from tests.fakes.clock import Clock
from tests.fakes.scrapes import GET, Desk

OK = b"HTTP/1.1 200 OK\r\n"


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def desk(clock):
    made = Desk(Reactor(clock, most_late=float("inf")))
    yield made
    made.close()


def pass_time(desk, clock, seconds):
    """Let time pass, with a turn in each second."""
    for _ in range(int(seconds) + 1):
        clock.advance(1.0)
        desk.reactor.tick(0)


def test_one_answer_after_the_other_on_one_connection(desk):
    peer = desk.connect()
    for count in (1, 2):
        peer.send(GET)
        answer = desk.read(peer, lambda found: found.endswith(b"\r\n\r\nok\n"))
        assert answer.startswith(OK)
        assert b"\r\nContent-Length: 3\r\n" in answer
        assert len(desk.seen) == count
    assert (desk.seen[0].method, desk.seen[0].path, desk.seen[0].headers) == ("GET", "/metrics", {"host": "a"})


def test_requests_that_are_sent_at_once_are_answered_in_order(desk):
    paths = [f"/{index}" for index in range(20)]
    peer = desk.connect(b"".join(b"GET %s HTTP/1.1\r\nHost: a\r\n\r\n" % path.encode() for path in paths))
    assert desk.read(peer, lambda found: found.count(OK) == 20).count(OK) == 20
    assert [request.path for request in desk.seen] == paths


def test_a_request_in_single_bytes(desk):
    peer = desk.connect()
    for byte in GET:
        peer.send(bytes([byte]))
        desk.reactor.tick(0.001)
    assert desk.read(peer, lambda found: found.endswith(b"ok\n")).startswith(OK)


@pytest.mark.parametrize(
    "request_", [b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", b"GET / HTTP/1.0\r\n\r\n"]
)
def test_a_connection_that_is_not_kept(desk, request_):
    answer = desk.read_all(desk.connect(request_))
    assert answer.startswith(OK)
    assert answer.lower().count(b"connection: close") == 1


def test_a_head_has_the_length_and_no_body(desk):
    peer = desk.connect(b"HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    answer = desk.read_all(peer)
    assert b"\r\nContent-Length: 3\r\n" in answer
    assert answer.endswith(b"\r\n\r\n")


def test_a_target_may_be_a_whole_address_and_have_a_query(desk):
    peer = desk.connect(b"GET http://a:1/metrics?x=1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert desk.read_all(peer).startswith(OK)
    assert desk.seen[0].path == "/metrics"


def test_somebody_who_sends_no_more_still_gets_the_answer(desk):
    peer = desk.connect(GET)
    peer.shutdown(socket.SHUT_WR)
    assert desk.read_all(peer).endswith(b"ok\n")


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"garbage\r\n\r\n", b"400"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 2 * MOST_HEAD, b"431"),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 1_000, b"413"),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde", b"413"),
        (b"HEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", b"413"),
        (b"HEAD / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nno size\r\n", b"400"),
        (b"HEAD / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: odd\r\n\r\n", b"501"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: odd\r\n\r\n", b"501"),
    ],
)
def test_garbage_is_refused_and_the_connection_closed(desk, data, status):
    peer = desk.connect(data)
    answer = desk.read_all(peer)
    assert answer.startswith(b"HTTP/1.1 " + status)
    assert answer.count(b"HTTP/1.1 ") == 1
    assert b"Connection: close" in answer
    assert desk.seen == []
    peer.close()
    desk.turn_until(lambda: not len(desk.port))


def test_half_a_request_is_given_up(desk, clock):
    peer = desk.connect(GET[:-2])
    desk.turn_until(lambda: len(desk.port) == 1)
    pass_time(desk, clock, REQUEST_TIME)
    assert desk.read_all(peer) == b""
    assert desk.seen == []


def test_half_a_request_behind_a_whole_one_is_given_up_as_soon(desk, clock):
    peer = desk.connect(GET + GET[:-2])
    assert desk.read(peer, lambda found: found.endswith(b"ok\n"))
    pass_time(desk, clock, REQUEST_TIME)
    assert desk.read_all(peer) == b""
    assert len(desk.seen) == 1


def test_one_byte_a_second_does_not_keep_a_request_alive(desk, clock):
    peer = desk.connect()
    desk.turn_until(lambda: len(desk.port) == 1)
    for byte in GET[: int(REQUEST_TIME) + 2]:
        try:
            peer.send(bytes([byte]))
        except (BrokenPipeError, ConnectionResetError):
            break
        pass_time(desk, clock, 0)
    desk.turn_until(lambda: not len(desk.port))


def test_between_two_requests_there_is_more_time(desk, clock):
    peer = desk.connect(GET)
    desk.read(peer, lambda found: found.endswith(b"ok\n"))
    pass_time(desk, clock, IDLE_TIME - 3)
    peer.send(GET)
    assert desk.read(peer, lambda found: found.endswith(b"ok\n"))
    pass_time(desk, clock, IDLE_TIME)
    assert desk.read_all(peer) == b""


def test_one_that_never_reads_holds_one_answer_and_is_cut(desk, clock):
    desk.body = b"x" * 2**22 + b"\n"
    peer = desk.connect(GET * 50, receive_buffer=4_096)
    desk.turn_until(lambda: desk.seen)
    for _ in range(20):
        desk.reactor.tick(0.001)
    assert len(desk.seen) == 1
    pass_time(desk, clock, REQUEST_TIME)
    desk.turn_until(lambda: not len(desk.port))
    assert peer.fileno() >= 0
    assert len(desk.seen) == 1


def test_nothing_is_read_while_a_request_waits_for_its_answer(desk):
    desk.holds = True
    desk.socks[0].setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)  # which accepted sockets inherit
    peer = desk.connect(GET)
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4_096)
    desk.turn_until(lambda: desk.held)
    sent = refused = 0
    while refused < 20:
        try:
            sent += peer.send(GET * 100)
            assert sent < 2**20
        except BlockingIOError:
            refused += 1
        desk.reactor.tick(0.001)
    assert len(desk.seen) == 1


def test_an_answer_may_come_later_or_too_late(desk, clock):
    desk.holds = True
    peers = [desk.connect(GET) for _ in range(2)]
    desk.turn_until(lambda: clock.advance(ACCEPT_EVERY) or len(desk.held) == 2)
    desk.held[0](lambda: Response(503, b"not yet\n"))
    assert desk.read(peers[0], lambda found: found.endswith(b"not yet\n")).startswith(
        b"HTTP/1.1 503 Service Unavailable"
    )
    desk.port.close()
    desk.turn_until(lambda: not len(desk.port))
    desk.held[1](lambda: Response(200, b"nobody gets this\n"))
    desk.reactor.tick(0)
