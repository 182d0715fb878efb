"""Streams and bodies that are broken or unusual, for the end-to-end tests, the fuzzer and the figures."""

import struct

import msgpack

from pylingo.shared.framing import MAX_BODY

PING = {"type": "ping", "id": 1}

SIZES = {
    "0": b"\0\0\0\0",
    "32769": struct.pack(">I", MAX_BODY + 1),
    "ffffffff": b"\xff\xff\xff\xff",
    "GET ": b"GET ",
    "a request of HTTP": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a TLS hello": bytes.fromhex("16030100f4010000f00303") + bytes(range(239)),
    "an SSH banner": b"SSH-2.0-OpenSSH_9.6\r\n",
    "a line of text": b"hello?\n",
    "little-endian": struct.pack("<I", 12),
}


def raw_map(*pairs: tuple[bytes, bytes]) -> bytes:
    """A map with up to 15 pairs whose keys and values are already packed."""
    return bytes([0x80 + len(pairs)]) + b"".join(key + value for key, value in pairs)


def with_ping(*pairs: tuple[bytes, bytes]) -> bytes:
    """A sound `ping` with pairs that it does not need."""
    return raw_map((b"\xa4type", b"\xa4ping"), (b"\xa2id", b"\x01"), *pairs)


ARRAYS_OF_ARRAYS = b"\xdd\x00\x00\x20\x00" * 1_600
BAD_BODIES = {
    "never used": b"\xc1",
    "nil": b"\xc0",
    "true": b"\xc3",
    "an int": b"\x05",
    "a float": b"\xcb" + bytes(8),
    "a string": b"\xa4type",
    "an array": b"\x90",
    "an array with a map": b"\x91" + with_ping(),
    "two maps": with_ping() * 2,
    "a byte behind the map": with_ping() + b"\0",
    "nil behind the map": with_ping() + b"\xc0",
    "cut off": with_ping()[:-1],
    "half of it": with_ping()[:5],
    "a header alone": b"\x81",
    "a key without a value": b"\x81\xa4type",
    "a map16 that ends early": b"\xde\x00\x02\xa4type\xa4ping",
    "more pairs than there are bytes": b"\xdf\xff\xff\xff\xff",
    "17 pairs": msgpack.packb(PING | {str(number): number for number in range(15)}),
    "17 pairs inside": msgpack.packb(PING | {"inside": {str(number): number for number in range(17)}}),
    "an int as a key": with_ping((b"\x05", b"\x05")),
    "nil as a key": with_ping((b"\xc0", b"\x05")),
    "true as a key": with_ping((b"\xc3", b"\x05")),
    "a float as a key": with_ping((b"\xca\0\0\0\0", b"\x05")),
    "an array as a key": with_ping((b"\x90", b"\x05")),
    "a map as a key": with_ping((b"\x80", b"\x05")),
    "an ext as a key": with_ping((b"\xd4\x05\x00", b"\x05")),
    "an int as a key inside": with_ping((b"\xa1x", b"\x81\x05\x05")),
    "an ext": with_ping((b"\xa1x", b"\xd4\x05\x00")),
    "an empty ext": with_ping((b"\xa1x", b"\xc7\x00\x05")),
    "an ext16": with_ping((b"\xa1x", b"\xc8\x00\x01\x05\x00")),
    "an ext32": with_ping((b"\xa1x", b"\xc9\x00\x00\x00\x01\x05\x00")),
    "an ext inside": with_ping((b"\xa1x", b"\x91\x81\xa1y\xd4\x05\x00")),
    "a timestamp": with_ping((b"\xa1x", b"\xd6\xff" + bytes(4))),
    "a timestamp of 64 bits": with_ping((b"\xa1x", b"\xd7\xff" + bytes(8))),
    "a timestamp of 96 bits": with_ping((b"\xa1x", b"\xc7\x0c\xff" + bytes(12))),
    "a timestamp for the id": b"\x82\xa4type\xa4ping\xa2id\xd6\xff" + bytes(4),
    "an ext for the type": b"\x81\xa4type\xd4\x05\x00",
    "an ext alone": b"\xd4\x05\x00",
    "a bin": with_ping((b"\xa1x", b"\xc4\x01x")),
    "a string longer than the body": b"\x81\xa4type\xdb\xff\xff\xff\xff",
    "an array of 17": with_ping((b"\xa1x", b"\xdc\x00\x11" + b"\xc0" * 17)),
    "an array of four thousand million": with_ping((b"\xa1x", b"\xdd\xff\xff\xff\xff")),
    "arrays that announce arrays": with_ping((b"\xa1x", ARRAYS_OF_ARRAYS)),
    "nesting without an end": b"\x81\xa1x" * 8_000,
    "brackets without an end": b"\x91" * 30_000,
    "random bytes": bytes(range(256)),
    "JSON": b'{"type": "ping"}',
}

NESTED = b"\x91" * 500 + b"\xc0"
SOUND_BODIES = {
    "16 pairs": msgpack.packb(PING | {str(number): number for number in range(14)}),
    "a map32": b"\xdf\x00\x00\x00\x02\xa4type\xa4ping\xa2id\x01",
    "keys as str32": b"\x82\xdb\x00\x00\x00\x04type\xa4ping\xd9\x02id\x01",
    "a wide int": b"\x82\xa4type\xa4ping\xa2id\xcf" + struct.pack(">Q", 1),
    "a signed int": b"\x82\xa4type\xa4ping\xa2id\xd3" + struct.pack(">q", 1),
    "a type that comes twice": b"\x83\xa4type\xa3say\xa2id\x01\xa4type\xa4ping",
    "an id that comes twice": b"\x83\xa4type\xa4ping\xa2id\x07\xa2id\x01",
    "unknown keys": with_ping((b"\xa1x", b"\xcb\x7f\xf8" + bytes(6)), (b"\xa1y", b"\x82\xa1a\x90\xa1b\x80")),
    "an empty key": with_ping((b"\xa0", b"\xc0")),
    "nesting": with_ping((b"\xa1x", NESTED)),
    "an array of 16": with_ping((b"\xa1x", b"\xdc\x00\x10" + b"\xc0" * 16)),
}
