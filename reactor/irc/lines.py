"""The lines of an IRC client: a byte stream is cut into lines, whatever pieces it arrives in.

A line ends with CR LF. LF, CR and NUL alone end a line too, because none of them may stand inside one, and empty lines
are ignored. Therefore the lines do not depend on how the stream was cut.
"""

import re
from typing import Final, Self

from pylingo.shared.errors import FrameError

MAX_LINE = 510
"""The longest line without its tags and its end, in bytes."""
MAX_TAGS = 4_096
"""The longest tags of a client's line, in bytes, with their @ and the space behind them."""
MAX_UNENDED = 16_384
"""The most bytes without the end of a line. A client that sends more is cut off."""
TOO_LONG: Final = b"\n"
"""Stands for a line that is too long: no line has a newline."""

_ENDS = bytes.maketrans(b"\r\0", b"\n\n")
_NEWLINES = re.compile(b"\n*")


class LineDecoder:
    """An iterator over the complete lines, without their ends, of the bytes fed to it. Feed it again to continue.

    A line that is too long is returned as `TOO_LONG`. The iterator raises `FrameError` at more than `MAX_UNENDED` bytes
    without an end, and then raises it at every further step. It keeps nothing but the unended line when exhausted.
    """

    __slots__ = ("_at", "_buffer", "_last", "_searched")

    def __init__(self) -> None:
        self._buffer = b""
        self._at = 0  # the beginning of the next line
        self._last = 0  # the beginning of the line that was returned last
        self._searched = 0  # there is no end of a line between `_at` and here

    def feed(self, data: bytes) -> Self:
        """Add the next piece of the stream. Returns the decoder itself, to iterate over."""
        data = data.translate(_ENDS)
        self._searched = max(self._searched - self._at, 0)
        self._buffer = self._buffer[self._at :] + data if self._at < len(self._buffer) else data
        self._at = self._last = 0
        return self

    @property
    def pending(self) -> int:
        """The bytes held back: of an unended line, and of lines that the iterator has not returned yet."""
        return len(self._buffer) - self._at

    def put_back(self, body: bytes) -> None:
        """Return `body`, which the last step returned, again in the next step. Nothing may be fed in between."""
        self._at = self._searched = self._last

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> bytes:
        """Return the next line. Raises `FrameError` as the class says, `StopIteration` if it needs more input."""
        buffer, at = self._buffer, self._at
        end = buffer.find(b"\n", max(at, self._searched))
        if end == at:
            at = self._at = _NEWLINES.match(buffer, at).end()  # type: ignore[union-attr]  # it always matches
            end = buffer.find(b"\n", at)
        if (end if end >= 0 else len(buffer)) - at > MAX_UNENDED:
            raise FrameError(f"a line must end within {MAX_UNENDED} bytes")
        if end < 0:
            self._buffer = buffer[at:]
            self._at = self._last = 0
            self._searched = len(self._buffer)
            raise StopIteration
        self._last = at
        self._at = end + 1
        line = buffer[at:end]
        if end - at > MAX_LINE and _is_too_long(line):
            return TOO_LONG
        return line


def _is_too_long(line: bytes) -> bool:
    tags = 0
    if line.startswith(b"@"):
        tags = line.find(b" ") + 1 or len(line)
    return tags > MAX_TAGS or len(line) - tags > MAX_LINE
