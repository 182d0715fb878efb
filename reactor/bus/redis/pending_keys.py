"""The keys of the messages that are on their way to Redis, and the look-ups that wait for them. Pure.

Nearly every key is on its way once, and nobody waits for it: then nothing is kept but who has sent it.
"""

from collections.abc import Sequence

from pylingo.reactor.bus.redis.blob import Author
from pylingo.reactor.history.history import Numbers


class _Message[W]:
    """A message that somebody waits for, or one of several with the same key."""

    __slots__ = ("author", "waiting")

    def __init__(self, author: Author) -> None:
        self.author = author
        self.waiting: list[W] = []


class PendingKeys[W]:
    """See the module. `W` is a look-up that waits. Logs are named as `History` names them."""

    def __init__(self) -> None:
        self._logs: dict[str, dict[str, Author | list[_Message[W]]]] = {}

    def add(self, log: str, key: str, author: Author) -> None:
        """A message with a key is on its way."""
        keys = self._logs.get(log)
        if keys is None:
            keys = self._logs[log] = {}
        if key not in keys:
            keys[key] = author
        else:
            self._several(log, key).append(_Message(author))

    def find(self, log: str, key: str, session: int, name: str, others: Numbers) -> Author | None:
        """Return the author of a message with a key that a look-up has to wait for; None if there is none.

        It is a message of the session, or under the compared name and not of one of the `others`. The newest counts.
        """
        keys = self._logs.get(log)
        if keys is None or key not in keys:
            return None
        for message in reversed(self._several(log, key)):
            author = message.author
            if author.session == session or (author.name == name and author.session not in others):
                return author
        return None

    def wait(self, log: str, key: str, author: Author, asked: W) -> None:
        """Have a look-up wait for the newest message of `author` with a key, which `find` has returned."""
        next(it for it in reversed(self._several(log, key)) if it.author == author).waiting.append(asked)

    def remove(self, log: str, keys: Sequence[str], session: int) -> list[tuple[int, W]]:
        """Messages of a session are not on their way any more. Return those that wait, with the place of the key."""
        pending = self._logs.get(log)
        if pending is None or pending.keys().isdisjoint(keys):
            return []
        waiting: list[tuple[int, W]] = []
        for place, key in enumerate(keys):
            found = pending.get(key)
            if isinstance(found, Author):
                if found.session == session:
                    del pending[key]
            elif found is not None:
                message = next((it for it in reversed(found) if it.author.session == session), None)
                if message is not None:
                    found.remove(message)
                    if not found:
                        del pending[key]
                    waiting += ((place, asked) for asked in message.waiting)
        if not pending:
            del self._logs[log]
        return waiting

    def _several(self, log: str, key: str) -> list[_Message[W]]:
        """The messages with a key, as a list to which more can be added."""
        found = self._logs[log][key]
        if isinstance(found, Author):
            found = self._logs[log][key] = [_Message(found)]
        return found
