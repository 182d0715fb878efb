"""The rooms that we are in, and those that we want to be in. Pure.

While requests are under way the two differ: after `/open ops` the person's next words are for ops, although the server
has not answered yet. After a connection broke, they differ until the rooms have been entered again.
"""

from collections.abc import Iterable

from pylingo.client.features import ROOMS
from pylingo.shared.messages import Command, Joined
from pylingo.shared.names import fold

MOVES = frozenset({"join", "open", "leave"})
"""The commands that change which rooms we are in."""
MOST_ROOMS = 20
"""The rooms that a session can be in, as the protocol says."""


class Membership:
    """Lists of rooms have the current room first. `wanted` are the rooms to enter."""

    def __init__(self, wanted: Iterable[str]) -> None:
        self.rooms: list[str] = []
        """Our rooms, as the server has said."""
        self._goal: list[str] = []  # what a new connection restores
        for room in wanted:
            self._goal += without([bare(room)], self._goal)
        self.missing: str | None = None
        """The room that was to be current and could not be entered, until we enter another one on request."""
        self._is_restored = False  # if so, our rooms are those that we want, but for the moves without a reply
        self._moves: dict[int, Command] = {}  # those without a reply, by id
        self._entering: dict[int, Command] = {}  # those of a new connection without a reply, by id
        self._leaving: list[Command] = []  # those that a new connection sends once all rooms are entered

    @property
    def places(self) -> set[str]:
        """The compared forms of our rooms."""
        return set(map(fold, self.rooms))

    @property
    def wanted(self) -> list[str]:
        """Our rooms once everything requested is done."""
        rooms = self.rooms if self._is_restored else self._goal
        for move in self._moves.values():
            rooms = moved(rooms, move)
        return rooms

    @property
    def wanted_current(self) -> str | None:
        """The room to which words belong that name none."""
        return next(iter(self.wanted), None)

    @property
    def is_entering(self) -> bool:
        """Whether a new connection still waits for a room."""
        return bool(self._entering)

    # --- requests

    def sent(self, command: Command) -> None:
        """A command of the person, with an id, has been sent."""
        if command.name in MOVES and command.id is not None:
            self._moves[command.id] = command

    def entered(self, command: Command) -> None:
        """A command of `restoration`, with an id, has been sent."""
        if command.id is not None:
            self._entering[command.id] = command

    def refused(self, number: int | None) -> str | None:
        """The request with this id was refused. Returns the room that we did not enter, if it was one to enter."""
        if number is None:
            return None
        command = self._entering.pop(number, None)
        if command is not None:
            room = bare(command.argument)
            if self._goal and fold(room) == fold(self._goal[0]):
                self.missing = self.missing or room
            self._goal = without(self._goal, [room])
        else:
            command = self._moves.pop(number, None)
        return bare(command.argument) if command is not None and command.name != "leave" else None

    # --- the server's answers

    def ready(self, rooms: Iterable[str]) -> None:
        """A session begins, or goes on, in these rooms."""
        self.rooms = list(rooms)

    def drop_surplus(self) -> list[str]:
        """Give up the rooms beyond the most that one can be in, and return them. The first rooms stay."""
        self._goal, surplus = self._goal[:MOST_ROOMS], self._goal[MOST_ROOMS:]
        return surplus

    def restoration(self, features: Iterable[str]) -> list[Command]:
        """The commands that enter missing rooms. `restored` has those that leave rooms which are not wanted any more.

        A server that has no several rooms gets at most one of them all.
        """
        missing, extra = without(self._goal, self.rooms), without(self.rooms, self._goal)
        if ROOMS not in features:
            entering = [Command("join", room) for room in self._goal[:1] if room in missing]
            self._leaving = [Command("leave") for _ in extra[:1] if not entering]
            return entering
        entering = []
        for room in reversed(missing):  # the last one becomes the current room
            if extra:
                entering.append(Command("join", room, room=extra.pop(0)))
            else:
                entering.append(Command("open", room))
        self._leaving = [Command("leave", room=room) for room in extra]
        rooms = self.rooms
        for command in (*entering, *self._leaving):
            rooms = moved(rooms, command)
        if self._goal and fold(rooms[0]) != fold(self._goal[0]):
            entering.append(Command("open", self._goal[0]))
        return entering

    def restored(self) -> list[Command]:
        """Every room is entered or refused, and only those entered are wanted. Returns commands that leave others."""
        self._is_restored = True
        return self._leaving

    def joined(self, joined: Joined) -> None:
        """We entered a room, or made it the current one."""
        if not self._entering:
            self.missing = None
        move = self._answered(joined.re) or Command("join")
        self.rooms = moved(self.rooms, Command(move.name, joined.room, room=move.room))

    def left(self, room: str, current: str | None, number: int | None) -> None:
        """We left a room; another one may be `current` now."""
        self._answered(number)
        self.removed(room, current)

    def removed(self, room: str, current: str | None) -> None:
        """We are out of a room, as after `left`, without a request of ours. A reconnect does not enter it again."""
        self.rooms = without(self.rooms, [room])
        self._goal = without(self._goal, [room])
        if current is not None:
            self.rooms = moved(self.rooms, Command("open", current))

    def disconnected(self) -> None:
        """Everything requested is restored on the next connection."""
        self._goal = self.wanted
        self._is_restored = False
        self._moves.clear()
        self._entering.clear()

    def _answered(self, number: int | None) -> Command | None:
        """Remove and return the move with this id; without an id, the oldest one."""
        for moves in (self._entering, self._moves):
            found = next(iter(moves), None) if number is None else number
            if found is not None and (move := moves.pop(found, None)) is not None:
                return move
        return None


def bare(room: str | None) -> str:
    """A room's name as the server keeps it, from one as a person types it."""
    return (room or "").strip().removeprefix("#")


def without(rooms: Iterable[str], others: Iterable[str]) -> list[str]:
    """The rooms of `rooms` that are not in `others`."""
    gone = set(map(fold, others))
    return [room for room in rooms if fold(room) not in gone]


def moved(rooms: list[str], move: Command) -> list[str]:
    """Our rooms after the server has carried out `move`."""
    room = bare(move.argument)
    left = [move.room] if move.room else rooms[:1]
    match move.name:
        case "leave" if not room:  # with an argument it is refused
            return without(rooms, left)
        case "join" if room:
            return [room, *without(rooms, [*left, room])]
        case "open" if room:
            return [room, *without(rooms, [room])]
    return rooms
