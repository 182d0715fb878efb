#!/usr/bin/env python3
"""Fuzz a whole server with what an IRC client might send, guided by coverage, on demand.

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

import contextlib
import logging
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
    from pylingo.reactor.connection import Connection
    from pylingo.reactor.engine.transport import READ_SIZE
    from pylingo.reactor.irc.capabilities import CAPABILITIES
    from pylingo.reactor.irc.lines import MAX_LINE, MAX_UNENDED
    from pylingo.reactor.irc.message import parse
    from pylingo.reactor.irc_start import Door, make_gateway
    from pylingo.reactor.people.passwords import PasswordHash, Verdict
    from tests.fuzz.world import MOST_BYTES, ROOM, Findings, Manner, Wire, World, pieces_of

MAX_TAGS = 8_191
"""The longest tags of a line from the server, in bytes, with their @ and the space behind them."""


def check_password(password: str, host: str, done: object, hash: PasswordHash) -> None:
    """Every password is wrong."""
    assert callable(done)
    done(Verdict.WRONG)


class IrcClient:
    """An IRC client."""

    def __init__(self, world: World, door: Door) -> None:
        self.wire = Wire(world, door)
        self._data = b""

    def read(self) -> None:
        """Read what came, and check each line."""
        *lines, self._data = (self._data + self.wire.read()).split(b"\r\n")
        for line in lines:
            assert not set(line) & set(b"\r\n\0"), line
            tags = line.find(b" ") + 1 if line.startswith(b"@") else 0
            assert tags <= MAX_TAGS, line
            assert len(line) - tags <= MAX_LINE, line
            parse(line)


def meet(world: World, door: Door, pieces: list[bytes], mode: int) -> None:
    """Connect a client, which sends the pieces and leaves."""
    peer = IrcClient(world, door)
    if mode & CAPS:
        peer.wire.send(f"CAP REQ :{' '.join(CAPABILITIES)}\r\n".encode())
    if mode & REGISTER:
        peer.wire.send(b"NICK fuzz\r\nUSER fuzz 0 * :fuzz\r\nCAP END\r\nJOIN #" + ROOM.encode() + b"\r\n")
    world.turns(2)

    def check(connection: Connection) -> None:
        kept = connection.pending
        assert kept <= MAX_UNENDED + READ_SIZE, f"{kept} bytes are kept of a stream"

    world.meet(peer, pieces, Manner(bool(mode & TIME), bool(mode & DEAF), bool(mode & FIN)), check)
    world.check_nothing_is_left()


class Target:
    """The server. It is made on first use, and again after a finding."""

    def __init__(self) -> None:
        self._findings = Findings()
        self._world: World | None = None
        self._door: Door | None = None

    def run(self, data: bytes) -> None:
        """See `one_input`."""
        step, mode = (*data[:2], 0, 0)[:2]
        stream = data[2 : 2 + MOST_BYTES]
        world, self._world = self._world or World(0.0), None
        if self._door is None:
            gateway = make_gateway(
                world.server.hub, "irc.test", lambda: "motd", world.reactor.call_later, check_password
            )
            self._door = Door(gateway, False)
        try:
            with self._findings.checked():
                meet(world, self._door, pieces_of(stream, step), mode)
        except BaseException:
            self._door = None
            world.close()
            raise
        self._world = world

    def close(self) -> None:
        if self._world is not None:
            self._world.close()
            self._world = self._door = None


_target = Target()


def one_input(data: bytes) -> None:
    """Run one input on a server; raises if an invariant is broken."""
    _target.run(data)


def close() -> None:
    """Close the server."""
    _target.close()


if __name__ == "__main__":
    logging.getLogger("pylingo.reactor").propagate = False
    campaign.run("Fuzz the server as an IRC client.", one_input, CORPUS, 4_096)  # larger ones take long
