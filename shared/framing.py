"""Cutting a byte stream into frames: four bytes of size, then as many bytes of body.

TCP keeps no boundaries: one `send` may arrive in many pieces and many may arrive as one. `FrameDecoder` takes pieces
as they come and gives whole bodies, and gives the same ones however the stream was cut.
"""

import struct
from typing import Self

from pylingo.shared.errors import FrameError

HEADER = struct.Struct(">I")
HEADER_SIZE = HEADER.size
_unpack_size = HEADER.unpack_from
MAX_BODY = 32_768
"""The largest body, in bytes. A larger size is refused as soon as its four bytes are there."""


def encode_frame(body: bytes) -> bytes:
    """`body` behind its size. Raises `ValueError` if the protocol has no frame of that size."""
    size = len(body)
    if not 0 < size <= MAX_BODY:
        raise ValueError(f"a body has 1 to {MAX_BODY} bytes, not {size}")
    return HEADER.pack(size) + body


def frame_end(stream: bytes | memoryview, offset: int) -> int:
    """The end of the frame in which `offset` lies, for a `stream` that begins with a frame and holds whole ones.

    An offset on the border of two frames is the end of the first: nothing of the second has begun.
    """
    end = 0
    while end < offset:
        end += HEADER_SIZE + HEADER.unpack_from(stream, end)[0]
    return end


class FrameDecoder:
    """An iterator over the bodies in what it was fed; it goes on where it stopped when fed again.

    Nothing is reserved for a size that was only announced, and nothing but an unfinished frame is kept once the
    iterator is exhausted. After a `FrameError` every further step raises it again: the stream is lost.
    """

    __slots__ = ("_at", "_buffer")

    def __init__(self) -> None:
        self._buffer = b""
        self._at = 0

    def feed(self, data: bytes) -> Self:
        """Take the next piece of the stream; iterate over the result for the bodies that are complete."""
        self._buffer = self._buffer[self._at :] + data if self._buffer else data
        self._at = 0
        return self

    @property
    def pending(self) -> int:
        """How many bytes are kept: of an unfinished frame, or of frames not yet asked for."""
        return len(self._buffer) - self._at

    def put_back(self, body: bytes) -> None:
        """Give `body` again in the next step. It must be what the last step has given."""
        self._at -= HEADER_SIZE + len(body)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> bytes:
        """The next whole body. Raises `FrameError` for a size out of range, `StopIteration` until more is fed."""
        buffer, at = self._buffer, self._at
        start = at + HEADER_SIZE
        if start <= len(buffer):
            (size,) = _unpack_size(buffer, at)
            if not 0 < size <= MAX_BODY:
                raise FrameError(f"a frame's size is from 1 to {MAX_BODY} bytes, not {size}")
            end = start + size
            if end <= len(buffer):
                self._at = end
                return buffer[start:end]
        self._buffer = buffer[at:]
        self._at = 0
        raise StopIteration
