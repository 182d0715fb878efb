"""Slow readers: what is left out, and which requests wait."""

import pytest

from pylingo.shared.codec import encode
from pylingo.shared.messages import (
    Command,
    Hello,
    Help,
    Joined,
    Left,
    Message,
    PingRequest,
    Pong,
    Say,
    Sent,
    Skipped,
)
from tests.fakes.chat import NOON, Chat, goodbye, script, words_left_out


@pytest.fixture
def chat() -> Chat:
    return Chat()


# --- slow readers ---------------------------------------------------------------------------------------------


@pytest.fixture
def slow():
    """A chat with a small soft limit, alice who reads nothing more and is past it, and bob and carol who read all."""
    chat = Chat(soft=100)
    alice, bob, carol = chat.people("alice", "bob", "carol")
    alice.out.stuck = True
    bob.ask(Say("x" * 100))
    chat.tick()
    assert alice.out.queued > 100
    alice.got(), bob.got(), carol.got()
    chat.now = NOON + 1_000
    return chat, alice, bob, carol


def test_a_slow_reader_misses_messages_and_is_told(slow):
    chat, alice, bob, carol = slow
    script(chat, (bob, Say("one")), (carol, Say("two")))
    script(chat, (bob, Say("three")))
    assert alice.got() == []
    assert alice.out.tell_drained
    alice.drain()
    chat.tick()
    assert alice.got() == [Skipped("tea", 3, NOON + 999, NOON + 1_002)]
    assert chat.hub.tick.skipped == 3
    script(chat, (bob, Say("four")))
    assert alice.got() == [Message("tea", "bob", "four", NOON + 1_003)]
    assert len(carol.got()) == 3


@pytest.mark.parametrize("request_", [PingRequest(1), Say("own", id=1)], ids=["ping", "say"])
def test_one_who_was_past_the_limit_but_missed_nothing_is_told_nothing(slow, request_):
    chat, alice, bob, _ = slow
    alice.ask(request_)
    chat.tick()
    alice.drain()
    chat.tick()
    (answer,) = alice.got()
    assert answer.re == 1
    script(chat, (bob, Say("one")))
    assert [record.text for record in alice.got()] == ["one"]


def test_a_queue_just_at_the_limit_gets_everything():
    chat = Chat(soft=100)
    alice, bob = chat.people("alice", "bob")
    alice.out.stuck = True
    alice.out.queued = 100
    script(chat, (bob, Say("one")))
    assert alice.got() == [Message("tea", "bob", "one", NOON)]


def test_the_gap_ends_only_when_the_queue_is_empty(slow):
    # A queue that hovers about the limit would otherwise get a `skipped` for each of many small gaps.
    chat, alice, bob, _ = slow
    script(chat, (bob, Say("one")))
    alice.out.queued = 1
    script(chat, (bob, Say("two")), (alice, PingRequest(1)))
    script(chat, (bob, Say("three")))  # in the former tick she had a view of her own, in this one not
    assert alice.got() == [Pong(1)]
    alice.drain()
    chat.tick()
    assert alice.got() == [Skipped("tea", 3, NOON + 999, NOON + 1_002)]


def test_a_gap_without_messages_counts_none(slow):
    chat, alice, bob, _ = slow
    script(chat, (bob, Command("name", "ben")))
    script(chat, (bob, Command("leave")))
    alice.drain()
    chat.tick()
    (skipped,) = alice.got()
    assert (skipped.room, skipped.count) == ("tea", 0)
    assert skipped.after == skipped.until  # no message is between them


def test_a_gap_counts_messages_only_and_its_bounds_are_theirs(slow):
    chat, alice, bob, carol = slow
    script(chat, (carol, Command("name", "cora")), (bob, Say("one")), (alice, Say("own", id=1)), (bob, Say("two")))
    script(chat, (carol, Command("leave")))
    alice.drain()
    chat.tick()
    assert alice.got() == [Sent("tea", NOON + 1_001, 1), Skipped("tea", 2, NOON + 999, NOON + 1_002)]


def test_skipped_stands_in_the_place_of_what_was_left_out(slow):
    # The queue drains in the middle of a tick in which the room speaks before and after.
    chat, alice, bob, _ = slow
    bob.ask(Say("one"))
    alice.ask(PingRequest(1))
    bob.ask(Say("two"))
    alice.drain()
    bob.ask(Say("three"))
    alice.ask(PingRequest(2))
    chat.tick()
    assert alice.got() == [
        Pong(1),
        Skipped("tea", 2, NOON + 999, NOON + 1_001),
        Message("tea", "bob", "three", NOON + 1_002),
        Pong(2),
    ]


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        (Command("leave", id=1), Left("tea", "alice", re=1)),
        (Command("join", "coffee", 1), Joined("coffee", "alice", 1, 1, room_operator=True)),
        (Command("close", id=1), goodbye("close", 1)),
        (Hello(2, id=1), goodbye("protocol", 1)),
    ],
    ids=str,
)
@pytest.mark.parametrize("same_tick", [True, False])
def test_skipped_comes_before_an_answer_that_leaves_the_room(slow, request_, answer, same_tick):
    chat, alice, bob, _ = slow
    bob.ask(Say("one"))
    if not same_tick:
        chat.tick()
    alice.ask(request_)
    bob.ask(Say("two"))
    chat.tick()
    assert words_left_out(alice.got()) == [Skipped("tea", 1, NOON + 999, NOON + 1_000), answer]
    alice.drain()
    chat.tick()
    assert alice.got() == []


@pytest.mark.parametrize("request_", [Command("users"), Command("join", "TEA"), Command("name", "anne"), PingRequest()])
def test_an_answer_that_stays_in_the_room_does_not_end_the_gap(slow, request_):
    chat, alice, bob, _ = slow
    script(chat, (bob, Say("one")), (alice, request_))
    assert Skipped not in map(type, alice.got())
    script(chat, (bob, Say("two")))
    alice.drain()
    chat.tick()
    assert alice.got() == [Skipped("tea", 2, NOON + 999, NOON + 1_001)]


def test_a_slow_reader_does_not_hold_up_the_others(slow):
    chat, _, bob, carol = slow
    for number in range(50):
        script(chat, (bob, Say(f"{number}")))
    assert [record.text for record in carol.got()] == [str(number) for number in range(50)]


def test_a_slow_reader_queues_no_more_room_frames(slow):
    chat, alice, bob, _ = slow
    before = alice.out.queued
    for _ in range(50):
        script(chat, (bob, Say("x" * 1_000)), (alice, PingRequest()))
    assert alice.out.queued == before + 50 * len(encode(Pong()))


# --- the hard limit -------------------------------------------------------------------------------------------


def test_requests_wait_while_so_many_answers_do():
    size = len(encode(Pong()))
    chat = Chat(soft=size, hard=10 * size)
    alice = chat.person()
    alice.out.stuck = True
    for count in range(1, 25):
        alice.ask(PingRequest())
        chat.tick()
        assert (alice.out.queued, len(alice.held)) == (min(10, count) * size, max(0, count - 10))
    alice.drain()
    chat.tick()
    assert alice.got() == [Pong()] * 24
    assert alice.held == []


@pytest.mark.parametrize("talking", [False, True], ids=["quiet", "in a talking room"])
def test_answers_of_one_tick_count_toward_the_hard_limit(talking):
    # In a tick in which the room speaks, answers wait in the view and not yet in the connection.
    size = len(encode(Pong()))
    chat = Chat(soft=size, hard=10 * size)
    alice, bob = chat.people("alice", "bob")
    alice.out.stuck = True
    if talking:
        bob.ask(Say("hi"))
    alice.ask(*[PingRequest()] * 25)
    assert len(alice.held) == 15
    chat.tick()
    assert alice.got().count(Pong()) == 10


def test_answers_that_were_read_do_not_count():
    size = len(encode(Pong()))
    chat = Chat(soft=size, hard=10 * size)
    alice = chat.person()
    for _ in range(5):
        alice.out.stuck = True
        alice.ask(*[PingRequest()] * 8)
        assert alice.held == []
        alice.drain()


def test_an_answer_larger_than_the_hard_limit_is_no_reason_to_end():
    chat = Chat(soft=100, hard=100)
    alice = chat.person()
    alice.out.stuck = True
    alice.ask(Command("help"), PingRequest(1), Command("help"), PingRequest(2))
    chat.tick()
    assert [type(record) for record in alice.got()] == [Help]
    alice.drain()
    chat.tick()
    assert [type(record) for record in alice.got()] == [Pong, Help, Pong]
    assert alice.endings == []


@pytest.mark.parametrize("size", [1, 1_000], ids=["put together", "apart"])
def test_room_frames_do_not_count_toward_the_hard_limit(size):
    chat = Chat(soft=1_000_000, hard=1_000)
    alice, bob = chat.people("alice", "bob")
    alice.out.stuck = True
    for _ in range(20):
        script(chat, *[(bob, Say("x" * size))] * 5, (alice, Say("y", id=1)))
    alice.ask(PingRequest())
    assert alice.out.queued > 1_000
    assert alice.held == []


def test_room_frames_put_together_with_answers_do_not_count_as_answers():
    # More was answered than the limit, but most of it was read: only what still waits counts, and no room frame.
    chat = Chat(soft=1_000_000, hard=1_000)
    alice, bob = chat.people("alice", "bob")
    alice.out.stuck = True
    for _ in range(60):
        script(chat, *[(bob, Say("x"))] * 5, (alice, Say("y", id=1)))
        alice.out.take_all_but(10)
    alice.ask(PingRequest())
    assert alice.out.queued > 1_000
    assert alice.held == []


def test_replies_joined_with_room_frames_count_towards_the_limit():
    chat = Chat(soft=1_000, hard=2_000)
    alice, bob = chat.people("alice", "bob")
    alice.out.stuck = True
    for _ in range(1_000):
        script(chat, (bob, Say("hi")), (alice, PingRequest()))
        if alice.held:
            break
    assert alice.held
    assert alice.out.queued < 5_000
