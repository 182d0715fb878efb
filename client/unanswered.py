"""What a person has asked for, from when it is typed until the server has answered it. Pure.

After a loss nobody knows what the server has done of it. A message is said again with the key it had, and commands that
can be given twice are given again; of all else the person is told that it is not known.
"""

from collections.abc import Iterator
from typing import NamedTuple

from pylingo.client.wording import UNCONFIRMED, typed
from pylingo.shared.messages import Command, Error, Say
from pylingo.shared.text import MAX_WORDS

_KEYS_KEPT = 20_000
_REPEATABLE = frozenset({"name", "list", "users", "help"})  # commands that can be given twice without harm
_MOVES = frozenset({"join", "leave"})  # commands that the return makes up for: it goes to the room asked for last


class Refusal(NamedTuple):
    """A request of the person that will never be done, and the error that says so."""

    request: Say | Command
    error: Error


class _Said(NamedTuple):
    """A message that is not confirmed: in which room (compared form), and what was the newest seen there then."""

    say: Say
    room: str
    after: int


class Unanswered:
    """Requests in the order in which they were made. Its length is their number."""

    def __init__(self) -> None:
        self.waiting: list[Say | Command] = []
        """Those that are still to be sent."""
        self._said: dict[str, _Said] = {}  # by key
        self._commands: dict[int, Command] = {}  # by id
        self._mine: dict[str, None] = {}  # keys of what is confirmed, the last ones

    def __len__(self) -> int:
        return len(self.waiting) + len(self._said) + len(self._commands)

    def forget(self) -> int:
        """Give up all; returns how many that are."""
        count = len(self)
        self.waiting.clear()
        self._said.clear()
        self._commands.clear()
        return count

    def sent(self, request: Say | Command, room: str, after: int) -> None:
        """A request with an id, and a message with a key, has been sent."""
        match request:
            case Say(key=str(key)):
                self._said[key] = _Said(request, room, after)
            case Command(id=int(number)):
                self._commands[number] = request

    def is_said(self, key: str) -> bool:
        """Whether the message with this key is to be confirmed."""
        return key in self._said

    def is_mine(self, key: str | None) -> bool:
        """Whether a message with this key was said here, and is confirmed."""
        return key in self._mine

    def confirm(self, key: str) -> None:
        """The server has the message with this key."""
        self._said.pop(key, None)
        self._mine[key] = None
        if len(self._mine) > _KEYS_KEPT:
            del self._mine[next(iter(self._mine))]

    def answered(self, number: int) -> Say | Command | None:
        """The request that had this id, which is not waited for any more."""
        if number in self._commands:
            return self._commands.pop(number)
        for key, said in self._said.items():
            if said.say.id == number:
                del self._said[key]
                return said.say
        return None

    def command_answered(self, number: int) -> None:
        """The command with this id was done, if there is one."""
        self._commands.pop(number, None)

    def move(self, before: str, after: str) -> None:
        """What was said for a room that could not be joined was said in the one before."""
        for key, said in self._said.items():
            if said.room == before:
                self._said[key] = said._replace(room=after)

    def seen_before(self, room: str) -> Iterator[int]:
        """For each message to a room: the newest stamp there that was seen when it was said."""
        return (said.after for said in self._said.values() if said.room == room)

    def after_return(self, room: str) -> tuple[list[Say], list[Say | Command], list[Refusal]]:
        """What to do in the room that one has come back to.

        Messages to be sent as they were; requests to be sent anew; and those of which nobody knows what became of them.
        """
        again, unknown = [], []
        for key, (say, place, _) in list(self._said.items()):
            if place == room:
                again.append(say)
            else:
                del self._said[key]
                unknown.append(_unknown(say, f"arrived in the room before: {say.text}"))
        anew: list[Say | Command] = []
        for command in self._commands.values():
            if command.name in _REPEATABLE:
                anew.append(command)
            elif command.name not in _MOVES:
                unknown.append(_unknown(command, f"was done: {typed(command)}"))
        anew += self.waiting
        self._commands = {}
        self.waiting = []
        return again, anew, unknown


def _unknown(request: Say | Command, words: str) -> Refusal:
    return Refusal(request, Error(UNCONFIRMED, f"it is not known whether this {words}"[:MAX_WORDS]))
