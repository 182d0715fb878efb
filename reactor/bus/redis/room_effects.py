"""The effects of what was read back from Redis on the rooms of this server.

The batches of a room come in the one order of the cluster. A batch of another server is handed to the members as it is.
In one of this server, each event is written through the outbox of the session whose deed it was, so replies and frames
of the room keep their order.
"""

import logging
from collections.abc import Callable
from functools import partial
from typing import Any, cast

from pylingo.reactor.bus.redis.blob import Batch, Event, Op, Part, Run
from pylingo.reactor.bus.redis.changes import founder
from pylingo.reactor.bus.redis.deeds import Deed, Saying
from pylingo.reactor.bus.redis.feed import Feed, Proposal, in_place
from pylingo.reactor.bus.redis.feeds import Feeds
from pylingo.reactor.bus.redis.followed_rooms import STAYS, FollowedRooms
from pylingo.reactor.bus.redis.log_reader import Keyed
from pylingo.reactor.bus.redis.look_ups import LookUps
from pylingo.reactor.bus.redis.roll import Member
from pylingo.reactor.bus.redis.sessions import Sessions
from pylingo.reactor.chat.hub import Hub
from pylingo.reactor.chat.room import Room
from pylingo.reactor.chat.session import STAYING, Session
from pylingo.reactor.history import charter
from pylingo.reactor.history.charter import LOGGED, ON
from pylingo.reactor.history.topics import StoredTopic
from pylingo.shared.codec import encode
from pylingo.shared.messages import Away, Joined, Left, Redacted, Renamed, Skipped, Topic
from pylingo.shared.names import fold
from pylingo.shared.schema import Record

logger = logging.getLogger(__name__)


class RoomEffects:
    """See the module. The keys of messages are noted in `look_ups`.

    `everybody_left(key, name, people)` is told when the last member here has left a room, and how many people are still
    there on other servers. `come_back(session, key)` has a session enter a room again that another server has put it
    out of, although the session is here.
    """

    def __init__(
        self,
        hub: Hub[Session],
        feeds: Feeds,
        followed: FollowedRooms,
        look_ups: LookUps,
        sessions: Sessions,
        everybody_left: Callable[[str, str, int], object],
        come_back: Callable[[Session, str], object],
    ) -> None:
        self._hub = hub
        self._feeds = feeds
        self._followed = followed
        self._look_ups = look_ups
        self._sessions = sessions
        self._everybody_left = everybody_left
        self._come_back = come_back

    def applied(self, feed: Feed, top: int, batch: Batch, own: list[Proposal] | None) -> None:
        """See `FeedListener.applied`."""
        hub = self._hub
        hub.raise_stamps(top)
        if LOGGED not in feed.charter.fields and batch.message_count:
            self._set_charter(feed, feed.charter.changed({LOGGED: ON}))
        if own is None:
            self._take(feed, top, batch)
            return
        for at, proposal in in_place(own, top):
            deed = cast(Deed | Saying, proposal.ordered)
            self._effect(feed, at, proposal.part, deed.session)
            deed(at)

    def _take(self, feed: Feed, top: int, batch: Batch) -> None:
        """A batch of another server takes effect."""
        room, here = self._hub.rooms.get(feed.key), self._sessions.by_number
        begin = len(room.batch.frames) if room is not None else 0
        for at, part in batch.in_place(top):
            # Messages with keys that a session said on another server, before it came here, are its own.
            speaker = here.get(part.author.session) if isinstance(part, Run) and part.keys else None
            self._effect(feed, at, part, speaker)
        if room is not None:
            room.batch.note_foreign(begin)

    def _effect(self, feed: Feed, at: int, part: Part, session: Session | None) -> None:
        """Something that a session of this server has done takes effect, or what another server has done."""
        if isinstance(part, Run):
            self._say(feed, at, part, session)
        elif part.op is not None:
            _EFFECTS[part.op[0]](self, feed, at, part.op, session)
        else:
            self._tell(feed.key, part.frame, 0, session)

    def _say(self, feed: Feed, first: int, run: Run, session: Session | None) -> None:
        """Messages take effect. The first has the stamp `first`."""
        if run.keys:
            self._look_ups.noted(feed.key, Keyed(run.keys, run.author, first))
        room = self._hub.rooms.get(feed.key)
        if room is None:
            return
        outbox = session.outbox if session is not None and session.outbox in room.members else None
        if outbox is None:
            room.tell_messages(self._hub.tick, run.stamped(first), first, run.count)
        elif outbox.voice is None:
            outbox.write_messages_to_room(room, run.stamped(first), first, run.count)
        else:
            for at, frame in enumerate(run.frames(first), first):
                outbox.write_to_room(room, frame, at)

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
        room = self._hub.rooms.get(feed.key)
        if actor is not None and actor.state in STAYS and (room is None or room not in actor.rooms):
            actor.enter(self._followed.room(feed, name if is_new else None), is_new)
            return
        if actor is not None and actor.state not in STAYS:
            self._has_come_late(feed.key, number, actor)
        if is_new and room is not None:
            room.directory.add(fold(name))
            self._hub.members_changed()
            is_operator = self._is_room_operator(feed, number, marks[0])
            joined = Joined(room.name, name, None, None, marks[0], marks[1], is_operator or None)
            self._tell(feed.key, encode(joined), 0, actor)

    def _has_come_late(self, key: str, number: int, actor: Session) -> None:
        """A session that is over here has entered a room: it leaves, unless another server has it and knows of it."""

        def found(rooms: set[str]) -> None:
            if key not in rooms:
                self._feeds.propose(key, Event(op=["leave", number, "lost", None, None]), Deed(None))

        if self._sessions.is_here(actor, number):
            found(set())
        else:
            self._sessions.find_rooms(number, found)

    def _left(self, feed: Feed, at: int, op: Op, actor: Session | None) -> None:
        _, number, reason, by, text = op
        removed = feed.roll.remove(number)
        room = self._hub.rooms.get(feed.key)
        if actor is not None and room is not None and room in actor.rooms:  # it has heard everything before this
            actor.step_out(room)
            if not room.members:
                self._followed.close(feed.key)
                room = None
        if removed is None:  # another server has put it out before
            return
        stays = self._who_stays(number, room) if actor is None else None
        member, is_last = removed
        if not feed.roll and LOGGED not in feed.charter.fields:
            self._set_charter(feed, charter.NONE)
        if room is None:
            self._everybody_left(feed.key, feed.name, 0 if feed.charter.has(charter.SECRET) else len(feed.roll))
        elif is_last:
            room.directory.remove(member.key)
            self._hub.members_changed()
            left = Left(room.name, member.name, reason, None, None, by, text)
            self._tell(feed.key, encode(left), 0, stays)
            if reason not in STAYING:
                room.tell_once(left, ("left", number), stays.outbox if stays is not None else None)

    def _who_stays(self, number: int, room: Room[Session] | None) -> Session | None:
        """The session that another server has put out of a room, if it is here and in the room.

        Either it is not ours any more, or the other server was wrong: Redis knows, and then it comes back.
        """
        session = self._sessions.by_number.get(number)
        if session is None or room is None or room not in session.rooms:
            return None
        self._feeds.counters.foreign_leaves += 1
        logger.info("another server has put the session %d out of a room", number)
        self._sessions.confirm(session, partial(self._come_back, session, room.key))
        return session

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


_EFFECTS: dict[str, Callable[[RoomEffects, Feed, int, Op, Session | None], Any]] = {
    "join": RoomEffects._joined,
    "leave": RoomEffects._left,
    "rename": RoomEffects._renamed,
    "away": RoomEffects._away,
    "topic": RoomEffects._topic,
    "charter": RoomEffects._governed,
    "redact": RoomEffects._redacted,
}
