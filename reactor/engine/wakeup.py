"""A socketpair with which signals and other threads wake a reactor that sleeps in its selector.

After `signal.set_wakeup_fd`, the interpreter writes the number of each signal into one end, from inside the C handler.
A thread writes a zero there. The reactor reads the other end like any socket, so signals and calls of threads are
handled between two other events, and never in the middle of one.
"""

import collections
import select
import signal
import socket
from collections.abc import Callable
from typing import Any

from pylingo.reactor.engine.timers import Call, Owner

_LOOK_EVERY = 0.1  # seconds


class Wakeup:
    """The two ends, the calls that threads have made, and the handlers of signals."""

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
        """Call `callback` in the loop after each signal `number`. From the main thread only.

        With `unless_ignored`, a signal that is ignored stays ignored (`nohup`, shells without job control).
        """
        if unless_ignored and signal.getsignal(number) is signal.SIG_IGN:
            return
        if self._fd_before is None:
            self._fd_before = signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        # The handler does nothing, but without one the interpreter would not write to the wake-up descriptor.
        self._before.setdefault(number, signal.signal(number, lambda *_: None))
        self._handlers[number] = callback

    def call(self, callback: Callable[..., object], *args: Any, owner: Owner | None = None) -> None:
        """Call `callback(*args)` in the loop. From any thread; the calls of one thread keep their order."""
        self._calls.append((callback, args, owner))
        if self._called:
            return  # one byte is under way; more could fill the socket, and a signal's byte would be lost
        self._called = True
        try:
            self._writer.send(b"\0")
        except OSError:  # closed, or full of signals, which wake the loop
            pass

    def handle(self, mask: int) -> None:
        """Hand the signals and calls that have come to the loop."""
        try:
            numbers = self._reader.recv(4096)
        except BlockingIOError:
            numbers = b""
        self._called = False  # before the calls are taken: a later one is either among them, or sends a byte
        for number in numbers:
            if handler := self._handlers.get(number):
                self._call_soon(handler)
        for _ in range(len(self._calls)):
            callback, args, owner = self._calls.popleft()
            self._call_soon(callback, *args, owner=owner)

    def wait_writable(self, fd: int) -> bool:
        """Block the loop until `fd` is writable; return False if a signal came first, whose callback is still to come.

        For output that cannot be made non-blocking because other programs share it.
        """
        longest = None
        while True:
            _, writable, _ = select.select([self] if longest is None else [], [fd], [], longest)
            if writable:
                return True
            if self._has_signal():
                return False
            longest = _LOOK_EVERY  # a thread's call has woken us, and has to wait for the loop

    def _has_signal(self) -> bool:
        try:
            return any(number in self._handlers for number in self._reader.recv(4096, socket.MSG_PEEK))
        except BlockingIOError:
            return False

    def fail(self, error: Exception) -> None:
        """Do nothing: the next wake-up is another try."""

    def close(self) -> None:
        """Restore the signal handlers, and close both ends."""
        for number, previous in self._before.items():
            signal.signal(number, previous)
        if self._fd_before is not None:
            signal.set_wakeup_fd(self._fd_before)
        self._reader.close()
        self._writer.close()
