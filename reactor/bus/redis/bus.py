"""The bus of a server among several: deeds go to Redis, and happen when they come back.

This puts the parts together, each of which does one kind of deed: `rooms`, `private_words`, `naming`, `seats`,
`strangers`, `listings` and `signals`. `room_effects` does what has come back.
"""

from collections.abc import Callable, Collection, Mapping
from functools import partial

from pylingo.reactor.bus.redis.blob import Event
from pylingo.reactor.bus.redis.deeds import Unconfirmed
from pylingo.reactor.bus.redis.feeds import Feeds
from pylingo.reactor.bus.redis.followed_rooms import FollowedRooms
from pylingo.reactor.bus.redis.history import RedisHistory
from pylingo.reactor.bus.redis.keys import Keys
from pylingo.reactor.bus.redis.listings import Listings
from pylingo.reactor.bus.redis.naming import Naming
from pylingo.reactor.bus.redis.overview import Overview
from pylingo.reactor.bus.redis.private_words import PrivateWords
from pylingo.reactor.bus.redis.questions import Questions
from pylingo.reactor.bus.redis.room_effects import RoomEffects
from pylingo.reactor.bus.redis.rooms import Rooms
from pylingo.reactor.bus.redis.seats import TravellingSeats
from pylingo.reactor.bus.redis.sessions import Sessions
from pylingo.reactor.bus.redis.signals import Signals
from pylingo.reactor.bus.redis.strangers import Strangers
from pylingo.reactor.chat import presence
from pylingo.reactor.chat.bus import Admit, Deliver, admit_all
from pylingo.reactor.chat.hub import Hub
from pylingo.reactor.chat.listing import Directory
from pylingo.reactor.chat.person import Person
from pylingo.reactor.chat.room import Room
from pylingo.reactor.chat.session import Session, State
from pylingo.shared.codec import encode
from pylingo.shared.errors import RequestError
from pylingo.shared.messages import PersonInfo, Redacted, RedisInfo, RoomInfo, Say, ServerInfo, Topic
from pylingo.shared.schema import Record


class RedisBus:
    """See the module. `reactor.chat.bus.Bus` says what the methods do.

    `questions` are held while Redis may not know yet what the servers know, `records` tell it that. The answers to
    `certain` ones must survive a failover of Redis.
    """

    def __init__(
        self,
        hub: Hub[Session],
        feeds: Feeds,
        questions: Questions,
        records: Questions,
        certain: Questions,
        keys: Keys,
        history: RedisHistory,
        call_before_flush: Callable[[Callable[[], object]], object],
        call_later: Callable[..., object],
        keep: int,
        clock: Callable[[], int],
        overview: Overview,
        monotonic: Callable[[], float],
        when_sure: Callable[[Callable[[], object]], object],
    ) -> None:
        self._hub = hub
        self._overview = overview
        self._feeds = feeds
        unconfirmed = Unconfirmed()
        self.sessions = Sessions(hub, records, keys, call_before_flush, lambda number: self.seats.overruled(number))
        self._listings = Listings(hub, questions, keys, self.sessions, clock)
        self.followed = FollowedRooms(hub, feeds, history)
        self.rooms = Rooms(hub, feeds, self.followed, history, unconfirmed)
        self.effects = RoomEffects(
            hub, feeds, self.followed, history.look_ups, self.sessions, self._listings.left, self.rooms.come_back
        )
        self._words = PrivateWords(
            hub, questions, certain, keys, self.sessions, history, unconfirmed, keep, clock, monotonic
        )
        self.signals = Signals(questions, keys, self._words.came)
        self._naming = Naming(hub, certain, keys, self.sessions, self.rooms, self._respell)
        self._strangers = Strangers(hub, questions, keys)
        self.seats = TravellingSeats(
            hub,
            questions,
            keys,
            self.sessions,
            self.rooms,
            feeds,
            self.signals,
            call_later,
            self.when_settled,
            when_sure,
        )
        self.signals.on("overruled", self.seats.overruled)
        self.signals.on("kick", self._kicked)
        self.signals.on("respell", self._naming.respelled)
        self.signals.on("away", self._went_away)
        self.signals.on("person", self._told_person)
        self.signals.on("line", self._told_voices)
        self.signals.on("everybody", self._told_everybody)

    # --- Redis goes away and comes back

    def down(self) -> None:
        """Redis is away."""
        self._words.down()

    def up(self) -> None:
        """Redis is back, and knows everything again."""
        self._words.up()

    def when_settled(self, callback: Callable[[], object]) -> None:
        """Call `callback` when everything that was said here is in Redis; at once if it is."""
        self._feeds.when_settled(lambda: self._words.when_settled(callback))

    def healed(self) -> None:
        """Redis may have lost its newest data: tell it again."""
        self.sessions.register_again()
        self.seats.kept.register_again()
        self._words.restore()

    # --- people

    def next_guest(self) -> int:
        return self.sessions.next_guest()

    def next_number(self) -> int:
        return self.sessions.next_number()

    def came(self, session: Session) -> None:
        if self._hub.access.lets_guests_in:
            self.sessions.register(session)

    def went(self, session: Session, person: Person[Session]) -> None:
        key = person.key
        if session.state is State.ENDED:  # its name is free when the rooms have been told
            for room in session.rooms:  # left without a word at the end of the server
                self.rooms.left(session, room, "shutdown", None, None)
            self._feeds.when_settled(lambda: self.sessions.ended(session, key))

    def seated(self, session: Session) -> None:
        self.sessions.register(session)
        self.sessions.changed(session)

    def find_seat(
        self,
        session: Session,
        token: str,
        key: str | None,
        identity: str | None,
        then: Callable[[Session | None], object],
    ) -> None:
        self.seats.find(token, key, identity, then)

    def rename(self, session: Session, name: str, then: Callable[[RequestError | None], object]) -> None:
        self._naming.rename(session, name, then)

    def be_away(self, session: Session, text: str | None) -> None:
        if text != session.person.away:
            self.signals.send_all("away", session.person.key, text, session.number)
            session.person.away = text
            self._hub.people.changed()
            self._hub.note_away(session.person)

    def look_up(self, session: Session, name: str, re: int | None, then: Callable[[], object]) -> None:
        self._strangers.look_up(session, name, re, then)

    def stranger(self, key: str) -> Person[Session] | None:
        return self._strangers.stranger(key)

    def present(self, keys: Collection[str], then: Callable[[dict[str, str]], object]) -> None:
        self._strangers.present(keys, then)

    def away(self, keys: Collection[str], then: Callable[[Collection[str]], object]) -> None:
        self._strangers.away(keys, then)

    def spelling(self, session: Session, room: Room[Session], key: str) -> str:
        return self.followed.spelling(room.key, key)

    def is_operator(self, session: Session, room: Room[Session], key: str) -> bool:
        return self.followed.is_operator(room.key, key)

    def has_voice(self, session: Session, room: Room[Session], key: str) -> bool:
        return self.followed.has_voice(room.key, key)

    def numbers(self, session: Session, room: Room[Session]) -> Collection[int]:
        return self.followed.numbers(room.key)

    def list_people(self, session: Session, then: Callable[[Directory, Callable[[str], PersonInfo]], object]) -> None:
        self._listings.people(session, then)

    # --- rooms

    def enter(
        self,
        session: Session,
        name: str,
        then: Callable[[Room[Session]], object],
        admit: Admit = admit_all,
        before: Room[Session] | None = None,
    ) -> None:
        def entered(room: Room[Session] | None) -> None:
            self.sessions.entered(session)
            if room is not None:
                then(room)

        self.sessions.enters(session, name)
        self.rooms.enter(session, name, entered, admit, before)

    def leave(self, session: Session, room: Room[Session], reason: str, then: Callable[[], object]) -> None:
        self.rooms.leave(session, room, reason, partial(self.sessions.changed, session), then)

    def left(self, session: Session, room: Room[Session], reason: str, by: str | None, text: str | None) -> None:
        self.sessions.changed(session)
        self.rooms.left(session, room, reason, by, text)

    @property
    def is_alone(self) -> bool:
        return False

    def list_rooms(self, session: Session, then: Callable[[Directory, Callable[[str], RoomInfo]], object]) -> None:
        self._listings.rooms(session, then)

    def set_topic(
        self, session: Session, room: Room[Session], text: str | None, then: Callable[[Topic], object]
    ) -> None:
        self.rooms.set_topic(session, room, text, then)

    def govern(
        self,
        session: Session,
        room: Room[Session],
        fields: Mapping[str, str | None],
        record: Record,
        then: Callable[[], object],
    ) -> None:
        self.rooms.govern(session, room, fields, record, then)

    def tell_room(self, session: Session, name: str, record: Record) -> None:
        self.rooms.tell_room(session, name, record)

    def tell_person(self, session: Session, person: Person[Session], record: Record) -> None:
        self.signals.send_all("person", person.key, encode(record))

    def tell_voices(self, session: Session, person: Person[Session], line: bytes) -> None:
        self.signals.send_all("line", person.key, line)

    def tell_everybody(self, session: Session, record: Record) -> None:
        self.signals.send_all("everybody", encode(record))

    # --- words

    def speak(self, session: Session, room: Room[Session], say: Say, text: str, deliver: Deliver | None) -> None:
        self.rooms.speak(session, room, say, text, deliver)

    def speak_many(self, session: Session, room: Room[Session], texts: list[bytes]) -> None:
        self.rooms.speak_many(session, room, texts)

    def speak_privately(
        self, session: Session, other: Person[Session], say: Say, text: str, deliver: Deliver | None
    ) -> None:
        self._words.speak(session, other, say, text, deliver)

    def redact(self, session: Session, room: Room[Session], redacted: Redacted, then: Callable[[bool], object]) -> None:
        self.rooms.redact(session, room, redacted, then)

    # --- operators

    def kick(self, session: Session, person: Person[Session], room: Room[Session], by: str, text: str | None) -> None:
        self.signals.send_all("kick", person.key, room.key, by, text)

    def list_servers(self, session: Session, then: Callable[[list[ServerInfo], RedisInfo | None], object]) -> None:
        self._overview.list_servers(session, then)

    # --- signals of other servers, and of this one

    def _respell(self, key: str, name: str) -> None:
        self.signals.send_all("respell", key, name)

    def _kicked(self, key: str, room: str, by: str, text: str | None) -> None:
        place, person = self._hub.rooms.get(room), self._hub.here(key)
        for session in person.sessions if person is not None and place is not None else ():
            if place in session.rooms:
                session.kicked(place, by, text)

    def _went_away(self, key: str, text: str | None, number: int) -> None:
        """The session `number` of a person has said that the person is away: each room is told by one server."""
        person = self._hub.here(key)
        if person is None:
            return
        person.away = text
        self._hub.people.changed()
        for session in person.sessions:
            self.sessions.changed(session)
        actor = self.sessions.by_number.get(number)
        for room in person.rooms:
            first = self.followed.first_session(room.key, key)
            if first is not None and first in self.sessions.by_number:
                self.rooms.propose(room.key, Event(op=["away", first, text]), actor)

    def _told_person(self, key: str, frame: bytes) -> None:
        person = self._hub.here(key)
        for session in person.sessions if person is not None else ():
            session.outbox.write(frame)

    def _told_voices(self, key: str, line: bytes) -> None:
        if (person := self._hub.here(key)) is not None:
            presence.tell_voices(person, line)

    def _told_everybody(self, frame: bytes) -> None:
        self._hub.write_to_everybody(frame)
