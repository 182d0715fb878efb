"""The topics of rooms, in memory. A room that exists has its own topic; this remembers it when the room empties."""

import collections
import itertools
from collections.abc import Iterator
from typing import NamedTuple

MOST = 5_000
"""The most topics that are remembered. Beyond that, one of a room that nobody is in is forgotten."""


class StoredTopic(NamedTuple):
    """A topic, set `by` somebody at the time `at` (microseconds since 1970)."""

    text: str
    by: str
    at: int


class Topics:
    """Topics by the compared form of the room's name. Those of rooms that somebody is in are never forgotten.

    There are at most `most` of them, or as many as rooms that somebody is in.
    """

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._occupied: set[str] = set()
        self._in_use: dict[str, StoredTopic] = {}  # those of occupied rooms
        self._idle: collections.OrderedDict[str, StoredTopic] = collections.OrderedDict()

    def __len__(self) -> int:
        return len(self._in_use) + len(self._idle)

    def __iter__(self) -> Iterator[tuple[str, StoredTopic]]:
        """The rooms and their topics: first those that nobody is in, the one that is forgotten next first."""
        return itertools.chain(self._idle.items(), self._in_use.items())

    def get(self, room: str) -> StoredTopic | None:
        return self._in_use.get(room) or self._idle.get(room)

    def set(self, room: str, topic: StoredTopic | None) -> list[str]:
        """Set the topic of a room; None clears it. Returns the rooms whose topics are forgotten for that."""
        self._in_use.pop(room, None)
        self._idle.pop(room, None)
        if topic is not None:
            (self._in_use if room in self._occupied else self._idle)[room] = topic
        forgotten = []
        while len(self) > self._most and self._idle:
            forgotten.append(self._idle.popitem(last=False)[0])
        return forgotten

    def occupied(self, room: str) -> None:
        """Note that somebody entered the room, which was empty."""
        self._occupied.add(room)
        if (topic := self._idle.pop(room, None)) is not None:
            self._in_use[room] = topic

    def emptied(self, room: str) -> None:
        """Note that the last member left the room. Its topic is forgotten after those of rooms emptied before."""
        self._occupied.discard(room)
        if (topic := self._in_use.pop(room, None)) is not None:
            self._idle[room] = topic
