"""Commands of the operators of the server: OPER, KILL, WALLOPS."""

import logging
from functools import partial

from pylingo.reactor.chat.confirming import who
from pylingo.reactor.irc.client import Client
from pylingo.reactor.irc.commands.login import check_password, log_in
from pylingo.reactor.irc.gateway import Handler
from pylingo.reactor.irc.message import Message, format_message
from pylingo.reactor.irc.numerics import Numeric
from pylingo.reactor.irc.sasl import Credentials, Login
from pylingo.reactor.irc.user_modes import OPERATOR, UserMode
from pylingo.shared.text import MAX_LINE, line_text

logger = logging.getLogger(__name__)

_NO_OPERATOR = "this person is not an operator of the server"
_ANOTHER = "you have logged in as somebody else: log in as the operator with SASL"
_SEVERAL = "the chat has several servers: log in as the operator with SASL"


def _oper(client: Client, message: Message) -> None:
    name, password = message.params[:2]
    if not name or not password:
        client.numeric(Numeric.ERR_NEEDMOREPARAMS, command="OPER")
        return
    wrong = partial(_refuse, client, Numeric.ERR_PASSWDMISMATCH)
    client.then(lambda: check_password(client, Credentials(name, password), partial(_logged_in, client), wrong))


def _refuse(client: Client, numeric: Numeric, text: str) -> None:
    client.numeric(numeric, text=text)


def _logged_in(client: Client, login: Login) -> None:
    """The password is right: the client goes on as that person, whose name is the nick from now on as well."""
    session = client.session
    register = session.hub.access.register
    if not register.is_operator(login.fingerprint):
        _refuse(client, Numeric.ERR_NOOPERHOST, _NO_OPERATOR)
    elif session.identity is not None:
        if session.hub.is_one(session.identity, login.fingerprint):
            _tell_rank(client)
        else:
            _refuse(client, Numeric.ERR_NOOPERHOST, _ANOTHER)
    elif not session.hub.bus.is_alone:
        _refuse(client, Numeric.ERR_NOOPERHOST, _SEVERAL)
    else:
        _become(client, login)


def _become(client: Client, login: Login) -> None:
    def done() -> None:
        logger.info("oper by %s", who(client.session.person))
        _tell_rank(client)

    log_in(client, login, done, partial(_refuse, client, Numeric.ERR_NOOPERHOST))


def _tell_rank(client: Client) -> None:
    client.numeric(Numeric.RPL_YOUREOPER)
    client.line("MODE", client.name, f"+{OPERATOR}", source=client.name)


def _is_operator(client: Client) -> bool:
    """Whether the client is an operator of the server. Otherwise it is told that it is none."""
    session = client.session
    if session.hub.access.register.is_operator(session.identity):
        return True
    client.numeric(Numeric.ERR_NOPRIVILEGES, text="this is for operators of the server")
    return False


def _kill(client: Client, message: Message) -> None:
    """End all connections of somebody. The person may come back, unlike after a ban."""
    if not _is_operator(client):
        return
    nick = message.params[0]
    person = client.gateway.person(nick)
    if person is None:
        client.numeric(Numeric.ERR_NOSUCHNICK, nick=nick)
        return
    if person is not client.session.person and client.session.hub.marks(person)[1]:
        client.numeric(Numeric.ERR_NOPRIVILEGES, text="operators cannot be killed: /deop them first")
        return
    reason = line_text(message.params[1][:MAX_LINE], "a reason") if len(message.params) > 1 else ""
    words = f"{client.name} has ended your connection{f': {reason}' if reason else ''}"
    logger.info("kill by %s: %s%s", who(client.session.person), who(person), f" ({reason})" if reason else "")
    for session in person.sessions:
        session.end("killed", words)


def _wallops(client: Client, message: Message) -> None:
    """Send a line to the clients on this server that have the mode `w`."""
    if not _is_operator(client):
        return
    line = format_message("WALLOPS", [message.params[0]], client.mask())
    for session in client.session.hub.sessions():
        voice = session.outbox.voice
        if isinstance(voice, Client) and UserMode.WALLOPS in voice.user_modes:
            session.outbox.write_lines(line)


HANDLERS = {
    "OPER": Handler(_oper, 2),
    "KILL": Handler(_kill, 1),
    "WALLOPS": Handler(_wallops, 1),
}
