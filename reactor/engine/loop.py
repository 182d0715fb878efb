"""The reactor: one loop that waits, dispatches what is ready, and then flushes.

One turn of the loop, a tick, has three phases:

1. *Wait* in the selector, until something is ready or the next timer is due. A loop that is busy rests first, so that
   more comes together (see `coalescing`).
2. *Dispatch*: ready sockets, due timers, calls from other threads. Handlers only queue; nothing is sent or closed.
   Their `call_soon` calls run in the next tick.
3. *Flush*: first the callbacks of `call_before_flush` (rooms put their batches into the connections), then each
   connection that has something sends once, then sockets are closed.

So nothing is closed while events of the same tick are still to be dispatched: no descriptor number is reused under a
stale event, and no set changes during iteration. An exception in one connection's handler is reported to
`on_error` and ends that connection alone.

A process may be stopped for a while (SIGSTOP, a virtual machine's pause). The loop's clock leaves that time out, and
the first tick afterwards reads everything that has come before any timer fires. So no peer times out because of it.
"""

import logging
import selectors
import time
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from pylingo.reactor.engine.coalescing import Coalescer, UrgentDescriptors
from pylingo.reactor.engine.memory import Memory
from pylingo.reactor.engine.timers import Call, Owner, Timer, TimerQueue
from pylingo.reactor.engine.wakeup import Wakeup

logger = logging.getLogger(__name__)

EVENT_READ = selectors.EVENT_READ
EVENT_WRITE = selectors.EVENT_WRITE
_MEMORY_PAUSE = 0.01  # seconds before another wait, if there is no memory to wait with
_LONGEST_WAIT = 86_400.0  # seconds: a selector counts milliseconds in an int, and raises above 24 days
MOST_LATE = 1.0
"""Seconds that a tick may be late. If it is later, the process is taken to have been stopped."""
_FEW_BYTES = 4_096  # a few replies, which do not wait for the copies of long messages
_LATE = 0.1  # seconds: if a tick is later, events are selected once more before any timer fires


class Handler(Owner, Protocol):
    """An object that is called when its descriptor is ready."""

    def handle(self, mask: int) -> None:
        """Read or write what `mask` says; 0 means that the peer is gone while nothing was being waited for."""


class Flushable(Owner, Protocol):
    """A connection as the flush phase sees it. `queued` is how many bytes it has to send."""

    @property
    def queued(self) -> int: ...

    def flush(self) -> None: ...


def log_error(source: object, error: Exception) -> None:
    """Log an exception with its traceback: what a reactor does with errors by default."""
    try:
        if isinstance(error, MemoryError):  # not a bug, and there may be thousands
            logger.error("not enough memory for %r", source)
        else:
            logger.error("unexpected error in %r", source, exc_info=error)
    except MemoryError:
        pass


class Reactor:
    """The loop. Everything but `call_from_thread` belongs to the thread that calls `run`.

    `clock` gives seconds that never go back. `clock()` of the reactor leaves out the time in which the process stood
    still, noticed when a tick comes more than `most_late` seconds late. `now` is the reading at the start of a tick.

    `on_error(source, error)` is called with each exception that a callback, a handler or an owner raises. `source` is
    the owner of the call, or else the callback. After that, the owner's `fail(error)` is called, and the loop goes on.
    An exception that `on_error` itself raises ends `run`.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        selector: selectors.BaseSelector | None = None,
        most_late: float = MOST_LATE,
        on_error: Callable[[object, Exception], object] = log_error,
    ) -> None:
        self._clock = clock
        self._on_error = on_error
        self.most_late = most_late
        self._stood_still = 0.0  # seconds that are not counted
        self.now = clock()
        self.ticks = 0
        self.longest_tick = 0.0
        """The longest time, in seconds, between two waits: how late the last of a tick's work was done."""
        self.observe_tick: Callable[[float], object] | None = None
        """Called with the seconds of each tick, without its wait."""
        self.errors = 0
        """The exceptions that were reported."""
        self._selector = selector if selector is not None else selectors.DefaultSelector()  # an empty one is false
        self._timers = TimerQueue()
        self._ready: list[Call] = []
        self._flushers: list[Call] = []
        self.sending = 0.0
        """Seconds of each tick for sending. The rest waits for the next tick. 0 for no bound."""
        self.is_behind = False
        """Whether the last tick left over something new."""
        self._send_until = 0.0
        self._unsent: list[Flushable] = []
        self._backlogs: list[Flushable] = []  # they come after the others
        self._closing: list[Call] = []
        self.is_stopped = False
        """Whether `stop` was called."""
        self.coalescer = Coalescer()
        """Says how long to rest between two ticks."""
        self.urgent = UrgentDescriptors()
        """Those of the registered descriptors that end a rest."""
        self.memory = Memory()
        self._wakeup = Wakeup(self.call_soon)
        self.on_signal = self._wakeup.on_signal
        self.wait_writable = self._wakeup.wait_writable
        self.call_from_thread = self._wakeup.call
        self.register(self._wakeup.fileno(), EVENT_READ, self._wakeup)

    # --- what to wait for

    def register(self, fd: int, events: int, handler: Handler) -> None:
        """Call `handler` for `events` on `fd`. Raises `OSError` if `fd` cannot be waited for (a plain file)."""
        self._selector.register(fd, events, handler)

    def modify(self, fd: int, events: int, handler: Handler) -> None:
        """Wait for other events; for none, only the loss of the peer is reported, on systems that can do so."""
        try:
            self._selector.modify(fd, events, handler)
        except KeyError:
            self._selector.register(fd, events, handler)
        except ValueError:
            if events:
                raise
            # kqueue and select cannot wait for no event and have dropped the descriptor; KeyError brings it back

    def unregister(self, fd: int) -> None:
        """Wait for no more events on `fd`. Does nothing if it is not registered."""
        self.urgent.discard(fd)
        try:
            self._selector.unregister(fd)
        except KeyError:
            pass

    # --- what to call

    def clock(self) -> float:
        """Seconds in which the loop ran, from an arbitrary point on. Deadlines are on this clock."""
        return self._clock() - self._stood_still

    def call_soon(self, callback: Callable[..., object], *args: Any, owner: Owner | None = None) -> None:
        """Call `callback(*args)` in the next tick, which then does not wait. If it raises, `owner` fails."""
        self._ready.append((callback, args, owner))

    def call_later(
        self, delay: float, callback: Callable[..., object], *args: Any, owner: Owner | None = None
    ) -> Timer:
        """Call `callback(*args)` in `delay` seconds, unless the result is cancelled. If it raises, `owner` fails."""
        return self._timers.add(self.clock() + delay, callback, args, owner)

    def call_before_flush(self, callback: Callable[[], object]) -> None:
        """Call `callback` once, at the start of this tick's flush (or of the next, from within one)."""
        self._flushers.append((callback, (), None))

    def flush_soon(self, connection: Flushable, is_backlog: bool = False) -> None:
        """Call `connection.flush()` once, in this tick's flush (or in the next, from within one).

        `is_backlog` says that the connection has only something that is left over from earlier ticks. It comes after
        those that have something new.
        """
        (self._backlogs if is_backlog else self._unsent).append(connection)

    def may_send(self) -> bool:
        """Whether there is time in this tick's flush to offer something to another socket."""
        return not self.sending or self._clock() < self._send_until

    def close_soon(self, finish: Callable[..., object], *args: Any) -> None:
        """Call `finish(*args)` at the very end of this tick: the place to close a descriptor."""
        self._closing.append((finish, args, None))

    @property
    def pending_timers(self) -> int:
        """The number of timers that are still to fire."""
        return len(self._timers)

    # --- the loop

    def run(self) -> None:
        """Run ticks until `stop` is called."""
        self.is_stopped = False
        while not self.is_stopped:
            self.tick()

    def stop(self) -> None:
        """Have `run` return at the end of the tick."""
        self.is_stopped = True

    def tick(self, longest: float | None = None) -> None:
        """Run one tick. Waits at most `longest` seconds, if that is given; it does not rest then."""
        if longest is None and self.coalescer.longest:
            self._rest()
        wait = self._timeout()
        events = self._select(wait if longest is None or (wait is not None and wait < longest) else longest)
        start = self.clock()
        if wait is not None and (late := start - self.now - wait) > _LATE:
            events = self._select(0)  # a stop ends the wait without selecting the events that came
            if late > self.most_late:  # when it was stopped is not known: nothing of the wait is counted
                self._stood_still += start - self.now
                start = self.now
        self.now = start
        ready, self._ready = self._ready, []
        for key, mask in events:
            handler: Handler = key.data
            try:
                handler.handle(mask)
            except Exception as error:
                self._report(error, handler, handler)
        self._run(self._timers.due(start))
        self._run(ready)
        self._flush()
        self.ticks += 1
        end = self.clock()
        self.longest_tick = max(self.longest_tick, end - start)
        self.coalescer.turned(start, end, len(events))
        if self.observe_tick is not None:
            self.observe_tick(end - start)

    def close(self) -> None:
        """Close the selector and restore the signals. The connections are left to their owners."""
        self.unregister(self._wakeup.fileno())
        self._wakeup.close()
        self._selector.close()

    def _select(self, timeout: float | None) -> list[tuple[selectors.SelectorKey, int]]:
        try:
            return self._selector.select(timeout)
        except MemoryError:  # there was none for the list of events, which come again
            if not self.memory.ran_out():
                time.sleep(_MEMORY_PAUSE)  # until deadlines end connections, which frees memory
            return []

    def _rest(self) -> None:
        """If the loop is busy, rest before the next tick, unless that has work already."""
        seconds = self.coalescer.rest(self.clock())
        if seconds and self._timeout() != 0:
            self.urgent.rest(seconds)

    def _timeout(self) -> float | None:
        """The seconds until something is due; None if nothing is."""
        if self._ready or self._flushers or self._unsent or self._backlogs or self._closing or self.is_stopped:
            return 0
        deadline = self._timers.next_deadline()
        return None if deadline is None else min(max(0.0, deadline - self.clock()), _LONGEST_WAIT)

    def _flush(self) -> None:
        # Connections that wait since the last tick go before a room's new batch, which is queued behind that.
        until = self._clock() + self.sending
        self._send_until = 0.0 if self.is_behind else until
        self.is_behind = False
        flushers, self._flushers = self._flushers, []
        self._run(flushers)
        if self._unsent or self._backlogs:
            self._send(until)
        closing, self._closing = self._closing, []
        self._run(closing)

    def _send(self, until: float) -> None:
        """Flush the connections that have something new, then the backlogs. When time is up, go on in the next tick."""
        if self.sending:
            self._unsent.sort(key=lambda connection: connection.queued > _FEW_BYTES)
            until = max(until, self._clock() + self.sending / 2)
        news = len(self._unsent)
        connections = self._unsent + self._backlogs
        self._unsent, self._backlogs = [], []
        for index, connection in enumerate(connections, 1):
            try:
                connection.flush()
            except Exception as error:
                self._report(error, connection, connection)
            if self.sending and index < len(connections) and self._clock() >= until:
                self.is_behind = index < news
                self._unsent[:0] = connections[index:news]
                self._backlogs[:0] = connections[max(index, news) :]
                return

    def _run(self, calls: Iterable[Call]) -> None:
        for callback, args, owner in calls:
            self.run_safely(callback, *args, owner=owner)

    def run_safely(self, callback: Callable[..., object], *args: Any, owner: Owner | None = None) -> None:
        """Call `callback(*args)`. If it raises, report that, and let `owner` fail."""
        try:
            callback(*args)
        except Exception as error:
            self._report(error, owner or callback, owner)

    def _report(self, error: Exception, source: object, owner: Owner | None) -> None:
        self.errors += 1
        if isinstance(error, MemoryError):
            self.memory.ran_out()
        self._on_error(source, error)
        if owner is not None:
            self.run_safely(owner.fail, error)
