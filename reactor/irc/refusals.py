"""The numerics for the errors of the chat: which one it is depends on the command that was refused."""

from collections.abc import Callable

from pylingo.reactor.irc.client import Client, Stage
from pylingo.reactor.irc.gateway import room_key
from pylingo.reactor.irc.numerics import Numeric
from pylingo.shared.messages import Error

type _Make = Callable[[Client, str], bytes]


def refusal(client: Client, error: Error) -> bytes:
    """The lines for an error."""
    client.was_refused = True
    if error.re is not None:
        client.responses.private_refused(error.re)
    asked = client.asked
    if asked.command in ("PRIVMSG", "NOTICE") and asked.room and client.has("echo-message"):
        client.responses.refused(room_key(asked.room))
    if asked.command == "NOTICE":  # programs would answer each other's errors for ever
        return b""
    if client.stage is not Stage.REGISTERED and error.code in _NAME_ERRORS:
        client.stage = Stage.REGISTERING
    make = _BY_COMMAND.get((asked.command, error.code)) or _BY_CODE.get(error.code)
    if make is None:
        return client.failure(asked.command, error.code.upper().replace("-", "_"), error.text)
    return make(client, error.text)


def _numeric(numeric: Numeric) -> _Make:
    """A numeric about the target of the command, with the error's sentence where it has a place for one."""

    def make(client: Client, text: str) -> bytes:
        asked = client.asked
        values = {
            "nick": asked.target,
            "channel": asked.room or asked.target,
            "target": asked.target,
            "command": asked.command,
            "text": text,
        }
        return client.numeric_line(numeric, **values)

    return make


def _no_such_whois(client: Client, text: str) -> bytes:
    nick = client.asked.target
    return client.numeric_line(Numeric.ERR_NOSUCHNICK, nick=nick) + client.numeric_line(
        Numeric.RPL_ENDOFWHOIS, nick=nick
    )


def _not_here(client: Client, text: str) -> bytes:
    """A room that the client is not in: is it there at all?"""
    room = client.asked.room
    exists = client.gateway.hub.directory.has(room_key(room))
    numeric = Numeric.ERR_NOTONCHANNEL if exists else Numeric.ERR_NOSUCHCHANNEL
    return client.numeric_line(numeric, channel=room)


def _not_sent(client: Client, text: str) -> bytes:
    """As `_not_here`, for a message."""
    room = client.asked.room
    if client.gateway.hub.directory.has(room_key(room)):
        return client.numeric_line(Numeric.ERR_CANNOTSENDTOCHAN, channel=room, text="You are not in that channel")
    return client.numeric_line(Numeric.ERR_NOSUCHCHANNEL, channel=room)


def _say_nothing(client: Client, text: str) -> bytes:
    return b""


_NAME_ERRORS = frozenset({"bad-name", "name-taken", "name-owned", "not-allowed"})
_BY_COMMAND: dict[tuple[str, str], _Make] = {
    ("WHOIS", "no-such-user"): _no_such_whois,
    ("WHO", "no-such-user"): _say_nothing,
    ("PRIVMSG", "not-in-room"): _not_sent,
    ("PRIVMSG", "muted"): _numeric(Numeric.ERR_CANNOTSENDTOCHAN),
    ("PRIVMSG", "moderated"): _numeric(Numeric.ERR_CANNOTSENDTOCHAN),
    ("PRIVMSG", "room-banned"): _numeric(Numeric.ERR_CANNOTSENDTOCHAN),
    ("TOPIC", "moderated"): _numeric(Numeric.ERR_CHANOPRIVSNEEDED),
    ("TOPIC", "room-banned"): _numeric(Numeric.ERR_CHANOPRIVSNEEDED),
    ("KICK", "not-allowed"): _numeric(Numeric.ERR_CHANOPRIVSNEEDED),
    ("MODE", "not-allowed"): _numeric(Numeric.ERR_CHANOPRIVSNEEDED),
    ("TOPIC", "not-allowed"): _numeric(Numeric.ERR_CHANOPRIVSNEEDED),
    ("NICK", "not-allowed"): _numeric(Numeric.ERR_ERRONEUSNICKNAME),
}
_BY_CODE: dict[str, _Make] = {
    "bad-name": _numeric(Numeric.ERR_ERRONEUSNICKNAME),
    "name-taken": _numeric(Numeric.ERR_NICKNAMEINUSE),
    "name-owned": _numeric(Numeric.ERR_NICKNAMEINUSE),
    "bad-room": _numeric(Numeric.ERR_BADCHANMASK),
    "too-many-rooms": _numeric(Numeric.ERR_TOOMANYCHANNELS),
    "invite-only": _numeric(Numeric.ERR_INVITEONLYCHAN),
    "room-banned": _numeric(Numeric.ERR_BANNEDFROMCHAN),
    "bad-key": _numeric(Numeric.ERR_BADCHANNELKEY),
    "room-full": _numeric(Numeric.ERR_CHANNELISFULL),
    "not-in-room": _not_here,
    "no-room": _not_here,
    "no-such-user": _numeric(Numeric.ERR_NOSUCHNICK),
    "not-allowed": _numeric(Numeric.ERR_NOPRIVILEGES),
    "bad-text": _numeric(Numeric.ERR_NOTEXTTOSEND),
}
