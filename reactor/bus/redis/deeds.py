"""Deeds of this server's sessions, and the bound of messages that are not confirmed yet."""

import itertools
from collections.abc import Callable

from pylingo.reactor.bus.redis.blob import Marks, Run
from pylingo.reactor.chat.bus import Deliver
from pylingo.reactor.chat.session import Session
from pylingo.shared.messages import Say, Sent

MOST_UNCONFIRMED = 65_536
"""Bytes of messages of a session that may be on their way to Redis. Above that, its next requests wait."""
AROUND_MESSAGE = 128
"""Bytes that a message on its way takes besides its text, roughly."""
MOST_OF_RUN = 32_768
"""Bytes that the messages of a run may take on their way. The last one may exceed it."""

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


type Kind = tuple[Session, str, Marks | None, bytes, bool]
"""The session, the compared name, the marks and the head of messages, and whether they have keys."""


class Saying:
    """The messages of a `run`: one deed with which each gets the `sent` that was asked for.

    `abandoned` is called if they are withdrawn.
    """

    __slots__ = ("_abandoned", "_receipts", "_room", "_size", "_unconfirmed", "kind", "run", "session")

    def __init__(
        self,
        session: Session,
        unconfirmed: "Unconfirmed",
        room: str,
        run: Run,
        kind: Kind,
        abandoned: Callable[[Run], object],
    ) -> None:
        self.session = session
        self.run = run
        self.kind = kind
        """The properties that all messages of the run share."""
        self._unconfirmed = unconfirmed
        self._room = room
        self._abandoned = abandoned
        self._size = 0
        self._receipts: list[tuple[int, Say, Deliver]] = []  # each with the place of its message in the run

    @property
    def is_full(self) -> bool:
        """Whether no message may be added."""
        return self._size >= MOST_OF_RUN

    def add(self, body: bytes, say: Say, deliver: Deliver | None) -> None:
        """Add a message to the run."""
        if deliver is not None:
            self._receipts.append((len(self.run.bodies), say, deliver))
        self.run.add(body, say.key)
        self._size += self._unconfirmed.add(self.session, len(body))

    def add_many(self, bodies: list[bytes]) -> list[bytes]:
        """Add messages that nobody has asked about, until the run is full. Return the others."""
        sizes = itertools.accumulate(map(len, bodies))
        room = MOST_OF_RUN - self._size
        count = next(
            (place for place, size in enumerate(sizes, 1) if size + place * AROUND_MESSAGE >= room), len(bodies)
        )
        self.run.bodies += bodies[:count]
        size = sum(map(len, bodies[:count])) + (count - 1) * AROUND_MESSAGE
        self._size += self._unconfirmed.add(self.session, size)
        return bodies[count:]

    def __call__(self, at: int) -> None:
        self._unconfirmed.remove(self.session, self._size)
        if at == WITHDRAWN:
            self._abandoned(self.run)
            return
        for place, say, deliver in self._receipts:
            deliver(Sent(self._room, at + place, say.id, say.key))


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

    def add(self, session: Session, size: int) -> int:
        """A session has said something. Return what it takes."""
        size += AROUND_MESSAGE
        total = self._sizes[session] = self._sizes.get(session, 0) + size
        if total > self._most:
            self._waiting.add(session)
            session.is_busy = True
        return size

    def remove(self, session: Session, size: int) -> None:
        """Something that a session said has been confirmed. `size` is what it took."""
        total = self._sizes[session] - size
        if total:
            self._sizes[session] = total
        else:
            del self._sizes[session]
        if self._waiting and total <= self._most // 2 and session in self._waiting:
            self._waiting.discard(session)
            session.go_on()
