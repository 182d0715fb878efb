"""People: WHO, WHOIS, WHOWAS, AWAY, USERHOST, ISON."""

import dataclasses
from collections.abc import Collection
from functools import partial

from pylingo.reactor.chat.masks import HOST
from pylingo.reactor.chat.room import Room
from pylingo.reactor.chat.session import Session
from pylingo.reactor.chat.waiting import wait_for
from pylingo.reactor.irc.client import Asked, Client
from pylingo.reactor.irc.commands.finding import find_people
from pylingo.reactor.irc.gateway import Handler
from pylingo.reactor.irc.message import Message
from pylingo.reactor.irc.numerics import Numeric
from pylingo.reactor.irc.people import Who
from pylingo.reactor.irc.replies import who_line
from pylingo.reactor.irc.whox import read_fields
from pylingo.shared.messages import Command
from pylingo.shared.names import MAX_NAME, MAX_TYPED, fold

_MOST_NICKS = 5  # of USERHOST
_MOST_ISON = 128
MOST_LOOKED_UP = 1_000
"""The most people of a room on other servers for whom WHO says whether they are away."""
_DIGITS = 6
_MOST_STARS = 3  # of a mask: more can take long to compare
_EVERYBODY = frozenset({"", "*", "0", "**"})


def _who(client: Client, message: Message) -> None:
    mask = message.params[0] if message.params else "*"
    fields = read_fields(message.params[1]) if len(message.params) > 1 else ""
    asked = Asked("WHO", mask, mask, fields=fields)
    if mask in _EVERYBODY:
        client.ask(Command("who"), asked)
        return
    if len(mask) <= MAX_NAME and mask.count("*") <= _MOST_STARS and ("*" in mask or "?" in mask):
        pattern = fold(mask).replace("[", "[[]")
        client.ask(Command("who"), Asked("WHO", mask, mask, pattern, fields))
        return
    if (room := client.room(mask)) is not None:
        _who_of_room(client, room, asked)
        return
    client.asked = asked
    find_people(client, [mask], partial(_tell_of, client, mask))


def _who_of_room(client: Client, room: Room[Session], asked: Asked) -> None:
    """List the people of a room. Those on other servers are looked up first, unless they are many: who is away?"""
    bus, request = client.gateway.hub.bus, Command("users", room=asked.target)
    keys = [] if bus.is_alone else [key for key in room.directory.keys if client.gateway.hub.here(key) is None]
    if not 0 < len(keys) <= MOST_LOOKED_UP:
        client.ask(request, asked)
        return

    def found(away: Collection[str]) -> None:
        client.do(client.ask, request, dataclasses.replace(asked, away=away))

    wait_for(client.session, partial(bus.away, keys), found)


def _tell_of(client: Client, mask: str, found: list[Who]) -> None:
    for who in found:
        client.send(who_line(client, who))
    client.numeric(Numeric.RPL_ENDOFWHO, mask=mask)


def _whois(client: Client, message: Message) -> None:
    nick = message.params[-1].split(",")[0] if message.params else ""
    if not nick:
        client.numeric(Numeric.ERR_NONICKNAMEGIVEN)
        return
    client.ask(Command("whois", nick), Asked("WHOIS", nick))


def _whowas(client: Client, message: Message) -> None:
    nick = message.params[0] if message.params else ""
    if not nick:
        client.numeric(Numeric.ERR_NONICKNAMEGIVEN)
        return
    found = client.gateway.people.last(nick) if len(nick) <= MAX_TYPED else ()
    if not found:
        client.numeric(Numeric.ERR_WASNOSUCHNICK, nick=nick)
    wanted = message.params[1] if len(message.params) > 1 else ""
    most = int(wanted) if wanted.isascii() and wanted.isdecimal() and len(wanted) < _DIGITS else 0
    for last in found[: most or None]:
        client.numeric(Numeric.RPL_WHOWASUSER, nick=last.nick, user=last.user, host=HOST, realname=last.realname)
        client.numeric(Numeric.RPL_WHOISSERVER, nick=last.nick, server=client.gateway.name, info=client.gateway.created)
    client.numeric(Numeric.RPL_ENDOFWHOWAS, nick=nick)


def _away(client: Client, message: Message) -> None:
    text = message.params[0].strip() if message.params else ""
    client.ask(Command("away", text or None), Asked("AWAY"))


def _userhost(client: Client, message: Message) -> None:
    find_people(client, message.params[:_MOST_NICKS], partial(_tell_hosts, client))


def _tell_hosts(client: Client, found: list[Who]) -> None:
    words = []
    for who in found:
        sign = "-" if who.away is not None else "+"
        words.append(f"{who.nick}{'*' if who.is_operator else ''}={sign}{who.user}@{HOST}")
    client.numeric(Numeric.RPL_USERHOST, text=" ".join(words))


def _ison(client: Client, message: Message) -> None:
    keys = [fold(nick) for nick in " ".join(message.params).split()[:_MOST_ISON] if len(nick) <= MAX_TYPED]
    ask = partial(client.gateway.hub.bus.present, keys)
    client.do(wait_for, client.session, ask, partial(_tell_who_is_on, client, keys))


def _tell_who_is_on(client: Client, keys: list[str], elsewhere: dict[str, str]) -> None:
    found = []
    for key in keys:
        person = client.gateway.hub.here(key)
        found.append(person.name if person is not None else elsewhere.get(key, ""))
    client.numeric(Numeric.RPL_ISON, nicks=" ".join(filter(None, found)))


HANDLERS = {
    "WHO": Handler(_who, is_light=True),
    "WHOIS": Handler(_whois),
    "WHOWAS": Handler(_whowas),
    "AWAY": Handler(_away),
    "USERHOST": Handler(_userhost, 1, is_light=True),
    "ISON": Handler(_ison, 1, is_light=True),
}
