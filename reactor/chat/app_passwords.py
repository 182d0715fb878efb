"""The command with which somebody asks for a password for IRC, and its removal."""

import logging
from functools import partial

from pylingo.reactor.chat.session import Session
from pylingo.reactor.chat.waiting import wait_for
from pylingo.shared.errors import RequestError
from pylingo.shared.messages import Command, IrcPassword
from pylingo.shared.text import quote

logger = logging.getLogger(__name__)

_HASH = 5_000.0  # the work of making a hash, in units of about a microsecond
_REMOVE = "off"


def irc_password(session: Session, argument: str, command: Command) -> None:
    """Make a password for IRC and tell it once it is stored, or remove the one there is."""
    name, identity = session.person.name, session.identity
    register = session.hub.access.register
    if identity is None:
        raise RequestError("no-identity", "a password for IRC belongs to a key, and you have come without one")
    if argument == _REMOVE:
        register.remove_app_password(identity)
        session.hub.access.store()
        session.reply(IrcPassword(name, None, command.id))
        logger.info("%s [%s] has removed the password for IRC", name, identity)
        return
    if argument:
        raise RequestError("bad-argument", f"/irc-password takes nothing, or {_REMOVE}, not {quote(argument)}")
    if identity not in register.keys_of_owner(name):
        raise RequestError("not-allowed", "your name is not your key's: take one with /name first")
    session.hub.tick.work += _HASH
    word, change = register.make_app_password(identity)

    def stored(is_stored: bool) -> None:
        if is_stored:
            session.reply(IrcPassword(name, word, command.id))
            logger.info("%s [%s] has a new password for IRC", name, identity)
        else:
            session.refuse(RequestError("not-allowed", "the server cannot store that now: try again later", command.id))

    wait_for(session, partial(session.hub.access.store, change), stored)
