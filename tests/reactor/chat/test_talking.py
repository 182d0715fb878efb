"""Saying something in a room: who gets it, how it is confirmed, and what its history has."""

import pytest

from pylingo.shared.messages import (
    Command,
    Entry,
    Error,
    HistoryPage,
    HistoryRequest,
    Joined,
    Message,
    PingRequest,
    Pong,
    PongRequest,
    Say,
    Sent,
)
from tests.fakes.chat import NOON, Chat


@pytest.fixture
def chat() -> Chat:
    return Chat()


# --- speaking -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [None, 0, 7])
@pytest.mark.parametrize("key", [None, "k-1"])
def test_say_reaches_the_others_and_is_confirmed_where_it_has_an_id_or_a_key(chat, number, key):
    alice, bob, carol = chat.people("alice", "bob", "carol")
    alice.ask(Say("hi", key, number))
    chat.tick()
    confirmed = number is not None or key is not None
    assert alice.got() == ([Sent("tea", NOON, number, key)] if confirmed else [])
    assert bob.got() == carol.got() == [Message("tea", "alice", "hi", NOON)]


def test_say_is_confirmed_to_one_alone_in_a_room(chat):
    alice = chat.person("alice", "tea")
    alice.ask(Say("hi", id=1), Say("hi"))
    chat.tick()
    assert alice.got() == [Sent("tea", NOON, 1)]
    assert chat.hub.tick.newest_stamp == NOON + 1  # both are in the log, so both were stamped


def test_the_largest_text_in_the_longest_room_of_the_longest_name_fits_a_frame(chat):
    letter = "\N{OLD TURKIC LETTER ORKHON A}"  # four bytes of UTF-8
    alice, bob = chat.people(letter * 32, "bob", room=letter * 64)
    alice.ask(Say(letter * 4_096, "k" * 32, 2**63 - 1))
    chat.tick()
    assert bob.got() == [Message(letter * 64, letter * 32, letter * 4_096, NOON)]
    assert alice.got() == [Sent(letter * 64, NOON, 2**63 - 1, "k" * 32)]


def test_control_characters_are_replaced_before_anybody_sees_them(chat):
    alice, bob = chat.people("alice", "bob")
    alice.ask(Say("a\x1bb\n\tc\x00\x9b"))
    chat.tick()
    assert [record.text for record in bob.got()] == ["a\ufffdb\n\tc\ufffd\ufffd"]


def test_rooms_do_not_hear_each_other(chat):
    alice, _ = chat.people("alice", "bob", room="tea")
    carol, dave = chat.people("carol", "dave", room="coffee")
    carol.ask(Say("hi"))
    chat.tick()
    assert alice.got() == []
    assert dave.got() == [Message("coffee", "carol", "hi", NOON)]


def test_a_ping_is_answered_and_a_pong_is_not(chat):
    person = chat.person()
    person.ask(PingRequest(), PongRequest(), PongRequest(3), PingRequest(4))
    assert person.got() == [Pong(), Pong(4)]


# --- the log --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [None, 2])
def test_the_history_of_a_room_in_which_nobody_spoke_is_an_empty_page(chat, number):
    person = chat.person("alice", "tea")
    person.ask(HistoryRequest(id=number))
    chat.tick()
    assert person.got() == [HistoryPage("tea", [], False, None, number)]


def test_history_has_ones_own_words_and_what_was_said_before_one_joined(chat):
    alice = chat.person("alice", "Tea")
    alice.ask(Say("one", "k-1"), Command("name", "anne"), Say("two"))
    chat.tick()
    bob = chat.person("bob", "tea")
    bob.ask(Say("three"), HistoryRequest(id=1))
    alice.ask(Say("four"))
    chat.tick()
    said = [Entry("alice", "one", NOON, "k-1"), Entry("anne", "two", NOON + 1), Entry("bob", "three", NOON + 2)]
    assert bob.got() == [HistoryPage("Tea", said, False, NOON, 1), Message("Tea", "anne", "four", NOON + 3)]


def test_history_speaks_of_the_room_one_is_in(chat):
    alice = chat.person("alice", "tea")
    alice.ask(Say("tea"), Command("join", "coffee"), Say("coffee"))
    chat.tick()
    alice.got()
    alice.ask(HistoryRequest(), Command("join", "#TEA"), HistoryRequest())
    chat.tick()
    coffee, joined, tea = alice.got()
    assert coffee == HistoryPage("coffee", [Entry("alice", "coffee", NOON + 1)], False, NOON + 1)
    assert joined == Joined("TEA", "alice", 1, room_operator=True)
    assert tea == HistoryPage("TEA", [Entry("alice", "tea", NOON)], False, NOON)


def test_the_bounds_of_a_page_are_those_of_the_request(chat):
    alice = chat.person("alice", "tea")
    alice.ask(*[Say(f"{number}") for number in range(60)])
    chat.tick()
    for request, first, last, more in [
        (HistoryRequest(), 10, 60, True),
        (HistoryRequest(limit=100), 0, 60, False),
        (HistoryRequest(since=NOON + 9), 10, 60, False),
        (HistoryRequest(since=0, limit=3), 0, 3, True),
        (HistoryRequest(before=NOON + 9, limit=3), 6, 9, True),
        (HistoryRequest(since=NOON + 3, before=NOON + 9), 4, 9, False),
        (HistoryRequest(since=NOON + 3, before=NOON + 9, limit=2), 4, 6, True),
        (HistoryRequest(since=NOON + 9, before=NOON + 3), 0, 0, False),
    ]:
        alice.ask(request)
        (page,) = alice.got()
        assert [entry.text for entry in page.messages] == [f"{number}" for number in range(first, last)], request
        assert (page.more, page.oldest) == (more, NOON), request


@pytest.mark.parametrize("number", [None, 9])
def test_a_message_said_again_with_its_key_is_in_the_room_once(chat, number):
    alice, bob = chat.people("alice", "bob")
    alice.ask(Say("hi", "k-1"), Say("hi", "k-1", number))
    chat.tick()
    alice.ask(Say("something else", "k-1"))
    chat.tick()
    assert alice.got() == [
        Sent("tea", NOON, None, "k-1"),
        Sent("tea", NOON, number, "k-1"),
        Sent("tea", NOON, None, "k-1"),
    ]
    assert bob.got() == [Message("tea", "alice", "hi", NOON)]
    assert chat.hub.tick.newest_stamp == NOON


@pytest.mark.parametrize("text", ["", " ", "x" * 4_097])
def test_a_text_that_may_not_be_said_is_refused_although_its_key_is_known(chat, text):
    alice = chat.person("alice", "tea")
    alice.ask(Say("hi", "k-1"), Say(text, "k-1", 2))
    assert [type(record) for record in alice.got()] == [Sent, Error]


def test_the_key_of_another_person_is_another_message(chat):
    alice, bob = chat.people("alice", "bob")
    alice.ask(Say("one", "k-1"))
    bob.ask(Say("two", "k-1"))
    chat.tick()
    assert alice.got() == [Sent("tea", NOON, None, "k-1"), Message("tea", "bob", "two", NOON + 1)]
    assert bob.got() == [Message("tea", "alice", "one", NOON), Sent("tea", NOON + 1, None, "k-1")]


def test_a_key_is_known_to_the_session_under_a_new_name_and_to_the_name_in_a_new_session(chat):
    alice, bob = chat.people("alice", "bob")
    alice.ask(Say("one", "k-1"), Command("name", "anne"), Say("one", "k-1"), Command("close"))
    chat.tick()
    other = chat.person("other", "tea")
    other.ask(Command("name", "ALICE"), Say("one", "k-1"))
    chat.tick()
    assert alice.got()[-2] == Sent("tea", NOON, None, "k-1")
    assert other.got()[-1] == Sent("tea", NOON, None, "k-1")
    assert [record.text for record in bob.got() if type(record) is Message] == ["one"]


def test_a_key_in_another_room_is_another_message(chat):
    alice = chat.person("alice", "tea")
    alice.ask(Say("one", "k-1"), Command("join", "coffee"), Say("one", "k-1"))
    chat.tick()
    assert [record for record in alice.got() if type(record) is Sent] == [
        Sent("tea", NOON, None, "k-1"),
        Sent("coffee", NOON + 1, None, "k-1"),
    ]
