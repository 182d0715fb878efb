"""Cutting a person's or a script's input into lines. Pure."""

from pylingo.shared.errors import RequestError
from pylingo.shared.text import MAX_QUOTE, MAX_TEXT, quote

LONGEST_LINE = MAX_TEXT * 4 + 64
"""Bytes of a line that are kept: what the longest text may take in UTF-8, with a command before it."""


class LineReader:
    """Feed it bytes, get the lines: each a `str`, or a `RequestError` in the place of one that cannot be sent."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[str | RequestError]:
        """The lines that `data` completes, without their ends."""
        *lines, rest = data.split(b"\n")
        result = []
        for line in lines:
            result.append(self._line(self._rest + line))
            self._rest = b""
        self._rest += rest
        if len(self._rest) > LONGEST_LINE:  # keep no more than tells that it is too long
            self._rest = self._rest[: LONGEST_LINE + 1]
        return result

    def finish(self) -> list[str | RequestError]:
        """The last line, if it has no end."""
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
    beginning = line[: (MAX_QUOTE + 1) * 4].decode(errors="replace")  # enough to be cut by `quote`
    return RequestError(code, f"the line {quote(beginning)} was not sent: {why}")
