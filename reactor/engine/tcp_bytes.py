"""The bytes that have gone over a TCP connection, as the kernel has counted them.

Linux counts them anyway (`TCP_INFO`, tcp(7)), with 2 µs for one question at the end of a connection. Counting them in
each read and send would cost something for every message and every member of a room.
"""

import socket
import struct
import sys
from typing import NamedTuple

_COUNTERS = struct.Struct("=128xQ64xQQ")  # tcpi_bytes_received, tcpi_bytes_sent, tcpi_bytes_retrans of linux/tcp.h
_BORROWED = socket.AF_INET, socket.SOCK_STREAM, 0


class TcpBytes(NamedTuple):
    """The bytes of both directions, with those of TLS."""

    received: int
    sent: int


def tcp_bytes(descriptor: int, has_ended: bool) -> TcpBytes | None:
    """Return the bytes of a connection; None if the system does not know them, or it is not one of TCP.

    `has_ended` says that the peer has ended its side, which counts as a byte.
    """
    if sys.platform != "linux":
        return None
    try:
        sock = socket.socket(*_BORROWED, fileno=descriptor)
    except (OSError, ValueError):  # it is closed
        return None
    try:
        info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _COUNTERS.size)
    except OSError:
        return None
    finally:
        sock.detach()
    if len(info) < _COUNTERS.size:  # before Linux 4.19
        return None
    received, sent, again = _COUNTERS.unpack(info)
    return TcpBytes(max(0, received - has_ended), sent - again)
