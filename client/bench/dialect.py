"""What the simulated clients speak. The load generator knows nothing of a protocol but this.

A dialect makes bytes to send and cuts the messages out of bytes that came. So the same load, with the same checks, can
be put on other servers.
"""

from collections.abc import Iterator
from typing import Protocol

import msgpack

from pylingo.shared import PROTOCOL_VERSION
from pylingo.shared.codec import encode
from pylingo.shared.framing import HEADER, HEADER_SIZE
from pylingo.shared.messages import Command, Hello, PingRequest, Pong, PongRequest, Say


class Dialect(Protocol):
    """`echo` says whether a sender gets its own messages back, `one_order` whether everybody in a room sees one order
    of all messages, and `rest` how long (in seconds) after entering all is quiet.
    """

    echo: bool
    one_order: bool
    rest: float

    def enter(self, name: str, room: str) -> bytes:
        """What to send to be in a room."""

    def fence(self, number: int) -> bytes:
        """A request whose answer comes behind everything that was caused before it."""

    def fence_answer(self, number: int) -> bytes:
        """The bytes of that answer."""

    def trouble(self, received: bytes) -> str | None:
        """What in the answers to `enter` says that it failed."""

    def settle(self) -> bytes:
        """What a sender sends last before the run."""

    def leave(self) -> bytes:
        """What ends a connection politely."""

    def alive(self) -> bytes:
        """What a silent client sends now and then so as not to be taken for dead; it has no answer."""

    def say(self, room: str, size: int) -> tuple[bytes, bytes]:
        """What stands before and behind the text, of `size` bytes of ASCII, in a request to say it."""

    def texts(self, received: bytes) -> Iterator[tuple[int, bytes]]:
        """The end of each whole message in `received`, and its text. Raises `ValueError` for anything else."""


class PyLingo:
    """PyLingo's own protocol."""

    echo = False
    one_order = True
    rest = 0.0

    def enter(self, name: str, room: str) -> bytes:
        return encode(Hello(PROTOCOL_VERSION, name)) + encode(Command("join", room))

    def fence(self, number: int) -> bytes:
        return encode(PingRequest(number))

    def fence_answer(self, number: int) -> bytes:
        return encode(Pong(number))

    def trouble(self, received: bytes) -> str | None:
        for word in (b"\xa5error", b"\xa7goodbye"):
            if b"\xa4type" + word in received:
                return received.decode("utf-8", "replace")
        return None

    def settle(self) -> bytes:
        return b""

    def leave(self) -> bytes:
        return encode(Command("close"))

    def alive(self) -> bytes:
        return encode(PongRequest())

    def say(self, room: str, size: int) -> tuple[bytes, bytes]:
        frame = encode(Say("x" * size))
        return frame[:-size], b""

    def texts(self, received: bytes) -> Iterator[tuple[int, bytes]]:
        start, length = 0, len(received)
        while start + HEADER_SIZE <= length:
            end = start + HEADER_SIZE + HEADER.unpack_from(received, start)[0]
            if end > length:
                return
            body = msgpack.unpackb(received[start + HEADER_SIZE : end], raw=True)
            text = body.get(b"text") if type(body) is dict and body.get(b"type") == b"message" else None
            if type(text) is not bytes:
                raise ValueError(f"{body} came where only messages were expected")
            yield end, text
            start = end
