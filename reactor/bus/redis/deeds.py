"""Deeds of this server's sessions, and the bound of messages that are not confirmed yet."""

from collections.abc import Callable

from pylingo.reactor.chat.session import Session

MOST_UNCONFIRMED = 64
"""The most messages of a session that are on their way to Redis. Then its requests wait."""


class Deed:
    """What a session of this server has done. Called with its stamp when it has taken effect."""

    __slots__ = ("_then", "session")

    def __init__(self, session: Session | None, then: Callable[[int], object] | None = None) -> None:
        self.session = session
        self._then = then

    def __call__(self, at: int) -> None:
        if self._then is not None:
            self._then(at)


class Unconfirmed:
    """Counts the messages of each session that are not confirmed. At `most`, the requests of the session wait."""

    def __init__(self, most: int = MOST_UNCONFIRMED) -> None:
        self._most = most
        self._counts: dict[Session, int] = {}
        self._waiting: set[Session] = set()

    def add(self, session: Session) -> None:
        """A session has said something."""
        count = self._counts[session] = self._counts.get(session, 0) + 1
        if count >= self._most:
            self._waiting.add(session)
            session.is_busy = True

    def remove(self, session: Session) -> None:
        """Something that a session said has been confirmed."""
        count = self._counts[session] - 1
        if count:
            self._counts[session] = count
        else:
            del self._counts[session]
        if session in self._waiting:
            self._waiting.discard(session)
            session.go_on()
