"""The framing: a byte stream is cut into frames of a four-byte size and a body of that many bytes.

TCP keeps no boundaries: one `send` may arrive in several pieces, and several may arrive as one. `FrameDecoder` takes
the pieces as they arrive and returns complete bodies. The bodies do not depend on how the stream was cut.
"""

import struct
from typing import Self

from pylingo.shared.errors import FrameError

HEADER = struct.Struct(">I")
HEADER_SIZE = HEADER.size
_unpack_size = HEADER.unpack_from
MAX_BODY = 32_768
"""The largest body, in bytes. A larger size is refused as soon as its four bytes have arrived."""


def encode_frame(body: bytes) -> bytes:
    """Return the frame of `body`. Raises `ValueError` if the protocol does not allow a body of that size."""
    size = len(body)
    if not 0 < size <= MAX_BODY:
        raise ValueError(f"a body must have 1 to {MAX_BODY} bytes, not {size}")
    return HEADER.pack(size) + body


def frame_end(stream: bytes | memoryview, offset: int) -> int:
    """Return the end of the frame that contains `offset`, for a `stream` of complete frames.

    An offset between two frames is the end of the first.
    """
    end = 0
    while end < offset:
        end += HEADER_SIZE + HEADER.unpack_from(stream, end)[0]
    return end


class FrameDecoder:
    """An iterator over the complete bodies of the bytes fed to it. Feed it again to continue.

    No memory is reserved for a body that was only announced. An exhausted iterator keeps nothing but an unfinished
    frame. After a `FrameError`, every further step raises it again.
    """

    __slots__ = ("_at", "_buffer")

    def __init__(self) -> None:
        self._buffer = b""
        self._at = 0

    def feed(self, data: bytes) -> Self:
        """Add the next piece of the stream. Returns the decoder itself, to iterate over."""
        self._buffer = self._buffer[self._at :] + data if self._buffer else data
        self._at = 0
        return self

    @property
    def pending(self) -> int:
        """The bytes held back: of an unfinished frame, and of frames that the iterator has not returned yet."""
        return len(self._buffer) - self._at

    def put_back(self, body: bytes) -> None:
        """Return `body` again in the next step. It must be the body that the last step returned."""
        self._at -= HEADER_SIZE + len(body)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> bytes:
        """Return the next body. Raises `FrameError` for an invalid size, `StopIteration` if it needs more input."""
        buffer, at = self._buffer, self._at
        start = at + HEADER_SIZE
        if start <= len(buffer):
            (size,) = _unpack_size(buffer, at)
            if not 0 < size <= MAX_BODY:
                raise FrameError(f"a frame's size must be 1 to {MAX_BODY} bytes, not {size}")
            end = start + size
            if end <= len(buffer):
                self._at = end
                return buffer[start:end]
        self._buffer = buffer[at:]
        self._at = 0
        raise StopIteration
