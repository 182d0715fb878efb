"""A batch of events of one room as bytes, as it is stored in Redis and published to the servers. Pure.

    header   19 bytes, big-endian: version (1), server (4), sequence (8), number of events (2), messages (2), ops (2)
    parts    a MessagePack array, with a part for an op, for a frame, or for messages that one session said one after
             another:
             [0, op]
             [1, frame]
             [2, session number, compared name, [fingerprint, operator] or nil, head, bodies, keys or [], redacted]

A batch has a stamp, and event i of n events has the stamp `top - n + 1 + i`. The stamp is known only when Redis has put
the batch in its order. So plain messages are there as their texts, with the beginning that their frames have in common,
the *head*: each server makes the frames when it knows the stamps. An action or a notice has no head. It is a frame with
`PLACEHOLDER` as its `at`, over which the stamp is written, eight bytes before the end. `redacted` has the places of the
messages whose text was taken out.

Somebody who is busy says many messages one after another, and they are one `Run`: what they have in common is there
once, and nothing is done for each of them but in C.
"""

import itertools
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, NamedTuple

import msgpack

from pylingo.shared.codec import encode, encode_message, encode_messages
from pylingo.shared.framing import HEADER_SIZE
from pylingo.shared.messages import Entry, Message

VERSION = 1
"""The version of the layout."""
PLACEHOLDER = 1 << 60
"""The `at` of an action or a notice that has no stamp yet. It takes as many bytes as every stamp since 1970."""
MOST_EVENTS = 65_535
"""The most events of a batch."""

_HEADER = struct.Struct(">BIQHHH")
_OP, _FRAME, _RUN = 0, 1, 2
_BEHIND_AT = len(b"\xa6action\xc3")  # bytes behind the `at` of an action, and of a notice
_STAMP_SIZE = 8
_UNMARKED = (None, None)
_OF_SESSIONS = frozenset({"join", "leave", "rename", "away"})  # the ops whose second part is a session's number

_pack = msgpack.Packer(use_bin_type=True).pack

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
    """Messages that one session said one after another in a room.

    `bodies` are the texts of plain messages in UTF-8, whose frames begin with `head` (see `head_of_messages`). Without
    a head they are the frames of actions or notices. `keys` has the key of each, or nothing.
    """

    author: Author
    marks: Marks | None = None
    head: bytes = b""
    bodies: list[bytes] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    redacted: list[int] = field(default_factory=list)

    op: ClassVar[None] = None

    @property
    def count(self) -> int:
        """The number of messages."""
        return len(self.bodies)

    @property
    def size(self) -> int:
        """The bytes of all bodies."""
        return sum(map(len, self.bodies))

    def add(self, body: bytes, key: str | None = None) -> None:
        """Add a message, with a key if the others have one."""
        self.bodies.append(body)
        if key is not None:
            self.keys.append(key)

    def stamped(self, first: int) -> bytes:
        """The frames one after another, stamped `first` and so on."""
        if not self.head or len(self.bodies) == 1:
            return b"".join(self.frames(first))
        return encode_messages(self.head, self.bodies, first)

    def frames(self, first: int) -> list[bytes]:
        """The frame of each message, stamped `first` and so on."""
        if self.head:
            return [encode_message(self.head, text.decode(), at) for at, text in enumerate(self.bodies, first)]
        end = -_BEHIND_AT - _STAMP_SIZE
        return [
            body[:end] + at.to_bytes(_STAMP_SIZE) + body[-_BEHIND_AT:] for at, body in enumerate(self.bodies, first)
        ]

    def entries(self, first: int) -> Iterator[Entry]:
        """The messages as a history returns them, stamped `first` and so on."""
        messages = [_message_in(frame) for frame in ([encode_message(self.head, "", 0)] if self.head else self.bodies)]
        for place, (body, key) in enumerate(itertools.zip_longest(self.bodies, self.keys)):
            message = messages[0 if self.head else place]
            yield Entry(
                message["from"],
                body.decode() if self.head else message["text"],
                first + place,
                key,
                None,
                message.get("action"),
                *(self.marks or _UNMARKED),
                True if place in self.redacted else None,
            )

    def without(self, place: int) -> "Run":
        """The same messages without the text of one."""
        bodies = [*self.bodies]
        bodies[place] = b"" if self.head else _without_text(bodies[place])
        return replace(self, bodies=bodies, redacted=sorted({*self.redacted, place}))


def subject(part: Part) -> int | None:
    """The number of the session that an event is about; None if it is about no session."""
    return part.op[1] if part.op is not None and part.op[0] in _OF_SESSIONS else None


def events_in(parts: Iterable[Part]) -> int:
    """The number of events of the parts."""
    return sum([part.count for part in parts])


def encode_batch(origin: int, sequence: int, parts: Sequence[Part]) -> bytes:
    """Return the batch of the server `origin` with a sequence number of its own, at most `MOST_EVENTS` events."""
    packed: list[list[Any]] = []
    messages = ops = 0
    for part in parts:
        if isinstance(part, Run):
            messages += part.count
            packed.append([_RUN, *part.author, part.marks, part.head, part.bodies, part.keys, part.redacted])
        elif part.op is not None:
            ops += 1
            packed.append([_OP, part.op])
        else:
            packed.append([_FRAME, part.frame])
    body: bytes = _pack(packed)
    return _HEADER.pack(VERSION, origin, sequence, events_in(parts), messages, ops) + body


class Batch:
    """A batch that was read. Its parts are taken apart when they are asked for."""

    __slots__ = ("_begin", "_data", "_parts", "count", "has_ops", "message_count", "origin", "sequence")

    def __init__(self, data: bytes, offset: int) -> None:
        version, self.origin, self.sequence, self.count, messages, ops = _HEADER.unpack_from(data, offset)
        if version != VERSION:
            raise ValueError(f"a batch has the layout {version}, and this server reads {VERSION}: upgrade the server")
        self.message_count: int = messages
        self.has_ops = ops > 0
        self._data = data
        self._begin = offset + _HEADER.size
        self._parts: list[Part] | None = None

    @property
    def parts(self) -> list[Part]:
        """The parts, in their order."""
        if self._parts is None:
            self._parts = [_read_part(fields) for fields in msgpack.unpackb(self._data[self._begin :])]
        return self._parts

    @property
    def ops(self) -> list[Op]:
        """The ops, in their order."""
        return [part.op for part in self.parts if part.op is not None] if self.has_ops else []

    def in_place(self, top: int) -> Iterator[tuple[int, Part]]:
        """Each part, behind the stamp of its first event. `top` is the stamp of the batch."""
        at = top - self.count + 1
        for part in self.parts:
            yield at, part
            at += part.count

    def entries(self, top: int) -> list[Entry]:
        """The messages of the batch as a history returns them. `top` is the stamp of the batch."""
        return [entry for at, part in self.in_place(top) if isinstance(part, Run) for entry in part.entries(at)]

    def without(self, top: int, at: int) -> bytes | None:
        """The bytes of this batch, which has the stamp `top`, without the text of the message with the stamp `at`.

        None if it has no such message.
        """
        parts = [*self.parts]
        for index, (first, part) in enumerate(self.in_place(top)):
            if isinstance(part, Run) and first <= at < first + part.count:
                parts[index] = part.without(at - first)
                return encode_batch(self.origin, self.sequence, parts)
        return None


def _read_part(fields: list[Any]) -> Part:
    if fields[0] == _RUN:
        _, session, name, marks, head, bodies, keys, redacted = fields
        return Run(Author(session, name), None if marks is None else tuple(marks), head, bodies, keys, redacted)
    return Event(op=fields[1]) if fields[0] == _OP else Event(fields[1])


def read_batch(data: bytes, offset: int = 0) -> Batch:
    """Return the batch that `data` has from `offset` to its end.

    Raises `ValueError` if it has another version, and `struct.error` if its header is cut off.
    """
    return Batch(data, offset)


def redacted(data: bytes, top: int, at: int) -> bytes | None:
    """Return the batch `data` with the stamp `top` without the text of its message with the stamp `at`.

    None if it has no such message. A batch that is redacted already comes back as it is.
    """
    return read_batch(data).without(top, at)


def _message_in(frame: bytes) -> dict[str, Any]:
    """The map of a message. A server has checked it: checking it again would take three times as long."""
    message: dict[str, Any] = msgpack.unpackb(frame[HEADER_SIZE:])
    return message


def _without_text(frame: bytes) -> bytes:
    message = _message_in(frame)
    return encode(
        Message(message["room"], message["from"], "", PLACEHOLDER, message.get("action"), message.get("notice"))
    )
