"""Channels that must wait for the other direction, and how a transport waits then."""

import socket
from typing import Any

import pytest

from pylingo.reactor.engine.channel import CrossedError, certificate_of, committed
from pylingo.reactor.engine.loop import EVENT_READ, EVENT_WRITE, Reactor
from pylingo.reactor.engine.transport import Transport
from tests.fakes.selector import Selector


class Stubborn:
    """A socket whose next calls raise."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.errors: dict[str, list[OSError]] = {"send": [], "recv": [], "shutdown": []}
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.sock, name)

    def _call(self, name: str, *arguments: Any) -> Any:
        self.calls.append(name)
        if self.errors[name]:
            raise self.errors[name].pop(0)
        return getattr(self.sock, name)(*arguments)

    def send(self, data: bytes) -> int:
        return self._call("send", data)

    def recv(self, size: int, flags: int = 0) -> bytes:
        return self._call("recv", size, flags)

    def shutdown(self, how: int) -> None:
        self._call("shutdown", how)


class Receiver:
    def __init__(self) -> None:
        self.data = b""
        self.is_lost = False

    def data_received(self, data: bytes) -> None:
        self.data += data

    def eof_received(self) -> None: ...
    def drained(self) -> None: ...
    def connection_lost(self, error: Exception | None) -> None:
        self.is_lost = True


class Wired:
    def __init__(self, reactor: Reactor, selector: Selector) -> None:
        near, self.far = socket.socketpair()
        self.far.setblocking(False)
        self.reactor, self.selector = reactor, selector
        self.channel, self.receiver = Stubborn(near), Receiver()
        self.transport = Transport(reactor, self.channel, self.receiver)

    @property
    def waits_for(self) -> int:
        return self.selector.get_key(self.channel.fileno()).events

    def turn(self, count: int = 3) -> None:
        for _ in range(count):
            self.reactor.tick(0)

    def taken(self) -> bytes | None:
        try:
            return self.far.recv(100)
        except BlockingIOError:
            return None


@pytest.fixture
def wired(reactor: Reactor, selector: Selector):
    made = Wired(reactor, selector)
    yield made
    made.transport.abort()
    made.turn(1)
    made.far.close()


def test_a_socket_has_committed_itself_to_nothing() -> None:
    with socket.socket() as sock:
        assert committed(sock) == 0


def test_a_read_that_wants_to_write_waits_for_that_alone_and_then_reads(wired: Wired) -> None:
    wired.channel.errors["recv"] = [CrossedError(EVENT_WRITE)]
    wired.far.send(b"hello")
    wired.turn(1)
    assert (wired.waits_for, wired.receiver.data) == (EVENT_WRITE, b"")  # readable as it is, it would spin otherwise
    wired.turn(1)
    assert (wired.waits_for, wired.receiver.data) == (EVENT_READ, b"hello")


def test_a_write_that_wants_to_read_waits_for_that_alone_and_then_writes(wired: Wired) -> None:
    wired.channel.errors["send"] = [CrossedError(EVENT_READ)]
    wired.transport.write(b"hello")
    wired.turn(5)
    assert wired.channel.calls == ["send"]  # writable as it is, it would spin otherwise
    assert (wired.waits_for, wired.transport.queued, wired.taken()) == (EVENT_READ, 5, None)
    wired.far.send(b"x")
    wired.turn()
    assert (wired.waits_for, wired.transport.queued, wired.taken()) == (EVENT_READ, 0, b"hello")
    assert wired.receiver.data == b"x"


def test_a_write_that_wants_to_read_reads_although_reading_is_paused(wired: Wired) -> None:
    wired.channel.errors["send"] = [CrossedError(EVENT_READ)]
    wired.transport.pause_reading()
    wired.transport.write(b"hello")
    wired.turn()
    assert wired.waits_for == EVENT_READ
    wired.far.send(b"x")
    wired.turn()
    assert (wired.taken(), wired.receiver.data) == (b"hello", b"")
    wired.transport.resume_reading()
    wired.turn()
    assert wired.receiver.data == b"x"


def test_a_write_that_wants_to_read_and_then_merely_to_wait(wired: Wired) -> None:
    wired.channel.errors["send"] = [CrossedError(EVENT_READ), BlockingIOError()]
    wired.transport.write(b"hello")
    wired.turn(1)
    wired.far.send(b"x")
    wired.turn(1)
    assert wired.waits_for == EVENT_READ | EVENT_WRITE
    wired.turn()
    assert wired.taken() == b"hello"


def test_an_end_that_cannot_be_sent_yet_is_sent_as_soon_as_the_socket_is_writable(wired: Wired) -> None:
    wired.channel.errors["shutdown"] = [BlockingIOError()]
    wired.transport.write(b"bye")
    wired.transport.close()
    wired.turn(1)
    assert wired.channel.calls == ["send", "shutdown"]
    assert wired.waits_for & EVENT_WRITE
    wired.turn()
    assert [call for call in wired.channel.calls if call != "recv"] == ["send", "shutdown", "shutdown"]
    assert (wired.taken(), wired.taken()) == (b"bye", b"")


def test_an_end_that_can_never_be_sent_is_given_up(wired: Wired, clock) -> None:
    wired.channel.errors["shutdown"] = [BlockingIOError()] * 1_000
    wired.transport.close()
    wired.turn()
    clock.advance(2.0)
    wired.turn()
    assert wired.receiver.is_lost


def test_a_channel_without_tls_has_no_certificate(wired: Wired) -> None:
    assert certificate_of(wired.channel) is None
    assert wired.transport.certificate is None
    wired.channel.certificate = b"DER"
    assert wired.transport.certificate == b"DER"
