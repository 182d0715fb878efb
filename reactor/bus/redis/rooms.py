"""The rooms on this server: what its sessions do there is proposed, and takes effect when it has been read back.

The batches of a room come in the one order of the cluster. A batch of another server is handed to the members as it is.
In one of this server, each event is written through the outbox of the session whose deed it was, so replies and frames
of the room keep their order.
"""

import collections
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any, cast

from pylingo.reactor.bus.redis.blob import PLACEHOLDER, Batch, Event, Marks, Op
from pylingo.reactor.bus.redis.changes import founder
from pylingo.reactor.bus.redis.deeds import WITHDRAWN, Deed, Saying, Unconfirmed
from pylingo.reactor.bus.redis.feed import Feed, Proposal
from pylingo.reactor.bus.redis.feeds import Feeds
from pylingo.reactor.bus.redis.history import RedisHistory
from pylingo.reactor.bus.redis.roll import Member
from pylingo.reactor.chat.bus import Deliver
from pylingo.reactor.chat.hub import Hub
from pylingo.reactor.chat.room import Room
from pylingo.reactor.chat.session import STAYING, Session, State
from pylingo.reactor.chat.waiting import wait_for
from pylingo.reactor.history import charter
from pylingo.reactor.history.charter import LOGGED, ON
from pylingo.reactor.history.topics import StoredTopic
from pylingo.shared.codec import encode
from pylingo.shared.messages import Away, Joined, Left, Message, Redacted, Renamed, Say, Skipped, Topic
from pylingo.shared.names import fold
from pylingo.shared.schema import Record

_STAYS = frozenset({State.ATTACHED, State.AWAY})
"""The states of a session that may still enter a room."""


class Rooms:
    """See the module. `unconfirmed` bounds what a session has said that is not in Redis yet.

    `everybody_left(key, name, people)` is told when the last member here has left a room, and how many people are still
    there on other servers.
    """

    def __init__(
        self,
        hub: Hub[Session],
        feeds: Feeds,
        history: RedisHistory,
        unconfirmed: Unconfirmed,
        everybody_left: Callable[[str, str, int], object],
    ) -> None:
        self._everybody_left = everybody_left
        self._hub = hub
        self._feeds = feeds
        self._history = history
        self._unconfirmed = unconfirmed
        self._feeds_here: dict[str, Feed] = {}  # by room: those that somebody here is in
        self._entering: collections.Counter[str] = collections.Counter()  # by room: sessions on their way in

    # --- deeds

    def enter(self, session: Session, name: str, then: Callable[[Room[Session]], object]) -> None:
        """See `Bus.enter`."""
        key = fold(name)
        room = self._hub.rooms.get(key)
        if room is not None and room in session.rooms:
            session.enter(room, False)
            then(room)
            return

        def entered(room: Room[Session] | None) -> None:
            if room is not None:
                then(room)

        wait_for(session, partial(self._join, session, key, name), entered)

    def _join(self, session: Session, key: str, name: str, answer: Callable[[Room[Session] | None], object]) -> None:
        """Follow the room, and enter it."""
        self._entering[key] += 1

        def opened(feed: Feed) -> None:
            if session.state not in _STAYS:
                done(WITHDRAWN)
                return
            person = session.person
            op = ["join", session.number, person.name, *self._hub.marks(person)]
            self._feeds.propose(key, Event(op=op), Deed(session, done))

        def done(at: int) -> None:
            self._came(key)
            room = self._hub.rooms.get(key)
            answer(room if room in session.rooms else None)

        self._feeds.open(key, name, opened)

    def sit_down(self, session: Session, name: str, then: Callable[[], object]) -> None:
        """Have a session that is in a room already, but was on another server, take its place there.

        If this server has not heard yet that it is there, it enters the room, which changes nothing for those who have.
        """
        key = fold(name)
        self._entering[key] += 1

        def opened(feed: Feed) -> None:
            is_there = session.number in feed.roll
            if is_there and session.state in _STAYS:
                session.enter(self._room(feed), False)
            elif not is_there:
                self._join(session, key, name, lambda room: then())
            self._came(key)
            if is_there:
                then()

        self._feeds.open(key, name, opened)

    def leave(self, session: Session, room: Room[Session], reason: str, then: Callable[[], object]) -> None:
        """See `Bus.leave`."""

        def left(at: int) -> None:
            if session.state is State.ATTACHED:
                then()

        wait_for(
            session,
            partial(self.propose, room.key, Event(op=["leave", session.number, reason, None, None]), session),
            left,
        )

    def _came(self, key: str) -> None:
        """A session was on its way into a room, and is there, or will not come."""
        self._entering[key] -= 1
        if not self._entering[key]:
            del self._entering[key]
        if key not in self._hub.rooms:
            self._close(key)

    def left(self, session: Session, room: Room[Session], reason: str, by: str | None, text: str | None) -> None:
        """See `Bus.left`."""
        self.propose(room.key, Event(op=["leave", session.number, reason, by, text]), session)
        if not room.members:
            self._close(room.key)

    def gave_away(self, room: Room[Session]) -> None:
        """A session was in the room, and belongs to another server now."""
        if not room.members:
            self._close(room.key)

    def propose(
        self, room: str, event: Event, session: Session | None = None, then: Callable[[int], object] | None = None
    ) -> None:
        """Propose an event for a room, by its compared form. `then` gets its stamp when it has taken effect."""
        self._feeds.propose(room, event, Deed(session, then))

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
        person = session.person
        key = abandoned = None
        if say.key is not None:
            key = say.key, session.number, person.key
            self._history.look_ups.pending(room.key, *key)
            abandoned = partial(self._history.look_ups.abandoned, room.key, say.key, session.number)
        marks: Marks | None = None if person.fingerprint is None else self._hub.marks(person)
        action, notice = say.action or None, None if say.action else say.notice or None  # one of them at most
        frame = encode(Message(room.name, person.name, text, PLACEHOLDER, action, notice))
        saying = Saying(session, self._unconfirmed, len(frame), room.name, say, deliver, abandoned)
        self._feeds.propose(room.key, Event(frame, True, (action or notice) is True, None, key, marks), saying)

    def redact(self, session: Session, room: Room[Session], redacted: Redacted, then: Callable[[bool], object]) -> None:
        """See `Bus.redact`."""

        def done(is_there: bool) -> None:
            if is_there:
                op = ["redact", redacted.at, redacted.by, redacted.text]
                self.propose(room.key, Event(op=op), session, lambda at: then(True))
            else:
                then(False)

        self._history.redact(room.key, redacted.at, done)

    # --- who is there

    def spelling(self, room: str, key: str) -> str:
        """See `Bus.spelling`."""
        first = self.first_session(room, key)
        member = self._feeds_here[room].roll.get(first) if first is not None else None
        assert member is not None, "the directory of a room has whom the roll has"
        return member.name

    def is_operator(self, room: str, key: str) -> bool:
        """See `Bus.is_operator`."""
        feed, register = self._feeds_here[room], self._hub.access.register
        numbers = feed.roll.numbers(key)
        keys = {one.fingerprint for number in numbers if (one := feed.roll.get(number)) is not None} - {None}
        if any(map(register.is_operator, keys)):
            return True
        if not feed.charter.fields:
            return False
        return feed.charter.is_operator([*numbers, *(one for key in keys for one in register.keys_of(key))])

    def numbers(self, room: str) -> Collection[int]:
        """See `Bus.numbers`."""
        return {number for number, _ in self._feeds_here[room].roll.sessions()}

    def first_session(self, room: str, key: str) -> int | None:
        """The session that stands for a person in a room: the first of them that has come, the same for all servers.

        None if nobody of that name is there, as while a name is changed.
        """
        return next(iter(self._feeds_here[room].roll.numbers(key)), None)

    # --- effects: `Feeds` calls these

    def applied(self, feed: Feed, top: int, batch: Batch, own: list[Proposal] | None) -> None:
        """See `FeedListener.applied`."""
        hub = self._hub
        hub.raise_stamps(top)
        for index, key, number, name in batch.keys:
            self._history.look_ups.noted(feed.key, key, number, name, top - batch.count + 1 + index)
        if LOGGED not in feed.charter.fields and batch.message_count:
            self._set_charter(feed, feed.charter.changed({LOGGED: ON}))
        if own is None and not batch.ops:
            if (room := hub.rooms.get(feed.key)) is not None:
                room.tell_messages(hub.tick, *batch.stamped(top))
            return
        if own is None:
            for stamped in batch.events(top):
                if stamped.op is not None:
                    _EFFECTS[stamped.op[0]](self, feed, stamped.at, stamped.op, None)
                else:
                    self._tell(feed.key, stamped.frame, stamped.at if stamped.is_message else 0)
            return
        for at, proposal in enumerate(own, top - batch.count + 1):
            event, deed = proposal.event, cast(Deed | Saying, proposal.ordered)
            if event.is_message:
                room, frame, session = hub.rooms.get(feed.key), event.stamped(at), deed.session
                if room is not None and session is not None and session.outbox in room.members:
                    session.outbox.write_to_room(room, frame, at)
                elif room is not None:
                    room.tell(hub.tick, frame, at)
            elif event.op is not None:
                _EFFECTS[event.op[0]](self, feed, at, event.op, deed.session)
            else:
                self._tell(feed.key, event.frame, 0, deed.session)
            deed(at)

    def missed(self, feed: Feed, after: int, until: int) -> None:
        """See `FeedListener.missed`. How many messages are missing is not known: with 1, clients ask for them."""
        self._tell(feed.key, encode(Skipped(feed.name, 1, after, until)))

    def reread(self, feed: Feed) -> None:
        """See `FeedListener.reread`."""
        room = self._hub.rooms.get(feed.key)
        if room is not None:
            room.topic = feed.topic
            room.charter = feed.charter
            room.directory.replace(feed.roll.keys())
            self._hub.members_changed()

    def _joined(self, feed: Feed, at: int, op: Op, actor: Session | None) -> None:
        _, number, name, *marks = op
        if not feed.roll and not feed.charter.fields:
            field, value = founder(number, name, marks[0])
            self._set_charter(feed, charter.Charter({field: value}))
        is_new = feed.roll.add(number, Member(name, *marks))
        if actor is not None and actor.state in _STAYS:
            actor.enter(self._room(feed, name if is_new else None), is_new)
            return
        if actor is not None:  # it has ended meanwhile
            self.propose(feed.key, Event(op=["leave", number, "lost", None, None]))
        room = self._hub.rooms.get(feed.key)
        if is_new and room is not None:
            room.directory.add(fold(name))
            self._hub.members_changed()
            is_operator = self._is_room_operator(feed, number, marks[0])
            self._tell(feed.key, encode(Joined(room.name, name, None, None, marks[0], marks[1], is_operator or None)))

    def _left(self, feed: Feed, at: int, op: Op, actor: Session | None) -> None:
        _, number, reason, by, text = op
        removed = feed.roll.remove(number)
        room = self._hub.rooms.get(feed.key)
        if actor is not None and room is not None and room in actor.rooms:  # it has heard everything before this
            actor.step_out(room)
            if not room.members:
                self._close(feed.key)
                room = None
        if removed is None:  # another server has put it out before
            return
        member, is_last = removed
        if not feed.roll and LOGGED not in feed.charter.fields:
            self._set_charter(feed, charter.NONE)
        if room is None:
            self._everybody_left(feed.key, feed.name, len(feed.roll))
        elif is_last:
            room.directory.remove(member.key)
            self._hub.members_changed()
            left = Left(room.name, member.name, reason, None, None, by, text)
            self._tell(feed.key, encode(left))
            if reason not in STAYING:
                room.tell_once(left, ("left", number))

    def _renamed(self, feed: Feed, at: int, op: Op, actor: Session | None) -> None:
        _, number, name, *marks = op
        member = Member(name, *marks)
        others = [feed.roll.get(other) for other in feed.roll.numbers(member.key) if other != number]
        renamed = feed.roll.rename(number, member)
        room = self._hub.rooms.get(feed.key)
        if renamed is None or room is None:
            return
        old, leaves, comes = renamed
        is_spelling = old.key == member.key
        if leaves:
            room.directory.remove(old.key)
        if comes:
            room.directory.add(member.key)
        self._hub.members_changed()
        room.directory.changed()
        record: Record | None = None
        if (leaves and comes) or (is_spelling and all(one is None or one.name != name for one in others)):
            record = Renamed(old.name, name, room.name, None, *marks)
        elif comes:
            is_operator = self._is_room_operator(feed, number, marks[0])
            record = Joined(room.name, name, None, None, marks[0], marks[1], is_operator or None)
        elif leaves:
            record = Left(room.name, old.name, "leave")
        if record is not None:
            self._tell(feed.key, encode(record), 0, actor)
        if isinstance(record, Renamed):
            room.tell_once(record, ("renamed", old.name, name), actor.outbox if actor is not None else None)

    def _away(self, feed: Feed, at: int, op: Op, actor: Session | None) -> None:
        _, number, text = op
        member = feed.roll.get(number)
        room = self._hub.rooms.get(feed.key)
        if member is not None and room is not None:
            away = Away(member.name, text)
            self._tell(feed.key, encode(away), 0, actor)
            room.tell_once(away, ("away", number, text), actor.outbox if actor is not None else None)

    def _topic(self, feed: Feed, at: int, op: Op, actor: Session | None) -> None:
        _, text, by = op
        feed.topic = StoredTopic(text, by, at) if text is not None else None
        room = self._hub.rooms.get(feed.key)
        if room is not None:
            self._hub.set_topic(room, feed.topic)
            self._tell(feed.key, encode(Topic(room.name, text, by, at)), 0, actor)

    def _governed(self, feed: Feed, at: int, op: Op, actor: Session | None) -> None:
        _, fields, frame = op
        self._set_charter(feed, feed.charter.changed(fields))
        self._tell(feed.key, frame, 0, actor)

    def _set_charter(self, feed: Feed, value: charter.Charter) -> None:
        feed.charter = value
        if (room := self._hub.rooms.get(feed.key)) is not None:
            self._hub.set_charter(room, value)

    def _is_room_operator(self, feed: Feed, number: int, fingerprint: str | None) -> bool:
        """Whether a session is one of an operator of the room."""
        keys = self._hub.access.register.keys_of(fingerprint)
        return bool(feed.charter.fields) and feed.charter.is_operator([number, *keys])

    def _redacted(self, feed: Feed, at: int, op: Op, actor: Session | None) -> None:
        self._tell(feed.key, encode(Redacted(feed.name, *op[1:])), 0, actor)

    def _tell(self, key: str, frame: bytes, at: int = 0, actor: Session | None = None) -> None:
        """Have the members of a room get a frame: the others, if it is about what a member here has done."""
        room = self._hub.rooms.get(key)
        if room is None:
            return
        if actor is not None and actor.outbox in room.members:
            actor.outbox.write_to_room(room, frame, at)
        else:
            room.tell(self._hub.tick, frame, at)

    def _room(self, feed: Feed, besides: str | None = None) -> Room[Session]:
        """The room of a feed on this server. A new one has the names of everybody, `besides` the one who just comes."""
        room = self._hub.rooms.get(feed.key)
        if room is None:
            self._history.topics.set(feed.key, feed.topic)
            room = self._hub.room(feed.name)
            self._feeds_here[feed.key] = feed
            room.charter = feed.charter
            key = fold(besides) if besides is not None else None
            room.directory.replace(feed.roll.keys() - {key})
        return room

    def _close(self, key: str) -> None:
        """Nobody here is in the room: follow it no more, unless somebody is on the way in."""
        self._feeds_here.pop(key, None)
        if not self._entering[key]:
            self._feeds.close(key)


_EFFECTS: dict[str, Callable[[Rooms, Feed, int, Op, Session | None], Any]] = {
    "join": Rooms._joined,
    "leave": Rooms._left,
    "rename": Rooms._renamed,
    "away": Rooms._away,
    "topic": Rooms._topic,
    "charter": Rooms._governed,
    "redact": Rooms._redacted,
}
