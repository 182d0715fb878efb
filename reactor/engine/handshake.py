"""TLS handshakes that keep nobody waiting.

A handshake costs about as much CPU as a hundred deliveries. All those of a reactor take turns in one queue, which gets
a few milliseconds of a tick; the rest wait for the next one. A handshake that waits for its peer is in the selector,
and one that waits for its turn is not.

Before OpenSSL sees anything, the first byte of the peer is looked at: a peer without TLS gets words that it
understands instead of an alert, and a silent one costs a descriptor and nothing else.
"""

import collections
import errno
import socket
import ssl
from collections.abc import Callable

from pylingo.reactor.engine.loop import EVENT_READ, EVENT_WRITE, Reactor
from pylingo.reactor.engine.tls import ClientTls, ServerTls, TlsChannel

DEADLINE = 10.0
"""Seconds for a handshake, from the connect on."""
SHARE = 0.004
"""Seconds of each tick for handshakes. At least one step is made, which takes up to 1 ms with the usual keys."""
_LOOK = 4_096  # bytes of a peer without TLS that its `NotTlsError` has
_RECORD_HEADER = 5  # bytes
_FIRST_BYTES = {ServerTls: b"\x16", ClientTls: b"\x16\x15"}  # a handshake record; a server may send an alert


class NotTlsError(ConnectionError):
    """The peer does not speak TLS. `received` is the beginning of what it sent; empty if it sent nothing in time.

    `missing` is how many bytes it sent before those: some, if it spoke while our own first message was made.
    """

    def __init__(self, received: bytes, missing: int = 0) -> None:
        super().__init__("the peer does not speak TLS")
        self.received = received
        self.missing = missing


class HandshakeQueue:
    """The handshakes of a reactor."""

    def __init__(self, reactor: Reactor, deadline: float = DEADLINE) -> None:
        self._reactor = reactor
        self._deadline = deadline
        self.finished = 0
        """Handshakes that have made an encrypted connection."""
        self.failed = 0
        self._open: set[Handshake] = set()
        self._ready: collections.deque[Handshake] = collections.deque()

    def __len__(self) -> int:
        """The number of handshakes that are not finished."""
        return len(self._open)

    def start(
        self,
        sock: socket.socket,
        tls: ServerTls | ClientTls,
        finished: Callable[[TlsChannel], object],
        failed: Callable[[Exception, socket.socket], object],
    ) -> "Handshake":
        """Begin a handshake on `sock`, which is connected.

        Calls `finished(channel)` or `failed(error, sock)`, once, never from within this call. `sock` is the owner's
        again then: it is not encrypted, so the owner can answer a `NotTlsError`, and must close it.
        """
        handshake = Handshake(self, self._reactor, sock, tls, finished, failed, self._deadline)
        self._open.add(handshake)
        self.enqueue(handshake)
        return handshake

    def close(self) -> None:
        """Have all handshakes fail with `ConnectionAbortedError`."""
        for handshake in list(self._open):
            handshake.fail(ConnectionAbortedError(errno.ECONNABORTED, "the handshake was given up"))

    def enqueue(self, handshake: "Handshake") -> None:
        """`handshake` can make a step."""
        if not self._ready:
            self._reactor.call_soon(self._take_turns)
        self._ready.append(handshake)

    def remove(self, handshake: "Handshake") -> None:
        """`handshake` is over."""
        self._open.discard(handshake)

    def _take_turns(self) -> None:
        until = self._reactor.clock() + SHARE
        while self._ready:
            handshake = self._ready[0]
            self._reactor.run_safely(handshake.step, owner=handshake)
            self._ready.popleft()  # only now: what is added meanwhile must not have this called a second time
            if self._ready and self._reactor.clock() >= until:
                self._reactor.call_soon(self._take_turns)
                return


class Handshake:
    """One handshake, see `HandshakeQueue.start`. Its socket is registered only while it waits for the peer."""

    __slots__ = ("_failed", "_finished", "_is_known", "_is_over", "_queue", "_reactor", "_sock", "_timer", "_tls")

    def __init__(
        self,
        queue: HandshakeQueue,
        reactor: Reactor,
        sock: socket.socket,
        tls: ServerTls | ClientTls,
        finished: Callable[[TlsChannel], object],
        failed: Callable[[Exception, socket.socket], object],
        deadline: float,
    ) -> None:
        sock.setblocking(False)
        self._queue = queue
        self._reactor = reactor
        self._sock = sock
        self._tls = tls
        self._finished = finished
        self._failed = failed
        self._is_known = False  # whether the peer's first byte has come, and is TLS
        self._is_over = False
        self._timer = reactor.call_later(deadline, self._expire, owner=self)

    def step(self) -> None:
        """Go on as far as possible without the peer."""
        if self._is_over:
            return
        try:
            wait = self._advance()
            if wait:
                self._reactor.register(self._sock.fileno(), wait, self)
        except (OSError, ValueError) as error:
            self.fail(error)
            return
        if not wait and isinstance(self._sock, ssl.SSLSocket):
            self._end()
            self._queue.finished += 1
            self._finished(self._tls.channel(self._sock))

    def handle(self, mask: int) -> None:
        """The peer has done something."""
        self._reactor.unregister(self._sock.fileno())
        self._queue.enqueue(self)

    def fail(self, error: Exception) -> None:
        """Give up because of `error`."""
        if not self._is_over:
            self._end()
            self._queue.failed += 1
            self._failed(error, self._sock)

    def cancel(self) -> None:
        """Give up, and call nothing."""
        if not self._is_over:
            self._end()
            self._sock.close()

    def _advance(self) -> int:
        """Make a step; return the event to wait for, or 0 after the last step."""
        if not self._is_known:
            self._is_known = self._look()
            if not self._is_known and isinstance(self._tls, ServerTls):
                return EVENT_READ
        if not isinstance(self._sock, ssl.SSLSocket):
            self._sock.getpeername()  # raises if the peer is gone; to find that out, `wrap` would read, and leak
            self._sock = self._tls.wrap(self._sock)
        try:
            self._sock.do_handshake()
        except ssl.SSLWantReadError:
            return EVENT_READ
        except ssl.SSLWantWriteError:
            return EVENT_WRITE
        except ssl.SSLError as error:
            if self._is_known or error.reason != "WRONG_VERSION_NUMBER":
                raise
            raise NotTlsError(self._rest(), _RECORD_HEADER) from None
        return 0

    def _rest(self) -> bytes:
        """The bytes behind those that OpenSSL took for the header of a record."""
        try:
            return socket.socket.recv(self._sock, _LOOK)
        except OSError:
            return b""

    def _look(self) -> bool:
        """Whether the peer's first byte has come. Raises `NotTlsError` if that cannot begin a handshake."""
        try:
            received = socket.socket.recv(self._sock, _LOOK, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        if not received:
            raise ConnectionResetError(errno.ECONNRESET, "the peer has closed the connection")
        if received[0] not in _FIRST_BYTES[type(self._tls)]:
            raise NotTlsError(received)
        return True

    def _expire(self) -> None:
        if isinstance(self._tls, ServerTls) and not self._is_known:
            self.fail(NotTlsError(b""))
        else:
            self.fail(TimeoutError(errno.ETIMEDOUT, "the TLS handshake was not finished in time"))

    def _end(self) -> None:
        self._is_over = True
        self._timer.cancel()
        if self._sock.fileno() >= 0:  # a `wrap` that raised may have closed it
            self._reactor.unregister(self._sock.fileno())
        self._queue.remove(self)
