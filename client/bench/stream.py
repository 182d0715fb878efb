"""Check that everybody received everything, once and in one order. Pure.

Decoding every delivery in Python would cost far more than the server spends on it. Therefore each room has one silent
client, the observer, whose bytes are decoded: its stream is the room's stream. The bytes of every other reader are
compared with that stream, which runs at the speed of memory; those of a sender with the stream less its own messages.
The messages of each sender are numbered, which shows a lost, duplicated or reordered one.
"""

import bisect
import collections
import struct
from collections.abc import Callable, Iterator

_MARK = struct.Struct(">6s8s12s")


class StreamError(Exception):
    """A delivery was lost, duplicated, changed or out of order."""


def mark(sender: int, serial: int, at: int) -> bytes:
    """The 26 bytes at the start of a message's text: the sender, the message's number and the time (nanoseconds)."""
    return b"%06x%08x%012x" % (sender, serial, at & 0xFFFFFFFFFFFF)


MARK_SIZE = _MARK.size
FILLER = b"."  # the rest of a text


class RoomStream:
    """A room's messages as its observer received them. Positions count bytes from the beginning.

    `texts` is the method of a dialect that finds the messages in the bytes received.
    """

    def __init__(self, texts: Callable[[bytes], Iterator[tuple[int, bytes]]]) -> None:
        self._texts = texts
        self._received = bytearray()
        self._partial = b""
        self.base = 0  # the position of the first byte that is kept
        self.end = 0  # the position behind the last whole message
        self.messages = 0
        self.ends: list[int] = []
        self.sent_at: list[int] = []
        self.serials: collections.Counter[int] = collections.Counter()
        """The number of messages that arrived from each sender."""
        self.own: dict[int, collections.deque[tuple[int, int]]] = {}
        """Start and end of each own message, for the senders that skip theirs."""

    def observe(self, data: bytes) -> None:
        """The observer received `data`. Raises `StreamError`."""
        data = self._partial + data
        start = 0
        try:
            for end, text in self._texts(data):
                sender, serial, at = (int(part, 16) for part in _MARK.unpack_from(text))
                if text[MARK_SIZE:].strip(FILLER):
                    raise StreamError(f"message {serial} of sender {sender} arrived with another text than was sent")
                if serial != self.serials[sender]:
                    raise StreamError(
                        f"message {serial} of sender {sender} arrived where {self.serials[sender]} was due"
                    )
                self.serials[sender] = serial + 1
                if (own := self.own.get(sender)) is not None:
                    own.append((self.end + start, self.end + end))
                self.ends.append(self.end + end)
                self.sent_at.append(at)
                self.messages += 1
                start = end
        except (ValueError, struct.error) as error:
            raise StreamError(f"the server sent something other than a message: {error}") from None
        self._received += data[:start]
        self.end += start
        self._partial = data[start:]

    def holds(self, position: int, data: bytes) -> bool:
        """Whether the stream has `data` at `position`."""
        return self._received.startswith(data, position - self.base)

    def sent_time(self, position: int) -> int:
        """When the message at `position` was sent."""
        return self.sent_at[bisect.bisect_right(self.ends, position)]

    def count_until(self, position: int) -> int:
        """The number of whole messages before `position`."""
        return bisect.bisect_right(self.ends, position)

    def forget(self, position: int) -> None:
        """Drop the bytes before `position`, which nobody needs any more."""
        del self._received[: position - self.base]
        self.base = position


class StreamChecker:
    """Compares what one client received with the room's stream.

    `sender` is the number of a client that speaks and gets no copy of its own messages.
    """

    __slots__ = ("_own", "_stream", "_waiting", "position")

    def __init__(self, stream: RoomStream, sender: int | None = None) -> None:
        self._stream = stream
        self._own = stream.own.setdefault(sender, collections.deque()) if sender is not None else None
        self._waiting: bytes = b""
        self.position = stream.end

    def take(self, data: bytes) -> bool:
        """Check `data`; False if part of it is ahead of the observer: call `catch_up` later. Raises `StreamError`."""
        if self._waiting:
            self._waiting += data
            return False
        return self._check(data)

    def catch_up(self) -> bool:
        """Check what was ahead of the observer."""
        data, self._waiting = self._waiting, b""
        return self._check(data)

    @property
    def is_level(self) -> bool:
        """Whether everything in the stream was received."""
        self.pass_own()
        return not self._waiting and self.position == self._stream.end

    def _check(self, data: bytes) -> bool:
        stream = self._stream
        while data:
            self.pass_own()
            limit = self._own[0][0] if self._own else stream.end
            piece = data[: limit - self.position]
            if not piece:
                self._waiting = data
                return False
            if not stream.holds(self.position, piece):
                raise StreamError("a client's bytes differ from the room's")
            self.position += len(piece)
            data = data[len(piece) :]
        return True

    def pass_own(self) -> None:
        """Skip own messages, of which no copy arrives."""
        own = self._own
        while own and own[0][0] == self.position:
            self.position = own.popleft()[1]


class LengthChecker(StreamChecker):
    """Checks only the number of bytes, for a room without one order of messages. All messages have one size."""

    __slots__ = ()

    def _check(self, data: bytes) -> bool:
        self.position += len(data)
        return True

    def pass_own(self) -> None:
        while self._own:
            start, end = self._own.popleft()
            self.position += end - start
