"""Whether everybody got everything, once, in one order. Pure.

Decoding every delivery in Python would cost far more than the server spends on it. So in each room one silent reader,
the observer, is decoded: its stream is the room's stream. Every other reader's bytes are compared with it, which runs
at the speed of memory; a sender's bytes with the stream less its own messages. In the room's stream every sender's
messages are numbered, so that a lost, doubled or reordered one is seen.
"""

import bisect
import collections
import struct
from typing import Protocol

_MARK = struct.Struct(">6s8s12s")


class StreamError(Exception):
    """A delivery was lost, doubled, changed or out of order."""


class Splitter(Protocol):
    """The part of a dialect that cuts messages out of a stream."""

    def texts(self, received: bytes) -> "collections.abc.Iterator[tuple[int, bytes]]": ...


def mark(sender: int, serial: int, at: int) -> bytes:
    """The 26 bytes with which a message's text begins: who sent it, its number, and when (nanoseconds)."""
    return b"%06x%08x%012x" % (sender, serial, at & 0xFFFFFFFFFFFF)


MARK_SIZE = _MARK.size
FILLER = b"."
"""What the rest of a text consists of."""


class RoomStream:
    """What a room says, as its observer has received it. Positions count bytes from the beginning."""

    def __init__(self, dialect: Splitter) -> None:
        self._dialect = dialect
        self._log = bytearray()
        self.base = 0
        """The position of the first byte that is kept."""
        self._partial = b""
        self.end = 0
        """The position behind the last whole message."""
        self.messages = 0
        self.ends: list[int] = []
        self.sent_at: list[int] = []
        self._serials: collections.Counter[int] = collections.Counter()
        self.own: dict[int, collections.deque[tuple[int, int]]] = {}
        """For each sender that asked for it, where its own messages stand."""

    def observe(self, data: bytes) -> None:
        """The observer received `data`. Raises `StreamError`."""
        data = self._partial + data
        start = 0
        try:
            for end, text in self._dialect.texts(data):
                sender, serial, at = (int(part, 16) for part in _MARK.unpack_from(text))
                if text[MARK_SIZE:].strip(FILLER):
                    raise StreamError(f"message {serial} of sender {sender} came with another text than was said")
                if serial != self._serials[sender]:
                    raise StreamError(f"message {serial} of sender {sender} came where {self._serials[sender]} was due")
                self._serials[sender] = serial + 1
                if (own := self.own.get(sender)) is not None:
                    own.append((self.end + start, self.end + end))
                self.ends.append(self.end + end)
                self.sent_at.append(at)
                self.messages += 1
                start = end
        except (ValueError, struct.error) as error:
            raise StreamError(f"what came is no message: {error}") from None
        self._log += data[:start]
        self.end += start
        self._partial = data[start:]

    def holds(self, position: int, data: bytes) -> bool:
        """Whether `data` is what stands at `position`."""
        return self._log.startswith(data, position - self.base)

    def sent_time(self, position: int) -> int:
        """When the message that stands at `position` was sent."""
        return self.sent_at[bisect.bisect_right(self.ends, position)]

    def count_until(self, position: int) -> int:
        """How many whole messages stand before `position`."""
        return bisect.bisect_right(self.ends, position)

    def count_from(self, sender: int) -> int:
        """How many messages of a sender have come."""
        return self._serials[sender]

    def forget(self, position: int) -> None:
        """Nobody will ask for what stands before `position`."""
        del self._log[: position - self.base]
        self.base = position


class Reader:
    """One reader of a room, `sender` being its own number if it also speaks and gets no copy of that."""

    __slots__ = ("_own", "_stream", "_waiting", "position")

    def __init__(self, stream: RoomStream, sender: int | None = None) -> None:
        self._stream = stream
        self._own = stream.own.setdefault(sender, collections.deque()) if sender is not None else None
        self._waiting: bytes = b""
        self.position = stream.end

    def take(self, data: bytes) -> bool:
        """Check what came; False if it is ahead of the observer: call `catch_up` later. Raises `StreamError`."""
        if self._waiting:
            self._waiting += data
            return False
        return self._check(data)

    def catch_up(self) -> bool:
        """Check what was ahead."""
        data, self._waiting = self._waiting, b""
        return self._check(data)

    @property
    def is_level(self) -> bool:
        """Whether all that the room has said was received."""
        self.pass_own()
        return not self._waiting and self.position == self._stream.end

    def _check(self, data: bytes) -> bool:
        stream = self._stream
        if self._own is None:
            piece = data[: stream.end - self.position]
            if not stream.holds(self.position, piece):
                raise StreamError("a reader's bytes differ from the room's")
            self.position += len(piece)
            self._waiting = data[len(piece) :]
            return not self._waiting
        while data:
            self.pass_own()
            limit = self._own[0][0] if self._own else stream.end
            piece = data[: limit - self.position]
            if not piece:
                self._waiting = data
                return False
            if not stream.holds(self.position, piece):
                raise StreamError("a sender's bytes differ from the room's without its own messages")
            self.position += len(piece)
            data = data[len(piece) :]
        return True

    def pass_own(self) -> None:
        """Step over own messages, of which no copy comes."""
        own = self._own
        while own and own[0][0] == self.position:
            self.position = own.popleft()[1]


class Counter(Reader):
    """A reader where a room has no one order: all messages have one size, so the number of bytes can be checked."""

    __slots__ = ()

    def _check(self, data: bytes) -> bool:
        self.position += len(data)
        return True

    def pass_own(self) -> None:
        while self._own:
            start, end = self._own.popleft()
            self.position += end - start
