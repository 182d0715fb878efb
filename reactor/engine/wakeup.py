"""How signals and other threads get a word to a reactor that sleeps in its selector: one socketpair.

`signal.set_wakeup_fd` has the interpreter write the signal's number into one end, from inside the C handler; a thread
writes a zero there. The reactor reads the other end as it reads any socket, so both are handled between two other
events and never in the middle of one.
"""

import collections
import select
import signal
import socket
from collections.abc import Callable
from typing import Any

from pylingo.reactor.engine.timers import Owner

_LOOK_EVERY = 0.1  # seconds
Call = tuple[Callable[..., object], tuple[Any, ...], Owner | None]


class Wakeup:
    """The two ends, the calls that threads have left, and what to do on which signal."""

    def __init__(self, call_soon: Callable[..., object]) -> None:
        self._call_soon = call_soon
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)
        self._calls: collections.deque[Call] = collections.deque()
        self._called = False
        self._handlers: dict[int, Callable[[], object]] = {}
        self._before: dict[int, Any] = {}
        self._fd_before: int | None = None

    def fileno(self) -> int:
        return self._reader.fileno()

    def on_signal(self, number: int, callback: Callable[[], object], unless_ignored: bool = False) -> None:
        """Have `callback` called in the loop after each signal `number`. From the main thread only.

        `unless_ignored` leaves a signal alone that was ignored before, as `nohup` and shells without job control do.
        """
        if unless_ignored and signal.getsignal(number) is signal.SIG_IGN:
            return
        if self._fd_before is None:
            self._fd_before = signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        previous = signal.signal(number, _ignore)
        self._before.setdefault(number, previous)
        self._handlers[number] = callback

    def call(self, callback: Callable[..., object], *args: Any, owner: Owner | None = None) -> None:
        """Have `callback(*args)` called in the loop. From any thread; the calls of one thread keep their order."""
        self._calls.append((callback, args, owner))
        if self._called:
            return  # one byte is under way; more would only fill the socket, and a signal's would find no place
        self._called = True
        try:
            self._writer.send(b"\0")
        except OSError:  # closed: nobody will listen; full of signals: then a wake-up is under way
            pass

    def handle(self, mask: int) -> None:
        """Hand what has come to the loop's queue."""
        try:
            numbers = self._reader.recv(4096)
        except BlockingIOError:
            numbers = b""
        self._called = False  # before the calls are taken: a later one is either taken too, or sends a byte
        for number in numbers:
            if handler := self._handlers.get(number):
                self._call_soon(handler)
        for _ in range(len(self._calls)):
            callback, args, owner = self._calls.popleft()
            self._call_soon(callback, *args, owner=owner)

    def wait_writable(self, fd: int) -> bool:
        """Block until `fd` takes something; False if a signal with a callback came first."""
        longest = None
        while True:
            _, writable, _ = select.select([self] if longest is None else [], [fd], [], longest)
            if writable:
                return True
            if self._has_signal():
                return False
            longest = _LOOK_EVERY  # the call of a thread has woken us, and waits until the loop can take it

    def _has_signal(self) -> bool:
        try:
            return any(number in self._handlers for number in self._reader.recv(4096, socket.MSG_PEEK))
        except BlockingIOError:
            return False

    def fail(self, error: Exception) -> None:
        """Nothing to give up: the next wake-up is another try."""

    def close(self) -> None:
        """Give the signals back to whoever had them, and close both ends."""
        for number, previous in self._before.items():
            signal.signal(number, previous)
        if self._fd_before is not None:
            signal.set_wakeup_fd(self._fd_before)
        self._reader.close()
        self._writer.close()


def _ignore(number: int, frame: object) -> None:
    """A handler must be installed for the wake-up descriptor to be written to; the work is done in the loop."""
