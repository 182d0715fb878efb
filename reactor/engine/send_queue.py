"""The outgoing queue of a transport: buffers that its socket has not taken yet.

A transport has a queue only while there is something in it, since most connections are silent.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

type Buffer = bytes | memoryview

_MOST_BUFFERS = 512  # of one sendmsg; Linux allows 1,024 (IOV_MAX)


class Sender(Protocol):
    """The receiver of the buffers: a socket, or a channel. Each call returns how many bytes it takes."""

    def send(self, data: Buffer, /) -> int: ...
    def sendmsg(self, buffers: Sequence[Buffer], /) -> int: ...


class SendQueue:
    """Buffers in the order in which they are sent.

    `size` is the number of bytes that are left. `direct` is how many of them count as direct; a buffer that was taken
    in part still counts in full. `is_blocked` and `waiting_since` belong to the transport.
    """

    __slots__ = ("_buffers", "_direct", "_offset", "direct", "is_blocked", "size", "waiting_since")

    def __init__(self, data: Buffer, direct: int = 0) -> None:
        self._buffers = [data]
        self._direct = [direct]  # for each buffer
        self._offset = 0  # bytes of the first buffer that the socket has taken
        self.size = len(data)
        self.direct = direct
        self.is_blocked = False
        self.waiting_since = 0.0

    def append(self, data: Buffer, direct: int) -> None:
        """Add `data`, of which `direct` bytes count as direct."""
        self._buffers.append(data)
        self._direct.append(direct)
        self.size += len(data)
        self.direct += direct

    def send(self, sock: Sender) -> int:
        """Offer the buffers to `sock` in one system call; return how many bytes it takes, which stay queued."""
        buffers = self._buffers
        first = memoryview(buffers[0])[self._offset :] if self._offset else buffers[0]
        return sock.send(first) if len(buffers) == 1 else sock.sendmsg([first, *buffers[1:_MOST_BUFFERS]])

    def remove(self, taken: int) -> None:
        """Remove the first `taken` bytes, fewer than there are."""
        self.size -= taken
        self._offset += taken
        whole = 0
        while self._offset >= len(self._buffers[whole]):
            self._offset -= len(self._buffers[whole])
            whole += 1
        self.direct -= sum(self._direct[:whole])
        del self._buffers[:whole], self._direct[:whole]

    def discard(self, frame_end: Callable[[Buffer, int], int], committed: int = 0) -> int:
        """Remove everything but the rest of the frame that the socket has begun to take; return the bytes removed.

        The first `committed` bytes that are left count as begun. `frame_end(buffer, offset)` returns the end, in a
        buffer, of the frame that holds the byte before `offset`.
        """
        before = self.size
        last, offset = 0, self._offset + committed
        while offset > len(self._buffers[last]):
            offset -= len(self._buffers[last])
            last += 1
        end = frame_end(self._buffers[last], offset) if offset else 0
        kept = [*self._buffers[:last], self._buffers[last][:end]]
        self.size = self.direct = sum(map(len, kept)) - self._offset
        self._buffers, self._direct = kept, [*map(len, kept)]
        self._direct[0] -= self._offset
        return before - self.size
