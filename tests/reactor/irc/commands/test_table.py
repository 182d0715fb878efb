"""The IRC commands are complete, and none is in two modules."""

from pylingo.reactor.irc.commands import (
    batches,
    help,
    history,
    login,
    moderation,
    modes,
    monitor,
    operators,
    people,
    queries,
    registration,
    rooms,
    tags,
    words,
)
from pylingo.reactor.irc.commands.table import HANDLERS

MODULES = (
    registration,
    rooms,
    words,
    people,
    moderation,
    queries,
    login,
    history,
    batches,
    monitor,
    tags,
    modes,
    operators,
    help,
)
EXPECTED = (
    "PASS NICK USER CAP PING PONG QUIT ERROR JOIN PART PRIVMSG NOTICE TOPIC NAMES LIST WHO WHOIS WHOWAS MODE KICK"
    " INVITE AWAY USERHOST ISON MOTD LUSERS VERSION TIME INFO ADMIN SETNAME AUTHENTICATE"
    " CHATHISTORY BATCH MONITOR TAGMSG OPER KILL WALLOPS HELP HELPOP LINKS"
)


def test_every_command_has_its_handler():
    assert set(EXPECTED.split()) <= set(HANDLERS)


def test_no_module_takes_a_command_from_another():
    assert sum(len(module.HANDLERS) for module in MODULES) == len(HANDLERS)


def test_those_that_clients_send_in_bursts_are_light():
    assert all(HANDLERS[name].is_light for name in ("MODE", "WHO", "NAMES", "PING", "PONG", "CAP", "ISON"))
