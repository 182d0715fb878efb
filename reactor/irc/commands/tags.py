"""TAGMSG: what a client says without words, such as that its person is typing. It is not kept."""

from functools import partial

from pylingo.reactor.chat.moderation import check_mute
from pylingo.reactor.chat.room import Room
from pylingo.reactor.chat.room_rules import check_words
from pylingo.reactor.chat.session import Session
from pylingo.reactor.irc.client import Client
from pylingo.reactor.irc.commands.rooms import room_of, targets
from pylingo.reactor.irc.gateway import Handler
from pylingo.reactor.irc.message import MAX_CLIENT_TAGS, Message, client_tags, format_tags
from pylingo.reactor.irc.numerics import Numeric
from pylingo.shared.errors import RequestError
from pylingo.shared.messages import Tagged
from pylingo.shared.names import MAX_TYPED

_MOST_TARGETS = 4


def _tagmsg(client: Client, message: Message) -> None:
    tags = client_tags(message.tags)
    if not client.has("message-tags"):
        client.numeric(Numeric.ERR_UNKNOWNCOMMAND, command=message.command)
        return
    words = [format_tags({key: value}) for key, value in tags.items()]
    if not words or sum(len(word.encode()) + 1 for word in words) > MAX_CLIENT_TAGS:
        return
    for target in targets(message.params[0])[:_MOST_TARGETS]:
        client.then(partial(_send, client, target, words))


def _send(client: Client, target: str, words: list[str]) -> None:
    session = client.session
    try:
        check_mute(session)
    except RequestError as error:
        client.numeric(Numeric.ERR_CANNOTSENDTOCHAN, channel=target, text=error.text)
        return
    if target.startswith("#"):
        if (room := room_of(client, target)) is not None and _may_speak(client, room):
            tagged = Tagged(client.name, words, room=room.name)
            session.hub.bus.tell_room(session, room.name, tagged)
            _echo(client, tagged)
    elif len(target) > MAX_TYPED:
        client.numeric(Numeric.ERR_NOSUCHNICK, nick=target)
    else:
        session.hub.bus.look_up(session, target, None, partial(_send_to_person, client, target, words))


def _may_speak(client: Client, room: Room[Session]) -> bool:
    """Whether the client may say something in a room. If not, it is told."""
    try:
        if room.charter.silences:
            check_words(client.session, room)
    except RequestError as error:
        client.numeric(Numeric.ERR_CANNOTSENDTOCHAN, channel=f"#{room.name}", text=error.text)
        return False
    return True


def _send_to_person(client: Client, target: str, words: list[str]) -> None:
    session = client.session
    try:
        person = session.hub.find(target)
    except RequestError:
        client.numeric(Numeric.ERR_NOSUCHNICK, nick=target)
        return
    tagged = Tagged(client.name, words, to=person.name)
    if person is session.person:
        session.outbox.write_lines(client.dialect.encode(tagged))
        for other in person.others(session):
            other.reply(tagged)
    else:
        session.hub.bus.tell_person(session, person, tagged)
    _echo(client, tagged)


def _echo(client: Client, tagged: Tagged) -> None:
    if client.has("echo-message"):
        client.send(client.dialect.encode(tagged))


HANDLERS = {"TAGMSG": Handler(_tagmsg, 1)}
