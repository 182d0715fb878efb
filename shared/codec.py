"""The codec: converts the bodies of frames, which are MessagePack maps, into the records of `messages` and back.

Bodies are decoded with `raw=True`, which leaves keys and strings as bytes until the schema reads them. msgpack interns
`str` keys, and CPython 3.12.0 to 3.12.6 never frees an interned string: a peer could fill the memory with keys alone.
Explicit limits keep nested headers from reserving the memory they announce, and keep a body from becoming tens of
thousands of lists.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

import msgpack

from pylingo.shared.errors import FrameError
from pylingo.shared.framing import HEADER_SIZE, MAX_BODY
from pylingo.shared.messages import EVENTS, REQUESTS, Message
from pylingo.shared.schema import WRITERS, Record, Schema, read_record

MAX_PAIRS = 16
"""The most pairs of a map."""
MAX_REQUEST_ITEMS = 16
"""The most items of an array in a request. No request has an array yet; a later field may."""
MAX_EVENT_ITEMS = 16_384
"""The most items of an array in a frame from the server: more one-letter strings than one frame can hold."""
MAX_CONTAINERS = 4_096
"""The most maps and arrays in a request, nested ones included."""
_FEW_ITEMS = 255  # a frame from the server may have at most _MOST_LARGE arrays of more items
_MOST_LARGE = 16
# The header of an array of 256 to 16,639 items. These bytes never follow each other in UTF-8, so a valid frame has
# hardly a match besides its list.
_LARGE = re.compile(rb"\xdc[\x01-\x40]|\xdd\x00\x00[\x01-\x40]")

_TEXT, _AT = b"\xa4text", b"\xa2at"
_AT_UINT64 = _AT + b"\xcf"

_unpackb = msgpack.unpackb  # a new unpacker for each body: after an error, an old one continues inside the failed body
_pack = msgpack.Packer(use_bin_type=True).pack


def encode(record: Record) -> bytes:
    """Return the frame of `record`.

    Raises `UnicodeEncodeError` for a lone surrogate in a string, which a person's input can contain, and `ValueError`
    if the frame would be larger than the protocol allows.
    """
    body: bytes = _pack(WRITERS[type(record)](record))
    if len(body) > MAX_BODY:
        raise ValueError(f"a body must have at most {MAX_BODY} bytes, not {len(body)}")
    return len(body).to_bytes(HEADER_SIZE) + body


def head_of_messages(room: str, name: str) -> bytes:
    """Return the beginning of all messages of one person in one room, for `encode_message`."""
    pairs: bytes = _pack({"type": Message.type, "room": room, "from": name})
    return bytes([pairs[0] + 2]) + pairs[1:] + _TEXT  # two pairs more: the text and the stamp


def encode_message(head: bytes, text: str, at: int) -> bytes:
    """Return the frame of a plain `Message`, which is `encode` of that in a third of the time.

    The caller ensures that it is not larger than the protocol allows.
    """
    words: bytes = _pack(text)
    stamp: bytes = _pack(at)
    size = len(head) + len(words) + len(_AT) + len(stamp)
    return b"".join((size.to_bytes(HEADER_SIZE), head, words, _AT, stamp))


def encode_messages(head: bytes, texts: list[bytes], first: int) -> bytes:
    """Return the frames of several plain messages, stamped `first` and so on. The texts are in UTF-8."""
    beginnings: dict[int, bytes] = {}  # all that comes before the text, by its size
    for size, text in {len(text): text for text in texts}.items():
        start = head + _pack(text.decode())[: -size or None]
        beginnings[size] = (len(start) + size + len(_AT_UINT64) + 8).to_bytes(HEADER_SIZE) + start
    parts: list[bytes] = []
    for at, text in enumerate(texts, first):
        parts += beginnings[len(text)], text, _AT_UINT64, at.to_bytes(8)
    return b"".join(parts)


def with_re(frame: bytes, re: int) -> bytes:
    """Return `frame`, encoded from a record whose `re` is None, as if it had been encoded with `re`.

    The caller ensures that the body has room for twelve bytes more.
    """
    pair: bytes = b"\xa2re" + _pack(re)
    pairs = bytes([frame[HEADER_SIZE] + 1])  # every record fits the one-byte header of a map
    return (len(frame) - HEADER_SIZE + len(pair)).to_bytes(HEADER_SIZE) + pairs + frame[HEADER_SIZE + 1 :] + pair


class Codec:
    """Decodes the bodies that one side of a connection receives.

    A valid body of at most `small` bytes has no array of more than `max_items` items. A larger body goes to
    `unpack_large`, which raises `ValueError` if the body exceeds the limits.
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
        """Return the record in `body`.

        Raises `FrameError` if the body is not exactly one map within the limits, and `RequestError` `unknown-type` or
        `bad-message` if the map is not a valid record.
        """
        try:
            raw = (
                _unpackb(  # `**_LIMITS` would cost half a microsecond more
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
        except ValueError as error:  # all errors of msgpack are; few are an UnpackException
            raise FrameError("a body must be one MessagePack map with string keys, within the limits") from error
        if type(raw) is not dict:
            raise FrameError(f"a body must be one MessagePack map, not {type(raw).__name__}")
        return read_record(self._schemas, raw)


def _refuse_ext(code: int, data: bytes) -> None:
    """Refuse every ext, because `max_ext_len=0` allows an empty one."""
    raise ValueError(f"ext type {code}")


_SCALARS = {"raw": True, "ext_hook": _refuse_ext, "max_str_len": MAX_BODY, "max_bin_len": 0, "max_ext_len": 0}
_LIMITS: dict[str, Any] = {**_SCALARS, "strict_map_key": True, "max_map_len": MAX_PAIRS}
"""The limits of a large body. `Codec.decode` has the same for a small one."""


def _unpack_request(body: bytes) -> Any:
    """Unpack a large request, and limit its number of maps and arrays."""
    left = MAX_CONTAINERS

    def count(container: Any) -> Any:
        nonlocal left
        left -= 1
        if left < 0:
            raise ValueError("too many maps and arrays")
        return container

    return _unpackb(body, **_LIMITS, max_array_len=MAX_REQUEST_ITEMS, object_hook=count, list_hook=count)


def _unpack_event(body: bytes) -> Any:
    """Unpack a large frame from the server. Few of its arrays may be long: 5 KB of nested headers can reserve 68 MB."""
    try:
        return _unpackb(body, **_LIMITS, max_array_len=_FEW_ITEMS)
    except ValueError:
        if body.count(b"\xdc") + body.count(b"\xdd") > _MOST_LARGE and len(_LARGE.findall(body)) > _MOST_LARGE:
            raise
    return _unpackb(body, **_LIMITS, max_array_len=MAX_EVENT_ITEMS)


request_codec = Codec(REQUESTS, MAX_REQUEST_ITEMS, MAX_CONTAINERS, _unpack_request)
"""Decodes the requests of clients, for the server."""
event_codec = Codec(EVENTS, _FEW_ITEMS, _FEW_ITEMS, _unpack_event)
"""Decodes the frames from the server, for clients."""
