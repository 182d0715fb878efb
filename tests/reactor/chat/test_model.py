"""The hub and its sessions against a model of dicts, in any order of anything that people do.

Two servers get the same deeds. One flushes after each of them, the other at the end of ticks in which many were done:
what people are sent must be the same, as a tick is an economy and not an event. `tests.fakes.chat_model` says what
each connection is to get, and `tests.fakes.dues` in which orders.
"""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from pylingo.reactor.chat import commands
from pylingo.reactor.chat.room import Room
from pylingo.reactor.chat.session import Session
from pylingo.reactor.history import private
from pylingo.reactor.history.memory import MemoryHistory
from pylingo.shared.messages import Command, Hello, HistoryRequest, PingRequest, Say
from pylingo.shared.names import fold
from pylingo.shared.schema import Record
from tests.fakes.chat import Chat, Person
from tests.fakes.chat_model import OLD, Model
from tests.fakes.deeds import (
    CLAIMS,
    NAMES,
    TEXTS,
    asks,
    devices,
    devices_and_rooms,
    ids,
    leavers,
    lines,
    rooms,
    says,
    seats,
    strangers,
    strangers_of,
    user_of,
    users,
    wishes,
)
from tests.fakes.dues import Reader
from tests.fakes.history import SlowLog
from tests.fakes.somebody import Device, Somebody

SOFT = 200
"""The soft limit of both servers, in bytes: a few frames."""
GRACE = 60.0
MOST_ROOMS = 3
MOST_DEEDS = 50
"""The most deeds of one tick: with more, lists would wait for the next one."""


@pytest.fixture(autouse=True, scope="module")
def few_rooms() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(commands, "MAX_ROOMS", MOST_ROOMS)
        yield


class Chats(RuleBasedStateMachine):
    @initialize(is_curious=st.sampled_from([False, False, True]), shuts_down=st.booleans())
    def begin(self, is_curious: bool, shuts_down: bool) -> None:
        self.is_curious = False
        self.shuts_down = shuts_down
        self.deeds = 0
        """Since the end of the last tick."""
        self.keyed: list[tuple[Device, Say]] = []
        self.batched, self.stepwise = self.servers = [Chat(SOFT, log=SlowLog(), grace=GRACE) for _ in range(2)]
        self.model = Model(MOST_ROOMS, GRACE)
        self.readers: dict[Device, tuple[Reader, ...]] = {}
        self.tokens: dict[Somebody, tuple[str, ...]] = {}
        self.sessions: dict[Somebody, tuple[Session, ...]] = {}
        self.inboxes: dict[Somebody, list[Room[Session]]] = {}
        """Every inbox that there ever was."""
        self.connect(["tea"], False)
        self.connect(["tea", "coffee"], False)
        self.connect(["coffee", "tea"], True)
        self.connect(["tea", "coffee", "milk"], True)
        self.is_curious = is_curious

    # --- the servers

    def ask(self, device: Device, request: Record) -> None:
        self.tell_both(device, request)
        self.done()

    def tell_both(self, device: Device, request: Record) -> None:
        for reader in self.readers[device]:
            reader.person.ask(request)
        self.model.ask(device, request)

    def done(self) -> None:
        """A deed is over: one of the servers flushes. In some runs, somebody looks at the lists after each deed."""
        device = self.model.devices[0]
        if self.is_curious and not device.somebody.is_busy:
            for name in ("who", "list"):
                self.tell_both(device, Command(name))
        self.stepwise.tick()
        for device, (_, reader) in self.readers.items():
            reader.check(device.is_slow, device.somebody is None)
        self.deeds += 1
        if self.deeds == MOST_DEEDS:
            self.end_of_tick()

    # --- coming and going

    @precondition(lambda self: len(self.model.people) < 6)
    @rule(wishes=st.lists(rooms, max_size=2), says_hello=st.booleans())
    def connect(self, wishes: list[str], says_hello: bool) -> None:
        device = self.connected()
        if says_hello:
            self.hello(device, None, None, None)
        for wish in wishes:
            self.ask(device, Command("open", wish))

    def connected(self) -> Device:
        device = self.model.connect()
        one = device.somebody
        self.readers[device] = tuple(Reader(Person(server.hub), device.dues) for server in self.servers)
        self.sessions[one] = tuple(reader.person.session for reader in self.readers[device])
        self.inboxes[one] = []
        self.done()
        return device

    @precondition(strangers_of)
    @rule(device=strangers, wish=wishes, claim=st.none() | st.sampled_from(CLAIMS), id=ids)
    def hello(self, device: Device, wish: str | None, claim: str | None, id: int | None) -> None:
        self.say_hello(device, [Hello(1, wish, resume=claim, id=id)] * 2, claim)

    @precondition(lambda self: self.tokens)
    @rule(seat=seats, wish=wishes, id=ids, rooms=st.lists(rooms, max_size=2))
    def resume(self, seat: Somebody, wish: str | None, id: int | None, rooms: list[str]) -> None:
        """From a new connection, which may have been in rooms before."""
        device = self.connected()
        for room in rooms:
            self.ask(device, Command("open", room))
        self.say_hello(device, [Hello(1, wish, resume=token, id=id) for token in self.tokens[seat]], seat)

    @precondition(lambda self: self.tokens)
    @rule(device=devices.filter(lambda device: not device.somebody.is_busy), seat=seats, id=ids)
    def resume_from_an_old_connection(self, device: Device, seat: Somebody, id: int | None) -> None:
        self.say_hello(device, [Hello(1, resume=token, id=id) for token in self.tokens[seat]], seat)

    def say_hello(self, device: Device, hellos: list[Hello], token: Somebody | str | None) -> None:
        for reader, hello in zip(self.readers[device], hellos, strict=True):
            reader.person.ask(hello)
            reader.token = reader.token or reader.person.session.token
        self.model.ask(device, hellos[0], resume=token)
        one = device.somebody
        if one not in self.tokens:
            self.tokens[one] = tuple(str(reader.token) for reader in self.readers[device])
        assert self.tokens[one] == tuple(reader.token for reader in self.readers[device])
        self.done()

    @precondition(lambda self: len(self.model.devices) > 2)
    @rule(device=leavers, reason=st.sampled_from(["lost", "lost", "idle", "frame-timeout", "bad-frame", "close"]))
    def end(self, device: Device, reason: str) -> None:
        if reason == "close" and not device.somebody.is_busy:
            self.ask(device, Command("close", id=7))
            return
        for reader in self.readers[device]:
            if reason == "lost":
                reader.person.lose()
            else:
                reader.person.session.end(reason, "what was wrong and what would be right")
        self.model.end(device, reason)
        self.done()

    @precondition(lambda self: any(device.somebody is None for device in self.readers))
    @rule(data=st.data())
    def ask_in_vain(self, data: st.DataObject) -> None:
        """Nothing of a connection is handled after its end."""
        self.ask(data.draw(st.sampled_from([it for it in self.readers if it.somebody is None])), Say("hi", id=1))

    # --- rooms

    @rule(at=devices_and_rooms, wish=rooms, id=ids)
    def join(self, at: tuple[Device, str | None], wish: str, id: int | None) -> None:
        self.ask(at[0], Command("join", wish, id, at[1]))

    @rule(device=devices, wish=rooms, id=ids)
    def open(self, device: Device, wish: str, id: int | None) -> None:
        self.ask(device, Command("open", wish, id))

    @rule(at=devices_and_rooms, id=ids)
    def leave(self, at: tuple[Device, str | None], id: int | None) -> None:
        self.ask(at[0], Command("leave", None, id, at[1]))

    @rule(at=devices_and_rooms, topic=lines)
    def leave_and_return(self, at: tuple[Device, str | None], topic: str | None) -> None:
        """The room may have been empty in between; its topic stays."""
        device, room = at
        if topic is not None:
            self.ask(device, Command("topic", topic, room=room))
        self.ask(device, Command("leave", room=room))
        self.ask(device, Command("open", room or "tea"))

    @rule(at=devices_and_rooms, text=lines, id=ids)
    def topic(self, at: tuple[Device, str | None], text: str | None, id: int | None) -> None:
        self.ask(at[0], Command("topic", text, id, at[1]))

    # --- what is said

    @rule(at=devices_and_rooms, say=says)
    def say(self, at: tuple[Device, str | None], say: Say) -> None:
        self.speak(at[0], replace(say, room=at[1]))

    @rule(device=devices, size=st.sampled_from([90, 150]), count=st.integers(3, 5))
    def say_several(self, device: Device, size: int, count: int) -> None:
        """Plain messages come together: one of the servers handles them in one pass."""
        says = [Say("x" * size)] * count
        together, one_by_one = self.readers[device]
        together.person.ask_together(*says)
        one_by_one.person.ask(*says)
        for say in says:
            self.model.ask(device, say)
        self.done()

    def speak(self, device: Device, say: Say) -> None:
        if say.key is not None:
            self.keyed.append((device, say))
        self.ask(device, say)

    @rule(deeds=st.lists(st.tuples(devices, st.integers(0, MOST_ROOMS), asks), min_size=2, max_size=5))
    def talk(self, deeds: list[tuple[Device, int, Record | None]]) -> None:
        """Several people speak: in one of their rooms, or to each other."""
        for device, number, request in deeds:
            one = device.somebody
            assert one is not None
            other = self.model.people[number % len(self.model.people)]
            if number < len(one.rooms):
                self.ask(device, Say("hi", room=one.rooms[number].name))
            elif other is not one:
                self.ask(device, Say("psst", to=other.name, action=number > 1))
            if request is not None:
                self.ask(device, request)

    @rule(device=devices, say=says, to=users, room=st.sampled_from([None, None, "tea"]))
    def say_to(self, device: Device, say: Say, to: str, room: str | None) -> None:
        self.speak(device, replace(say, to=to, room=room))

    @precondition(lambda self: self.keyed)
    @rule(data=st.data())
    def say_again(self, data: st.DataObject) -> None:
        self.ask(*data.draw(st.sampled_from(self.keyed[-3:])))

    @rule(at=devices_and_rooms, to=st.none() | users, text=st.sampled_from(["two  words", TEXTS[-1]]), id=ids)
    def speak_by_command(self, at: tuple[Device, str | None], to: str | None, text: str, id: int | None) -> None:
        device, room = at
        command = ("me", text) if to is None else ("msg", f"{to}  {text}")
        self.ask(device, Command(*command, id, room))

    @rule(at=devices_and_rooms, data=st.data(), id=ids)
    def history(self, at: tuple[Device, str | None], data: st.DataObject, id: int | None) -> None:
        device, room = at
        since = data.draw(st.none() | st.just(0) | st.integers(max(0, self.model.newest - 3), self.model.newest))
        limit = data.draw(st.sampled_from([50, 2]))
        kind = data.draw(st.sampled_from(["room", "with", "inbox"]))
        search = data.draw(st.sampled_from([None, None, "hi", "WO two", "psst", "..."]))
        if kind == "room":
            self.ask(device, HistoryRequest(since, None, limit, id, room, search=search))
        elif kind == "with":
            self.ask(device, HistoryRequest(since, None, limit, id, with_=data.draw(user_of(self)), search=search))
        else:
            self.ask(device, HistoryRequest(since, None, limit, id, inbox=True, search=search))

    # --- people

    @rule(device=devices, wish=st.sampled_from(NAMES), id=ids)
    def name(self, device: Device, wish: str, id: int | None) -> None:
        self.ask(device, Command("name", wish, id))

    @rule(at=devices_and_rooms, name=st.sampled_from(["ping", "list", "users", "who", "whois"]), to=users, id=ids)
    def look_around(self, at: tuple[Device, str | None], name: str, to: str, id: int | None) -> None:
        argument = to if name == "whois" else None
        self.ask(at[0], PingRequest(id) if name == "ping" else Command(name, argument, id, at[1]))

    @rule(device=devices, text=lines, id=ids)
    def away(self, device: Device, text: str | None, id: int | None) -> None:
        self.ask(device, Command("away", text, id))

    # --- time, the disk and slow readers

    @rule(step=st.sampled_from([1, 1_000, 0, -1, -10_000_000]))
    def move_the_clock(self, step: int) -> None:
        self.model.now += step
        for server in self.servers:
            server.now = self.model.now

    @precondition(lambda self: self.model.seats)
    @rule(seconds=st.sampled_from([GRACE / 2, GRACE]))
    def wait(self, seconds: float) -> None:
        for server in self.servers:
            server.ring(seconds)
        self.model.wait(seconds)
        self.done()

    @precondition(lambda self: self.model.questions)
    @rule()
    def answer_question(self) -> None:
        """The disk has looked for a key, and found none."""
        for server in self.servers:
            server.hub.history.answer(None)
        self.model.answer_question()
        self.done()

    @precondition(lambda self: len(self.model.devices) > 3)
    @rule(device=devices, number=st.integers(0, 5), leaves=st.sampled_from(["sender", "recipient", "both", "back"]))
    def leave_while_the_disk_is_asked(self, device: Device, number: int, leaves: str) -> None:
        """`back`: both leave, and the sender comes back from another connection."""
        one, other = device.somebody, self.model.people[number % len(self.model.people)]
        if one is other or other.device is None:
            return
        self.ask(device, Say("psst", f"{OLD}-{len(self.readers)}", 1, to=other.name))
        self.ask(device, PingRequest(1))
        if leaves != "sender":
            self.end(other.device, "bad-frame")
        if leaves != "recipient":
            self.end(device, "lost")
        if leaves == "back" and one in self.tokens:
            self.resume(one, None, 1, [])

    @rule(device=devices)
    def stop_reading(self, device: Device) -> None:
        """Full at once, as little would come of it if each had to be talked full first."""
        device.is_slow = True
        for reader in self.readers[device]:
            reader.person.out.stuck = True
            reader.person.out.queued += SOFT + 1

    @rule(device=devices)
    def read_some(self, device: Device) -> None:
        """The queue falls below the limit, but not to nothing: what was begun to be left out goes on."""
        for reader in self.readers[device]:
            reader.person.out.queued = min(reader.person.out.queued, 1)
            reader.is_full = False

    @precondition(lambda self: any(device.is_slow for device in self.model.devices))
    @rule(data=st.data())
    def read_all(self, data: st.DataObject) -> None:
        """In the middle of a tick, for one of the servers."""
        device = data.draw(st.sampled_from([device for device in self.model.devices if device.is_slow]))
        for reader in self.readers[device]:
            reader.drain()
        self.done()

    @rule()
    def end_of_tick(self) -> None:
        self.deeds = 0
        self.batched.tick()
        for device, (reader, _) in self.readers.items():
            reader.check(device.is_slow, device.somebody is None)
        for device in self.model.devices:
            if not any(reader.person.out.stuck for reader in self.readers[device]):
                device.is_slow = False

    # --- what always holds

    @invariant()
    def membership_is_symmetric_and_as_the_model_has_it(self) -> None:
        for index, server in enumerate(self.servers):
            hub = server.hub
            assert hub.directory.keys == sorted(hub.rooms) == sorted(self.model.rooms)
            for key, room in hub.rooms.items():
                expected = self.model.rooms[key]
                assert room.name == expected.name
                assert set(room.members.values()) == {self.sessions[one][index] for one in expected.members}
                assert room.directory.keys == sorted(fold(one.name) for one in expected.members)
                assert all(outbox is member.outbox for outbox, member in room.members.items())
            for one in self.model.people:
                outbox = self.sessions[one][index].outbox
                assert [room.name for room in outbox.rooms] == [room.name for room in one.rooms]
                assert all(hub.rooms[room.key] is room and outbox in room.members for room in outbox.rooms)

    @invariant()
    def names_are_unique_and_those_of_the_living(self) -> None:
        for index, server in enumerate(self.servers):
            hub = server.hub
            names = {self.sessions[one][index]: one.name for one in self.model.people}
            assert {session: session.person.name for session in hub.sessions()} == names
            assert hub.people.keys == sorted(map(fold, names.values()))
            assert len(hub) == len(set(hub.people.keys))

    @invariant()
    def no_room_is_empty(self) -> None:
        for server in self.servers:
            assert all(room.members for room in server.hub.rooms.values())

    @invariant()
    def an_inbox_is_dissolved_with_its_session(self) -> None:
        for one, sessions in self.sessions.items():
            for session in sessions:
                inbox = session.outbox.inbox
                if inbox is not None and inbox not in self.inboxes[one]:
                    self.inboxes[one].append(inbox)
            for inbox in self.inboxes[one]:
                owners = [session for session in sessions if session.outbox.inbox is inbox]
                assert len(owners) == (0 if one.is_over else 1)
                assert inbox.members == {owner.outbox: owner for owner in owners}
                assert bool(inbox.only) is not one.is_over

    @invariant()
    def an_outbox_that_is_over_is_in_no_room(self) -> None:
        for device, readers in self.readers.items():
            for reader in readers:
                if device.somebody is None:
                    assert reader.outbox.rooms == ()
                    assert reader.outbox.inbox is None
                else:
                    assert reader.person.session.outbox is reader.outbox

    @invariant()
    def the_history_may_forget_what_nobody_can_read(self) -> None:
        for server in self.servers:
            history = server.hub.history
            assert isinstance(history, MemoryHistory)
            rooms = {room for room in history.rooms if not private.owners(room)}
            needed = set(history.rooms) - set(history.empty_rooms)
            assert needed & rooms == rooms & set(server.hub.rooms)
            inboxes = [one for one in self.model.people if self.model.logs.get(one)]
            assert [len(private.owners(name)) for name in needed - rooms] == [1] * len(inboxes)

    @invariant()
    def seats_and_tokens_are_those_of_the_living(self) -> None:
        for index, server in enumerate(self.servers):
            assert len(server.hub.seats) == len(self.model.seats)
            assert len([alarm for alarm in server.alarms if not alarm.cancelled]) == len(self.model.seats)
            ready = [one for one in self.model.people if one.is_ready]
            assert len(server.hub.tokens) == len(ready) + len(self.model.claims)
            assert all(self.sessions[one][index].token == self.tokens[one][index] for one in ready)

    @invariant()
    def a_flush_is_scheduled_at_most_once(self) -> None:
        assert len(self.batched.scheduled) == len(set(self.batched.scheduled)) <= 2  # the hub's and the pager's
        assert self.stepwise.scheduled == []

    @invariant()
    def stamps_are_those_of_the_model(self) -> None:
        for server in self.servers:
            assert server.hub.tick.newest_stamp == self.model.newest

    def teardown(self) -> None:
        """Everybody reads to the end: then everybody has everything, and nobody is owed a word. Or the server stops."""
        if not hasattr(self, "readers"):
            return
        while self.model.questions:
            self.answer_question()
        if self.shuts_down:
            for server in self.servers:
                for session in server.hub.sessions():
                    session.shut_down("see you")
            self.model.shut_down()
        for device in self.model.devices:
            for reader in self.readers[device]:
                reader.drain()
        for server in self.servers:
            server.tick()
        for device, readers in self.readers.items():
            for reader in readers:
                reader.check(device.is_slow, device.somebody is None)
                assert device.somebody is None or not reader.outbox.is_skipping


TestChats = Chats.TestCase
# A busy machine may take its time to choose the steps of an example.
TestChats.settings = settings(
    max_examples=100, stateful_step_count=60, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
