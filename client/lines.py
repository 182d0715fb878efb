"""Splits input into lines. Pure.

A line that cannot be sent becomes an error in its place, so that the lines around it are not affected.
"""

from pylingo.shared.errors import RequestError
from pylingo.shared.text import MAX_QUOTE, MAX_TEXT, quote

LONGEST_LINE = MAX_TEXT * 4 + 64
"""Bytes that are kept of a line: those of the longest text in UTF-8, after a command."""


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
