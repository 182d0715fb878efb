"""The terminal as a device: its modes, its input, its output. Every way out restores it.

Output that the terminal does not take at once waits here, and meanwhile the owner makes no further frames. Reading
does not block, even after a selector has announced input: Ctrl+C discards what was typed.

While the shell has put us in the background, the terminal belongs to the shell and must not be touched: changing its
modes or reading from it would stop this process.
"""

import contextlib
import errno
import os
import select
import signal
import termios
import time
from collections.abc import Callable

from pylingo.client.descriptor import OwnDescriptor, is_foreground
from pylingo.reactor.engine.loop import EVENT_READ, EVENT_WRITE, Reactor

READ_SIZE = 65_536  # bytes read at once
PATIENCE = 1.0  # seconds that `leave` waits for the terminal to take the output that restores it


def stop_group() -> bool:
    """Stop our process group, as Ctrl+Z does, until it is continued. Call it from the main thread.

    Return False if we did not stop, because nobody could continue us: either our parent had the signal ignored, or no
    shell controls the group (`xterm -e`, `ssh -t`, a container) and the system discards the signal.
    """
    if signal.getsignal(signal.SIGTSTP) == signal.SIG_IGN:
        return False
    continued: list[int] = []
    before = {
        signal.SIGTSTP: signal.signal(signal.SIGTSTP, signal.SIG_DFL),
        signal.SIGCONT: signal.signal(signal.SIGCONT, lambda number, frame: continued.append(number)),
    }
    try:
        os.kill(0, signal.SIGTSTP)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)  # Python runs pending handlers before it sets another
    return bool(continued)


def _patiently[T](call: Callable[..., T], *arguments: object) -> T:
    """Call a function of `termios`, again after each signal that interrupts it. Raises `OSError`."""
    while True:
        try:
            return call(*arguments)
        except termios.error as error:
            if error.args[0] != errno.EINTR:
                raise OSError(*error.args) from None


class Tty:
    """A terminal, registered with a reactor from `enter` to `leave`.

    `typed(data)` receives the input, and b"" once the terminal is gone. `writable()` is called when the terminal has
    taken all output that had to wait. In the background the terminal is released, and `is_held` becomes false.
    """

    def __init__(
        self, reactor: Reactor, typed: Callable[[bytes], object], writable: Callable[[], object], fd: int = 0
    ) -> None:
        self._reactor = reactor
        self._typed = typed
        self._writable = writable
        self._fd = fd
        self._own: OwnDescriptor | None = None
        self._modes: list[int | list[bytes | int]] | None = None
        self._rest = b""
        self._is_read = False

    @property
    def is_busy(self) -> bool:
        """Whether the terminal has not taken all output yet."""
        return bool(self._rest)

    def size(self) -> tuple[int, int]:
        """Columns and rows; 80 and 24 if the terminal does not know them."""
        try:
            columns, rows = os.get_terminal_size(self._fd)
        except OSError:
            return 80, 24
        return columns or 80, rows or 24

    @property
    def is_held(self) -> bool:
        """Whether the terminal has been entered, and neither left nor released."""
        return self._own is not None

    @property
    def is_foreground(self) -> bool:
        """Whether we may use the terminal now."""
        return is_foreground(self._fd)

    def release(self) -> None:
        """Leave the terminal and its modes to the shell until the next `enter`."""
        if self._own is not None:
            self._stop_reading()
            self._own.close()
            self._own = None
            self._rest = b""

    def enter(self, by_key: bool = True) -> None:
        """Take the terminal. Input comes by key or in edited lines. Raises `OSError` if there is no terminal."""
        modes = _patiently(termios.tcgetattr, self._fd)
        if self._own is None:
            self._own = OwnDescriptor(self._fd)
        self._modes = self._modes or modes
        if by_key:
            modes = _patiently(termios.tcgetattr, self._fd)
            modes[0] &= ~(termios.IXON | termios.ICRNL | termios.INLCR | termios.IGNCR | termios.ISTRIP)
            modes[3] &= ~(termios.ICANON | termios.ECHO | termios.IEXTEN | termios.ISIG)
            modes[6][termios.VMIN], modes[6][termios.VTIME] = 1, 0
            _patiently(termios.tcsetattr, self._fd, termios.TCSANOW, modes)
        self._is_read = True
        self._wait_for(EVENT_READ)

    def write(self, text: str) -> None:
        """Write `text`; in the background, release the terminal instead."""
        if not self.is_foreground:
            self.release()
            return
        self._rest += text.encode("utf-8", "replace")
        self._push()

    def leave(self, text: str) -> None:
        """Write `text`, wait up to `PATIENCE` for it to be taken, and restore the modes."""
        if self._own is None:
            return
        if not self.is_foreground:
            self.release()
            return
        own = self._own.fileno()
        self._stop_reading()
        self._rest += text.encode("utf-8", "replace")
        end = time.monotonic() + PATIENCE
        with contextlib.suppress(OSError):
            while self._rest and select.select([], [own], [], max(0.0, end - time.monotonic()))[1]:
                self._rest = self._rest[os.write(own, self._rest) :]
        with contextlib.suppress(OSError):
            _patiently(termios.tcsetattr, self._fd, termios.TCSANOW, self._modes)
        self.release()
        self._modes = None

    def handle(self, mask: int) -> None:
        """Read or write, as `mask` says."""
        if not self.is_foreground:  # the input is the shell's, and reading it would stop us
            self.release()
            return
        if mask & EVENT_WRITE and self._rest:
            self._push()
            if not self._rest:
                self._wait_for(EVENT_READ)
                self._writable()
        if mask & EVENT_READ and self._is_read:
            self._read()

    def fail(self, error: Exception) -> None:
        """Stop reading after an exception in a callback, which the reactor has logged."""
        self._stop_reading()

    def _read(self) -> None:
        assert self._own is not None
        try:
            data = os.read(self._own.fileno(), READ_SIZE)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if not data:
            self._stop_reading()
        self._typed(data)

    def _push(self) -> None:
        if not self._rest or self._own is None:
            return
        try:
            self._rest = self._rest[os.write(self._own.fileno(), self._rest) :]
        except BlockingIOError:
            pass
        except OSError:  # the terminal is gone
            self._rest = b""
            self._stop_reading()
            self._reactor.call_soon(self._typed, b"")
            return
        if self._rest:
            self._wait_for(EVENT_READ | EVENT_WRITE)

    def _wait_for(self, events: int) -> None:
        if self._is_read and self._own is not None:
            self._reactor.modify(self._own.fileno(), events, self)

    def _stop_reading(self) -> None:
        self._is_read = False
        if self._own is not None:
            self._reactor.unregister(self._own.fileno())
