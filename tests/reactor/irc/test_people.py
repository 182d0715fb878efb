"""People as IRC shows them."""

import itertools
import tracemalloc

import pytest

from pylingo.reactor.irc.people import HOST, People, user_of
from pylingo.shared.messages import Command, PersonInfo
from tests.fakes.irc_client import Desk


@pytest.mark.parametrize(
    ("word", "user"),
    [("ada", "ada"), ("~a@b c!d", "abcd"), ("", "user"), ("\u00e9\u00e9", "user"), ("x" * 40, "x" * 16)],
)
def test_a_user_name_is_safe_in_a_mask(word: str, user: str):
    assert user_of(word) == user


def test_those_who_come_by_irc_have_said_who_they_are_and_the_others_have_not():
    desk = Desk()
    desk.client("ada")
    desk.chat.person("bob")
    people = desk.gateway.people
    assert people.mask("ada") == f"ada!ada-user@{HOST}"
    assert people.who("ADA").realname == "Ada Real"
    assert people.mask("bob") == f"bob!native@{HOST}"
    assert (people.who("bob").realname, people.who("bob").account) == ("bob", None)


def test_a_key_is_an_account():
    desk = Desk()
    desk.chat.device("ada", "one")
    assert desk.gateway.people.account("Ada") == desk.gateway.people.who("ada").account == "ada"
    assert desk.gateway.people.account("nobody") is None


def test_the_owner_of_a_name_is_known_who_is_not_here():
    desk = Desk()
    desk.chat.device("Ada", "one").session.end("close", "bye")
    assert desk.chat.hub.here("ada") is None
    assert desk.gateway.people.account("ada") == "Ada"


def test_people_who_have_gone_are_remembered_under_the_names_they_had():
    desk = Desk()
    ada = desk.client("ada")
    ada.sends("NICK lovelace", "QUIT")
    ada.got()
    for name in ("ada", "lovelace"):
        who = desk.gateway.people.who(name)
        assert (who.user, who.is_here) == ("ada-user", False)
        assert desk.gateway.people.last(name)
    assert desk.gateway.people.last("bob") == ()


def test_not_everybody_is_remembered():
    desk = Desk()
    for number in range(1_003):
        desk.chat.person(f"p{number}")
    people = People(desk.chat.hub)
    for number in range(1_003):
        people.came(f"p{number}")
    assert people.last("p2") == ()
    assert len(people.last("p3")) == 1


def test_operators_have_a_sign():
    desk = Desk()
    ada = desk.chat.device("ada", "one", "tea")
    assert ada.session.identity is not None
    register = desk.chat.hub.access.register
    register.op(ada.session.identity).commit()
    room = desk.chat.hub.rooms["tea"]
    assert desk.gateway.people.prefix(room, "ada") == "@"
    ada.ask(Command("away", "lunch"))
    assert desk.gateway.people.who("ada").away == "lunch"


def test_a_mask_follows_the_person():
    desk = Desk()
    people = desk.gateway.people
    desk.chat.device("ada", "one")
    assert people.mask("ada") == f"ada!native@{HOST}"
    other = desk.client("bob")
    assert people.mask("bob") == f"bob!bob-user@{HOST}"
    other.sends("QUIT")
    desk.chat.person("bob")
    assert people.mask("bob") == f"bob!native@{HOST}"


def test_masks_do_not_fill_the_memory():
    desk = Desk()
    desk.client("abcdefghijk")
    spellings = ["".join(letters) for letters in itertools.product(*[(c, c.upper()) for c in "abcdefghijk"])]
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for name in spellings:
            assert desk.gateway.people.mask(name) == f"{name}!abcdefghijk-user@{HOST}"
        assert tracemalloc.get_traced_memory()[0] - before < 180_000  # 2,048 would take more
    finally:
        tracemalloc.stop()


def test_somebody_in_the_list_of_all_is_shown_as_the_list_says_if_they_are_elsewhere():
    desk = Desk()
    desk.client("ada")
    people = desk.gateway.people
    assert people.listed(PersonInfo("ada", 1, "stale", "SHA256:x", True)) == people.who("ada")
    bob = people.listed(PersonInfo("bob", 1, "lunch", "SHA256:x", True))
    assert (bob.account, bob.is_operator, bob.away, bob.mask) == ("bob", True, "lunch", f"bob!native@{HOST}")
    assert people.listed(PersonInfo("eve", 1)).account is None
