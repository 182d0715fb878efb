"""Looking up keys: whether a message was sent before, whichever server it was sent to.

The feed of a room tells every message of the room, so the index of a room is read once and then kept up to date. The
messages of a conversation are not told to every server, so each look-up reads what was added to the conversation since
the one before. A message that is on its way to Redis is *pending*: a look-up of its key waits until it is known.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from pylingo.reactor.bus.redis.key_index import MEMORY, NEWEST, KeyIndex, KeyIndexes
from pylingo.reactor.bus.redis.keys import Keys
from pylingo.reactor.bus.redis.log_reader import Clock, Keyed, log_of, read_keys
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


class _Pending:
    """A message on its way, and the look-ups that wait for it. `next` is another one with the same key."""

    __slots__ = ("name", "next", "session", "waiting")

    def __init__(self, session: int, name: str, next: "_Pending | None") -> None:
        self.session = session
        self.name = name  # compared
        self.next = next
        self.waiting: list[_Asked] | None = None

    def is_sought(self, session: int, name: str, others: Numbers) -> bool:
        return self.session == session or (self.name == name and self.session not in others)


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
        self._pending: dict[tuple[str, str], _Pending] = {}  # by log and key

    # --- what the bus tells

    def pending(self, log: str, key: str, session: int, name: str) -> None:
        """Note that a message with a key is on its way to Redis."""
        place = log, key
        self._pending[place] = _Pending(session, name, self._pending.get(place))

    def noted(self, log: str, key: str, session: int, name: str, at: int) -> None:
        """Note that a message with a key is in the log, of this server or of another one."""
        self._indexes.note(log, Keyed(key, session, name, at))
        for asked in self._no_longer_pending(log, key, session):
            asked.answer(at)

    def abandoned(self, log: str, key: str, session: int) -> None:
        """Note that a pending message will not be in the log."""
        for asked in self._no_longer_pending(log, key, session):
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
        if self._pending_one(log, key, session, folded(name), ()) is not None:
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
        pending = None if at is not None else self._pending_one(log, asked.key, asked.session, asked.name, asked.others)
        if pending is not None:
            pending.waiting = [*(pending.waiting or ()), asked]
        else:
            asked.answer(at)

    def _pending_one(self, log: str, key: str, session: int, name: str, others: Numbers) -> _Pending | None:
        pending = self._pending.get((log, key))
        while pending is not None and not pending.is_sought(session, name, others):
            pending = pending.next
        return pending

    def _no_longer_pending(self, log: str, key: str, session: int) -> Sequence[_Asked]:
        """Forget a pending message of a session. Return the look-ups that waited for it."""
        place = log, key
        before, pending = None, self._pending.get(place)
        while pending is not None and pending.session != session:
            before, pending = pending, pending.next
        if pending is None:
            return ()
        if before is not None:
            before.next = pending.next
        elif pending.next is not None:
            self._pending[place] = pending.next
        else:
            del self._pending[place]
        return pending.waiting or ()
