"""Names and being away: which rooms are told."""

import pytest

from pylingo.reactor.chat.presence import be_away, rename
from pylingo.shared.errors import RequestError
from pylingo.shared.messages import Away, Command, Joined, Left, Renamed
from tests.fakes.chat import Chat
from tests.fakes.identity import key


@pytest.fixture
def chat() -> Chat:
    return Chat()


def test_a_new_name_is_told_in_each_room(chat: Chat) -> None:
    ada, bob = chat.people("ada", "bob")
    eve = chat.person("eve", "ops")
    ada.ask(Command("open", "ops"))
    chat.tick()
    for person in (ada, bob, eve):
        person.got()
    assert rename(ada.session, "lea") == "ada"
    chat.tick()
    assert bob.got() == [Renamed("ada", "lea", "tea")]
    assert eve.got() == [Renamed("ada", "lea", "ops")]
    assert ada.got() == [], "the reply is the caller's"
    assert ada.session.rooms[0].directory.keys == ["eve", "lea"]


def test_the_same_name_is_told_to_nobody(chat: Chat) -> None:
    ada, bob = chat.people("ada", "bob")
    assert rename(ada.session, "ada") == "ada"
    chat.tick()
    assert bob.got() == []


def test_a_name_that_is_taken_changes_nothing(chat: Chat) -> None:
    ada, bob = chat.people("ada", "bob")
    with pytest.raises(RequestError) as caught:
        rename(ada.session, "BOB")
    chat.tick()
    assert caught.value.reason == "name-taken"
    assert (ada.name, bob.got()) == ("ada", [])


def test_a_session_that_becomes_another_person_is_told_where_it_is_seen(chat: Chat) -> None:
    """Two sessions of one key are one person, until one of them takes another name."""
    bob = chat.person("bob", "tea")
    laptop = chat.device("ada", "a", "tea")
    phone = chat.device("ada", "a", "tea")
    assert laptop.session.person is phone.session.person
    bob.got()
    mark = key("a").fingerprint
    assert rename(phone.session, "lea") == "ada"
    chat.tick()
    assert bob.got() == [Joined("tea", "lea", fingerprint=mark)], "ada stays"
    assert rename(phone.session, "ada") == "lea"
    chat.tick()
    assert bob.got() == [Left("tea", "lea", "leave")], "ada was there"
    assert laptop.session.person is phone.session.person


def test_being_away_is_told_once(chat: Chat) -> None:
    ada, bob = chat.people("ada", "bob")
    for _ in range(2):
        be_away(ada.session, "lunch")
    chat.tick()
    assert bob.got() == [Away("ada", "lunch")]
    be_away(ada.session, None)
    chat.tick()
    assert bob.got() == [Away("ada", None)]
    assert ada.session.person.away is None
