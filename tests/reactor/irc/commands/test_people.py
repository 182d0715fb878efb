"""WHO, WHOIS, WHOWAS, AWAY, USERHOST, ISON."""

import pytest

from pylingo.reactor.irc.commands.people import HANDLERS
from pylingo.shared.messages import Away
from tests.fakes.irc_client import Desk, numbers


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_the_people_in_a_room_and_details_of_one(desk: Desk):
    bob = desk.client("bob", "#tea")
    ada = desk.client("ada", "#tea")
    bob.sends("AWAY :lunch")
    ada.got()
    assert ada.asks("WHO #tea", "WHO BOB", "WHO nobody", "WHO #nowhere") == [
        ":irc.test 352 ada #tea ada-user pylingo irc.test ada H :0 Ada Real",
        ":irc.test 352 ada #tea bob-user pylingo irc.test bob G@ :0 Bob Real",
        ":irc.test 315 ada #tea :End of WHO list",
        ":irc.test 352 ada * bob-user pylingo irc.test bob G :0 Bob Real",
        ":irc.test 315 ada BOB :End of WHO list",
        ":irc.test 315 ada nobody :End of WHO list",
        ":irc.test 315 ada #nowhere :End of WHO list",
    ]


def test_a_mask(desk: Desk):
    desk.client("bob"), desk.client("bobby"), desk.client("eve")
    ada = desk.client("ada")
    assert [line.split(" ")[7] for line in ada.asks("WHO BO*")[:-1]] == ["bob", "bobby"]
    assert numbers(ada.asks("WHO b?b", "WHO [b*", "WHO " + "*a" * 16)) == ["352", "315", "315", "315"]


def test_everybody(desk: Desk):
    desk.chat.person("eve")
    assert numbers(desk.client("ada").asks("WHO", "WHO *")) == ["352", "352", "315"] * 2


def test_whois(desk: Desk):
    desk.client("bob", "#tea,#secret").sends("AWAY :lunch")
    ada = desk.client("ada", "#tea")
    assert ada.asks("WHOIS bob") == [
        ":irc.test 311 ada bob bob-user pylingo * :Bob Real",
        ":irc.test 319 ada bob :@#tea",
        ":irc.test 312 ada bob irc.test :PyLingo",
        ":irc.test 301 ada bob :lunch",
        ":irc.test 317 ada bob 0 1767268800 :seconds idle, signon time",
        ":irc.test 318 ada bob :End of WHOIS list",
    ]
    assert numbers(ada.asks("WHOIS", "WHOIS nobody", "WHOIS irc.test ada")) == (
        ["431", "401", "318", "311", "319", "312", "317", "318"]
    )


def test_a_key_is_an_account_in_whois(desk: Desk):
    desk.chat.device("eve", "one")
    assert ":irc.test 330 ada eve eve :is logged in as" in desk.client("ada").asks("WHOIS eve")


def test_whowas(desk: Desk):
    bob = desk.client("bob")
    bob.sends("QUIT")
    bob.got()
    again = desk.client("bob")
    again.sends("QUIT")
    again.got()
    ada = desk.client("ada")
    assert numbers(ada.asks("WHOWAS bob", "WHOWAS bob 1")) == ["314", "312", "314", "312", "369", "314", "312", "369"]
    assert numbers(ada.asks("WHOWAS nobody", "WHOWAS")) == ["406", "369", "431"]


def test_away_is_told_to_native_people(desk: Desk):
    ada, eve = desk.client("ada", "#tea"), desk.chat.person("eve", "tea")
    eve.got()
    assert numbers(ada.asks("AWAY :lunch", "AWAY :", "AWAY")) == ["306", "305", "305"]
    assert eve.got() == [Away("ada", "lunch"), Away("ada", None)]


def test_userhost_and_ison(desk: Desk):
    desk.client("bob").sends("AWAY :lunch")
    assert desk.client("ada").asks("USERHOST bob ada nobody", "ISON :bob nobody ADA") == [
        ":irc.test 302 ada :bob=-bob-user@pylingo ada=+ada-user@pylingo",
        ":irc.test 303 ada :bob ada",
    ]
    assert HANDLERS["USERHOST"].least == 1
