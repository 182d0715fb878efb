#!/usr/bin/env python3
"""Fuzz a whole server with what a client of IRC might send, guided by coverage, on demand.

    python tests/fuzz/fuzz_irc.py --seconds 60

It needs `pip install atheris`. `one_input` is the target; CI replays the corpus through it without atheris
(`test_irc_corpus.py`). An input consists of:

- byte 0, the size of the pieces in which the stream is sent: 0 for all at once, else so many bytes (64 pieces at most,
  the last one takes the rest);
- byte 1, bits: 1 negotiate all capabilities; 2 register, and join the room; 4 three seconds pass after each of the
  first eight pieces; 8 the peer reads nothing until the end; 16 the stream ends with FIN before the peer goes;
- the rest: the stream.

The input is sent over a real socket pair to a server whose clock stands still. It must hold that nothing is logged as
an error, that what the peer is sent are sound lines, that two native people in the room go on to hear each other, and
that nothing of the peer is left in the end.
"""

# ruff: noqa: E402 - a script, which puts the checkout on the path first

import contextlib
import logging
import socket
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
CORPUS = Path(__file__).resolve().parent / "irc_corpus"
CAPS, REGISTER, TIME, DEAF, FIN = 1, 2, 4, 8, 16

_watching: contextlib.AbstractContextManager[object] = contextlib.nullcontext()
if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    from tests.fuzz import campaign

    _watching = campaign.instrument("pylingo.reactor.irc", "pylingo.reactor.chat")

with _watching:
    from pylingo.reactor.irc.capabilities import CAPABILITIES
    from pylingo.reactor.irc.lines import MAX_LINE, MAX_UNENDED
    from pylingo.reactor.irc.message import parse
    from pylingo.reactor.irc_start import Door, make_gateway
    from pylingo.reactor.people.passwords import PasswordHash, Verdict

from tests.fuzz.fuzz_session import LOOPBACK, MOST_BYTES, MOST_PIECES, ROOM, Findings, World

MAX_TAGS = 8_191
"""The longest tags of a line from the server, in bytes, with their @ and the space behind them."""


def check_password(password: str, host: str, done: object, hash: PasswordHash) -> None:
    """Every password is wrong."""
    assert callable(done)
    done(Verdict.WRONG)


class Client:
    """The client's end of a connection."""

    def __init__(self, world: World, door: Door) -> None:
        ours, self.sock = socket.socketpair()
        self.sock.setblocking(False)
        self._world = world
        self._data = b""
        server = world.server
        before = set(server.admission.connections())
        server.admission.admit(ours, LOOPBACK, door)
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

    def read(self) -> None:
        """Read what came, and check each line."""
        with contextlib.suppress(OSError):
            while data := self.sock.recv(2**20):
                self._data += data
        *lines, self._data = self._data.split(b"\r\n")
        for line in lines:
            assert not set(line) & set(b"\r\n\0"), line
            tags = line.find(b" ") + 1 if line.startswith(b"@") else 0
            assert tags <= MAX_TAGS, line
            assert len(line) - tags <= MAX_LINE, line
            parse(line)


class Target:
    """The server. It is made on first use, and again after a finding."""

    def __init__(self) -> None:
        self.findings = Findings()
        self._world: World | None = None
        self._door: Door | None = None

    def run(self, data: bytes) -> None:
        """See `one_input`."""
        step, mode = (*data[:2], 0, 0)[:2]
        stream = data[2 : 2 + MOST_BYTES]
        pieces = [stream]
        if step and stream:
            cuts = [*range(0, len(stream), step)][:MOST_PIECES]
            pieces = [stream[cut:end] for cut, end in zip(cuts, [*cuts[1:], len(stream)], strict=True)]
        world, self._world = self._world or World(0.0), None
        if self._door is None:
            gateway = make_gateway(
                world.server.hub, "irc.test", lambda: "motd", world.reactor.call_later, check_password
            )
            self._door = Door(gateway, False)
        self.findings.texts.clear()
        try:
            self._meet(world, self._door, pieces, mode)
            assert not self.findings.texts, self.findings.texts
        except BaseException:
            self._door = None
            world.close()
            raise
        self._world = world

    def _meet(self, world: World, door: Door, pieces: list[bytes], mode: int) -> None:
        peer = Client(world, door)
        if mode & CAPS:
            peer.send(f"CAP REQ :{' '.join(CAPABILITIES)}\r\n".encode())
        if mode & REGISTER:
            peer.send(b"NICK fuzz\r\nUSER fuzz 0 * :fuzz\r\nCAP END\r\nJOIN #" + ROOM.encode() + b"\r\n")
        world.turns(2)
        for number, piece in enumerate(pieces):
            peer.send(piece)
            world.turns(2)
            if mode & TIME and number < 8:
                world.now += 3.0
                world.turns(1)
            if not mode & DEAF:
                peer.read()
            kept = peer.connection.pending
            assert kept <= MAX_UNENDED + 2**16, f"{kept} bytes are kept of a stream"
            world.listener.got()
            world.speaker.got()
        world.talk()
        peer.read()
        if mode & FIN:
            with contextlib.suppress(OSError):
                peer.sock.shutdown(socket.SHUT_WR)
            world.turns(3)
            peer.read()
        peer.sock.close()
        world.turns(4)
        world.listener.got()
        world.speaker.got()
        hub = world.server.hub
        names = {session.person.name for session in hub.sessions()}
        assert names == {"guest-1", "guest-2"}, names
        assert set(hub.rooms) == {ROOM}, hub.rooms
        assert set(world.server.admission.connections()) == {world.speaker.connection, world.listener.connection}

    def close(self) -> None:
        if self._world is not None:
            self._world.close()
            self._world = self._door = None


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
    """Close the server."""
    _target.close()


if __name__ == "__main__":
    logging.getLogger("pylingo.reactor").propagate = False
    campaign.run("Fuzz the server as a client of IRC.", one_input, CORPUS, 4_096)  # larger ones take long
