"""The headers of the PROXY protocol: sound ones, wrong ones, in any pieces, and beside another implementation."""

import ipaddress
import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from proxyprotocol import ProxyProtocolIncompleteError
from proxyprotocol.detect import ProxyProtocolDetect
from proxyprotocol.result import ProxyResultIPv4, ProxyResultIPv6, ProxyResultLocal
from proxyprotocol.v1 import ProxyProtocolV1
from proxyprotocol.v2 import ProxyProtocolV2

from pylingo.reactor.proxy_protocol import MOST_LINE, MOST_REST, HeaderError, HeaderParser

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
V4 = bytes([192, 0, 2, 7, 198, 51, 100, 1]) + struct.pack("!HH", 4_321, 5_000)
V6 = ipaddress.ip_address("2001:db8::7").packed + bytes(16) + struct.pack("!HH", 4_321, 5_000)
UNIX = b"/run/a".ljust(108, b"\0") * 2


def fields(family, rest=b"", command=0x21, size=None):
    """A header of version 2."""
    return SIGNATURE + bytes([command, family]) + struct.pack("!H", len(rest) if size is None else size) + rest


def parse(*pieces):
    """The parser after the pieces, and how many bytes of the last one belong to the header."""
    parser = HeaderParser()
    for piece in pieces[:-1]:
        assert parser.feed(piece) == len(piece)
        assert not parser.is_complete
    return parser, parser.feed(pieces[-1])


SOUND = {
    b"PROXY TCP4 192.0.2.7 198.51.100.1 4321 5000\r\n": ("192.0.2.7", 4_321),
    b"PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n": ("255.255.255.255", 65_535),
    b"PROXY TCP6 2001:DB8::7 ::1 0 5000\r\n": ("2001:db8::7", 0),
    b"PROXY TCP6 ::ffff:192.0.2.7 ::1 1 2\r\n": ("192.0.2.7", 1),
    b"PROXY UNKNOWN\r\n": None,
    b"PROXY UNKNOWN " + b"f" * (MOST_LINE - 16) + b"\r\n": None,
    fields(0x11, V4): ("192.0.2.7", 4_321),
    fields(0x11, V4 + b"\x04\0\x03abc"): ("192.0.2.7", 4_321),
    fields(0x21, V6): ("2001:db8::7", 4_321),
    fields(0x21, bytes(10) + b"\xff\xff" + V4[:4] + V6[16:]): ("192.0.2.7", 4_321),
    fields(0x21, V6.ljust(MOST_REST, b"\0")): ("2001:db8::7", 4_321),
    fields(0x00): None,
    fields(0x00, b"anything"): None,
    fields(0x12, V4): None,
    fields(0x31, UNIX): None,
    fields(0x00, command=0x20): None,
    fields(0x11, V4, command=0x20): None,
    fields(0xFF, command=0x20): None,
}


@pytest.mark.parametrize(("header", "source"), SOUND.items(), ids=range(len(SOUND)))
def test_a_sound_header_ends_where_it_ends_in_whatever_pieces_it_comes(header, source):
    behind = b"PROXY \r\n\r\n\0\r\nQUIT\n"
    for cut in range(len(header)):
        parser, taken = parse(header[:cut], header[cut:] + behind)
        assert (parser.is_complete, parser.source, taken) == (True, source, len(header) - cut)
    parser, taken = parse(*(bytes([byte]) for byte in header))
    assert (parser.is_complete, parser.source, taken) == (True, source, 1)


LINE = "its line is not PROXY, TCP4 or TCP6, two addresses and two ports"
ADDRESS = "its line has something else in the place of an address"
PORT = "its line has something else in the place of a port"
WRONG = {
    b"GET / HTTP/1.1": "it begins with something else",
    b"\x16\x03\x01": "it begins with something else",
    b"\0\0\0\x09": "it begins with something else",
    b"proxy TCP4": "it begins with something else",
    b"\r\n\r\n\0\r\nQUIT\r": "it begins with something else",
    b"PROXY \r\n": LINE,
    b"PROXY TCP4\r\n": LINE,
    b"PROXY UDP4 192.0.2.7 192.0.2.8 1 2\r\n": LINE,
    b"PROXY TCP4 192.0.2.7 192.0.2.8 1 2 3\r\n": LINE,
    b"PROXY TCP4  192.0.2.7 192.0.2.8 1 2\r\n": LINE,
    b"PROXY TCP4 192.0.2.7 192.0.2.8 1 \r\n": PORT,
    b"PROXY TCP4 192.0.2.7 192.0.2.8 +1 2\r\n": PORT,
    b"PROXY TCP4 192.0.2.7 192.0.2.8 01 2\r\n": PORT,
    b"PROXY TCP4 192.0.2.7 192.0.2.8 1 65536\r\n": PORT,
    b"PROXY TCP4 192.0.2.7 192.0.2.8 1 " + b"9" * 60 + b"\r\n": PORT,
    b"PROXY TCP4 ::1 192.0.2.8 1 2\r\n": ADDRESS,
    b"PROXY TCP4 192.0.2.7 here 1 2\r\n": ADDRESS,
    b"PROXY TCP4 192.0.2.\xff 192.0.2.8 1 2\r\n": ADDRESS,
    b"PROXY TCP4 192.0.2.07 192.0.2.8 1 2\r\n": ADDRESS,
    b"PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n": ADDRESS,
    b"PROXY TCP4 192.0.2.7 192.0.2.8 1 2".ljust(MOST_LINE): "its line is longer than 107 bytes",
    b"PROXY UNKNOWN " + b"f" * (MOST_LINE - 15) + b"\r\n": "its line is longer than 107 bytes",
    fields(0x11, V4, command=0x11): "its version or its command is unknown",
    fields(0x11, V4, command=0x22): "its version or its command is unknown",
    fields(0x41, V4): "its kind of addresses is unknown",
    fields(0x11, V4[:-1]): "it ends within its addresses",
    fields(0x21, V4): "it ends within its addresses",
    fields(0x11, size=MOST_REST + 1): "it is longer than 4112 bytes",
}


def reason(pieces):
    """Why the pieces are refused."""
    parser = HeaderParser()
    try:
        for piece in pieces:
            parser.feed(piece)
    except HeaderError as error:
        return str(error)
    return None


@pytest.mark.parametrize(("data", "why"), WRONG.items(), ids=range(len(WRONG)))
def test_a_wrong_header_is_refused_with_the_reason_in_whatever_pieces_it_comes(data, why):
    for pieces in ([data], [bytes([byte]) for byte in data]):
        assert reason(pieces) == why


def test_nothing_has_begun_before_the_first_byte():
    assert not HeaderParser().is_begun
    assert parse(b"P")[0].is_begun


ports = st.integers(0, 65_535)
v4 = st.tuples(st.ip_addresses(v=4), ports)
v6 = st.tuples(st.ip_addresses(v=6), ports)
results = st.builds(ProxyResultIPv4, v4, v4, protocol=st.just(socket.SOCK_STREAM)) | st.builds(
    ProxyResultIPv6, v6, v6, protocol=st.just(socket.SOCK_STREAM)
)


def source_of(result):
    address, port = result.source
    return str(getattr(address, "ipv4_mapped", None) or address), port


@given(results, st.sampled_from([ProxyProtocolV1(), ProxyProtocolV2()]))
def test_the_headers_of_another_implementation_are_understood(result, version):
    header = version.pack(result)
    parser, taken = parse(header + b"behind")
    assert (parser.source, taken) == (source_of(result), len(header))


starts = st.sampled_from([b"", b"PROXY ", b"PROXY TCP4 ", b"PROXY UNKNOWN", SIGNATURE, fields(0x11, V4), *SOUND])


@given(starts, st.binary(max_size=300), st.integers(0, 400), st.data())
def test_any_bytes_in_any_pieces_are_a_header_or_refused(start, rest, cut, data):
    stream = bytearray((start + rest)[:600])
    for at in data.draw(st.lists(st.integers(0, 60), max_size=2)):  # something in it may be wrong
        stream[at : at + 1] = data.draw(st.binary(max_size=2))

    def read(*pieces):
        parser, taken = HeaderParser(), 0
        try:
            for piece in pieces:
                if not parser.is_complete:
                    taken += parser.feed(piece)
        except HeaderError as error:
            return str(error), None, None
        return parser.is_complete, parser.source, taken

    whole = is_complete, source, taken = read(bytes(stream))
    assert read(bytes(stream[:cut]), bytes(stream[cut:])) == whole
    assert read(*(bytes([byte]) for byte in stream)) == whole
    if is_complete is not True:
        return
    theirs = ProxyProtocolDetect()  # is less strict: it understands whatever we do
    try:
        result = theirs.unpack(bytes(stream[:taken]))
    except ProxyProtocolIncompleteError:
        pytest.fail("the header was not complete")
    except ValueError:
        assert source is None or len(rest) > 0  # it looks into what we skip
        return
    if source is not None:
        assert source_of(result) == source


def test_a_connection_of_the_balancer_itself_has_no_address():
    parser, _ = parse(ProxyProtocolV2().pack(ProxyResultLocal()))
    assert (parser.is_complete, parser.source) == (True, None)
