"""A person's name, and whether they are away: how they change, and which rooms are told."""

from collections.abc import Callable

from pylingo.reactor.chat.person import Person
from pylingo.reactor.chat.room import Room
from pylingo.reactor.chat.room_powers import is_operator_of
from pylingo.reactor.chat.session import Session
from pylingo.shared.codec import encode
from pylingo.shared.messages import Away, Joined, Left, Renamed
from pylingo.shared.schema import Record

NAME_NOT_STORED = "the server cannot store now that the name is yours: keep the one you have, and try again later"


def be_away(session: Session, text: str | None) -> None:
    """Be away, because of `text`, or be back (None)."""
    person = session.person
    if text != person.away:
        person.away = text
        session.hub.people.changed()
        _tell_rooms(session, lambda room: Away(person.name, text))
        session.hub.note_away(person)


def rename(session: Session, name: str) -> str:
    """Take a name, and tell the rooms; return the old one. Raises `RequestError` `name-taken`.

    Other sessions of the person keep the old name, unless the new one is another spelling of it.
    """
    person = session.person
    old, key = person.name, person.key
    if name == old:
        return old
    other = session.hub.rename(session, name)
    if other is not person:
        _tell_change(session, other)
        go_on_as(session, other)
        return old
    for room in person.rooms:
        room.directory.remove(key)
        room.directory.add(person.key)
    marks = session.hub.marks(person)
    _tell_rooms(session, lambda room: Renamed(old, name, room.name, None, *marks))
    return old


def go_on_as(session: Session, other: Person[Session]) -> None:
    """Go on as `other`."""
    person, session.person = session.person, other
    session.hub.release(session, person)
    other.add(session)
    session.hub.members_changed()


def _tell_change(session: Session, other: Person[Session]) -> None:
    """To each room it is a new name, or somebody has left or joined, or nothing has changed."""
    person = session.person
    marks = session.hub.marks(other)
    deed = object()
    for room in session.rooms:
        leaves, comes = not person.is_in(room, session), not other.is_in(room)
        if leaves:
            room.directory.remove(person.key)
        if comes:
            room.directory.add(other.key)
        if leaves and comes:
            told: Record | None = Renamed(person.name, other.name, room.name, None, *marks)
        elif comes:
            told = Joined(room.name, other.name, None, None, *marks, is_operator_of(session.hub, room, other) or None)
        else:
            told = Left(room.name, person.name, "leave") if leaves else None
        if told is not None and len(room.members) > 1:
            session.outbox.write_to_room(room, encode(told))
            if isinstance(told, Renamed) and len(session.rooms) > 1:
                room.tell_once(told, deed, session.outbox)


def tell_voices(person: Person[Session], line: bytes) -> None:
    """See `Bus.tell_voices`, of the connections here."""
    for session in person.sessions:
        if session.outbox.voice is not None:
            session.outbox.write_lines(line)


def _tell_rooms(session: Session, make: Callable[[Room[Session]], Record]) -> None:
    """Tell the others in each room of the person the record that `make` returns for it."""
    rooms = session.person.rooms
    deed = object()
    for room in rooms:
        if len(room.members) > 1 or session.outbox not in room.members:
            told = make(room)
            session.outbox.write_to_room(room, encode(told))
            if len(rooms) > 1 or isinstance(told, Away):
                room.tell_once(told, deed, session.outbox)
