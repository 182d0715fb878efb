"""A batch of events of one room as bytes, as it is stored in Redis and published to the servers. Pure.

    header   19 bytes, big-endian: version (1), server (4), sequence (8), number of events (2), size of the extra (4)
    kinds    1 byte for each event, with bits: it is a message, eight bytes follow its stamp, it is redacted
    lengths  4 bytes for each event: the length of its frame, 0 for an op
    extra    nothing, or a MessagePack array [keys, ops, marks]
             keys   [[index of the first, session number, compared name, [key, ...]], ...]
             ops    one array for each event without a frame, in their order
             marks  [[index of the first, number of messages, fingerprint, operator], ...]
    frames   one after another

A batch has a stamp, and event i of n events has the stamp `top - n + 1 + i`. The stamp is known only when Redis has put
the batch in its order. So a message is encoded with `PLACEHOLDER` as its `at`, and the receivers write the stamp over
it: `at` is the last pair of the frame, except for an action or a notice, where eight bytes follow.

Nothing here is done for each message but in C. Somebody who is busy says many messages one after another, which are one
`Run`: what they have in common is there once.
"""

import collections
import functools
import itertools
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

import msgpack

from pylingo.shared.codec import encode
from pylingo.shared.framing import HEADER_SIZE
from pylingo.shared.messages import Entry, Message

VERSION = 1
"""The version of the layout."""
PLACEHOLDER = 1 << 60
"""The `at` of a message that has no stamp yet. It takes as many bytes as every stamp since 1970."""
MOST_EVENTS = 65_535
"""The most events of a batch."""

_HEADER = struct.Struct(">BIQHI")
_MESSAGE, _MARKED, _REDACTED = 1, 2, 4
_BEHIND_AT = len(b"\xa6action\xc3")  # bytes behind the `at` of an action, and of a notice
_STAMP_SIZE = 8
_UNMARKED = (None, None)
_OF_SESSIONS = frozenset({"join", "leave", "rename", "away"})  # the ops whose second part is a session's number

_put_stamp = struct.Struct(">Q").pack_into
_lengths_of = functools.lru_cache(256)(lambda count: struct.Struct(f">{count}I"))
_pack = msgpack.Packer(use_bin_type=True).pack
_do_all = collections.deque[object](maxlen=0).extend

type Op = list[Any]
"""An event without a frame of its own: its name and what belongs to it, such as ["leave", number, reason, by, text]."""
type Marks = tuple[str | None, bool | None]
"""The fingerprint of the sender of a message, and whether the sender is an operator."""
type Part = Event | Run
"""One event of a batch that is no message, or several messages."""


@dataclass(slots=True)
class Event:
    """One event of a batch that is no message: a frame, or an op."""

    frame: bytes = b""
    op: Op | None = None

    count: ClassVar[int] = 1

    @property
    def size(self) -> int:
        """The bytes of the frame."""
        return len(self.frame)


class Author(NamedTuple):
    """The number of the session that has said something, and the compared name of the person."""

    session: int
    name: str


@dataclass(slots=True)
class Run:
    """Messages that one session said one after another in a room. Their frames have `PLACEHOLDER` as their `at`.

    `keys` has the key of each, or nothing. All messages are actions or notices if it `is_marked`, or none.
    """

    author: Author
    marks: Marks | None = None
    is_marked: bool = False
    frames: list[bytes] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)

    op: ClassVar[None] = None

    @property
    def count(self) -> int:
        """The number of messages."""
        return len(self.frames)

    @property
    def size(self) -> int:
        """The bytes of all frames."""
        return sum(map(len, self.frames))

    def add(self, frame: bytes, key: str | None = None) -> None:
        """Add a message, with a key if the others have one."""
        self.frames.append(frame)
        if key is not None:
            self.keys.append(key)

    def stamped(self, first: int) -> bytes:
        """The frames with their stamps, the first of which is `first`."""
        return bytes(_stamp(bytearray(b"".join(self.frames)), map(len, self.frames), first, self.is_marked))


def _stamp(frames: bytearray, lengths: Iterable[int], first: int, is_marked: bool) -> bytearray:
    """Write the stamps from `first` on into messages one after another, and return them."""
    places = itertools.accumulate(lengths, initial=-_STAMP_SIZE - (_BEHIND_AT if is_marked else 0))
    next(places)
    _do_all(map(_put_stamp, itertools.repeat(frames), places, itertools.count(first)))
    return frames


def stamp_one(frame: bytes, at: int, is_marked: bool) -> bytes:
    """The frame of a message with its stamp."""
    return bytes(_stamp(bytearray(frame), (len(frame),), at, is_marked))


def subject(part: Part) -> int | None:
    """The number of the session that an event is about; None if it is about no session."""
    return part.op[1] if part.op is not None and part.op[0] in _OF_SESSIONS else None


def events_in(parts: Iterable[Part]) -> int:
    """The number of events of the parts."""
    return sum([part.count for part in parts])


class Stamped(NamedTuple):
    """An event of a batch that has a stamp, `at`: its frame, with the stamp if it is a message, or its op."""

    at: int
    frame: bytes
    op: Op | None
    is_message: bool


def encode_batch(origin: int, sequence: int, parts: Sequence[Part]) -> bytes:
    """Return the batch of the server `origin` with a sequence number of its own, at most `MOST_EVENTS` events."""
    frames: list[bytes] = []
    kinds: list[bytes] = []
    keys, ops, marks = [], [], []
    for part in parts:
        if isinstance(part, Run):
            if part.keys:
                keys.append([len(frames), *part.author, part.keys])
            if part.marks is not None:
                marks.append([len(frames), part.count, *part.marks])
            kinds.append(bytes((_MESSAGE | _MARKED if part.is_marked else _MESSAGE,)) * part.count)
            frames += part.frames
        else:
            if part.op is not None:
                ops.append(part.op)
            kinds.append(b"\0")
            frames.append(part.frame)
    extra: bytes = _pack([keys, ops, marks]) if keys or ops or marks else b""
    header = _HEADER.pack(VERSION, origin, sequence, len(frames), len(extra))
    return b"".join((header, *kinds, _lengths_of(len(frames)).pack(*map(len, frames)), extra, *frames))


class Batch:
    """A batch that was read. Its parts are taken apart when they are asked for."""

    __slots__ = ("_begin", "_data", "_extra", "_extra_at", "_kinds_at", "count", "origin", "sequence")

    def __init__(self, data: bytes, offset: int) -> None:
        version, self.origin, self.sequence, self.count, extra = _HEADER.unpack_from(data, offset)
        if version != VERSION:
            raise ValueError(f"a batch has the layout {version}, and this server reads {VERSION}: upgrade the server")
        self._data = data
        self._kinds_at = offset + _HEADER.size
        self._extra_at = self._kinds_at + 5 * self.count
        self._begin = self._extra_at + extra
        if self._begin > len(data):
            raise struct.error("the batch is cut off")
        self._extra: list[Any] | None = None if extra else [[], [], []]

    @property
    def _kinds(self) -> bytes:
        return self._data[self._kinds_at : self._kinds_at + self.count]

    @property
    def _lengths(self) -> tuple[int, ...]:
        lengths: tuple[int, ...] = _lengths_of(self.count).unpack_from(self._data, self._kinds_at + self.count)
        return lengths

    @property
    def keys(self) -> list[list[Any]]:
        """[index of the first, session number, compared name, keys] of messages one after another that have keys."""
        keys: list[list[Any]] = self._unpacked()[0]
        return keys

    @property
    def ops(self) -> list[Op]:
        """The ops, in their order."""
        ops: list[Op] = self._unpacked()[1]
        return ops

    @property
    def marks(self) -> list[list[Any]]:
        """[index of the first, number, fingerprint, operator] of messages one after another whose sender has marks."""
        marks: list[list[Any]] = self._unpacked()[2]
        return marks

    @property
    def message_count(self) -> int:
        count: int = self.count
        return count - self._data.count(0, self._kinds_at, self._kinds_at + self.count)

    def frames(self) -> list[bytes]:
        """The frame of each event, without stamps; empty for an op."""
        places = itertools.accumulate(self._lengths, initial=self._begin)
        return [self._data[begin:end] for begin, end in itertools.pairwise(places)]

    def stamped(self, top: int) -> bytes | None:
        """Return all messages with their stamps in one buffer; None if there are other events. `top` is the stamp."""
        kinds, first = self._kinds, top - self.count + 1
        plain = kinds.count(_MESSAGE)
        if plain == self.count:
            return bytes(_stamp(bytearray(self._data[self._begin :]), self._lengths, first, False))
        return None if 0 in kinds else b"".join([event.frame for event in self.events(top)])

    def events(self, top: int) -> Iterator[Stamped]:
        """All events in their order. `top` is the stamp of the batch. Each event has a stamp, messages or not."""
        ops = iter(self.ops)
        for at, kind, frame in zip(itertools.count(top - self.count + 1), self._kinds, self.frames(), strict=False):
            if kind:
                frame = stamp_one(frame, at, bool(kind & _MARKED))
            yield Stamped(at, frame, None if frame else next(ops), bool(kind))

    def entries(self, top: int) -> list[Entry]:
        """The messages of the batch as a history returns them. `top` is the stamp of the batch."""
        keys = {index: key for first, _, _, those in self.keys for index, key in enumerate(those, first)}
        marks = {index: (who, rank) for first, count, who, rank in self.marks for index in range(first, first + count)}
        entries = []
        for index, (kind, frame) in enumerate(zip(self._kinds, self.frames(), strict=True)):
            if kind:
                message = _message_in(frame)
                entries.append(
                    Entry(
                        message["from"],
                        message["text"],
                        top - self.count + 1 + index,
                        keys.get(index),
                        None,
                        message.get("action"),
                        *marks.get(index, _UNMARKED),
                        True if kind & _REDACTED else None,
                    )
                )
        return entries

    def rewritten(self, index: int) -> bytes:
        """The bytes of this batch without the text of one message."""
        kinds, frames = bytearray(self._kinds), self.frames()
        message = _message_in(frames[index])
        frames[index] = encode(
            Message(message["room"], message["from"], "", PLACEHOLDER, message.get("action"), message.get("notice"))
        )
        kinds[index] |= _REDACTED
        extra = self._data[self._extra_at : self._begin]
        header = _HEADER.pack(VERSION, self.origin, self.sequence, self.count, len(extra))
        return b"".join((header, kinds, _lengths_of(self.count).pack(*map(len, frames)), extra, *frames))

    def is_message(self, index: int) -> bool:
        """Whether the event with that index is a message."""
        return 0 <= index < self.count and self._kinds[index] > 0

    def _unpacked(self) -> list[Any]:
        if self._extra is None:
            self._extra = msgpack.unpackb(self._data[self._extra_at : self._begin])
        return self._extra


def read_batch(data: bytes, offset: int = 0) -> Batch:
    """Return the batch that `data` has from `offset` to its end.

    Raises `ValueError` if it has another version, and `struct.error` if it is cut off.
    """
    return Batch(data, offset)


def redacted(data: bytes, top: int, at: int) -> bytes | None:
    """Return the batch `data` with the stamp `top` without the text of its message with the stamp `at`.

    None if it has no such message. A batch that is redacted already comes back as it is.
    """
    batch = read_batch(data)
    index = at - (top - batch.count + 1)
    return batch.rewritten(index) if batch.is_message(index) else None


def _message_in(frame: bytes) -> dict[str, Any]:
    """The map of a message. A server has checked it: checking it again would take three times as long."""
    message: dict[str, Any] = msgpack.unpackb(frame[HEADER_SIZE:])
    return message
