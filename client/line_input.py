"""Lines from a pipe, a file or a terminal, read on the reactor and no faster than they can be sent."""

import contextlib
import os
from collections.abc import Callable

from pylingo.client.descriptor import OwnDescriptor, is_foreground
from pylingo.client.lines import LineReader
from pylingo.reactor.engine.loop import EVENT_READ, Reactor
from pylingo.shared.errors import RequestError

CHECK_FOREGROUND_EVERY = 1.0
"""Seconds between two checks, while in the background, whether the shell has brought us to the foreground."""
_READ_SIZE = 65_536


class LineInput:
    """Input from the descriptor `fd`, which is read between `resume` and `pause`.

    `typed(line)` gets each line, or an error in its place. After each read, `is_full()` decides whether to pause.
    `ended()` is called at the end of the input, and `failed()` after an unexpected exception. A terminal is not read
    while the process is in the background, because that would stop it; `resumable()` is called from time to time.
    """

    def __init__(
        self,
        reactor: Reactor,
        fd: int,
        typed: Callable[[str | RequestError], object],
        is_full: Callable[[], bool],
        resumable: Callable[[], object],
        ended: Callable[[], object],
        failed: Callable[[], object],
    ) -> None:
        self._reactor = reactor
        self._fd = fd
        self._typed = typed
        self._is_full = is_full
        self._resumable = resumable
        self._ended = ended
        self._failed = failed
        self._lines = LineReader()
        self._own: OwnDescriptor | None = None
        self._is_file = False
        self.is_terminal = os.isatty(fd)
        """Whether a person types the lines, and sees the replies."""
        self.is_reading = False

    def open(self) -> None:
        """Open a terminal a second time, so that reading it never blocks: Ctrl+C discards what was typed."""
        if self.is_terminal:
            with contextlib.suppress(OSError):  # a terminal that cannot be written is read as it is
                self._own = OwnDescriptor(self._fd)
                self._fd = self._own.fileno()

    def close(self) -> None:
        if self._own is not None:
            self._own.close()

    def resume(self) -> None:
        """Read, from the next tick on."""
        self.is_reading = True
        if self._is_file:
            self._read_soon()
            return
        try:
            self._reactor.register(self._fd, EVENT_READ, self)
        except PermissionError:  # no selector accepts a plain file, which is always ready
            self._is_file = True
            self._read_soon()
        except (OSError, ValueError):  # it is closed
            self._ended()

    def pause(self) -> None:
        """Stop reading, until `resume`."""
        if self.is_reading and not self._is_file:
            self._reactor.unregister(self._fd)
        self.is_reading = False

    def finish(self) -> None:
        """Pass on a last line without a line end."""
        for line in self._lines.finish():
            self._typed(line)

    def _read_soon(self) -> None:
        self._reactor.call_soon(self.handle, EVENT_READ, owner=self)

    # --- from the reactor

    def handle(self, mask: int) -> None:
        """Read once."""
        if not self.is_reading:
            return
        if self.is_terminal and not is_foreground(self._fd):
            self.pause()
            self._reactor.call_later(CHECK_FOREGROUND_EVERY, self._resumable)
            return
        try:
            data = os.read(self._fd, _READ_SIZE)
        except BlockingIOError:
            return
        except OSError:  # the terminal is gone
            data = b""
        if not data:
            self.finish()
            self._ended()
            return
        for line in self._lines.feed(data):
            self._typed(line)
        if self._is_full():
            self.pause()
        elif self._is_file:
            self._read_soon()

    def fail(self, error: Exception) -> None:
        """An unexpected exception, which the reactor has reported."""
        self._failed()
