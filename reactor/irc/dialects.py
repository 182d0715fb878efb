"""The dialects of IRC: what happens in a room, as the lines that its members get.

There is one object for each set of choices that changes these lines, at most eight, however a client combines its
capabilities. `replies` makes the lines for one client alone.
"""

import logging
from collections.abc import Callable
from enum import IntEnum
from typing import Any

from pylingo.reactor.chat.room_modes import read_change
from pylingo.reactor.irc.formatting import MAX_CHARACTER, action, split_row, split_text
from pylingo.reactor.irc.lines import MAX_LINE
from pylingo.reactor.irc.multiline import CONCAT, KIND
from pylingo.reactor.irc.multiline import lines_of as cut_lines
from pylingo.reactor.irc.people import People
from pylingo.reactor.irc.room_modes import lines_of
from pylingo.reactor.irc.times import message_id, server_time
from pylingo.shared.messages import (
    Joined,
    Left,
    Message,
    Moderated,
    Modes,
    Notice,
    Private,
    Redacted,
    Renamed,
    RoomOp,
    Tagged,
    Topic,
)
from pylingo.shared.schema import Record

logger = logging.getLogger(__name__)

STAYING = frozenset({"leave", "moved", "kicked"})
"""The reasons of leaving a room after which somebody is still on the server."""

_FOR_MULTILINE = frozenset({KIND, "batch", "message-tags"})


class Tags(IntEnum):
    """The tags that a client can read."""

    NONE = 0
    TIME = 1
    ALL = 2
    MULTILINE = 3
    """All tags, and messages of several lines."""


def tags_of(enabled: frozenset[str]) -> Tags:
    """The tags for a client with these capabilities."""
    if enabled >= _FOR_MULTILINE:
        return Tags.MULTILINE
    if "message-tags" in enabled or "account-tag" in enabled:
        return Tags.ALL
    return Tags.TIME if "server-time" in enabled else Tags.NONE


class Dialect:
    """See the module."""

    def __init__(self, people: People, clock: Callable[[], int], server: str, tags: Tags, is_extended: bool) -> None:
        self._people = people
        self._clock = clock
        self._server = server
        self._tags = tags
        self._is_extended = is_extended
        self._makers: dict[type[Record], Callable[[Any], str]] = {
            Message: self._message,
            Private: self._private,
            Joined: self._joined,
            Left: self._left,
            Renamed: self._renamed,
            Topic: self._topic,
            Moderated: self._moderated,
            Redacted: self._redacted,
            Modes: self._modes,
            RoomOp: self._rank,
            Notice: self._notice,
            Tagged: self._tagged,
        }

    def encode(self, record: Record) -> bytes:
        """See `reactor.chat.dialect.Dialect.encode`. A failure here must not take the room from the others."""
        maker = self._makers.get(type(record))
        if maker is None:
            return b""
        try:
            return maker(record).encode()
        except MemoryError:
            raise
        except Exception:
            logger.exception("a %s could not be told to IRC", type(record).__name__)
            return b""

    def words(self, target: str, record: Message | Private) -> str:
        """The lines of a message to `target`."""
        mask = self._people.mask(record.from_)
        head = f":{mask} {'NOTICE' if record.notice else 'PRIVMSG'} {target} :"
        room = MAX_LINE - len(head.encode())
        text = record.text
        if text and len(text) * MAX_CHARACTER <= room and not record.action and "\n" not in text:  # most are short
            return f"{self.tags(record.at, record.from_, is_message=True) if self._tags else ''}{head}{text}\r\n"
        lines = [action(line) for line in split_text(text, room - 9)] if record.action else split_text(text, room)
        tags = self.tags(record.at, record.from_, is_message=True)
        is_long = len(lines) > 1 or "\n" in text
        if self._tags is Tags.MULTILINE and is_long and not record.action:
            batch = self._multiline(record, mask, target, head, room, tags)
            if batch:
                return batch
        further = self.tags(record.at, record.from_)  # a message has one id, on its first line
        return "".join([f"{further if place else tags}{head}{line}\r\n" for place, line in enumerate(lines)])

    def _multiline(self, record: Message | Private, mask: str, target: str, head: str, room: int, tags: str) -> str:
        """The message as a batch of lines; nothing if it is too large for one."""
        lines = cut_lines(record.text, room)
        if lines is None:
            return ""
        name = f"m{record.at}"
        rows = [f"@batch={name}{'' if line.is_new else f';{CONCAT}'} {head}{line.text}\r\n" for line in lines]
        return f"{tags}:{mask} BATCH +{name} {KIND} {target}\r\n{''.join(rows)}:{self._server} BATCH -{name}\r\n"

    def _tagged(self, record: Tagged) -> str:
        if self._tags < Tags.ALL:
            return ""
        target = f"#{record.room}" if record.room is not None else record.to
        tags = self.tags(0, record.from_)
        return f"@{';'.join(record.tags)};{tags[1:]}:{self._people.mask(record.from_)} TAGMSG {target}\r\n"

    def tags(self, at: int = 0, name: str | None = None, is_message: bool = False) -> str:
        """The tags of a line that was caused `at` a stamp, 0 for now, by the person called `name`."""
        if not self._tags:
            return ""
        tags = f"@time={server_time(at or self._clock())}"
        if self._tags >= Tags.ALL:
            if is_message:
                tags += f";msgid={message_id(at)}"
            if name is not None and (account := self._people.account(name)) is not None:
                tags += f";account={account}"
            if is_message and self._people.has_bots and name is not None and self._people.is_bot(name):
                tags += ";bot"
        return tags + " "

    def _line(self, name: str, rest: str, text: str | None = None, at: int = 0) -> str:
        """A line that the person called `name` has caused; `text` is cut if the line would be too long."""
        head = f":{self._people.mask(name)} {rest}"
        if text is not None:
            head += " :"
            text = next(split_row(text, MAX_LINE - len(head.encode())), "") if text else ""
        return f"{self.tags(at, name)}{head}{text or ''}\r\n"

    def _message(self, record: Message) -> str:
        return self.words(f"#{record.room}", record)

    def _private(self, record: Private) -> str:
        return self.words(record.to, record)

    def _joined(self, record: Joined) -> str:
        if not self._is_extended:
            return self._line(record.name, f"JOIN #{record.room}")
        who = self._people.who(record.name)
        return self._line(record.name, f"JOIN #{record.room} {who.account or '*'}", who.realname)

    def _left(self, record: Left) -> str:
        text = record.text
        if record.reason == "kicked" and record.by is not None:
            return self._line(record.by, f"KICK #{record.room} {record.name}", text or record.by)
        if record.reason is None or record.reason in STAYING:
            return self._line(record.name, f"PART #{record.room}", text)
        return self._line(record.name, "QUIT", text or record.reason)

    def _renamed(self, record: Renamed) -> str:
        return self._line(record.old, "NICK", record.new)

    def _topic(self, record: Topic) -> str:
        if record.by is None:
            return ""
        return self._line(record.by, f"TOPIC #{record.room}", record.topic or "", record.at or 0)

    def _moderated(self, record: Moderated) -> str:
        if record.action in ("kick", "redact"):  # which are told by a line of their own
            return ""
        if record.action == "topiclock":
            return self._line(record.by, f"MODE #{record.room} {'+' if record.text == 'on' else '-'}t")
        whom = f" of {record.name}" if record.name is not None else ""
        why = f": {record.text}" if record.text is not None else ""
        return self.notice(
            f"#{record.room}" if record.room is not None else "*", f"{record.action}{whom} by {record.by}{why}"
        )

    def _modes(self, record: Modes) -> str:
        by = record.by
        if by is None:  # the answer to a question of a native client
            return ""
        changes = map(read_change, record.modes)
        return "".join([self._line(by, f"MODE #{record.room} {line}") for line in lines_of(changes)])

    def _rank(self, record: RoomOp) -> str:
        return self._line(record.by, f"MODE #{record.room} {'+' if record.on else '-'}o {record.name}")

    def _redacted(self, record: Redacted) -> str:
        return self.notice(f"#{record.room}", f"{record.by} has taken back the message {record.at}")

    def _notice(self, record: Notice) -> str:
        return self.notice("*", record.text)

    def notice(self, target: str, text: str) -> str:
        """The lines of a notice of the server."""
        head = f":{self._server} NOTICE {target} :"
        tags = self.tags()
        lines = split_text(text, MAX_LINE - len(head.encode()))
        return "".join([f"{tags}{head}{line}\r\n" for line in lines])


class Dialects:
    """All dialects, each made when it is first needed."""

    def __init__(self, people: People, clock: Callable[[], int], server: str) -> None:
        self._people = people
        self._clock = clock
        self._server = server
        self._dialects: dict[tuple[Tags, bool], Dialect] = {}

    def __len__(self) -> int:
        return len(self._dialects)

    def of(self, enabled: frozenset[str]) -> Dialect:
        """The dialect for a client with these capabilities."""
        choice = tags_of(enabled), "extended-join" in enabled
        if choice not in self._dialects:
            self._dialects[choice] = Dialect(self._people, self._clock, self._server, *choice)
        return self._dialects[choice]
