"""The slash commands: what each answers, what the others in the room are told, and lists larger than a frame."""

import dataclasses

import pytest

from pylingo.reactor.chat.commands import run_command
from pylingo.reactor.chat.moderation import HANDLERS
from pylingo.reactor.chat.requests import handle
from pylingo.reactor.chat.room_operators import HANDLERS as ROOM_HANDLERS
from pylingo.shared.codec import encode
from pylingo.shared.commands import COMMANDS, OPTIONAL
from pylingo.shared.errors import RequestError
from pylingo.shared.framing import HEADER_SIZE, MAX_BODY
from pylingo.shared.messages import (
    Away,
    Command,
    Error,
    Goodbye,
    Help,
    Joined,
    Left,
    Message,
    People,
    PersonDetails,
    Renamed,
    RoomInfo,
    Rooms,
    Say,
    Sent,
    Topic,
    Users,
)
from pylingo.shared.names import fold
from pylingo.shared.schema import Record
from tests.fakes.chat import NOON, Chat, Person, error, goodbye, words_left_out

IDS = [None, 0, 2**63 - 1]


FOR_EVERYBODY = [command for command in COMMANDS if command.name not in {**HANDLERS, **ROOM_HANDLERS}]


@pytest.fixture
def chat() -> Chat:
    return Chat()


# --- lists are kept until they change ------------------------------------------------------------------------


def lists(person: Person) -> list[Record]:
    person.ask(Command("users"), Command("list"))
    return person.got()


@pytest.mark.parametrize("number", IDS)
@pytest.mark.parametrize(
    "deed",
    [
        lambda chat, bob: None,
        lambda chat, bob: bob.ask(Command("name", "Aaron")),
        lambda chat, bob: bob.ask(Command("leave")),
        lambda chat, bob: bob.ask(Command("join", "cup")),
        lambda chat, bob: bob.ask(Command("close")),
        lambda chat, bob: bob.lose(),
        lambda chat, bob: chat.person("carol", "tea"),
        lambda chat, bob: chat.person("carol", "pot"),
        lambda chat, bob: chat.person("carol").ask(Command("join", "pot"), Command("leave")),
    ],
)
def test_a_list_is_right_after_whatever_changes_it(chat, deed, number):
    alice, bob = chat.people("alice", "bob")
    for _ in range(2):
        here = Users("tea", ["alice", "bob"], False, operators=["alice"])
        assert lists(alice) == [here, Rooms([RoomInfo("tea", 2)], False)]
    deed(chat, bob)
    chat.tick()
    alice.got()
    rooms = [RoomInfo(room.name, len(room.members)) for _, room in sorted(chat.hub.rooms.items())]
    names = sorted(member.person.name for member in chat.hub.rooms["tea"].members.values())
    assert lists(alice) == [Users("tea", names, False, operators=["alice"]), Rooms(rooms, False)]
    alice.ask(Command("users", id=number), Command("list", id=number))
    assert alice.got() == [Users("tea", names, False, number, ["alice"]), Rooms(rooms, False, number)]


def test_a_repeated_request_gets_the_same_bytes(chat):
    alice, bob = chat.people("alice", "bob")
    for person in (alice, bob):
        person.ask(Command("users"), Command("list"))
    (users, rooms), others = alice.out.buffers[-2:], bob.out.buffers[-2:]
    assert users is others[0]
    assert rooms is others[1]


# --- who is called what ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", IDS)
@pytest.mark.parametrize(
    ("wish", "name"),
    [("anne", "anne"), (" Anne\n", "Anne"), ("ALICE", "ALICE"), ("Zoe\u0308", "Zoë"), ("guest", "guest")],
)
def test_name(chat, wish, name, number):
    alice, bob = chat.people("alice", "bob")
    alice.ask(Command("name", wish, number), Say("hi"))
    chat.tick()
    assert alice.got() == [Renamed("alice", name, re=number)]
    assert bob.got() == [Renamed("alice", name, "tea"), Message("tea", name, "hi", NOON)]
    assert alice.name == name


def test_name_outside_of_a_room_is_told_to_nobody(chat):
    alice, bob = chat.person("alice"), chat.person("bob", "tea")
    alice.ask(Command("name", "anne"))
    chat.tick()
    assert alice.got() == [Renamed("alice", "anne")]
    assert bob.got() == []


def test_the_same_name_again_is_answered_and_told_to_nobody(chat):
    alice, bob = chat.people("alice", "bob")
    alice.ask(Command("name", "alice", 1))
    chat.tick()
    assert alice.got() == [Renamed("alice", "alice", re=1)]
    assert bob.got() == []


def test_the_first_of_two_requests_for_a_name_in_one_tick_gets_it(chat):
    alice, bob = chat.people("alice", "bob")
    bob.ask(Command("name", "carol", 1))
    alice.ask(Command("name", "Carol", 2))
    chat.tick()
    assert bob.got() == [Renamed("bob", "carol", re=1)]
    assert words_left_out(alice.got()) == [Renamed("bob", "carol", "tea"), error("name-taken", 2)]


def test_two_who_swap_names_through_a_third(chat):
    alice, bob = chat.people("alice", "bob")
    alice.ask(Command("name", "x"))
    bob.ask(Command("name", "alice"))
    alice.ask(Command("name", "bob"))
    chat.tick()
    assert (alice.name, bob.name) == ("bob", "alice")
    assert alice.got() == [Renamed("alice", "x"), Renamed("bob", "alice", "tea"), Renamed("x", "bob")]
    assert bob.got() == [Renamed("alice", "x", "tea"), Renamed("bob", "alice"), Renamed("x", "bob", "tea")]


# --- coming and going -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", IDS)
@pytest.mark.parametrize("room", ["tea", " #tea ", "TEA", "\uff34ea"])
def test_join_calls_the_room_as_its_first_member_did(chat, room, number):
    bob, alice = chat.person("bob", "tea"), chat.person("alice")
    alice.ask(Command("join", room, number))
    chat.tick()
    assert alice.got() == [Joined("tea", "alice", 2, number)]
    assert bob.got() == [Joined("tea", "alice")]


def test_join_leaves_the_room_before(chat):
    alice, bob = chat.people("alice", "bob", room="tea")
    carol = chat.person("carol", "coffee")
    alice.ask(Command("join", "coffee", 1))
    chat.tick()
    assert alice.got() == [Joined("coffee", "alice", 2, 1)]
    assert bob.got() == [Left("tea", "alice", "moved")]
    assert carol.got() == [Joined("coffee", "alice")]


@pytest.mark.parametrize("again", ["tea", "TEA", "#Tea"])
def test_joining_the_room_one_is_in_is_answered_and_told_to_nobody(chat, again):
    alice, bob = chat.people("alice", "bob")
    alice.ask(Command("join", again, 1))
    chat.tick()
    assert alice.got() == [Joined("tea", "alice", 2, 1, room_operator=True)]
    assert bob.got() == []


def test_a_refused_join_leaves_no_room_and_makes_none(chat):
    alice, bob = chat.people("alice", "bob")
    alice.ask(Command("join", "no good", 1))
    chat.tick()
    assert words_left_out(alice.got()) == [error("bad-room", 1)]
    assert bob.got() == []
    assert list(chat.hub.rooms) == ["tea"]


@pytest.mark.parametrize("number", IDS)
def test_leave(chat, number):
    alice, bob = chat.people("alice", "bob")
    alice.ask(Command("leave", None, number))
    bob.ask(Say("gone?"))
    chat.tick()
    assert alice.got() == [Left("tea", "alice", re=number)]
    assert bob.got() == [Left("tea", "alice", "leave")]


@pytest.mark.parametrize("number", IDS)
def test_close(chat, number):
    alice = chat.person("alice")
    alice.ask(Command("close", "", number))
    chat.tick()
    assert words_left_out(alice.got()) == [goodbye("close", number)]
    assert alice.endings == ["close"]


# --- lists ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", IDS)
def test_list_is_sorted_by_the_compared_form(chat, number):
    person = chat.person()
    person.ask(Command("list", id=number))
    assert person.got() == [Rooms([], False, number)]
    for room in ("b", "A", "Ä", "b", "C"):
        chat.person(room=room)
    person.ask(Command("list", " ", number))
    rooms = [RoomInfo("A", 1), RoomInfo("b", 2), RoomInfo("C", 1), RoomInfo("Ä", 1)]
    assert person.got() == [Rooms(rooms, False, number)]


@pytest.mark.parametrize("number", IDS)
def test_users_is_sorted_by_the_compared_form(chat, number):
    *_, person = chat.people("bob", "Alice", "Zoë", "carl", "ærin", "Zoe")
    chat.person("elsewhere", "coffee")
    person.ask(Command("users", id=number))
    assert person.got() == [Users("tea", ["Alice", "bob", "carl", "Zoe", "Zoë", "ærin"], False, number, ["bob"])]


def test_help_is_the_table_of_commands(chat):
    person = chat.person()
    person.ask(Command("help", id=1))
    assert person.got() == [Help(list(COMMANDS), 1)]
    of_the_specification = ["name", "list", "join", "users", "leave", "help", "close"]
    further = ["open", "topic", "me", "msg", "who", "whois", "away", "irc-password", "mode"]
    assert sorted(command.name for command in COMMANDS) == sorted(
        [*of_the_specification, *further, *HANDLERS, *ROOM_HANDLERS]
    )


# Four bytes of UTF-8 each: the largest names that a frame can be asked to hold.
LETTERS = [chr(code) for code in range(0x10C00, 0x10C48)]


def long_name(number: int, length: int) -> str:
    """A name of `length` letters of one script, another for each number."""
    digits = ""
    while number or not digits:
        number, digit = divmod(number, len(LETTERS))
        digits = LETTERS[digit] + digits
    return digits.rjust(length, LETTERS[0])


@pytest.mark.parametrize(
    "names",
    [
        pytest.param([long_name(number, 32) for number in range(700)], id="long"),
        pytest.param([f"u{number}" for number in range(6_000)], id="short"),
    ],
)
def test_a_list_of_users_larger_than_a_frame_comes_as_several(names):
    chat = Chat(soft=10**9)
    first, *_ = [chat.person(name) for name in names]
    for session in chat.hub.sessions():
        handle(session, Command("join", long_name(0, 64)))
    chat.tick()
    first.got()
    first.ask(Command("users", id=2**63 - 1))
    for _ in range(3):
        chat.tick()
    check_pages(first.got(), lambda page: page.users, sorted(names, key=fold))


def test_a_list_of_rooms_larger_than_a_frame_comes_as_several(chat):
    names = [long_name(number, 64) for number in range(300)]
    for name in names:
        chat.person(room=name)
    person = chat.person()
    person.ask(Command("list", id=2**63 - 1))
    for _ in range(3):
        chat.tick()
    expected = [RoomInfo(name, 1) for name in sorted(names, key=fold)]
    check_pages(person.got(), lambda page: page.rooms, expected)


def check_pages(pages, items_of, expected):
    assert len(pages) > 1
    assert [item for page in pages for item in items_of(page)] == expected
    assert [page.more for page in pages] == [True] * (len(pages) - 1) + [False]
    assert {page.re for page in pages} == {2**63 - 1}
    sizes = [len(encode(page)) - HEADER_SIZE for page in pages]
    assert max(sizes) <= MAX_BODY
    assert min(sizes[:-1]) > MAX_BODY // 2  # no frame for each item


# --- arguments ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", FOR_EVERYBODY, ids=lambda command: command.name)
@pytest.mark.parametrize("blank", [None, "", " ", "\t\n "])
def test_a_blank_argument_counts_as_absent(chat, command, blank):
    alice, _ = chat.people("alice", "bob")
    alice.ask(Command(command.name, blank, 1))
    chat.tick()
    (answer,) = words_left_out(alice.got())
    if command.argument and command.name not in OPTIONAL:
        assert answer == error("bad-argument", 1)
    else:
        assert dataclasses.replace(answer, re=None) != answer
        assert answer != error("bad-argument", 1)


@pytest.mark.parametrize("command", [it for it in FOR_EVERYBODY if not it.argument], ids=lambda command: command.name)
def test_a_superfluous_argument_is_refused_and_nothing_is_done(chat, command):
    alice, bob = chat.people("alice", "bob")
    alice.ask(Command(command.name, "x", 1))
    chat.tick()
    assert words_left_out(alice.got()) == [error("bad-argument", 1)]
    assert bob.got() == alice.endings == []


@pytest.mark.parametrize("name", ["JOIN", "Close", "/help", " help", "help ", "\x1b[2J", "", "quit"])
def test_only_the_commands_of_the_table_are_known(chat, name):
    alice = chat.person("alice")
    alice.ask(Command(name, None, 1))
    (refusal,) = alice.got()
    assert (refusal.code, refusal.re) == ("unknown-command", 1)
    assert refusal.text.isprintable()


def test_a_goodbye_is_the_answer_to_close_only(chat):
    answers = []
    for command in FOR_EVERYBODY:
        alice, _ = chat.people("alice", "bob")
        argument = {"msg": "bob hi", "whois": "bob"}.get(command.name, "carol")
        alice.ask(Command(command.name, argument if command.argument else None, 1))
        chat.tick()
        answers.append(type(alice.got()[-1]))
        for session in chat.hub.sessions():
            session.lost()
        chat.tick()
    rooms = [Rooms, Joined, Joined, Users, Left, Topic]
    people = [Sent, Sent, People, PersonDetails, Away, Error, Error]
    assert answers == [Renamed, *rooms, *people, Help, Goodbye]


def test_a_refusal_is_raised_for_the_session_to_answer(chat):
    alice = chat.person("alice")
    with pytest.raises(RequestError, match="there is no command 'dance'"):
        run_command(alice.session, Command("dance"))
    assert alice.got() == []
