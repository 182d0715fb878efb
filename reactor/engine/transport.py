"""One connected socket: bounded reads, one outgoing queue, one write path.

`write` only queues. At the end of the tick the queue is offered to the socket once, and what the socket does not take
waits for it to be writable; a write handler is registered for such leftovers only. Who has but one buffer in a tick,
and has it at its end, spares the queue with `send`.

`close` flushes, shuts the sending side down and reads to the end, as a `close(2)` over unread input resets the
connection and the peer loses what was still on its way (a queued farewell was lost in 99 of 100 cases); `abort` does
none of that.
"""

import socket
from collections.abc import Callable
from typing import Protocol

from pylingo.reactor.engine.loop import EVENT_READ, EVENT_WRITE, Reactor
from pylingo.reactor.engine.timers import Timer

Buffer = bytes | memoryview

READ_SIZE = 65_536
"""Bytes read of one connection in one tick."""
LINGER = 2.0
"""Seconds that `close` gives the peer to take what is queued, and again to close its side."""
TCP_TIMEOUT = 30.0
"""Seconds without an acknowledgement after which the system gives a connection up."""
_MOST_BUFFERS = 512  # of one sendmsg; Linux allows 1,024 (IOV_MAX)

OPEN, FLUSHING, SHUT, CLOSED = range(4)  # `write` relies on OPEN being 0


class Receiver(Protocol):
    """Who is told what happens on a transport."""

    def data_received(self, data: bytes) -> None:
        """At least one byte came."""

    def eof_received(self) -> None:
        """The peer will send no more. What is queued can still reach it."""

    def drained(self) -> None:
        """The socket has taken all that was queued; told once after each time that `tell_drained` was set."""

    def connection_lost(self, error: Exception | None) -> None:
        """The last call, exactly once: the socket is closed. `error` says why, unless `close` or `abort` did it."""


class Transport:
    """A socket with its queue. `queued` is the number of bytes not yet taken by the socket.

    `queued_direct` is the number of those that were written as `direct`, a buffer that was taken in part included.

    `waiting_since` is the reactor's time when the socket last took a byte, or first refused one, while it `is_waiting`.
    """

    __slots__ = (
        "_blocked",
        "_direct",
        "_dirty",
        "_eof",
        "_error",
        "_events",
        "_offset",
        "_queue",
        "_reactor",
        "_reading",
        "_sock",
        "_state",
        "_timer",
        "queued",
        "queued_direct",
        "receiver",
        "tell_drained",
        "waiting_since",
    )

    def __init__(self, reactor: Reactor, sock: socket.socket, receiver: Receiver | None = None) -> None:
        """Take over the connected `sock`, make it non-blocking and begin to read."""
        sock.setblocking(False)
        self._reactor = reactor
        self._sock = sock
        self.receiver = receiver
        self._queue: list[Buffer] | None = None  # made when there is something to queue: most connections are silent
        self._direct: list[int] | None = None  # for each buffer of the queue, the bytes that count as direct
        self._offset = 0  # bytes of the first buffer that the socket has taken
        self.queued = self.queued_direct = 0
        self.tell_drained = False
        self.waiting_since = 0.0
        self._state = OPEN
        self._dirty = False
        self._blocked = False
        self._reading = True
        self._eof = False
        self._timer: Timer | None = None
        self._error: Exception | None = None
        self._events = EVENT_READ
        reactor.register(sock.fileno(), EVENT_READ, self)

    @property
    def is_open(self) -> bool:
        """Whether `write` still has an effect."""
        return self._state == OPEN

    def fileno(self) -> int:
        """The descriptor of the socket, -1 after it was closed."""
        return self._sock.fileno()

    @property
    def has_unread(self) -> bool:
        """Whether bytes have come that were not read yet. Asks the system."""
        if self._state != OPEN or self._eof:
            return False
        try:
            return bool(self._sock.recv(1, socket.MSG_PEEK))
        except OSError:
            return False

    @property
    def is_waiting(self) -> bool:
        """Whether the socket has refused bytes that are queued."""
        return bool(self._events & EVENT_WRITE)

    @property
    def is_blocked(self) -> bool:
        """Whether bytes wait, and the socket has not been said to take more since it refused them."""
        return self._blocked and self._queue is not None

    # --- sending

    def write(self, data: Buffer, direct: int = 0) -> None:
        """Queue `data`, which must never change. Sent at the end of the tick; dropped if the transport is closing.

        `direct` bytes of it count as `queued_direct`.
        """
        if self._state:
            return
        self.queued_direct += direct
        if self._queue is None or self._direct is None:
            self._queue, self._direct = [data], [direct]
            self.queued = len(data)
        else:
            self._queue.append(data)
            self._direct.append(direct)
            self.queued += len(data)
        if not self._dirty:
            self._dirty = True
            self._reactor.unsent.append(self)

    def write_now(self, data: Buffer) -> None:
        """As `write`, within the flush phase: where nothing waits before `data`, it is offered to the socket at once.

        Where one buffer goes to many connections this saves a twentieth to a tenth of all that a delivery costs: no
        queue is made, and each connection is touched once (`client/benchmark.py`, scenarios chat and broadcast).
        """
        reactor = self._reactor
        if self._queue is not None or self._state or self.tell_drained or (reactor.sending and not reactor.may_send()):
            self.write(data)
            return
        try:
            taken = self._sock.send(data)
        except (BlockingIOError, InterruptedError):
            taken = 0
        except OSError as error:
            self._lose(error)
            return
        if taken != len(data):
            self._queue, self._direct = [data], [0]
            self.queued = len(data)
            self._keep_rest(taken, self._queue)

    def flush(self) -> None:
        """Offer the queue to the socket, once. For the reactor's flush phase."""
        self._dirty = False
        queue = self._queue
        if queue is not None and not self._blocked and self._state < SHUT:
            try:
                taken = self._sock.send(queue[0]) if len(queue) == 1 and not self._offset else self._send(queue)
            except (BlockingIOError, InterruptedError):
                taken = 0
            except OSError as error:
                self._lose(error)
                return
            if taken == self.queued:
                self._queue = self._direct = None
                self.queued = self.queued_direct = self._offset = 0
                if self._events & EVENT_WRITE:
                    self._wait_for()
                if self.tell_drained and self.receiver is not None:
                    self.tell_drained = False
                    self.receiver.drained()
            else:
                self._keep_rest(taken, queue)
        if self._state == FLUSHING and self._queue is None:
            self._shut()

    def discard_unsent(self, frame_end: Callable[[Buffer, int], int]) -> int:
        """Drop what is queued, but for the rest of the frame that the socket has begun to take.

        `frame_end(buffer, offset)` says where in a buffer the frame with the byte before `offset` ends. Returns the
        number of bytes dropped.
        """
        queue, before = self._queue, self.queued
        if queue is None:
            return 0
        end = frame_end(queue[0], self._offset) if self._offset else 0
        self.queued = self.queued_direct = end - self._offset
        self._queue, self._direct = ([queue[0][:end]], [self.queued]) if self.queued else (None, None)
        if self._queue is None:
            self._offset = 0
            self._blocked = False
            self._wait_for()
        return before - self.queued

    def _send(self, queue: list[Buffer]) -> int:
        first = memoryview(queue[0])[self._offset :]
        if len(queue) == 1:
            return self._sock.send(first)
        return self._sock.sendmsg([first, *queue[1:_MOST_BUFFERS]])

    def _keep_rest(self, taken: int, queue: list[Buffer]) -> None:
        """The socket has taken some bytes: the rest waits until it is writable."""
        self.queued -= taken
        if taken or not self.is_waiting:
            self.waiting_since = self._reactor.now
        taken += self._offset
        whole = 0
        while taken >= len(queue[whole]):
            taken -= len(queue[whole])
            whole += 1
        del queue[:whole]
        if self._direct is not None:
            self.queued_direct -= sum(self._direct[:whole])
            del self._direct[:whole]
        self._offset = taken
        self._blocked = True
        self._wait_for()

    # --- receiving

    def pause_reading(self) -> None:
        """Read no more until `resume_reading`; the peer is slowed by TCP's own flow control."""
        self._reading = self._state != OPEN  # who is closing reads to the end
        self._wait_for()

    def resume_reading(self) -> None:
        self._reading = True
        self._wait_for()

    def handle(self, mask: int) -> None:
        """The selector's word: readable, writable, or (0) gone."""
        if mask & EVENT_WRITE:
            self._blocked = False
            if not self._dirty:
                self._dirty = True
                self._reactor.backlogs.append(self)
        if mask & EVENT_READ:
            self._read()
        elif not mask and self._state != CLOSED:
            self._lose(ConnectionResetError("the peer is gone"))

    def _read(self) -> None:
        if self._state == CLOSED or self._eof or not self._reading:
            return
        try:
            data = self._sock.recv(READ_SIZE)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._lose(error)
            return
        if not data:
            self._eof = True
            self._wait_for()
            if self._state == SHUT:
                self._end(None)
            elif self._state == OPEN and self.receiver is not None:
                self.receiver.eof_received()
        elif self._state == OPEN and self.receiver is not None:
            self.receiver.data_received(data)

    # --- ending

    def close(self) -> None:
        """Send what is queued, shut the sending side down, read to the end; `LINGER` seconds for each of both."""
        if self._state != OPEN:
            return
        self._state = FLUSHING
        self._reading = True
        self._wait_for()
        self._timer = self._reactor.call_later(LINGER, self.abort)
        if not self._dirty:
            self._dirty = True
            self._reactor.unsent.append(self)

    def abort(self) -> None:
        """Close at the end of the tick, whatever is queued."""
        self._end(None)

    def fail(self, error: Exception) -> None:
        """A handler raised: end this connection."""
        self._end(error)

    def _shut(self) -> None:
        self._state = SHUT
        try:
            self._sock.shutdown(socket.SHUT_WR)
        except OSError as error:  # the peer has reset the connection
            self._lose(error)
            return
        if self._eof:
            self._end(None)
        elif self._timer is not None:
            self._timer.cancel()
            self._timer = self._reactor.call_later(LINGER, self.abort)

    def _lose(self, error: OSError) -> None:
        self._end(error if self._state == OPEN else None)

    def _end(self, error: Exception | None) -> None:
        if self._state == CLOSED:
            return
        self._state = CLOSED
        self._error = error
        self._reactor.close_soon(self._finish)

    def _finish(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._reactor.unregister(self._sock.fileno())
        self._sock.close()
        self._queue = self._direct = None
        receiver, self.receiver = self.receiver, None  # they hold each other
        if receiver is not None:
            error, self._error = self._error, None  # whose traceback holds this transport
            receiver.connection_lost(error)

    def _wait_for(self) -> None:
        """Have the selector wait for what can be of use, and tell it only of changes."""
        if self._state == CLOSED:
            return
        events = EVENT_READ if self._reading and not self._eof else 0
        if self._queue is not None and self._blocked:
            events |= EVENT_WRITE
        if events != self._events:
            self._events = events
            self._reactor.modify(self._sock.fileno(), events, self)


def enable_keepalive(sock: socket.socket, timeout: float = TCP_TIMEOUT) -> None:
    """Send without delay, and have the system find out within about `timeout` seconds that a peer cannot be reached.

    Keepalive never notices a dead link with data in flight, the user timeout never an idle one: so both. What is set
    on a listening socket is inherited by those that it accepts.
    """
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (
        ("TCP_KEEPIDLE", max(1, round(timeout))),
        ("TCP_KEEPINTVL", max(1, round(timeout / 3))),
        ("TCP_KEEPCNT", 3),
        ("TCP_USER_TIMEOUT", round(timeout * 1e3)),
    ):
        if number := getattr(socket, name, None):  # not every system has them all
            sock.setsockopt(socket.IPPROTO_TCP, number, value)
