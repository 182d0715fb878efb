"""Private messages between sessions of any servers: ordered, kept and published by one function in lane 0.

The function looks up where the two people are in the same step in which it gives the stamp. So the stamps in each inbox
rise, whichever server a message was sent to. If the reply is lost with the connection, the call is made again, and
Redis knows it by its number.
"""

import itertools
from collections.abc import Callable
from typing import Any

from pylingo.reactor.bus.redis.deeds import Unconfirmed
from pylingo.reactor.bus.redis.history import RedisHistory
from pylingo.reactor.bus.redis.keys import Keys
from pylingo.reactor.bus.redis.library import function
from pylingo.reactor.bus.redis.private_log import encode_private, read_private
from pylingo.reactor.bus.redis.questions import Questions
from pylingo.reactor.bus.redis.sessions import Sessions, one
from pylingo.reactor.chat.bus import Deliver
from pylingo.reactor.chat.hub import Hub
from pylingo.reactor.chat.person import Person
from pylingo.reactor.chat.room import Room
from pylingo.reactor.chat.session import Session, State
from pylingo.reactor.history import private
from pylingo.shared.codec import encode
from pylingo.shared.messages import Entry, Private, Say, Sent
from pylingo.shared.names import fold


class PrivateWords:
    """See the module. `keep` bounds the messages of each log in Redis, `clock` gives microseconds since 1970."""

    def __init__(
        self,
        hub: Hub[Session],
        questions: Questions,
        keys: Keys,
        sessions: Sessions,
        history: RedisHistory,
        unconfirmed: Unconfirmed,
        keep: int,
        clock: Callable[[], int],
    ) -> None:
        self._hub = hub
        self._questions = questions
        self._keys = keys
        self._sessions = sessions
        self._history = history
        self._unconfirmed = unconfirmed
        self._keep = keep
        self._clock = clock
        self._calls = itertools.count(1)
        self._answered: list[int] = []  # calls that Redis need not remember any more

    def speak(self, session: Session, other: Person[Session], say: Say, text: str, deliver: Deliver | None) -> None:
        """See `Bus.speak_privately`."""
        hub, person, to, name, key = self._hub, session.person, other.name, session.person.key, say.key
        owners = hub.owner(person), hub.owner(other)
        log = private.conversation(*owners)
        entry = Entry(person.name, text, 0, key, to, say.action or None, *hub.marks(person))
        if key is not None:
            self._history.look_ups.pending(log, key, session.number, name)
        self._unconfirmed.add(session, len(text))

        number, call = session.number, next(self._calls)

        def told(reply: list[Any]) -> None:
            at = int(reply[0])
            self._answered.append(call)
            if key is not None and at:
                self._history.look_ups.noted(log, key, number, name, at)
            elif key is not None:
                self._history.look_ups.abandoned(log, key, number)
            self._unconfirmed.remove(session, len(text))
            if deliver is not None and at:
                deliver(Sent(None, at, say.id, say.key, to))

        logs = dict.fromkeys((log, *map(private.inbox, owners)))
        server = self._sessions.server
        keys = [self._key(rest) for rest in (f"fence:{server}", f"told:{server}", "h:@", "names", "sessions")]
        keys += [self._key(f"p:{log}") for log in logs]
        prefix = self._keys.channel(0, "")
        value = encode_private(entry, number)
        values = self._clock(), self._keep, prefix, other.key, name, value, number, server, call
        answered, self._answered = self._answered, []
        self._questions.ask(0, one("FCALL", function("tell"), len(keys), *keys, *values, *answered), told)

    def came(self, at: int, value: bytes) -> None:
        """A message for somebody here, or of somebody here, has come."""
        hub = self._hub
        hub.raise_stamps(at)
        entry, number = read_private(at, value)
        assert entry.to is not None
        marks = entry.fingerprint, entry.operator
        frame = encode(Private(entry.from_, entry.to, entry.text, at, entry.action, *marks))
        speaker = self._sessions.by_number.get(number)
        recipient, sender = hub.here(fold(entry.to)), hub.here(fold(entry.from_))
        if recipient is not None:
            self._write(recipient.open_inbox(), frame, at, speaker)
        if sender is not None and (speaker is None or not sender.is_alone):
            self._write(sender.open_inbox(), frame, at, speaker)

    def _write(self, inbox: Room[Session], frame: bytes, at: int, speaker: Session | None) -> None:
        if speaker is not None and speaker.state is State.ATTACHED:
            speaker.outbox.write_to_room(inbox, frame, at)
        else:
            inbox.tell(self._hub.tick, frame, at)

    def _key(self, rest: str) -> str:
        return self._keys.key(0, rest)
