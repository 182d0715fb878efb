"""The messages of a client that come back to it, and the labels of the requests that they answer.

A message to a room comes back at its place among those of the others. A private one comes back when it is kept.
"""

import collections

from pylingo.reactor.irc.labels import Labelled
from pylingo.shared.messages import Private


class Echoes:
    """See the module. Rooms are given by their key, and private messages by the id of the request."""

    __slots__ = ("_labels", "_rooms", "_words")

    def __init__(self) -> None:
        self._rooms: dict[str, collections.deque[Labelled | None]] = {}
        self._words: dict[int, Private] = {}
        self._labels: dict[int, Labelled] = {}

    def __bool__(self) -> bool:
        """Whether anything is under way."""
        return bool(self._rooms or self._words)

    def expect(self, room: str, label: Labelled | None) -> None:
        """A message to a room will come back, and answers `label`."""
        self._rooms.setdefault(room, collections.deque()).append(label)

    def take(self, room: str) -> Labelled | None:
        """The oldest message to a room has come: return its label."""
        return self._take(room, is_newest=False)

    def take_back(self, room: str) -> Labelled | None:
        """The newest message to a room was refused: return its label."""
        return self._take(room, is_newest=True)

    def expect_private(self, number: int, words: Private, label: Labelled | None) -> None:
        """A private message will come back once it is kept."""
        self._words[number] = words
        if label is not None:
            self._labels[number] = label

    def private(self, number: int) -> Private | None:
        """The private message of the request `number`, if it is under way."""
        return self._words.get(number)

    def take_private(self, number: int) -> Labelled | None:
        """A private message was kept or refused: return its label."""
        self._words.pop(number, None)
        return self._labels.pop(number, None)

    def _take(self, room: str, is_newest: bool) -> Labelled | None:
        labels = self._rooms.get(room)
        if labels is None:
            return None
        label = labels.pop() if is_newest else labels.popleft()
        if not labels:
            del self._rooms[room]
        return label
