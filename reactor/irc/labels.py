"""Labelled responses: the reply to one request of a client, marked with the label that the request had.

https://ircv3.net/specs/extensions/labeled-response: one line carries the label itself, several lines become a batch,
and no line at all becomes ACK. The first line is held back until there is a second one, or the end.
"""

from pylingo.reactor.irc.message import format_message


class Labelled:
    """The response to the request with `label`, as the server called `server` gives it. `batch` names its batch."""

    __slots__ = ("_batch", "_first", "_has_begun", "_has_ended", "_label", "_server", "waits")

    def __init__(self, label: str, server: str, batch: str) -> None:
        self.waits = 0
        """How many parts of the response are still to come, if that is known."""
        self._label = label
        self._server = server
        self._batch = batch
        self._first = b""
        self._has_begun = False
        self._has_ended = False

    def add(self, data: bytes) -> bytes:
        """Return what is sent now for some more lines of the response."""
        if not data:
            return b""
        if self._has_ended:
            return data
        if not self._first and not self._has_begun and is_batch(data):  # which carries the label itself
            self._has_ended = True
            return tagged(data, self._tag())
        lines = data.split(b"\r\n")[:-1]
        if not self._has_begun:
            if not self._first:
                self._first = lines.pop(0)
                if not lines:
                    return b""
            lines.insert(0, self._first)
            self._has_begun = True
            tags = {"label": self._label}
            begin = format_message("BATCH", [f"+{self._batch}", "labeled-response"], self._server, tags)
        else:
            begin = b""
        tag = f"batch={self._batch}".encode()
        return begin + b"".join([tagged(line, tag) + b"\r\n" for line in lines])

    def end(self) -> bytes:
        """Return what is sent at the end of the response."""
        if self._has_ended:
            return b""
        if self._has_begun:
            return format_message("BATCH", [f"-{self._batch}"], self._server)
        tags = {"label": self._label}
        if not self._first:
            return format_message("ACK", (), self._server, tags)
        return tagged(self._first, self._tag()) + b"\r\n"

    def _tag(self) -> bytes:
        """The label as a tag."""
        return format_message("X", (), None, {"label": self._label}).partition(b" ")[0][1:]


def is_batch(data: bytes) -> bool:
    """Whether lines are one whole batch."""
    lines = data.split(b"\r\n")[:-1]
    begin, end = _batch_word(lines[0]), _batch_word(lines[-1])
    return begin.startswith(b"+") and end == b"-" + begin[1:]


def _batch_word(line: bytes) -> bytes:
    """The first parameter of a BATCH from somebody; nothing for another line."""
    rest = line.partition(b" ")[2] if line.startswith(b"@") else line
    words = rest.split(b" ", 3)
    return words[2] if len(words) > 2 and words[1] == b"BATCH" else b""


def tagged(line: bytes, tag: bytes) -> bytes:
    """Return a line with one more tag."""
    return b"@" + tag + (b";" + line[1:] if line.startswith(b"@") else b" " + line)
