"""The replies of the chat to one client, as lines.

The same record may answer several commands: `Client.asked` says which one it is.
"""

from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any

from pylingo.reactor.chat.masks import HOST
from pylingo.reactor.chat.room import Room
from pylingo.reactor.chat.session import Session
from pylingo.reactor.history.charter import SECRET, VOICE
from pylingo.reactor.irc.client import Client, Stage
from pylingo.reactor.irc.formatting import fit_line, packed
from pylingo.reactor.irc.lines import MAX_LINE
from pylingo.reactor.irc.message import format_message
from pylingo.reactor.irc.numerics import Numeric
from pylingo.reactor.irc.people import Who, has_mode
from pylingo.reactor.irc.refusals import refusal
from pylingo.reactor.irc.room_filters import room_filter
from pylingo.reactor.irc.user_modes import UserMode
from pylingo.reactor.irc.welcome import welcome
from pylingo.reactor.irc.whox import choose
from pylingo.shared.messages import (
    Away,
    Bans,
    Error,
    Goodbye,
    Joined,
    Left,
    Moderated,
    Modes,
    Notice,
    People,
    PersonDetails,
    Ready,
    Redacted,
    Renamed,
    RoomOp,
    Rooms,
    Sent,
    Tagged,
    Topic,
    Users,
)
from pylingo.shared.names import fold
from pylingo.shared.schema import Record

_NO_ADDRESS = "255.255.255.255"
SECOND = 1_000_000
"""In stamps."""


def reply_to(client: Client, record: Record) -> bytes:
    """The lines for a record that is for this client alone. There are none if IRC has no form for it."""
    maker = _MAKERS.get(type(record))
    return maker(client, record) if maker is not None else b""


# --- coming and going


def _ready(client: Client, record: Ready) -> bytes:
    if fold(record.name) == fold(client.nick):
        client.then(lambda: welcome(client))
    return b""  # otherwise the error follows


def _renamed(client: Client, record: Renamed) -> bytes:
    if client.stage is not Stage.REGISTERED:
        client.then(lambda: welcome(client))
        return b""
    client.gateway.people.came(record.new)
    if record.old == record.new:
        return b""
    mask = client.gateway.people.mask(record.new).partition("!")[2]
    return format_message("NICK", [record.new], f"{record.old}!{mask}")


def _goodbye(client: Client, record: Goodbye) -> bytes:
    line = fit_line(f"ERROR :Closing link: ({record.reason}) {record.text}")
    if record.reason == "password":
        return client.numeric_line(Numeric.ERR_PASSWDMISMATCH, text=record.text) + line
    if record.reason == "banned":
        return client.numeric_line(Numeric.ERR_YOUREBANNEDCREEP, text=record.text) + line
    return line


def _joined(client: Client, record: Joined) -> bytes:
    return client.dialect.encode(record)


def _left(client: Client, record: Left) -> bytes:
    return client.dialect.encode(record)


# --- rooms


def _topic(client: Client, record: Topic) -> bytes:
    channel = f"#{record.room}"
    if client.asked.command == "TOPIC" and client.asked.words:
        return client.dialect.encode(record)
    if record.topic is None or record.at is None or record.by is None:
        return client.numeric_line(Numeric.RPL_NOTOPIC, channel=channel) if client.asked.command == "TOPIC" else b""
    return client.numeric_line(Numeric.RPL_TOPIC, channel=channel, topic=record.topic) + client.numeric_line(
        Numeric.RPL_TOPICWHOTIME, channel=channel, nick=record.by, seconds=record.at // SECOND
    )


def _users(client: Client, record: Users) -> bytes:
    if client.asked.command == "WHO":
        return _who_of_room(client, record)
    people, room = client.gateway.people, client.gateway.hub.rooms.get(fold(record.room))
    signs = _signs(client, room, record)
    shown = people.mask if client.has("userhost-in-names") else str
    words = [signs(name) + shown(name) for name in record.users]
    symbol = "@" if room is not None and room.charter.has(SECRET) else "="
    data = names_lines(client, f"#{record.room}", words, symbol)
    is_last = not record.more and not client.asked.words
    return data + client.numeric_line(Numeric.RPL_ENDOFNAMES, channel=f"#{record.room}") if is_last else data


def _prefix(client: Client, room: Room[Session] | None, name: str) -> str:
    """The signs in front of a name: all of them, or the first for clients that can read one alone."""
    signs = client.gateway.people.prefix(room, name) if room is not None else ""
    return signs if client.has("multi-prefix") else signs[:1]


def _signs(client: Client, room: Room[Session] | None, record: Users) -> Callable[[str], str]:
    """Return a function that gives the signs in front of a name in a list of a room, which names the operators.

    `_prefix` gives the same, and would look every member up for each newcomer.
    """
    operators = frozenset(record.operators or ())
    has_all, people = client.has("multi-prefix"), client.gateway.people
    if room is None or not room.charter.listed(VOICE):
        return lambda name: "@" if name in operators else ""

    def signs(name: str) -> str:
        operator = "@" if name in operators else ""
        return operator if operator and not has_all else operator + people.voice(room, name)

    return signs


def names_lines(client: Client, channel: str, words: list[str], symbol: str = "=") -> bytes:
    """As many lines as the names in a room need."""

    def line(names: list[str]) -> bytes:
        return client.numeric_line(Numeric.RPL_NAMREPLY, symbol=symbol, channel=channel, names=" ".join(names))

    return b"".join(map(line, packed(words, MAX_LINE - len(line([":"])))))


def _rooms(client: Client, record: Rooms) -> bytes:
    lines = []
    matches = room_filter(client.asked.words, client.gateway.clock())
    for info in record.rooms:
        room = client.gateway.hub.rooms.get(fold(info.room))
        if not matches(info, room):
            continue
        topic = room.topic.text if room is not None and room.topic is not None else ""
        lines.append(client.numeric_line(Numeric.RPL_LIST, channel=f"#{info.room}", users=info.users, topic=topic))
    if not record.more:
        lines.append(client.numeric_line(Numeric.RPL_LISTEND))
    return b"".join(lines)


# --- people


def who_line(client: Client, who: Who, channel: str = "*", prefix: str = "") -> bytes:
    """One line of WHO, with the fields that the client has chosen."""
    is_away = who.away is not None or (client.asked.away and fold(who.nick) in client.asked.away)
    away, operator, bot = "HG"[bool(is_away)], "*" * who.is_operator, UserMode.BOT.value * who.is_bot
    flags = f"{away}{operator}{prefix}{bot}"
    server, fields = client.gateway.name, client.asked.fields
    if not fields:
        names = {"channel": channel, "user": who.user, "host": HOST, "server": server, "nick": who.nick}
        return client.numeric_line(Numeric.RPL_WHOREPLY, **names, flags=flags, realname=who.realname)
    values = {"c": channel, "u": who.user, "i": _NO_ADDRESS, "h": HOST, "s": server, "n": who.nick, "f": flags}
    values |= {"d": "0", "l": "0", "a": who.account or "0", "o": "n/a", "r": who.realname}
    return format_message(Numeric.RPL_WHOSPCRPL.number, [client.name, *choose(fields, values)], server)


def _who_of_room(client: Client, record: Users) -> bytes:
    people, room = client.gateway.people, client.gateway.hub.rooms.get(fold(record.room))
    channel = f"#{record.room}"
    signs = _signs(client, room, record)
    lines = [who_line(client, people.who(name), channel, signs(name)) for name in record.users]
    if not record.more:
        lines.append(client.numeric_line(Numeric.RPL_ENDOFWHO, mask=client.asked.target))
    return b"".join(lines)


def _people(client: Client, record: People) -> bytes:
    wanted = client.asked.words
    found = [info for info in record.people if not wanted or fnmatchcase(fold(info.name), wanted)]
    found = [info for info in found if not _is_hidden(client, info.name)]
    lines = [who_line(client, client.gateway.people.listed(info)) for info in found]
    if not record.more:
        lines.append(client.numeric_line(Numeric.RPL_ENDOFWHO, mask=client.asked.target))
    return b"".join(lines)


def _is_hidden(client: Client, name: str) -> bool:
    """Whether somebody wants to be found by those alone who are in a room with them."""
    person = client.gateway.person(name)
    if person is None or person is client.session.person or not has_mode(person, UserMode.INVISIBLE):
        return False
    return not any(room.directory.has(person.key) for room in client.session.rooms)


def _person(client: Client, record: PersonDetails) -> bytes:
    people, hub = client.gateway.people, client.gateway.hub
    who, nick, numeric = people.who(record.name), record.name, client.numeric_line
    lines = [numeric(Numeric.RPL_WHOISUSER, nick=nick, user=who.user, host=HOST, realname=who.realname)]
    if record.rooms:
        shared = [(name, hub.rooms.get(fold(name))) for name in record.rooms]
        channels = [f"{_prefix(client, room, nick)}#{name}" for name, room in shared]
        lines.append(numeric(Numeric.RPL_WHOISCHANNELS, nick=nick, channels=" ".join(channels)))
    lines.append(numeric(Numeric.RPL_WHOISSERVER, nick=nick, server=client.gateway.name, info="PyLingo"))
    if record.operator:
        lines.append(numeric(Numeric.RPL_WHOISOPERATOR, nick=nick))
    if who.is_bot:
        lines.append(numeric(Numeric.RPL_WHOISBOT, nick=nick))
    if record.away is not None:
        lines.append(numeric(Numeric.RPL_AWAY, nick=nick, text=record.away))
    if record.fingerprint is not None:
        lines.append(numeric(Numeric.RPL_WHOISACCOUNT, nick=nick, account=who.account or nick))
    lines.append(numeric(Numeric.RPL_WHOISIDLE, nick=nick, idle=0, signon=record.since // SECOND))
    lines.append(numeric(Numeric.RPL_ENDOFWHOIS, nick=client.asked.target or nick))
    return b"".join(lines)


def _away(client: Client, record: Away) -> bytes:
    return client.numeric_line(Numeric.RPL_NOWAWAY if record.text is not None else Numeric.RPL_UNAWAY)


# --- words


def _sent(client: Client, record: Sent) -> bytes:
    return client.private_kept(record.re, record.at) if record.re is not None else b""


def _notice(client: Client, record: Notice) -> bytes:
    return client.notice(record.text) if client.stage is Stage.REGISTERED else b""


def _moderated(client: Client, record: Moderated) -> bytes:
    return client.dialect.encode(record) if record.room is None or record.action == "topiclock" else b""


def _modes(client: Client, record: Modes) -> bytes:
    return client.dialect.encode(record)


def _rank(client: Client, record: RoomOp) -> bytes:
    return client.dialect.encode(record)


def _redacted(client: Client, record: Redacted) -> bytes:
    return client.dialect.encode(record)


def _tagged(client: Client, record: Tagged) -> bytes:
    return client.dialect.encode(record)


def _bans(client: Client, record: Bans) -> bytes:
    channel = client.asked.room
    lines = [
        client.numeric_line(
            Numeric.RPL_BANLIST,
            channel=channel,
            mask=f"{ban.name}!*@*" if ban.name is not None else f"*!*@{ban.address}",
            nick=ban.by,
            seconds=0,
        )
        for ban in record.bans
    ]
    if not record.more:
        lines.append(client.numeric_line(Numeric.RPL_ENDOFBANLIST, channel=channel))
    return b"".join(lines)


_MAKERS: dict[type[Record], Callable[[Client, Any], bytes]] = {
    Away: _away,
    Bans: _bans,
    Error: refusal,
    Goodbye: _goodbye,
    Joined: _joined,
    Left: _left,
    Moderated: _moderated,
    Modes: _modes,
    Notice: _notice,
    People: _people,
    PersonDetails: _person,
    Ready: _ready,
    Redacted: _redacted,
    Renamed: _renamed,
    RoomOp: _rank,
    Rooms: _rooms,
    Sent: _sent,
    Tagged: _tagged,
    Topic: _topic,
    Users: _users,
}
