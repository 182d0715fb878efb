"""The requests of a person that have no reply yet. Pure.

After a connection broke, nobody knows which of them the server has carried out. Messages are sent again with their
keys, and commands that can be repeated are sent again. For all others the person is told that the outcome is unknown.
"""

from collections.abc import Iterator
from typing import NamedTuple

from pylingo.client.events import Refused
from pylingo.client.wording import UNCONFIRMED, typed
from pylingo.shared.messages import Command, Error, Say
from pylingo.shared.text import MAX_WORDS

KEYS_KEPT = 20_000
"""Keys of confirmed messages that are remembered, to recognise own messages in the history."""
_REPEATABLE = frozenset({"name", "list", "users", "help"})  # commands that can be sent twice without harm
_MOVES = frozenset({"join", "leave"})  # commands that a reconnect replaces: it joins the room asked for last


class _Said(NamedTuple):
    """An unconfirmed message, its room (compared form), and the newest stamp seen there when it was said."""

    say: Say
    room: str
    after: int


class Unanswered:
    """Requests in the order in which they were made. `len` gives their number."""

    def __init__(self) -> None:
        self.waiting: list[Say | Command] = []
        """Requests that are not sent yet."""
        self._said: dict[str, _Said] = {}  # by key
        self._commands: dict[int, Command] = {}  # by id
        self._mine: dict[str, None] = {}  # keys of the latest confirmed messages

    def __len__(self) -> int:
        return len(self.waiting) + len(self._said) + len(self._commands)

    def forget(self) -> int:
        """Give up all requests. Returns their number."""
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
        """Whether the message with this key awaits its confirmation."""
        return key in self._said

    def is_mine(self, key: str | None) -> bool:
        """Whether the message with this key was said by us and is confirmed."""
        return key in self._mine

    def confirm(self, key: str) -> None:
        self._said.pop(key, None)
        self._mine[key] = None
        if len(self._mine) > KEYS_KEPT:
            del self._mine[next(iter(self._mine))]

    def answered(self, number: int) -> Say | Command | None:
        """Remove and return the request with this id."""
        if (command := self._commands.pop(number, None)) is not None:
            return command
        for key, said in self._said.items():
            if said.say.id == number:
                del self._said[key]
                return said.say
        return None

    def command_answered(self, number: int) -> None:
        """The command with this id was carried out, if there is one."""
        self._commands.pop(number, None)

    def move(self, before: str, after: str) -> None:
        """Messages for `before`, a room that could not be joined, were said in `after` instead."""
        for key, said in self._said.items():
            if said.room == before:
                self._said[key] = said._replace(room=after)

    def seen_before(self, room: str) -> Iterator[int]:
        """For each unconfirmed message to `room`, the newest stamp seen there when it was said."""
        return (said.after for said in self._said.values() if said.room == room)

    def after_return(self, room: str) -> tuple[list[Say], list[Say | Command], list[Refused]]:
        """Sort out the unconfirmed requests after a reconnect that ended in `room`.

        Returns messages to send unchanged, requests to send with new ids, and requests whose outcome is unknown.
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


def _unknown(request: Say | Command, words: str) -> Refused:
    return Refused(request, Error(UNCONFIRMED, f"it is not known whether this {words}"[:MAX_WORDS]))
