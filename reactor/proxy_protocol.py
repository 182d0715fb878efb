"""The PROXY protocol, versions 1 and 2: a balancer names the peer whose connection it forwards.

The header stands in front of everything else, in the clear, and
https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt is the specification. A parser takes the bytes in any
pieces and says where the header ends, so that a TLS handshake can follow in the same packet. It reads nothing but the
address of the peer: the additions of version 2 (type-length-value vectors) are skipped.
"""

import ipaddress
import struct

MOST_LINE = 107
"""Bytes of a header of version 1, with its CR and LF."""
MOST_REST = 4_096
"""Bytes of a header of version 2 after its first 16. The addresses take 216 at most; the rest are additions."""
_LINE_START = b"PROXY "
_SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
_FIXED = len(_SIGNATURE) + 4
LOCAL_HEADER = _SIGNATURE + b"\x20\0\0\0"
"""A header of version 2 for a connection that is our own, such as that of a health check."""
_LOCAL, _PROXY = 0x20, 0x21  # the version and the command
_ADDRESSES = {0x11: struct.Struct("!4s4sHH"), 0x21: struct.Struct("!16s16sHH")}  # TCP over IPv4 and IPv6
_WITHOUT_ADDRESS = {0x00, 0x12, 0x22, 0x31, 0x32}  # unspecified, UDP, and the sockets of Unix
_FAMILIES: dict[bytes, type[ipaddress.IPv4Address | ipaddress.IPv6Address]] = {
    b"TCP4": ipaddress.IPv4Address,
    b"TCP6": ipaddress.IPv6Address,
}

type Source = tuple[str, int]
"""The IP address and the port of a peer."""


class HeaderError(ValueError):
    """The bytes are no header. The text says why."""


class HeaderParser:
    """Reads one header. `is_complete` says that it has come in full.

    `source` is the address in it. It is None if the header names none: then the connection is the balancer's own, or
    the balancer does not know the peer, and the address of the connection counts.
    """

    __slots__ = ("_bytes", "is_complete", "source")

    def __init__(self) -> None:
        self._bytes = bytearray()
        self.is_complete = False
        self.source: Source | None = None

    @property
    def is_begun(self) -> bool:
        """Whether a byte has come."""
        return bool(self._bytes)

    def feed(self, data: bytes) -> int:
        """Read `data`; return how many of its bytes belong to the header. Raises `HeaderError`."""
        before = len(self._bytes)
        self._bytes += data
        size = self._size()
        if size is None or size > len(self._bytes):
            return len(data)
        del self._bytes[size:]
        self.source = (_read_line if self._bytes.startswith(_LINE_START) else _read_fields)(bytes(self._bytes))
        self.is_complete = True
        return size - before

    def _size(self) -> int | None:
        """The size of the header, or None while that is unknown."""
        data = self._bytes
        if _SIGNATURE.startswith(data[: len(_SIGNATURE)]):
            return self._size_of_fields() if len(data) >= _FIXED else None
        if not _LINE_START.startswith(data[: len(_LINE_START)]):
            raise HeaderError("it begins with something else")
        end = data.find(b"\r\n", 0, MOST_LINE)
        if end < 0 and len(data) >= MOST_LINE:
            raise HeaderError(f"its line is longer than {MOST_LINE} bytes")
        return end + 2 if end >= 0 else None

    def _size_of_fields(self) -> int:
        rest = int.from_bytes(self._bytes[_FIXED - 2 : _FIXED])
        if rest > MOST_REST:
            raise HeaderError(f"it is longer than {_FIXED + MOST_REST} bytes")
        return _FIXED + rest


def _read_line(header: bytes) -> Source | None:
    """The address in a header of version 1."""
    words = header[:-2].split(b" ")
    if words[1] == b"UNKNOWN":  # whatever follows
        return None
    family = _FAMILIES.get(words[1])
    if family is None or len(words) != 6:
        raise HeaderError("its line is not PROXY, TCP4 or TCP6, two addresses and two ports")
    source, _ = [_read_address(family, word) for word in words[2:4]]
    port, _ = [_read_port(word) for word in words[4:]]
    return source, port


def _read_address(family: type[ipaddress.IPv4Address | ipaddress.IPv6Address], word: bytes) -> str:
    try:
        if b"%" in word:  # the name of an interface, which means nothing here
            raise ValueError
        return _show(family(word.decode("ascii")))
    except ValueError:
        raise HeaderError("its line has something else in the place of an address") from None


def _read_port(word: bytes) -> int:
    is_number = word.isdigit() and len(word) <= 5 and (word == b"0" or not word.startswith(b"0"))
    if not is_number or int(word) > 65_535:
        raise HeaderError("its line has something else in the place of a port")
    return int(word)


def _read_fields(header: bytes) -> Source | None:
    """The address in a header of version 2."""
    command, family = header[len(_SIGNATURE) : len(_SIGNATURE) + 2]
    if command == _LOCAL:  # whatever follows
        return None
    if command != _PROXY:
        raise HeaderError("its version or its command is unknown")
    if family in _WITHOUT_ADDRESS:
        return None
    fields = _ADDRESSES.get(family)
    if fields is None:
        raise HeaderError("its kind of addresses is unknown")
    if len(header) < _FIXED + fields.size:
        raise HeaderError("it ends within its addresses")
    source, _, port, _ = fields.unpack_from(header, _FIXED)
    return _show(ipaddress.ip_address(source)), port


def _show(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    """The address, where IPv4 in IPv6 is IPv4: a balancer that listens on both sends everything as IPv6."""
    return str(getattr(address, "ipv4_mapped", None) or address)
