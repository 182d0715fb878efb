"""The topics of rooms, in memory. A room that exists has its own topic; this remembers it when the room empties."""

import collections
from collections.abc import Iterator
from typing import NamedTuple

MOST = 5_000
"""The most topics that are remembered. Beyond that, the one that was set longest ago is forgotten."""


class StoredTopic(NamedTuple):
    """A topic, set `by` somebody at the time `at` (microseconds since 1970)."""

    text: str
    by: str
    at: int


class Topics:
    """Topics by the compared form of the room's name, at most `most` of them."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._topics: collections.OrderedDict[str, StoredTopic] = collections.OrderedDict()

    def __len__(self) -> int:
        return len(self._topics)

    def __iter__(self) -> Iterator[tuple[str, StoredTopic]]:
        """The rooms and their topics, the one that was set longest ago first."""
        return iter(self._topics.items())

    def get(self, room: str) -> StoredTopic | None:
        return self._topics.get(room)

    def set(self, room: str, topic: StoredTopic | None) -> None:
        """Set the topic of a room; None clears it."""
        self._topics.pop(room, None)
        if topic is not None:
            self._topics[room] = topic
            if len(self._topics) > self._most:
                self._topics.popitem(last=False)
