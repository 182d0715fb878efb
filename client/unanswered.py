"""The requests of a person that have no reply yet. Pure.

After a connection broke, nobody knows which of them the server has carried out. Messages are sent again with their
keys, and commands that can be repeated are sent again. For all others the person is told that the outcome is unknown.
"""

import os
from collections.abc import Container, Iterator
from dataclasses import dataclass

from pylingo.client.events import Refused
from pylingo.client.histories import INBOX
from pylingo.client.membership import MOVES
from pylingo.client.wording import UNCONFIRMED, typed
from pylingo.shared.messages import Command, Error, Say
from pylingo.shared.text import MAX_WORDS

KEYS_KEPT = 20_000
"""Keys of confirmed messages that are remembered, to recognise own messages in the history."""
_REPEATABLE = frozenset({"name", "list", "users", "help", "who", "whois", "away"})
"""Commands that can be sent twice without harm. `MOVES` are not sent again: a reconnect restores the rooms."""


def new_key() -> str:
    """Return a random key for a message. Equal to `secrets.token_hex(8)`, whose module takes long to import."""
    return os.urandom(8).hex()


@dataclass(slots=True)
class _Said:
    """An unconfirmed message, its place (see `histories`), and the newest stamp seen there when it was said."""

    say: Say
    place: str
    after: int
    is_lost: bool = False
    """Whether the connection broke since it was sent."""


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

    def said(self, say: Say, place: str, after: int) -> None:
        """A message with an id and a key has been sent."""
        if say.key is not None:
            self._said[say.key] = _Said(say, place, after)

    def commanded(self, command: Command) -> None:
        """A command with an id has been sent."""
        if command.id is not None:
            self._commands[command.id] = command

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
        for said in self._said.values():
            if said.place == before:
                said.place = after

    def seen_before(self, place: str) -> Iterator[int]:
        """For each unconfirmed message to `place`, the newest stamp seen there when it was said."""
        return (said.after for said in self._said.values() if said.place == place)

    # --- after a connection broke

    def disconnected(self) -> None:
        for said in self._said.values():
            said.is_lost = True

    def again(self, places: Container[str]) -> list[Say]:
        """The messages to `places` that were lost. They are to be sent again, unchanged."""
        again = [said for said in self._said.values() if said.is_lost and said.place in places]
        for said in again:
            said.is_lost = False
        return [said.say for said in again]

    def end_conversations(self) -> list[Refused]:
        """Give up all private messages: the session to which the conversations belonged is over.

        By now, the names of the recipients may belong to other people.
        """
        refused = []
        for key, said in list(self._said.items()):
            if said.place == INBOX:
                del self._said[key]
                refused.append(_unknown(said.say, f"reached {said.say.to}: {said.say.text}"))
        waiting, self.waiting = self.waiting, []
        for request in waiting:
            if isinstance(request, Say) and request.to is not None:
                refused.append(_unsent(request))
            else:
                self.waiting.append(request)
        return refused

    def after_return(self) -> tuple[list[Say | Command], list[Refused]]:
        """Sort out what is left after a reconnect. Returns requests to send with new ids, and unknown outcomes.

        The lost messages that were not sent again are for rooms that we are no longer in.
        """
        anew: list[Say | Command] = []
        unknown = []
        for key, said in list(self._said.items()):
            if said.is_lost:
                del self._said[key]
                unknown.append(_unknown(said.say, f"arrived in {said.say.room or said.place}: {said.say.text}"))
        for command in self._commands.values():
            if command.name in _REPEATABLE or (command.name == "topic" and not command.argument):
                anew.append(command)
            elif command.name not in MOVES:
                unknown.append(_unknown(command, f"was done: {typed(command)}"))
        anew += self.waiting
        self._commands = {}
        self.waiting = []
        return anew, unknown


def _unknown(request: Say | Command, words: str) -> Refused:
    return Refused(request, Error(UNCONFIRMED, f"it is not known whether this {words}"[:MAX_WORDS]))


def _unsent(say: Say) -> Refused:
    words = f"this was not sent, because the conversation with {say.to} ended with the connection: {say.text}"
    return Refused(say, Error(UNCONFIRMED, words[:MAX_WORDS]))
