"""TLS as a channel: records on real sockets, what is sent in part, and the end of a stream."""

import random
import socket
import ssl
from collections.abc import Iterator
from typing import Any

import pytest

from pylingo.reactor.engine.channel import CrossedError, committed
from pylingo.reactor.engine.loop import EVENT_READ, EVENT_WRITE, Reactor
from pylingo.reactor.engine.tls import JOINED, RECORD, ClientTls, TlsChannel, harden, reason_of, server_context
from pylingo.reactor.engine.transport import Transport
from tests.fakes.tls import client_tls, der, server_tls, shake_hands


class Pair:
    """A channel, and the `SSLSocket` at its other end."""

    def __init__(self, buffer: int | None = None) -> None:
        near, far = socket.socketpair()
        if buffer is not None:
            near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer)
        self.near, self.far = shake_hands(near, far)
        self.channel = TlsChannel(self.near, b"")

    def received(self, most: int = 2**24) -> bytes:
        """What has come, record after record."""
        data = b""
        try:
            while len(data) < most and (piece := self.far.recv(min(RECORD, most - len(data)))):
                data += piece
        except ssl.SSLWantReadError:
            pass
        return data

    def fill(self) -> int:
        """Have the channel take bytes until it takes no more; returns how many."""
        count = 0
        try:
            while True:
                count += self.channel.send(bytes(3_000))
        except BlockingIOError:
            return count

    def close(self) -> None:
        self.channel.close()
        self.far.close()


@pytest.fixture
def pair() -> Iterator[Pair]:
    made = Pair()
    yield made
    made.close()


@pytest.fixture
def narrow() -> Iterator[Pair]:
    made = Pair(buffer=4_096)
    yield made
    made.close()


# --- sending


@pytest.mark.parametrize("size", [1, RECORD - 1, RECORD, RECORD + 1, 3 * RECORD])
def test_sent_bytes_arrive(pair: Pair, size: int) -> None:
    data = random.Random(size).randbytes(size)
    assert pair.channel.send(data) == size
    assert pair.received() == data
    assert committed(pair.channel) == 0


def test_buffers_are_joined_in_one_record(pair: Pair) -> None:
    assert pair.channel.sendmsg([b"ab", memoryview(b"cd"), b"e"]) == 5
    assert pair.far.recv(100) == b"abcde"


def test_no_more_is_joined_than_a_socket_takes_at_once(pair: Pair) -> None:
    assert pair.channel.sendmsg([bytes(JOINED), b"x", bytes(10**6)]) <= JOINED


def test_a_record_that_is_sent_in_part_is_committed(narrow: Pair) -> None:
    taken = narrow.fill()
    assert 0 < narrow.channel.committed <= 3_000
    with pytest.raises(BlockingIOError):
        narrow.channel.send(bytes(3_000))
    assert len(narrow.received()) == taken  # of the last record, nothing is to be read yet


def test_more_may_be_offered_behind_what_is_committed(narrow: Pair) -> None:
    taken = narrow.fill()
    narrow.received()
    narrow.channel.send(bytes(narrow.channel.committed) + b"more")
    assert narrow.received().endswith(b"more")
    assert taken > 0


def test_a_record_that_is_out_is_taken_although_the_next_one_is_not(narrow: Pair) -> None:
    """Otherwise a reader that is slow would look like one that takes nothing."""
    narrow.fill()
    first = narrow.channel.committed
    narrow.received()
    assert narrow.channel.send(bytes(first + RECORD)) == first
    assert narrow.channel.committed == RECORD


@pytest.mark.parametrize("seed", range(5))
def test_a_stream_that_is_read_now_and_then_arrives_whole(narrow: Pair, seed: int) -> None:
    chance = random.Random(seed)
    data = chance.randbytes(600_000)
    sent, offered, arrived = 0, 1, b""
    while len(arrived) < len(data):
        offered = min(len(data), max(offered, sent + 1) + chance.randrange(40_000))  # a queue only grows
        try:
            sent += narrow.channel.send(memoryview(data)[sent:offered])
        except BlockingIOError:
            assert 0 < narrow.channel.committed <= offered - sent
        if chance.random() < 0.3 or sent == len(data):
            arrived += narrow.received(chance.randrange(1, 60_000))
    assert arrived == data


# --- receiving


def test_reading_is_bounded_and_drains_whole_records(pair: Pair) -> None:
    pair.far.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2**20)
    for _ in range(3):
        assert pair.far.send(bytes(RECORD)) == RECORD
    pair.far.send(b"tail")
    assert len(pair.channel.recv(2 * RECORD)) == 2 * RECORD
    assert pair.channel.recv(4 * RECORD) == bytes(RECORD) + b"tail"
    with pytest.raises(BlockingIOError):
        pair.channel.recv(RECORD)


def test_many_small_records_are_left_to_the_selector(pair: Pair) -> None:
    for piece in (b"one", b"two"):
        pair.far.send(piece)
    assert [pair.channel.recv(4 * RECORD) for _ in range(2)] == [b"one", b"two"]


def test_whether_something_has_come(pair: Pair) -> None:
    with pytest.raises(BlockingIOError):
        pair.channel.recv(1, socket.MSG_PEEK)
    pair.far.send(b"ab")
    assert pair.channel.recv(1, socket.MSG_PEEK)
    assert pair.channel.recv(RECORD) == b"ab"
    with pytest.raises(BlockingIOError):
        pair.channel.recv(1, socket.MSG_PEEK)


@pytest.mark.parametrize("how", ["close_notify", "fin"])
def test_the_end_of_a_stream_comes_behind_its_bytes(pair: Pair, how: str) -> None:
    pair.far.send(bytes(RECORD))
    if how == "close_notify":
        with pytest.raises(ssl.SSLWantReadError):
            pair.far.unwrap()
    else:
        socket.socket.shutdown(pair.far, socket.SHUT_WR)
    assert len(pair.channel.recv(4 * RECORD)) == RECORD
    assert pair.channel.recv(RECORD) == b""


def test_bytes_that_are_no_record_end_the_stream(pair: Pair) -> None:
    socket.socket.send(pair.far, b"GET / HTTP/1.1\r\n\r\n")
    with pytest.raises(ssl.SSLError):
        pair.channel.recv(RECORD)


def test_bytes_that_are_no_record_end_the_stream_behind_the_bytes_before(pair: Pair) -> None:
    pair.far.send(bytes(RECORD))
    socket.socket.send(pair.far, b"GET / HTTP/1.1\r\n\r\n")
    assert len(pair.channel.recv(4 * RECORD)) == RECORD
    assert pair.channel.recv(RECORD) == b""


def test_a_record_that_comes_byte_by_byte_is_nothing_until_it_is_whole(pair: Pair) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        pair.far.send(b"slow")
        record = socket.socket.recv(pair.near, 1_000)
        for index in range(len(record)):
            with pytest.raises(BlockingIOError):
                pair.channel.recv(RECORD)
            socket.socket.send(pair.far, record[index : index + 1])
        assert pair.channel.recv(RECORD) == b"slow"


# --- the other direction first


class Busy:
    """An `SSLSocket` in the middle of an exchange of its own."""

    def __init__(self, error: OSError) -> None:
        self.error = error

    def recv(self, size: int) -> bytes:
        raise self.error

    def send(self, data: bytes) -> int:
        raise self.error


def test_a_read_that_wants_to_write() -> None:
    channel = TlsChannel(Busy(ssl.SSLWantWriteError()), b"")  # type: ignore[arg-type]
    with pytest.raises(CrossedError) as caught:
        channel.recv(RECORD)
    assert caught.value.events == EVENT_WRITE


def test_a_write_that_wants_to_read() -> None:
    channel = TlsChannel(Busy(ssl.SSLWantReadError()), b"")  # type: ignore[arg-type]
    with pytest.raises(CrossedError) as caught:
        channel.send(b"abc")
    assert caught.value.events == EVENT_READ
    assert channel.committed == 3


# --- the end


def test_shutting_down_says_so_inside_tls(pair: Pair) -> None:
    pair.far.suppress_ragged_eofs = False
    pair.channel.send(b"last")
    pair.channel.shutdown(socket.SHUT_WR)
    assert pair.received() == b"last"  # and no SSLEOFError, as there is a close_notify
    pair.far.send(b"x")
    assert pair.channel.recv(RECORD)  # nobody reads what this is, but it must not end the wait for the peer
    pair.far.close()
    assert pair.channel.recv(RECORD) == b""


def test_shutting_down_waits_until_the_socket_is_writable(narrow: Pair) -> None:
    narrow.fill()
    with pytest.raises(BlockingIOError):
        narrow.channel.shutdown(socket.SHUT_WR)


def test_shutting_down_after_the_peer_has(pair: Pair) -> None:
    with pytest.raises(ssl.SSLWantReadError):
        pair.far.unwrap()
    assert pair.channel.recv(RECORD) == b""
    pair.channel.shutdown(socket.SHUT_WR)
    assert pair.far.unwrap() is not None


# --- behind a transport


class Receiver:
    def __init__(self) -> None:
        self.data = b""
        self.told: list[Any] = []

    def data_received(self, data: bytes) -> None:
        self.data += data

    def eof_received(self) -> None:
        self.told.append("eof")

    def drained(self) -> None: ...
    def connection_lost(self, error: Exception | None) -> None:
        self.told.append(error)


def test_a_transport_that_drops_what_is_unsent_keeps_the_stream_whole(reactor: Reactor, narrow: Pair) -> None:
    """Frames of four digits each: what is dropped is whole frames, and OpenSSL is offered again what it has begun."""
    transport = Transport(reactor, narrow.channel, Receiver())
    for start in range(0, 60_000, 10):
        transport.write(b"".join(b"%04d" % (number % 10_000) for number in range(start, start + 10)))
    reactor.tick(0)
    before = transport.queued
    dropped = transport.discard_unsent(lambda buffer, offset: -(-offset // 4) * 4)
    assert 0 < dropped < before
    assert transport.queued == before - dropped >= narrow.channel.committed > 0
    transport.write(b"bye.")
    transport.close()
    arrived = b""
    while not arrived.endswith(b"bye."):
        arrived += narrow.received()
        reactor.tick(0)
    frames = [arrived[at : at + 4] for at in range(0, len(arrived), 4)]
    assert frames == [b"%04d" % (number % 10_000) for number in range(len(frames) - 1)] + [b"bye."]


def test_a_transport_sends_what_was_written_in_a_tick_as_one_record(reactor: Reactor, pair: Pair) -> None:
    transport = Transport(reactor, pair.channel, Receiver())
    for piece in (b"one ", b"two ", b"three"):
        transport.write(piece)
    reactor.tick(0)
    assert pair.far.recv(100) == b"one two three"
    transport.abort()
    reactor.tick(0)


# --- the sides


def test_the_certificate_is_known_on_both_sides(pair: Pair) -> None:
    assert server_tls().channel(pair.near).certificate == der()
    assert client_tls().channel(pair.far).certificate == der()
    assert pair.channel.version == "TLSv1.3"


def test_a_host_that_no_certificate_can_have() -> None:
    near, far = socket.socketpair()
    with near, far, pytest.raises(ValueError, match=r"."):
        ClientTls(client_tls().context, ".example").wrap(near)


def test_old_versions_and_renegotiation_are_refused() -> None:
    context = server_context()
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert context.options & ssl.OP_NO_RENEGOTIATION
    assert context.num_tickets == 1


def test_a_stricter_context_stays_as_it_is() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    harden(context)
    assert context.minimum_version == ssl.TLSVersion.TLSv1_3


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (TimeoutError(110, "no answer"), "no answer"),
        (ValueError("not a host"), "not a host"),
        (ssl.SSLError(1, "[SSL] x (_ssl.c:1)"), "[SSL] x (_ssl.c:1)"),
    ],
)
def test_the_reason_of_an_error_in_words(error: Exception, words: str) -> None:
    assert reason_of(error) == words
