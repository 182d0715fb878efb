"""Deeds of this server's sessions, and the bound of messages that are not confirmed yet."""

from collections.abc import Callable

from pylingo.reactor.bus.redis.blob import Marks, Run
from pylingo.reactor.chat.bus import Deliver
from pylingo.reactor.chat.session import Session
from pylingo.shared.messages import Say, Sent

MOST_UNCONFIRMED = 65_536
"""Bytes of messages of a session that may be on their way to Redis. Above that, its next requests wait."""
AROUND_MESSAGE = 128
"""Bytes that a message on its way takes besides its frame, roughly."""
MOST_MESSAGES = 100
"""The most messages of a run."""
MOST_BYTES = 16_384
"""The bytes of a run above which no message is added to it."""

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
    """The messages of a `run`: one deed with which each gets the `sent` that was asked for.

    `abandoned` is called if they are withdrawn.
    """

    __slots__ = ("_abandoned", "_receipts", "_room", "_size", "_unconfirmed", "run", "session")

    def __init__(
        self,
        session: Session,
        unconfirmed: "Unconfirmed",
        room: str,
        run: Run,
        abandoned: Callable[[Run], object],
    ) -> None:
        self.session = session
        self.run = run
        self._unconfirmed = unconfirmed
        self._room = room
        self._abandoned = abandoned
        self._size = 0
        self._receipts: list[tuple[int, Say, Deliver]] = []  # each with the place of its message in the run

    def takes(self, session: Session, name: str, marks: Marks | None, is_marked: bool, has_key: bool) -> bool:
        """Whether the next message may be one of the run: it is the same one's, and of the same kind."""
        run = self.run
        return (
            self.session is session
            and run.size < MOST_BYTES
            and len(run.frames) < MOST_MESSAGES
            and run.author.name == name
            and run.marks == marks
            and run.is_marked is is_marked
            and bool(run.keys) is has_key
        )

    def add(self, frame: bytes, say: Say, deliver: Deliver | None) -> None:
        """Add a message to the run."""
        if deliver is not None:
            self._receipts.append((len(self.run.frames), say, deliver))
        self.run.add(frame, say.key)
        self._size += self._unconfirmed.add(self.session, len(frame))

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
