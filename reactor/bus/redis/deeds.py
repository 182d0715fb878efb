"""Deeds of this server's sessions, and the bound of messages that are not confirmed yet."""

from collections.abc import Callable

from pylingo.reactor.chat.bus import Deliver
from pylingo.reactor.chat.session import Session
from pylingo.shared.messages import Say, Sent

MOST_UNCONFIRMED = 65_536
"""Bytes of messages of a session that may be on their way to Redis. Above that, its next requests wait."""
AROUND_MESSAGE = 128
"""Bytes that a message on its way takes besides its frame, roughly."""


WITHDRAWN = 0
"""In place of the stamp of a deed that will not take effect."""


class Deed:
    """An act of a session of this server. Called with its stamp when it has taken effect, or `WITHDRAWN`."""

    __slots__ = ("_then", "session")

    def __init__(self, session: Session | None, then: Callable[[int], object] | None = None) -> None:
        self.session = session
        self._then = then

    def __call__(self, at: int) -> None:
        if self._then is not None:
            self._then(at)


class Saying:
    """A message of `size` bytes: a deed with which `deliver` gets the `sent` that was asked for.

    `abandoned` is called if the message is withdrawn.
    """

    __slots__ = ("_abandoned", "_deliver", "_room", "_say", "_size", "_unconfirmed", "session")

    def __init__(
        self,
        session: Session,
        unconfirmed: "Unconfirmed",
        size: int,
        room: str,
        say: Say,
        deliver: Deliver | None,
        abandoned: Callable[[], object] | None = None,
    ) -> None:
        self.session = session
        self._unconfirmed = unconfirmed
        self._size = size
        self._room = room
        self._say = say
        self._deliver = deliver
        self._abandoned = abandoned
        unconfirmed.add(session, size)

    def __call__(self, at: int) -> None:
        self._unconfirmed.remove(self.session, self._size)
        if at == WITHDRAWN:
            if self._abandoned is not None:
                self._abandoned()
        elif self._deliver is not None:
            self._deliver(Sent(self._room, at, self._say.id, self._say.key))


class Unconfirmed:
    """Counts the bytes of each session that are not confirmed. Above `most`, the requests of the session wait.

    They go on at half of that: to go on costs as much as some messages.
    """

    def __init__(self, most: int = MOST_UNCONFIRMED) -> None:
        self._most = most
        self._sizes: dict[Session, int] = {}
        self._waiting: set[Session] = set()

    def __len__(self) -> int:
        """The number of sessions with something unconfirmed."""
        return len(self._sizes)

    def add(self, session: Session, size: int) -> None:
        """A session has said something."""
        total = self._sizes[session] = self._sizes.get(session, 0) + size + AROUND_MESSAGE
        if total > self._most:
            self._waiting.add(session)
            session.is_busy = True

    def remove(self, session: Session, size: int) -> None:
        """Something that a session said has been confirmed."""
        total = self._sizes[session] - size - AROUND_MESSAGE
        if total:
            self._sizes[session] = total
        else:
            del self._sizes[session]
        if self._waiting and total <= self._most // 2 and session in self._waiting:
            self._waiting.discard(session)
            session.go_on()
