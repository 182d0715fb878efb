"""Private messages: to whom they go, their order, their log and keys, slow readers, resuming, and their end."""

import pytest

from pylingo.reactor.chat.speaking import conversation, partner
from pylingo.reactor.history.memory import MemoryHistory
from pylingo.shared.messages import (
    Command,
    Entry,
    HistoryPage,
    HistoryRequest,
    Message,
    Pong,
    Private,
    Say,
    Sent,
    Skipped,
)
from pylingo.shared.messages import PingRequest as Ping
from pylingo.shared.schema import Record
from tests.fakes.chat import NOON, Chat, Person, error, goodbye, resume, seated, words_left_out
from tests.fakes.history import SlowLog


@pytest.fixture
def chat() -> Chat:
    return Chat()


def answers(chat: Chat, person: Person, *requests: Record) -> list[Record]:
    person.ask(*requests)
    chat.tick()
    return words_left_out(person.got())


def texts(records: list[Record]) -> list[str]:
    return [record.text for record in records if isinstance(record, Private | Message)]


def test_a_private_message_reaches_one_person_alone(chat):
    ada, bob, eve = chat.people("ada", "bob", "eve")
    assert answers(chat, ada, Say("hi", "k", 7, to=" BOB ")) == [Sent(None, NOON, 7, "k", "bob")]
    assert bob.got() == [Private("ada", "bob", "hi", NOON)]
    assert eve.got() == []


def test_both_sides_call_their_conversation_the_same(chat):
    ada, bob, eve = (person.session for person in chat.people("ada", "bob", "eve"))
    assert partner(ada, " Bob ") is bob.person
    assert conversation(ada, bob.person) == conversation(bob, ada.person) != conversation(ada, eve.person)


def test_nobody_needs_a_room_for_a_private_message(chat):
    ada, bob = chat.person("ada"), chat.person("bob")
    assert answers(chat, ada, Say("hi", to="bob")) == []
    assert bob.got() == [Private("ada", "bob", "hi", NOON)]


def test_messages_have_the_room_and_the_name_of_the_moment(chat):
    ada, bob = chat.people("ada", "bob", room="tea")
    for person in (ada, bob):
        person.ask(Command("open", "Coffee"))
    chat.tick()
    bob.got()
    ada.ask(Say("1"), Say("2", room="tea"), Say("3"), Command("name", "Eve"), Say("4"), Say("5", notice=True))
    chat.tick()
    heard = [record for record in bob.got() if isinstance(record, Message)]
    assert sorted(heard, key=lambda message: message.at) == [
        Message("Coffee", "ada", "1", NOON),
        Message("tea", "ada", "2", NOON + 1),
        Message("Coffee", "ada", "3", NOON + 2),
        Message("Coffee", "Eve", "4", NOON + 3),
        Message("Coffee", "Eve", "5", NOON + 4, None, True),
    ]


@pytest.mark.parametrize("is_action", [None, False, True])
def test_an_emote_is_marked_in_rooms_and_in_private(chat, is_action):
    ada, bob = chat.people("ada", "bob")
    ada.ask(Say("waves", action=is_action), Say("winks", to="bob", action=is_action))
    chat.tick()
    mark = True if is_action else None
    assert bob.got() == [
        Message("tea", "ada", "waves", NOON, mark),
        Private("ada", "bob", "winks", NOON + 1, mark),
    ]
    (room,) = answers(chat, bob, HistoryRequest())
    assert room.messages == [Entry("ada", "waves", NOON, None, None, mark)]
    (page,) = answers(chat, bob, HistoryRequest(with_="ada"))
    assert page.messages == [Entry("ada", "winks", NOON + 1, None, "bob", mark)]


@pytest.mark.parametrize(
    ("say", "code"),
    [
        (Say("hi", id=1, to="nobody"), "no-such-user"),
        (Say("hi", id=1, to="x" * 30_000), "no-such-user"),
        (Say("hi", id=1, to="\u0301" * 10_000), "no-such-user"),
        (Say("hi", id=1, to="ADA"), "bad-argument"),
        (Say("hi", id=1, to="bob", room="tea"), "bad-argument"),
        (Say(" ", id=1, to="bob"), "bad-text"),
        (Say("x" * 4_097, id=1, to="bob"), "text-too-long"),
        (HistoryRequest(id=1, with_="nobody"), "no-such-user"),
        (HistoryRequest(id=1, with_="ada"), "bad-argument"),
        (HistoryRequest(id=1, with_="bob", room="tea"), "bad-argument"),
        (HistoryRequest(id=1, with_="bob", inbox=True), "bad-argument"),
        (HistoryRequest(id=1, room="tea", inbox=True), "bad-argument"),
        (Command("msg", "bob", 1), "bad-argument"),
        (Command("msg", "nobody hi", 1), "no-such-user"),
        (Command("me", "x" * 4_097, 1), "text-too-long"),
    ],
    ids=str,
)
def test_it_is_refused_with_a_reason(chat, say, code):
    ada, bob = chat.people("ada", "bob")
    assert answers(chat, ada, say) == [error(code, 1)]
    assert bob.got() == []
    assert chat.hub.tick.newest_stamp == 0


def test_the_commands_say_the_same(chat):
    ada, bob = chat.people("ada", "bob")
    requests = Command("me", " waves ", 1), Command("msg", "bob  how are\nyou ", 2), Command("me", "x", 3, "tea")
    assert answers(chat, ada, *requests) == [
        Sent("tea", NOON, 1),
        Sent(None, NOON + 1, 2, to="bob"),
        Sent("tea", NOON + 2, 3),
    ]
    assert sorted(bob.got(), key=lambda record: record.at) == [
        Message("tea", "ada", "waves", NOON, True),
        Private("ada", "bob", "how are\nyou", NOON + 1),
        Message("tea", "ada", "x", NOON + 2, True),
    ]


# --- order


def test_a_private_message_has_its_place_before_and_behind_answers(chat):
    ada, bob = chat.people("ada", "bob")
    ada.ask(Say("1", to="bob"))
    bob.ask(Ping(1))
    ada.ask(Say("2", to="bob"))
    bob.ask(Ping(2))
    chat.tick()
    assert bob.got() == [Private("ada", "bob", "1", NOON), Pong(1), Private("ada", "bob", "2", NOON + 1), Pong(2)]


def test_rooms_and_private_messages_of_a_tick_come_once_each(chat):
    ada, bob, eve = chat.people("ada", "bob", "eve")
    for serial in range(3):
        ada.ask(Say(f"room {serial}"), Say(f"bob {serial}", to="bob"))
        eve.ask(Say(f"eve {serial}", to="bob"))
    chat.tick()
    assert sorted(texts(bob.got())) == [f"{who} {serial}" for who in ("bob", "eve", "room") for serial in range(3)]
    assert texts(eve.got()) == ["room 0", "room 1", "room 2"]
    assert texts(ada.got()) == []
    ada.ask(Say("later", to="bob"))
    chat.tick()
    assert texts(bob.got()) == ["later"]


def test_words_before_the_goodbye_arrive_and_those_behind_it_do_not(chat):
    ada, bob = chat.people("ada", "bob")
    ada.ask(Say("before", to="bob"))
    bob.ask(Command("close"))
    ada.ask(Say("behind", id=1, to="bob"))
    chat.tick()
    assert texts(bob.got()) == ["before"]
    assert words_left_out(ada.got())[-1] == error("no-such-user", 1)


# --- the log


def test_pages_of_a_conversation_and_of_the_inbox(chat):
    ada, bob, eve = chat.people("ada", "bob", "eve")
    ada.ask(Say("1", "k", to="bob"), Say("2", to="eve"))
    bob.ask(Say("3", to="ada"))
    eve.ask(Say("4", to="bob"))
    chat.tick()
    for person in (ada, bob, eve):
        person.got()
    one, two = Entry("ada", "1", NOON, "k", "bob"), Entry("ada", "2", NOON + 1, None, "eve")
    three = Entry("bob", "3", NOON + 2, None, "ada")
    assert answers(chat, ada, HistoryRequest(id=1, with_="Bob")) == [
        HistoryPage(None, [one, three], False, NOON, 1, "bob")
    ]
    assert answers(chat, bob, HistoryRequest(id=2, with_="ada")) == [
        HistoryPage(None, [one, three], False, NOON, 2, "ada")
    ]
    assert answers(chat, ada, HistoryRequest(id=3, inbox=True)) == [
        HistoryPage(None, [one, two, three], False, NOON, 3)
    ]
    assert answers(chat, bob, HistoryRequest(id=4, inbox=True, since=NOON, limit=1)) == [
        HistoryPage(None, [three], True, NOON, 4)
    ]
    assert answers(chat, eve, HistoryRequest(id=5, with_="ada", before=NOON + 1)) == [
        HistoryPage(None, [], False, NOON + 1, 5, "ada")
    ]
    assert answers(chat, bob, HistoryRequest(id=6, inbox=False)) == [HistoryPage("tea", [], False, None, 6)]


def test_a_key_is_known_for_each_recipient(chat):
    ada, bob, eve = chat.people("ada", "bob", "eve")
    says = Say("hi", "k", to="bob"), Say("hi", "k", to="eve"), Say("hi", "k")
    first = answers(chat, ada, *says)
    assert answers(chat, ada, *says) == first
    assert [sent.at for sent in first] == [NOON, NOON + 1, NOON + 2]
    assert texts(bob.got()) == ["hi", "hi"]
    assert sorted(texts(eve.got())) == ["hi", "hi"]


def test_a_conversation_survives_renaming_and_no_successor_sees_it(chat):
    ada, bob = chat.people("ada", "bob")
    ada.ask(Say("secret", "k", to="bob"))
    bob.ask(Command("name", "robert"))
    chat.tick()
    (page,) = answers(chat, ada, HistoryRequest(with_="robert"))[-1:]
    assert [entry.text for entry in page.messages] == ["secret"]
    other = chat.person("bob", "tea")
    ada.got()
    for request in (HistoryRequest(with_="ada"), HistoryRequest(inbox=True)):
        (page,) = answers(chat, other, request)
        assert page.messages == []
    (page,) = answers(chat, ada, HistoryRequest(with_="bob"))
    assert page.messages == []
    assert answers(chat, ada, Say("secret", "k", to="bob")) == [Sent(None, NOON + 1, None, "k", "bob")]  # not the same


def test_a_conversation_ends_with_a_session(chat):
    ada, bob = chat.people("ada", "bob")
    ada.ask(Say("secret", to="bob"))
    chat.tick()
    bob.session.end("idle", "")
    again = chat.person("bob", "tea")
    ada.got()
    (page,) = answers(chat, again, HistoryRequest(inbox=True))
    assert page.messages == []
    (page,) = answers(chat, ada, HistoryRequest(with_="bob"))
    assert page.messages == []
    (page,) = answers(chat, ada, HistoryRequest(inbox=True))
    assert [entry.text for entry in page.messages] == ["secret"]


def test_an_inbox_is_gone_with_its_session(chat):
    ada, bob = chat.people("ada", "bob")
    ada.ask(Say("secret", to="bob"))
    chat.tick()
    inbox = bob.session.outbox.inbox
    assert inbox is not None
    bob.session.end("idle", "")
    chat.tick()
    assert bob.session.outbox.inbox is None
    assert not inbox.members
    history = chat.hub.history
    assert isinstance(history, MemoryHistory)
    assert "@2" in history.empty_rooms  # the first to be forgotten where memory is short
    assert "@1" not in history.empty_rooms


# --- slow readers


def test_messages_that_a_slow_reader_misses_are_told_and_are_in_the_inbox():
    chat = Chat(soft=100)
    ada, bob = chat.people("ada", "bob")
    bob.out.stuck = True
    ada.ask(Say("x" * 200, to="bob"))
    chat.tick()
    for text in ("1", "2"):
        ada.ask(Say(text, to="bob"))
        chat.tick()
    assert texts(bob.got()) == ["x" * 200]
    bob.drain()
    chat.tick()
    assert bob.got() == [Skipped(None, 2, NOON, NOON + 2)]
    (page,) = answers(chat, bob, HistoryRequest(inbox=True, since=NOON))
    assert [entry.text for entry in page.messages] == ["1", "2"]
    ada.ask(Say("3", to="bob"))
    chat.tick()
    assert texts(bob.got()) == ["3"]


def test_a_flood_takes_no_more_of_the_queue_than_the_soft_limit_and_a_tick():
    chat = Chat(soft=10_000, hard=20_000)
    ada, bob = chat.people("ada", "bob")
    bob.out.stuck = True
    for serial in range(1_000):
        ada.ask(Say("x" * 1_000, to="bob"))
        if serial % 5 == 4:
            chat.tick()
    assert 10_000 < bob.out.queued < 17_000
    assert not bob.session.outbox.is_full  # the requests of the flooded one are handled as ever
    assert bob.out.queued_direct == 0


# --- a connection that breaks


def test_private_messages_wait_for_a_session_that_comes_back():
    chat = Chat(grace=60.0)
    bob, token = seated(chat, "bob")
    ada = chat.person("ada", "tea")
    ada.ask(Say("1", to="bob"))
    chat.tick()
    bob.got()
    bob.lose()
    ada.ask(Say("2", id=1, to="bob"))
    chat.tick()
    assert Sent(None, NOON + 1, 1, to="bob") in ada.got()
    back = resume(chat, token)
    ada.ask(Say("3", to="bob"))
    chat.tick()
    assert texts(back.got()) == ["3"]
    (page,) = answers(chat, back, HistoryRequest(inbox=True, since=NOON))
    assert [entry.text for entry in page.messages] == ["2", "3"]


# --- a log that must ask the disk


@pytest.mark.parametrize("gone", ["nobody", "sender", "recipient"])
def test_a_key_that_is_looked_up_is_said_only_if_both_are_still_there(gone):
    log = SlowLog()
    chat = Chat(log=log)
    ada, bob = chat.people("ada", "bob")
    ada.ask(Say("hi", "old", 1, to="bob"), Ping(2))
    if gone != "nobody":
        (bob if gone == "recipient" else ada).session.end("idle", "")
    chat.tick()
    assert texts(bob.got()) == []
    log.answer(None)
    chat.tick()
    got = words_left_out(ada.got())
    if gone == "nobody":
        assert got == [Sent(None, NOON, 1, "old", "bob"), Pong(2)]
        assert texts(bob.got()) == ["hi"]
    else:
        assert texts(bob.got()) == []
        assert got[-2:] == ([error("no-such-user", 1), Pong(2)] if gone == "recipient" else [goodbye("idle")])


def test_the_refusal_goes_to_the_connection_that_asked():
    """Another one may have a request with the same number."""
    log = SlowLog()
    chat = Chat(log=log, grace=60.0)
    ada, token = seated(chat, "ada")
    bob = chat.person("bob")
    ada.ask(Say("hi", "old", 1, to="bob"))
    ada.lose()
    bob.ask(Command("close"))
    back = resume(chat, token)
    back.ask(Ping(1))
    log.answer(None)
    chat.tick()
    assert back.got()[1:] == [Pong(1)]
