"""The commands of a room's operators: who is one, who is silent in the room, and who may set its topic.

Operators of a room can do nothing beyond it. Operators of the server may use these commands in every room.
"""

import logging
from collections.abc import Callable, Mapping
from functools import partial

from pylingo.reactor.chat.addressing import need_room
from pylingo.reactor.chat.confirming import confirm, who
from pylingo.reactor.chat.operands import split, take_time
from pylingo.reactor.chat.person import Person
from pylingo.reactor.chat.room import Room
from pylingo.reactor.chat.room_powers import is_operator_of, may_moderate, owners_of
from pylingo.reactor.chat.session import Session
from pylingo.reactor.history.charter import (
    MOST_MUTES,
    MOST_OPERATORS,
    ON,
    TOPIC_LOCK,
    mute_field,
    mute_value,
    operator_field,
    session_of,
)
from pylingo.shared.errors import RequestError
from pylingo.shared.messages import Command, Moderated, RoomOp
from pylingo.shared.names import fold
from pylingo.shared.text import quote

logger = logging.getLogger(__name__)

COMMANDS = frozenset({"kick", "mute", "unmute", "roomop", "roomdeop", "topiclock"})
"""The commands that operators of a room may use there."""

type Handler = Callable[[Session, str, Command], None]


def check_topic(session: Session, room: Room[Session]) -> None:
    """Raises `RequestError` `not-allowed` unless the session may set the topic of the room."""
    if room.charter.is_topic_locked and not may_moderate(session.hub, room, session.person):
        raise RequestError("not-allowed", f"the topic of {room.name} is locked: ask an operator of the room to set it")


# --- operators


def _roomop(session: Session, argument: str, command: Command) -> None:
    room = need_room(session, command.room, "make somebody its operator")
    hub = session.hub
    person = hub.find(argument)
    if not room.directory.has(person.key):
        raise RequestError("no-such-user", f"{quote(person.name)} is not in {room.name}: /users lists who is")
    fields: dict[str, str | None] = {}
    if not is_operator_of(hub, room, person):
        if len(room.charter.operators) >= MOST_OPERATORS:
            fields[_replaceable(session, room)] = None
        fields[operator_field(hub.owner(person))] = person.name
    _tell_rank(session, command, room, person.name, True, fields)


def _replaceable(session: Session, room: Room[Session]) -> str:
    """The field of an operator who was a guest and is not in the room. Raises `RequestError` `not-allowed`."""
    here = session.hub.bus.numbers(session, room)
    for field in room.charter.operators:
        number = session_of(field)
        if number is not None and number not in here:
            return field
    words = f"a room has at most {MOST_OPERATORS} operators: take the rank from one with /roomdeop first"
    raise RequestError("not-allowed", words)


def _roomdeop(session: Session, argument: str, command: Command) -> None:
    room = need_room(session, command.room, "take the rank from one of its operators")
    charter = room.charter
    person = session.hub.reach_if_known(argument)
    name = person.name if person is not None else argument
    of_person = map(operator_field, owners_of(session.hub, person) if person is not None else ())
    fields = [field for field in of_person if field in charter.fields]
    fields = fields or [field for field in charter.operators if fold(charter.fields[field]) == fold(name)]
    if not fields:
        raise RequestError("bad-argument", f"{quote(name)} is not an operator of {room.name}")
    _tell_rank(session, command, room, name, False, dict.fromkeys(fields))


def _tell_rank(
    session: Session, command: Command, room: Room[Session], name: str, on: bool, fields: Mapping[str, str | None]
) -> None:
    by = session.person.name

    def done() -> None:
        session.reply(RoomOp(room.name, name, by, on, command.id))
        logger.info("%s by %s: %s, %s", command.name, who(session.person), name, room.name)

    if fields:
        session.hub.bus.govern(session, room, fields, RoomOp(room.name, name, by, on), done)
    else:
        done()


# --- the topic


def _topiclock(session: Session, argument: str, command: Command) -> None:
    room = need_room(session, command.room, "lock its topic")
    word = argument.lower()
    if word not in ("on", "off"):
        raise RequestError("bad-argument", f"/topiclock takes on or off, not {quote(argument)}")
    told = Moderated("topiclock", session.person.name, room=room.name, text=word)
    _govern(session, command, room, {TOPIC_LOCK: ON if word == "on" else None}, told)


# --- silent


def mute(session: Session, argument: str, command: Command) -> None:
    """Mute somebody in the room."""
    room = need_room(session, command.room, "mute somebody there")
    name, rest = split(argument)
    seconds, rest = take_time(rest)
    if rest:
        raise RequestError("bad-argument", f"/mute takes a name and a time such as 10m, 2h or 7d, not {quote(rest)}")
    hub = session.hub
    person, now = hub.reach(name), hub.now()
    if may_moderate(hub, room, person):
        raise RequestError("not-allowed", "operators cannot be muted: /roomdeop them first")
    until = None if seconds is None else now + round(seconds * 1e6)
    in_force = {field for field, _ in room.charter.mutes(now)}
    field = mute_field(hub.owner(person))
    if len(in_force) >= MOST_MUTES and field not in in_force:
        words = f"at most {MOST_MUTES} people can be muted in a room: end the mute of one with /unmute first"
        raise RequestError("not-allowed", words)
    over = [name for name in room.charter.fields if name.startswith(mute_field("")) and name not in in_force]
    fields = {**dict.fromkeys(over), field: mute_value(person.name, until)}
    told = Moderated("mute", session.person.name, person.name, room=room.name, until=until)
    _govern(session, command, room, fields, told, person)


def muted_fields(session: Session, room: Room[Session], name: str) -> list[str]:
    """The fields of the mutes in the room of somebody called `name`, who may have gone."""
    hub = session.hub
    person = hub.reach_if_known(name)
    of_person = set(map(mute_field, owners_of(hub, person) if person is not None else ()))
    mutes = room.charter.mutes(hub.now())
    return [field for field, one in mutes if field in of_person or fold(one.name) == fold(name.strip())]


def unmute(session: Session, argument: str, command: Command) -> None:
    """End the mute of somebody in the room."""
    room = need_room(session, command.room, "let somebody speak again there")
    fields = muted_fields(session, room, argument)
    if not fields:
        raise RequestError("bad-argument", f"{quote(argument)} is not muted in {room.name}")
    told = Moderated("unmute", session.person.name, argument, room=room.name)
    _govern(session, command, room, dict.fromkeys(fields), told)


def _govern(
    session: Session,
    command: Command,
    room: Room[Session],
    fields: Mapping[str, str | None],
    told: Moderated,
    person: Person[Session] | None = None,
) -> None:
    """Change the charter, tell the others in the room, and confirm it."""
    session.hub.bus.govern(session, room, fields, told, partial(confirm, session, command, told, person))


HANDLERS: dict[str, Handler] = {"roomop": _roomop, "roomdeop": _roomdeop, "topiclock": _topiclock}
"""The handlers of the commands that there are for rooms alone, by name. `check_rank` says who may use them."""
