"""People: WHO, WHOIS, WHOWAS, AWAY, USERHOST, ISON."""

from pylingo.reactor.irc.client import Asked, Client
from pylingo.reactor.irc.gateway import Handler
from pylingo.reactor.irc.message import Message
from pylingo.reactor.irc.numerics import Numeric
from pylingo.reactor.irc.people import HOST
from pylingo.reactor.irc.replies import who_line
from pylingo.shared.messages import Command
from pylingo.shared.names import MAX_NAME, MAX_TYPED, fold

_MOST_NICKS = 5  # of USERHOST
_MOST_ISON = 128
_DIGITS = 6
_MOST_STARS = 3  # of a mask: more can take long to compare
_EVERYBODY = frozenset({"", "*", "0", "**"})


def _who(client: Client, message: Message) -> None:
    mask = message.params[0] if message.params else "*"
    asked = Asked("WHO", mask, mask)
    if mask in _EVERYBODY:
        client.ask(Command("who"), asked)
        return
    if len(mask) <= MAX_NAME and mask.count("*") <= _MOST_STARS and ("*" in mask or "?" in mask):
        pattern = fold(mask).replace("[", "[[]")
        client.ask(Command("who"), Asked("WHO", mask, mask, pattern))
        return
    if client.room(mask) is not None:
        client.ask(Command("users", room=mask), asked)
        return
    if len(mask) <= MAX_TYPED and client.gateway.spelling(fold(mask)) is not None:
        client.send(who_line(client, client.gateway.people.who(mask)))
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
    people, found = client.gateway.people, []
    for nick in message.params[:_MOST_NICKS]:
        if client.gateway.person(nick) is not None:
            who = people.who(nick)
            sign = "-" if who.away is not None else "+"
            found.append(f"{who.nick}{'*' if who.is_operator else ''}={sign}{who.user}@{HOST}")
    client.numeric(Numeric.RPL_USERHOST, text=" ".join(found))


def _ison(client: Client, message: Message) -> None:
    nicks = " ".join(message.params).split()[:_MOST_ISON]
    people = map(client.gateway.person, nicks)
    client.numeric(Numeric.RPL_ISON, nicks=" ".join(person.name for person in people if person is not None))


HANDLERS = {
    "WHO": Handler(_who, is_light=True),
    "WHOIS": Handler(_whois),
    "WHOWAS": Handler(_whowas),
    "AWAY": Handler(_away),
    "USERHOST": Handler(_userhost, 1, is_light=True),
    "ISON": Handler(_ison, 1, is_light=True),
}
