#!/usr/bin/env python3
"""Fuzz a whole server with arbitrary bytes, guided by coverage, on demand.

    python tests/fuzz/fuzz_session.py --seconds 60

It needs `pip install atheris`. `one_input` is the target; CI replays the corpus through it without atheris
(`test_corpus.py`). An input consists of:

- byte 0, the size of the pieces in which the stream is sent: 0 for all at once, else so many bytes (64 pieces at most,
  the last one takes the rest);
- byte 1, bits: 1 join the room first; 2 the server paces, as by default; 4 three seconds pass after each of the
  first eight pieces; 8 the peer reads nothing until the end; 16 the rest is not a stream but one body, to be sent with
  its true size; 32 the stream ends with FIN before the peer goes;
- the rest: the stream.

The input is sent over a real socket pair to a server whose clock stands still. It must hold that nothing but a
`ProtocolError` is raised by decoding and nothing at all is logged as an error, that what the peer is sent are sound
frames, that the others in the room go on to hear each other, and that nothing of the peer is left in the end.
"""

# ruff: noqa: E402 - a script, which puts the checkout on the path first

import contextlib
import logging
import math
import os
import resource
import socket
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
CORPUS = Path(__file__).resolve().parent / "corpus"
JOIN, PACED, TIME, DEAF, BODY, FIN = 1, 2, 4, 8, 16, 32

_watching: contextlib.AbstractContextManager[object] = contextlib.nullcontext()
if __name__ == "__main__":
    os.environ["MSGPACK_PUREPYTHON"] = "1"  # atheris sees nothing of what C does
    sys.path.insert(0, str(ROOT))
    from tests.fuzz import campaign

    _watching = campaign.instrument("msgpack", "pylingo.reactor", "pylingo.shared")

with _watching:
    import msgpack  # noqa: F401 - so that it is instrumented

    from pylingo.reactor.connection import Connection
    from pylingo.reactor.engine.loop import Reactor
    from pylingo.reactor.engine.transport import READ_SIZE
    from pylingo.reactor.server import Server
    from pylingo.shared.codec import encode, event_codec, request_codec
    from pylingo.shared.errors import ProtocolError
    from pylingo.shared.framing import HEADER_SIZE, MAX_BODY, FrameDecoder, encode_frame
    from pylingo.shared.messages import Command, Message, Say

from pylingo.reactor.config import ServerSettings
from pylingo.shared.schema import Record

MOST_BYTES = 65_536
"""The rest of a longer input is ignored."""
MOST_PIECES = 64
MEMORY = 16 * 2**20
"""The most bytes by which the process may grow with one input; an input and its replies are far smaller."""
LOOPBACK = ("127.0.0.1", 40_000)
ROOM = "tea"


class Findings(logging.Handler):
    """Collects the errors in the log, such as every exception that the loop catches."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(self.format(record))


class End:
    """The client's end of a connection."""

    def __init__(self, world: "World", server: Server) -> None:
        ours, self.sock = socket.socketpair()
        self.sock.setblocking(False)
        self.decoder = FrameDecoder()
        self._world = world
        world.ends.append(self)
        before = set(server.admission.connections())
        server.admission.admit(ours, LOOPBACK)  # what the listener calls
        (self.connection,) = set(server.admission.connections()) - before

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

    def got(self) -> list[Record]:
        """The records received. Raises if a frame is invalid."""
        records: list[Record] = []
        with contextlib.suppress(OSError):
            while data := self.sock.recv(2**20):
                records += map(event_codec.decode, self.decoder.feed(data))
        return records


class World:
    """A server on a clock that is moved by hand, with two clients that talk to each other in a room."""

    def __init__(self, rate: float) -> None:
        self.now = 1_000.0
        self.reactor = Reactor(clock=lambda: self.now, most_late=math.inf)
        self.server = Server(ServerSettings(resume_grace=0.0, port=0, rate=rate, log_level="error"), self.reactor)
        self.ends: list[End] = []
        self.speaker = End(self, self.server)
        self.listener = End(self, self.server)
        for end in (self.speaker, self.listener):
            end.send(encode(Command("join", ROOM)))
            self.turns(3)
        for end in (self.speaker, self.listener):
            end.got()
        self._said = 0

    def talk(self) -> None:
        """Check that each of the two receives what the other says, under the same names."""
        self._said += 1
        text = f"still here {self._said}"
        self.now += 1.0  # they keep to the pace
        self.speaker.send(encode(Say(text)))
        self.turns(3)
        heard = [record for record in self.listener.got() if isinstance(record, Message)]
        assert [message.text for message in heard if message.from_ == "guest-1"] == [text], heard
        self.listener.send(encode(Say(text)))
        self.turns(3)
        heard = [record for record in self.speaker.got() if isinstance(record, Message)]
        assert [message.text for message in heard if message.from_ == "guest-2"] == [text], heard

    def turns(self, count: int) -> None:
        for _ in range(count):
            self.reactor.tick(0)

    def meet(self, pieces: list[bytes], mode: int) -> None:
        """Connect a client, which sends the pieces and leaves."""
        peer = End(self, self.server)
        connection: Connection = peer.connection
        transport = connection.transport
        if mode & JOIN:
            peer.send(encode(Command("join", ROOM)))
            self.turns(1)
        for number, piece in enumerate(pieces):
            peer.send(piece)
            self.turns(2)
            if mode & TIME and number < 8:
                self.now += 3.0
                self.turns(1)
            if not mode & DEAF:
                peer.got()
            kept = connection.pending
            assert kept <= HEADER_SIZE + MAX_BODY + READ_SIZE, f"{kept} bytes are kept of a stream"
            most = self.server.hub.tick.soft + self.server.hub.tick.hard + 40 * MAX_BODY
            assert transport.queued <= most, f"{transport.queued} bytes are queued"
            self.listener.got()
            self.speaker.got()
        self.talk()
        peer.got()
        if mode & FIN:
            with contextlib.suppress(OSError):
                peer.sock.shutdown(socket.SHUT_WR)
            self.turns(3)
            peer.got()
        peer.sock.close()
        self.ends.remove(peer)
        self.turns(4)
        if mode & PACED:  # it may not have been read to its end
            connection.abort()
            self.turns(1)
        self.listener.got()
        self.speaker.got()
        hub = self.server.hub
        assert set(hub.rooms) == {ROOM}, hub.rooms
        names = {session.person.name for session in hub.sessions()}
        assert names == {"guest-1", "guest-2"}, names
        assert set(self.server.admission.connections()) == {self.speaker.connection, self.listener.connection}
        assert not self.speaker.connection.transport.queued

    def close(self) -> None:
        for end in self.ends:
            end.sock.close()
        for connection in self.server.admission.connections():
            connection.abort()
        self.turns(3)
        self.server.close()


class Target:
    """The servers. They are made on first use, and again after a finding."""

    def __init__(self) -> None:
        self.findings = Findings()
        self._worlds: dict[bool, World] = {}

    def run(self, data: bytes) -> None:
        """See `one_input`."""
        step, mode = (*data[:2], 0, 0)[:2]
        stream = data[2 : 2 + MOST_BYTES]
        if mode & BODY:
            body = stream[:MAX_BODY] or b"\xc1"
            _decode(body)
            stream = encode_frame(body)
        with contextlib.suppress(ProtocolError):
            for body in FrameDecoder().feed(stream):
                _decode(body)
        pieces = [stream]
        if step and stream:
            cuts = [*range(0, len(stream), step)][:MOST_PIECES]
            pieces = [stream[cut:end] for cut, end in zip(cuts, [*cuts[1:], len(stream)], strict=True)]
        before = _peak()
        world = self._worlds.pop(bool(mode & PACED), None) or World(4.0 if mode & PACED else 0.0)
        self.findings.texts.clear()
        try:
            world.meet(pieces, mode)
            assert not self.findings.texts, self.findings.texts
        except BaseException:
            world.close()
            raise
        self._worlds[bool(mode & PACED)] = world
        grown = _peak() - before
        assert grown <= MEMORY, f"the process has grown by {grown} bytes"

    def close(self) -> None:
        for world in self._worlds.values():
            world.close()
        self._worlds.clear()


def _decode(body: bytes) -> None:
    """Check that the codecs of both sides raise only `ProtocolError`."""
    for codec in (request_codec, event_codec):
        with contextlib.suppress(ProtocolError):
            codec.decode(body)


def _peak() -> int:
    """The peak memory of the process so far, in bytes."""
    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return size if sys.platform == "darwin" else size * 1024


_target = Target()


def one_input(data: bytes) -> None:
    """Run one input on a server; raises if an invariant is broken."""
    logger = logging.getLogger("pylingo.reactor")
    logger.addHandler(_target.findings)
    try:
        _target.run(data)
    finally:
        logger.removeHandler(_target.findings)


def close() -> None:
    """Close the servers."""
    _target.close()


if __name__ == "__main__":
    logging.getLogger("pylingo.reactor").propagate = False
    campaign.run("Fuzz the server, the corpus as seeds.", one_input, CORPUS, 4_096)  # larger ones take long
