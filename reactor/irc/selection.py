"""The messages that a CHATHISTORY command asks for, as pure values.

https://ircv3.net/specs/extensions/chathistory describes the command. A selector is a message id or a time. Times have
milliseconds and stamps microseconds: a time stands for its whole millisecond, which is not part of what is before or
after it.
"""

from collections.abc import Sequence
from typing import NamedTuple

from pylingo.reactor.irc.times import MILLISECOND, parse_message_id, parse_time

MOST = 100
"""The most messages of one reply."""


class Bound(NamedTuple):
    """A selector, as the first and the last stamp that it stands for."""

    first: int
    last: int


class Part(NamedTuple):
    """So many messages after `since` and before `before`, both exclusive: the oldest of them if `is_forward`."""

    limit: int
    since: int | None = None
    before: int | None = None
    is_forward: bool = False


class Selection(NamedTuple):
    """The messages of `target` in `parts`, oldest first."""

    target: str
    parts: tuple[Part, ...]


class SelectionError(Exception):
    """The parameters make no sense. The text is a sentence for a person."""


def read_bound(word: str) -> Bound:
    """Read `msgid=...` or `timestamp=...`. Raises `SelectionError`."""
    kind, _, value = word.partition("=")
    if kind == "msgid" and (stamp := parse_message_id(value)) is not None:
        return Bound(stamp, stamp)
    if kind == "timestamp" and (stamp := parse_time(value)) is not None:
        first = stamp - stamp % MILLISECOND
        return Bound(first, first + MILLISECOND - 1)
    raise SelectionError("a message is named by msgid=ID, or timestamp=YYYY-MM-DDThh:mm:ss.sssZ")


def read_limit(word: str) -> int:
    """Read a number of messages. Raises `SelectionError`. A larger number than `MOST` counts as `MOST`."""
    if not word.isascii() or not word.isdecimal() or len(word) > 9 or not int(word):
        raise SelectionError("the number of messages must be at least 1")
    return min(int(word), MOST)


def read_selection(subcommand: str, params: Sequence[str]) -> Selection:
    """Read the parameters behind a subcommand. Raises `SelectionError`."""
    needed = 4 if subcommand == "BETWEEN" else 3
    if len(params) < needed:
        raise SelectionError(f"{subcommand} needs {needed} parameters")
    target, limit = params[0], read_limit(params[needed - 1])
    if subcommand == "LATEST" and params[1] == "*":
        return Selection(target, (Part(limit),))
    bound = read_bound(params[1])
    match subcommand:
        case "LATEST":
            parts: tuple[Part, ...] = (Part(limit, since=bound.last),)
        case "BEFORE":
            parts = (Part(limit, before=bound.first),)
        case "AFTER":
            parts = (Part(limit, since=bound.last, is_forward=True),)
        case "AROUND":
            earlier = limit // 2
            later = Part(limit - earlier, since=max(bound.first - 1, 0), is_forward=True)
            parts = (Part(earlier, before=bound.first), later) if earlier else (later,)
        case "BETWEEN":
            parts = (between(bound, read_bound(params[2]), limit),)
        case _:
            raise SelectionError("the subcommands are LATEST, BEFORE, AFTER, BETWEEN, AROUND and TARGETS")
    return Selection(target, parts)


def between(one: Bound, other: Bound, limit: int) -> Part:
    """The messages between two, beginning from the first one that is named."""
    if one.first <= other.first:
        return Part(limit, one.last, other.first, is_forward=True)
    return Part(limit, other.last, one.first)
