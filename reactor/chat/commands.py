"""The handlers of the slash commands. `shared.commands` has their names and arguments."""

from collections.abc import Callable, Iterator

from pylingo.reactor.chat.listing import Listing
from pylingo.reactor.chat.session import Session
from pylingo.shared.codec import encode
from pylingo.shared.commands import BY_NAME, COMMANDS
from pylingo.shared.errors import RequestError
from pylingo.shared.messages import Command, Help, Joined, Left, Renamed, RoomInfo, Rooms, Users
from pylingo.shared.names import room_name, user_name
from pylingo.shared.text import quote


def run_command(session: Session, command: Command) -> None:
    """Check a command against the table and run its handler. Raises `RequestError`."""
    info = BY_NAME.get(command.name)
    if info is None:
        raise RequestError("unknown-command", f"there is no command {quote(command.name)}: see /help")
    argument = (command.argument or "").strip()
    if info.argument and not argument:
        raise RequestError(
            "bad-argument", f"/{info.name} needs the {info.argument}: /{info.name} {info.argument.upper()}"
        )
    if argument and not info.argument:
        raise RequestError("bad-argument", f"/{info.name} takes no argument, not {quote(argument)}")
    _HANDLERS[info.name](session, argument, command.id)


def no_room(what: str) -> RequestError:
    """The error for a request that needs a room."""
    return RequestError("no-room", f"you are in no room: /join one to {what}")


def _name(session: Session, argument: str, re: int | None) -> None:
    new = user_name(argument)
    session.reply(Renamed(session.rename(new), new, re=re))


def _list(session: Session, argument: str, re: int | None) -> None:
    def rooms(keys: list[str]) -> Iterator[tuple[RoomInfo, int]]:
        for key in keys:
            room = session.hub.rooms[key]
            yield RoomInfo(room.name, len(room.members)), _size(room.name) + 32

    def make(page: list[RoomInfo], more: bool) -> bytes:
        return encode(Rooms(page, more))

    session.begin_listing(Listing(session, session.hub.directory, rooms, make, re))


def _join(session: Session, argument: str, re: int | None) -> None:
    room = session.hub.room(room_name(argument))
    if room is not session.room:
        session.join(room)
    session.reply(Joined(room.name, session.person.name, len(room.members), re))


def _users(session: Session, argument: str, re: int | None) -> None:
    room = session.room
    if room is None:
        raise no_room("see who is there")
    called = room.name

    def names(keys: list[str]) -> Iterator[tuple[str, int]]:
        for key in keys:
            name = session.hub.named(key).person.name
            yield name, _size(name) + 5

    def make(page: list[str], more: bool) -> bytes:
        return encode(Users(called, page, more))

    session.begin_listing(Listing(session, room.directory, names, make, re))


def _leave(session: Session, argument: str, re: int | None) -> None:
    room = session.leave("leave")
    if room is None:
        raise no_room("leave it")
    session.reply(Left(room.name, session.person.name, re=re))


def _help(session: Session, argument: str, re: int | None) -> None:
    session.reply(Help(list(COMMANDS), re))


def _close(session: Session, argument: str, re: int | None) -> None:
    session.end_when_kept("close", "you closed the connection; see you", re)


def _size(name: str) -> int:
    """The size of a name in bytes."""
    return len(name) if name.isascii() else len(name.encode())


_HANDLERS: dict[str, Callable[[Session, str, int | None], None]] = {
    "name": _name,
    "list": _list,
    "join": _join,
    "users": _users,
    "leave": _leave,
    "help": _help,
    "close": _close,
}
