"""Words: PRIVMSG and NOTICE, to rooms and people."""

from functools import partial

from pylingo.reactor.irc.client import Asked, Client
from pylingo.reactor.irc.commands.rooms import targets
from pylingo.reactor.irc.dialects import MAX_LINE
from pylingo.reactor.irc.formatting import Words, read_words
from pylingo.reactor.irc.gateway import Handler
from pylingo.reactor.irc.message import Message, format_message
from pylingo.reactor.irc.numerics import Numeric
from pylingo.shared.messages import Private, Say

_MOST_TARGETS = 4
_ACTION = "ACTION"


def _privmsg(client: Client, message: Message) -> None:
    batch = client.open_batch
    if batch is not None and message.tags.get("batch") == batch.name:
        batch.add(message)
        client.keep_silent()
        return
    is_notice = message.command == "NOTICE"
    if is_notice and len(message.params) < 2:
        return
    if not message.params or not message.params[0]:
        client.numeric(Numeric.ERR_NORECIPIENT, command=message.command)
        return
    if len(message.params) < 2 or not message.params[1]:
        client.numeric(Numeric.ERR_NOTEXTTOSEND)
        return
    found = targets(message.params[0])
    for target in found[_MOST_TARGETS:] if not is_notice else ():
        client.numeric(Numeric.ERR_TOOMANYTARGETS, target=target)
    for target in found[:_MOST_TARGETS]:
        if len(f":{client.mask()} {message.command} {target} :{message.params[1]}".encode()) > MAX_LINE:
            client.numeric(Numeric.ERR_INPUTTOOLONG)  # the others would get two lines
        else:
            say_to(client, message.command, target, message.params[1])


def say_to(client: Client, command: str, target: str, text: str) -> None:
    """Say something to one target."""
    client.then(partial(_say, client, command, target, text))


def _say(client: Client, command: str, target: str, text: str) -> None:
    words = read_words(text)
    is_notice = command == "NOTICE" or None
    is_action = words.ctcp == _ACTION or None
    if target.startswith("#"):
        if words.ctcp is not None and not is_action:
            no_ctcp = "CTCP messages are for people, not for channels"
            if not is_notice:
                client.numeric(Numeric.ERR_CANNOTSENDTOCHAN, channel=target, text=no_ctcp)
        else:
            _say_in_room(client, target, Say(words.text, room=target, action=is_action, notice=is_notice))
    elif words.ctcp is not None and not is_action:
        _relay(client, command, target, text)
    else:
        _say_to_person(client, target, words, is_action, is_notice)


def _say_in_room(client: Client, target: str, say: Say) -> None:
    if client.has("echo-message"):
        client.await_echo(target)
    client.ask(say, Asked("NOTICE" if say.notice else "PRIVMSG", target, target))


def _say_to_person(client: Client, target: str, words: Words, is_action: bool | None, is_notice: bool | None) -> None:
    number = None
    if client.has("echo-message"):
        number = client.request_id()
        client.await_kept(number, Private(client.name, target, words.text, 0, is_action, notice=is_notice))
    say = Say(words.text, id=number, to=target, action=is_action, notice=is_notice)
    client.ask(say, Asked("NOTICE" if is_notice else "PRIVMSG", target))
    person = client.gateway.person(target)
    if not client.was_refused and not is_notice and person is not None and person.away is not None:
        client.numeric(Numeric.RPL_AWAY, nick=person.name, text=person.away)


def _relay(client: Client, command: str, target: str, text: str) -> None:
    """Hand a CTCP message on to the clients of IRC that somebody has here. It is not kept."""
    person = client.gateway.person(target)
    if person is None:
        if command != "NOTICE":
            client.numeric(Numeric.ERR_NOSUCHNICK, nick=target)
        return
    line = format_message(command, [person.name, text], client.mask())
    for session in person.sessions:
        if session.outbox.voice is not None:
            session.outbox.write_lines(line)


HANDLERS = {"PRIVMSG": Handler(_privmsg), "NOTICE": Handler(_privmsg)}
