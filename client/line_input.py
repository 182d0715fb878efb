"""Lines from a pipe, a file or a terminal, read on the reactor and no faster than they can be sent.

A line that cannot be sent becomes an error in its place, so that the lines around it are not affected.
"""

import contextlib
import os
from collections.abc import Callable

from pylingo.client.descriptor import OwnDescriptor, is_foreground
from pylingo.reactor.engine.loop import EVENT_READ, Reactor
from pylingo.shared.errors import RequestError
from pylingo.shared.text import MAX_QUOTE, MAX_TEXT, quote

CHECK_FOREGROUND_EVERY = 1.0
"""Seconds between two checks, while in the background, whether the shell has brought us to the foreground."""
LONGEST_LINE = MAX_TEXT * 4 + 64
"""Bytes that are kept of a line: those of the longest text in UTF-8, after a command."""
_READ_SIZE = 65_536


class LineReader:
    """Takes bytes and returns lines: a `str`, or a `RequestError` for a line that cannot be sent."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[str | RequestError]:
        """Return the lines that `data` completes, without their line ends."""
        *lines, rest = data.split(b"\n")
        result = []
        for line in lines:
            result.append(self._line(self._rest + line))
            self._rest = b""
        self._rest += rest
        if len(self._rest) > LONGEST_LINE:  # keep just enough to know that it is too long
            self._rest = self._rest[: LONGEST_LINE + 1]
        return result

    def finish(self) -> list[str | RequestError]:
        """Return the last line, if it has no line end."""
        rest, self._rest = self._rest, b""
        return [self._line(rest)] if rest else []

    def _line(self, line: bytes) -> str | RequestError:
        if len(line) > LONGEST_LINE:
            return _refused("text-too-long", line, f"a text has at most {MAX_TEXT} characters")
        try:
            return line.removesuffix(b"\r").decode()
        except UnicodeDecodeError:
            return _refused("bad-text", line, "it is not UTF-8")


def _refused(code: str, line: bytes, why: str) -> RequestError:
    beginning = line[: (MAX_QUOTE + 1) * 4].decode(errors="replace")  # enough for `quote` to shorten it
    return RequestError(code, f"the line {quote(beginning)} was not sent: {why}")


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
        try:
            if not self._is_file:
                self._reactor.register(self._fd, EVENT_READ, self)
        except PermissionError:  # no selector accepts a plain file, which is always ready
            self._is_file = True
        except (OSError, ValueError):  # it is closed
            self._ended()
        if self._is_file:
            self._read_soon()

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
        self._failed()
