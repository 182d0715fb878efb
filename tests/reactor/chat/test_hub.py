"""The registry: names and rooms by their compared form, stamps that only rise, one flush a tick."""

import gc
import itertools
import time

import pytest

import pylingo.reactor.chat.hub as hub_module
from pylingo.reactor.bus.local import LocalBus
from pylingo.reactor.chat.hub import Hub
from pylingo.reactor.chat.room import Room
from pylingo.reactor.chat.session import Session
from pylingo.reactor.history.clock import wall_clock
from pylingo.shared.codec import encode
from pylingo.shared.errors import RequestError
from pylingo.shared.messages import Command, Message, Notice, PingRequest, Pong, Say, Skipped
from tests.fakes.chat import NOON, Chat, Person


@pytest.fixture
def chat() -> Chat:
    return Chat()


# --- stamps ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("readings", "stamps"),
    [
        ([5, 6, 9], [5, 6, 9]),
        ([5, 5, 5, 9], [5, 6, 7, 9]),
        ([5, 3, 1, 6, 9], [5, 6, 7, 8, 9]),
        ([5, 5, 6, 6, 7], [5, 6, 7, 8, 9]),
        # 0 stands for "no message" in a batch, so no message may have it.
        ([0, -7, 0], [1, 2, 3]),
    ],
)
def test_stamps_rise_even_if_the_clock_does_not(readings, stamps):
    clock = iter(readings)
    hub = Hub(lambda _: None, LocalBus(), lambda: next(clock))
    assert [hub.stamp() for _ in readings] == stamps
    assert hub.tick.newest_stamp == stamps[-1]


def test_the_clock_is_followed_as_far_as_the_log_allows_and_again_when_it_allows_more():
    hub = Hub([].append, LocalBus(), clock=lambda: NOON)
    hub.history.stamps_until = NOON - 5
    assert [hub.stamp() for _ in range(3)] == [NOON - 5, NOON - 4, NOON - 3]
    hub.history.stamps_until = NOON + 9
    assert [hub.stamp() for _ in range(3)] == [NOON, NOON + 1, NOON + 2]


def test_several_stamps_follow_the_first(chat):
    assert [chat.hub.stamp(3), chat.hub.stamp(), chat.hub.stamp(2)] == [NOON, NOON + 3, NOON + 4]
    assert chat.hub.tick.newest_stamp == chat.hub.history.newest_stamp == NOON + 5


def test_stamps_rise_over_all_rooms(chat):
    talkers = [chat.people(f"{room}-one", f"{room}-two", room=room) for room in ("tea", "coffee", "water")]
    for reading in (NOON, NOON, NOON - 10**9, NOON + 1):
        chat.now = reading
        for one, two in talkers:
            one.ask(Say("hi"))
            two.ask(Say("ho"))
        chat.tick()
    stamps = sorted(record.at for people in talkers for person in people for record in person.got())
    assert stamps == list(range(NOON, NOON + 24))


def test_stamps_rise_above_the_newest_of_the_history():
    hub = Hub([].append, LocalBus(), clock=lambda: NOON)
    hub.raise_stamps(NOON + 5)
    assert hub.stamp() == NOON + 6
    hub.raise_stamps(NOON)
    assert hub.stamp() == NOON + 7


def test_the_clock_is_in_microseconds():
    before, stamp, after = time.time(), wall_clock(), time.time()
    assert int(before * 1e6) - 1 <= stamp <= int(after * 1e6) + 1
    assert type(stamp) is int


# --- names ----------------------------------------------------------------------------------------------------


def test_guest_numbers_are_never_used_again(chat):
    names = []
    for ending in (None, "renamed", "lost", "close"):
        person = Person(chat.hub)
        names.append(person.name)
        if ending == "renamed":
            person.ask(Command("name", "alice"))
        elif ending == "lost":
            person.session.lost()
        elif ending == "close":
            person.ask(Command("close"))
        chat.tick()
    names.append(Person(chat.hub).name)
    assert names == [f"guest-{number}" for number in range(1, 6)]


@pytest.mark.parametrize("other", ["alice", "ALICE", "\uff21lice"])
def test_a_name_is_one_in_every_spelling(chat, other):
    chat.person("Alice")
    person = chat.person()
    with pytest.raises(RequestError) as caught:
        chat.hub.rename(person.session, other)
    assert caught.value.reason == "name-taken"
    assert {session.person.name for session in chat.hub.sessions()} == {"Alice", person.name}


def test_one_may_spell_the_own_name_anew(chat):
    person = chat.person("alice")
    person.ask(Command("name", "Alice"))
    assert person.name == "Alice"
    person.ask(Command("name", "alice"))
    assert person.name == "alice"


@pytest.mark.parametrize("free", [Command("name", "bob"), Command("close")])
def test_a_name_given_up_is_free_at_once(chat, free):
    chat.person("alice").ask(free)
    assert chat.person("alice").name == "alice"


def test_the_people_who_are_here(chat):
    people = [chat.person() for _ in range(5)]
    assert len(chat.hub) == 5
    assert set(chat.hub.sessions()) == {person.session for person in people}
    people[0].session.lost()
    assert len(chat.hub) == 4
    assert people[0].session not in chat.hub.sessions()


def test_the_list_of_all_may_be_walked_while_they_go(chat):
    people = [chat.person(room="tea") for _ in range(5)]
    for session in chat.hub.sessions():
        session.end("idle", "bye")
    chat.tick()
    assert all(person.endings == ["idle"] for person in people)


def test_a_frame_for_everybody_is_encoded_once(chat, monkeypatch):
    encoded = []
    monkeypatch.setattr(hub_module, "encode", lambda record: encoded.append(record) or encode(record))
    people = [chat.person(), *chat.people("alice", "bob")]
    people[1].ask(Say("hi"))
    chat.hub.tell_everybody(Notice("the server has something to say"))
    people[1].ask(Say("ho"))
    chat.tick()
    assert [type(record) for record in people[2].got()] == [Message, Notice, Message]
    assert people[0].got() == people[1].got() == [Notice("the server has something to say")]
    assert len(encoded) == 1


def test_work_is_that_of_requests_and_of_bytes_and_is_taken_once(chat):
    assert chat.hub.take_work() == 0
    chat.hub.tick.work += 3
    chat.hub.tick.copied += 4_000
    assert chat.hub.take_work() == 5
    assert chat.hub.take_work() == 0


# --- rooms ----------------------------------------------------------------------------------------------------


def test_a_room_is_one_in_every_spelling_and_called_as_its_first_member_did(chat):
    people = [chat.person(room=room) for room in ("Straße", "STRASSE", "#strasse")]
    (room,) = chat.hub.rooms.values()
    assert room.name == "Straße"
    assert list(room.members.values()) == [person.session for person in people]


def test_a_room_that_was_empty_is_called_anew(chat):
    chat.person(room="TEA").ask(Command("leave"))
    assert chat.hub.rooms == {}
    chat.person(room="tea")
    assert [room.name for room in chat.hub.rooms.values()] == ["tea"]
    assert chat.hub.directory.keys == ["tea"]


def test_rooms_are_sorted_by_the_compared_form(chat):
    for name in ("b", "A", "Straße", "c", "B2", "ä", "strasbourg"):
        chat.person(room=name)
    sorted_rooms = [chat.hub.rooms[key].name for key in chat.hub.directory.keys]
    assert sorted_rooms == ["A", "b", "B2", "c", "strasbourg", "Straße", "ä"]


# --- the end of the tick --------------------------------------------------------------------------------------


def test_the_flush_is_scheduled_once_a_tick_and_only_if_there_is_something(chat):
    alice, bob = chat.people("alice", "bob", room="tea")
    carol, _ = chat.people("carol", "dave", room="coffee")
    assert chat.scheduled == []
    for _ in range(2):
        for person in (alice, carol, bob, carol):
            person.ask(Say("hi", id=1))
        assert chat.scheduled == [chat.hub.tick.flush]
        chat.tick()
        assert chat.scheduled == []
    alice.ask(PingRequest())
    assert chat.scheduled == []


def test_an_end_alone_schedules_a_flush(chat):
    alice = chat.person()
    alice.session.end("idle", "bye")
    assert chat.scheduled == [chat.hub.tick.flush]


def test_nothing_of_a_rooms_frames_is_sent_before_the_flush(chat):
    alice, bob = chat.people("alice", "bob")
    alice.ask(Say("hi", id=1))
    assert alice.got() == bob.got() == []
    chat.tick()
    assert len(alice.got()) == len(bob.got()) == 1


def test_frames_made_while_the_flush_runs_wait_for_the_next(chat):
    # A transport's connection may end inside its peer's `ended`; what that tells a room must not get lost.
    alice, bob = chat.people("alice", "bob")
    carol = chat.person("carol")

    def ended(reason: str) -> None:
        alice.ask(Say("carol went"), PingRequest(1))

    carol.ended = ended
    carol.ask(Command("close"))
    chat.tick()
    assert chat.scheduled == [chat.hub.tick.flush]
    chat.tick()
    assert bob.got() == [Message("tea", "alice", "carol went", NOON)]
    assert alice.got() == [Pong(1)]


def test_messages_left_out_for_slow_readers_are_counted(chat):
    chat = Chat(soft=10)
    alice, bob, carol, dave = chat.people("alice", "bob", "carol", "dave")
    for slow in (carol, dave):
        slow.out.stuck = True
        slow.out.queued = 11
    for counted in itertools.count(1):
        alice.ask(Say("one"), Say("two"), Command("name", f"alice{counted}"))
        carol.ask(PingRequest())  # with a view of its own, dave without
        chat.tick()
        assert chat.hub.tick.skipped == 4 * counted
        if counted == 3:
            break
    assert len(bob.got()) == 9
    carol.drain()
    dave.drain()
    chat.tick()
    assert [record.count for record in carol.got() + dave.got() if type(record) is Skipped] == [6, 6]


def test_a_room_that_is_forgotten_is_freed_at_once(chat):
    """Rooms that peers make would fill the memory: the collector hardly ever looks at what is old."""
    person = chat.person("alice", "tea")
    gc.collect()
    gc.disable()
    try:
        rooms = sum(type(it) is Room for it in gc.get_objects())
        person.ask(Command("leave"))
        chat.tick()
        assert chat.hub.rooms == {}
        assert sum(type(it) is Room for it in gc.get_objects()) == rooms - 1
    finally:
        gc.enable()


# --- sessions of other servers ---------------------------------------------------------------------------------


def test_somebody_from_another_server_is_known_by_name(chat):
    session = Session.from_seat(chat.hub, 7, "a" * 32, "Ada", 5, None, "10.1.2.3")
    person = chat.hub.here("ada")
    assert person is chat.hub.named("ada") is session.person
    assert (person.name, person.since, person.sessions) == ("Ada", 5, (session,))
    assert chat.hub.here("bob") is None


def test_a_second_session_from_another_server_joins_the_person(chat):
    ada = chat.device("ada", "word")
    identity = ada.session.identity
    session = Session.from_seat(chat.hub, 7, "a" * 32, "ADA", 5, identity, "10.1.2.3")
    assert session.person is ada.session.person
    assert session.person.sessions == (ada.session, session)
    assert (session.person.name, len(chat.hub)) == ("ada", 1)


def test_everybody_gets_a_frame_that_is_encoded_already(chat):
    people = [chat.person(), chat.person("ada", "tea")]
    chat.hub.write_to_everybody(encode(Notice("hear")))
    chat.tick()
    assert [person.got() for person in people] == [[Notice("hear")], [Notice("hear")]]
