"""Words: PRIVMSG and NOTICE, to rooms and people."""

from functools import partial

from pylingo.reactor.chat.masks import HOST
from pylingo.reactor.chat.moderation import check_mute
from pylingo.reactor.chat.room_powers import may_moderate
from pylingo.reactor.chat.room_rules import check_words
from pylingo.reactor.irc.client import Asked, Client
from pylingo.reactor.irc.commands.finding import find_people
from pylingo.reactor.irc.commands.rooms import room_of, targets
from pylingo.reactor.irc.formatting import MAX_CHARACTER, Words, read_words
from pylingo.reactor.irc.gateway import Handler, room_key
from pylingo.reactor.irc.lines import MAX_LINE
from pylingo.reactor.irc.message import Message, format_message
from pylingo.reactor.irc.numerics import Numeric
from pylingo.reactor.irc.people import MAX_USER, Who
from pylingo.shared.messages import Notice, Private, Say
from pylingo.shared.names import MAX_NAME, MAX_TYPED, fold

_MOST_TARGETS = 4
_ACTION = "ACTION"
_OPERATORS = "@"
"""In front of a channel: its operators alone."""
_MOST_HEAD = MAX_NAME * MAX_CHARACTER + MAX_USER + len(f":!@{HOST} PRIVMSG  :")
"""The most bytes of a line besides the target and the text."""


def _privmsg(client: Client, message: Message) -> None:
    batch = client.open_batch
    if batch is not None and message.tags.get("batch") == batch.name:
        batch.add(message)
        client.responses.drop()
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
    words, text = message.params[:2]
    found = targets(words) if "," in words else [words]
    for target in found[_MOST_TARGETS:] if not is_notice else ():
        client.numeric(Numeric.ERR_TOOMANYTARGETS, target=target)
    wanted = []
    for target in found[:_MOST_TARGETS]:
        if _is_too_long(client, message.command, target, text):
            client.numeric(Numeric.ERR_INPUTTOOLONG)  # the others would get two lines
        else:
            wanted.append(target)
    if len(wanted) > 1 and client.has("echo-message"):
        client.responses.share(sum(_comes_back(client, target, text) for target in wanted))
    for target in wanted:
        say_to(client, message.command, target, text)


def _comes_back(client: Client, target: str, text: str) -> bool:
    """Whether a message is a private one that is kept, and comes back once it is."""
    words = read_words(text)
    is_kept = words.ctcp is None or words.ctcp == _ACTION
    return is_kept and not target.startswith(("#", _OPERATORS)) and not _is_own(client, target)


def _is_own(client: Client, nick: str) -> bool:
    return client.gateway.person(nick) is client.session.person


def _is_too_long(client: Client, command: str, target: str, text: str) -> bool:
    """Whether the others would get two lines."""
    if (len(target) + len(text)) * MAX_CHARACTER <= MAX_LINE - _MOST_HEAD:  # which saves a microsecond
        return False
    return len(f":{client.mask()} {command} {target} :{text}".encode()) > MAX_LINE


def say_to(client: Client, command: str, target: str, text: str) -> None:
    """Say something to one target."""
    client.do(_say, client, command, target, text)


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
            room = None if client.is_current(target) else target
            _say_in_room(client, target, Say(words.text, room=room, action=is_action, notice=is_notice))
    elif target.startswith(f"{_OPERATORS}#"):
        _say_to_operators(client, command, target, words)
    elif words.ctcp is not None and not is_action:
        _relay(client, command, target, text)
    elif _is_own(client, target):
        _say_to_self(client, words, is_action, is_notice)
    else:
        _say_to_person(client, target, words, is_action, is_notice)


def _say_in_room(client: Client, target: str, say: Say) -> None:
    if client.has("echo-message"):
        client.responses.expect_echo(room_key(target))
    command, asked = "NOTICE" if say.notice else "PRIVMSG", client.asked
    if asked.command != command or asked.room != target:  # people go on where they have spoken last
        asked = Asked(command, target, target)
    client.ask(say, asked)


def _say_to_person(client: Client, target: str, words: Words, is_action: bool | None, is_notice: bool | None) -> None:
    number = None
    if client.has("echo-message"):
        number = client.request_id()
        private = Private(client.name, target, words.text, 0, is_action, notice=is_notice)
        client.responses.expect_private(number, private)
    say = Say(words.text, id=number, to=target, action=is_action, notice=is_notice)
    client.ask(say, Asked("NOTICE" if is_notice else "PRIVMSG", target))
    if not is_notice:
        client.then(partial(_answer_for, client, target))


def _answer_for(client: Client, target: str) -> None:
    """Say that the person to whom something was said is away."""
    if not client.was_refused:
        find_people(client, [target], partial(_tell_away, client))


def _tell_away(client: Client, found: list[Who]) -> None:
    for who in found:
        if who.away is not None:
            client.numeric(Numeric.RPL_AWAY, nick=who.nick, text=who.away)


def _say_to_self(client: Client, words: Words, is_action: bool | None, is_notice: bool | None) -> None:
    """Hand words of somebody to themselves back. A conversation needs somebody else, so nothing is kept."""
    name = client.name
    private = Private(name, name, words.text, client.session.hub.stamp(), is_action, notice=is_notice)
    line = client.dialect.encode(private)
    if client.has("echo-message"):
        client.send(line)
    client.session.outbox.write_lines(line)


def _say_to_operators(client: Client, command: str, target: str, words: Words) -> None:
    """Hand words on to the operators of a room who are on this server. They are not kept."""
    if (room := room_of(client, target.removeprefix(_OPERATORS))) is None:
        return
    session, hub = client.session, client.gateway.hub
    client.asked = Asked(command, target)
    check_mute(session)
    if room.charter.silences:
        check_words(session, room)
    line = format_message(command, [f"{_OPERATORS}#{room.name}", words.text], client.mask())
    for other in room.members.values():
        if other is session or not may_moderate(hub, room, other.person):
            continue
        if other.outbox.voice is not None:
            other.outbox.write_lines(line)
        else:
            other.reply(Notice(f"{client.name} to the operators of {room.name}: {words.text}"))
    if client.has("echo-message"):
        client.send(line)


def _relay(client: Client, command: str, target: str, text: str) -> None:
    """Hand a CTCP message on to the IRC clients that somebody has. It is not kept."""
    session, bus = client.session, client.gateway.hub.bus

    def found() -> None:
        key = fold(target) if len(target) <= MAX_TYPED else ""
        person = client.gateway.hub.here(key) or bus.stranger(key)
        if person is not None:
            bus.tell_voices(session, person, format_message(command, [person.name, text], client.mask()))
        elif command != "NOTICE":
            client.numeric(Numeric.ERR_NOSUCHNICK, nick=target)

    bus.look_up(session, target, None, found)


HANDLERS = {"PRIVMSG": Handler(_privmsg), "NOTICE": Handler(_privmsg)}
