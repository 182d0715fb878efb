"""The keys that the messages of a log were sent with, so that a message that is sent twice is said once. Pure.

There is an index for each log that somebody uses keys in, read out of Redis when the first key is looked up. All of
them together take a bounded amount of memory; the one that was used longest ago is given up first, and read again when
it is needed.
"""

from collections import OrderedDict
from collections.abc import Iterable

from pylingo.reactor.bus.redis.log_reader import Keyed

MEMORY = 32 * 2**20
"""Bytes of memory that the keys of all logs may take."""
_KEY_SIZE = 480  # bytes of a key's places in the index besides its strings, as in `history.memory`
_LOG_SIZE = 600  # bytes of an index without keys
_TRIM = 1_000  # keys that are added before the oldest ones are trimmed, at least


class KeyIndex:
    """The keys of one log. `size` is an estimate in bytes.

    `read_until` is the stamp of the last entry that was read, 0 before the first. `is_current` says that everything is
    known: the log was read to its end, and whatever is added to it is noted.
    """

    __slots__ = ("_authors", "_keys", "_trim_at", "is_busy", "is_current", "read_until", "size")

    def __init__(self) -> None:
        self._authors: dict[int, tuple[str, int, str]] = {}  # key, session and compared name by stamp
        self._keys: dict[tuple[str, int | str], int] = {}
        self.size = _LOG_SIZE
        self.read_until = 0
        self.is_current = False
        self.is_busy = False
        """Whether the log is being read. Then the index is not given up."""
        self._trim_at = _TRIM

    def __len__(self) -> int:
        return len(self._authors)

    def must_trim(self) -> bool:
        """Whether so many keys were added that `trim` is due. Returns True once for each time that it is due."""
        is_due = len(self._authors) >= self._trim_at
        if is_due:
            self._trim_at = 2 * len(self._authors)
        return is_due

    def note(self, key: str, session: int, name: str, at: int) -> None:
        """Add a message that the session has sent under that compared name. It may be in the index already."""
        if at in self._authors:
            return
        self._authors[at] = key, session, name
        self.size += _KEY_SIZE + len(key) + len(name)
        for who in (session, name):
            self._keys[key, who] = max(at, self._keys.get((key, who), 0))

    def find(self, key: str, session: int, name: str, others: Iterable[int] = ()) -> int | None:
        """See `History.find`. `name` is the compared name."""
        at = self._keys.get((key, session))
        if at is not None or (at := self._keys.get((key, name))) is None or self._authors[at][1] not in others:
            return at
        # The newest one does not count, but there may be an older one.
        stamps = (at for at, (its_key, _, author) in self._authors.items() if (its_key, author) == (key, name))
        return min((at for at in stamps if self._authors[at][1] not in others), default=None)

    def trim(self, oldest: int) -> None:
        """Forget the messages below a stamp."""
        for at in [at for at in self._authors if at < oldest]:
            key, session, name = self._authors.pop(at)
            self.size -= _KEY_SIZE + len(key) + len(name)
            for who in (session, name):
                if self._keys.get((key, who)) == at:
                    del self._keys[key, who]
        self._trim_at = 2 * len(self._authors) + _TRIM


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

    def note(self, log: str, keyed: Keyed) -> KeyIndex | None:
        """Note a message. Returns the index, None if the log has none."""
        index = self._logs.get(log)
        if index is not None:
            self.add(log, index, keyed)
            self._logs.move_to_end(log)
        return index

    def add(self, log: str, index: KeyIndex, keyed: Keyed) -> None:
        """Add what was read out of the log to its index, which may have been given up meanwhile."""
        size = index.size
        index.note(*keyed)
        if self._logs.get(log) is index:
            self.size += index.size - size
            self._shrink(log)

    def trim(self, log: str, index: KeyIndex, oldest: int) -> None:
        """Forget the messages of a log below a stamp."""
        size = index.size
        index.trim(oldest)
        if self._logs.get(log) is index:
            self.size += index.size - size

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
