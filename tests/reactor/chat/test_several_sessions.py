"""Several connections of one key under one name: to the others they are one person."""

import pytest

from pylingo.shared.messages import (
    Away,
    Command,
    Entry,
    Hello,
    HistoryPage,
    HistoryRequest,
    Joined,
    Left,
    Message,
    People,
    PersonDetails,
    PersonInfo,
    Pong,
    Private,
    Renamed,
    RoomInfo,
    Rooms,
    Say,
    Sent,
    Skipped,
    Users,
)
from pylingo.shared.messages import PingRequest as Ping
from pylingo.shared.schema import Record
from tests.fakes.chat import NOON, Chat, Person, error, words_left_out
from tests.fakes.history import SlowLog
from tests.fakes.identity import key

ADA, EVE = key("a").fingerprint, key("e").fingerprint


@pytest.fixture
def chat() -> Chat:
    return Chat()


def answers(chat: Chat, person: Person, *requests: Record) -> list[Record]:
    person.ask(*requests)
    chat.tick()
    return words_left_out(person.got())


def read(chat: Chat, *people: Person) -> list[list[Record]]:
    chat.tick()
    return [words_left_out(person.got()) for person in people]


def last_page(chat: Chat, person: Person, request: HistoryRequest) -> list[str]:
    *_, page = answers(chat, person, request)
    assert isinstance(page, HistoryPage)
    return [entry.text for entry in page.messages]


# --- rooms


def test_a_person_joins_once_and_leaves_once(chat):
    bob = chat.person("bob", "tea")
    laptop, phone = chat.device("ada", "a"), chat.device("ada", "a")
    laptop.ask(Command("join", "tea", 1))
    phone.ask(Command("join", "tea", 2))
    assert read(chat, bob, laptop, phone) == [
        [Joined("tea", "ada", None, None, ADA)],
        [Joined("tea", "ada", 2, 1, ADA)],
        [Joined("tea", "ada", 2, 2, ADA)],
    ]
    assert answers(chat, bob, Command("users")) == [Users("tea", ["ada", "bob"], False, operators=["bob"])]
    assert answers(chat, bob, Command("list")) == [Rooms([RoomInfo("tea", 2)], False)]
    laptop.ask(Command("leave"))
    assert read(chat, bob, phone) == [[], []]
    phone.ask(Command("close"))
    assert read(chat, bob) == [[Left("tea", "ada", "close")]]
    assert answers(chat, bob, Command("users")) == [Users("tea", ["bob"], False, operators=["bob"])]


def test_a_connection_that_breaks_takes_nobody_away_who_is_still_there(chat):
    bob = chat.person("bob", "tea")
    laptop, phone = chat.device("ada", "a", "tea"), chat.device("ada", "a", "tea")
    bob.got()
    laptop.lose()
    assert read(chat, bob, phone) == [[], []]
    assert answers(chat, bob, Command("whois", "ada"))[0].name == "ada"
    phone.lose()
    assert read(chat, bob) == [[Left("tea", "ada", "lost")]]
    assert answers(chat, bob, Command("whois", "ada", 1)) == [error("no-such-user", 1)]


def test_the_last_connection_empties_the_room(chat):
    laptop, phone = chat.device("ada", "a", "tea"), chat.device("ada", "a", "tea")
    laptop.ask(Command("leave"))
    assert list(chat.hub.rooms) == ["tea"]
    phone.ask(Command("leave"))
    assert list(chat.hub.rooms) == []


def test_the_words_of_one_connection_reach_the_others(chat):
    bob = chat.person("bob", "tea")
    laptop, phone, tablet = (chat.device("ada", "a", room) for room in ("tea", "tea", "ops"))
    bob.got()
    assert answers(chat, laptop, Say("hi", id=1)) == [Sent("tea", NOON, 1)]
    assert read(chat, bob, phone, tablet) == [[Message("tea", "ada", "hi", NOON)]] * 2 + [[]]


def test_two_keys_are_two_people_and_a_key_may_have_two_names(chat):
    chat.device("ada", "a")
    other = chat.device("eve", "e")
    assert answers(chat, other, Command("name", "ADA", 1)) == [error("name-owned", 1)]
    bot = chat.device("bot", "a", "tea")
    assert answers(chat, bot, Command("who")) == [
        People(
            [PersonInfo("ada", 0, None, ADA), PersonInfo("bot", 1, None, ADA), PersonInfo("eve", 0, None, EVE)], False
        )
    ]


def test_guests_are_never_one_person(chat):
    chat.person("ada")
    assert answers(chat, chat.person(), Command("name", "ada", 1)) == [error("name-taken", 1)]
    assert answers(chat, chat.device("eve", "a"), Command("name", "ada", 1)) == [error("name-taken", 1)]


def test_rooms_of_all_connections_are_those_of_the_person(chat):
    bob = chat.person("bob", "tea")
    bob.ask(Command("open", "ops"))
    chat.device("ada", "a", "tea")
    chat.device("ada", "a", "ops")
    chat.device("ada", "a", "secret")
    chat.tick()
    bob.got()
    assert answers(chat, bob, Command("whois", "ada"), Command("who")) == [
        PersonDetails("ada", ["ops", "tea"], False, NOON, None, None, ADA),
        People([PersonInfo("ada", 3, None, ADA), PersonInfo("bob", 2)], False),
    ]


def test_being_away_is_that_of_the_person(chat):
    bob = chat.person("bob", "ops")
    laptop, phone = chat.device("ada", "a", "tea"), chat.device("ada", "a", "ops")
    bob.got()
    assert answers(chat, laptop, Command("away", "lunch", 1)) == [Away("ada", "lunch", 1)]
    assert read(chat, bob, phone) == [[Away("ada", "lunch")]] * 2
    assert answers(chat, phone, Command("away", None, 2)) == [Away("ada", None, 2)]
    assert read(chat, bob, laptop) == [[Away("ada", None)]] * 2


# --- names


def test_a_new_name_of_one_connection_is_one_more_person(chat):
    """The rooms see what has changed: somebody is called otherwise, or has come, or nothing."""
    bob = chat.person("bob", "tea")
    bob.ask(Command("open", "ops"))
    laptop, phone = chat.device("ada", "a", "tea"), chat.device("ada", "a", "tea")
    phone.ask(Command("open", "ops"))
    read(chat, bob, phone)
    assert answers(chat, phone, Command("name", "anne", 1)) == [Renamed("ada", "anne", re=1, fingerprint=ADA)]
    assert sorted(bob.got(), key=str) == [
        Joined("tea", "anne", None, None, ADA),
        Renamed("ada", "anne", "ops", None, ADA),
    ]
    assert answers(chat, laptop, Command("users")) == [
        Joined("tea", "anne", None, None, ADA),
        Users("tea", ["ada", "anne", "bob"], False, operators=["bob"]),
    ]
    assert answers(chat, bob, Command("users")) == [Users("ops", ["anne", "bob"], False, operators=["bob"])]
    phone.lose()
    assert {record.name for record in read(chat, bob)[0]} == {"anne"}


def test_a_connection_that_takes_the_name_of_another_is_one_with_it(chat):
    bob = chat.person("bob", "tea")
    for room in ("ops", "dev"):
        bob.ask(Command("open", room))
    laptop, phone = chat.device("ada", "a", "tea"), chat.device("bot", "a", "tea")
    phone.ask(Command("open", "ops"))
    laptop.ask(Command("open", "dev"))
    read(chat, bob, laptop, phone)
    assert answers(chat, phone, Command("name", "ADA", 1)) == [Renamed("bot", "ada", re=1, fingerprint=ADA)]
    assert sorted(bob.got(), key=str) == [Left("tea", "bot", "leave"), Renamed("bot", "ada", "ops", None, ADA)]
    assert read(chat, laptop) == [[Left("tea", "bot", "leave")]]
    assert answers(chat, bob, Command("who")) == [
        People([PersonInfo("ada", 3, None, ADA), PersonInfo("bob", 3)], False)
    ]
    assert answers(chat, bob, Command("users", room="tea")) == [Users("tea", ["ada", "bob"], False, operators=["bob"])]
    phone.ask(Command("name", "bot"))
    assert sorted(read(chat, bob)[0], key=str) == [
        Joined("tea", "bot", None, None, ADA),
        Renamed("ada", "bot", "ops", None, ADA),
    ]


def test_another_spelling_is_that_of_the_person(chat):
    bob = chat.person("bob", "tea")
    laptop, phone = chat.device("ada", "a", "tea"), chat.device("ada", "a")
    bob.got()
    assert answers(chat, phone, Command("name", "Ada", 1)) == [Renamed("ada", "Ada", re=1, fingerprint=ADA)]
    assert read(chat, bob, laptop) == [[Renamed("ada", "Ada", "tea", None, ADA)]] * 2
    assert laptop.name == phone.name == "Ada"


# --- private messages


def test_private_messages_reach_all_connections_of_both_sides(chat):
    bob = chat.person("bob")
    laptop, phone = chat.device("ada", "a"), chat.device("ada", "a", "tea")
    assert answers(chat, bob, Say("hi", id=1, to="ada")) == [Sent(None, NOON, 1, to="ada")]
    assert read(chat, laptop, phone) == [[Private("bob", "ada", "hi", NOON)]] * 2
    assert answers(chat, phone, Say("ho", id=2, to="bob"), Ping(3)) == [Sent(None, NOON + 1, 2, to="bob"), Pong(3)]
    assert read(chat, bob, laptop) == [[Private("ada", "bob", "ho", NOON + 1, None, ADA)]] * 2
    late = chat.device("ada", "a")
    bob.ask(Say("all", to="ada"))
    assert read(chat, laptop, phone, late) == [[Private("bob", "ada", "all", NOON + 2)]] * 3


def test_a_connection_gets_what_is_said_after_it_has_become_the_person(chat):
    bob = chat.person("bob")
    laptop, phone = chat.device("ada", "a"), chat.device("bot", "a")
    bob.ask(Say("1", to="ada"))
    phone.ask(Command("name", "ada"))
    bob.ask(Say("2", to="ada"))
    phone.ask(Command("name", "bot"))
    bob.ask(Say("3", to="ada"))
    assert [record.text for record in read(chat, laptop)[0]] == ["1", "2", "3"]
    assert [type(record) for record in read(chat, phone)[0]] == [Renamed, Private, Renamed]


def test_a_conversation_belongs_to_the_key_and_outlives_its_sessions(chat):
    bob = chat.person("bob")
    laptop = chat.device("ada", "a")
    bob.ask(Say("hi", to="ada"))
    laptop.ask(Say("ho", to="bob"), Command("close"))
    chat.tick()
    again = chat.device("ada", "a")
    assert last_page(chat, again, HistoryRequest(with_="bob")) == ["hi", "ho"]
    assert last_page(chat, again, HistoryRequest(inbox=True)) == ["hi", "ho"]
    assert last_page(chat, bob, HistoryRequest(with_="ada")) == ["hi", "ho"]
    again.ask(Command("close"))
    chat.tick()
    chat.hub.access.register.release_name("ada").commit()
    other = chat.device("ada", "e")
    assert last_page(chat, other, HistoryRequest(inbox=True)) == []
    assert last_page(chat, bob, HistoryRequest(with_="ada")) == []


def test_words_between_two_names_of_one_key_are_kept_once(chat):
    ada, bot = chat.device("ada", "a"), chat.device("bot", "a")
    ada.ask(Say("hi", to="bot"))
    assert read(chat, bot) == [[Private("ada", "bot", "hi", NOON, None, ADA)]]
    (page,) = answers(chat, ada, HistoryRequest(inbox=True))
    assert page.messages == [Entry("ada", "hi", NOON, None, "bot", None, ADA)]
    assert answers(chat, ada, Say("me", id=1, to="ADA")) == [error("bad-argument", 1)]


def test_a_slow_connection_is_told_what_it_missed_and_the_other_is_not():
    chat = Chat(soft=100)
    bob = chat.person("bob")
    laptop, phone = chat.device("ada", "a"), chat.device("ada", "a")
    phone.out.stuck = True
    for text in ("x" * 200, "1", "2"):
        bob.ask(Say(text, to="ada"))
        chat.tick()
    assert len(laptop.got()) == 3
    phone.drain()
    chat.tick()
    assert phone.got()[1:] == [Skipped(None, 2, NOON, NOON + 2)]


def test_nothing_follows_a_goodbye():
    """A connection that is behind is told so before its goodbye, and never after it."""
    chat = Chat(soft=100)
    bob = chat.person("bob")
    laptop = chat.device("ada", "a")
    laptop.out.stuck = True
    for text in ("x" * 200, "1"):
        bob.ask(Say(text, to="ada"))
        chat.tick()
    laptop.session.shut_down("")
    chat.tick()
    assert laptop.got()[-1].type == "goodbye"


# --- keys of messages


def test_a_key_counts_for_the_session_that_used_it_while_it_lasts(chat):
    bob = chat.person("bob", "tea")
    laptop, phone = chat.device("ada", "a", "tea"), chat.device("ada", "a", "tea")
    bob.got()
    assert answers(chat, laptop, Say("1", "k", 1)) == [Sent("tea", NOON, 1, "k")]
    assert answers(chat, phone, Say("2", "k", 1))[1:] == [Sent("tea", NOON + 1, 1, "k")]
    assert answers(chat, laptop, Say("1", "k", 2))[1:] == [Sent("tea", NOON, 2, "k")]
    laptop.ask(Command("close"))
    chat.tick()
    again = chat.device("ada", "a", "tea")
    assert answers(chat, again, Say("1", "k", 3)) == [Sent("tea", NOON, 3, "k")]  # not the one of the phone
    assert [record.text for record in read(chat, bob)[0]] == ["1", "2"]


def test_the_disk_is_asked_for_the_key_of_no_other_connection():
    log = SlowLog()
    chat = Chat(log=log)
    laptop, phone = chat.device("ada", "a", "tea"), chat.device("ada", "a", "tea")
    phone.ask(Say("hi", "old-1"))
    assert log.others == [(laptop.session.number,)]
    log.answer(None)
    chat.person("bob", "tea").ask(Say("hi", "old-1"))
    assert log.others[1:] == [()]


# --- resuming


def test_a_seat_is_that_of_one_connection():
    chat = Chat(grace=60.0)
    laptop, phone = chat.device("ada", "a"), chat.device("ada", "a", "tea")
    laptop.ask(Hello(1), Command("join", "tea"))
    chat.tick()
    bob = chat.person("bob", "tea")
    laptop.lose()
    phone.lose()
    assert read(chat, bob) == [[]]
    chat.wait(60.0)
    assert read(chat, bob) == [[Left("tea", "ada", "lost")]]
