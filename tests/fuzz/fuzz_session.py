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

import contextlib
import logging
import os
import resource
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
    from pylingo.reactor.engine.transport import READ_SIZE
    from pylingo.shared.codec import encode, event_codec, request_codec
    from pylingo.shared.errors import ProtocolError
    from pylingo.shared.framing import HEADER_SIZE, MAX_BODY, FrameDecoder, encode_frame
    from pylingo.shared.messages import Command
    from tests.fuzz.world import MOST_BYTES, ROOM, Findings, Manner, NativeClient, World, pieces_of

MEMORY = 16 * 2**20
"""The most bytes by which the process may grow with one input; an input and its replies are far smaller."""


def meet(world: World, pieces: list[bytes], mode: int) -> None:
    """Connect a client, which sends the pieces and leaves."""
    peer = NativeClient(world)
    if mode & JOIN:
        peer.wire.send(encode(Command("join", ROOM)))
        world.turns(1)

    def check(connection: Connection) -> None:
        kept = connection.pending
        assert kept <= HEADER_SIZE + MAX_BODY + READ_SIZE, f"{kept} bytes are kept of a stream"
        tick, queued = world.server.hub.tick, connection.transport.queued
        assert queued <= tick.soft + tick.hard + 40 * MAX_BODY, f"{queued} bytes are queued"

    world.meet(peer, pieces, Manner(bool(mode & TIME), bool(mode & DEAF), bool(mode & FIN)), check)
    if mode & PACED:  # it may not have been read to its end
        peer.wire.connection.abort()
        world.turns(1)
    world.check_nothing_is_left()


class Target:
    """The servers. They are made on first use, and again after a finding."""

    def __init__(self) -> None:
        self._findings = Findings()
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
        before = _peak()
        world = self._worlds.pop(bool(mode & PACED), None) or World(4.0 if mode & PACED else 0.0)
        try:
            with self._findings.checked():
                meet(world, pieces_of(stream, step), mode)
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
    _target.run(data)


def close() -> None:
    """Close the servers."""
    _target.close()


if __name__ == "__main__":
    logging.getLogger("pylingo.reactor").propagate = False
    campaign.run("Fuzz the server, the corpus as seeds.", one_input, CORPUS, 4_096)  # larger ones take long
