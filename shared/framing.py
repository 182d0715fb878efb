"""The framing: a byte stream is cut into frames of a four-byte size and a body of that many bytes.

TCP keeps no boundaries: one `send` may arrive in several pieces, and several may arrive as one. `FrameDecoder` takes
the pieces as they arrive and returns complete bodies. The bodies do not depend on how the stream was cut.
"""

import struct
from collections.abc import Iterator
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
    """Iterating over it gives the complete bodies of the bytes fed to it. Feed it and iterate again to continue.

    No memory is reserved for a body that was only announced. After the last complete body, the decoder keeps nothing
    but an unfinished frame. After a `FrameError`, every further iteration raises it again.
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
        """The bytes held back: of an unfinished frame, and of frames that no iteration has returned yet."""
        return len(self._buffer) - self._at

    @property
    def rest(self) -> bytes:
        """The bytes held back, from the next frame on. It may be asked for between two iterations."""
        return self._buffer[self._at :]

    def skip(self, size: int) -> None:
        """Leave out the first `size` bytes of `rest`, which are whole frames."""
        self._at += size

    def put_back(self, body: bytes) -> None:
        """Return `body` again in the next iteration. It must be the body that was returned last."""
        self._at -= HEADER_SIZE + len(body)

    def __iter__(self) -> Iterator[bytes]:
        """Return the bodies one by one, each when it is asked for. Raises `FrameError` for an invalid size."""
        buffer, length, start = self._buffer, len(self._buffer), self._at + HEADER_SIZE
        while start <= length:
            (size,) = _unpack_size(buffer, start - HEADER_SIZE)
            if not 0 < size <= MAX_BODY:
                raise FrameError(f"a frame's size must be 1 to {MAX_BODY} bytes, not {size}")
            end = start + size
            if end > length:
                break
            self._at = end  # between two steps, the rest of the stream begins here
            yield buffer[start:end]
            start = end + HEADER_SIZE
        self._buffer = buffer[start - HEADER_SIZE :]
        self._at = 0
