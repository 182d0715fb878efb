"""Messages of several lines, as pure values: collected from a client, and cut into the lines of a batch.

https://ircv3.net/specs/extensions/multiline describes them. A client opens a batch, sends lines in it and closes it.
All lines together are one message, which is joined by newlines, or by nothing where a line has the tag for that.
"""

from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple

from pylingo.reactor.irc.formatting import split_row
from pylingo.reactor.irc.message import Message

KIND = "draft/multiline"
CONCAT = "draft/multiline-concat"
"""The tag of a line that goes on without a newline."""
MAX_BYTES = 4_096
MAX_LINES = 100


class BatchFault(Enum):
    """Why a batch is refused. The value is the code of a standard reply, and its text."""

    TOO_LARGE = "MULTILINE_MAX_BYTES", f"a message has at most {MAX_BYTES} bytes"
    TOO_MANY_LINES = "MULTILINE_MAX_LINES", f"a message has at most {MAX_LINES} lines"
    OTHER_TARGET = "MULTILINE_INVALID_TARGET", "all lines of a batch must have its target"
    INVALID = "MULTILINE_INVALID", "a batch has PRIVMSG or NOTICE alone, and text in one of its lines"


class BatchLine(NamedTuple):
    """One line of a message. `is_new` says whether a newline stands before it."""

    text: str
    is_new: bool


class OpenBatch:
    """A batch that a client has opened, called `name`, for a message to `target`. It may be at `fault` already."""

    __slots__ = ("_lines", "_size", "command", "fault", "name", "target")

    def __init__(self, name: str, target: str) -> None:
        self.name = name
        self.target = target
        self.command = ""
        self.fault: BatchFault | None = None
        self._lines: list[BatchLine] = []
        self._size = 0

    def add(self, message: Message) -> None:
        """Add a line with the tag of this batch. After a fault, nothing more is kept."""
        if self.fault is None:
            self.fault = self._add(message)
            if self.fault is not None:
                self._lines.clear()

    def _add(self, message: Message) -> BatchFault | None:
        if message.command not in ("PRIVMSG", "NOTICE") or self.command not in ("", message.command):
            return BatchFault.INVALID
        if len(message.params) < 2:
            return BatchFault.INVALID
        if message.params[0].lower() != self.target.lower():
            return BatchFault.OTHER_TARGET
        text, is_new = message.params[1], CONCAT not in message.tags
        if not is_new and not text:
            return BatchFault.INVALID
        self.command = message.command
        self._size += len(text.encode()) + (is_new and bool(self._lines))
        if self._size > MAX_BYTES:
            return BatchFault.TOO_LARGE
        if len(self._lines) >= MAX_LINES:
            return BatchFault.TOO_MANY_LINES
        self._lines.append(BatchLine(text, is_new))
        return None

    def close(self) -> BatchFault | str:
        """Return the text of the message."""
        if self.fault is not None:
            return self.fault
        text = "".join([("\n" if line.is_new and place else "") + line.text for place, line in enumerate(self._lines)])
        return text if text.strip() else BatchFault.INVALID


def lines_of(text: str, most_bytes: int) -> list[BatchLine] | None:
    """Cut a text into lines of at most `most_bytes`. None if it is too large for a batch."""
    if len(text) > MAX_BYTES or len(text.encode()) > MAX_BYTES:
        return None
    lines = list(_lines_of(text, most_bytes))
    return lines if len(lines) <= MAX_LINES else None


def _lines_of(text: str, most_bytes: int) -> Iterator[BatchLine]:
    for row in text.split("\n"):
        is_new = True
        for piece in split_row(row, most_bytes, keeps_spaces=True) if row else ("",):
            yield BatchLine(piece, is_new)
            is_new = False
