"""The labelled responses of one client that are not complete: that of the line at hand, and those that come later.

A message comes back to a client with echo-message when the chat has taken it, which may be after later lines. Its
label then belongs to the echo. Most clients have no such response at most times, so this is made when it is needed.
"""

from pylingo.reactor.irc.echoes import Echoes
from pylingo.reactor.irc.labels import Labelled
from pylingo.shared.messages import Private


class Responses:
    """See the module. Rooms are given by their key, and private messages by the id of the request."""

    __slots__ = ("_echoes", "_kept", "_label", "_shared")

    def __init__(self) -> None:
        self._label: Labelled | None = None
        self._kept: Labelled | None = None
        self._shared: Labelled | None = None
        self._echoes = Echoes()

    def __bool__(self) -> bool:
        """Whether a response is under way."""
        return self._label is not None or self._kept is not None or self._shared is not None or bool(self._echoes)

    # --- of the line at hand

    def begin(self, label: Labelled) -> None:
        """A line with a label has come."""
        self._label = label

    def add(self, data: bytes) -> bytes:
        """Return what is sent now for some more lines, which belong to the response if the line has a label."""
        return data if self._label is None else self._label.add(data)

    def end(self) -> bytes:
        """The line is handled. Return what is sent at the end of its response, unless parts of it come later."""
        label, self._label, self._shared = self._label, None, None
        return label.end() if label is not None and label.waits <= 0 else b""

    def drop(self) -> None:
        """The line is a part of something, and has no response of its own."""
        self._label = None

    def postpone(self) -> None:
        """The label is for the response to a later line."""
        self._kept, self._label = self._label, None

    def resume(self) -> None:
        """That line has come."""
        if self._kept is not None:
            self._label, self._kept = self._kept, None

    def share(self, count: int) -> None:
        """The label is for the response to `count` private messages, which come back one by one."""
        if self._label is not None and count > 1:
            self._shared = self._label
            self._label.waits = count

    # --- of messages that come back

    def expect_echo(self, room: str) -> None:
        """A message to a room will come back, and answers the label."""
        label, self._label = self._label, None
        self._echoes.expect(room, label)

    def echo(self, room: str, data: bytes) -> bytes:
        """The oldest message to a room has come back as `data`: return the lines that are sent."""
        return _complete(self._echoes.take(room), data)

    def refused(self, room: str) -> None:
        """The newest message to a room was refused, which answers its label."""
        self._label = self._echoes.take_back(room) or self._label

    def expect_private(self, number: int, private: Private) -> None:
        """The private message of the request `number` will come back once it is kept, and answers the label."""
        label, self._label = self._label or self._shared, None
        self._echoes.expect_private(number, private, label)

    def private(self, number: int) -> Private | None:
        """The private message of the request `number`, if it is expected."""
        return self._echoes.private(number)

    def private_kept(self, number: int, data: bytes) -> bytes:
        """A private message is kept, and comes back as `data`: return the lines that are sent."""
        label = self._echoes.take_private(number)
        if label is not None:
            label.waits -= 1
        return _complete(label, data)

    def private_refused(self, number: int) -> None:
        """A private message was refused, which answers its label."""
        label = self._echoes.take_private(number)
        if label is not None:
            label.waits -= 1
            self._label = label


def _complete(label: Labelled | None, data: bytes) -> bytes:
    """Lines with the label that they answer, and the end of the response if nothing more comes."""
    if label is None:
        return data
    return label.add(data) + (label.end() if label.waits <= 0 else b"")
