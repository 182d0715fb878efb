"""IRC messages: tags, a source, a command and its parameters, parsed from a line and formatted as one.

Lines are UTF-8. https://modern.ircdocs.horse and https://ircv3.net/specs/extensions/message-tags have the grammar.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field

from pylingo.shared.errors import ProtocolError
from pylingo.shared.value_class import value_class

MAX_CLIENT_TAGS = 4_094
"""The most bytes of tags that are relayed for a client."""

RELAYED = frozenset({"+typing", "+draft/react", "+draft/reply"})
"""The tags of clients that are relayed."""
_NO_TAGS: Mapping[str, str] = {}
_COMMAND = re.compile(r"[A-Za-z][A-Za-z0-9_]*\Z|[0-9]{3}\Z")
_ESCAPED = re.compile(r"\\(.?)", re.DOTALL)
_UNESCAPES = {":": ";", "s": " ", "r": "\r", "n": "\n"}
_ESCAPES = str.maketrans({";": r"\:", " ": r"\s", "\\": r"\\", "\r": r"\r", "\n": r"\n", "\0": "\ufffd"})
_BREAKS = re.compile("[\r\n\0]")


class ParseError(ProtocolError):
    """A line cannot be read. `reason` is the code of a standard reply, and `command` the line's command if known."""

    def __init__(self, reason: str, text: str, command: str = "*") -> None:
        super().__init__(reason, text)
        self.command = command


@value_class
class Message:
    """One message. The `command` is in capitals; a tag without a value has an empty one."""

    command: str
    params: Sequence[str] = ()
    source: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


def parse(line: bytes) -> Message:
    """Return the message of a line without its end.

    Raises `ParseError` `INVALID_UTF8`, or `INVALID_MESSAGE` if there is no command.
    """
    try:
        text = line.decode()
    except UnicodeDecodeError:
        raise ParseError("INVALID_UTF8", "a line must be UTF-8; set your client to it", _command_of(line)) from None
    tags, source = _NO_TAGS, None
    if text.startswith("@"):
        words, _, text = text[1:].partition(" ")
        tags = parse_tags(words)
    text = text.lstrip(" ")
    if text.startswith(":"):
        source, _, text = text[1:].partition(" ")
        text = text.lstrip(" ")
    text, colon, last = text.partition(" :")
    command, *params = text.split(" ")
    if "" in params:
        params = [word for word in params if word]
    if colon:
        params.append(last)
    if not _COMMAND.match(command):
        raise ParseError("INVALID_MESSAGE", "a line must have a command, such as JOIN")
    return Message(command.upper(), params, source, tags)


def parse_tags(words: str) -> dict[str, str]:
    """Return the tags of the text between @ and the space. Of equal keys the last counts."""
    tags = {}
    for tag in words.split(";"):
        key, _, value = tag.partition("=")
        if key:
            tags[key] = _ESCAPED.sub(_unescaped, value) if "\\" in value else value
    return tags


def client_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Return the tags of a client that are relayed."""
    return {key: value for key, value in tags.items() if key in RELAYED}


def format_tags(tags: Mapping[str, str]) -> str:
    """Return the tags as they stand between @ and the space."""
    return ";".join(f"{key}={value.translate(_ESCAPES)}" if value else key for key, value in tags.items())


def format_message(
    command: str, params: Iterable[str] = (), source: str | None = None, tags: Mapping[str, str] = _NO_TAGS
) -> bytes:
    """Return a line with its end. The last parameter has a colon where it needs one.

    Raises `ValueError` if another parameter is empty, has a space or begins with a colon, or if anything but a tag has
    a CR, LF or NUL.
    """
    words = [f":{source}", command] if source else [command]
    words += params
    for word in words[:-1]:
        if not word or " " in word:
            raise ValueError(f"only the last parameter may be empty or have spaces, not {word!r}")
    first = 2 if source else 1
    if any(word.startswith(":") for word in words[first:-1]):
        raise ValueError("only the last parameter may begin with a colon")
    if len(words) > first and needs_colon(words[-1]):
        words[-1] = ":" + words[-1]
    line = " ".join(words)
    if _BREAKS.search(line):
        raise ValueError("a line must not have a CR, LF or NUL")
    return f"@{format_tags(tags)} {line}\r\n".encode() if tags else f"{line}\r\n".encode()


def needs_colon(param: str) -> bool:
    """Whether the parameter can only be the last one, with a colon in front."""
    return not param or " " in param or param.startswith(":")


def _unescaped(match: re.Match[str]) -> str:
    return _UNESCAPES.get(match[1], match[1])


def _command_of(line: bytes) -> str:
    """The command of a line that is not UTF-8, or * if it has none."""
    words = [word for word in line.split(b" ")[:3] if not word.startswith((b"@", b":"))]
    command = words[0].decode("ascii", "replace") if words else ""
    return command.upper() if _COMMAND.match(command) else "*"
