"""A server in this process whose clock and turns a test moves, and the peers' ends of its connections."""

import contextlib
import math
import socket
from collections.abc import Callable, Iterator
from typing import Any

from pylingo.reactor.config import ServerSettings
from pylingo.reactor.connection import Connection
from pylingo.reactor.engine.deadlines import STEP
from pylingo.reactor.engine.loop import Reactor
from pylingo.reactor.server import Server
from pylingo.shared.codec import encode, event_codec
from pylingo.shared.framing import FrameDecoder
from pylingo.shared.messages import (
    Goodbye,
    PingRequest,
    PongRequest,
)
from pylingo.shared.schema import Record
from tests.support import wait_until

LOOPBACK = ("127.0.0.1", 40_000)


class Wire:
    """A peer's end: it sends at once and reads when it is told to."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.ended = False
        self._decoder = FrameDecoder()
        sock.setblocking(False)

    def raw(self, data: bytes) -> None:
        assert self.sock.send(data) == len(data)

    def send(self, *records: Record) -> None:
        self.raw(b"".join(map(encode, records)))

    def take(self, most: int = 2**20) -> bytes:
        """The bytes that have come."""
        try:
            data = self.sock.recv(most)
        except BlockingIOError:
            return b""
        except ConnectionResetError:
            data = b""
        self.ended = self.ended or not data
        return data

    def got(self) -> list[Record]:
        """The frames that have come."""
        records = []
        while data := self.take():
            records += [event_codec.decode(body) for body in self._decoder.feed(data)]
        assert not (self.ended and self._decoder.pending), "the stream ended inside a frame"
        return records

    def hang_up(self) -> None:
        self.sock.close()


def dial(desk: "Bench", address: str) -> Wire:
    """Connect as anybody would. The kernel lets us in before the server does."""
    host, _, port = address.rpartition(":")
    wire = Wire(socket.create_connection((host.strip("[]"), int(port))))
    desk.wires.append(wire)
    return wire


class Bench:
    """A server whose clock and whose turns the test moves. It listens only where a test has it do so."""

    def __init__(self, **settings: Any) -> None:
        self.now = 1_000.0
        self.reactor = Reactor(clock=lambda: self.now, most_late=math.inf)
        self.server = Server(ServerSettings(**{"port": 0, "rate": 0, **settings}), self.reactor)
        self.wires: list[Wire] = []

    def connect(self, address: tuple[Any, ...] = LOOPBACK, buffer: int | None = None) -> Wire:
        """Somebody connects, and has not read the welcome yet. `buffer` is what the server's socket takes, in bytes."""
        ours, theirs = socket.socketpair()
        if buffer is not None:
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer)
        self.wires.append(Wire(theirs))
        self.server.admission.admit(ours, address)  # the listener calls this
        self.turn()
        return self.wires[-1]

    def guest(self, *requests: Record, **options: Any) -> Wire:
        """Somebody who has been welcomed and has the answers to the requests."""
        wire = self.connect(**options)
        wire.send(PongRequest(), *requests)
        self.turn()
        wire.got()
        return wire

    def turn(self, count: int = 3) -> None:
        """Some turns of the loop at one moment: socket pairs deliver at once, so a few are enough for all there is."""
        for _ in range(count):
            self.reactor.tick(0)

    def turn_until(self, condition: Callable[[], Any]) -> None:
        """Turns at one moment of the fake clock, for as long in real time as it takes."""
        wait_until(lambda: self.reactor.tick(0.001) or condition())

    def wait(self, seconds: float, each: Callable[[], Any] = lambda: None) -> None:
        """Time goes by, with `each` done again and again."""
        end = self.now + seconds
        while self.now < end:
            self.now = min(end, self.now + STEP / 2)
            self.turn()
            each()

    @property
    def connections(self) -> list[Connection]:
        """The connections by their descriptors: the one that came last is mostly the last."""
        return sorted(self.server.admission.connections(), key=lambda connection: connection.transport.fileno())

    def close(self) -> None:
        for wire in self.wires:
            wire.hang_up()
        for connection in self.connections:
            connection.abort()
        self.server.ending.drain()
        self.turn()
        self.server.close()


@contextlib.contextmanager
def benches() -> Iterator[Callable[..., Bench]]:
    """Makes servers with these settings, and lets go of them at the end."""
    with contextlib.ExitStack() as stack:

        def make(**settings: Any) -> Bench:
            made = Bench(**settings)
            stack.callback(made.close)
            return made

        yield make


def goodbye_of(wire: Wire) -> str:
    """The reason of the goodbye, which is the last frame."""
    *before, last = wire.got()
    assert type(last) is Goodbye, last
    assert Goodbye not in map(type, before)
    assert last.text
    return last.reason


LATE = 2 * STEP
"""A deadline is found at most this much late: one step of the watch, and one of the clock in these tests."""


def fill(desk: Bench, wire: Wire, size: int = 1) -> Connection:
    """Ask for answers until the wire is full and at least `size` bytes wait in the server; returns the connection."""
    (connection,) = (it for it in desk.connections if it.address == "127.0.0.1:40000")
    while connection.transport.queued < size:
        wire.send(*[PingRequest(7)] * 50)
        desk.turn(2)
    return connection
