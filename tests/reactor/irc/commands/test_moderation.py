"""KICK, INVITE."""

import pytest

from pylingo.reactor.irc.commands import moderation
from pylingo.shared.messages import Command, Left, Notice
from tests.fakes.irc_client import Desk, numbers


@pytest.fixture
def desk() -> Desk:
    return Desk()


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


def test_an_invitation_opens_a_room_that_is_invite_only(desk: Desk):
    ada, bob = desk.client("ada", "#tea"), desk.client("bob")
    eve = desk.client("eve", "#tea")
    ada.asks("MODE #tea +i")
    assert numbers(bob.asks("JOIN #tea", "INVITE")) == ["473", "337"]
    assert numbers(eve.asks("INVITE bob #tea"))[-1] == "482"
    assert numbers(ada.asks("INVITE bob #tea")) == ["341"]
    assert bob.asks("INVITE")[-2:] == [":irc.test 336 bob #tea", ":irc.test 337 bob :End of INVITE list"]
    assert numbers(bob.asks("JOIN #tea"))[0] == "JOIN"
    assert numbers(ada.asks("KICK #tea bob")) == ["KICK"]
    assert numbers(bob.asks("JOIN #tea")) == ["473"], "a kick takes the invitation back"


def test_an_operator_kicks_another_one_who_loses_the_rank(desk: Desk):
    ada, bob = desk.client("ada", "#tea"), desk.client("bob", "#tea")
    ada.asks("MODE #tea +o bob")
    assert bob.asks("KICK #tea ada :bye") == [
        ":bob!bob-user@pylingo MODE #tea -o ada",
        ":bob!bob-user@pylingo KICK #tea ada :bye",
    ]


def test_each_is_kicked_out_of_a_room_of_their_own(desk: Desk):
    ada = desk.client("ada", "#a,#b")
    desk.client("bob", "#a,#b"), desk.client("cid", "#a,#b")
    lines = ada.asks("KICK #a,#b bob,cid :x")
    assert [line.split(" ", 1)[1] for line in lines] == ["KICK #a bob :x", "KICK #b cid :x"]


def test_the_commands():
    assert set(moderation.HANDLERS) == {"KICK", "INVITE"}
