"""A terminal of the test's own, and what was written to it."""

import contextlib
import os
import pty
import select
import termios
from typing import Self


class Pty:
    """`fd` is the terminal; the test plays its window."""

    def __init__(self) -> None:
        self._master, self.fd = pty.openpty()
        os.set_blocking(self._master, False)
        self._modes = termios.tcgetattr(self.fd)
        self.written = b""

    @property
    def is_restored(self) -> bool:
        """Whether the terminal has the modes that it had at first."""
        return termios.tcgetattr(self.fd) == self._modes

    def type(self, data: bytes) -> None:
        os.write(self._master, data)

    def read(self) -> bytes:
        """Take what was written since."""
        data = b""
        with contextlib.suppress(OSError):
            while select.select([self._master], [], [], 0)[0]:
                data += os.read(self._master, 1 << 16)
        self.written += data
        return data

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.fd)
        os.close(self._master)
