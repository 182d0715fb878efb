"""Bytes to records and back: MessagePack maps on one side, the records of `messages` on the other.

Bodies are decoded with `raw=True`: keys and strings stay bytes until the schema asks for them. CPython 3.12.0 to
3.12.6 keeps every distinct `str` key for ever (msgpack interns keys, and interned strings are immortal there), so a
peer could fill the memory with keys alone. Explicit limits keep nested headers from reserving what they announce.
"""

from collections.abc import Mapping

import msgpack

from shared.errors import FrameError
from shared.framing import HEADER_SIZE, MAX_BODY
from shared.messages import EVENTS, REQUESTS
from shared.schema import WRITERS, Record, Schema, read_record

MAX_PAIRS = 16
"""Pairs of a map."""
MAX_REQUEST_ITEMS = 16
"""Items of an array in a request; no request has arrays, but a later field may."""
MAX_EVENT_ITEMS = 16_384
"""Items of an array in a server's frame: more single letters than one frame holds."""

_unpack = msgpack.unpackb
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


class Codec:
    """Decodes the bodies that one side of a connection receives."""

    __slots__ = ("_max_items", "_schemas")

    def __init__(self, schemas: Mapping[bytes, Schema], max_items: int) -> None:
        self._schemas = schemas
        self._max_items = max_items

    def decode(self, body: bytes) -> Record:
        """The record in `body`.

        Raises `FrameError` if it is not exactly one map within the limits, and `RequestError` `unknown-type` or
        `bad-message` if the map is no sound record.
        """
        try:
            # A new unpacker for each body: one that has failed goes on from inside the failed body.
            raw = _unpack(
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
        except ValueError as error:  # every failure of msgpack is one, most of them not an UnpackException
            raise FrameError("a body is exactly one MessagePack map with string keys, within the limits") from error
        if type(raw) is not dict:
            raise FrameError(f"a body is one MessagePack map, not {type(raw).__name__}")
        return read_record(self._schemas, raw)


def _refuse_ext(code: int, data: bytes) -> None:
    """`max_ext_len=0` lets the empty ext through; this does not."""
    raise ValueError(f"ext type {code}")


request_codec = Codec(REQUESTS, MAX_REQUEST_ITEMS)
"""For the server: what clients send."""
event_codec = Codec(EVENTS, MAX_EVENT_ITEMS)
"""For clients: what the server sends."""
