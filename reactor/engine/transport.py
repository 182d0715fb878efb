"""One connected socket: bounded reads, one outgoing queue, one write path.

`write` only queues. At the end of the tick the queue is offered to the socket once. Bytes that it does not take wait
until it is writable; only then is the selector asked about writing.

`close` flushes, shuts the sending side down and reads to the end, because a `close(2)` over unread input resets the
connection, and the peer loses what was still on its way (a queued goodbye was lost in 99 of 100 cases).
"""

import enum
import socket
from collections.abc import Callable
from typing import Protocol

from pylingo.reactor.engine.channel import Channel, CrossedError, certificate_of, committed
from pylingo.reactor.engine.loop import EVENT_READ, EVENT_WRITE, Reactor
from pylingo.reactor.engine.send_queue import Buffer, SendQueue
from pylingo.reactor.engine.tcp_bytes import TcpBytes, tcp_bytes
from pylingo.reactor.engine.timers import Timer
from pylingo.reactor.engine.traffic import Traffic

READ_SIZE = 65_536
"""Bytes read from one connection in one tick."""
LINGER = 2.0
"""Seconds that `close` gives the peer to take something, again and again, and then to close its side."""
LONGEST_FLUSH = 30.0
"""Seconds after which `close` gives up although the peer still takes something: it reads too slowly."""


class Receiver(Protocol):
    """The object that is called when something happens on a transport."""

    def data_received(self, data: bytes) -> None:
        """At least one byte came."""

    def eof_received(self) -> None:
        """The peer will send no more. Queued bytes can still reach it."""

    def drained(self) -> None:
        """The socket has taken everything that was queued. Called once each time that `tell_drained` was set."""

    def connection_lost(self, error: Exception | None) -> None:
        """The last call, exactly once, right before the socket is closed.

        `error` says why, unless `close` or `abort` did it.
        """


class TransportState(enum.IntEnum):
    """The states of a transport, in their order. `write` relies on the first being false."""

    OPEN = 0
    FLUSHING = enum.auto()  # closing: the queue is still sent
    SHUT = enum.auto()  # everything is sent, and the peer knows; its side is read to the end
    CLOSED = enum.auto()


OPEN, FLUSHING, SHUT, CLOSED = TransportState


class Reading(enum.Enum):
    """Whether a transport reads from its peer."""

    ON = enum.auto()
    PAUSED = enum.auto()
    HELD = enum.auto()  # paused, whatever `resume_reading` says
    ENDED = enum.auto()  # the peer will send no more


class Transport:
    """A connected socket with its queue. It counts in `traffic`, if given, which it shares with others of its kind."""

    __slots__ = (
        "_crossed",
        "_dirty",
        "_events",
        "_queue",
        "_reactor",
        "_reading",
        "_sock",
        "_state",
        "_timer",
        "_traffic",
        "receiver",
        "tell_drained",
    )

    def __init__(
        self, reactor: Reactor, sock: Channel, receiver: Receiver | None = None, traffic: Traffic | None = None
    ) -> None:
        """Take over the connected `sock`, a socket or a `TlsChannel`; make it non-blocking and begin to read."""
        sock.setblocking(False)
        self._reactor = reactor
        self._sock = sock
        self._traffic = traffic
        self.receiver = receiver
        self._queue: SendQueue | None = None  # never empty
        self.tell_drained = False
        self._state = OPEN
        self._dirty = False  # whether the reactor will call `flush`
        self._reading = Reading.ON
        self._timer: Timer | None = None
        self._crossed = 0  # the only events to wait for, while TLS is in the middle of something
        self._events = EVENT_READ
        reactor.register(sock.fileno(), EVENT_READ, self)

    def __repr__(self) -> str:
        return f"<Transport of {self.receiver!r}>"

    def fileno(self) -> int:
        """The descriptor of the socket; -1 once it is closed."""
        return self._sock.fileno()

    @property
    def queued(self) -> int:
        """The number of bytes that the socket has not taken yet."""
        return 0 if self._queue is None else self._queue.size

    @property
    def queued_direct(self) -> int:
        """The number of those that were written as direct, in buffers that are not taken in full."""
        return 0 if self._queue is None else self._queue.direct

    @property
    def waiting_since(self) -> float:
        """The reactor's time when the socket last took a byte, or first refused one; 0 if it has refused none."""
        return 0.0 if self._queue is None else self._queue.waiting_since

    @property
    def is_blocked(self) -> bool:
        """Whether bytes wait that the socket has refused, and it has not been writable since."""
        return self._queue is not None and self._queue.is_blocked

    @property
    def is_open(self) -> bool:
        """Whether `write` still has an effect."""
        return self._state is OPEN

    @property
    def has_unread(self) -> bool:
        """Whether bytes have come that are still to be read. Asks the system."""
        try:
            is_live = self._state is OPEN and self._reading not in (Reading.ENDED, Reading.HELD)
            return is_live and bool(self._sock.recv(1, socket.MSG_PEEK))
        except OSError:
            return False

    @property
    def tcp_bytes(self) -> TcpBytes | None:
        """The bytes that have gone over the connection, until it is closed, if the system knows. Asks the system."""
        return tcp_bytes(self._sock.fileno(), self._reading is Reading.ENDED)

    @property
    def certificate(self) -> bytes | None:
        """The server's certificate of the handshake, as DER; None without TLS."""
        return certificate_of(self._sock)

    # --- sending

    def write(self, data: Buffer, direct: int = 0) -> None:
        """Queue `data`, which must never change, for the end of the tick. Dropped if the transport is closing.

        `direct` bytes of it count as `queued_direct`.
        """
        if self._state:
            return
        if self._queue is None:
            self._queue = SendQueue(data, direct)
        else:
            self._queue.append(data, direct)
        self.flush_soon()

    def write_now(self, data: Buffer) -> bool:
        """Within the flush phase, offer `data` to the socket at once, unless something waits before it.

        Return whether that was possible; if not, call `write`. Where one buffer goes to many connections this saves 5
        to 10% of the cost of a delivery, since no queue is made and each connection is touched once, with as few calls
        as possible (`client/benchmark.py`, scenarios chat and broadcast).
        """
        reactor = self._reactor
        if self._queue is not None or self._state or self.tell_drained or (reactor.sending and not reactor.may_send()):
            return False
        try:
            taken = self._sock.send(data)
        except OSError as error:
            taken = self._refused(error)
        if taken != len(data):
            self._queue = SendQueue(data)
            self._keep_rest(self._queue, taken)
        return True

    def flush(self) -> None:
        """Offer the queue to the socket, once. For the reactor's flush phase."""
        self._dirty = False
        queue = self._queue
        if queue is not None and not queue.is_blocked and self._state < SHUT:
            taken = self._send(queue)
            if taken != queue.size:
                self._keep_rest(queue, taken)
            else:
                self._queue = None
                self._wait_for()
        if self._queue is None and self.tell_drained and self.receiver is not None:
            self.tell_drained = False
            self.receiver.drained()
        if self._state is FLUSHING and self._queue is None:
            self._shut()

    def discard_unsent(self, frame_end: Callable[[Buffer, int], int]) -> int:
        """Drop what is queued, but for the rest of a frame that is begun; return the bytes. See `SendQueue.discard`."""
        if self._queue is None:
            return 0
        dropped = self._queue.discard(frame_end, committed(self._sock))
        if not self._queue.size:
            self._queue = None
            self._wait_for()
        return dropped

    def flush_soon(self, is_backlog: bool = False) -> None:
        """Flush at the end of the tick, and tell `drained` if that was asked for and nothing is queued."""
        if not self._dirty:
            self._dirty = True
            self._reactor.flush_soon(self, is_backlog)

    def _send(self, queue: SendQueue) -> int:
        """The number of bytes that the socket takes now."""
        try:
            taken = queue.send(self._sock)
        except OSError as error:
            return self._refused(error)
        if self._traffic is not None:
            self._traffic.sends += 1
        return taken

    def _refused(self, error: OSError) -> int:
        """The socket takes nothing, for now or for good. Returns 0."""
        if isinstance(error, BlockingIOError | InterruptedError):
            self._crossed = error.events if isinstance(error, CrossedError) else 0
        else:
            self.fail(error)
        return 0

    def _keep_rest(self, queue: SendQueue, taken: int) -> None:
        """Keep all but the bytes that the socket has taken until it is writable."""
        queue.remove(taken)
        if taken or not queue.waiting_since:
            queue.waiting_since = self._reactor.now
        queue.is_blocked = True
        self._wait_for()

    # --- receiving

    def pause_reading(self) -> None:
        """Read no more until `resume_reading`; the peer is slowed by TCP's own flow control."""
        if self._state is OPEN and self._reading is not Reading.HELD:  # one that is closing reads to the end
            self._read_if(Reading.PAUSED)

    def resume_reading(self) -> None:
        if self._reading is not Reading.HELD:
            self._read_if(Reading.ON)

    def hold_reading(self) -> None:
        """As `pause_reading`, and `resume_reading` changes nothing before `release_reading`."""
        if self._state is OPEN:
            self._read_if(Reading.HELD)

    def release_reading(self) -> None:
        """Be paused after `hold_reading`."""
        if self._reading is Reading.HELD:
            self._read_if(Reading.PAUSED)

    def _read_if(self, reading: Reading) -> None:
        if self._reading is not Reading.ENDED:
            self._reading = reading
            self._wait_for()

    def handle(self, mask: int) -> None:
        """Act on an event of the selector: readable, writable, or (0) gone."""
        if self._crossed:
            mask = self._uncross(mask)
        if mask & EVENT_WRITE:
            if self._queue is not None:
                self._queue.is_blocked = False
            self.flush_soon(is_backlog=True)
        if mask & EVENT_READ and self._reading is Reading.ON and self._state is not CLOSED:
            self._read()
        elif not mask:
            self.fail(ConnectionResetError("the peer is gone"))

    def _uncross(self, mask: int) -> int:
        """TLS can go on: try again whatever had to wait for it."""
        if not mask & self._crossed:
            return mask
        self._crossed = 0
        self._wait_for()
        return EVENT_READ | EVENT_WRITE

    def _read(self) -> None:
        try:
            data = self._sock.recv(READ_SIZE)
        except (BlockingIOError, InterruptedError) as error:
            if isinstance(error, CrossedError):
                self._crossed = error.events
                self._wait_for()
            return
        except OSError as error:
            self.fail(error)
            return
        if not data:
            self._reading = Reading.ENDED
            self._wait_for()
            if self._state is SHUT:
                self.abort()
        elif len(data) >= READ_SIZE:
            self._reactor.coalescer.hurry()  # there may be more
        if self._state is OPEN and self.receiver is not None:
            if data:
                if self._traffic is not None:
                    self._traffic.reads += 1
                    self._traffic.bytes_received += len(data)
                self.receiver.data_received(data)
            else:
                self.receiver.eof_received()

    # --- ending

    def close(self) -> None:
        """Send what is queued, shut the sending side down, read to the end.

        The peer must take something every `LINGER` seconds, everything within `LONGEST_FLUSH` seconds, and then has
        `LINGER` seconds to close its side.
        """
        if self._state is not OPEN:
            return
        self._state = FLUSHING
        self._await_progress(self._reactor.now + LONGEST_FLUSH)
        self.release_reading()
        self.resume_reading()
        self.flush_soon()

    def _await_progress(self, end: float) -> None:
        self._timer = self._reactor.call_later(LINGER, self._check_progress, self.queued, end)

    def _check_progress(self, queued: int, end: float) -> None:
        if self.queued < queued and self._reactor.now < end:
            self._await_progress(end)
        else:
            self.abort()

    def abort(self) -> None:
        """Close at the end of the tick, whatever is queued."""
        self.fail(None)

    def fail(self, error: Exception | None) -> None:
        """As `abort`, because a call that belongs to this connection raised `error`, or the connection is lost."""
        if self._state is not CLOSED:
            self._reactor.close_soon(self._finish, error if self._state is OPEN else None)
            self._state = CLOSED

    def _shut(self) -> None:
        try:
            self._sock.shutdown(socket.SHUT_WR)
        except BlockingIOError:  # the end of a TLS stream is sent like data
            self._crossed = EVENT_WRITE | (EVENT_READ if self._reading is Reading.ON else 0)
            self._wait_for()
            return
        except OSError:  # the peer has reset the connection
            self._reading = Reading.ENDED
        self._state = SHUT
        if self._reading is Reading.ENDED:
            self.abort()
        elif self._timer is not None:
            self._timer.cancel()
            self._timer = self._reactor.call_later(LINGER, self.abort)

    def _finish(self, error: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._reactor.unregister(self._sock.fileno())
        self._queue = None
        receiver, self.receiver = self.receiver, None  # they hold each other
        try:
            if receiver is not None:
                receiver.connection_lost(error)
        finally:
            self._sock.close()

    def _wait_for(self) -> None:
        """Tell the selector which events are of use now, if that has changed."""
        if self._state is CLOSED:
            return
        events = EVENT_READ if self._reading is Reading.ON else 0
        if self._queue is not None and self._queue.is_blocked:
            events |= EVENT_WRITE
        if self._crossed:
            events = self._crossed
        if events != self._events:
            self._events = events
            self._reactor.modify(self._sock.fileno(), events, self)
