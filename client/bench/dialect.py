"""The protocol that the simulated clients speak.

A dialect makes the bytes to send and finds the messages in the bytes received. The load generator knows no other part
of a protocol, therefore the same load and the same checks work on other servers.
"""

from collections.abc import Iterator
from typing import Protocol

import msgpack

from pylingo.shared import PROTOCOL_VERSION
from pylingo.shared.codec import encode
from pylingo.shared.framing import HEADER, HEADER_SIZE
from pylingo.shared.messages import Command, Hello, PingRequest, Pong, PongRequest, Say


class Dialect(Protocol):
    """A protocol under test. All requests and answers are bytes."""

    echo: bool  # whether a sender gets its own messages back
    one_order: bool  # whether everybody in a room sees the same order of all messages
    rest: float  # seconds until all is quiet after everybody has entered
    welcome: bytes  # stands in the answer to `introduce`; if it is not empty, the client enters only after it
    pending: int  # clients that may be on their way in at a time; 0 for no limit

    def introduce(self, name: str) -> bytes: ...  # the first request
    def enter(self, name: str, room: str) -> bytes: ...  # takes a name and joins a room
    def trouble(self, received: bytes) -> str | None: ...  # the error in the answers to `enter`, if there is one
    def fence(self, number: int) -> bytes: ...  # is answered after everything that earlier requests caused
    def fence_answer(self, number: int) -> bytes: ...
    def settle(self) -> bytes: ...  # the last requests of a sender before the run
    def leave(self) -> bytes: ...
    def alive(self) -> bytes: ...  # a sign of life, which has no answer

    def say(self, room: str, size: int) -> tuple[bytes, bytes]:
        """The bytes before and after the text in a request that sends `size` bytes of ASCII."""

    def texts(self, received: bytes) -> Iterator[tuple[int, bytes]]:
        """The end of each whole message in `received`, and its text. Raises `ValueError` for anything else."""


class PyLingo:
    """PyLingo's own protocol."""

    echo = False
    one_order = True
    rest = 0.0
    welcome = b""
    pending = 0

    def introduce(self, name: str) -> bytes:
        return b""

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
        for end, frame in split_frames(received):
            body = msgpack.unpackb(frame, raw=True)
            text = body.get(b"text") if type(body) is dict and body.get(b"type") == b"message" else None
            if type(text) is not bytes:
                raise ValueError(f"{body} arrived where only messages were expected")
            yield end, text


def split_frames(received: bytes) -> Iterator[tuple[int, bytes]]:
    """The end of each whole frame of PyLingo in `received`, and its body."""
    start, length = 0, len(received)
    while start + HEADER_SIZE <= length:
        body = start + HEADER_SIZE
        start = body + HEADER.unpack_from(received, start)[0]
        if start > length:
            return
        yield start, received[body:start]
