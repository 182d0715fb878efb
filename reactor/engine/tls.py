"""TLS behind the interface of a socket, so that a transport need not know of it.

A transport's plaintext stays in its queue until OpenSSL has sent it, so everything that counts queued bytes holds
unchanged. OpenSSL encrypts one record (16 KiB) at a time. If the socket does not take it, the same bytes must be
offered again: `TlsChannel.committed` says how many, and a queue that is discarded keeps them.

`SSLSocket` works on the descriptor itself. With memory buffers in between, as asyncio has them, each send would copy
the ciphertext twice more, and a silent connection would keep the buffers.
"""

import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass

from pylingo.reactor.engine.channel import CrossedError
from pylingo.reactor.engine.loop import EVENT_READ, EVENT_WRITE
from pylingo.reactor.engine.send_queue import Buffer

RECORD = 16_384
"""The most plaintext in one TLS record (RFC 8446, section 5.1)."""
JOINED = 8 * RECORD
"""Bytes of small buffers that are joined for one `sendmsg`: a record for each of them would cost more than the copy."""
_LEAST_VERSION = ssl.TLSVersion.TLSv1_2


@dataclass(frozen=True, slots=True)
class ServerTls:
    """The server's side of TLS: what `server_context` made, and the certificate in it, as DER."""

    context: ssl.SSLContext
    certificate: bytes

    def wrap(self, sock: socket.socket) -> ssl.SSLSocket:
        """Put TLS on `sock`, which must not be used any more. The handshake is still to come."""
        return self.context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)

    def channel(self, sock: ssl.SSLSocket) -> "TlsChannel":
        """The channel of `sock` after the handshake."""
        return TlsChannel(sock, self.certificate)


@dataclass(frozen=True, slots=True)
class ClientTls:
    """The client's side of TLS. `context` decides which certificates are good; `server_hostname` is whose they are."""

    context: ssl.SSLContext
    server_hostname: str | None = None

    def wrap(self, sock: socket.socket) -> ssl.SSLSocket:
        """As for `ServerTls`. Raises `ValueError` for a host name that cannot be in a certificate."""
        if self.server_hostname is not None:
            self.server_hostname.encode("idna")  # `wrap_socket` would raise only after it has taken the descriptor
        return self.context.wrap_socket(sock, do_handshake_on_connect=False, server_hostname=self.server_hostname)

    def channel(self, sock: ssl.SSLSocket) -> "TlsChannel":
        """The channel of `sock` after the handshake."""
        return TlsChannel(sock, sock.getpeercert(binary_form=True) or b"")


class TlsChannel:
    """A `Channel` through TLS, after the handshake.

    `certificate` is the server's, on both sides, as DER. `committed` is how many bytes after those that `send` took
    are in a record that is sent in part: the next `send` must begin with the same bytes.
    """

    __slots__ = ("_sock", "certificate", "committed")

    def __init__(self, sock: ssl.SSLSocket, certificate: bytes) -> None:
        self._sock = sock
        self.certificate = certificate
        self.committed = 0

    def fileno(self) -> int:
        return self._sock.fileno()

    def setblocking(self, flag: bool) -> None:
        self._sock.setblocking(flag)

    @property
    def version(self) -> str:
        """The version of TLS, such as `TLSv1.3`."""
        return self._sock.version() or ""

    def recv(self, size: int, flags: int = 0) -> bytes:
        """As for `Channel`, and `size` is a multiple of `RECORD`, so that no part of a record stays in OpenSSL.

        Returns as soon as a record is not full: the selector reports what may be behind it.
        """
        if flags & socket.MSG_PEEK:
            return socket.socket.recv(self._sock, 1, flags)
        pieces: list[bytes] = []
        left = size
        while left:
            piece = self._recv_record(bool(pieces))
            pieces.append(piece)
            left -= len(piece)
            if len(piece) < RECORD:
                break
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _recv_record(self, has_some: bool) -> bytes:
        """The next record. Whatever ends the stream is left for the next call if the caller `has_some`."""
        try:
            return self._sock.recv(RECORD)
        except ssl.SSLZeroReturnError:  # the peer's end of the stream, after ours
            return b""
        except OSError as error:
            if has_some:
                return b""
            if isinstance(error, ssl.SSLWantReadError):
                raise BlockingIOError from None
            if isinstance(error, ssl.SSLWantWriteError):
                raise CrossedError(EVENT_WRITE) from None
            raise

    def send(self, data: Buffer) -> int:
        """Send as much of `data` as the socket takes."""
        view = memoryview(data)
        size = len(view)
        taken = 0
        while taken < size:
            # After a record was sent in part, OpenSSL wants exactly the same bytes. With more it would go on to the
            # next record, and if the socket did not take that, there would be no telling how many bytes are out.
            piece = view[taken : taken + (self.committed or RECORD)]
            try:
                taken += self._sock.send(piece)
            except (ssl.SSLWantWriteError, ssl.SSLWantReadError) as error:
                self.committed = len(piece)
                if taken:
                    break
                if isinstance(error, ssl.SSLWantReadError):
                    raise CrossedError(EVENT_READ) from None
                raise BlockingIOError from None
            self.committed = 0
        return taken

    def sendmsg(self, buffers: Sequence[Buffer]) -> int:
        """As `send`, for the first buffers, joined."""
        pieces: list[Buffer] = []
        size = 0
        for data in buffers:
            pieces.append(data)
            size += len(data)
            if size >= JOINED:
                break
        return self.send(b"".join(pieces))

    def shutdown(self, how: int) -> None:
        """Send `close_notify`, then shut the sending side of the socket down. Nothing may be sent after that."""
        try:
            self._sock.unwrap()
        except ssl.SSLWantWriteError:
            raise BlockingIOError from None
        except (OSError, ValueError):  # mostly that the peer's own has not come yet; ours is out
            pass
        self._sock.shutdown(how)  # what comes now is not decrypted any more; nobody wants it

    def close(self) -> None:
        self._sock.close()


def harden(context: ssl.SSLContext) -> None:
    """Allow TLS 1.2 and newer, without renegotiation, which only serves to make a server work."""
    context.minimum_version = max(context.minimum_version, _LEAST_VERSION)
    context.options |= ssl.OP_NO_RENEGOTIATION


def reason_of(error: Exception) -> str:
    """A few words that say what went wrong, without OpenSSL's numbers and names of files."""
    reason = getattr(error, "verify_message", None) or getattr(error, "reason", None)
    if isinstance(reason, str) and reason:
        return reason.lower().replace("_", " ")
    return getattr(error, "strerror", None) or str(error)


def server_context() -> ssl.SSLContext:
    """A context for `ServerTls`, without a certificate yet."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    harden(context)
    # A stream that ends without `close_notify` is only an end: frames have lengths, so nobody can shorten one. As an
    # error, it would keep what is queued from a peer that has shut down its sending side.
    context.options |= ssl.OP_IGNORE_UNEXPECTED_EOF
    context.num_tickets = 1  # OpenSSL sends two after each handshake; a chat client opens one connection at a time
    return context
