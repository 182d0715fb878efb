"""Private messages between sessions of any servers: ordered, kept and published by one function in lane 0.

The function looks up where the two people are in the same step in which it gives the stamp. So the stamps in each inbox
rise, whichever server a message was sent to. A server that was cut off reads the inboxes of its people when it is back,
and a Redis that was started anew gets the newest messages again from everybody who was told of them.
"""

import itertools
from collections.abc import Callable

from pylingo.reactor.bus.redis.blob import Author
from pylingo.reactor.bus.redis.deeds import Unconfirmed
from pylingo.reactor.bus.redis.feed import Arrival
from pylingo.reactor.bus.redis.history import RedisHistory
from pylingo.reactor.bus.redis.keys import Keys
from pylingo.reactor.bus.redis.library import function
from pylingo.reactor.bus.redis.log_reader import Keyed
from pylingo.reactor.bus.redis.private_log import encode_private, logs_of, read_private
from pylingo.reactor.bus.redis.questions import Command, Questions, Steps
from pylingo.reactor.bus.redis.ring import Ring
from pylingo.reactor.bus.redis.sessions import Sessions, one
from pylingo.reactor.chat.bus import Deliver
from pylingo.reactor.chat.hub import Hub
from pylingo.reactor.chat.person import Person
from pylingo.reactor.chat.room import Room
from pylingo.reactor.chat.session import Session, State
from pylingo.reactor.history import private
from pylingo.reactor.history.private import Owner
from pylingo.shared.codec import encode
from pylingo.shared.messages import Entry, Private, Say, Sent
from pylingo.shared.names import fold

_ALL = "@"  # the one room of the ring
_INBOXES_AT_ONCE = 200  # in one step


class PrivateWords:
    """See the module. The answers to `certain` questions survive a failover. `keep` bounds the messages of each log.

    `clock` gives microseconds since 1970, and `monotonic` seconds that never go back.
    """

    def __init__(
        self,
        hub: Hub[Session],
        questions: Questions,
        certain: Questions,
        keys: Keys,
        sessions: Sessions,
        history: RedisHistory,
        unconfirmed: Unconfirmed,
        keep: int,
        clock: Callable[[], int],
        monotonic: Callable[[], float],
    ) -> None:
        self._hub = hub
        self._questions = questions
        self._certain = certain
        self._keys = keys
        self._sessions = sessions
        self._history = history
        self._unconfirmed = unconfirmed
        self._keep = keep
        self._clock = clock
        self._counts = itertools.count(1)
        self._ring = Ring(monotonic)
        self._newest: int | None = None
        """Nothing up to this stamp is missing here; None before Redis has said where to begin."""
        self._held: list[tuple[int, bytes]] | None = []
        """The messages that have come while inboxes are read; None if nothing is missing."""
        self._open: set[int] = set()
        """The messages on their way, by count."""
        self._waiters: list[tuple[set[int], Callable[[], object]]] = []

    def speak(self, session: Session, other: Person[Session], say: Say, text: str, deliver: Deliver | None) -> None:
        """See `Bus.speak_privately`."""
        hub, person, to, name, key = self._hub, session.person, other.name, session.person.key, say.key
        owners = hub.owner(person), hub.owner(other)
        log = private.conversation(*owners)
        entry = Entry(person.name, text, 0, key, to, say.action or None, *hub.marks(person))
        if key is not None:
            self._history.look_ups.pending(log, key, Author(session.number, name))
        size, number = self._unconfirmed.add(session, len(text)), session.number

        def told(reply: bytes) -> None:
            at = int(reply)
            if key is not None and at:
                self._history.look_ups.noted(log, Keyed([key], Author(number, name), at))
            elif key is not None:
                self._history.look_ups.abandoned(log, [key], number)
            self._unconfirmed.remove(session, size)
            if deliver is not None and at:
                deliver(Sent(None, at, say.id, say.key, to))
            self._settled(count)

        hub.tick.messages += 1
        server = self._sessions.server
        keys = [self._fence, *(self._key(rest) for rest in ("h:@", "names", "sessions")), *self._streams(*owners)]
        prefix = self._keys.channel(0, "")
        count = next(self._counts)
        self._open.add(count)
        value = encode_private(entry, number, *owners, count, is_notice=bool(say.notice))
        people = other.key, _number(owners[1]), name, _number(owners[0])
        values = self._clock(), self._keep, prefix, *people, value, number, server
        self._certain.ask(0, one("FCALL", function("tell"), len(keys), *keys, *values), told)

    def came(self, at: int, value: bytes) -> None:
        """A message for somebody here, or of somebody here, has come."""
        if self._held is not None:
            self._held.append((at, value))
        else:
            self._deliver(at, value)

    def when_settled(self, callback: Callable[[], object]) -> None:
        """Call `callback` when everything said until now is in Redis; at once if it is."""
        if self._open:
            self._waiters.append((set(self._open), callback))
        else:
            callback()

    def _settled(self, count: int) -> None:
        self._open.discard(count)
        waiters, self._waiters = self._waiters, []
        for open_, callback in waiters:
            open_.discard(count)
            if open_:
                self._waiters.append((open_, callback))
            else:
                callback()

    def down(self) -> None:
        """Redis is away: messages may be missed."""
        if self._held is None:
            self._held = []

    def up(self) -> None:
        """Redis is back, and this server is subscribed again: read what was missed."""
        self._questions.ask(0, self._missed(), self._caught_up)

    def restore(self) -> None:
        """Redis may have lost its newest data: bring the messages back that were told here."""
        for arrival in self._ring.above(_ALL, 0):
            message = read_private(arrival.top, arrival.data)
            keys = [self._fence, self._key("h:@"), *self._streams(message.sender, message.recipient)]
            values = arrival.top, self._keep, bytes(arrival.data)
            command: Command = ("FCALL", function("retell"), len(keys), *keys, *values)
            self._sessions.questions.ask(0, one(*command), lambda _: None)

    def _missed(self) -> Steps[tuple[int, list[tuple[int, bytes]]]]:
        """The newest stamp of all, and what is above ours in the inboxes of those who are here."""
        (head,) = yield [("GET", self._key("h:@"))]
        newest, found = int(head or 0), []
        if self._newest is not None and newest > self._newest:
            owners = {self._hub.owner(session.person) for session in self._hub.sessions()}
            for some in itertools.batched(owners, _INBOXES_AT_ONCE):
                pages = yield [
                    ("XRANGE", self._key(f"p:{private.inbox(owner)}"), f"({self._newest}-0", "+") for owner in some
                ]
                found += [(int(id_.partition(b"-")[0]), fields[1]) for page in pages for id_, fields in page]
        return newest, found

    def _caught_up(self, missed: tuple[int, list[tuple[int, bytes]]]) -> None:
        head, found = missed
        after = head if self._newest is None else self._newest
        for at, value in sorted({*found, *(self._held or ())}):
            if at > after:
                self._deliver(at, value)
        self._held = None
        self._newest = max(head, self._newest or 0)

    def _deliver(self, at: int, value: bytes) -> None:
        hub = self._hub
        hub.raise_stamps(at)
        self._newest = max(at, self._newest or 0)
        self._ring.add(_ALL, Arrival(0, at, value))
        entry, number, sender_owner, recipient_owner, is_notice = read_private(at, value)
        assert entry.to is not None
        marks = entry.fingerprint, entry.operator
        frame = encode(Private(entry.from_, entry.to, entry.text, at, entry.action, *marks, is_notice or None))
        speaker = self._sessions.by_number.get(number)
        sender, recipient = self._person(sender_owner, entry.from_), self._person(recipient_owner, entry.to)
        if recipient is not None:
            self._write(recipient.open_inbox(), frame, at, speaker)
        if sender is not None and (speaker is None or not sender.is_alone):
            self._write(sender.open_inbox(), frame, at, speaker)

    def _write(self, inbox: Room[Session], frame: bytes, at: int, speaker: Session | None) -> None:
        if speaker is not None and speaker.state is State.ATTACHED:
            speaker.outbox.write_to_room(inbox, frame, at)
        else:
            inbox.tell(self._hub.tick, frame, at)

    def _person(self, owner: Owner, name: str) -> Person[Session] | None:
        """Somebody here. A guest may have taken another name meanwhile, and is found by the session."""
        if isinstance(owner, str):
            return self._hub.here(fold(name))
        session = self._sessions.by_number.get(owner)
        return session.person if session is not None else None

    def _streams(self, sender: Owner, recipient: Owner) -> list[str]:
        return [self._key(f"p:{log}") for log in logs_of(sender, recipient)]

    @property
    def _fence(self) -> str:
        return self._key(f"fence:{self._sessions.server}")

    def _key(self, rest: str) -> str:
        return self._keys.key(0, rest)


def _number(owner: Owner) -> int | str:
    """The number of a guest's session; empty for a key, whose sessions are found by the name."""
    return owner if isinstance(owner, int) else ""
