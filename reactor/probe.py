"""A visit to a server, to find out whether it answers: the welcome, a ping and its pong. It takes no name and no seat.

A server answers a ping before a hello, so one with members or a password is visited like any other. A server that is
full says so in a goodbye, which counts as an answer.
"""

import contextlib
import socket
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from pylingo.reactor.engine.tls import harden, reason_of
from pylingo.reactor.proxy_protocol import LOCAL_HEADER
from pylingo.shared.codec import encode, event_codec
from pylingo.shared.errors import FrameError, RequestError
from pylingo.shared.framing import FrameDecoder
from pylingo.shared.identity import fingerprint
from pylingo.shared.messages import Goodbye, PingRequest, Pong, Welcome
from pylingo.shared.schema import Record

FULL = frozenset({"full", "address-limit"})
"""The reasons of goodbyes that come from a server that works."""
_PING = 1  # the id of the request
_READ_SIZE = 65_536
_TLS_RECORDS = b"\x15\x16"  # the first bytes of an alert and of a handshake; a frame begins with a zero


class ProbeError(Exception):
    """The server does not answer as it should. The text is one clause that says what it does instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The server to visit.

    With TLS, its certificate must have the fingerprint `pin`, or, without a pin, be one that the system's authorities
    vouch for. `sends_header` says whether the server expects a PROXY header from us.
    """

    host: str
    port: int
    is_encrypted: bool = False
    pin: str | None = None
    sends_header: bool = False


def probe(target: Target, timeout: float) -> str:
    """Visit the server within `timeout` seconds; return what it says. Raises `ProbeError`."""
    try:
        return _visit(target, timeout)
    except TimeoutError:
        raise ProbeError(f"it does not answer within {timeout:g} s{_hint(target)}") from None
    except ConnectionRefusedError:
        raise ProbeError("the connection was refused") from None
    except (ConnectionResetError, ssl.SSLZeroReturnError):
        raise ProbeError("it has closed the connection") from None
    except ssl.SSLCertVerificationError as error:
        raise ProbeError(f"its certificate is not trusted: {reason_of(error)}") from None
    except OSError as error:
        raise ProbeError(reason_of(error)) from None


def _hint(target: Target) -> str:
    """Further causes of the silence of a server: one that waits for TLS or for a PROXY header says nothing."""
    hint = ""
    if not target.is_encrypted:
        hint += ", or its port is encrypted (give --data, --config or a link)"
    if not target.sends_header:
        hint += ", or it expects a PROXY header (give --proxy-header)"
    return hint


def _visit(target: Target, timeout: float) -> str:
    end = time.monotonic() + timeout
    with socket.create_connection((target.host, target.port), timeout) as sock:
        stream: _Stream = _Plain(sock, end)
        if target.sends_header:
            stream.send(LOCAL_HEADER)
        if target.is_encrypted:
            tls = _Tls(stream, target)
            early = tls.shake_hands()
            if early:  # a server that is full says so before any handshake
                return _talk(stream, early)
            stream = tls
        return _talk(stream)


class _Stream(Protocol):
    def send(self, data: bytes) -> None: ...
    def receive(self) -> bytes:
        """At least one byte. Raises `ProbeError` at the end of the stream, and `OSError`."""


class _Plain:
    """The bytes of a socket, until `end` on the monotonic clock."""

    def __init__(self, sock: socket.socket, end: float) -> None:
        self._sock = sock
        self._end = end

    def send(self, data: bytes) -> None:
        self._sock.sendall(data)

    def receive(self) -> bytes:
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._sock.settimeout(left)
        data = self._sock.recv(_READ_SIZE)
        if not data:
            raise ProbeError("it has closed the connection")
        return data


class _Tls:
    """TLS on another stream. OpenSSL gets the bytes from memory, so that those of a peer without TLS are not lost."""

    def __init__(self, below: _Stream, target: Target) -> None:
        self._below = below
        self._pin = target.pin
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        context = ssl.create_default_context()
        harden(context)
        if target.pin is not None:  # the fingerprint is compared after the handshake
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=target.host)

    def shake_hands(self) -> bytes:
        """Make the handshake. Return the first bytes of the server instead if it does not speak TLS."""
        is_first = True
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                self._flush()
            else:
                break
            data = self._below.receive()
            if is_first and data[0] not in _TLS_RECORDS:
                return data
            is_first = False
            self._incoming.write(data)
        self._flush()
        if self._pin not in (None, fingerprint(self._tls.getpeercert(binary_form=True) or b"")):
            raise ProbeError("it has another certificate than it should have")
        return b""

    def send(self, data: bytes) -> None:
        self._tls.write(data)
        self._flush()

    def receive(self) -> bytes:
        while True:
            with contextlib.suppress(ssl.SSLWantReadError):
                return self._tls.read(_READ_SIZE)
            self._incoming.write(self._below.receive())

    def _flush(self) -> None:
        if data := self._outgoing.read():
            self._below.send(data)


def _talk(stream: _Stream, early: bytes = b"") -> str:
    """Have the conversation, of which the bytes `early` have come already. Raises `ProbeError`."""
    server = ""
    for record in _records(stream, early):
        if isinstance(record, Goodbye):
            if record.reason in FULL:
                return f"{record.text} ({record.reason})"
            raise ProbeError(f"it says goodbye: {record.text} ({record.reason})")
        if isinstance(record, Welcome):
            server = record.server
            stream.send(encode(PingRequest(_PING)))
        elif isinstance(record, Pong) and record.re == _PING and server:
            return server
    raise AssertionError("there is no end of the frames")


def _records(stream: _Stream, early: bytes) -> Iterator[Record]:
    """The frames that come, without end. Raises `ProbeError`."""
    decoder = FrameDecoder()
    data = early or stream.receive()
    while True:
        try:
            for body in decoder.feed(data):
                try:
                    record = event_codec.decode(body)
                except RequestError:  # a frame of a newer server
                    continue
                yield record
        except FrameError:
            raise ProbeError("something else than PyLingo answers, or TLS where none was expected") from None
        data = stream.receive()
