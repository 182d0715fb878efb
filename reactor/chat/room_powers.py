"""The powers of people in a room: its operators, and by what its charter knows people.

The charter of a room says who its operators are. Operators of the server are operators in every room.
"""

from collections.abc import Iterator
from typing import Any

from pylingo.reactor.chat.hub import Hub
from pylingo.reactor.chat.person import Person
from pylingo.reactor.chat.room import Room
from pylingo.reactor.history.charter import VOICE
from pylingo.reactor.history.private import Owner


def owners_of(hub: Hub[Any], person: Person[Any]) -> Iterator[Owner]:
    """By what a room may know somebody: all keys of the person, and the sessions. It notes `Hub.owner`.

    No room knows a session that has no number yet, and most never get one.
    """
    yield from hub.access.register.keys_of(person.fingerprint)
    for session in person.sessions:
        if session.has_number:
            yield session.number


def is_operator_of(hub: Hub[Any], room: Room[Any], person: Person[Any]) -> bool:
    """Whether somebody is an operator of the room. Those of the server need not be."""
    return bool(room.charter.fields) and room.charter.is_operator(owners_of(hub, person))


def may_moderate(hub: Hub[Any], room: Room[Any], person: Person[Any]) -> bool:
    """Whether somebody is an operator of the room or of the server."""
    return hub.access.register.is_operator(person.fingerprint) or is_operator_of(hub, room, person)


def has_voice(hub: Hub[Any], room: Room[Any], person: Person[Any]) -> bool:
    """Whether somebody may speak in the room although it is moderated. Operators may without that."""
    return bool(room.charter.fields) and room.charter.names(VOICE, owners_of(hub, person))
