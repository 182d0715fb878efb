"""A new connection resumes a session: when it may, what it gets, and what the rooms hear of it."""

from collections.abc import Callable

import pytest

import pylingo.reactor.chat.hub as hub_module
import pylingo.shared.names as names_module
from pylingo.reactor.chat.hub import GRACE
from pylingo.reactor.chat.resuming import resume as resume_session
from pylingo.reactor.chat.session import State
from pylingo.shared.messages import (
    Command,
    Goodbye,
    Hello,
    Joined,
    Left,
    Message,
    PingRequest,
    Pong,
    Renamed,
    Say,
    Sent,
    Skipped,
)
from pylingo.shared.names import fold
from tests.fakes.chat import NOON, Chat, Person, error, goodbye, resume, seated, words_left_out
from tests.fakes.seats import ENDINGS, claim, users
from tests.support import ready as ready_of


@pytest.fixture
def chat() -> Chat:
    return Chat(grace=GRACE)


@pytest.fixture(params=ENDINGS)
def kept(request: pytest.FixtureRequest) -> Callable[[Person], object]:
    """Each way to end that keeps the seat."""
    return ENDINGS[request.param]


# --- coming back


@pytest.mark.parametrize("number", [None, 0, 9])
def test_a_resumed_session_has_its_seat_as_it_was(chat, kept, number):
    alice, token = seated(chat, "alice")
    bob = chat.person("bob", "tea")
    kept(alice)
    chat.tick()
    back = resume(chat, token, number=number)
    chat.tick()
    assert back.got() == [ready_of("alice", "tea", token, True, number)]
    assert back.name == "alice"
    assert bob.got() == []
    assert users(bob) == ["alice", "bob"]
    back.ask(Say("here I am"), Command("name", "anne"))
    chat.tick()
    assert bob.got() == [Message("tea", "alice", "here I am", NOON), Renamed("alice", "anne", "tea")]


@pytest.mark.parametrize("name", [None, "bob", "no good", "x" * 33, "guest-1", "ALICE"])
def test_the_wished_name_is_ignored(chat, name):
    alice, token = seated(chat, "alice")
    chat.person("bob", "tea")
    alice.lose()
    chat.tick()
    person = Person(chat.hub)
    person.got()
    person.ask(Hello(1, name, "test/1", "a password", token, 4))
    chat.tick()
    assert person.got() == [ready_of("alice", "tea", token, True, 4)]


def test_the_guest_name_of_the_new_connection_is_released(chat):
    alice, token = seated(chat, "alice")
    alice.lose()
    chat.tick()
    back = Person(chat.hub)
    guest = back.name
    back.ask(Command("name", "somebody"), Hello(1, resume=token))
    chat.tick()
    assert len(chat.hub) == 1
    assert {session.person.name for session in chat.hub.sessions()} == {"alice"}
    assert chat.person("somebody").name == "somebody"
    assert guest != chat.person().name  # a number is never given twice


def test_the_token_is_one_for_the_life_of_the_session(chat):
    alice, token = seated(chat, "alice")
    alice.ask(Command("name", "anne"), Command("join", "coffee"))
    chat.tick()
    alice.lose()
    chat.tick()
    for number in range(3):
        back = resume(chat, token, number=number)
        chat.tick()
        assert back.got() == [ready_of("anne", "coffee", token, True, number)]
        back.lose()
        chat.tick()


@pytest.mark.parametrize(
    "token", ["", "0" * 32, "f" * 31, "none at all \x00", "\N{GRINNING FACE}", "x" * 30_000, "upper", "space", "longer"]
)
def test_an_unknown_or_malformed_token_does_not_fail(chat, token):
    alice, known = seated(chat, "alice")
    alice.lose()
    chat.tick()
    wrong = {"upper": known.upper() + "A", "space": f" {known}", "longer": f"{known}0"}.get(token, token)
    person = Person(chat.hub)
    person.got()
    person.ask(Hello(1, "bob", resume=wrong, id=3))
    (ready,) = person.got()
    assert (ready.name, ready.room, ready.resumed, ready.re) == ("bob", None, False, 3)
    assert ready.token != known
    other = Person(chat.hub)
    other.got()
    other.ask(Hello(1, "alice", resume=wrong, id=4))
    ready, refusal = other.got()
    assert (ready.name, ready.resumed) == (other.name, False)
    assert words_left_out([refusal]) == [error("name-taken", 4)]
    assert chat.hub.tokens.find(known, None) is not None


@pytest.mark.parametrize("again", ["alice", "ALICE"])
def test_a_hello_said_again_finds_the_seat_that_the_first_left_behind(chat, again):
    """Its `ready` was lost on the way: nobody but oneself would have the name."""
    first, lost = claim(chat, "alice")
    first.ask(Command("join", "coffee"))
    first.lose()
    chat.tick()
    back, ready = claim(chat, again)
    assert ready == ready_of("alice", "coffee", lost.token, True)
    back.lose()
    chat.tick()
    owner = resume(chat, lost.token)
    chat.tick()
    assert owner.got() == [ready]


@pytest.mark.parametrize("why", ["another name", "no name", "another token", "it is there", "it is over"])
def test_a_hello_said_again_finds_no_other_seat(chat, why):
    first, lost = claim(chat, "alice")
    if why != "it is there":
        first.lose()
        chat.tick()
    if why == "it is over":
        chat.wait(GRACE)
    name = {"another name": "bob", "no name": None}.get(why, "alice")
    _, ready = claim(chat, name, token="6" * 32 if why == "another token" else "5" * 32)
    assert not ready.resumed
    assert ready.token != lost.token
    assert (ready.name == "alice") == (why == "it is over")


@pytest.mark.parametrize(
    "word",
    [
        *("", "none", "5" * 31, "5" * 33, "5" * 31 + "g", "5" * 32 + "\n", " " + "5" * 31, "0x" + "5" * 30),
        *("\N{FULLWIDTH DIGIT FIVE}" * 32, "\N{ARABIC-INDIC DIGIT FIVE}" * 32, "x" * 30_000),
    ],
)
def test_a_token_that_could_be_guessed_finds_no_seat(chat, word):
    """Somebody else may say the same name and the same word."""
    first, lost = claim(chat, "alice", word)
    first.lose()
    chat.tick()
    _, ready = claim(chat, "alice", word)
    assert not ready.resumed
    assert ready.token != lost.token
    assert ready.name != "alice"
    assert len(chat.hub.tokens) == 2  # those of the two sessions


def test_digits_of_either_case_are_a_claim(chat):
    first, lost = claim(chat, "alice", "0123456789abcdefABCDEF9876543210")
    first.lose()
    chat.tick()
    _, ready = claim(chat, "alice", "0123456789abcdefABCDEF9876543210")
    assert (ready.resumed, ready.token) == (True, lost.token)


def test_no_long_name_is_folded_for_a_seat(chat, monkeypatch):
    """Folding 16,000 marks takes 190 ms, and a kept seat with the same token makes a server compare."""
    first, _ = claim(chat, "alice")
    first.lose()
    chat.tick()
    folded = []
    for module in (hub_module, names_module):
        monkeypatch.setattr(module, "fold", lambda name: folded.append(len(name)) or fold(name))
    _, ready = claim(chat, "a" + "\u0316\u0301" * 8_000)
    assert not ready.resumed
    assert max(folded, default=0) <= 32


def test_two_sessions_with_the_same_unknown_token_have_a_seat_each(chat):
    for name in ("alice", "bob"):
        person, _ = claim(chat, name)
        person.lose()
        chat.tick()
    chat.wait(GRACE)
    assert len(chat.hub.tokens) == 0


@pytest.mark.parametrize("stays", [True, False])
def test_a_hello_said_again_too_early_does_not_lose_the_seat(chat, stays):
    """The client has noticed the loss before the server has, came back as a guest, and tries once more."""
    first, lost = claim(chat, "alice")
    early, ready = claim(chat, "alice")
    assert (ready.resumed, ready.name) == (False, early.name)
    if not stays:
        early.ask(Command("close"))
    first.lose()
    chat.tick()
    _, ready = claim(chat, "alice")
    assert (ready.resumed, ready.name, ready.token) == (True, "alice", lost.token)


def test_a_second_hello_is_refused_and_takes_nothing_over(chat):
    _, token = seated(chat, "alice")
    bob, _ = seated(chat, "bob", "coffee")
    bob.ask(Hello(1, resume=token, id=5))
    chat.tick()
    assert words_left_out(bob.got()) == [error("already-ready", 5)]
    back = resume(chat, token)
    back.ask(Hello(1, resume=token, id=6), Hello(1, "new", id=7))
    chat.tick()
    assert words_left_out(back.got()[1:]) == [error("already-ready", 6), error("already-ready", 7)]


def test_a_version_that_is_not_spoken_takes_nothing_over(chat):
    alice, token = seated(chat, "alice")
    person = Person(chat.hub)
    person.got()
    person.ask(Hello(2, resume=token))
    chat.tick()
    assert words_left_out(person.got()) == [goodbye("protocol")]
    assert alice.got() == []
    assert alice.endings == []


# --- from a connection that looks alive


def test_a_live_connection_is_replaced(chat):
    alice, token = seated(chat, "alice")
    bob = chat.person("bob", "tea")
    alice.got()
    bob.ask(Say("one"))
    alice.ask(PingRequest(1))
    back = resume(chat, token, number=8)
    alice.ask(Say("not handled", id=2), Command("leave"), PingRequest(3))
    bob.ask(Say("two"))
    back.ask(PingRequest(9))
    chat.tick()
    assert words_left_out(alice.got()) == [Message("tea", "bob", "one", NOON), Pong(1), goodbye("replaced")]
    assert alice.endings == ["replaced"]
    assert back.got() == [ready_of("alice", "tea", token, True, 8), Message("tea", "bob", "two", NOON + 1), Pong(9)]
    assert bob.got() == []
    alice.lose()
    chat.tick()
    assert users(bob) == ["alice", "bob"]
    assert back.endings == []


def test_many_takeovers_in_one_tick(chat):
    alice, token = seated(chat, "alice")
    bob = chat.person("bob", "tea")
    alice.got()
    chain = [alice]
    for number in range(20):
        bob.ask(Say(f"{number}"))
        chain.append(resume(chat, token, number=number))
        chain[-1].ask(PingRequest(number))
    chat.tick()
    assert words_left_out(alice.got()) == [Message("tea", "bob", "0", NOON), goodbye("replaced")]
    for number, person in enumerate(chain[1:-1]):
        assert words_left_out(person.got()) == [
            ready_of("alice", "tea", token, True, number),
            Pong(number),
            Message("tea", "bob", f"{number + 1}", NOON + number + 1),
            goodbye("replaced"),
        ]
        assert person.endings == ["replaced"]
    assert chain[-1].got() == [ready_of("alice", "tea", token, True, 19), Pong(19)]
    assert chain[-1].endings == []
    assert bob.got() == []
    assert len(chat.hub) == 2
    bob.ask(Say("now"))
    chat.tick()
    assert [person.got() for person in chain[:-1]] == [[]] * 20
    assert [record.text for record in chain[-1].got()] == ["now"]


def test_lost_and_taken_over_and_lost_in_one_tick(chat):
    alice, token = seated(chat, "alice")
    bob = chat.person("bob", "tea")
    alice.got()
    alice.lose()
    back = resume(chat, token)
    back.lose()
    again = resume(chat, token)
    chat.tick()
    assert alice.got() == []
    assert back.got() == again.got() == [ready_of("alice", "tea", token, True)]
    assert (alice.endings, back.endings, again.endings) == (["lost"], ["lost"], [])
    chat.wait(10 * GRACE)
    assert bob.got() == []
    assert len(chat.hub) == 2


def test_the_seat_may_end_for_good_in_the_tick_in_which_it_was_taken_over(chat):
    alice, token = seated(chat, "alice")
    bob = chat.person("bob", "tea")
    alice.got()
    back = resume(chat, token)
    back.ask(Command("close"))
    chat.tick()
    assert words_left_out(alice.got()) == [goodbye("replaced")]
    assert words_left_out(back.got()) == [ready_of("alice", "tea", token, True), goodbye("close")]
    assert bob.got() == [Left("tea", "alice", "close")]
    assert len(chat.hub) == 1
    assert resume(chat, token).got()[0].resumed is False


def test_two_sessions_that_took_each_others_seats_have_one_each(chat):
    alice, of_alice = seated(chat, "alice")
    bob, of_bob = seated(chat, "bob")
    alice.got()
    one, two = resume(chat, of_alice), resume(chat, of_bob)
    three = resume(chat, of_bob)
    three.ask(Say("I am bob"))
    four = resume(chat, of_alice)
    four.ask(Say("I am alice"))
    chat.tick()
    assert three.got() == [ready_of("bob", "tea", of_bob, True), Message("tea", "alice", "I am alice", NOON + 1)]
    assert four.got() == [ready_of("alice", "tea", of_alice, True)]  # what bob said before that is in the log
    for person in (alice, bob, one, two):
        assert words_left_out(person.got())[-1] == goodbye("replaced")
    assert len(chat.hub) == 2


# --- the room in which the new connection was


def test_the_former_room_of_the_new_connection_sees_it_move(chat):
    alice, token = seated(chat, "alice")
    bob, carol = chat.person("bob", "tea"), chat.person("carol", "coffee")
    alice.lose()
    chat.tick()
    back = resume(chat, token, room="coffee")
    chat.tick()
    assert carol.got() == [Joined("coffee", "guest-4"), Left("coffee", "guest-4", "moved")]
    assert bob.got() == []
    assert back.got() == [Joined("coffee", "guest-4", 2), ready_of("alice", "tea", token, True)]
    assert set(chat.hub.rooms) == {"tea", "coffee"}


@pytest.mark.parametrize("alive", [False, True], ids=["lost", "alive"])
@pytest.mark.parametrize("room", ["coffee", "tea"])
def test_frames_of_the_former_room_stand_before_ready_and_those_of_the_seats_room_behind(chat, alive, room):
    alice, token = seated(chat, "alice")
    bob, carol = chat.person("bob", "tea"), chat.person("carol", "coffee")
    alice.got()
    if not alive:
        alice.lose()
        chat.tick()
    speaker = carol if room == "coffee" else bob
    back = Person(chat.hub)
    back.got()
    back.ask(Command("join", room, 1))
    guest = back.name
    speaker.ask(Say("one"))
    back.ask(PingRequest(2), Hello(1, resume=token, id=3))
    carol.ask(Say("not heard"))
    bob.ask(Say("two"))
    back.ask(PingRequest(4))
    chat.tick()
    assert back.got() == [
        Joined(room, guest, 2 if room == "coffee" else 3, 1),
        Message(room, speaker.name, "one", NOON),
        Pong(2),
        ready_of("alice", "tea", token, True, 3),
        Message("tea", "bob", "two", NOON + 2),
        Pong(4),
    ]
    if alive and room == "tea":
        assert words_left_out(alice.got()) == [
            Joined("tea", guest),
            Message("tea", "bob", "one", NOON),
            Left("tea", guest, "moved"),
            goodbye("replaced"),
        ]


def test_the_former_room_may_have_been_of_the_new_connection_alone(chat):
    alice, token = seated(chat, "alice")
    alice.lose()
    chat.tick()
    back = Person(chat.hub)
    back.got()
    back.ask(Command("join", "mine"), Say("to myself", id=1), Hello(1, resume=token))
    chat.tick()
    assert back.got() == [
        Joined("mine", "guest-2", 1, room_operator=True),
        Sent("mine", NOON, 1),
        ready_of("alice", "tea", token, True),
    ]
    assert set(chat.hub.rooms) == {"tea"}


def test_a_former_room_that_was_read_too_slowly_is_left_with_skipped():
    chat = Chat(soft=100, grace=GRACE)
    alice, token = seated(chat, "alice")
    carol = chat.person("carol", "coffee")
    back = chat.person(None, "coffee")
    alice.lose()
    chat.tick()
    back.out.stuck = True
    for number in range(4):
        carol.ask(Say(f"{number} " + "x" * 100))
        chat.tick()
    assert [type(record) for record in back.got()] == [Message]
    back.ask(Hello(1, resume=token))
    chat.tick()
    assert back.got() == [Skipped("coffee", 3, NOON, NOON + 3), ready_of("alice", "tea", token, True)]
    back.drain()
    chat.tick()
    assert back.got() == []


def test_a_connection_that_takes_over_is_not_heard_of_by_the_room_of_the_seat_unless_it_was_there(chat):
    alice, token = seated(chat, "alice")
    bob = chat.person("bob", "tea")
    alice.lose()
    chat.tick()
    resume(chat, token, room="TEA")
    chat.tick()
    assert bob.got() == [Joined("tea", "guest-3"), Left("tea", "guest-3", "moved")]


# --- the end of everything


def test_a_shutdown_ends_all_tokens(chat):
    alice, of_alice = seated(chat, "alice")
    bob, of_bob = seated(chat, "bob")
    alice.got()
    alice.lose()
    chat.tick()
    for session in chat.hub.sessions():
        session.shut_down("the server stops")
    chat.tick()
    assert bob.got() == [Goodbye("shutdown", "the server stops")]
    assert alice.got() == []
    assert len(chat.hub) == 0
    for token in (of_alice, of_bob):
        assert chat.hub.tokens.find(token, None) is None
        assert resume(chat, token).got()[0].resumed is False
    chat.wait(10 * GRACE)  # no alarm rings in an empty house


def test_nothing_is_left_of_many_who_came_and_went(chat):
    for number in range(50):
        person, token = seated(chat, f"name-{number}")
        person.lose()
        chat.tick()
        if number % 3 == 0:
            resume(chat, token).lose()
        if number % 3 == 1:
            resume(chat, token).ask(Command("close"))
        chat.tick()
    chat.wait(GRACE)
    chat.wait(GRACE)
    assert len(chat.hub) == 0
    assert chat.hub.rooms == {}
    assert len(chat.hub.tokens) == 0
    assert chat.scheduled == []


# --- by itself


def test_a_session_that_hands_its_connection_over_has_ended(chat):
    alice, _ = seated(chat, "alice")
    bob, _ = seated(chat, "bob")
    new = chat.person(room="ops")
    alice.got()
    seat, former = alice.session, new.session
    resume_session(former, seat, 7)
    chat.tick()
    assert (former.state, former.peer, former.token, former.rooms) == (State.ENDED, None, None, ())
    assert (seat.state, seat.peer) == (State.ATTACHED, new)
    assert alice.endings == ["replaced"]
    assert alice.got() == [Goodbye("replaced", "this session was resumed from another connection")]
    assert new.got() == [ready_of("alice", "tea", seat.token, True, 7)]
    assert bob.got() == [], "nothing has changed for the room"
