"""A server that is fuzzed over real socket pairs: its two sound clients, the one that sends an input, and the log."""

import contextlib
import logging
import math
import socket
from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

from pylingo.reactor.admission import Door
from pylingo.reactor.config import ServerSettings
from pylingo.reactor.connection import Connection
from pylingo.reactor.engine.loop import Reactor
from pylingo.reactor.server import Server
from pylingo.shared.codec import encode, event_codec
from pylingo.shared.framing import FrameDecoder
from pylingo.shared.messages import Command, Message, Say
from pylingo.shared.schema import Record

MOST_BYTES = 65_536
"""The rest of a longer input is ignored."""
LOOPBACK = ("127.0.0.1", 40_000)
ROOM = "tea"
_MOST_PIECES = 64
_PAUSES = 8


def pieces_of(stream: bytes, size: int) -> list[bytes]:
    """Cut a stream into pieces of `size` bytes, 64 at most, the last one with the rest; 0 for the whole stream."""
    if not size or not stream:
        return [stream]
    cuts = [*range(0, len(stream), size)][:_MOST_PIECES]
    return [stream[cut:end] for cut, end in zip(cuts, [*cuts[1:], len(stream)], strict=True)]


class Findings(logging.Handler):
    """Collects the errors in the log of the server, such as every exception that the loop catches."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(self.format(record))

    @contextlib.contextmanager
    def checked(self) -> Iterator[None]:
        """Raise `AssertionError` at the end if an error was logged within the context."""
        logger = logging.getLogger("pylingo.reactor")
        self.texts.clear()
        logger.addHandler(self)
        try:
            yield
        finally:
            logger.removeHandler(self)
        assert not self.texts, self.texts


class Wire:
    """The client's end of a connection. `door` is where it comes in, by default that of native clients."""

    def __init__(self, world: "World", door: Door | None = None) -> None:
        ours, self.sock = socket.socketpair()
        self.sock.setblocking(False)
        self._world = world
        world.wires.append(self)
        admission = world.server.admission
        before = set(admission.connections())
        doors = () if door is None else (door,)
        admission.admit(ours, LOOPBACK, *doors)  # what the listener calls
        (self.connection,) = set(admission.connections()) - before

    def send(self, data: bytes) -> None:
        """Send everything, unless the server has closed the connection or does not read."""
        tries = 100
        while data:
            try:
                data = data[self.sock.send(data) :]
            except BlockingIOError:
                if tries == 0:
                    return
                tries -= 1
                self._world.turns(1)
            except OSError:
                return

    def read(self) -> bytes:
        """The bytes that came."""
        parts = []
        with contextlib.suppress(OSError):
            while data := self.sock.recv(2**20):
                parts.append(data)
        return b"".join(parts)

    def finish(self) -> None:
        """End the stream to the server."""
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        self.sock.close()
        self._world.wires.remove(self)


class NativeClient:
    """A client of the protocol."""

    def __init__(self, world: "World") -> None:
        self.wire = Wire(world)
        self._decoder = FrameDecoder()

    def read(self) -> list[Record]:
        """The records received. Raises if a frame is invalid."""
        return [event_codec.decode(body) for body in self._decoder.feed(self.wire.read())]


class Peer(Protocol):
    """The client that sends an input."""

    wire: Wire

    def read(self) -> object:
        """Read what came. Raises if it is not sound."""


class Manner(NamedTuple):
    """How the peer sends its pieces."""

    pauses: bool
    """Three seconds pass after each of the first eight pieces."""
    is_deaf: bool
    """It reads nothing until the end."""
    finishes: bool
    """The stream ends with FIN before the peer goes."""


class World:
    """A server on a clock that is moved by hand, with two clients that talk to each other in a room."""

    def __init__(self, rate: float) -> None:
        self.now = 1_000.0
        self.reactor = Reactor(clock=lambda: self.now, most_late=math.inf)
        self.server = Server(ServerSettings(resume_grace=0.0, port=0, rate=rate, log_level="error"), self.reactor)
        self.wires: list[Wire] = []
        self.speaker = NativeClient(self)
        self.listener = NativeClient(self)
        for client in (self.speaker, self.listener):
            client.wire.send(encode(Command("join", ROOM)))
            self.turns(3)
        self._read()
        self._said = 0

    def meet(self, peer: Peer, pieces: list[bytes], manner: Manner, check: Callable[[Connection], object]) -> None:
        """Have the peer send the pieces and go. `check` is called with its connection after each piece."""
        for number, piece in enumerate(pieces):
            peer.wire.send(piece)
            self.turns(2)
            if manner.pauses and number < _PAUSES:
                self.now += 3.0
                self.turns(1)
            if not manner.is_deaf:
                peer.read()
            check(peer.wire.connection)
            self._read()
        self.talk()
        peer.read()
        if manner.finishes:
            peer.wire.finish()
            self.turns(3)
            peer.read()
        peer.wire.close()
        self.turns(4)

    def check_nothing_is_left(self) -> None:
        """Check that the two clients are alone again."""
        self._read()
        hub = self.server.hub
        assert set(hub.rooms) == {ROOM}, hub.rooms
        names = {session.person.name for session in hub.sessions()}
        assert names == {"guest-1", "guest-2"}, names
        ours = {self.speaker.wire.connection, self.listener.wire.connection}
        assert set(self.server.admission.connections()) == ours
        assert not self.speaker.wire.connection.transport.queued

    def talk(self) -> None:
        """Check that each of the two receives what the other says, under the same names."""
        self._said += 1
        self.now += 1.0  # they keep to the pace
        for name, speaker, listener in (
            ("guest-1", self.speaker, self.listener),
            ("guest-2", self.listener, self.speaker),
        ):
            text = f"still here {self._said}"
            speaker.wire.send(encode(Say(text)))
            self.turns(3)
            heard = [record for record in listener.read() if isinstance(record, Message)]
            assert [message.text for message in heard if message.from_ == name] == [text], heard

    def turns(self, count: int) -> None:
        for _ in range(count):
            self.reactor.tick(0)

    def close(self) -> None:
        for wire in [*self.wires]:
            wire.close()
        for connection in self.server.admission.connections():
            connection.abort()
        self.turns(3)
        self.server.close()

    def _read(self) -> None:
        """Check the frames that the two clients have received."""
        self.speaker.read()
        self.listener.read()
