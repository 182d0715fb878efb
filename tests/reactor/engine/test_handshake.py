"""Handshakes in turns, on real sockets; only the clock is the test's."""

import errno
import socket
import ssl
import struct
from collections.abc import Iterator

import pytest

from pylingo.reactor.engine.handshake import DEADLINE, SHARE, HandshakeQueue, NotTlsError
from pylingo.reactor.engine.loop import EVENT_READ, Reactor
from pylingo.reactor.engine.tls import ClientTls, ServerTls, TlsChannel
from pylingo.shared.codec import encode
from pylingo.shared.messages import Hello
from tests.fakes.clock import Clock
from tests.fakes.selector import Selector
from tests.fakes.tls import client_tls, der, server_tls
from tests.support import wait_until

HELLO = encode(Hello(1, "ada"))


class Outcome:
    """What has become of the handshakes that were started."""

    def __init__(self, reactor: Reactor) -> None:
        self.reactor = reactor
        self.queue = HandshakeQueue(reactor)
        self.channels: list[TlsChannel] = []
        self.errors: list[Exception] = []
        self.socks: list[socket.socket] = []
        """Given back, and everything else that is to be closed."""

    def pair(self) -> tuple[socket.socket, socket.socket]:
        near, far = socket.socketpair()
        self.socks += [near, far]
        return near, far

    def start(self, sock: socket.socket, tls: ServerTls | ClientTls):
        return self.queue.start(sock, tls, self.channels.append, self._failed)

    def _failed(self, error: Exception, sock: socket.socket) -> None:
        self.errors.append(error)
        self.socks.append(sock)

    def turn(self, count: int = 3) -> None:
        for _ in range(count):
            self.reactor.tick(0)

    def turn_until(self, condition) -> None:
        wait_until(lambda: self.reactor.tick(0) or condition())

    def close(self) -> None:
        self.queue.close()
        for one in (*self.channels, *self.socks):
            one.close()


@pytest.fixture
def outcome(reactor: Reactor) -> Iterator[Outcome]:
    made = Outcome(reactor)
    yield made
    made.close()


def test_both_sides_shake_hands_and_talk(outcome: Outcome) -> None:
    near, far = outcome.pair()
    outcome.start(near, server_tls())
    outcome.start(far, client_tls())
    assert outcome.channels == []  # nothing is called from within
    outcome.turn_until(lambda: len(outcome.channels) == 2)
    client, server = outcome.channels
    client.send(b"hello")
    assert server.recv(100) == b"hello"
    assert (outcome.queue.finished, outcome.queue.failed) == (2, 0)
    assert (client.certificate, server.certificate) == (der(), der())
    assert (len(outcome.queue), outcome.errors) == (0, [])


@pytest.mark.parametrize(
    "received", [HELLO, b"GET / HTTP/1.1\r\n\r\n", b"\x80garbage", b"\x15\x03\x01\x00\x02\x02\x28"]
)
def test_a_client_without_tls_is_found_by_its_first_byte_and_can_be_answered(outcome: Outcome, received: bytes) -> None:
    near, far = outcome.pair()
    outcome.start(near, server_tls())
    outcome.turn()
    far.send(received)
    outcome.turn()
    (error,) = outcome.errors
    assert isinstance(error, NotTlsError)
    assert error.received == received
    assert (outcome.queue.finished, outcome.queue.failed) == (0, 1)
    outcome.socks[-1].send(b"sorry")
    assert far.recv(100) == b"sorry"  # plain, and nothing before it


def test_a_server_without_tls_is_found_by_its_first_byte(outcome: Outcome) -> None:
    near, far = outcome.pair()
    outcome.start(near, client_tls())
    outcome.turn()
    assert far.recv(1_000)[:1] == b"\x16"
    far.send(HELLO)
    outcome.turn()
    (error,) = outcome.errors
    assert isinstance(error, NotTlsError)
    assert error.received == HELLO


def test_a_server_that_speaks_first_without_tls_gets_no_hello(outcome: Outcome) -> None:
    near, far = outcome.pair()
    far.send(HELLO)
    outcome.start(near, client_tls())
    outcome.turn()
    assert [type(error) for error in outcome.errors] == [NotTlsError]
    far.setblocking(False)
    with pytest.raises(BlockingIOError):
        far.recv(1)


def test_a_server_that_speaks_without_tls_while_our_hello_is_made(
    outcome: Outcome, monkeypatch: pytest.MonkeyPatch
) -> None:
    near, far = outcome.pair()
    wrap = ClientTls.wrap

    def speak_and_wrap(tls: ClientTls, sock: socket.socket) -> ssl.SSLSocket:
        far.send(HELLO)
        return wrap(tls, sock)

    monkeypatch.setattr(ClientTls, "wrap", speak_and_wrap)
    outcome.start(near, client_tls())
    outcome.turn()
    (error,) = outcome.errors
    assert isinstance(error, NotTlsError)
    assert (error.received, error.missing) == (HELLO[5:], 5)


def test_garbage_behind_a_first_byte_of_tls_is_an_error(outcome: Outcome) -> None:
    near, far = outcome.pair()
    outcome.start(near, server_tls())
    far.send(b"\x16garbage and more garbage")
    outcome.turn()
    assert [isinstance(error, ssl.SSLError) for error in outcome.errors] == [True]


def test_a_peer_that_hangs_up(outcome: Outcome) -> None:
    near, far = outcome.pair()
    outcome.start(near, server_tls())
    outcome.turn()
    far.close()
    outcome.turn()
    assert [type(error) for error in outcome.errors] == [ConnectionResetError]


@pytest.mark.parametrize("tls", [server_tls, client_tls], ids=["server", "client"])
def test_a_peer_that_has_reset_the_connection(outcome: Outcome, tls) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        near = socket.create_connection(listening.getsockname())
        far, _ = listening.accept()
    far.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    far.send(b"\x16")
    wait_until(lambda: near.recv(1, socket.MSG_PEEK))
    outcome.start(near, tls())
    far.close()
    outcome.turn_until(lambda: outcome.errors)
    assert [isinstance(error, OSError) for error in outcome.errors] == [True]
    assert len(outcome.queue) == 0


def test_a_socket_that_is_lost_on_its_way_into_tls(outcome: Outcome, monkeypatch: pytest.MonkeyPatch) -> None:
    near, _ = outcome.pair()

    def lose(tls: ClientTls, sock: socket.socket) -> ssl.SSLSocket:
        sock.close()
        raise ConnectionResetError

    monkeypatch.setattr(ClientTls, "wrap", lose)
    outcome.start(near, client_tls())
    outcome.turn()
    assert [type(error) for error in outcome.errors] == [ConnectionResetError]


def test_a_certificate_that_is_not_trusted(outcome: Outcome) -> None:
    near, far = outcome.pair()
    outcome.start(near, server_tls())
    outcome.start(far, ClientTls(ssl.create_default_context(), "127.0.0.1"))
    outcome.turn_until(lambda: len(outcome.errors) == 2)
    assert {type(error) for error in outcome.errors} == {ssl.SSLCertVerificationError, ssl.SSLError}


def test_a_host_name_that_no_certificate_can_have(outcome: Outcome) -> None:
    near, _ = outcome.pair()
    outcome.start(near, ClientTls(client_tls().context, ".example"))
    outcome.turn()
    assert [isinstance(error, ValueError) for error in outcome.errors] == [True]


# --- deadlines


def test_a_silent_peer_is_not_known_to_speak_tls_when_its_time_is_up(outcome: Outcome, clock: Clock) -> None:
    near, _ = outcome.pair()
    outcome.start(near, server_tls())
    clock.advance(DEADLINE - 0.1)
    outcome.turn()
    assert outcome.errors == []
    clock.advance(0.2)
    outcome.turn()
    (error,) = outcome.errors
    assert isinstance(error, NotTlsError)
    assert error.received == b""


@pytest.mark.parametrize("sent", [b"\x16", b"\x16\x03\x01\x02\x00\x01"])
def test_a_handshake_that_stops_half_way(outcome: Outcome, clock: Clock, sent: bytes) -> None:
    near, far = outcome.pair()
    outcome.start(near, server_tls())
    far.send(sent)
    for _ in range(20):
        clock.advance(DEADLINE / 20 + 0.01)
        outcome.turn()
    assert [type(error) for error in outcome.errors] == [TimeoutError]
    assert len(outcome.queue) == 0


def test_a_server_that_does_not_answer(outcome: Outcome, clock: Clock) -> None:
    near, _ = outcome.pair()
    outcome.start(near, client_tls())
    outcome.turn()
    clock.advance(DEADLINE + 0.1)
    outcome.turn()
    (error,) = outcome.errors
    assert isinstance(error, TimeoutError)
    assert error.errno == errno.ETIMEDOUT


def test_a_handshake_that_is_finished_has_no_deadline(outcome: Outcome, clock: Clock) -> None:
    near, far = outcome.pair()
    outcome.start(near, server_tls())
    outcome.start(far, client_tls())
    outcome.turn_until(lambda: len(outcome.channels) == 2)
    clock.advance(2 * DEADLINE)
    outcome.turn()
    assert outcome.errors == []
    assert outcome.reactor.pending_timers == 0


# --- turns


def test_a_tick_gives_handshakes_no_more_than_their_share(selector: Selector) -> None:
    class Ticking(Clock):
        def __call__(self) -> float:
            self.now += SHARE / 3.5  # by the one reading after each step
            return self.now

    reactor = Reactor(clock=Ticking(), selector=selector, most_late=1e9)
    outcome = Outcome(reactor)
    fars = []
    for _ in range(20):
        near, far = outcome.pair()
        far.send(HELLO)
        fars.append(far)
        outcome.start(near, server_tls())
    counts = []
    while len(outcome.errors) < 20:
        before = len(outcome.errors)
        reactor.tick(0)
        counts.append(len(outcome.errors) - before)
    assert set(counts) <= {0, 4}
    outcome.close()
    reactor.close()


def test_they_take_turns_in_the_order_in_which_they_could_go_on(outcome: Outcome) -> None:
    pairs = [outcome.pair() for _ in range(5)]
    for number, (near, far) in enumerate(pairs):
        far.send(bytes([number]))
        outcome.start(near, server_tls())
    outcome.turn(1)
    assert [error.received for error in outcome.errors if isinstance(error, NotTlsError)] == [
        bytes([number]) for number in range(5)
    ]


def test_one_that_waits_for_its_turn_is_not_in_the_selector(outcome: Outcome, selector: Selector) -> None:
    near, far = outcome.pair()
    outcome.start(near, server_tls())
    outcome.turn(1)
    assert selector.get_key(near.fileno()).events == EVENT_READ
    far.send(b"\x16")
    before = len(selector.events)
    outcome.reactor.tick(0)
    assert len(selector.events) == before + 1
    with pytest.raises(KeyError):
        selector.get_key(near.fileno())
    outcome.turn(3)
    assert len(selector.events) == before + 1  # it would spin otherwise: the byte has not been read by anybody


def test_a_step_that_raises_ends_that_handshake_alone(outcome: Outcome, monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = [outcome.pair() for _ in range(2)]
    wrap = ServerTls.wrap
    calls = []

    def explode_once(tls: ServerTls, sock: socket.socket) -> ssl.SSLSocket:
        calls.append(sock)
        if len(calls) == 1:
            raise MemoryError
        return wrap(tls, sock)

    monkeypatch.setattr(ServerTls, "wrap", explode_once)
    for near, far in pairs:
        outcome.start(near, server_tls())
        outcome.start(far, client_tls())
    outcome.turn_until(lambda: len(outcome.channels) == 2)
    assert [type(error) for error in outcome.errors] == [MemoryError]


# --- giving up


def test_cancelling_calls_nothing_and_closes(outcome: Outcome, clock: Clock) -> None:
    near, far = outcome.pair()
    handshake = outcome.start(near, server_tls())
    outcome.turn()
    handshake.cancel()
    handshake.cancel()
    assert near.fileno() == -1
    assert far.recv(1) == b""
    clock.advance(2 * DEADLINE)
    outcome.turn()
    assert (outcome.channels, outcome.errors, len(outcome.queue)) == ([], [], 0)


def test_one_that_is_cancelled_while_it_waits_for_its_turn(outcome: Outcome) -> None:
    near, far = outcome.pair()
    far.send(HELLO)
    outcome.start(near, server_tls()).cancel()
    outcome.turn()
    assert outcome.errors == []


def test_closing_the_queue_gives_all_up(outcome: Outcome) -> None:
    for _ in range(3):
        outcome.start(outcome.pair()[0], server_tls())
    outcome.turn()
    outcome.queue.close()
    assert [type(error) for error in outcome.errors] == [ConnectionAbortedError] * 3
    assert len(outcome.queue) == 0
