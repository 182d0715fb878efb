"""Labelled responses: the reply to one request of a client, marked with the label that the request had.

https://ircv3.net/specs/extensions/labeled-response: one line carries the label itself, several lines become a batch,
and no line at all becomes ACK. The first line is held back until there is a second one, or the end.
"""

from pylingo.reactor.irc.message import format_message


class Labelled:
    """The response to the request with `label`, as the server called `server` gives it. `batch` names its batch."""

    __slots__ = ("_batch", "_first", "_has_begun", "_label", "_server")

    def __init__(self, label: str, server: str, batch: str) -> None:
        self._label = label
        self._server = server
        self._batch = batch
        self._first = b""
        self._has_begun = False

    def add(self, data: bytes) -> bytes:
        """Return what is sent now for some more lines of the response."""
        if not data:
            return b""
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
        if self._has_begun:
            return format_message("BATCH", [f"-{self._batch}"], self._server)
        tags = {"label": self._label}
        if not self._first:
            return format_message("ACK", (), self._server, tags)
        head = format_message("X", (), None, tags).partition(b" ")[0][1:]
        return tagged(self._first, head) + b"\r\n"


def tagged(line: bytes, tag: bytes) -> bytes:
    """Return a line with one more tag."""
    return b"@" + tag + (b";" + line[1:] if line.startswith(b"@") else b" " + line)
