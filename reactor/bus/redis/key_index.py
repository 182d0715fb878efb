"""The keys that the messages of a log were sent with, so that a message that is sent twice is said once. Pure.

There is an index for each log that somebody uses keys in, read out of Redis when the first key is looked up. It knows
the newest messages, and all indexes together take a bounded amount of memory; the one that was used longest ago is
given up first, and read again when it is needed.
"""

import itertools
from collections import OrderedDict
from collections.abc import Iterable

from pylingo.reactor.bus.redis.blob import Author
from pylingo.reactor.bus.redis.log_reader import Keyed

MEMORY = 32 * 2**20
"""Bytes of memory that the keys of all logs may take."""
NEWEST = 1_000
"""The messages with keys that an index knows, at least. Redis may have more: a batch with many of them counts once."""
_SLACK = 1_000  # keys above that, before the first are forgotten
_KEY_SIZE = 480  # bytes of a message in the index besides its key
_LOG_SIZE = 600  # bytes of an index without keys

type _Said = tuple[int, Author]  # the stamp of a message, and who has said it


class KeyIndex:
    """The keys of one log. `size` is an estimate in bytes.

    `read_until` is the stamp of the last entry that was read, 0 before the first. `is_current` says that everything is
    known: the log was read to its end, and whatever is added to it is noted.

    Nearly every key is used once, and is looked up once before that. So messages are kept by their key alone.
    """

    __slots__ = ("_by_key", "_others", "is_busy", "is_current", "read_until", "size")

    def __init__(self) -> None:
        self._by_key: dict[str, _Said] = {}
        self._others: dict[str, list[_Said]] = {}  # further messages with a key that another one has
        self.size = _LOG_SIZE
        self.read_until = 0
        self.is_current = False
        self.is_busy = False
        """Whether the log is being read. Then the index is not given up."""

    def __len__(self) -> int:
        return len(self._by_key) + sum(map(len, self._others.values()))

    def note(self, keyed: Keyed) -> None:
        """Add messages. They may be in the index already.

        Beyond `NEWEST` keys, those that were noted first are forgotten now and then.
        """
        keys, author, first = keyed
        said = dict(zip(keys, zip(itertools.count(first), itertools.repeat(author)), strict=False))
        if len(said) == len(keys) and self._by_key.keys().isdisjoint(said):
            self._by_key.update(said)
            self.size += _KEY_SIZE * len(said) + sum(map(len, said))
        else:
            for at, key in enumerate(keys, first):
                self._note_one(key, (at, author))
        if len(self._by_key) > NEWEST + _SLACK:
            self._trim()

    def _note_one(self, key: str, said: _Said) -> None:
        known = self._by_key.get(key)
        if known is None:
            self._by_key[key] = said
        elif known[0] == said[0] or said in self._others.get(key, ()):
            return
        else:
            self._others.setdefault(key, []).append(said)
        self.size += _KEY_SIZE + len(key)

    def find(self, key: str, session: int, name: str, others: Iterable[int] = ()) -> int | None:
        """See `History.find`. `name` is the compared name."""
        known = self._by_key.get(key)
        if known is None:
            return None
        messages = [known, *self._others.get(key, ())]
        own: list[int] = [at for at, author in messages if author.session == session]
        if own:
            return max(own)
        same: list[int] = [at for at, author in messages if author.name == name and author.session not in others]
        if not same:
            return None
        newest: int = max(at for at, author in messages if author.name == name)
        return newest if newest in same else min(same)

    def _trim(self) -> None:
        """Forget the keys that were noted first."""
        self._by_key = dict(itertools.islice(self._by_key.items(), _SLACK, None))
        self._others = {key: messages for key, messages in self._others.items() if key in self._by_key}
        strings = sum(map(len, self._by_key)) + sum(len(key) * len(it) for key, it in self._others.items())
        self.size = _LOG_SIZE + _KEY_SIZE * len(self) + strings


class KeyIndexes:
    """The indexes of all logs, which take about `most` bytes together."""

    def __init__(self, most: int = MEMORY) -> None:
        self._most = most
        self._logs: OrderedDict[str, KeyIndex] = OrderedDict()  # the one that was used longest ago comes first
        self.size = 0

    def __len__(self) -> int:
        return len(self._logs)

    def get(self, log: str) -> KeyIndex | None:
        return self._logs.get(log)

    def open(self, log: str) -> KeyIndex:
        """The index of a log, which may be a new one."""
        index = self._logs.get(log)
        if index is None:
            index = self._logs[log] = KeyIndex()
            self.size += index.size
        self._logs.move_to_end(log)
        self._shrink(log)
        return index

    def note(self, log: str, keyed: Keyed) -> None:
        """Note messages, if the log has an index."""
        index = self._logs.get(log)
        if index is not None:
            self.add(log, index, keyed)
            self._logs.move_to_end(log)

    def add(self, log: str, index: KeyIndex, keyed: Keyed) -> None:
        """Add what was read out of the log to its index, which may have been given up meanwhile."""
        size = index.size
        index.note(keyed)
        if self._logs.get(log) is index:
            self.size += index.size - size
            self._shrink(log)

    def drop(self, log: str) -> None:
        """Give up the index of a log."""
        index = self._logs.pop(log, None)
        if index is not None:
            self.size -= index.size

    def _shrink(self, keep: str) -> None:
        """Give up indexes until the rest is within the bound. The one that is in use stays."""
        if self.size > self._most:
            for log in [log for log, index in self._logs.items() if log != keep and not index.is_busy]:
                self.drop(log)
                if self.size <= self._most:
                    return
