"""The batch of a room: the frames of one tick, joined once, shared by all members, and cut without copying."""

import itertools

from pylingo.reactor.chat.dialect import Dialect, records_of
from pylingo.shared.schema import Record


class Batch:
    """The frames of one room in one tick, in order. `stamps[i]` is the `at` of a message, else 0.

    Joined messages with stamps one after another are one frame, which has the stamp of the first.
    `Outbox.write_to_room` appends to both. Once the batch is sealed, `count`, `first` and `last` are the number of
    messages and the stamps of the first and the last, and `size` is the number of bytes. In other dialects it exists
    once somebody asks for it.
    """

    __slots__ = (
        "_data",
        "_foreign",
        "_records",
        "_runs",
        "_starts",
        "_translations",
        "count",
        "first",
        "frames",
        "last",
        "personal",
        "size",
        "stamps",
    )

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.stamps: list[int] = []
        self.count = self.size = 0
        self.personal: set[int] | None = None
        """The places of frames about a person, which `Room.tell_once` has told those who speak another dialect."""
        self._foreign: list[tuple[int, int]] | None = None
        self._runs: dict[int, int] | None = None  # the number of messages of a frame that has several, by its place
        self._starts: list[int] | None = None
        self._records: list[list[Record]] | None = None
        self._translations: dict[Dialect, tuple[memoryview, list[int]]] | None = None

    def add_joined(self, frames: bytes, first: int, count: int) -> None:
        """Add the joined frames of `count` messages, stamped `first` and so on. They are one frame from now on."""
        if count > 1:
            self._runs = self._runs if self._runs is not None else {}
            self._runs[len(self.frames)] = count
        self.frames.append(frames)
        self.stamps.append(first)

    def seal(self) -> memoryview:
        """Join the frames and return them as one buffer. No frame may be added after that."""
        self._data = memoryview(b"".join(self.frames))
        self.size = len(self._data)
        self.count, self.first, self.last = self.messages(0, len(self.frames))
        return self._data

    def cut(self, begin: int, end: int, dialect: Dialect | None = None) -> memoryview:
        """The bytes of the frames `begin` to `end`, not copied. The batch must be sealed."""
        if dialect is not None:
            data, starts = self._translation(dialect)
            return data[starts[begin] : starts[end]]
        if self._starts is None:
            self._starts = [0, *itertools.accumulate(map(len, self.frames))]
        return self._data[self._starts[begin] : self._starts[end]]

    def messages(self, begin: int, end: int) -> tuple[int, int, int]:
        """The number of messages among the frames `begin` to `end`, and the stamps of the first and the last."""
        stamps = [at for at in self.stamps[begin:end] if at]
        if not stamps:
            return 0, 0, 0
        if self._runs is None:
            return len(stamps), stamps[0], stamps[-1]
        counts = [self._runs.get(place, 1) for place in range(begin, end) if self.stamps[place]]
        return sum(counts), stamps[0], stamps[-1] + counts[-1] - 1

    @property
    def frame_count(self) -> int:
        """The number of frames, messages that were joined each counted."""
        return len(self.frames) + (sum(self._runs.values()) - len(self._runs) if self._runs is not None else 0)

    def count_messages(self, begin: int, end: int) -> int:
        """The number of messages among the frames `begin` to `end`. The batch must be sealed."""
        is_plain = self.count == len(self.frames) and self._runs is None
        return end - begin if is_plain else self.messages(begin, end)[0]

    def note_foreign(self, begin: int) -> None:
        """The frames from `begin` on came from another server."""
        if len(self.frames) > begin:
            self._foreign = [*(self._foreign or ()), (begin, len(self.frames))]

    def count_own(self) -> int:
        """The number of messages that were said on this server. The batch must be sealed."""
        if self._foreign is None:
            return self.count
        return self.count - sum(self.count_messages(*part) for part in self._foreign)

    def said_in(self, dialect: Dialect) -> memoryview:
        """The whole batch in another dialect. The batch must be sealed."""
        return self._translation(dialect)[0]

    def records(self, begin: int, end: int) -> list[Record]:
        """The records of the frames `begin` to `end`. Each frame is decoded once."""
        return [record for records in self._decoded(end)[begin:end] for record in records]

    def _decoded(self, end: int) -> list[list[Record]]:
        """The records of each frame, at least up to `end`."""
        if self._records is None:
            self._records = []
        self._records += [records_of(frame) for frame in self.frames[len(self._records) : end]]
        return self._records

    def _translation(self, dialect: Dialect) -> tuple[memoryview, list[int]]:
        """The bytes in a dialect, and where those of each frame begin."""
        if self._translations is None:
            self._translations = {}
        found = self._translations.get(dialect)
        if found is None:
            parts = [
                dialect.encode(records[0]) if len(records) == 1 else b"".join(map(dialect.encode, records))
                for records in self._decoded(len(self.frames))
            ]
            for place in self.personal or ():
                parts[place] = b""
            found = memoryview(b"".join(parts)), [0, *itertools.accumulate(map(len, parts))]
            self._translations[dialect] = found
        return found
