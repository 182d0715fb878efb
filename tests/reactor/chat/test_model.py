"""The hub and its sessions against a model of dicts, in any order of anything that people do.

Two servers get the same deeds. One flushes after each of them, the other at the end of ticks in which many were done:
what people are sent must be the same, as a tick is an economy and not an event. The model keeps for each person the
frames that one is to get, in their order; who reads too slowly may be left out of room frames, and then must be told
exactly what was left out before the room goes on or is left.
"""

import dataclasses
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
)

from pylingo.shared.errors import RequestError
from pylingo.shared.messages import (
    Command,
    Error,
    Goodbye,
    Hello,
    Joined,
    Left,
    Message,
    PingRequest,
    Pong,
    Ready,
    Renamed,
    RoomInfo,
    Rooms,
    Say,
    Sent,
    Skipped,
    Users,
    Welcome,
)
from pylingo.shared.names import fold, room_name, user_name
from pylingo.shared.schema import Record
from pylingo.shared.text import MAX_TEXT
from tests.fakes.chat import NOON, Chat, Person
from tests.support import ready

SOFT = 200
"""The soft limit of both servers, in bytes: a few frames."""

NAMES = ["alice", "Alice", "ALICE", "bob", "Straße", "STRASSE", "Zoe\u0308", "Zoë", " carol ", "guest-1", "a b", "-"]
ROOMS = ["tea", "Tea", "#tea", " TEA ", "Straße", "strasse", "coffee", "no good", "#"]
TEXTS = ["hi", "x" * 150, " \n", "y" * (MAX_TEXT + 1)]

ids = st.none() | st.integers(0, 3)
keys = st.none() | st.sampled_from(["k-1", "k-2"])


def plain(record: Record) -> Record:
    """The record without what the model does not foretell: sentences and tokens."""
    if isinstance(record, Error | Goodbye):
        return dataclasses.replace(record, text="")
    if isinstance(record, Welcome):
        return Welcome(0, "", record.name, None)
    if isinstance(record, Ready):
        assert re.fullmatch("[0-9a-f]{32}", record.token)
        return dataclasses.replace(record, token="")
    return record


@dataclass
class Due:
    """One frame that somebody is to get. `leaves` if it is an answer that takes them out of a room."""

    record: Record
    own: bool
    leaves: bool = False


@dataclass(eq=False)
class Somebody:
    """A person in the model, who is `slow` from when they stop reading until they have read everything."""

    name: str
    room: str | None = None
    ready: bool = False
    gone: bool = False
    slow: bool = False
    due: list[Due] = field(default_factory=list)
    said: dict[tuple[str, str], int] = field(default_factory=dict)
    """By room and key: when it was."""

    def answer(self, record: Record, leaves: bool = False) -> None:
        self.due.append(Due(record, own=True, leaves=leaves))


@dataclass(frozen=True)
class Place:
    """How far a person has come in what is due, and which room frames before that were left out and not yet told of."""

    at: int = 0
    missing: tuple[Record, ...] = ()


class Reader:
    """Reads what one server sends to one person, and holds it to what is due.

    Two frames can be equal (somebody joins, leaves and joins again), so what was left out of them can be understood
    in more than one way: all of them are followed, and one must work out.
    """

    def __init__(self, person: Person, somebody: Somebody) -> None:
        self.person = person
        self.somebody = somebody
        self.places = {Place()}

    def check(self) -> None:
        """After a flush: everything is there but for what a slow reader will be told of."""
        for record in self.person.got():
            step = self._told if type(record) is Skipped else self._sent
            self._go_on({after for place in self.places for after in step(place, plain(record))}, record)
        end = len(self.somebody.due)
        ends = {place for before in self.places for place in self._leaving_out(before) if place.at == end}
        if not self.somebody.gone and not (self.person.out.tell_drained and self.person.out.queued):
            ends = {place for place in ends if not place.missing}
        self._go_on(ends, "the end of the tick")

    def _go_on(self, places: set[Place], then: object) -> None:
        due = self.somebody.due
        assert places, f"{then} came where one of these was due: " + "; ".join(
            f"{due[place.at : place.at + 3]}, with {place.missing} left out" for place in self.places
        )
        self.places = places

    def _leaving_out(self, place: Place) -> Iterator[Place]:
        """The places that can be reached from `place` without a frame: room frames of slow readers are left out."""
        yield place
        at, missing = place.at, place.missing
        for due in self.somebody.due[at:]:
            if due.own or not self.somebody.slow:
                return
            at, missing = at + 1, (*missing, due.record)
            yield Place(at, missing)

    def _sent(self, place: Place, record: Record) -> Iterator[Place]:
        for before in self._leaving_out(place):
            if before.at < len(self.somebody.due) and (due := self.somebody.due[before.at]).record == record:
                stays = due.own and not due.leaves
                if stays or not before.missing:
                    yield Place(before.at + 1, before.missing)

    def _told(self, place: Place, skipped: Record) -> Iterator[Place]:
        assert isinstance(skipped, Skipped)
        for before in self._leaving_out(place):
            stamps = [record.at for record in before.missing if isinstance(record, Message)]
            first, last = (stamps[0] - 1, stamps[-1]) if stamps else (skipped.until, skipped.until)
            if before.missing and skipped == Skipped(before.missing[0].room, len(stamps), first, last):
                yield Place(before.at)


class Chats(RuleBasedStateMachine):
    people = Bundle("people")

    @initialize(target=people)
    def open(self) -> MultipleResults[Somebody]:
        self.batched, self.stepwise = self.servers = Chat(soft=SOFT), Chat(soft=SOFT)
        self.readers: dict[Somebody, tuple[Reader, Reader]] = {}
        self.rooms: dict[str, tuple[str, list[Somebody]]] = {}
        """By the compared form: how a room is called and who is in it, in the order of their coming."""
        self.guests = 0
        self.stamps: list[int] = []
        self.said_as: dict[tuple[str, str, str], int] = {}
        """By room, key and the compared form of a name: when it was."""
        self.now = NOON
        return multiple(*(self.connect_and_join("tea") for _ in range(3)))

    # --- the model

    def living(self) -> list[Somebody]:
        return [somebody for somebody in self.readers if not somebody.gone]

    def others(self, one: Somebody) -> list[Somebody]:
        return [] if one.room is None else [other for other in self.rooms[one.room][1] if other is not one]

    def tell_others(self, one: Somebody, record: Record) -> None:
        for other in self.others(one):
            other.due.append(Due(record, own=False))

    def called(self, one: Somebody) -> str | None:
        return None if one.room is None else self.rooms[one.room][0]

    def go(self, one: Somebody, reason: str) -> None:
        if one.room is not None:
            room, members = self.rooms[one.room]
            self.tell_others(one, Left(room, one.name, reason))
            members.remove(one)
            if not members:
                del self.rooms[one.room]
            one.room = None

    def rename_in_model(self, one: Somebody, wish: str) -> str | None:
        """Returns the code of the refusal, if it is one."""
        try:
            new = user_name(wish)
        except RequestError as error:
            return error.reason
        if any(fold(other.name) == fold(new) for other in self.living() if other is not one):
            return "name-taken"
        if new != one.name:
            self.tell_others(one, Renamed(one.name, new, self.called(one)))
            one.name = new
        return None

    # --- the servers

    def ask(self, one: Somebody, request: Record) -> None:
        for reader in self.readers[one]:
            reader.person.ask(request)

    def done(self) -> None:
        """A deed is over: one of the servers flushes."""
        self.stepwise.tick()
        for _, reader in self.readers.values():
            reader.check()

    # --- what people do

    @precondition(lambda self: len(self.living()) < 6)
    @rule(target=people)
    def connect(self) -> Somebody:
        self.guests += 1
        somebody = Somebody(f"guest-{self.guests}")
        somebody.answer(Welcome(0, "", somebody.name, None))
        self.readers[somebody] = tuple(Reader(Person(server.hub), somebody) for server in self.servers)
        self.done()
        return somebody

    @precondition(lambda self: len(self.living()) < 6)
    @rule(target=people, room=st.sampled_from(ROOMS[:3]))
    def connect_and_join(self, room: str) -> Somebody:
        somebody = self.connect()
        self.join(somebody, room, None)
        return somebody

    @rule(one=people, wish=st.none() | st.sampled_from(NAMES), number=ids)
    def hello(self, one: Somebody, wish: str | None, number: int | None) -> None:
        self.ask(one, Hello(1, wish, id=number))
        if one.ready:
            one.answer(Error("already-ready", "", number))
        else:
            one.ready = True
            refusal = None if wish is None else self.rename_in_model(one, wish)
            one.answer(ready(one.name, self.called(one), "", False, number))
            if refusal is not None:
                one.answer(Error(refusal, "", number))
        self.done()

    @rule(one=people, wish=st.sampled_from(NAMES), number=ids)
    def name(self, one: Somebody, wish: str, number: int | None) -> None:
        self.ask(one, Command("name", wish, number))
        old = one.name
        refusal = self.rename_in_model(one, wish)
        one.answer(Renamed(old, one.name, re=number) if refusal is None else Error(refusal, "", number))
        self.done()

    @rule(one=people, wish=st.sampled_from(ROOMS), number=ids)
    def join(self, one: Somebody, wish: str, number: int | None) -> None:
        self.ask(one, Command("join", wish, number))
        try:
            room = room_name(wish)
        except RequestError as error:
            one.answer(Error(error.reason, "", number))
        else:
            moves = one.room != fold(room)
            if moves:
                self.go(one, "moved")
                one.room = fold(room)
                _, members = self.rooms.setdefault(one.room, (room, []))
                members.append(one)
                self.tell_others(one, Joined(self.called(one), one.name))
            called, members = self.rooms[one.room]
            one.answer(Joined(called, one.name, len(members), number), leaves=moves)
        self.done()

    @rule(one=people, number=ids)
    def leave(self, one: Somebody, number: int | None) -> None:
        self.ask(one, Command("leave", None, number))
        room = self.called(one)
        if room is None:
            one.answer(Error("no-room", "", number))
        else:
            self.go(one, "leave")
            one.answer(Left(room, one.name, re=number), leaves=True)
        self.done()

    @rule(one=people, text=st.sampled_from(TEXTS) | st.just("hi"), key=keys, number=ids)
    def say(self, one: Somebody, text: str, key: str | None, number: int | None) -> None:
        room = self.called(one)
        if room is None:
            text = "hi"  # which of two refusals comes is not said anywhere
        self.ask(one, Say(text, key, number))
        if room is None:
            one.answer(Error("no-room", "", number))
        elif len(text) > MAX_TEXT:
            one.answer(Error("text-too-long", "", number))
        elif not text.strip():
            one.answer(Error("bad-text", "", number))
        else:
            at = None
            if key is not None:
                at = one.said.get((one.room, key), self.said_as.get((one.room, key, fold(one.name))))
            if at is None:
                at = max([self.now, *(stamp + 1 for stamp in self.stamps[-1:])])
                self.stamps.append(at)
                self.tell_others(one, Message(room, one.name, text, at))
                if key is not None:
                    one.said[one.room, key] = self.said_as[one.room, key, fold(one.name)] = at
            if number is not None or key is not None:
                one.answer(Sent(room, at, number, key))
        self.done()

    @rule(one=people, number=ids)
    def list_rooms(self, one: Somebody, number: int | None) -> None:
        self.ask(one, Command("list", None, number))
        rooms = [RoomInfo(name, len(members)) for _, (name, members) in sorted(self.rooms.items())]
        one.answer(Rooms(rooms, False, number))
        self.done()

    @rule(one=people, number=ids)
    def users(self, one: Somebody, number: int | None) -> None:
        self.ask(one, Command("users", None, number))
        if one.room is None:
            one.answer(Error("no-room", "", number))
        else:
            room, members = self.rooms[one.room]
            names = sorted((member.name for member in members), key=fold)
            one.answer(Users(room, names, False, number))
        self.done()

    @rule(one=people, number=ids)
    def ping(self, one: Somebody, number: int | None) -> None:
        self.ask(one, PingRequest(number))
        one.answer(Pong(number))
        self.done()

    @rule(one=consumes(people), number=ids)
    def close(self, one: Somebody, number: int | None) -> None:
        self.ask(one, Command("close", None, number))
        self.end_in_model(one, "close", number)

    @rule(one=consumes(people), reason=st.sampled_from(["idle", "frame-timeout", "bad-frame"]))
    def end(self, one: Somebody, reason: str) -> None:
        for reader in self.readers[one]:
            reader.person.session.end(reason, "what was wrong and what would be right")
        self.end_in_model(one, reason, None)

    def end_in_model(self, one: Somebody, reason: str, number: int | None) -> None:
        self.go(one, reason)
        one.answer(Goodbye(reason, "", number), leaves=True)
        one.gone = True
        self.done()

    @rule(one=consumes(people))
    def lost(self, one: Somebody) -> None:
        for reader in self.readers[one]:
            reader.person.session.lost()
        self.go(one, "lost")
        one.gone = True
        self.done()

    # --- time and slow readers

    @rule(step=st.sampled_from([1, 1_000, 0, -1, -10_000_000]))
    def move_the_clock(self, step: int) -> None:
        self.now += step
        for server in self.servers:
            server.now = self.now

    @rule(one=people)
    def stop_reading(self, one: Somebody) -> None:
        """Full at once, as little would come of it if each had to be talked full first."""
        one.slow = True
        for reader in self.readers[one]:
            reader.person.out.stuck = True
            reader.person.out.queued += SOFT + 1

    @rule(one=people)
    def read_some(self, one: Somebody) -> None:
        """The queue falls below the limit, but not to nothing: what was begun to be left out goes on."""
        for reader in self.readers[one]:
            reader.person.out.queued = min(reader.person.out.queued, 1)

    @precondition(lambda self: any(somebody.slow for somebody in self.living()))
    @rule(data=st.data())
    def read_all(self, data: st.DataObject) -> None:
        """In the middle of a tick, for one of the servers."""
        one = data.draw(st.sampled_from([somebody for somebody in self.living() if somebody.slow]))
        for reader in self.readers[one]:
            reader.person.drain()
        self.done()

    @rule()
    def end_of_tick(self) -> None:
        self.batched.tick()
        for reader, _ in self.readers.values():
            reader.check()
        for one in self.living():
            if not any(reader.person.out.stuck for reader in self.readers[one]):
                one.slow = False

    # --- what always holds

    @invariant()
    def membership_is_symmetric_and_as_the_model_has_it(self) -> None:
        for index, server in enumerate(self.servers):
            rooms = {
                key: (room.name, [session.person.name for session in room.members.values()])
                for key, room in server.hub.rooms.items()
            }
            assert rooms == {key: (name, [one.name for one in members]) for key, (name, members) in self.rooms.items()}
            for one, readers in self.readers.items():
                session = readers[index].person.session
                expected = None if one.room is None else server.hub.rooms[one.room]
                assert session.room is expected
                assert expected is None or session in expected.members.values()

    @invariant()
    def names_are_unique_and_those_of_the_living(self) -> None:
        for index, server in enumerate(self.servers):
            sessions = server.hub.sessions()
            assert len(sessions) == len(server.hub) == len({fold(session.person.name) for session in sessions})
            assert {session.person.name for session in sessions} == {one.name for one in self.living()}
            assert all(self.readers[one][index].person.name == one.name for one in self.living())

    @invariant()
    def no_room_is_empty(self) -> None:
        for server in self.servers:
            assert all(room.members for room in server.hub.rooms.values())

    @invariant()
    def a_flush_is_scheduled_at_most_once(self) -> None:
        assert len(self.batched.scheduled) == len(set(self.batched.scheduled)) <= 2  # the hub's and the pager's
        assert self.stepwise.scheduled == []

    @invariant()
    def stamps_rise(self) -> None:
        assert all(before < after for before, after in itertools.pairwise(self.stamps))
        for server in self.servers:
            assert server.hub.tick.newest_stamp == (self.stamps[-1] if self.stamps else 0)

    def teardown(self) -> None:
        """Everybody reads to the end: then everybody has everything, and nobody is owed a word."""
        if not hasattr(self, "readers"):
            return
        for one in self.living():
            for reader in self.readers[one]:
                reader.person.drain()
        for server in self.servers:
            server.tick()
        for readers in self.readers.values():
            for reader in readers:
                reader.check()
                assert reader.somebody.gone or not reader.person.session.outbox.is_skipping


TestChats = Chats.TestCase
TestChats.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)
