"""A batch of events of one room as bytes, as it is stored in Redis and published to the servers. Pure.

    header   19 bytes, big-endian: version (1), server (4), sequence (8), number of events (2), size of the extra (4)
    lengths  4 bytes for each event: the length of its frame in the lower bits, and flags in the upper ones
    extra    nothing, or a MessagePack array [keys, ops, marks]
             keys   [[index, key, session number, compared name], ...]
             ops    one array for each event without a frame, in their order
             marks  [[index, fingerprint, operator], ...]
    frames   one after another

A batch has a stamp, and event i of n events has the stamp `top - n + 1 + i`. The stamp is known only when Redis has put
the batch in its order. So a message is encoded with `PLACEHOLDER` as its `at`, and the receivers write the stamp over
it: `at` is the last pair of the frame, except for an action or a notice, where eight bytes follow.
"""

import functools
import itertools
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

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
_MESSAGE, _ACTION, _REDACTED = 1 << 31, 1 << 30, 1 << 29
_LENGTH = _REDACTED - 1
_AFTER_AT = len(b"\xa6action\xc3")  # bytes behind the `at` of an action, and of a notice
_STAMP_SIZE = 8
_UNMARKED = (None, None)
_OF_SESSIONS = frozenset({"join", "leave", "rename", "away"})  # the ops whose second part is a session's number

_put_stamp = struct.Struct(">Q").pack_into
_lengths_of = functools.lru_cache(256)(lambda count: struct.Struct(f">{count}I"))
_pack = msgpack.Packer(use_bin_type=True).pack

type Op = list[Any]
"""An event without a frame of its own: its name and what belongs to it, such as ["leave", number, reason, by, text]."""
type BatchKey = tuple[str, int, str]
"""The origin of a message: its key, the number of the session and the compared name of the sender."""
type Marks = tuple[str | None, bool | None]
"""The fingerprint of the sender of a message, and whether the sender is an operator."""


@dataclass(slots=True)  # one for each message: a frozen one takes three times as long to make
class Event:
    """One event of a batch: a frame, or an op. A message has `PLACEHOLDER` as its `at`. Nothing in it changes."""

    frame: bytes = b""
    is_message: bool = False
    is_action: bool = False
    op: Op | None = None
    key: BatchKey | None = None
    marks: Marks | None = None

    def stamped(self, at: int) -> bytes:
        """The frame of a message with its stamp."""
        if not self.is_action:
            return self.frame[:-_STAMP_SIZE] + at.to_bytes(_STAMP_SIZE)
        end = len(self.frame) - _AFTER_AT
        return self.frame[: end - _STAMP_SIZE] + at.to_bytes(_STAMP_SIZE) + self.frame[end:]

    def length(self) -> int:
        """The length of the frame, with the flags."""
        if not self.is_message:
            return len(self.frame)
        return len(self.frame) | (_MESSAGE | _ACTION if self.is_action else _MESSAGE)


def subject(event: Event) -> int | None:
    """The number of the session that an event is about; None if it is about no session."""
    return event.op[1] if event.op is not None and event.op[0] in _OF_SESSIONS else None


class Stamped(NamedTuple):
    """An event of a batch that has a stamp, `at`: its frame, with the stamp if it is a message, or its op."""

    at: int
    frame: bytes
    op: Op | None
    is_message: bool


def encode_batch(origin: int, sequence: int, events: Sequence[Event]) -> bytes:
    """Return the batch of the server `origin` with a sequence number of its own, at most `MOST_EVENTS` events."""
    lengths = _lengths_of(len(events)).pack(*[event.length() for event in events])
    keys = [[index, *event.key] for index, event in enumerate(events) if event.key is not None]
    ops = [event.op for event in events if event.op is not None]
    marks = [[index, *event.marks] for index, event in enumerate(events) if event.marks is not None]
    extra: bytes = _pack([keys, ops, marks]) if keys or ops or marks else b""
    header = _HEADER.pack(VERSION, origin, sequence, len(events), len(extra))
    return b"".join((header, lengths, extra, *[event.frame for event in events]))


class Batch:
    """A batch that was read. Its parts are taken apart when they are asked for."""

    __slots__ = ("_begin", "_data", "_extra", "_extra_at", "_lengths", "count", "origin", "sequence")

    def __init__(self, data: bytes, offset: int) -> None:
        version, self.origin, self.sequence, self.count, extra = _HEADER.unpack_from(data, offset)
        if version != VERSION:
            raise ValueError(f"a batch has the layout {version}, and this server reads {VERSION}: upgrade the server")
        self._data = data
        self._lengths: tuple[int, ...] = _lengths_of(self.count).unpack_from(data, offset + _HEADER.size)
        self._extra_at = offset + _HEADER.size + 4 * self.count
        self._begin = self._extra_at + extra
        self._extra: list[Any] | None = None if extra else [[], [], []]

    @property
    def keys(self) -> list[list[Any]]:
        """[index, key, session number, compared name] of each message that was sent with a key."""
        keys: list[list[Any]] = self._unpacked()[0]
        return keys

    @property
    def ops(self) -> list[Op]:
        """The ops, in their order."""
        ops: list[Op] = self._unpacked()[1]
        return ops

    @property
    def marks(self) -> list[list[Any]]:
        """[index, fingerprint, operator] of each message whose sender has marks."""
        marks: list[list[Any]] = self._unpacked()[2]
        return marks

    @property
    def message_count(self) -> int:
        return sum(length >= _MESSAGE for length in self._lengths)

    def frames(self) -> list[bytes]:
        """The frame of each event, without stamps; empty for an op."""
        return [self._data[begin : begin + (length & _LENGTH)] for begin, length in self._places()]

    def stamped(self, top: int) -> tuple[bytes, list[int]]:
        """Return all frames in one buffer, the messages with their stamps, and the stamp of each event.

        The stamp is 0 for an event that is no message. `top` is the stamp of the batch. Ops have no bytes in the
        buffer, so their order is lost: see `events`.
        """
        lengths, first = self._lengths, top - self.count + 1
        if self.count == 1 and _MESSAGE <= lengths[0] < _MESSAGE | _REDACTED:  # the most frequent batch
            return self._data[self._begin : -_STAMP_SIZE] + top.to_bytes(_STAMP_SIZE), [top]
        buffer = bytearray(self._data[self._begin :])
        if min(lengths, default=0) >= _MESSAGE and max(lengths) < _MESSAGE | _REDACTED:  # nothing but plain messages
            at = first
            end = -_STAMP_SIZE
            for length in lengths:
                end += length - _MESSAGE
                _put_stamp(buffer, end, at)
                at += 1
            return bytes(buffer), list(range(first, top + 1))
        stamps = []
        end = 0
        for at, length in enumerate(lengths, first):
            end += length & _LENGTH
            if length >= _MESSAGE:
                _put_stamp(buffer, end - _STAMP_SIZE - (_AFTER_AT if length & _ACTION else 0), at)
            stamps.append(at if length >= _MESSAGE else 0)
        return bytes(buffer), stamps

    def events(self, top: int) -> Iterator[Stamped]:
        """All events in their order. `top` is the stamp of the batch. Each event has a stamp, messages or not."""
        ops = iter(self.ops)
        for at, (begin, length) in enumerate(self._places(), top - self.count + 1):
            frame = self._data[begin : begin + (length & _LENGTH)]
            if length >= _MESSAGE:
                frame = Event(frame, is_action=bool(length & _ACTION)).stamped(at)
            yield Stamped(at, frame, next(ops) if length == 0 else None, length >= _MESSAGE)

    def entries(self, top: int) -> list[Entry]:
        """The messages of the batch as a history returns them. `top` is the stamp of the batch."""
        keys = {index: key for index, key, *_ in self.keys}
        marks = {index: (fingerprint, operator) for index, fingerprint, operator in self.marks}
        entries = []
        for index, (begin, length) in enumerate(self._places()):
            if length >= _MESSAGE:
                message = _message_in(self._data[begin : begin + (length & _LENGTH)])
                at = top - self.count + 1 + index
                is_redacted = True if length & _REDACTED else None
                entries.append(
                    Entry(
                        message["from"],
                        message["text"],
                        at,
                        keys.get(index),
                        None,
                        message.get("action"),
                        *marks.get(index, _UNMARKED),
                        is_redacted,
                    )
                )
        return entries

    def rewritten(self, index: int) -> bytes:
        """The bytes of this batch without the text of one message."""
        lengths = list(self._lengths)
        frames = self.frames()
        message = _message_in(frames[index])
        frames[index] = frame = encode(
            Message(message["room"], message["from"], "", PLACEHOLDER, message.get("action"), message.get("notice"))
        )
        lengths[index] = len(frame) | (lengths[index] & ~_LENGTH) | _REDACTED
        extra = self._data[self._extra_at : self._begin]
        header = _HEADER.pack(VERSION, self.origin, self.sequence, self.count, len(extra))
        return b"".join((header, _lengths_of(self.count).pack(*lengths), extra, *frames))

    def is_message(self, index: int) -> bool:
        """Whether the event with that index is a message."""
        return 0 <= index < self.count and self._lengths[index] >= _MESSAGE

    def _places(self) -> Iterable[tuple[int, int]]:
        """The offset of each frame, and its length with the flags."""
        begins = itertools.accumulate((length & _LENGTH for length in self._lengths), initial=self._begin)
        return zip(begins, self._lengths, strict=False)

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
