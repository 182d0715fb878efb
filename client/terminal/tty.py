"""The terminal as a device: its modes, what is typed, what is written. Puts everything back in every way out.

It is opened a second time, as O_NONBLOCK on the descriptors that the shell has given would leak to the shell. Reading
must not block either: Ctrl+C throws away what was typed, also if a selector has just said that there is something.
What the terminal does not take at once waits; meanwhile the owner makes no further frames.

While the shell has us in the background the terminal is the shell's, and must not be touched: changing its modes would
stop us, and reading as well.
"""

import contextlib
import errno
import fcntl
import os
import select
import signal
import termios
import time
from collections.abc import Callable

from pylingo.reactor.engine.loop import EVENT_READ, EVENT_WRITE, Reactor

READ_SIZE = 65_536
"""Bytes read at once."""
PATIENCE = 1.0
"""Seconds that a terminal is waited for at the end, to take what restores it."""


class OwnDescriptor:
    """A non-blocking descriptor of our own for the terminal at `fd`, until `close`. Raises `OSError` if that is none.

    A terminal that cannot be opened is another user's, or has no name here; after `su -c` it is not `/dev/tty` either.
    Then a descriptor that is at hand is made non-blocking, until `close`.
    """

    def __init__(self, fd: int) -> None:
        self._lent: int | None = None
        flags = os.O_RDWR | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
        for name in (os.ttyname, lambda fd: "/dev/tty"):
            with contextlib.suppress(OSError):
                self._number = os.open(name(fd), flags)
                return
        self._lent = next((at_hand for at_hand in (fd, 0, 1, 2) if _is_for_both(at_hand)), None)
        if self._lent is None:
            raise OSError(errno.ENOTTY, "there is no terminal that can be read and written")
        self._number = os.dup(self._lent)
        self._was_blocking = os.get_blocking(self._number)
        os.set_blocking(self._number, False)

    def fileno(self) -> int:
        return self._number

    def close(self) -> None:
        if self._lent is not None:
            with contextlib.suppress(OSError):
                os.set_blocking(self._number, self._was_blocking)
        os.close(self._number)


def _is_for_both(fd: int) -> bool:
    """Whether `fd` is a terminal that can be read and written."""
    try:
        return os.isatty(fd) and fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDWR
    except OSError:
        return False


def is_ours(fd: int) -> bool:
    """Whether we may use the terminal at `fd`: not while the shell has us in the background."""
    try:
        return os.tcgetpgrp(fd) == os.getpgrp()
    except OSError:  # not the terminal that controls us: there is no background
        return True


def stop_group() -> bool:
    """Stop as Ctrl+Z stops a program, with all of our process group, until somebody has us go on. From the main thread.

    False: we did not stop, as nobody could have us go on. The system discards the signal where no shell watches over
    the group (`xterm -e`, `ssh -t`, a container); or who started us had it ignored.
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
            signal.signal(number, handler)  # has handlers called first that are due
    return bool(continued)


def _patiently[T](call: Callable[..., T], *arguments: object) -> T:
    """Call a function of `termios`, which does not go on after a signal by itself. Raises `OSError`."""
    while True:
        try:
            return call(*arguments)
        except termios.error as error:
            if error.args[0] != errno.EINTR:
                raise OSError(*error.args) from None


class Tty:
    """Registered with a reactor from `enter` to `leave`.

    `typed(data)` is called with what comes; empty at the end of the input, when the terminal is gone. `writable()` is
    called when all that was written has been taken. In the background it lets go, and `is_held` says so.
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
        """Whether something written was not taken yet."""
        return bool(self._rest)

    def size(self) -> tuple[int, int]:
        """Columns and rows; a terminal that does not know them has 80 and 24."""
        try:
            columns, rows = os.get_terminal_size(self._fd)
        except OSError:
            return 80, 24
        return columns or 80, rows or 24

    @property
    def is_held(self) -> bool:
        """Whether the terminal has been entered, and neither left nor let go."""
        return self._own is not None

    @property
    def is_ours(self) -> bool:
        """As the function of that name."""
        return is_ours(self._fd)

    def let_go(self) -> None:
        """Touch the terminal no more, until `enter`: it is the shell's, and so are its modes."""
        if self._own is not None:
            self._stop_reading()
            self._own.close()
            self._own = None
            self._rest = b""

    def _take_keys(self) -> None:
        modes = _patiently(termios.tcgetattr, self._fd)
        modes[0] &= ~(termios.IXON | termios.ICRNL | termios.INLCR | termios.IGNCR | termios.ISTRIP)
        modes[3] &= ~(termios.ICANON | termios.ECHO | termios.IEXTEN | termios.ISIG)
        modes[6][termios.VMIN], modes[6][termios.VTIME] = 1, 0
        _patiently(termios.tcsetattr, self._fd, termios.TCSANOW, modes)

    def enter(self, by_key: bool = True) -> None:
        """Have keys come one by one, or else whole lines, as the shell had it. Once more after `let_go`, or a stop.

        Raises `OSError` if that is no terminal.
        """
        modes = _patiently(termios.tcgetattr, self._fd)
        if self._own is None:
            self._own = OwnDescriptor(self._fd)
        self._modes = self._modes or modes
        if by_key:
            self._take_keys()
        self._is_read = True
        self._wait_for(EVENT_READ)

    def write(self, text: str) -> None:
        """Have the terminal show `text`; nothing while it is not ours."""
        if not self.is_ours:
            self.let_go()
            return
        self._rest += text.encode("utf-8", "replace")
        self._push()

    def leave(self, text: str) -> None:
        """Write `text`, and put the modes back as they were."""
        if self._own is None:
            return
        if not self.is_ours:
            self.let_go()
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
        self.let_go()
        self._modes = None

    # --- from the reactor

    def handle(self, mask: int) -> None:
        """Something was typed, or can be written."""
        if not self.is_ours:  # typed to the shell, and reading it would stop us
            self.let_go()
            return
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
