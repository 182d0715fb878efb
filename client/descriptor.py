"""A non-blocking descriptor for the terminal that the shell gave us.

The terminal is opened once more, because O_NONBLOCK belongs to the open file description, which we share with the
shell.
"""

import contextlib
import errno
import fcntl
import os
import signal


class OwnDescriptor:
    """A non-blocking descriptor of our own for the terminal at `fd`, until `close`.

    Raises `OSError` if `fd` is no terminal. A terminal may not be ours to open: it belongs to another user, or has no
    name here; after `su -c`, `/dev/tty` does not help either. Then an inherited descriptor is made non-blocking until
    `close`.
    """

    def __init__(self, fd: int) -> None:
        self._lent: int | None = None
        flags = os.O_RDWR | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
        for name in (os.ttyname, lambda fd: "/dev/tty"):
            with contextlib.suppress(OSError):
                self._number = os.open(name(fd), flags)
                return
        self._lent = next((inherited for inherited in (fd, 0, 1, 2) if _is_read_write(inherited)), None)
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


def _is_read_write(fd: int) -> bool:
    """Whether `fd` is a terminal open for both reading and writing."""
    try:
        return os.isatty(fd) and fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDWR
    except OSError:
        return False


def is_foreground(fd: int) -> bool:
    """Whether this process may use the terminal at `fd`: the shell has not put it in the background."""
    try:
        return os.tcgetpgrp(fd) == os.getpgrp()
    except OSError:  # `fd` is not our controlling terminal, so there is no background
        return True


def give_foreground(fd: int, group: int) -> None:
    """Give the terminal at `fd` to a process group of our session, or take it back for our own.

    Does nothing if the terminal does not control us, because then every process may use it.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTOU})  # in the background, it would stop us
    try:
        with contextlib.suppress(OSError):
            os.tcsetpgrp(fd, group)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
