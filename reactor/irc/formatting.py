"""The text of messages on its way to and from IRC.

A native text may have many lines, and an IRC line has at most 512 bytes. On the way out a text becomes one line of
IRC for each of its lines, and long ones are cut at spaces. On the way in, the codes for colours and styles are removed.
"""

import re
from collections.abc import Iterable, Iterator

from wcwidth import iter_graphemes

from pylingo.reactor.irc.lines import MAX_LINE
from pylingo.shared.text import counted
from pylingo.shared.value_class import value_class

MAX_LINES = 20
"""The most lines that one text becomes. If it has more, one more line says how many were left out."""

_CODES = re.compile(
    "\x03(?:[0-9]{1,2}(?:,[0-9]{1,2})?)?|\x04(?:[0-9A-Fa-f]{6}(?:,[0-9A-Fa-f]{6})?)?|[\x02\x0f\x11\x16\x1d\x1e\x1f]"
)
_CTCP = "\x01"
_MORE = "…".encode()
MAX_CHARACTER = 4
"""The most bytes of a character in UTF-8."""


def split_text(text: str, most_bytes: int, most_lines: int = MAX_LINES) -> list[str]:
    """Return the IRC lines for a text, each of at most `most_bytes` in UTF-8, and not empty.

    Lines are cut at spaces, which are dropped, or between graphemes where a word is longer than a line. A grapheme
    that is longer than a line is cut between characters; `most_bytes` must be at least 4.
    """
    if len(text) * MAX_CHARACTER <= most_bytes and "\n" not in text:
        return [text] if text else []
    lines = [line for row in text.split("\n") if row.strip() for line in split_row(row, most_bytes)]
    if len(lines) > most_lines:
        left_out = len(lines) - most_lines
        lines[most_lines:] = [f"({counted(left_out, 'more line was', 'more lines were')} left out)"]
    return lines


def split_row(row: str, most_bytes: int, keeps_spaces: bool = False) -> Iterator[str]:
    """Yield the pieces of a text without newlines, each of at most `most_bytes` in UTF-8.

    With `keeps_spaces`, a piece ends with the space at which it was cut.
    """
    data = row.encode()
    at = 0
    while len(data) - at > most_bytes:
        if (space := _last_space(data, at, at + most_bytes - keeps_spaces)) > at:
            yield data[at : space + keeps_spaces].decode()
            at = space + 1
            continue
        piece = shorten(data[at : at + most_bytes + MAX_CHARACTER].decode(errors="ignore"), most_bytes)
        yield piece
        at += len(piece.encode())
    if at < len(data):
        yield data[at:].decode()


def _last_space(data: bytes, begin: int, end: int) -> int:
    """The last space after `begin` and up to `end` that is a grapheme of its own; -1 if there is none."""
    space = data.rfind(b" ", begin + 1, end + 1)
    while space >= 0 and space + 1 < len(data) and data[space + 1] > 0x7F:
        following = data[space + 1 : space + 5].decode(errors="ignore")[:1]
        if len(list(iter_graphemes(" " + following))) == 2:
            break
        space = data.rfind(b" ", begin + 1, space)
    return space


def shorten(text: str, most_bytes: int) -> str:
    """The longest beginning of whole graphemes, or of whole characters if the first grapheme alone is too long.

    `text` must have more than `most_bytes` in UTF-8.
    """
    pieces = [text] if text.isascii() else list(iter_graphemes(text))
    size = len(text.encode())
    while pieces and size > most_bytes:  # the last grapheme, which may be incomplete, always goes
        size -= len(pieces.pop().encode())
    return "".join(pieces) or text.encode()[:most_bytes].decode(errors="ignore")


def fit_line(line: str) -> bytes:
    """Return a line without tags, with its end. One that is too long is shortened, as a topic cannot be split."""
    data = line.encode()
    if len(data) > MAX_LINE:
        data = shorten(line, MAX_LINE - len(_MORE)).encode() + _MORE
    return data + b"\r\n"


def packed(words: Iterable[str], most_bytes: int) -> Iterator[list[str]]:
    """Yield the words in groups of at most `most_bytes` each, with one byte behind each word. A longer one is alone."""
    group: list[str] = []
    size = 0
    for word in words:
        length = len(word.encode()) + 1
        if group and size + length > most_bytes:
            yield group
            group, size = [], 0
        group.append(word)
        size += length
    if group:
        yield group


def strip_codes(text: str) -> str:
    """Remove the codes for colours and styles."""
    return text if text.isprintable() else _CODES.sub("", text)  # no code is printable, and most texts have none


def action(text: str) -> str:
    """Return the text of a PRIVMSG for an emote, such as "waves"."""
    return f"{_CTCP}ACTION {text}{_CTCP}"


@value_class
class Words:
    """The text of a PRIVMSG or NOTICE. `ctcp` is the command of a CTCP message in capitals, `ACTION` for an emote."""

    text: str
    ctcp: str | None = None


def read_words(text: str) -> Words:
    """Return what a client wrote: without codes, and without the marks of a CTCP message."""
    if text.startswith(_CTCP):
        command, _, text = text[1:].partition(_CTCP)[0].partition(" ")
        return Words(strip_codes(text), command.upper())
    return Words(strip_codes(text))
