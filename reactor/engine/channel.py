"""The part of a socket that a transport uses. A plain socket has it as it is; `tls` puts TLS behind it."""

from typing import Protocol

from pylingo.reactor.engine.send_queue import Sender


class CrossedError(BlockingIOError):
    """A `recv` that must wait until the socket is writable, or a `send` that must wait until it is readable.

    TLS does that where it has messages of its own to exchange. `events` is what to wait for; then try again.
    """

    def __init__(self, events: int) -> None:
        super().__init__("the other direction of the connection comes first")
        self.events = events


class Channel(Sender, Protocol):
    """A connected stream. Every call returns at once, or raises `BlockingIOError`; any other `OSError` is its end."""

    def fileno(self) -> int: ...
    def setblocking(self, flag: bool, /) -> None: ...
    def recv(self, size: int, flags: int = 0, /) -> bytes:
        """At most `size` bytes; none at the end of the stream. With MSG_PEEK, any byte shows that some have come."""

    def shutdown(self, how: int, /) -> None:
        """Tell the peer that nothing more comes."""

    def close(self) -> None: ...


def committed(channel: Sender) -> int:
    """The number of bytes that `channel` must be offered again, because it has begun to send them. See `TlsChannel`."""
    count: int = getattr(channel, "committed", 0)
    return count


def certificate_of(channel: Sender) -> bytes | None:
    """The server's certificate of the channel's handshake, as DER; None without TLS. See `TlsChannel`."""
    certificate: bytes | None = getattr(channel, "certificate", None)
    return certificate
