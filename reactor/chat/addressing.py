"""The room that a request names, or else the current one."""

from pylingo.reactor.chat.hub import name_work
from pylingo.reactor.chat.room import Room
from pylingo.reactor.chat.session import Session
from pylingo.shared.errors import RequestError
from pylingo.shared.names import MAX_TYPED, fold
from pylingo.shared.text import quote


def given(name: str | None) -> str | None:
    """The room or the person that a request names. An empty name counts as absent, as an empty argument does."""
    return (name or "").strip() or None


def no_room(what: str) -> RequestError:
    """The error for a request that needs a room, to do `what`."""
    return RequestError("no-room", f"you are in no room: /join one to {what}")


def find_room(session: Session, name: str | None) -> Room[Session] | None:
    """The room that a request names, or the current one. Raises `RequestError` `not-in-room`."""
    name = given(name)
    if name is None:
        return session.room
    name = name.removeprefix("#")
    session.hub.tick.work += name_work(name)
    key = fold(name) if len(name) <= MAX_TYPED else None
    for room in session.rooms:
        if room.key == key:
            return room
    raise RequestError("not-in-room", f"you are not in a room {quote(name)}: /open it first")


def need_room(session: Session, name: str | None, what: str) -> Room[Session]:
    """As `find_room`. Raises `RequestError` `no-room` if there is no current one, which one needs to do `what`."""
    room = find_room(session, name)
    if room is None:
        raise no_room(what)
    return room
