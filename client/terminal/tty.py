"""The terminal as a device: its modes, what is typed, what is written. Puts everything back in every way out.

It is opened a second time, as O_NONBLOCK on the descriptors that the shell has given would leak to the shell. Reading
must not block either: Ctrl+C throws away what was typed, also if a selector has just said that there is something.
What the terminal does not take at once waits; meanwhile the owner makes no further frames.
"""

import contextlib
import os
import select
import termios
import time
from collections.abc import Callable

from reactor.engine.loop import EVENT_READ, EVENT_WRITE, Reactor

READ_SIZE = 65_536
"""Bytes read at once."""
PATIENCE = 1.0
"""Seconds that a terminal is waited for at the end, to take what restores it."""


def open_again(fd: int) -> int:
    """A non-blocking descriptor of its own for the terminal at `fd`. Raises `OSError` if that is none."""
    flags = os.O_RDWR | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    try:
        return os.open(os.ttyname(fd), flags)
    except OSError:  # it is another user's, as after `su`, or has no name here
        return os.open("/dev/tty", flags)


class Tty:
    """Registered with a reactor from `enter` to `leave`.

    `typed(data)` is called with what comes; empty at the end of the input, when the terminal is gone. `writable()` is
    called when all that was written has been taken.
    """

    def __init__(
        self, reactor: Reactor, typed: Callable[[bytes], object], writable: Callable[[], object], fd: int = 0
    ) -> None:
        self._reactor = reactor
        self._typed = typed
        self._writable = writable
        self._fd = fd
        self._own = -1
        self._modes: list[int | list[bytes | int]] | None = None
        self._rest = b""
        self._is_read = False

    @property
    def is_busy(self) -> bool:
        """Whether something written was not taken yet."""
        return bool(self._rest)

    def size(self) -> tuple[int, int]:
        """Columns and rows; a terminal that does not know them has 80 and 24."""
        try:
            columns, rows = os.get_terminal_size(self._fd)
        except OSError:
            return 80, 24
        return columns or 80, rows or 24

    def resume(self, by_key: bool) -> None:
        """Have the modes of `enter` again, which the shell has changed while the program was stopped."""
        if by_key and self._modes is not None:
            self._take_keys()

    def _take_keys(self) -> None:
        modes = termios.tcgetattr(self._fd)
        modes[0] &= ~(termios.IXON | termios.ICRNL | termios.INLCR | termios.IGNCR | termios.ISTRIP)
        modes[3] &= ~(termios.ICANON | termios.ECHO | termios.IEXTEN | termios.ISIG)
        modes[6][termios.VMIN], modes[6][termios.VTIME] = 1, 0
        termios.tcsetattr(self._fd, termios.TCSANOW, modes)

    def enter(self, by_key: bool = True) -> None:
        """Have keys come one by one, or else whole lines, as the shell had it.

        Raises `OSError` if that is no terminal.
        """
        try:
            modes = termios.tcgetattr(self._fd)
        except termios.error as error:
            raise OSError(*error.args) from None
        self._own = open_again(self._fd)
        self._modes = modes
        if by_key:
            self._take_keys()
        self._is_read = True
        self._wait_for(EVENT_READ)

    def write(self, text: str) -> None:
        """Have the terminal show `text`."""
        self._rest += text.encode("utf-8", "replace")
        self._push()

    def leave(self, text: str) -> None:
        """Write `text`, and put the modes back as they were."""
        if self._modes is None:
            return
        self._is_read = False
        self._reactor.unregister(self._own)
        self._rest += text.encode("utf-8", "replace")
        end = time.monotonic() + PATIENCE
        with contextlib.suppress(OSError):
            while self._rest and select.select([], [self._own], [], max(0.0, end - time.monotonic()))[1]:
                self._rest = self._rest[os.write(self._own, self._rest) :]
        self._rest = b""
        with contextlib.suppress(termios.error):
            termios.tcsetattr(self._fd, termios.TCSANOW, self._modes)
        os.close(self._own)
        self._modes = None

    # --- from the reactor

    def handle(self, mask: int) -> None:
        """Something was typed, or can be written."""
        if mask & EVENT_WRITE and self._rest:
            self._push()
            if not self._rest:
                self._wait_for(EVENT_READ)
                self._writable()
        if mask & EVENT_READ and self._is_read:
            self._read()

    def fail(self, error: Exception) -> None:
        """A bug: the owner hears of it by the log."""
        self._stop_reading()

    def _read(self) -> None:
        try:
            data = os.read(self._own, READ_SIZE)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if not data:
            self._stop_reading()
        self._typed(data)

    def _push(self) -> None:
        if not self._rest:
            return
        try:
            self._rest = self._rest[os.write(self._own, self._rest) :]
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
        if self._is_read:
            self._reactor.modify(self._own, events, self)

    def _stop_reading(self) -> None:
        self._is_read = False
        self._reactor.unregister(self._own)
