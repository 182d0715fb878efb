"""MODE, KICK, INVITE."""

import pytest

from pylingo.reactor.irc.commands.moderation import HANDLERS
from pylingo.shared.messages import Command, Left, Notice
from tests.fakes.irc_client import Desk, numbers


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_modes_are_shown(desk: Desk):
    ada = desk.client("ada", "#tea")
    desk.client("bob")
    assert ada.asks("MODE #tea", "MODE #tea b", "MODE #tea +b", "MODE ada", "MODE ada +i") == [
        ":irc.test 324 ada #tea +n",
        ":irc.test 368 ada #tea :End of channel ban list",
        ":irc.test 368 ada #tea :End of channel ban list",
        ":irc.test 221 ada +",
    ]
    assert numbers(
        ada.asks("MODE #no", "MODE nobody", "MODE bob", "MODE ada +Z", "MODE #tea +o bob", "MODE #tea +Z")
    ) == (["403", "401", "502", "501", "441", "472"])


def test_operators_of_a_room_by_modes(desk: Desk):
    ada, bob = desk.client("ada", "#tea"), desk.client("bob", "#tea")
    ada.got(), bob.got()
    assert numbers(bob.asks("MODE #tea +o bob", "MODE #tea +t", "MODE #tea +b x")) == ["482", "482", "482"]
    assert ada.asks("MODE #tea +to bob") == [
        ":ada!ada-user@pylingo MODE #tea +t",
        ":ada!ada-user@pylingo MODE #tea +o bob",
    ]
    assert bob.got() == [":ada!ada-user@pylingo MODE #tea +t", ":ada!ada-user@pylingo MODE #tea +o bob"]
    assert bob.asks("MODE #tea", "NAMES #tea")[:2] == [
        ":irc.test 324 bob #tea +nt",
        ":irc.test 353 bob = #tea :@ada @bob",
    ]
    assert bob.asks("MODE #tea -o+o-t ada nobody") == [
        ":bob!bob-user@pylingo MODE #tea -o ada",
        ":irc.test 401 bob nobody :No such nick",
        ":bob!bob-user@pylingo MODE #tea -t",
    ]


def test_only_operators_kick(desk: Desk):
    ada, bob = desk.client("ada", "#tea"), desk.client("bob", "#tea")
    desk.client("cid")
    ada.got(), bob.got()
    assert numbers(bob.asks("KICK #tea ada", "KICK #tea cid", "KICK #no ada")) == ["482", "441", "403"]
    assert ada.asks("KICK #tea bob :too loud") == [":ada!ada-user@pylingo KICK #tea bob :too loud"], (
        "the first one there"
    )


def test_a_kick_is_told_with_its_operator_and_reason(desk: Desk):
    ada, bob = desk.client("ada", "#tea"), desk.client("bob", "#tea")
    eve = desk.chat.device("eve", "one", "tea")
    desk.chat.hub.access.register.op(eve.session.identity).commit()
    ada.got(), bob.got(), eve.got()
    eve.ask(Command("kick", "bob too loud", room="tea"))
    line = ":eve!native@pylingo KICK #tea bob :too loud"
    assert ada.got() == bob.got() == [line]
    assert Left("tea", "bob", "kicked", by="eve", text="too loud") in eve.got()
    assert bob.session.rooms == ()


def test_an_invitation_is_told(desk: Desk):
    ada, bob, eve = desk.client("ada", "#tea"), desk.client("bob"), desk.chat.person("eve")
    desk.client("cid", "#tea")
    ada.got()
    assert numbers(
        ada.asks("INVITE bob #tea", "INVITE eve #tea", "INVITE cid #tea", "INVITE x #tea", "INVITE bob #n")
    ) == (["341", "341", "443", "401", "403"])
    assert bob.got() == [":ada!ada-user@pylingo INVITE bob #tea"]
    assert eve.got() == [Notice("ada invites you to tea: /open tea")]
    assert HANDLERS["INVITE"].least == 2
