"""The handlers behind the slash commands. What a command is called and takes is in `shared.commands`."""

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from shared.codec import encode, with_re
from shared.commands import BY_NAME, COMMANDS
from shared.errors import RequestError
from shared.framing import MAX_BODY
from shared.messages import Command, Help, Joined, Left, Renamed, RoomInfo, Rooms, Users
from shared.text import fold, quote, room_name, user_name

if TYPE_CHECKING:
    from reactor.chat.hub import Hub
    from reactor.chat.session import Session

_ROOM_FOR_ITEMS = MAX_BODY - 512  # what stands around the items of a list is at most a room's name and some keys


def run_command(session: "Session", hub: "Hub", command: Command) -> None:
    """Check the command against the table and carry it out. Raises `RequestError`."""
    info = BY_NAME.get(command.name)
    if info is None:
        raise RequestError("unknown-command", f"there is no command {quote(command.name)}: see /help")
    argument = (command.argument or "").strip()
    if info.argument and not argument:
        raise RequestError(
            "bad-argument", f"/{info.name} needs the {info.argument}: /{info.name} {info.argument.upper()}"
        )
    if argument and not info.argument:
        raise RequestError("bad-argument", f"/{info.name} takes nothing behind it, not {quote(argument)}")
    _HANDLERS[info.name](session, hub, argument, command.id)


def no_room(what: str) -> RequestError:
    """The refusal of something that needs a room."""
    return RequestError("no-room", f"you are in no room: /join one to {what}")


def _name(session: "Session", hub: "Hub", argument: str, re: int | None) -> None:
    new = user_name(argument)
    session.answer(Renamed(session.rename(new), new, re=re))


def _list(session: "Session", hub: "Hub", argument: str, re: int | None) -> None:
    if hub.listing is None:
        rooms = ((RoomInfo(room.name, len(room.members)), len(room.name.encode()) + 32) for room in hub.sorted_rooms())
        hub.listing = [encode(Rooms(page, more)) for page, more in _pages(rooms)]
    _answer(session, hub.listing, re)


def _join(session: "Session", hub: "Hub", argument: str, re: int | None) -> None:
    room = hub.room(room_name(argument))
    if room is not session.room:
        session.join(room)
    session.answer(Joined(room.name, session.name, len(room.members), re))


def _users(session: "Session", hub: "Hub", argument: str, re: int | None) -> None:
    room = session.room
    if room is None:
        raise no_room("see who is there")
    if room.listing is None:
        names = sorted((member.name for member in room.members), key=fold)
        pages = _pages((name, len(name.encode()) + 5) for name in names)
        room.listing = [encode(Users(room.name, page, more)) for page, more in pages]
    _answer(session, room.listing, re)


def _leave(session: "Session", hub: "Hub", argument: str, re: int | None) -> None:
    room = session.leave("leave")
    if room is None:
        raise no_room("leave it")
    session.answer(Left(room.name, session.name, re=re))


def _help(session: "Session", hub: "Hub", argument: str, re: int | None) -> None:
    session.answer(Help(list(COMMANDS), re))


def _close(session: "Session", hub: "Hub", argument: str, re: int | None) -> None:
    session.end_when_kept("close", "you closed the connection; see you", re)


def _answer(session: "Session", frames: list[bytes], re: int | None) -> None:
    """Answer with a listing that is kept until it changes, or all who ask in a crowd would have it made anew."""
    for frame in frames:
        session.answer_frame(frame if re is None else with_re(frame, re))


def _pages[T](items: Iterable[tuple[T, int]]) -> Iterator[tuple[list[T], bool]]:
    """The items, each with the most bytes it takes in a frame, in lists that fit one; whether there is more."""
    page: list[T] = []
    room = _ROOM_FOR_ITEMS
    for item, size in items:
        if size > room:
            yield page, True
            page, room = [], _ROOM_FOR_ITEMS
        page.append(item)
        room -= size
    yield page, False


_HANDLERS: dict[str, Callable[["Session", "Hub", str, int | None], None]] = {
    "name": _name,
    "list": _list,
    "join": _join,
    "users": _users,
    "leave": _leave,
    "help": _help,
    "close": _close,
}
