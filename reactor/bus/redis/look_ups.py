"""Looking up keys: whether a message was sent before, whichever server it was sent to.

The feed of a room tells every message of the room, so the index of a room is read once and then kept up to date. The
messages of a conversation are not told to every server, so each look-up reads what was added to the conversation since
the one before. A message that is on its way to Redis is *pending*: a look-up of its key waits until it is known.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from pylingo.reactor.bus.redis.blob import Author
from pylingo.reactor.bus.redis.key_index import MEMORY, NEWEST, KeyIndex, KeyIndexes
from pylingo.reactor.bus.redis.keys import Keys
from pylingo.reactor.bus.redis.log_reader import Clock, Keyed, log_of, read_keys
from pylingo.reactor.bus.redis.pending_keys import PendingKeys
from pylingo.reactor.bus.redis.questions import Questions
from pylingo.reactor.history import private
from pylingo.reactor.history.history import Found, Numbers
from pylingo.reactor.history.memory import folded


@dataclass(frozen=True, slots=True)
class _Asked:
    """A look-up that waits."""

    key: str
    session: int
    name: str  # compared
    others: Numbers
    answer: Found


class LookUps:
    """The keys of all logs, within `most` bytes of memory.

    Logs are named as `History` names them, and compared names are those of `shared.names.fold`. `clock` gives seconds
    that never go back: a long reading rests by it.
    """

    def __init__(self, questions: Questions, keys: Keys, most: int = MEMORY, clock: Clock = time.monotonic) -> None:
        self._questions = questions
        self._keys = keys
        self._clock = clock
        self._indexes = KeyIndexes(most)
        self._waiting: dict[str, list[_Asked]] = {}  # by log: those that wait until it is read
        self._pending: PendingKeys[_Asked] = PendingKeys()

    # --- what the bus tells

    def pending(self, log: str, key: str, author: Author) -> None:
        """Note that a message with a key is on its way to Redis."""
        self._pending.add(log, key, author)

    def noted(self, log: str, keyed: Keyed) -> None:
        """Note that messages with keys are in the log, of this server or of another one."""
        self._indexes.note(log, keyed)
        for place, asked in self._pending.remove(log, keyed.keys, keyed.author.session):
            asked.answer(keyed.first + place)

    def abandoned(self, log: str, keys: Sequence[str], session: int) -> None:
        """Note that pending messages will not be in the log."""
        for _, asked in self._pending.remove(log, keys, session):
            self._look_up(log, asked)

    def drop(self, log: str) -> None:
        """Note that messages of a room are no longer told. Look-ups that wait are answered all the same."""
        self._indexes.drop(log)

    # --- what the core asks

    def find(self, log: str, key: str, session: int, name: str, others: Numbers = ()) -> int | None:
        """See `History.find`."""
        index = self._indexes.get(log)
        return None if index is None else index.find(key, session, folded(name), others)

    def may_hold(self, log: str, key: str, session: int, name: str) -> bool:
        """See `History.may_hold`."""
        if self._pending.find(log, key, session, folded(name), ()) is not None:
            return True
        index = self._indexes.get(log)
        return index is None or not index.is_current

    def look_up(self, log: str, key: str, session: int, name: str, answer: Found, others: Numbers = ()) -> None:
        """See `History.look_up`."""
        self._look_up(log, _Asked(key, session, folded(name), others, answer))

    def _look_up(self, log: str, asked: _Asked) -> None:
        index = self._indexes.get(log)
        if index is not None and index.is_current:
            self._settle(log, index, asked)
            return
        self._waiting.setdefault(log, []).append(asked)
        index = self._indexes.open(log)
        if not index.is_busy:
            self._read(log, index)

    def _read(self, log: str, index: KeyIndex) -> None:
        """Read what the index lacks, and answer those that wait by now.

        Those that come later need another reading, unless what is added to the log meanwhile is told.
        """
        index.is_busy = True
        waiting = self._waiting.pop(log)
        place = log_of(self._keys, log)

        def read(until: int) -> None:
            index.read_until = until
            index.is_busy = False
            index.is_current = not private.owners(log)
            if index.is_current and self._indexes.get(log) is index:
                waiting.extend(self._waiting.pop(log, ()))
            for asked in waiting:
                self._settle(log, index, asked)
            if self._waiting.get(log) and not (newer := self._indexes.open(log)).is_busy:
                self._read(log, newer)

        take = partial(self._indexes.add, log, index)
        steps = read_keys(place, index.read_until, NEWEST, take, self._clock)
        self._questions.ask(place.lane, steps, read)

    def _settle(self, log: str, index: KeyIndex, asked: _Asked) -> None:
        """Answer a look-up, unless the message is on its way."""
        at = index.find(asked.key, asked.session, asked.name, asked.others)
        author = None
        if at is None:
            author = self._pending.find(log, asked.key, asked.session, asked.name, asked.others)
        if author is not None:
            self._pending.wait(log, asked.key, author, asked)
        else:
            asked.answer(at)
