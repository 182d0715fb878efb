"""Moderation of rooms: KICK, INVITE."""

from functools import partial
from itertools import product

from pylingo.reactor.chat.person import Person
from pylingo.reactor.chat.room import Room
from pylingo.reactor.chat.room_modes import check_may_govern
from pylingo.reactor.chat.room_powers import is_operator_of, may_moderate, owners_of
from pylingo.reactor.chat.session import Session
from pylingo.reactor.history.charter import INVITE_ONLY, INVITED
from pylingo.reactor.irc.client import Asked, Client
from pylingo.reactor.irc.commands.rooms import is_there, room_of, targets
from pylingo.reactor.irc.gateway import Handler
from pylingo.reactor.irc.message import Message, format_message
from pylingo.reactor.irc.numerics import Numeric
from pylingo.shared.messages import Command, Modes, Notice

_MOST_KICKS = 4


def _kick(client: Client, message: Message) -> None:
    """Kick people out of one room, or each out of a room of its own."""
    channels, nicks = message.params[0].split(","), targets(message.params[1])
    reason = f" {message.params[2]}" if len(message.params) > 2 else ""
    pairs = product(channels, nicks) if len(channels) == 1 else zip(channels, nicks, strict=False)
    for channel, nick in [*pairs][:_MOST_KICKS]:
        client.then(partial(_kick_one, client, channel, nick, reason))


def _kick_one(client: Client, channel: str, nick: str, reason: str) -> None:
    if (room := room_of(client, channel)) is None or not is_there(client, room.name, nick):
        return
    hub, person = client.gateway.hub, client.gateway.person(nick)
    asked = Asked("KICK", nick, f"#{room.name}")
    is_rival = person is not None and person is not client.session.person and is_operator_of(hub, room, person)
    if is_rival and may_moderate(hub, room, client.session.person):  # IRC knows no rank that protects
        client.ask(Command("roomdeop", nick, room=room.name), asked)
        client.then(partial(client.ask, Command("kick", nick + reason, room=room.name), asked))
    else:
        client.ask(Command("kick", nick + reason, room=room.name), asked)


def _invite(client: Client, message: Message) -> None:
    if len(message.params) < 2:
        _tell_invitations(client)
        return
    nick, channel = message.params[:2]
    if (room := room_of(client, channel)) is None:
        return
    person = client.gateway.person(nick)
    if person is None:
        client.numeric(Numeric.ERR_NOSUCHNICK, nick=nick)
    elif room.directory.has(person.key):
        client.numeric(Numeric.ERR_USERONCHANNEL, nick=person.name, channel=f"#{room.name}")
    elif not room.charter.is_closed:
        _tell_invited(client, room, person)
    elif may_moderate(client.gateway.hub, room, client.session.person):
        fields = {f"{INVITED} {client.gateway.hub.owner(person)}": person.name}
        told = Modes(room.name, [f"{INVITED} on {person.name}"], client.name)
        client.session.hub.bus.govern(client.session, room, fields, told, partial(_tell_invited, client, room, person))
    elif room.charter.has(INVITE_ONLY):
        client.asked = Asked("MODE", nick, f"#{room.name}")
        check_may_govern(client.session, room)
    else:
        _tell_invited(client, room, person)


def _tell_invited(client: Client, room: Room[Session], person: Person[Session]) -> None:
    client.numeric(Numeric.RPL_INVITING, nick=person.name, channel=f"#{room.name}")
    line = format_message("INVITE", [person.name, f"#{room.name}"], client.mask())
    for session in person.sessions:
        if session.outbox.voice is not None:
            session.outbox.write_lines(line)
        else:
            session.reply(Notice(f"{client.name} invites you to {room.name}: /open {room.name}"))


def _tell_invitations(client: Client) -> None:
    """List the rooms that let the client in because it is invited."""
    hub, person = client.gateway.hub, client.session.person
    owners = [*owners_of(hub, person)]
    for room in hub.rooms.values():
        if room.charter.fields and room.charter.names(INVITED, owners) and not person.is_in(room):
            client.numeric(Numeric.RPL_INVITELIST, channel=f"#{room.name}")
    client.numeric(Numeric.RPL_ENDOFINVITELIST)


HANDLERS = {
    "KICK": Handler(_kick, 2),
    "INVITE": Handler(_invite),
}
