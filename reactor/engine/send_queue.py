"""The outgoing queue of a transport: buffers that its socket has not taken yet.

A transport has a queue only while there is something in it, since most connections are silent.
"""

import socket
from collections.abc import Callable

type Buffer = bytes | memoryview

_MOST_BUFFERS = 512  # of one sendmsg; Linux allows 1,024 (IOV_MAX)


class SendQueue:
    """Buffers in the order in which they are sent.

    `size` is the number of bytes that are left. `direct` is how many of them count as direct; a buffer that was taken
    in part still counts in full.
    """

    __slots__ = ("_buffers", "_direct", "_offset", "direct", "size")

    def __init__(self, data: Buffer, direct: int = 0) -> None:
        self._buffers = [data]
        self._direct = [direct]  # for each buffer
        self._offset = 0  # bytes of the first buffer that the socket has taken
        self.size = len(data)
        self.direct = direct

    def append(self, data: Buffer, direct: int) -> None:
        """Add `data`, of which `direct` bytes count as direct."""
        self._buffers.append(data)
        self._direct.append(direct)
        self.size += len(data)
        self.direct += direct

    def send(self, sock: socket.socket) -> int:
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

    def discard(self, frame_end: Callable[[Buffer, int], int]) -> int:
        """Remove everything but the rest of the frame that the socket has begun to take; return the bytes removed.

        `frame_end(buffer, offset)` is where in a buffer the frame that holds the byte before `offset` ends.
        """
        before = self.size
        end = frame_end(self._buffers[0], self._offset) if self._offset else 0
        self.size = self.direct = end - self._offset
        self._buffers, self._direct = [self._buffers[0][:end]], [self.direct]
        return before - self.size
