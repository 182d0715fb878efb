"""Order in rooms: MODE, KICK, INVITE."""

from collections.abc import Sequence
from functools import partial

from pylingo.reactor.irc.client import Asked, Client
from pylingo.reactor.irc.commands.rooms import room_of, targets
from pylingo.reactor.irc.gateway import Handler, room_key
from pylingo.reactor.irc.message import Message, format_message
from pylingo.reactor.irc.numerics import Numeric
from pylingo.reactor.irc.welcome import CHANNEL_MODES, USER_MODES
from pylingo.shared.messages import Command, Notice
from pylingo.shared.names import fold

_ROOM_MODES = "+n"
_MOST_CHANGES = 4
_MOST_KICKS = 4


def _mode(client: Client, message: Message) -> None:
    target = message.params[0]
    if target.startswith("#"):
        _mode_of_room(client, target, message.params[1:])
    else:
        _mode_of_person(client, target, message.params[1:])


def _mode_of_room(client: Client, channel: str, params: Sequence[str]) -> None:
    room = client.gateway.hub.rooms.get(room_key(channel))
    if room is None:
        client.numeric(Numeric.ERR_NOSUCHCHANNEL, channel=channel)
    elif not params:
        modes = _ROOM_MODES + ("t" if room.charter.is_topic_locked else "")
        client.numeric(Numeric.RPL_CHANNELMODEIS, channel=f"#{room.name}", modes=modes)
    elif params[0].strip("+") == "b" and len(params) == 1:
        client.numeric(Numeric.RPL_ENDOFBANLIST, channel=f"#{room.name}")
    else:
        unknown = [mode for mode in params[0] if mode not in CHANNEL_MODES and mode not in "+-"]
        for mode in dict.fromkeys(unknown):
            client.numeric(Numeric.ERR_UNKNOWNMODE, mode=mode)
        if not unknown:
            _change_room(client, room.name, params[0], params[1:])


def _change_room(client: Client, room: str, modes: str, params: Sequence[str]) -> None:
    """Operators and the lock of the topic can be changed; the other modes are as they are."""
    sign, nicks = "+", [*reversed(params)]
    letters = [letter for letter in modes if letter in "+-o" or letter in CHANNEL_MODES]
    for letter in letters[: 2 * _MOST_CHANGES]:
        if letter in "+-":
            sign = letter
        elif letter == "t":
            word = "on" if sign == "+" else "off"
            client.then(partial(client.ask, Command("topiclock", word, room=room), Asked("MODE", room, f"#{room}")))
        elif letter == "o" and nicks:
            client.then(partial(_change_rank, client, room, nicks.pop(), sign == "+"))
        else:
            text = "this mode cannot be changed"
            client.numeric(Numeric.ERR_CHANOPRIVSNEEDED, channel=f"#{room}", text=text)


def _change_rank(client: Client, room: str, nick: str, on: bool) -> None:
    if on and not _is_there(client, room, nick):
        return
    client.ask(Command("roomop" if on else "roomdeop", nick, room=room), Asked("MODE", nick, f"#{room}"))


def _is_there(client: Client, room: str, nick: str) -> bool:
    """Whether somebody is in the room, or not here at all, which is told later. Otherwise the client is told now."""
    person, place = client.gateway.person(nick), client.gateway.hub.rooms.get(fold(room))
    if person is not None and place is not None and not place.directory.has(person.key):
        client.numeric(Numeric.ERR_USERNOTINCHANNEL, nick=nick, channel=f"#{room}")
        return False
    return True


def _mode_of_person(client: Client, nick: str, params: Sequence[str]) -> None:
    person = client.gateway.person(nick)
    if person is None:
        client.numeric(Numeric.ERR_NOSUCHNICK, nick=nick)
    elif person is not client.session.person:
        client.numeric(Numeric.ERR_USERSDONTMATCH)
    elif not params:
        client.numeric(Numeric.RPL_UMODEIS, modes="+")
    elif any(mode not in USER_MODES and mode not in "+-" for mode in params[0]):
        client.numeric(Numeric.ERR_UMODEUNKNOWNFLAG)


def _kick(client: Client, message: Message) -> None:
    channel = message.params[0]
    if (room := room_of(client, channel)) is None:
        return
    reason = f" {message.params[2]}" if len(message.params) > 2 else ""
    for nick in targets(message.params[1])[:_MOST_KICKS]:
        client.then(partial(_kick_one, client, room.name, nick, reason))


def _kick_one(client: Client, room: str, nick: str, reason: str) -> None:
    if _is_there(client, room, nick):
        client.ask(Command("kick", nick + reason, room=room), Asked("KICK", nick, f"#{room}"))


def _invite(client: Client, message: Message) -> None:
    nick, channel = message.params[:2]
    if (room := room_of(client, channel)) is None:
        return
    person = client.gateway.person(nick)
    if person is None:
        client.numeric(Numeric.ERR_NOSUCHNICK, nick=nick)
    elif room.directory.has(person.key):
        client.numeric(Numeric.ERR_USERONCHANNEL, nick=person.name, channel=f"#{room.name}")
    else:
        client.numeric(Numeric.RPL_INVITING, nick=person.name, channel=f"#{room.name}")
        line = format_message("INVITE", [person.name, f"#{room.name}"], client.mask())
        for session in person.sessions:
            if session.outbox.voice is not None:
                session.outbox.write_lines(line)
            else:
                session.reply(Notice(f"{client.name} invites you to {room.name}: /open {room.name}"))


HANDLERS = {
    "MODE": Handler(_mode, 1, is_light=True),
    "KICK": Handler(_kick, 2),
    "INVITE": Handler(_invite, 2),
}
