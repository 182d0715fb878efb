"""The bus of a server that is alone: everything happens at once, in the order of the calls.

The methods for words are on the way of every message. They are called directly, and make no object besides the message.
"""

from collections.abc import Callable, Collection, Mapping
from functools import partial

from pylingo.reactor.chat import presence
from pylingo.reactor.chat.bus import Admit, Deliver, admit_all
from pylingo.reactor.chat.listing import Directory
from pylingo.reactor.chat.person import Person
from pylingo.reactor.chat.room import Room
from pylingo.reactor.chat.room_powers import has_voice, may_moderate
from pylingo.reactor.chat.session import STAYING, Session, State
from pylingo.reactor.chat.speaking import confirm
from pylingo.reactor.chat.waiting import wait_for
from pylingo.reactor.history import charter
from pylingo.reactor.history.charter import Charter, operator_field
from pylingo.reactor.history.topics import StoredTopic
from pylingo.shared import __version__
from pylingo.shared.codec import encode, encode_message, encode_messages
from pylingo.shared.errors import RequestError
from pylingo.shared.messages import (
    Entry,
    Left,
    Message,
    PersonInfo,
    Private,
    Redacted,
    RedisInfo,
    RoomInfo,
    Say,
    Sent,
    ServerInfo,
    Topic,
)
from pylingo.shared.names import fold
from pylingo.shared.schema import Record
from pylingo.shared.value_class import constructor

_entry = constructor(Entry)


class LocalBus:
    """See the module. `reactor.chat.bus.Bus` says what the methods do. `address` returns where the server is."""

    def __init__(self, address: Callable[[], str] = lambda: "") -> None:
        self._address = address
        self.guests = 0
        """The number in the name of the newest guest."""
        self.sessions = 0
        """The number of the session that got one last."""
        self._leaving: Person[Session] | None = None  # who leaves several rooms, and is not out of all of them yet

    # --- people

    def next_guest(self) -> int:
        self.guests += 1
        return self.guests

    def next_number(self) -> int:
        self.sessions += 1
        return self.sessions

    def came(self, session: Session) -> None:
        """The hub knows everybody."""

    def went(self, session: Session, person: Person[Session]) -> None:
        """The hub knows everybody."""

    def seated(self, session: Session) -> None:
        """The hub knows all tokens."""

    def find_seat(
        self,
        session: Session,
        token: str,
        key: str | None,
        identity: str | None,
        then: Callable[[Session | None], object],
    ) -> None:
        then(session.hub.tokens.find(token, key))

    def rename(self, session: Session, name: str, then: Callable[[RequestError | None], object]) -> None:
        try:
            presence.rename(session, name)
        except RequestError as error:
            then(error.with_traceback(None))  # which refers to this frame, and that to the error
        else:
            then(None)

    def be_away(self, session: Session, text: str | None) -> None:
        presence.be_away(session, text)

    def look_up(self, session: Session, name: str, re: int | None, then: Callable[[], object]) -> None:
        then()

    def stranger(self, key: str) -> Person[Session] | None:
        return None

    def present(self, keys: Collection[str], then: Callable[[dict[str, str]], object]) -> None:
        """There is no other server."""
        then({})

    def away(self, keys: Collection[str], then: Callable[[Collection[str]], object]) -> None:
        """There is no other server."""
        then(())

    def spelling(self, session: Session, room: Room[Session], key: str) -> str:
        return session.hub.named(key).name

    def is_operator(self, session: Session, room: Room[Session], key: str) -> bool:
        return may_moderate(session.hub, room, session.hub.named(key))

    def has_voice(self, session: Session, room: Room[Session], key: str) -> bool:
        person = session.hub.here(key)  # who may have gone in this tick
        return person is not None and has_voice(session.hub, room, person)

    def numbers(self, session: Session, room: Room[Session]) -> Collection[int]:
        return {member.number for member in room.members.values()}

    def list_people(self, session: Session, then: Callable[[Directory, Callable[[str], PersonInfo]], object]) -> None:
        hub = session.hub

        def row(key: str) -> PersonInfo:
            person = hub.named(key)
            return PersonInfo(person.name, len(person.rooms), person.away, *hub.marks(person))

        then(hub.people, row)

    # --- rooms

    def enter(
        self,
        session: Session,
        name: str,
        then: Callable[[Room[Session]], object],
        admit: Admit = admit_all,
        before: Room[Session] | None = None,
    ) -> None:
        def admitted(charter: Charter, people: int) -> bool:
            if not admit(charter, people):
                return False
            if before is not None:
                session.leave(before, "moved")
            return True

        room = session.hub.rooms.get(fold(name))
        if room is None:
            find = partial(session.hub.history.find_log, fold(name))
            wait_for(session, find, partial(self._enter_empty, session, name, then, admitted))
        elif admitted(charter.NONE if session.person.is_in(room) else room.charter, len(room.directory.keys)):
            self._enter(session, name, then, True)

    def _enter_empty(
        self, session: Session, name: str, then: Callable[[Room[Session]], object], admit: Admit, has_log: bool
    ) -> None:
        if session.state is State.ATTACHED and admit(session.hub.history.charters.get(fold(name)) or charter.NONE, 0):
            self._enter(session, name, then, has_log)

    def _enter(self, session: Session, name: str, then: Callable[[Room[Session]], object], has_log: bool) -> None:
        """Enter a room. If it was empty and has no log, it is the person's."""
        hub, person = session.hub, session.person
        if session.state not in (State.ATTACHED, State.AWAY):
            return
        is_first = fold(name) not in hub.rooms  # somebody else may have been faster
        room = hub.room(name)
        if is_first and not has_log:
            hub.set_charter(room, Charter({operator_field(hub.owner(person)): person.name}))
        session.enter(room, not person.is_in(room))
        then(room)

    def leave(self, session: Session, room: Room[Session], reason: str, then: Callable[[], object]) -> None:
        session.leave(room, reason)
        then()

    def left(self, session: Session, room: Room[Session], reason: str, by: str | None, text: str | None) -> None:
        person = session.person
        if not person.is_in(room):
            room.directory.remove(person.key)
            session.hub.members_changed()
            if room.members:
                left = Left(room.name, person.name, reason, None, None, by, text)
                session.outbox.write_to_room(room, encode(left))
                if reason not in STAYING and (session.rooms or self._leaving is person):
                    self._leaving = person if session.rooms else None
                    room.tell_once(left, ("left", person.key, person.since), session.outbox)

    @property
    def is_alone(self) -> bool:
        return True

    def list_rooms(self, session: Session, then: Callable[[Directory, Callable[[str], RoomInfo]], object]) -> None:
        rooms = session.hub.rooms

        def row(key: str) -> RoomInfo:
            room = rooms[key]
            return RoomInfo(room.name, len(room.directory.keys))

        then(session.hub.directory, row)

    def set_topic(
        self, session: Session, room: Room[Session], text: str | None, then: Callable[[Topic], object]
    ) -> None:
        by, at = session.person.name, session.hub.stamp()
        session.hub.set_topic(room, StoredTopic(text, by, at) if text is not None else None)
        topic = Topic(room.name, text, by, at)
        if len(room.members) > 1:
            session.outbox.write_to_room(room, encode(topic))
        then(topic)

    def govern(
        self,
        session: Session,
        room: Room[Session],
        fields: Mapping[str, str | None],
        record: Record,
        then: Callable[[], object],
    ) -> None:
        session.hub.set_charter(room, room.charter.changed(fields))
        if len(room.members) > 1:
            session.outbox.write_to_room(room, encode(record))
        then()

    def tell_room(self, session: Session, name: str, record: Record) -> None:
        room = session.hub.rooms.get(fold(name))
        if room is not None:
            session.outbox.write_to_room(room, encode(record))

    def tell_person(self, session: Session, person: Person[Session], record: Record) -> None:
        for other in person.sessions:
            other.reply(record)

    def tell_voices(self, session: Session, person: Person[Session], line: bytes) -> None:
        presence.tell_voices(person, line)

    def tell_everybody(self, session: Session, record: Record) -> None:
        session.hub.tell_everybody(record)

    # --- words

    def speak(self, session: Session, room: Room[Session], say: Say, text: str, deliver: Deliver | None) -> None:
        hub, person = session.hub, session.person
        name = person.name
        at = hub.stamp()
        action = say.action or None
        if person.fingerprint is None:  # a call less for each message of a guest
            entry = _entry(name, text, at, say.key, None, action)
        else:
            entry = _entry(name, text, at, say.key, None, action, *hub.marks(person))
        hub.history.add(room.key, entry, session.number if say.key is not None else 0)
        outbox = session.outbox
        if len(room.members) > 1 or outbox.voice is not None or outbox not in room.members:
            if action is None and say.notice is None:
                frame = encode_message(session.message_head(room.name), text, at)
            else:
                frame = encode(Message(room.name, name, text, at, action, say.notice))
            outbox.write_to_room(room, frame, at)
        else:
            hub.tick.messages += 1  # those of a batch are counted with it
        if deliver is not None:
            confirm(hub.history, Sent(room.name, at, say.id, say.key), deliver)

    def speak_many(self, session: Session, room: Room[Session], texts: list[bytes]) -> None:
        hub, person, outbox, name = session.hub, session.person, session.outbox, session.person.name
        first = hub.stamp(len(texts))
        key, role = hub.marks(person)
        entries = [_entry(name, text.decode(), at, None, None, None, key, role) for at, text in enumerate(texts, first)]
        hub.history.add_plain(room.key, entries)
        if len(room.members) > 1 or outbox not in room.members:
            frames = encode_messages(session.message_head(room.name), texts, first)
            outbox.write_messages_to_room(room, frames, first, len(texts))
        else:
            hub.tick.messages += len(texts)

    def speak_privately(
        self, session: Session, other: Person[Session], say: Say, text: str, deliver: Deliver | None
    ) -> None:
        hub, person, to = session.hub, session.person, other.name
        at = hub.stamp()
        action = say.action or None
        marks = hub.marks(person)
        entry = Entry(person.name, text, at, say.key, to, action, *marks)
        hub.history.add_private(hub.owner(person), hub.owner(other), entry, session.number if say.key else 0)
        private = encode(Private(person.name, to, text, at, action, *marks, say.notice))
        hub.tick.messages += 1
        if other.sessions:
            session.outbox.write_to_room(other.open_inbox(), private, at)
        if not person.is_alone:
            session.outbox.write_to_room(person.open_inbox(), private, at)
        if deliver is not None:
            confirm(hub.history, Sent(None, at, say.id, say.key, to), deliver)

    def redact(self, session: Session, room: Room[Session], redacted: Redacted, then: Callable[[bool], object]) -> None:
        def done(is_there: bool) -> None:
            if is_there and room.members:
                session.outbox.write_to_room(room, encode(redacted))
            then(is_there)

        session.hub.history.redact(room.key, redacted.at, done)

    # --- operators

    def kick(self, session: Session, person: Person[Session], room: Room[Session], by: str, text: str | None) -> None:
        for other in person.sessions:
            if room in other.rooms:
                other.kicked(room, by, text)

    def list_servers(self, session: Session, then: Callable[[list[ServerInfo], RedisInfo | None], object]) -> None:
        then([ServerInfo(1, self._address(), __version__, len(session.hub), 0, own=True)], None)
