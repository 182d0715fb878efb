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

    __slots__ = ("_direct", "_first", "_offset", "_rest", "direct", "is_blocked", "size", "waiting_since")

    def __init__(self, data: Buffer, direct: int = 0) -> None:
        self._first = data
        self._direct = direct  # of the first buffer
        self._offset = 0  # bytes of it that the socket has taken
        self._rest: list[tuple[Buffer, int]] | None = None  # with how many bytes are direct; mostly there is one buffer
        self.size = len(data)
        self.direct = direct
        self.is_blocked = False
        self.waiting_since = 0.0

    def append(self, data: Buffer, direct: int) -> None:
        """Add `data`, of which `direct` bytes count as direct."""
        if self._rest is None:
            self._rest = []
        self._rest.append((data, direct))
        self.size += len(data)
        self.direct += direct

    def send(self, sock: Sender) -> int:
        """Offer the buffers to `sock` in one system call; return how many bytes it takes, which stay queued."""
        first = memoryview(self._first)[self._offset :] if self._offset else self._first
        if not self._rest:
            return sock.send(first)
        return sock.sendmsg([first, *(data for data, _ in self._rest[: _MOST_BUFFERS - 1])])

    def remove(self, taken: int) -> None:
        """Remove the first `taken` bytes, fewer than there are."""
        self.size -= taken
        self._offset += taken
        rest, whole = self._rest or [], 0
        while self._offset >= len(self._first):
            self._offset -= len(self._first)
            self.direct -= self._direct
            self._first, self._direct = rest[whole]
            whole += 1
        del rest[:whole]

    def discard(self, frame_end: Callable[[Buffer, int], int], committed: int = 0) -> int:
        """Remove everything but the rest of the frame that the socket has begun to take; return the bytes removed.

        The first `committed` bytes that are left count as begun. `frame_end(buffer, offset)` returns the end, in a
        buffer, of the frame that holds the byte before `offset`.
        """
        before = self.size
        buffers = [self._first, *(data for data, _ in self._rest or ())]
        last, offset = 0, self._offset + committed
        while offset > len(buffers[last]):
            offset -= len(buffers[last])
            last += 1
        end = frame_end(buffers[last], offset) if offset else 0
        self._first, *rest = [*buffers[:last], buffers[last][:end]]
        self._direct = len(self._first) - self._offset
        self._rest = [(data, len(data)) for data in rest]
        self.size = self.direct = self._direct + sum(map(len, rest))
        return before - self.size
