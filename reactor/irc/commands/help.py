"""HELP and HELPOP: a text for each command."""

from pylingo.reactor.irc.client import Client
from pylingo.reactor.irc.formatting import packed
from pylingo.reactor.irc.gateway import Handler
from pylingo.reactor.irc.message import Message
from pylingo.reactor.irc.numerics import Numeric

_ROOM = 300  # bytes of names on a line

TEXTS = {
    "AWAY": "AWAY [reason]: you are away; without a reason you are back.",
    "CHATHISTORY": "CHATHISTORY LATEST #room * 50: the newest messages of a room; clients ask by themselves.",
    "INVITE": "INVITE nick #room: tells somebody of a room, and lets them in if it is invite-only.",
    "JOIN": "JOIN #room [key]: takes you into a room, and makes it if there is none.",
    "KICK": "KICK #room nick [reason]: puts somebody out of a room (for its operators).",
    "KILL": "KILL nick [reason]: ends the connections of somebody (for operators of the server).",
    "LIST": "LIST [#room | mask | >users | <users]: lists the rooms, or some of them.",
    "MODE": "MODE #room [changes]: shows the modes of a room or changes them: +o +v nick, +b +e +I mask, +k key,"
    " +l number, +i invite-only, +m moderated, +s secret, +t topic for operators, -n words from outside.",
    "MONITOR": "MONITOR + nick: tells you when somebody comes and goes.",
    "NAMES": "NAMES #room: lists who is in a room.",
    "NICK": "NICK name: what you are called from now on.",
    "NOTICE": "NOTICE nick or #room :text: as PRIVMSG, for programs.",
    "OPER": "OPER name password: makes you an operator with the password for IRC of one.",
    "PART": "PART #room [reason]: takes you out of a room.",
    "PRIVMSG": "PRIVMSG nick or #room :text: says something to a person, a room, or its operators (@#room).",
    "QUIT": "QUIT [reason]: ends the connection.",
    "TOPIC": "TOPIC #room [:text]: shows the topic of a room, or sets it.",
    "WALLOPS": "WALLOPS :text: tells everybody with the mode +w (for operators of the server).",
    "WHO": "WHO #room, nick or mask: lists people.",
    "WHOIS": "WHOIS nick: tells more about somebody.",
    "WHOWAS": "WHOWAS nick: tells of somebody who has gone.",
}
"""The text for each command."""


def _help(client: Client, message: Message) -> None:
    subject = message.params[0].upper() if message.params else ""
    if not subject:
        client.numeric(Numeric.RPL_HELPSTART, subject="*", text="The commands; HELP with one of them tells more:")
        for names in packed([*TEXTS], _ROOM):
            client.numeric(Numeric.RPL_HELPTXT, subject="*", text=" ".join(names))
        client.numeric(Numeric.RPL_ENDOFHELP, subject="*")
    elif (text := TEXTS.get(subject)) is not None:
        client.numeric(Numeric.RPL_HELPSTART, subject=subject, text=text)
        client.numeric(Numeric.RPL_ENDOFHELP, subject=subject)
    else:
        client.numeric(Numeric.ERR_HELPNOTFOUND, subject=subject)


HANDLERS = {"HELP": Handler(_help), "HELPOP": Handler(_help)}
