"""The client's connection to a server: records in, records out, on the engine's reactor.

It answers the server's pings. It pings a silent server and then gives the connection up, because a network that went
away reports no error.
"""

import socket
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from pylingo.reactor.engine.dial import TIMEOUT, Resolver, Target
from pylingo.reactor.engine.loop import Reactor
from pylingo.reactor.engine.timers import Timer
from pylingo.reactor.engine.tls_dial import Stream, TlsDial
from pylingo.reactor.engine.transport import Transport
from pylingo.shared.codec import encode, event_codec
from pylingo.shared.errors import FrameError, RequestError
from pylingo.shared.framing import FrameDecoder
from pylingo.shared.messages import Ping, PingRequest, Pong, PongRequest
from pylingo.shared.schema import Record

if TYPE_CHECKING:
    from pylingo.reactor.engine.tls import ClientTls

SILENCE = 30.0
"""Seconds without a frame, pings aside, after which the server is pinged, and again after which it is given up."""
_LONGEST_WORD = 1_024  # characters of a name, far more than any PyLingo server gives
_WORDS = ("name", "room", "old", "new", "token", "from_", "key")
HIGH_WATER = 65_536
"""Bytes queued above which nothing more should be sent until `drained`."""


class ClientConnection:
    """One connection, encrypted if there is a `tls`. Frames of unknown types, as of newer servers, are ignored.

    Calls `connected()` once it is established, `received(record)` for each frame, `drained()` when everything queued
    has been sent, and `ended(error)` once at the end. `error` is None if the server closed the connection; it is a
    `NotTlsError` or an `ssl.SSLError` if there was no handshake. `certificate` is the server's, as DER, from
    `connected` on; None without TLS. `timeout` is that of the connect to each address.
    """

    def __init__(
        self,
        reactor: Reactor,
        where: Sequence[Target] | Resolver,
        connected: Callable[[], object],
        received: Callable[[Record], object],
        drained: Callable[[], object],
        ended: Callable[[Exception | None], object],
        tls: "ClientTls | None" = None,
        timeout: float = TIMEOUT,
    ) -> None:
        self._reactor = reactor
        self._connected = connected
        self._received = received
        self._drained = drained
        self._ended = ended
        self._decoder = FrameDecoder()
        self._transport: Transport | None = None
        self._error: Exception | None = None
        self._heard = 0.0  # when the latest frame came
        self._pinged = False  # since then
        self._silence_timer: Timer | None = None
        self.certificate: bytes | None = None
        self._is_encrypted = tls is not None
        self._dial = TlsDial(reactor, where, tls, self._dialled, self._not_dialled, timeout=timeout)

    @property
    def target(self) -> Target | None:
        """The address that has answered; None before that."""
        return self._dial.target

    @property
    def is_open(self) -> bool:
        """Whether frames can still be sent."""
        return self._transport is not None and self._transport.is_open

    @property
    def is_closed(self) -> bool:
        """Whether the connection has ended, or was never established."""
        return self._transport is None

    @property
    def queued(self) -> int:
        """Bytes that wait to be sent."""
        return self._transport.queued if self._transport is not None else 0

    @property
    def is_full(self) -> bool:
        """Whether more than `HIGH_WATER` bytes are queued, so that the sender should wait for `drained`."""
        return self.queued > HIGH_WATER

    def send(self, record: Record) -> None:
        """Queue a frame.

        Raises `UnicodeEncodeError` for text without UTF-8, and `ValueError` for a frame that is too large.
        """
        frame = encode(record)
        if self._transport is not None:
            self._transport.write(frame)
            self._transport.tell_drained = True

    def close(self) -> None:
        """End the connection after everything queued has been sent."""
        self._dial.cancel()
        self._stop_watching()
        if self._transport is not None:
            self._transport.close()

    def abort(self, error: Exception) -> None:
        """Cut the connection; `ended(error)` follows."""
        self._error = self._error or error
        if self._transport is not None:
            self._transport.abort()

    def _not_dialled(self, error: Exception) -> None:
        if self._is_encrypted:
            from pylingo.client.plain_refusal import refusal_in

            if (refusal := refusal_in(error)) is not None:
                self._received(refusal)
        self._ended(error)

    def _dialled(self, channel: Stream) -> None:
        if not isinstance(channel, socket.socket):
            self.certificate = channel.certificate
        self._transport = Transport(self._reactor, channel, self)
        self._heard = self._reactor.now
        self._silence_timer = self._reactor.call_later(SILENCE, self._check_silence)
        self._connected()

    # --- silence

    def _check_silence(self) -> None:
        silent = self._reactor.now - self._heard
        if silent >= SILENCE and self._pinged:
            self.abort(TimeoutError(f"nothing came from the server for {silent:.0f} s"))
            return
        if silent >= SILENCE:
            self._pinged = True
            self.send(PingRequest())
        delay = SILENCE if self._pinged else SILENCE - silent
        self._silence_timer = self._reactor.call_later(delay, self._check_silence)

    def _stop_watching(self) -> None:
        if self._silence_timer is not None:
            self._silence_timer.cancel()

    # --- from the transport

    def data_received(self, data: bytes) -> None:
        try:
            for body in self._decoder.feed(data):
                try:
                    record = event_codec.decode(body)
                except RequestError as error:
                    if error.reason != "unknown-type":
                        raise
                    continue
                if type(record) is Ping:
                    if not self.is_full:  # otherwise the queued bytes prove that we are alive
                        self.send(PongRequest())
                    continue
                _check_words(record)
                self._heard, self._pinged = self._reactor.now, False
                if type(record) is not Pong or record.re is not None:  # a pong without an id is for our own ping
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
        self._stop_watching()
        self._ended(self._error or error)


def _check_words(record: Record) -> None:
    """Raise `RequestError` for a name that is too long to send back."""
    for field in _WORDS:
        word = getattr(record, field, None)
        if type(word) is str and len(word) > _LONGEST_WORD:
            raise RequestError("bad-message", f"a {field} has {len(word)} characters")
