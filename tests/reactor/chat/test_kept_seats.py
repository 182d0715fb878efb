"""Seats that outlive their connections: which endings keep one, and what happens meanwhile."""

from collections.abc import Callable

import pytest

from pylingo.reactor.chat.hub import GRACE
from pylingo.shared.messages import (
    Command,
    Error,
    Goodbye,
    Hello,
    HistoryRequest,
    Joined,
    Left,
    Message,
    Renamed,
    Say,
    Sent,
    Skipped,
)
from tests.fakes.chat import NOON, Chat, Person, goodbye, resume, seated, words_left_out
from tests.fakes.seats import ENDINGS, KEPT, users
from tests.support import ready as ready_of

FREED = ["close", "bad-frame", "silent", "protocol", "password", "full", "address-limit"]


@pytest.fixture
def chat() -> Chat:
    return Chat(grace=GRACE)


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


def test_somebody_who_came_back_is_not_taken_away_when_the_grace_is_over(chat, kept):
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


def test_words_said_meanwhile_are_in_the_history_and_are_not_sent(chat, kept):
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
