"""The handlers of the slash commands. `shared.commands` has their names and arguments."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

from pylingo.reactor.chat import moderation, room_modes, room_operators
from pylingo.reactor.chat.addressing import find_room, need_room
from pylingo.reactor.chat.app_passwords import irc_password
from pylingo.reactor.chat.listing import Directory, Listing
from pylingo.reactor.chat.moderation import check_mute, check_rank
from pylingo.reactor.chat.presence import NAME_NOT_STORED
from pylingo.reactor.chat.room import Room
from pylingo.reactor.chat.room_modes import MAX_KEY, end_abandoned
from pylingo.reactor.chat.room_operators import check_topic
from pylingo.reactor.chat.room_powers import is_operator_of
from pylingo.reactor.chat.room_rules import check_entry, check_words
from pylingo.reactor.chat.session import Session, State
from pylingo.reactor.chat.speaking import say
from pylingo.reactor.chat.waiting import wait_for
from pylingo.reactor.history.charter import KEY, SECRET, Charter
from pylingo.shared.codec import encode
from pylingo.shared.commands import BY_NAME, COMMANDS, OPTIONAL, suggestion
from pylingo.shared.errors import RequestError
from pylingo.shared.messages import (
    Away,
    Command,
    Help,
    Joined,
    LeftReply,
    People,
    PersonDetails,
    PersonInfo,
    Renamed,
    RoomInfo,
    Rooms,
    Say,
    Topic,
    Users,
)
from pylingo.shared.names import fold, room_name, user_name
from pylingo.shared.text import line_text, quote

MAX_ROOMS = 20
"""The most rooms of one session."""
_NO_TOPIC = "-"
_NAMING = frozenset({"whois", "kick", "ban", "mute", "unmute", "op", "deop", "roomop", "roomdeop"})
"""The commands whose argument begins with the name of somebody who may be on another server."""
_VERIFIED = 128  # bytes of somebody with a key in a list, besides the strings
_SUGGESTION = 150.0  # the work of finding the nearest command, in units of about a microsecond


def run_command(session: Session, command: Command) -> None:
    """Check a command against the table and run its handler. Raises `RequestError`."""
    info = BY_NAME.get(command.name)
    if info is None:
        session.hub.tick.work += _SUGGESTION
        raise RequestError("unknown-command", f"there is no command {quote(command.name)}{suggestion(command.name)}")
    if info.name in _RANKED:
        check_rank(session, command)
    argument = (command.argument or "").strip()
    if info.argument and not argument and info.name not in OPTIONAL:
        raise RequestError(
            "bad-argument", f"/{info.name} needs the {info.argument}: /{info.name} {info.argument.upper()}"
        )
    if argument and not info.argument:
        raise RequestError("bad-argument", f"/{info.name} takes no argument, not {quote(argument)}")
    if command.room is not None:
        find_room(session, command.room)  # whether it matters or not
    handler = _HANDLERS[info.name]
    if info.name in _NAMING and argument:
        name = argument.split(maxsplit=1)[0]
        session.hub.bus.look_up(session, name, command.id, lambda: handler(session, argument, command))
    else:
        handler(session, argument, command)


def _name(session: Session, argument: str, command: Command) -> None:
    check_mute(session)
    name = user_name(argument)
    change = session.hub.claim(session, name) if session.identity is not None else None
    if change is None:
        _rename(session, name, command)
        return

    def stored(is_stored: bool) -> None:
        if session.state is State.ENDED:  # by a ban, or with the server
            return
        try:
            if not is_stored:
                raise RequestError("not-allowed", NAME_NOT_STORED)
            _rename(session, name, command)
        except RequestError as error:  # as when the name became somebody else's meanwhile
            error.re = command.id
            session.refuse(error)

    wait_for(session, partial(session.hub.access.store, change), stored)  # or it might be another's after a crash


def _rename(session: Session, name: str, command: Command) -> None:
    old = session.person.name

    def renamed(error: RequestError | None) -> None:
        if error is not None:
            error.re = command.id
            session.refuse(error)
            return
        person = session.person
        session.reply(Renamed(old, person.name, None, command.id, *session.hub.marks(person)))

    session.hub.bus.rename(session, name, renamed)


# --- rooms


def _list(session: Session, argument: str, command: Command) -> None:
    """List the rooms. Everybody shares the pages, so somebody who is in a secret room gets pages of their own."""
    hub = session.hub
    own = {room.key for room in session.person.rooms if room.charter.has(SECRET)}

    def make(page: list[RoomInfo | None], more: bool) -> bytes:
        return encode(Rooms([info for info in page if info is not None], more))

    def listed(directory: Directory, row: Callable[[str], RoomInfo]) -> None:
        def rooms(keys: list[str]) -> Iterator[tuple[RoomInfo | None, int]]:
            for key in keys:
                room = hub.rooms.get(key)
                if room is not None and room.charter.has(SECRET) and key not in own:
                    yield None, 0
                else:
                    info = row(key)
                    yield info, _size(info.room) + 32

        shown = directory.copy() if own else directory
        session.begin_listing(Listing(session, shown, rooms, make, command.id))

    session.hub.bus.list_rooms(session, listed)


def _join(session: Session, argument: str, command: Command) -> None:
    name, key = _name_and_key(argument)
    before = find_room(session, command.room)
    _enter(session, name, key, command, before if before is not None and before.key != fold(name) else None)


def _open(session: Session, argument: str, command: Command) -> None:
    name, key = _name_and_key(argument)
    if len(session.rooms) >= MAX_ROOMS and fold(name) not in (room.key for room in session.rooms):
        if key is not None:
            _check_spelling(session, name, key)
        raise RequestError("too-many-rooms", f"you are in {MAX_ROOMS} rooms, the most there may be: /leave one first")
    _enter(session, name, key, command)


def _name_and_key(argument: str) -> tuple[str, str | None]:
    """The name of a room, and the key behind it. Raises `RequestError` `bad-room`."""
    words = argument.split()
    if len(words) == 2 and len(words[1]) <= MAX_KEY:
        return room_name(words[0]), words[1]
    return room_name(argument), None


def _check_spelling(session: Session, name: str, key: str) -> None:
    """Raises `RequestError` `bad-room` for a name with a space. Other dialects say which word is a key."""
    is_there = any(room.key == fold(name) for room in session.person.rooms)
    if session.outbox.voice is None and not is_there:
        room_name(f"{name} {key}")


def _enter(session: Session, name: str, key: str | None, command: Command, before: Room[Session] | None = None) -> None:
    def admit(charter: Charter, people: int) -> bool:
        try:
            if key is not None and not charter.has(KEY):
                _check_spelling(session, name, key)
            check_entry(session, name, charter, people, key)
        except RequestError as error:
            error.re = command.id
            session.refuse(error)
            return False
        return True

    def entered(room: Room[Session]) -> None:
        person = session.person
        users, marks = len(room.directory.keys), session.hub.marks(person)
        powers = is_operator_of(session.hub, room, person) or None, room.charter.is_topic_locked or None
        session.reply(Joined(room.name, person.name, users, command.id, *marks, *powers))
        if room.topic is not None:
            session.reply(_topic_of(room))
        if room.charter.fields:
            end_abandoned(session, room)

    session.hub.bus.enter(session, name, entered, admit, before)


def _users(session: Session, argument: str, command: Command) -> None:
    room = need_room(session, command.room, "see who is there")
    called, bus = room.name, session.hub.bus

    def names(keys: list[str]) -> Iterator[tuple[tuple[str, bool], int]]:
        for key in keys:
            name, is_operator = bus.spelling(session, room, key), bus.is_operator(session, room, key)
            yield (name, is_operator), (_size(name) + 5) * (1 + is_operator)

    def make(page: list[tuple[str, bool]], more: bool) -> bytes:
        operators = [name for name, is_operator in page if is_operator]
        return encode(Users(called, [name for name, _ in page], more, None, operators or None))

    session.begin_listing(Listing(session, room.directory, names, make, command.id))


def _leave(session: Session, argument: str, command: Command) -> None:
    room = need_room(session, command.room, "leave it")

    def left() -> None:
        current = session.room.name if session.room is not None else None
        session.reply(LeftReply(room.name, session.person.name, current, command.id))

    session.hub.bus.leave(session, room, "leave", left)


def _topic(session: Session, argument: str, command: Command) -> None:
    room = need_room(session, command.room, "see its topic")
    if argument:
        check_mute(session)
        if room.charter.silences:
            check_words(session, room)
        check_topic(session, room)
        text = None if argument == _NO_TOPIC else line_text(argument, "a topic")
        session.hub.bus.set_topic(session, room, text, lambda told: session.reply(replace(told, re=command.id)))
    else:
        session.reply(_topic_of(room, command.id))


def _topic_of(room: Room[Session], re: int | None = None) -> Topic:
    if (topic := room.topic) is None:
        return Topic(room.name, None, None, None, re)
    return Topic(room.name, topic.text, topic.by, topic.at, re)


# --- people


def _me(session: Session, argument: str, command: Command) -> None:
    say(session, Say(argument, id=command.id, room=command.room, action=True))


def _msg(session: Session, argument: str, command: Command) -> None:
    name, *text = argument.split(maxsplit=1)
    if not text:
        raise RequestError("bad-argument", "/msg needs a name and the message: /msg NAME TEXT")
    say(session, Say(text[0], id=command.id, to=name))


def _who(session: Session, argument: str, command: Command) -> None:
    def make(page: list[PersonInfo], more: bool) -> bytes:
        return encode(People(page, more))

    def listed(directory: Directory, row: Callable[[str], PersonInfo]) -> None:
        def people(keys: list[str]) -> Iterator[tuple[PersonInfo, int]]:
            for info in map(row, keys):
                size = _size(info.name) + _size(info.away or "") + (40 if info.fingerprint is None else _VERIFIED)
                yield info, size

        session.begin_listing(Listing(session, directory, people, make, command.id))

    session.hub.bus.list_people(session, listed)


def _whois(session: Session, argument: str, command: Command) -> None:
    person = session.hub.find(argument)
    shared = sorted((room for room in session.rooms if room.directory.has(person.key)), key=lambda room: room.key)
    names = [room.name for room in shared]
    fingerprint, operator = session.hub.marks(person)
    away = person.away
    session.reply(PersonDetails(person.name, names, operator is True, person.since, away, command.id, fingerprint))


def _away(session: Session, argument: str, command: Command) -> None:
    check_mute(session)
    text = line_text(argument, "the reason of being away") if argument else None
    session.hub.bus.be_away(session, text)
    session.reply(Away(session.person.name, text, command.id))


# --- the rest


def _help(session: Session, argument: str, command: Command) -> None:
    session.reply(Help(list(COMMANDS), command.id))


def _close(session: Session, argument: str, command: Command) -> None:
    session.end_when_kept("close", "you closed the connection; see you", command.id)


def _size(name: str) -> int:
    """The size of a name in bytes."""
    return len(name) if name.isascii() else len(name.encode())


_HANDLERS: dict[str, Callable[[Session, str, Command], None]] = {
    "name": _name,
    "list": _list,
    "join": _join,
    "open": _open,
    "users": _users,
    "leave": _leave,
    "topic": _topic,
    "me": _me,
    "msg": _msg,
    "who": _who,
    "whois": _whois,
    "away": _away,
    "irc-password": irc_password,
    "help": _help,
    "close": _close,
    **moderation.HANDLERS,
    **room_operators.HANDLERS,
    **room_modes.HANDLERS,
}
_RANKED = frozenset({*moderation.HANDLERS, *room_operators.HANDLERS})
"""The commands of operators."""
