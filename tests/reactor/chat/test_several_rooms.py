"""A session in several rooms: entering and leaving, the current room, order, slow readers, resuming."""

import pytest

from pylingo.reactor.chat.commands import MAX_ROOMS
from pylingo.shared.messages import (
    Command,
    Error,
    Hello,
    HistoryRequest,
    Joined,
    Left,
    Message,
    Pong,
    Ready,
    Renamed,
    Say,
    Sent,
    Skipped,
    Users,
)
from pylingo.shared.messages import PingRequest as Ping
from pylingo.shared.schema import Record
from tests.fakes.chat import NOON, Chat, Person, error, resume, seated, words_left_out


@pytest.fixture
def chat() -> Chat:
    return Chat()


def entered(chat: Chat, name: str, *rooms: str) -> Person:
    """Somebody who is in all of `rooms`; the last is the current one."""
    person = chat.person(name)
    for room in rooms:
        person.ask(Command("open", room))
    chat.tick()
    person.got()
    return person


def names_of(person: Person) -> list[str]:
    return [room.name for room in person.session.rooms]


def answers(chat: Chat, person: Person, *requests: Record) -> list[Record]:
    person.ask(*requests)
    chat.tick()
    return words_left_out(person.got())


# --- entering, leaving, and the current room


def test_a_room_is_opened_beside_others_and_is_current(chat):
    ada = entered(chat, "ada", "tea")
    bob = entered(chat, "bob", "tea", "ops")
    ada.got()
    assert answers(chat, ada, Command("open", "OPS", 1)) == [Joined("ops", "ada", 2, 1)]
    assert bob.got() == [Joined("ops", "ada")]
    assert names_of(ada) == ["ops", "tea"]


def test_opening_a_room_again_makes_it_current_and_tells_nobody(chat):
    ada = entered(chat, "ada", "tea", "ops")
    bob = entered(chat, "bob", "tea")
    ada.got()
    assert answers(chat, ada, Command("open", "tea", 1)) == [Joined("tea", "ada", 2, 1, room_operator=True)]
    assert bob.got() == []
    assert names_of(ada) == ["tea", "ops"]


def test_joining_leaves_the_current_room_alone(chat):
    ada = entered(chat, "ada", "tea", "ops")
    bob = entered(chat, "bob", "tea", "ops", "dev")
    ada.got()
    assert answers(chat, ada, Command("join", "dev")) == [Joined("dev", "ada", 2)]
    assert bob.got() == [Left("ops", "ada", "moved"), Joined("dev", "ada")]
    assert names_of(ada) == ["dev", "tea"]


def test_joining_a_room_that_one_is_in_leaves_the_current_one(chat):
    ada = entered(chat, "ada", "tea", "ops")
    bob = entered(chat, "bob", "tea", "ops")
    ada.got()
    assert answers(chat, ada, Command("join", "tea")) == [Joined("tea", "ada", 2, room_operator=True)]
    assert bob.got() == [Left("ops", "ada", "moved")]
    assert names_of(ada) == ["tea"]
    assert answers(chat, ada, Command("join", "tea")) == [Joined("tea", "ada", 2, room_operator=True)]
    assert bob.got() == []


def test_a_join_that_names_a_room_leaves_that_one(chat):
    ada = entered(chat, "ada", "tea", "ops")
    assert answers(chat, ada, Command("join", "dev", 1, "tea")) == [Joined("dev", "ada", 1, 1, room_operator=True)]
    assert names_of(ada) == ["dev", "ops"]


def test_after_leaving_the_room_before_it_is_current(chat):
    ada = entered(chat, "ada", "tea", "ops", "dev")
    ada.ask(Command("open", "tea"))
    assert answers(chat, ada, Command("leave", id=1))[-1] == Left("tea", "ada", None, 1, "dev")
    assert answers(chat, ada, Command("leave", id=2, room="#Ops")) == [Left("ops", "ada", None, 2, "dev")]
    assert answers(chat, ada, Command("leave", id=3)) == [Left("dev", "ada", None, 3, None)]
    assert answers(chat, ada, Command("leave", id=4)) == [error("no-room", 4)]


def test_the_reply_to_leave_says_in_bytes_that_no_room_is_current(chat):
    ada = entered(chat, "ada", "tea")
    bob = entered(chat, "bob", "tea")
    ada.got()
    ada.ask(Command("leave"))
    chat.tick()
    assert b"\xa7current\xc0" in bytes(ada.out.buffers[-1])
    assert b"current" not in bytes(bob.out.buffers[-1])


def test_one_room_more_than_the_most_is_refused(chat):
    rooms = [f"room-{number}" for number in range(MAX_ROOMS)]
    ada = entered(chat, "ada", *rooms)
    assert len(names_of(ada)) == MAX_ROOMS == 20
    assert answers(chat, ada, Command("open", "further", 1)) == [error("too-many-rooms", 1)]
    assert "further" not in chat.hub.rooms
    assert answers(chat, ada, Command("open", "ROOM-3", 2)) == [Joined("room-3", "ada", 1, 2, room_operator=True)]
    assert answers(chat, ada, Command("join", "further", 3)) == [Joined("further", "ada", 1, 3, room_operator=True)]
    assert len(names_of(ada)) == MAX_ROOMS


@pytest.mark.parametrize("empty", ["", " "])
def test_an_empty_name_counts_as_absent(chat, empty):
    ada = entered(chat, "ada", "tea")
    assert answers(chat, ada, Say("hi", id=1, room=empty)) == [Sent("tea", NOON, 1)]
    [page] = answers(chat, ada, HistoryRequest(id=2, room=empty, with_=empty))
    assert page.room == "tea"
    assert answers(chat, ada, Command("users", id=3, room=empty)) == [Users("tea", ["ada"], False, 3, ["ada"])]
    assert answers(chat, ada, HistoryRequest(id=4, room=empty, inbox=True))[0].room is None
    # But what was meant for one person must never go to a room.
    assert answers(chat, ada, Say("hi", id=5, to=empty)) == [error("no-such-user", 5)]


@pytest.mark.parametrize("room", ["ops", "#", "no good", "x" * 30_000, "\u0301" * 10_000])
@pytest.mark.parametrize(
    "request_",
    [
        Say("hi", id=1, room=""),
        HistoryRequest(id=1, room=""),
        *(Command(name, argument, 1, "") for name, argument in [("users", None), ("leave", None), ("list", None)]),
        *(Command(name, "x", 1, "") for name in ("join", "open", "topic", "me")),
    ],
    ids=lambda request: getattr(request, "name", request.type),
)
def test_a_room_that_one_is_not_in_is_refused(chat, request_, room):
    ada = entered(chat, "ada", "tea")
    entered(chat, "bob", "ops")
    request_.room = room
    assert answers(chat, ada, request_) == [error("not-in-room", 1)]
    assert names_of(ada) == ["tea"]


def test_requests_act_on_the_room_that_they_name(chat):
    ada = entered(chat, "ada", "tea", "ops")
    bob = entered(chat, "bob", "tea")
    eve = entered(chat, "eve", "ops")
    ada.got()
    assert answers(chat, ada, Say("hi", id=1, room="TEA")) == [Sent("tea", NOON, 1)]
    assert bob.got() == [Message("tea", "ada", "hi", NOON)]
    assert eve.got() == []
    assert answers(chat, ada, Command("users", None, 2, "tea")) == [Users("tea", ["ada", "bob"], False, 2, ["ada"])]
    assert answers(chat, ada, Say("hi", id=3)) == [Sent("ops", NOON + 1, 3)]
    assert eve.got() == [Message("ops", "ada", "hi", NOON + 1)]
    (page,) = answers(chat, ada, HistoryRequest(id=4, room="tea"))
    assert (page.room, [entry.text for entry in page.messages], page.re) == ("tea", ["hi"], 4)


def test_a_key_counts_for_each_room(chat):
    ada = entered(chat, "ada", "tea", "ops")
    first = answers(chat, ada, Say("hi", "k", room="tea"), Say("hi", "k", room="ops"))
    again = answers(chat, ada, Say("hi", "k", room="tea"), Say("hi", "k", room="ops"))
    assert first == again == [Sent("tea", NOON, None, "k"), Sent("ops", NOON + 1, None, "k")]


def test_every_shared_room_hears_a_new_name_and_the_end(chat):
    ada = entered(chat, "ada", "tea", "ops", "dev")
    bob = entered(chat, "bob", "tea", "ops")
    ada.got()
    ada.ask(Command("name", "anne"))
    chat.tick()
    heard = bob.got()
    assert sorted(heard, key=lambda record: record.room) == [Renamed("ada", "anne", it) for it in ("ops", "tea")]
    ada.session.lost()
    chat.tick()
    assert sorted(bob.got(), key=lambda record: record.room) == [Left(it, "anne", "lost") for it in ("ops", "tea")]
    assert set(chat.hub.rooms) == {"ops", "tea"}
    assert [member.person.name for room in chat.hub.rooms.values() for member in room.members.values()] == ["bob"] * 2


# --- order and batches


def test_no_answer_overtakes_a_frame_of_any_room(chat):
    ada = entered(chat, "ada", "tea", "ops", "dev")
    bob = entered(chat, "bob", "tea")
    eve = entered(chat, "eve", "ops")
    ada.got()
    bob.ask(Say("1"))
    ada.ask(Ping(1))
    eve.ask(Say("2"))
    ada.ask(Say("mine", id=2, room="dev"))
    bob.ask(Say("3"))
    eve.ask(Say("4"))
    chat.tick()
    got = ada.got()
    assert got[:2] == [Message("tea", "bob", "1", NOON), Pong(1)]
    assert got[2:4] == [Message("ops", "eve", "2", NOON + 1), Sent("dev", NOON + 2, 2)]
    assert sorted(got[4:], key=lambda record: record.at) == [
        Message("tea", "bob", "3", NOON + 3),
        Message("ops", "eve", "4", NOON + 4),
    ]


def test_a_newcomer_of_a_second_room_sees_nothing_from_before(chat):
    ada = entered(chat, "ada", "tea")
    bob = entered(chat, "bob", "ops")
    bob.ask(Say("before"))
    ada.ask(Command("open", "ops"))
    bob.ask(Say("after"))
    ada.ask(Command("leave", room="ops"))
    bob.ask(Say("too late"))
    chat.tick()
    assert ada.got() == [
        Joined("ops", "ada", 2),
        Message("ops", "bob", "after", NOON + 1),
        Left("ops", "ada", current="tea"),
    ]


def test_listeners_in_several_rooms_get_each_batch_once(chat):
    ada = entered(chat, "ada", "tea", "ops", "dev")
    others = [entered(chat, name, room) for name, room in (("bob", "tea"), ("eve", "ops"), ("joe", "dev"))]
    ada.got()
    for serial in range(3):
        for other in others:
            other.ask(Say(f"{serial}"))
    chat.tick()
    got = ada.got()
    for other, room in zip(others, ("tea", "ops", "dev"), strict=True):
        name = other.name
        assert [(it.from_, it.text) for it in got if it.room == room] == [(name, "0"), (name, "1"), (name, "2")]
    assert len(got) == 9


# --- slow readers


def test_each_room_has_a_gap_of_its_own():
    chat = Chat(soft=100)
    ada = entered(chat, "ada", "tea", "ops", "dev")
    bob = entered(chat, "bob", "tea")
    eve = entered(chat, "eve", "ops")
    joe = entered(chat, "joe", "dev")
    ada.got()
    ada.out.stuck = True
    bob.ask(Say("x" * 200))
    chat.tick()
    for text in ("1", "2"):
        bob.ask(Say(text))
        eve.ask(Say(text))
        chat.tick()
    joe.ask(Command("leave"))
    chat.tick()
    assert [record.text for record in ada.got()] == ["x" * 200]
    ada.drain()
    chat.tick()
    newest = chat.hub.tick.newest_stamp
    assert sorted(ada.got(), key=lambda record: record.room) == [
        Skipped("dev", 0, newest, newest),
        Skipped("ops", 2, NOON + 1, NOON + 4),
        Skipped("tea", 2, NOON, NOON + 3),
    ]


def test_leaving_one_of_the_rooms_tells_of_its_gap_alone():
    chat = Chat(soft=100)
    ada = entered(chat, "ada", "tea", "ops")
    bob = entered(chat, "bob", "tea")
    eve = entered(chat, "eve", "ops")
    ada.got()
    ada.out.stuck = True
    bob.ask(Say("x" * 200))
    chat.tick()
    bob.ask(Say("1"))
    eve.ask(Say("2"))
    chat.tick()
    ada.got()
    ada.ask(Command("leave", room="tea"))
    chat.tick()
    assert ada.got() == [Skipped("tea", 1, NOON, NOON + 1), Left("tea", "ada", current="ops")]
    ada.drain()
    chat.tick()
    assert ada.got() == [Skipped("ops", 1, NOON + 1, NOON + 2)]


# --- hello and resuming


def test_a_session_comes_back_to_all_its_rooms():
    chat = Chat(grace=60.0)
    ada, token = seated(chat, "ada", "tea")
    ada.ask(Command("open", "ops"), Command("open", "dev"), Command("open", "tea"))
    bob = entered(chat, "bob", "ops", "tea")
    ada.lose()
    chat.tick()
    bob.got()
    bob.ask(Say("meanwhile", room="ops"))
    chat.tick()
    back = resume(chat, token, "elsewhere", 7)
    bob.ask(Say("again", room="ops"), Say("and here", room="tea"))
    chat.tick()
    joined, ready, *rest = back.got()
    assert type(joined) is Joined
    assert ready == Ready("ada", "tea", token, True, 7, ["tea", "dev", "ops"], None, False)
    assert sorted((record.room, record.text) for record in rest) == [("ops", "again"), ("tea", "and here")]
    assert "elsewhere" not in chat.hub.rooms


def test_a_hello_lists_the_rooms_that_were_entered_before(chat):
    ada = entered(chat, "ada", "tea", "ops")
    (ready,) = answers(chat, ada, Hello(1))
    assert (ready.room, ready.rooms) == ("ops", ["ops", "tea"])
    (ready,) = answers(chat, chat.person(), Hello(1))
    assert (ready.room, ready.rooms) == (None, [])


def test_a_seat_that_expires_is_left_in_every_room():
    chat = Chat(grace=60.0)
    ada, _ = seated(chat, "ada", "tea")
    ada.ask(Command("open", "ops"))
    bob = entered(chat, "bob", "tea", "ops")
    ada.lose()
    chat.wait(60.0)
    assert sorted(bob.got(), key=lambda record: record.room) == [Left("ops", "ada", "lost"), Left("tea", "ada", "lost")]


def test_an_unknown_command_names_the_nearest(chat):
    ada = chat.person()
    ada.ask(Command("nmae", id=1), Command("xyzzy", id=2))
    near, far = ada.got()
    assert near == Error("unknown-command", "there is no command 'nmae'; did you mean /name?", 1)
    assert far == Error("unknown-command", "there is no command 'xyzzy': see /help", 2)
