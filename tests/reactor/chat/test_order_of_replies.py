"""The place of a reply among the frames of the rooms in one tick."""

import pytest

from pylingo.shared.messages import (
    Command,
    Joined,
    Left,
    Message,
    PingRequest,
    Pong,
    Say,
    Sent,
)
from tests.fakes.chat import NOON, Chat, script


@pytest.fixture
def chat() -> Chat:
    return Chat()


def test_an_answer_stands_in_the_place_of_the_deed(chat):
    alice, bob = chat.people("alice", "bob")
    script(
        chat,
        (alice, PingRequest(1)),
        (bob, Say("one")),
        (alice, Say("two", id=2)),
        (bob, Say("three", id=3)),
        (alice, PingRequest(4)),
        (bob, Say("five")),
        (alice, Say("six")),
    )
    assert alice.got() == [
        Pong(1),
        Message("tea", "bob", "one", NOON),
        Sent("tea", NOON + 1, 2),
        Message("tea", "bob", "three", NOON + 2),
        Pong(4),
        Message("tea", "bob", "five", NOON + 3),
    ]
    assert bob.got() == [
        Message("tea", "alice", "two", NOON + 1),
        Sent("tea", NOON + 2, 3),
        Message("tea", "alice", "six", NOON + 4),
    ]


def test_an_answer_in_a_quiet_tick_does_not_wait_for_its_end(chat):
    alice = chat.person("alice", "tea")
    alice.ask(PingRequest(1))
    assert alice.got() == [Pong(1)]
    assert chat.scheduled == []


def test_a_member_sees_the_frames_after_its_join_and_before_its_leave_in_one_tick(chat):
    alice, bob = chat.people("alice", "bob")
    carol = chat.person("carol")
    script(
        chat,
        (alice, Say("one")),
        (carol, Command("join", "tea")),
        (alice, Say("two")),
        (bob, Command("leave")),
        (alice, Say("three")),
    )
    assert bob.got() == [
        Message("tea", "alice", "one", NOON),
        Joined("tea", "carol"),
        Message("tea", "alice", "two", NOON + 1),
        Left("tea", "bob"),
    ]
    assert carol.got() == [
        Joined("tea", "carol", 3),
        Message("tea", "alice", "two", NOON + 1),
        Left("tea", "bob", "leave"),
        Message("tea", "alice", "three", NOON + 2),
    ]
    assert alice.got() == [Joined("tea", "carol"), Left("tea", "bob", "leave")]


def test_through_two_rooms_and_back_in_one_tick(chat):
    alice, _ = chat.people("alice", "ann", room="tea")
    bob, _ = chat.people("bob", "ben", room="coffee")
    carol = chat.person("carol", "tea")
    alice.got()
    script(
        chat,
        (alice, Say("tea one")),
        (carol, Command("join", "coffee")),
        (alice, Say("tea two")),
        (bob, Say("coffee one")),
        (carol, Command("join", "tea")),
        (bob, Say("coffee two")),
        (alice, Say("tea three")),
    )
    assert carol.got() == [
        Message("tea", "alice", "tea one", NOON),
        Joined("coffee", "carol", 3),
        Message("coffee", "bob", "coffee one", NOON + 2),
        Joined("tea", "carol", 3),
        Message("tea", "alice", "tea three", NOON + 4),
    ]
    assert bob.got() == [Joined("coffee", "carol"), Left("coffee", "carol", "moved")]
    assert alice.got() == [Left("tea", "carol", "moved"), Joined("tea", "carol")]


def test_the_last_words_of_an_emptied_room_reach_those_who_were_there(chat):
    alice, bob = chat.people("alice", "bob")
    script(chat, (alice, Say("bye")), (alice, Command("leave")), (bob, Command("leave")))
    assert alice.got() == [Left("tea", "alice")]
    assert bob.got() == [Message("tea", "alice", "bye", NOON), Left("tea", "alice", "leave"), Left("tea", "bob")]
    assert chat.hub.rooms == {}


def test_a_room_emptied_and_made_anew_in_one_tick_is_another_room(chat):
    alice, bob = chat.people("alice", "bob")
    script(
        chat,
        (alice, Say("old")),
        (alice, Command("leave")),
        (bob, Command("leave")),
        (bob, Command("join", "Tea")),
        (bob, Say("nobody hears")),
        (alice, Command("join", "tea")),
        (bob, Say("new")),
    )
    assert alice.got() == [
        Left("tea", "alice"),
        Joined("Tea", "alice", 2, room_operator=True),
        Message("Tea", "bob", "new", NOON + 2),
    ]
    assert bob.got() == [
        Message("tea", "alice", "old", NOON),
        Left("tea", "alice", "leave"),
        Left("tea", "bob"),
        Joined("Tea", "bob", 1),
        Joined("Tea", "alice", room_operator=True),
    ]


def test_nothing_is_sent_twice_in_the_ticks_after(chat):
    alice, bob = chat.people("alice", "bob")
    script(chat, (alice, Say("one", id=1)), (bob, PingRequest(2)))
    alice.got(), bob.got()
    script(chat, (alice, Say("two", id=3)))
    assert alice.got() == [Sent("tea", NOON + 1, 3)]
    assert bob.got() == [Message("tea", "alice", "two", NOON + 1)]
    chat.tick()
    assert alice.got() == bob.got() == []
