"""Seats that outlive their connections: which endings keep one, what the room hears of it, and who gets it back."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import pylingo.reactor.chat.hub as hub_module
import pylingo.shared.names as names_module
from pylingo.reactor.chat.hub import GRACE
from pylingo.reactor.history.history import Page
from pylingo.reactor.history.memory import MemoryHistory
from pylingo.shared.messages import (
    Command,
    Entry,
    Error,
    Goodbye,
    Hello,
    HistoryPage,
    HistoryRequest,
    Joined,
    Left,
    Message,
    PingRequest,
    Pong,
    Ready,
    Renamed,
    Say,
    Sent,
    Skipped,
    Users,
    Welcome,
)
from pylingo.shared.names import fold
from pylingo.shared.schema import Record
from tests.fakes.bench import Bench, Wire, benches
from tests.fakes.chat import NOON, Chat, Person, error, goodbye, resume, seated, words_left_out
from tests.support import ready as ready_of
from tests.support import wait_until

KEPT = ["idle", "stalled", "frame-timeout"]
"""The goodbyes after which a seat is kept; so it is when the connection is lost."""
FREED = ["close", "bad-frame", "silent", "protocol", "password", "full", "address-limit"]


@pytest.fixture
def chat() -> Chat:
    return Chat(grace=GRACE)


def users(person: Person) -> list[str]:
    person.ask(Command("users"))
    (record,) = (record for record in person.got() if type(record) is Users)
    return record.users


def lose(person: Person) -> None:
    person.lose()


ENDINGS: dict[str, Callable[[Person], object]] = {
    "lost": lose,
    **{reason: lambda person, reason=reason: person.session.end(reason, "why") for reason in KEPT},
    "stalled and dropped": lambda person: person.session.end("stalled", "why", discard=True),
}


@pytest.fixture(params=ENDINGS)
def kept(request: pytest.FixtureRequest) -> Callable[[Person], object]:
    """Each way to end that keeps the seat."""
    return ENDINGS[request.param]


# --- which endings keep a seat


def test_a_broken_connection_keeps_its_seat_and_the_room_hears_nothing(chat, kept):
    alice, _ = seated(chat, "alice")
    bob = chat.person("bob", "tea")
    alice.got()
    kept(alice)
    chat.tick()
    assert bob.got() == []
    assert users(bob) == ["alice", "bob"]
    assert len(chat.hub) == 2
    chat.wait(GRACE - 1)
    assert bob.got() == []
    bob.ask(Command("name", "ALICE"), Hello(1, "Alice"))
    assert [record.code for record in bob.got() if type(record) is Error] == ["name-taken"] * 2


def test_after_the_grace_the_room_sees_lost_and_the_name_is_free(chat, kept):
    alice, token = seated(chat, "alice")
    bob = chat.person("bob", "tea")
    kept(alice)
    chat.tick()
    chat.wait(GRACE - 0.001)
    assert bob.got() == []
    chat.wait(0.001)
    assert bob.got() == [Left("tea", "alice", "lost")]
    assert users(bob) == ["bob"]
    assert len(chat.hub) == 1
    bob.ask(Command("name", "alice"))
    assert bob.got() == [Renamed("bob", "alice")]
    assert resume(chat, token).got()[0].resumed is False
    chat.wait(10 * GRACE)
    assert bob.got() == []


def test_the_goodbye_is_the_last_frame_of_who_keeps_a_seat(chat):
    for reason in KEPT:
        person, _ = seated(chat, reason)
        other = chat.person(None, "tea")
        person.got()
        other.ask(Say("before"))
        person.session.end(reason, "why")
        other.ask(Say("after"))
        chat.tick()
        other.ask(Say("later"))
        chat.tick()
        assert [getattr(record, "text", "") for record in person.got()] == ["before", "why"]
        assert person.endings == [reason]
        assert person.over
        other.ask(Command("close"))
        chat.tick()


def test_with_drop_the_rooms_frames_of_the_tick_are_left_out_of_the_last_words(chat):
    person, _ = seated(chat, "alice")
    other = chat.person("bob", "tea")
    person.got()
    other.ask(Say("before"))
    person.session.end("stalled", "why", discard=True)
    other.ask(Say("after"))
    chat.tick()
    assert person.got() == [Goodbye("stalled", "why")]


def test_a_lost_session_still_gets_earlier_replies(chat):
    alice, _ = seated(chat, "alice")
    bob = chat.person("bob", "tea")
    alice.got()
    bob.ask(Say("one"))
    alice.ask(Say("two", id=1))
    alice.lose()
    bob.ask(Say("three"))
    chat.tick()
    assert alice.got() == [Message("tea", "bob", "one", NOON), Sent("tea", NOON + 1, 1)]
    assert alice.endings == ["lost"]
    assert bob.got() == [Message("tea", "alice", "two", NOON + 1)]


@pytest.mark.parametrize("reason", FREED)
def test_every_other_ending_frees_the_seat_at_once(chat, reason):
    alice, token = seated(chat, "alice")
    bob = chat.person("bob", "tea")
    alice.got()
    alice.session.end(reason, "why")
    chat.tick()
    assert bob.got() == [Left("tea", "alice", reason)]
    assert len(chat.hub) == 1
    assert chat.alarms == []
    late = resume(chat, token)
    ready, *_ = late.got()
    assert (ready.resumed, ready.name) == (False, "ignored")


def test_close_frees_the_seat(chat):
    alice, token = seated(chat, "alice")
    alice.ask(Command("close"))
    alice.lose()
    chat.tick()
    assert len(chat.hub) == 0
    assert resume(chat, token).got()[0].resumed is False


def test_a_session_without_hello_has_no_seat(chat, kept):
    alice, bob = chat.people("alice", "bob")
    kept(alice)
    chat.tick()
    (left,) = bob.got()
    assert (left.name, left.reason) in {("alice", reason) for reason in ("lost", *KEPT)}
    assert len(chat.hub) == 1
    assert chat.alarms == []


def test_without_a_grace_no_seat_is_kept(kept):
    chat = Chat(grace=0.0)
    alice, token = seated(chat, "alice")
    bob = chat.person("bob", "tea")
    kept(alice)
    chat.tick()
    assert [type(record) for record in bob.got()] == [Left]
    assert len(chat.hub) == 1
    assert resume(chat, token).got()[0].resumed is False


def test_without_a_grace_a_connection_that_looks_alive_can_be_taken_over():
    chat = Chat(grace=0.0)
    alice, token = seated(chat, "alice")
    back = resume(chat, token)
    chat.tick()
    assert back.got() == [ready_of("alice", "tea", token, True)]
    assert words_left_out(alice.got()) == [goodbye("replaced")]


def test_a_seat_is_kept_again_and_again_each_time_for_the_whole_grace(chat):
    person, token = seated(chat, "alice")
    bob = chat.person("bob", "tea")
    for _ in range(5):
        person.lose()
        chat.tick()
        chat.wait(GRACE - 1)
        person = resume(chat, token)
        chat.tick()
        assert person.got()[-1] == ready_of("alice", "tea", token, True)
    assert bob.got() == []
    person.lose()
    chat.tick()
    chat.wait(GRACE)
    assert bob.got() == [Left("tea", "alice", "lost")]


def test_whoever_came_back_is_not_taken_away_when_the_grace_is_over(chat, kept):
    alice, token = seated(chat, "alice")
    bob = chat.person("bob", "tea")
    kept(alice)
    chat.tick()
    back = resume(chat, token)
    chat.tick()
    chat.wait(10 * GRACE)
    assert bob.got() == []
    assert users(back) == ["alice", "bob"]
    assert [alarm for alarm in chat.alarms if not alarm.cancelled] == []


def test_a_seat_outside_of_rooms_is_kept_and_given_up_without_a_word(chat):
    alice, token = seated(chat, "alice", room=None)
    alice.lose()
    chat.tick()
    back = resume(chat, token)
    chat.tick()
    assert back.got() == [ready_of("alice", None, token, True)]
    back.lose()
    chat.tick()
    chat.wait(GRACE)
    assert len(chat.hub) == 0


def test_a_room_with_nobody_but_a_kept_seat_goes_on_until_the_grace_is_over(chat):
    alice, _ = seated(chat, "alice", "Tea")
    alice.lose()
    chat.tick()
    bob = chat.person("bob")
    bob.ask(Command("join", "TEA"))
    chat.tick()
    assert bob.got() == [Joined("Tea", "bob", 2)]
    bob.ask(Command("leave"))
    chat.tick()
    chat.wait(GRACE)
    assert chat.hub.rooms == {}


# --- while nobody is there


def test_what_is_said_meanwhile_is_in_the_history_and_is_not_sent(chat, kept):
    alice, token = seated(chat, "alice")
    bob = chat.person("bob", "tea")
    alice.got()
    bob.ask(Say("before"))
    kept(alice)
    bob.ask(Say("in the same tick"))
    chat.tick()
    bob.ask(Say("meanwhile"), Command("name", "ben"))
    chat.tick()
    alice.got()
    bob.ask(Say("in the tick of coming back"))
    back = resume(chat, token)
    bob.ask(Say("after"))
    chat.tick()
    assert back.got() == [ready_of("alice", "tea", token, True), Message("tea", "ben", "after", NOON + 4)]
    assert alice.got() == []
    back.ask(HistoryRequest(since=NOON, before=NOON + 4))
    (page,) = back.got()
    assert [entry.text for entry in page.messages] == ["in the same tick", "meanwhile", "in the tick of coming back"]


def test_a_kept_seat_queues_nothing_and_is_not_left_out_of_anything(chat):
    alice, token = seated(chat, "alice")
    bob = chat.person("bob", "tea")
    alice.got()
    alice.lose()
    chat.tick()
    written = len(alice.out.buffers)
    for _ in range(100):
        bob.ask(Say("x" * 4_000))
        chat.tick()
    seat = chat.hub.tokens.find(token, None)
    assert seat.outbox.is_closed
    assert len(alice.out.buffers) == written
    assert chat.hub.tick.skipped == 0
    assert len(chat.scheduled) == 0


def test_no_skipped_follows_for_what_was_left_out_before_the_connection_broke():
    chat = Chat(soft=100, grace=GRACE)
    alice, token = seated(chat, "alice")
    bob = chat.person("bob", "tea")
    alice.out.stuck = True
    for _ in range(5):
        bob.ask(Say("x" * 100))
        chat.tick()
    assert alice.session.outbox.is_skipping
    alice.got()
    alice.lose()
    chat.tick()
    assert Skipped not in map(type, alice.got())
    back = resume(chat, token)
    chat.tick()
    bob.ask(Say("now"))
    chat.tick()
    assert back.got() == [ready_of("alice", "tea", token, True), Message("tea", "bob", "now", NOON + 5)]
    back.drain()
    chat.tick()
    assert back.got() == []


def test_a_live_connection_that_was_left_out_of_frames_is_taken_over_without_skipped():
    chat = Chat(soft=100, grace=GRACE)
    alice, token = seated(chat, "alice")
    bob = chat.person("bob", "tea")
    alice.out.stuck = True
    for _ in range(5):
        bob.ask(Say("x" * 100))
        chat.tick()
    alice.got()
    back = resume(chat, token)
    bob.ask(Say("now"))
    chat.tick()
    assert back.got() == [ready_of("alice", "tea", token, True), Message("tea", "bob", "now", NOON + 5)]
    assert words_left_out(alice.got())[-1] == goodbye("replaced")
    alice.drain()
    chat.tick()
    assert alice.got() == []


def test_the_new_connection_may_be_slow_from_then_on():
    chat = Chat(soft=100, grace=GRACE)
    alice, token = seated(chat, "alice")
    bob = chat.person("bob", "tea")
    alice.lose()
    chat.tick()
    back = resume(chat, token)
    back.out.stuck = True
    chat.tick()
    back.got()
    back.out.queued = 101
    bob.ask(Say("one"))
    chat.tick()
    bob.ask(Say("two"))
    chat.tick()
    assert back.got() == []
    back.drain()
    chat.tick()
    assert back.got() == [Skipped("tea", 2, NOON - 1, NOON + 1)]


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


def claim(chat: Chat, name: str | None, token: str = "5" * 32) -> tuple[Person, Ready]:
    """A hello with an unknown token."""
    person = Person(chat.hub)
    person.got()
    person.ask(Hello(1, name, resume=token))
    chat.tick()
    ready, *_ = person.got()
    return person, ready


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
def test_what_could_be_guessed_finds_no_seat(chat, word):
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
        Joined("mine", "guest-2", 1),
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


def test_whoever_takes_over_is_not_heard_of_by_the_room_of_the_seat_unless_it_was_there(chat):
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


# --- answers that wait for a disk


class SlowLog(MemoryHistory):
    """Answers when the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: list[Callable[[], object]] = []

    def when_committed(self, callback: Callable[[], object], lost: Callable[[], object] | None = None) -> None:
        self.waiting.append(callback)

    def when_settled(self, callback: Callable[[], object]) -> None:
        self.waiting.append(callback)

    def page(self, room: str, request: HistoryRequest, answer: Callable[[Page], object]) -> None:
        super().page(room, request, lambda page: self.waiting.append(lambda: answer(page)))

    def answer(self) -> None:
        while self.waiting:
            self.waiting.pop(0)()


@pytest.fixture
def slow() -> Chat:
    return Chat(grace=GRACE, log=SlowLog())


def test_answers_that_are_still_to_come_count_toward_the_hard_limit():
    """All of them are asked for while nothing is queued, and come when the disk answers, at once."""
    log = SlowLog()
    chat = Chat(hard=100_000, log=log)
    alice = chat.person("alice", "tea")
    for _ in range(5):
        alice.ask(Say("x" * 4_000))
    alice.ask(*[HistoryRequest(limit=5)] * 20)
    pages = []
    for _ in range(5):
        assert len(alice.held) == 20 - len(pages) - 4  # of at most 32,768 bytes each
        log.answer()
        chat.tick()
        pages += [record for record in alice.got() if type(record) is HistoryPage]
        alice.drain()
    assert len(pages) == 20
    assert (alice.held, alice.endings) == ([], [])


def test_late_answers_of_who_is_over_disturb_nobody():
    log = SlowLog()
    chat = Chat(hard=100, log=log)
    alice = chat.person("alice", "tea")
    alice.out.stuck = True
    alice.ask(*[Say("hi", id=number) for number in range(20)], PingRequest(1), PingRequest(2), PingRequest(3))
    chat.tick()
    alice.session.end("idle", "you were idle")
    log.answer()
    chat.tick()
    assert alice.out.queued < 1_000
    assert alice.endings == ["idle"]


def test_what_waited_before_a_resume_counts_toward_the_hard_limit(chat):
    chat.hub.tick.hard = 1_000
    alice, token = seated(chat, "alice")
    alice.lose()
    back = chat.person()
    back.out.stuck = True
    back.ask(*[PingRequest(number) for number in range(30)])
    before = back.out.queued
    assert 500 < before < 1_000
    back.ask(Hello(1, resume=token))
    chat.tick()
    back.ask(*[PingRequest(number) for number in range(30)])
    chat.tick()
    assert back.held
    assert back.out.queued < 1_100


@pytest.mark.parametrize("word", ["its token", "its claim"])
@pytest.mark.parametrize("broken", [False, True], ids=["alive", "broken"])
def test_a_closed_session_cannot_be_resumed_while_it_waits_for_the_history(slow, word, broken):
    """The session handles nothing more: the new connection would be deaf until the disk answers, and then closed."""
    alice, ready = claim(slow, "alice")
    alice.ask(Command("join", "tea"))
    bob = slow.person("bob", "tea")
    alice.got()
    alice.ask(Say("hi"), Command("close", id=3))
    slow.tick()
    bob.got()
    if broken:
        alice.lose()
        slow.tick()
        assert bob.got() == [Left("tea", "alice", "close")]
    back, again = claim(slow, "alice", ready.token if word == "its token" else "5" * 32)
    assert not again.resumed
    back.ask(PingRequest(4))
    assert back.got()[-1] == Pong(4)
    slow.hub.history.answer()
    slow.tick()
    if not broken:
        assert words_left_out(alice.got()) == [goodbye("close", 3)]
        assert bob.got() == [Left("tea", "alice", "close")]
    back.ask(Command("name", "alice"), PingRequest(5))
    assert back.name == "alice"
    assert back.got()[-1] == Pong(5)


def test_sent_that_comes_after_the_connection_broke_disturbs_nobody(slow):
    alice, token = seated(slow, "alice")
    alice.ask(Say("hi", "k", 1), HistoryRequest(id=2))
    alice.lose()
    slow.tick()
    slow.hub.history.answer()
    slow.tick()
    assert alice.got() == []
    back = resume(slow, token)
    back.ask(Say("hi", "k", 3))
    slow.hub.history.answer()
    slow.tick()
    assert back.got() == [ready_of("alice", "tea", token, True), Sent("tea", NOON, 3, "k")]


def test_what_the_new_connection_asked_before_it_took_over_is_answered(slow):
    alice, token = seated(slow, "alice")
    alice.lose()
    slow.tick()
    back = Person(slow.hub)
    back.got()
    back.ask(Command("join", "coffee"), Say("hi", "k", 1), HistoryRequest(id=2), Hello(1, resume=token, id=3))
    slow.tick()
    slow.hub.history.answer()
    slow.tick()
    records = back.got()
    assert Sent("coffee", NOON, 1, "k") in records
    assert HistoryPage("coffee", [Entry("guest-2", "hi", NOON, "k")], False, NOON, 2) in records


def test_a_request_of_the_old_connection_is_not_answered_by_its_id_on_the_new_one(slow):
    # The new connection counts its own ids; an answer with a number of the old one would pass for one of them.
    alice, token = seated(slow, "alice")
    alice.ask(Say("hi", id=1), HistoryRequest(id=2))
    slow.tick()
    back = resume(slow, token)
    slow.tick()
    slow.hub.history.answer()
    slow.tick()
    ready, *answers = back.got()
    assert type(ready) is Ready
    assert [record for record in answers if record.re in (1, 2)] == []


# --- on sockets


@pytest.fixture
def bench() -> Iterator[Callable[..., Bench]]:
    with benches() as make:
        yield make


def greeted(desk: Bench, name: str, **options: Any) -> tuple[Wire, str]:
    """Somebody in tea who has said hello, and the token."""
    wire = desk.connect(**options)
    wire.send(Hello(1, name), Command("join", "tea"))
    desk.turn()
    (ready,) = (record for record in wire.got() if type(record) is Ready)
    return wire, ready.token


def come_back(desk: Bench, token: str) -> Wire:
    wire = desk.connect()
    wire.got()
    wire.send(Hello(1, resume=token))
    desk.turn()
    return wire


def end_of_stream(desk: Bench, wire: Wire) -> None:
    wire.sock.shutdown(1)
    desk.turn()


def reset(desk: Bench, wire: Wire) -> None:
    wire.hang_up()
    desk.turn()


def silence(desk: Bench, wire: Wire) -> None:
    desk.wait(5)


def half_a_frame(desk: Bench, wire: Wire) -> None:
    wire.raw(b"\0\0")
    desk.wait(3)


BREAKS: dict[str, tuple[Callable[[Bench, Wire], object], dict[str, float]]] = {
    "end of stream": (end_of_stream, {}),
    "hang up": (reset, {}),
    "idle": (silence, {"ping_after": 1.0, "ping_timeout": 1.0}),
    "frame-timeout": (half_a_frame, {"frame_timeout": 2.0}),
}


@pytest.mark.parametrize("way", BREAKS)
def test_on_sockets_a_seat_is_kept_and_given_back(bench, way):
    break_, settings = BREAKS[way]
    desk = bench(resume_grace=100, **settings)
    wire, token = greeted(desk, "alice")
    break_(desk, wire)
    desk.turn_until(lambda: len(desk.connections) <= 1)
    assert {session.person.name for session in desk.server.hub.sessions()} >= {"alice"}
    back = come_back(desk, token)
    assert back.got() == [ready_of("alice", "tea", token, True)]


@pytest.mark.parametrize("way", BREAKS)
def test_on_sockets_the_grace_ends(bench, way):
    break_, settings = BREAKS[way]
    desk = bench(resume_grace=100, **settings)
    wire, token = greeted(desk, "alice")
    break_(desk, wire)
    desk.now += 110
    desk.turn()
    assert "alice" not in {session.person.name for session in desk.server.hub.sessions()}
    desk.turn(6)
    (ready,) = come_back(desk, token).got()
    assert ready.resumed is False


def test_on_sockets_one_who_reads_nothing_keeps_the_seat(bench):
    desk = bench(queue_soft=20_000, queue_hard=20_000, resume_grace=100, stall_timeout=10)
    wire, token = greeted(desk, "alice", buffer=4_096)
    bob = desk.guest(Command("join", "tea"))
    for _ in range(200):
        with contextlib.suppress(BlockingIOError):  # it is not read any more
            wire.send(*[PingRequest(2**63 - 1)] * 20)
        desk.turn()
    desk.wait(11)
    assert desk.server.service.counts["stalled"] == 1
    assert bob.got() == []
    assert come_back(desk, token).got() == [ready_of("alice", "tea", token, True)]
    records: list[Record] = []
    desk.turn_until(lambda: records.extend(wire.got()) or wire.ended)
    assert type(records[-1]) is Goodbye
    assert records[-1].reason == "stalled"


def test_on_sockets_nothing_more_of_the_old_connection_is_handled(bench):
    desk = bench(resume_grace=100)
    wire, token = greeted(desk, "alice")
    bob = desk.guest(Command("join", "tea"))
    wire.got()
    back = desk.connect()
    back.got()
    # All of it is there in one turn, in whatever order the system tells of it.
    back.send(Hello(1, resume=token), Say("new"))
    wire.send(PingRequest(1))
    desk.turn()
    wire.send(Say("old"), Command("leave"))
    desk.turn()
    assert [record.text for record in bob.got()] == ["new"]
    assert words_left_out([record for record in wire.got() if type(record) is not Pong]) == [goodbye("replaced")]
    assert wire.ended
    assert back.got() == [ready_of("alice", "tea", token, True)]
    wire.hang_up()
    desk.turn()
    back.send(Command("users"))
    desk.turn()
    assert back.got() == [Users("tea", ["alice", "guest-2"], False)]


def test_on_sockets_of_requests_in_one_turn_none_of_the_old_connection_follows_the_takeover(bench):
    for first in (True, False):
        desk = bench(resume_grace=100)
        if first:
            back = desk.connect()
            wire, token = greeted(desk, "alice")
        else:
            wire, token = greeted(desk, "alice")
            back = desk.connect()
        bob = desk.guest(Command("join", "tea"))
        wire.got(), back.got()
        back.send(Hello(1, resume=token), Say("new"))
        wire.send(Say("old"), Say("old"))
        desk.reactor.tick(0)
        desk.turn()
        heard = [record.text for record in bob.got()]
        assert heard in (["new"], ["old", "old", "new"])
        *_, last = wire.got()
        assert type(last) is Goodbye
        *before, ready = (record for record in back.got() if type(record) in (Ready, Message))
        assert type(ready) is Ready
        assert before == []


def test_on_sockets_a_frame_begun_before_the_takeover_has_no_effect(bench):
    desk = bench(resume_grace=100, frame_timeout=2.0)
    wire, token = greeted(desk, "alice")
    wire.raw(b"\0\0")
    desk.turn()
    back = come_back(desk, token)
    assert words_left_out(wire.got()) == [goodbye("replaced")]
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        wire.raw(b"\xff\xff\xff")
    desk.turn()
    desk.wait(5)
    assert back.got()[:1] == [ready_of("alice", "tea", token, True)]
    assert desk.server.service.counts["replaced"] == 1
    assert desk.server.service.counts["frame-timeout"] == desk.server.service.counts["bad-frame"] == 0


def test_on_sockets_a_bad_frame_frees_the_seat(bench):
    desk = bench(resume_grace=100)
    wire, token = greeted(desk, "alice")
    wire.raw(b"\0\0\0\0")
    desk.turn()
    (ready,) = come_back(desk, token).got()
    assert ready.resumed is False


def test_a_server_that_stops_does_not_wait_for_those_who_may_come_back(bench):
    desk = bench(resume_grace=1_000)
    desk.server.start()
    wire, _ = greeted(desk, "alice")
    wire.hang_up()
    desk.turn_until(lambda: not desk.connections)
    assert len(desk.server.hub) == 1
    desk.server.drain()
    desk.turn()
    wait_until(lambda: desk.reactor.tick(0) or desk.reactor.is_stopped)
    assert len(desk.server.hub) == 0


def test_the_welcome_of_the_new_connection_comes_first(bench):
    desk = bench(resume_grace=100)
    wire, token = greeted(desk, "alice")
    back = desk.connect()
    back.send(Hello(1, resume=token))
    desk.turn()
    assert [type(record) for record in back.got()] == [Welcome, Ready]
    assert words_left_out(wire.got()) == [goodbye("replaced")]
