"""The dialects of IRC, and of Redis, NATS and MQTT: publish and subscribe, one connection for each client."""

import re
from collections.abc import Iterator

_NATS = re.compile(rb"MSG \S+ \S+ (\d+)\r\n")
_IRC = re.compile(rb":\S+ PRIVMSG \S+ :([^\r]*)\r\n")
_IRC_ERROR = re.compile(rb"^:\S+ 4(?!22)\d\d .*|^ERROR .*", re.MULTILINE)
_MQTT_REFUSED = re.compile(rb"\x20\x02.[^\0]|\x90\x03..\x80", re.DOTALL)
_REDIS = re.compile(rb">3\r\n\$7\r\nmessage\r\n\$(\d+)\r\n[^\r]*\r\n\$(\d+)\r\n")


class Nats:
    """NATS with `echo` off: as in PyLingo, a sender gets no copy.

    Two subscribers may see the messages of two publishers in different orders. It sends a ping two seconds after a
    connect.
    """

    echo = False
    one_order = False
    rest = 3.0
    welcome = b""
    pending = 0

    def introduce(self, name: str) -> bytes:
        return b""

    def enter(self, name: str, room: str) -> bytes:
        options = b'{"verbose":false,"pedantic":false,"echo":false,"name":"%s","lang":"python"}'
        return b"CONNECT " + options % name.encode() + b"\r\nSUB %s 1\r\n" % room.encode()

    def fence(self, number: int) -> bytes:
        return b"PING\r\n"

    def fence_answer(self, number: int) -> bytes:
        return b"PONG\r\n"

    def trouble(self, received: bytes) -> str | None:
        return received.decode() if b"-ERR" in received else None

    def settle(self) -> bytes:
        return b""

    def leave(self) -> bytes:
        return b""

    def alive(self) -> bytes:
        return b"PONG\r\n"

    def say(self, room: str, size: int) -> tuple[bytes, bytes]:
        return b"PUB %s %d\r\n" % (room.encode(), size), b"\r\n"

    def texts(self, received: bytes) -> Iterator[tuple[int, bytes]]:
        return _texts(_NATS, 1, received)


class Redis:
    """Redis pub/sub in RESP3, where one connection may subscribe and publish; a sender receives its own messages.

    Speakers switch replies off, so that Redis does not spend its time on answers that nobody reads.
    """

    echo = True
    one_order = True
    rest = 0.0
    welcome = b""
    pending = 0

    def introduce(self, name: str) -> bytes:
        return b""

    def enter(self, name: str, room: str) -> bytes:
        return _resp(b"HELLO", b"3") + _resp(b"SUBSCRIBE", room.encode())

    def fence(self, number: int) -> bytes:
        return _resp(b"PING")

    def fence_answer(self, number: int) -> bytes:
        return b"+PONG\r\n"

    def trouble(self, received: bytes) -> str | None:
        return received.decode() if b"-ERR" in received else None

    def settle(self) -> bytes:
        return _resp(b"CLIENT", b"REPLY", b"OFF")

    def leave(self) -> bytes:
        return b""

    def alive(self) -> bytes:
        return b""

    def say(self, room: str, size: int) -> tuple[bytes, bytes]:
        return b"*3\r\n$7\r\nPUBLISH\r\n$%d\r\n%s\r\n$%d\r\n" % (len(room), room.encode(), size), b"\r\n"

    def texts(self, received: bytes) -> Iterator[tuple[int, bytes]]:
        return _texts(_REDIS, 2, received)


class Mqtt:
    """MQTT 3.1.1 at QoS 0, where a sender receives its own messages. A client is never late with its keep-alive."""

    echo = True
    one_order = True
    rest = 0.0
    welcome = b""
    pending = 0

    def introduce(self, name: str) -> bytes:
        return b""

    def enter(self, name: str, room: str) -> bytes:
        connect = _mqtt(0x10, b"\0\x04MQTT\x04\x02\0\0" + _mqtt_text(name))  # a clean session, no keep-alive
        return connect + _mqtt(0x82, b"\0\x01" + _mqtt_text(room) + b"\0")

    def fence(self, number: int) -> bytes:
        return b"\xc0\0"

    def fence_answer(self, number: int) -> bytes:
        return b"\xd0\0"

    def trouble(self, received: bytes) -> str | None:
        found = _MQTT_REFUSED.search(received)
        return f"refused: {found[0].hex(' ')}" if found else None

    def settle(self) -> bytes:
        return b""

    def leave(self) -> bytes:
        return b"\xe0\0"

    def alive(self) -> bytes:
        return b""

    def say(self, room: str, size: int) -> tuple[bytes, bytes]:
        return _mqtt(0x30, _mqtt_text(room) + bytes(size))[:-size], b""

    def texts(self, received: bytes) -> Iterator[tuple[int, bytes]]:
        start, length = 0, len(received)
        while start + 2 <= length:
            if received[start] != 0x30:
                raise ValueError(f"{received[start : start + 64]!r} came where a message was expected")
            at, size, shift = start + 1, 0, 0
            while at < length and received[at] & 0x80:
                size |= (received[at] & 0x7F) << shift
                at, shift = at + 1, shift + 7
            if at == length:
                return
            size |= received[at] << shift
            end = at + 1 + size
            if end > length:
                return
            topic = int.from_bytes(received[at + 1 : at + 3])
            yield end, received[at + 3 + topic : end]
            start = end


class Irc:
    """IRC without any capabilities. InspIRCd refuses a JOIN before the welcome, hence the wait for it."""

    echo = False
    one_order = True
    rest = 0.0
    welcome = b" 001 "

    def __init__(self, pending: int = 0) -> None:
        self.pending = pending

    def introduce(self, name: str) -> bytes:
        return b"NICK %s\r\nUSER %s 0 * :%s\r\n" % ((name.encode(),) * 3)

    def enter(self, name: str, room: str) -> bytes:
        return b"JOIN #%s\r\n" % room.encode()

    def fence(self, number: int) -> bytes:
        return b"PING fence%dx\r\n" % number

    def fence_answer(self, number: int) -> bytes:
        return b"fence%dx\r\n" % number

    def trouble(self, received: bytes) -> str | None:
        found = _IRC_ERROR.search(received)
        return found[0].decode().strip() if found else None

    def settle(self) -> bytes:
        return b""

    def leave(self) -> bytes:
        return b"QUIT\r\n"

    def alive(self) -> bytes:
        return b"PONG alive\r\n"

    def say(self, room: str, size: int) -> tuple[bytes, bytes]:
        return b"PRIVMSG #%s :" % room.encode(), b"\r\n"

    def texts(self, received: bytes) -> Iterator[tuple[int, bytes]]:
        start = 0
        while match := _IRC.match(received, start):
            start = match.end()
            yield start, match[1]
        if b"\n" in received[start:]:
            raise ValueError(f"{received[start : start + 64]!r} came where a message was expected")


class Bare:
    """A line for each message; for `bare.py`."""

    echo = False
    one_order = True
    rest = 0.0
    welcome = b""
    pending = 0

    def introduce(self, name: str) -> bytes:
        return b""

    def enter(self, name: str, room: str) -> bytes:
        return b""

    def fence(self, number: int) -> bytes:
        return b"F%d\n" % number

    def fence_answer(self, number: int) -> bytes:
        return b"F%d\n" % number

    def trouble(self, received: bytes) -> str | None:
        return None

    def settle(self) -> bytes:
        return b""

    def leave(self) -> bytes:
        return b""

    def alive(self) -> bytes:
        return b""

    def say(self, room: str, size: int) -> tuple[bytes, bytes]:
        return b"", b"\n"

    def texts(self, received: bytes) -> Iterator[tuple[int, bytes]]:
        start = 0
        while end := received.find(b"\n", start) + 1:
            yield end, received[start : end - 1]
            start = end


def _mqtt(kind: int, body: bytes) -> bytes:
    """A packet of MQTT: the size has seven bits in each byte."""
    size, rest = [], len(body)
    while rest >= 0x80:
        size.append(rest & 0x7F | 0x80)
        rest >>= 7
    return bytes([kind, *size, rest]) + body


def _mqtt_text(text: str) -> bytes:
    return len(text).to_bytes(2) + text.encode()


def _resp(*words: bytes) -> bytes:
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)


def _texts(head: re.Pattern[bytes], size_group: int, received: bytes) -> Iterator[tuple[int, bytes]]:
    start = 0
    while match := head.match(received, start):
        end = match.end() + int(match[size_group]) + 2
        if end > len(received):
            return
        yield end, received[match.end() : end - 2]
        start = end
    if len(received) - start > 512:
        raise ValueError(f"{received[start : start + 64]!r} came where a message was expected")
