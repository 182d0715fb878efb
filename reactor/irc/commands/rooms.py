"""Rooms: JOIN, PART, TOPIC, NAMES, LIST."""

from collections.abc import Iterable
from functools import partial
from itertools import zip_longest

from pylingo.reactor.chat.room import Room
from pylingo.reactor.chat.room_modes import MAX_KEY
from pylingo.reactor.chat.session import Session
from pylingo.reactor.history.charter import SECRET
from pylingo.reactor.irc.client import Asked, Client
from pylingo.reactor.irc.commands.history import JoinPlayback
from pylingo.reactor.irc.gateway import Handler, room_key
from pylingo.reactor.irc.message import Message, format_message
from pylingo.reactor.irc.numerics import Numeric
from pylingo.shared.messages import Command, Left
from pylingo.shared.names import MAX_TYPED, fold
from pylingo.shared.text import MAX_LINE, line_text

MOST_TARGETS = 20
"""The most rooms of one line."""
_MOST_NAMES = 4


def targets(words: str) -> list[str]:
    """The targets in a list with commas, each once, however it is spelled."""
    found: dict[str, str] = {}
    for word in words.split(","):
        if word and len(found) < MOST_TARGETS:
            found.setdefault(fold(word) if len(word) <= MAX_TYPED else word, word)
    return [*found.values()]


def room_of(client: Client, channel: str) -> Room[Session] | None:
    """The room of that name, if the client is in it. Otherwise the client is told that it is not."""
    room = client.room(channel)
    if room is None:
        exists = client.gateway.hub.directory.has(room_key(channel))
        client.numeric(Numeric.ERR_NOTONCHANNEL if exists else Numeric.ERR_NOSUCHCHANNEL, channel=channel)
    return room


def is_there(client: Client, room: str, nick: str) -> bool:
    """Whether somebody is in the room, or not here at all, which is told later. Otherwise the client is told now."""
    person, place = client.gateway.person(nick), client.gateway.hub.rooms.get(fold(room))
    if person is not None and place is not None and not place.directory.has(person.key):
        client.numeric(Numeric.ERR_USERNOTINCHANNEL, nick=nick, channel=f"#{room}")
        return False
    return True


def tell_clients(rooms: Iterable[Room[Session]], besides: Client, capability: str, line: bytes) -> None:
    """Send a line, once, to the clients in these rooms that have a capability, `besides` the one that it is about."""
    for outbox in dict.fromkeys(session.outbox for room in rooms if room.voices for session in room.members.values()):
        voice = outbox.voice
        if isinstance(voice, Client) and voice is not besides and voice.has(capability) and not outbox.is_skipping:
            outbox.write_lines(line)


def _join(client: Client, message: Message) -> None:
    if message.params[0] == "0":
        for room in client.session.rooms:
            client.then(partial(_part_from, client, room, ""))
        return
    keys = message.params[1].split(",") if len(message.params) > 1 else []
    for channel, key in zip_longest(targets(message.params[0]), keys[:MOST_TARGETS]):
        if channel is None:
            break
        if channel.startswith("#"):
            playback = JoinPlayback(client, channel)
            client.then(partial(_enter, client, channel, key or ""))
            client.then(playback.note)
            client.then(partial(_greet, client, channel))
            client.then(playback.send)
        else:
            client.then(partial(client.numeric, Numeric.ERR_NOSUCHCHANNEL, channel=channel))


def _enter(client: Client, channel: str, key: str) -> None:
    client.was_refused = client.room(channel) is not None
    if not client.was_refused:
        word = key.strip().partition(" ")[0][:MAX_KEY]
        words = f"{channel} {word}" if word and " " not in channel else channel
        client.ask(Command("open", words), Asked("JOIN", channel, channel))


def _greet(client: Client, channel: str) -> None:
    """Say who is in the room that was entered."""
    if not client.was_refused and (room := client.room(channel)) is not None:
        if (text := client.session.person.away) is not None:
            tell_clients([room], client, "away-notify", format_message("AWAY", [text], client.mask()))
        client.ask(Command("users", room=channel), Asked("NAMES", channel, channel))


def _part(client: Client, message: Message) -> None:
    text = line_text(message.params[1][:MAX_LINE], "a reason") if len(message.params) > 1 else ""
    for channel in targets(message.params[0]):
        client.then(partial(_part_named, client, channel, text))


def _part_named(client: Client, channel: str, text: str) -> None:
    if (room := room_of(client, channel)) is not None:
        _part_from(client, room, text)


def _part_from(client: Client, room: Room[Session], text: str) -> None:
    if room not in client.session.rooms:
        return
    client.asked = Asked("PART", room.name)
    client.session.leave(room, "leave", None, text or None)
    client.session.reply(Left(room.name, client.name, "leave", None, None, None, text or None))


def _topic(client: Client, message: Message) -> None:
    channel = message.params[0]
    if (room := room_of(client, channel)) is None:
        return
    if len(message.params) == 1:
        client.ask(Command("topic", room=room.name), Asked("TOPIC", channel, channel))
    else:
        words = message.params[1].strip() or "-"
        client.ask(Command("topic", words, room=room.name), Asked("TOPIC", channel, channel, words))


def _names(client: Client, message: Message) -> None:
    wanted = message.params[0] if message.params else "*"
    channels = targets(wanted)[:_MOST_NAMES]
    if len(channels) == 1 and client.room(channels[0]) is not None:
        client.ask(Command("users", room=channels[0]), Asked("NAMES", channels[0], channels[0]))
        return
    for channel in channels:
        if client.room(channel) is not None:
            asked = Asked("NAMES", channel, channel, words=wanted)  # the end is told once for all
            client.then(partial(client.ask, Command("users", room=channel), asked))
    client.then(partial(client.numeric, Numeric.RPL_ENDOFNAMES, channel=",".join(channels) or "*"))


def _list(client: Client, message: Message) -> None:
    client.numeric(Numeric.RPL_LISTSTART)
    wanted = message.params[0] if message.params else ""
    if not wanted.startswith("#") or "*" in wanted or "?" in wanted:
        client.ask(Command("list"), Asked("LIST", words=wanted))
        return
    for channel in targets(wanted):
        room = client.gateway.hub.rooms.get(room_key(channel))
        if room is not None and (not room.charter.has(SECRET) or room in client.session.person.rooms):
            topic = room.topic.text if room.topic is not None else ""
            users = len(room.directory.keys)
            client.numeric(Numeric.RPL_LIST, channel=f"#{room.name}", users=users, topic=topic)
    client.numeric(Numeric.RPL_LISTEND)


HANDLERS = {
    "JOIN": Handler(_join, 1),
    "PART": Handler(_part, 1),
    "TOPIC": Handler(_topic, 1),
    "NAMES": Handler(_names, is_light=True),
    "LIST": Handler(_list),
}
