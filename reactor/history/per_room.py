"""One thing for each room, such as its topic. It is remembered when the room empties; so many at most are."""

import collections
import itertools
from collections.abc import Iterator

MOST = 5_000
"""The most topics that are remembered, and the most charters. Beyond that, one of a room that nobody is in goes."""


class PerRoom[T]:
    """Things by the compared form of the room's name. Those of rooms that somebody is in are never forgotten.

    There are at most `most` of them, or as many as rooms that somebody is in.
    """

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._occupied: set[str] = set()
        self._in_use: dict[str, T] = {}  # those of occupied rooms
        self._idle: collections.OrderedDict[str, T] = collections.OrderedDict()

    def __len__(self) -> int:
        return len(self._in_use) + len(self._idle)

    def __iter__(self) -> Iterator[tuple[str, T]]:
        """The rooms and what they have: first those that nobody is in, the one that is forgotten next first."""
        return itertools.chain(self._idle.items(), self._in_use.items())

    def get(self, room: str) -> T | None:
        return self._in_use.get(room) or self._idle.get(room)

    def set(self, room: str, value: T | None) -> list[str]:
        """Set what a room has; None clears it. Returns the rooms that lose theirs for that."""
        self._in_use.pop(room, None)
        self._idle.pop(room, None)
        if value is not None:
            (self._in_use if room in self._occupied else self._idle)[room] = value
        forgotten = []
        while len(self) > self._most and self._idle:
            forgotten.append(self._idle.popitem(last=False)[0])
        return forgotten

    def occupied(self, room: str) -> None:
        """Note that somebody entered the room, which was empty."""
        self._occupied.add(room)
        if (value := self._idle.pop(room, None)) is not None:
            self._in_use[room] = value

    def emptied(self, room: str) -> None:
        """Note that the last member left the room. Rooms that were emptied before it are forgotten first."""
        self._occupied.discard(room)
        if (value := self._in_use.pop(room, None)) is not None:
            self._idle[room] = value
