"""Bytes to records and back: MessagePack maps on one side, the records of `messages` on the other.

Bodies are decoded with `raw=True`: keys and strings stay bytes until the schema asks for them. CPython 3.12.0 to
3.12.6 keeps every distinct `str` key for ever (msgpack interns keys, and interned strings are immortal there), so a
peer could fill the memory with keys alone. Explicit limits keep nested headers from reserving what they announce, and
lists in lists from being made by the ten thousand.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

import msgpack

from pylingo.shared.errors import FrameError
from pylingo.shared.framing import HEADER_SIZE, MAX_BODY
from pylingo.shared.messages import EVENTS, REQUESTS
from pylingo.shared.schema import WRITERS, Record, Schema, read_record

MAX_PAIRS = 16
"""Pairs of a map."""
MAX_REQUEST_ITEMS = 16
"""Items of an array in a request; no request has arrays, but a later field may."""
MAX_EVENT_ITEMS = 16_384
"""Items of an array in a server's frame: more single letters than one frame holds."""
MAX_CONTAINERS = 4_096
"""Maps and arrays in a request, those in others included."""
_FEW_ITEMS = 255  # of an array in an event, unless few arrays are larger
_MOST_LARGE = 16
# Every header of an array with more items than that, up to 16,639. In UTF-8 no such bytes follow each other, so in a
# sound frame there is hardly another match than its list.
_LARGE = re.compile(rb"\xdc[\x01-\x40]|\xdd\x00\x00[\x01-\x40]")

_unpackb = msgpack.unpackb  # a new unpacker for each body: one that has failed goes on from inside the failed body
_pack = msgpack.Packer(use_bin_type=True).pack


def encode(record: Record) -> bytes:
    """`record` as a whole frame.

    Raises `UnicodeEncodeError` for a lone surrogate in a string (a person's input can have one) and `ValueError` if
    the frame would be larger than the protocol allows.
    """
    body: bytes = _pack(WRITERS[type(record)](record))
    if len(body) > MAX_BODY:
        raise ValueError(f"a frame's body has at most {MAX_BODY} bytes, not {len(body)}")
    return len(body).to_bytes(HEADER_SIZE) + body


def with_re(frame: bytes, re: int) -> bytes:
    """`frame`, a whole one of a record with `re` None, as `encode` would make it with that `re`.

    The caller sees to it that twelve bytes more are within the largest body.
    """
    pair: bytes = b"\xa2re" + _pack(re)
    pairs = bytes([frame[HEADER_SIZE] + 1])  # no record has more than fit the short header of a map
    return (len(frame) - HEADER_SIZE + len(pair)).to_bytes(HEADER_SIZE) + pairs + frame[HEADER_SIZE + 1 :] + pair


class Codec:
    """Decodes the bodies that one side of a connection receives.

    `max_items` is enough for any sound body of at most `small` bytes; what is larger is left to `unpack_large`, which
    raises `ValueError` for what is not within the limits.
    """

    __slots__ = ("_max_items", "_schemas", "_small", "_unpack_large")

    def __init__(
        self, schemas: Mapping[bytes, Schema], max_items: int, small: int, unpack_large: Callable[[bytes], Any]
    ) -> None:
        self._schemas = schemas
        self._max_items = max_items
        self._small = small
        self._unpack_large = unpack_large

    def decode(self, body: bytes) -> Record:
        """The record in `body`.

        Raises `FrameError` if it is not exactly one map within the limits, and `RequestError` `unknown-type` or
        `bad-message` if the map is no sound record.
        """
        try:
            raw = (
                _unpackb(  # in full, and not `_unpack`, which costs a tenth more
                    body,
                    raw=True,
                    strict_map_key=True,
                    ext_hook=_refuse_ext,
                    max_str_len=MAX_BODY,
                    max_bin_len=0,
                    max_ext_len=0,
                    max_map_len=MAX_PAIRS,
                    max_array_len=self._max_items,
                )
                if len(body) <= self._small
                else self._unpack_large(body)
            )
        except ValueError as error:  # every failure of msgpack is one, most of them not an UnpackException
            raise FrameError("a body is exactly one MessagePack map with string keys, within the limits") from error
        if type(raw) is not dict:
            raise FrameError(f"a body is one MessagePack map, not {type(raw).__name__}")
        return read_record(self._schemas, raw)


def _unpack(body: bytes, **limits: Any) -> Any:
    return _unpackb(
        body,
        raw=True,
        strict_map_key=True,
        ext_hook=_refuse_ext,
        max_str_len=MAX_BODY,
        max_bin_len=0,
        max_ext_len=0,
        max_map_len=MAX_PAIRS,
        **limits,
    )


def _refuse_ext(code: int, data: bytes) -> None:
    """`max_ext_len=0` lets the empty ext through; this does not."""
    raise ValueError(f"ext type {code}")


def _unpack_request(body: bytes) -> Any:
    """Count the containers."""
    left = MAX_CONTAINERS

    def count(container: Any) -> Any:
        nonlocal left
        left -= 1
        if left < 0:
            raise ValueError("too many maps and arrays")
        return container

    return _unpack(body, max_array_len=MAX_REQUEST_ITEMS, object_hook=count, list_hook=count)


def _unpack_event(body: bytes) -> Any:
    """Allow long lists, but not lists in lists that each announce one: 5 KB of them would reserve 68 MB."""
    try:
        return _unpack(body, max_array_len=_FEW_ITEMS)
    except ValueError:
        if body.count(b"\xdc") + body.count(b"\xdd") > _MOST_LARGE and len(_LARGE.findall(body)) > _MOST_LARGE:
            raise
    return _unpack(body, max_array_len=MAX_EVENT_ITEMS)


request_codec = Codec(REQUESTS, MAX_REQUEST_ITEMS, MAX_CONTAINERS, _unpack_request)
"""For the server: what clients send."""
event_codec = Codec(EVENTS, _FEW_ITEMS, _FEW_ITEMS, _unpack_event)
"""For clients: what the server sends."""
