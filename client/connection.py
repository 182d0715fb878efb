"""The client's connection to a server: records in, records out, on the engine's reactor."""

import socket
from collections.abc import Callable, Sequence

from pylingo.reactor.engine.dial import Dial, Resolver, Target
from pylingo.reactor.engine.loop import Reactor
from pylingo.reactor.engine.transport import Transport, enable_keepalive
from pylingo.shared.codec import encode, event_codec
from pylingo.shared.errors import FrameError, RequestError
from pylingo.shared.framing import FrameDecoder
from pylingo.shared.messages import Goodbye, Ping, PongRequest
from pylingo.shared.schema import Record
from pylingo.shared.text import printable

_LONGEST_WORD = 1_024  # characters of a name, far more than any server of ours gives
_WORDS = ("name", "room", "old", "new", "token", "from_", "key")
HIGH_WATER = 65_536
"""Bytes queued above which nothing more should be sent until `drained`."""


class ClientConnection:
    """One connection. Answers pings by itself; frames of unknown types, from a newer server, are passed over.

    Calls `connected()` once it stands, `received(record)` for each frame, `drained()` when what was queued is sent,
    and `ended(error)` once at the end, `error` saying what went wrong, or None after the server closed.
    """

    def __init__(
        self,
        reactor: Reactor,
        where: Sequence[Target] | Resolver,
        connected: Callable[[], object],
        received: Callable[[Record], object],
        drained: Callable[[], object],
        ended: Callable[[Exception | None], object],
    ) -> None:
        self._reactor = reactor
        self._connected = connected
        self._received = received
        self._drained = drained
        self._ended = ended
        self._decoder = FrameDecoder()
        self._transport: Transport | None = None
        self._error: Exception | None = None
        self._dial = Dial(reactor, where, self._dialled, ended)

    @property
    def is_open(self) -> bool:
        """Whether what is sent can still arrive."""
        return self._transport is not None and self._transport.is_open

    @property
    def is_closed(self) -> bool:
        """Whether there is no connection any more, not even one that is being closed."""
        return self._transport is None

    @property
    def is_full(self) -> bool:
        """Whether so much is queued that the sender should wait for `drained`."""
        return self._transport is not None and self._transport.queued > HIGH_WATER

    def send(self, record: Record) -> None:
        """Queue a frame. Raises `UnicodeEncodeError` for text that has no UTF-8, `ValueError` if it is too large."""
        frame = encode(record)
        if self._transport is not None:
            self._transport.write(frame)
            self._transport.tell_drained = True

    def close(self) -> None:
        """End the connection: what is queued is still sent."""
        self._dial.cancel()
        if self._transport is not None:
            self._transport.close()

    def abort(self, error: Exception) -> None:
        """Cut the connection; `ended(error)` follows."""
        self._error = self._error or error
        if self._transport is not None:
            self._transport.abort()

    def _dialled(self, sock: socket.socket) -> None:
        enable_keepalive(sock)
        self._transport = Transport(self._reactor, sock, self)
        self._connected()

    # --- from the transport

    def data_received(self, data: bytes) -> None:
        """Decode and pass on what has come."""
        try:
            for body in self._decoder.feed(data):
                try:
                    record = event_codec.decode(body)
                except RequestError as error:
                    if error.reason != "unknown-type":
                        raise
                    continue
                if type(record) is Ping:
                    if not self.is_full:  # else it is sent bytes enough
                        self.send(PongRequest())
                else:
                    _check_words(record)
                    self._received(record)
        except (FrameError, RequestError) as error:
            self.abort(ConnectionError(f"the server does not speak PyLingo's protocol: {error.text}"))

    def eof_received(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def drained(self) -> None:
        self._drained()

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        self._ended(self._error or error)


def _check_words(record: Record) -> None:
    """Raises `RequestError` for a name that we could not send back."""
    for field in _WORDS:
        word = getattr(record, field, None)
        if type(word) is str and len(word) > _LONGEST_WORD:
            raise RequestError("bad-message", f"a {field} of {len(word)} characters")


def why_no_connection(error: Exception | None, goodbye: Goodbye | None, where: str) -> str:
    """Why there is no connection to the server at `where`, in a sentence."""
    if goodbye is not None:
        return f"{where} ended the connection: {printable(goodbye.text)}"
    if error is None or isinstance(error, ConnectionResetError | BrokenPipeError):  # reset: it had not read all of ours
        return f"the connection to {where} broke: the server went away"
    if isinstance(error, ConnectionRefusedError):
        return f"connection refused: no server listens on {where}"
    if isinstance(error, socket.gaierror) and error.errno == socket.EAI_AGAIN:
        return f"the host in {where} cannot be looked up at present: {error.strerror}"
    if isinstance(error, socket.gaierror):
        return f"unknown host in {where}: {error.strerror}"
    return f"no connection to {where}: {getattr(error, 'strerror', None) or error}"
