"""Registration and its end: PASS, NICK, USER, CAP, PING, PONG, QUIT.

A client is registered when it has sent NICK and USER, in any order, and has ended the negotiation of capabilities if it
began one.
"""

from pylingo.reactor.irc.capabilities import InvalidSubcommandError, Phase
from pylingo.reactor.irc.client import Asked, Client, Stage
from pylingo.reactor.irc.commands.monitor import tell_watchers
from pylingo.reactor.irc.commands.rooms import tell_clients
from pylingo.reactor.irc.gateway import Handler
from pylingo.reactor.irc.message import Message, format_message
from pylingo.reactor.irc.numerics import Numeric
from pylingo.reactor.irc.people import user_of
from pylingo.shared import PROTOCOL_VERSION
from pylingo.shared.errors import RequestError
from pylingo.shared.messages import Command, Hello
from pylingo.shared.names import fold, user_name
from pylingo.shared.text import MAX_LINE, line_text

_MAX_REALNAME = 128  # characters


def complete(client: Client) -> None:
    """Say hello to the chat if the client has sent everything that registration needs."""
    is_complete = client.nick and client.user and client.negotiation.phase is not Phase.OPEN
    if client.stage is not Stage.REGISTERING or not is_complete:
        return
    client.stage = Stage.WAITING
    asked = Asked("NICK", client.nick)
    if client.has_said_hello:  # and was let in, but the name was not free
        client.ask(Command("name", client.nick), asked)
    else:
        client.has_said_hello = True
        password, client.password = client.password, None
        client.say_hello(Hello(PROTOCOL_VERSION, client.nick, "irc", password), asked)


def _pass(client: Client, message: Message) -> None:
    if client.stage is not Stage.REGISTERING:
        client.numeric(Numeric.ERR_ALREADYREGISTERED)
        return
    client.password = message.params[0]


def _nick(client: Client, message: Message) -> None:
    nick = message.params[0] if message.params else ""
    if not nick:
        client.numeric(Numeric.ERR_NONICKNAMEGIVEN)
    elif client.stage is Stage.REGISTERED:
        client.ask(Command("name", nick), Asked("NICK", nick))
    elif client.stage is Stage.REGISTERING:
        _wish(client, nick)
        complete(client)


def _wish(client: Client, nick: str) -> None:
    """Note the name that is wanted, if it can be had by now."""
    hub = client.gateway.hub
    may_log_in = client.negotiation.phase is Phase.OPEN or client.login is not None
    try:
        name = user_name(nick)
        if may_log_in:  # whose name it is counts when the negotiation has ended
            client.nick = name
            return
        hub.access.register.check_name(name, None)
    except RequestError as error:
        numeric = Numeric.ERR_ERRONEUSNICKNAME if error.reason == "bad-name" else Numeric.ERR_NICKNAMEINUSE
        client.numeric(numeric, nick=nick, text=error.text)
        return
    if hub.here(fold(name)) is not None:
        client.numeric(Numeric.ERR_NICKNAMEINUSE, nick=nick, text="Nickname is already in use")
        return
    client.nick = name


def _user(client: Client, message: Message) -> None:
    if client.stage is not Stage.REGISTERING or client.user:
        client.numeric(Numeric.ERR_ALREADYREGISTERED)
        return
    if not message.params[3]:
        client.numeric(Numeric.ERR_NEEDMOREPARAMS, command="USER")
        return
    client.user = _same(user_of(message.params[0]), client.nick)
    client.realname = _same(message.params[3][:_MAX_REALNAME], client.nick, client.user)
    complete(client)


def _same(word: str, *others: str) -> str:
    """A word that is kept, or the same object as an equal one: many clients send one word three times."""
    return next((other for other in others if other == word), word)


def _cap(client: Client, message: Message) -> None:
    try:
        replies = client.negotiation.handle(message.params, client.stage is Stage.REGISTERED)
    except InvalidSubcommandError as error:
        client.numeric(error.numeric, subcommand=error.subcommand)
        return
    client.choose_dialect()
    for reply in replies:
        client.line("CAP", client.name, *reply)
    complete(client)


def _ping(client: Client, message: Message) -> None:
    if not message.params[0]:
        client.numeric(Numeric.ERR_NOORIGIN)
        return
    client.line("PONG", client.gateway.name, message.params[0])


def _pong(client: Client, message: Message) -> None:
    """Its bytes have shown that the client is alive."""


def _quit(client: Client, message: Message) -> None:
    session = client.session
    text = message.params[0] if message.params else ""
    words = f"Quit: {line_text(text[: MAX_LINE - 6], 'a reason')}" if text else None
    while session.rooms:
        session.leave(session.rooms[0], "close", None, words)
    session.end_when_kept("close", words or "you closed the connection", None)


def _error(client: Client, message: Message) -> None:
    """A client has nothing to say about errors."""


def _is_no_irc(client: Client, message: Message) -> None:
    """The first line of another protocol: a browser could be made to send IRC lines behind it."""
    if client.stage is Stage.REGISTERED:
        client.numeric(Numeric.ERR_UNKNOWNCOMMAND, command=message.command)
    else:
        client.session.end("bad-frame", "this is a server for IRC")


def _setname(client: Client, message: Message) -> None:
    client.realname = message.params[0][:_MAX_REALNAME]
    line = format_message("SETNAME", [client.realname], client.mask())
    if client.has("setname"):
        client.send(line)
    tell_clients(client.session.rooms, client, "setname", line)
    tell_watchers(client.gateway, client.session.person, "setname", line)


_OTHERS = ("GET", "POST", "PUT", "HEAD", "OPTIONS", "DELETE", "CONNECT", "TRACE", "PATCH", "HELO", "EHLO")

HANDLERS = {
    "PASS": Handler(_pass, 1, is_early=True),
    "NICK": Handler(_nick, is_early=True),
    "USER": Handler(_user, 4, is_early=True),
    "CAP": Handler(_cap, 1, is_light=True, is_early=True),
    "PING": Handler(_ping, 1, is_light=True, is_early=True),
    "PONG": Handler(_pong, is_light=True, is_early=True),
    "QUIT": Handler(_quit, is_early=True),
    "ERROR": Handler(_error, is_early=True),
    "SETNAME": Handler(_setname, 1),
    **{word: Handler(_is_no_irc, is_early=True) for word in _OTHERS},
}
