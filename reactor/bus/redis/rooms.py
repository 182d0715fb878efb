"""The deeds of this server's sessions in rooms. They are proposed here, and take effect in `room_effects`."""

from collections.abc import Callable, Mapping
from functools import partial

from pylingo.reactor.bus.redis.blob import PLACEHOLDER, Author, Event, Marks, Part, Run
from pylingo.reactor.bus.redis.deeds import WITHDRAWN, Deed, Saying, Unconfirmed
from pylingo.reactor.bus.redis.feed import Feed
from pylingo.reactor.bus.redis.feeds import Feeds
from pylingo.reactor.bus.redis.followed_rooms import STAYS, FollowedRooms
from pylingo.reactor.bus.redis.history import RedisHistory
from pylingo.reactor.chat.bus import Admit, Deliver, admit_all
from pylingo.reactor.chat.hub import Hub
from pylingo.reactor.chat.room import Room
from pylingo.reactor.chat.session import Session, State
from pylingo.reactor.chat.waiting import wait_for
from pylingo.reactor.history import charter
from pylingo.shared.codec import encode
from pylingo.shared.messages import Message, Redacted, Say, Topic
from pylingo.shared.names import fold
from pylingo.shared.schema import Record


class Rooms:
    """See the module. `unconfirmed` bounds what a session has said that is not in Redis yet."""

    def __init__(
        self,
        hub: Hub[Session],
        feeds: Feeds,
        followed: FollowedRooms,
        history: RedisHistory,
        unconfirmed: Unconfirmed,
    ) -> None:
        self._hub = hub
        self._feeds = feeds
        self._followed = followed
        self._history = history
        self._unconfirmed = unconfirmed

    def enter(
        self,
        session: Session,
        name: str,
        then: Callable[[Room[Session] | None], object],
        admit: Admit = admit_all,
        before: Room[Session] | None = None,
    ) -> None:
        """See `Bus.enter`. `then` gets None if the session has not entered."""
        key = fold(name)
        room = self._hub.rooms.get(key)
        if room is None or room not in session.rooms:
            wait_for(session, partial(self._join, session, key, name, admit, before), then)
        elif not admit(charter.NONE, len(room.directory.keys)):
            then(None)
        elif before is not None:
            ask = partial(self._move, session, before)
            wait_for(session, ask, lambda at: self.enter(session, name, then))
        else:
            session.enter(room, False)
            then(room)

    def _move(self, session: Session, before: Room[Session], then: Callable[[int], object]) -> None:
        """Leave a room for another one."""
        self.propose(before.key, Event(op=["leave", session.number, "moved", None, None]), session, then)

    def _join(
        self,
        session: Session,
        key: str,
        name: str,
        admit: Admit,
        before: Room[Session] | None,
        answer: Callable[[Room[Session] | None], object],
    ) -> None:
        """Follow the room, and enter it."""
        self._followed.comes(key)

        def opened(feed: Feed) -> None:
            if session.state not in STAYS:
                done(WITHDRAWN)
                return
            person = session.person
            is_there = bool(feed.roll.numbers(person.key))
            if not admit(charter.NONE if is_there else feed.charter, len(feed.roll)):
                done(WITHDRAWN)
            elif before is not None and before in session.rooms:
                self._move(session, before, come)
            else:
                come()

        def come(at: int = 0) -> None:
            if session.state not in STAYS:
                done(WITHDRAWN)
                return
            op = ["join", session.number, session.person.name, *self._hub.marks(session.person)]
            self._feeds.propose(key, Event(op=op), Deed(session, done))

        def done(at: int) -> None:
            self._followed.came(key)
            room = self._hub.rooms.get(key)
            answer(room if room in session.rooms else None)

        self._feeds.open(key, name, opened)

    def sit_down(self, session: Session, name: str, then: Callable[[], object]) -> None:
        """Have a session that is in a room already, but was on another server, take its place there.

        If this server has not heard yet that it is there, it enters the room, which changes nothing for those who have.
        """
        key = fold(name)
        self._followed.comes(key)

        def opened(feed: Feed) -> None:
            is_there = session.number in feed.roll
            if is_there and session.state in STAYS:
                session.enter(self._followed.room(feed), False)
            elif not is_there:
                self._join(session, key, name, admit_all, None, lambda room: then())
            self._followed.came(key)
            if is_there:
                then()

        self._feeds.open(key, name, opened)

    def come_back(self, session: Session, key: str) -> None:
        """Have a session that is in a room here enter it again, if another server has put it out of the room."""
        room, feed = self._hub.rooms.get(key), self._followed.feed(key)
        if room not in session.rooms or feed is None or session.number in feed.roll:
            return
        if not feed.is_leaving(session.number):
            person = session.person
            self.propose(key, Event(op=["join", session.number, person.name, *self._hub.marks(person)]), session)

    def leave(
        self,
        session: Session,
        room: Room[Session],
        reason: str,
        has_left: Callable[[], object],
        then: Callable[[], object],
    ) -> None:
        """See `Bus.leave`. `has_left` is called as well if the connection has broken meanwhile."""

        def left(at: int) -> None:
            has_left()
            if session.state is State.ATTACHED:
                then()

        wait_for(
            session,
            partial(self.propose, room.key, Event(op=["leave", session.number, reason, None, None]), session),
            left,
        )

    def left(self, session: Session, room: Room[Session], reason: str, by: str | None, text: str | None) -> None:
        """See `Bus.left`."""
        self.propose(room.key, Event(op=["leave", session.number, reason, by, text]), session)
        if not room.members:
            self._followed.close(room.key)

    def gave_away(self, room: Room[Session]) -> None:
        """A session was in the room, and belongs to another server now."""
        if not room.members:
            self._followed.close(room.key)

    def propose(
        self, room: str, part: Part, session: Session | None = None, then: Callable[[int], object] | None = None
    ) -> None:
        """Propose an event for a room, by its compared form. `then` gets its stamp when it has taken effect."""
        self._feeds.propose(room, part, Deed(session, then))

    def set_topic(
        self, session: Session, room: Room[Session], text: str | None, then: Callable[[Topic], object]
    ) -> None:
        """See `Bus.set_topic`."""
        by = session.person.name
        event = Event(op=["topic", text, by])
        ask = partial(self.propose, room.key, event, session)
        wait_for(session, ask, lambda at: then(Topic(room.name, text, by, at)))

    def govern(
        self,
        session: Session,
        room: Room[Session],
        fields: Mapping[str, str | None],
        record: Record,
        then: Callable[[], object],
    ) -> None:
        """See `Bus.govern`."""
        event = Event(op=["charter", dict(fields), encode(record)])
        wait_for(session, partial(self.propose, room.key, event, session), lambda at: then())

    def tell_room(self, session: Session, name: str, record: Record) -> None:
        """See `Bus.tell_room`."""
        self.propose(fold(name), Event(encode(record)), session)

    def speak(self, session: Session, room: Room[Session], say: Say, text: str, deliver: Deliver | None) -> None:
        """See `Bus.speak`."""
        key = say.key
        if say.action or say.notice:
            action = say.action or None
            notice = None if action else say.notice or None  # one of them at most
            head, body = b"", encode(Message(room.name, session.person.name, text, PLACEHOLDER, action, notice))
        else:
            head, body = session.message_head(room.name), text.encode()
        saying = self._saying(session, room, head, key is not None)
        saying.add(body, say, deliver)
        if key is not None:
            self._history.look_ups.pending(room.key, key, saying.run.author)

    def speak_many(self, session: Session, room: Room[Session], texts: list[bytes]) -> None:
        """See `Bus.speak_many`."""
        head = session.message_head(room.name)
        while texts:
            texts = self._saying(session, room, head, False).add_many(texts)

    def _saying(self, session: Session, room: Room[Session], head: bytes, has_key: bool) -> Saying:
        """The messages to which the next one of a session is added: those on which it follows, or none yet."""
        person = session.person
        marks: Marks | None = None if person.fingerprint is None else self._hub.marks(person)
        kind = session, person.key, marks, head, has_key
        saying = self._feeds.last(room.key)
        if not isinstance(saying, Saying) or saying.kind != kind or saying.is_full:
            run = Run(Author(session.number, person.key), marks, head)
            saying = Saying(session, self._unconfirmed, room.name, run, kind, partial(self._abandoned, room.key))
            self._feeds.propose(room.key, run, saying)
        return saying

    def _abandoned(self, room: str, run: Run) -> None:
        self._history.look_ups.abandoned(room, run.keys, run.author.session)

    def redact(self, session: Session, room: Room[Session], redacted: Redacted, then: Callable[[bool], object]) -> None:
        """See `Bus.redact`."""

        def done(is_there: bool) -> None:
            if is_there:
                op = ["redact", redacted.at, redacted.by, redacted.text]
                self.propose(room.key, Event(op=op), session, lambda at: then(True))
            else:
                then(False)

        self._history.redact(room.key, redacted.at, done)
