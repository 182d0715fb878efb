"""PRIVMSG and NOTICE, both ways."""

import pytest

from pylingo.reactor.irc.commands.words import HANDLERS
from pylingo.shared.messages import Command, Message, Notice, Private, Say
from tests.fakes.irc_client import Desk, numbers


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_words_go_both_ways(desk: Desk):
    ada, bob, eve = desk.client("ada", "#tea"), desk.client("bob", "#tea"), desk.chat.person("eve", "tea")
    ada.got(), bob.got(), eve.got()
    ada.sends("PRIVMSG #tea :hello", "PRIVMSG #tea :\x01ACTION waves\x01", "NOTICE #tea :\x02loud\x02 \x0304red")
    assert bob.got() == [
        ":ada!ada-user@pylingo PRIVMSG #tea :hello",
        ":ada!ada-user@pylingo PRIVMSG #tea :\x01ACTION waves\x01",
        ":ada!ada-user@pylingo NOTICE #tea :loud red",
    ]
    assert [(record.text, record.action, record.notice) for record in eve.got() if isinstance(record, Message)] == [
        ("hello", None, None),
        ("waves", True, None),
        ("loud red", None, True),
    ]
    eve.ask(Say("one\ntwo"), Say("grins", action=True))
    assert [line.partition(" PRIVMSG ")[2] for line in ada.got()] == [
        "#tea :one",
        "#tea :two",
        "#tea :\x01ACTION grins\x01",
    ]


def test_private_words_go_both_ways(desk: Desk):
    ada, bob, eve = desk.client("ada"), desk.client("bob"), desk.chat.person("eve")
    ada.sends("PRIVMSG bob,eve :psst", "NOTICE eve :note")
    assert bob.got() == [":ada!ada-user@pylingo PRIVMSG bob :psst"]
    assert [(record.from_, record.text, record.notice) for record in eve.got() if isinstance(record, Private)] == [
        ("ada", "psst", None),
        ("ada", "note", True),
    ]
    eve.ask(Say("yes?", to="ada"))
    assert ada.got() == [":eve!native@pylingo PRIVMSG ada :yes?"]


def test_what_cannot_be_said(desk: Desk):
    desk.client("bob", "#tea")
    ada = desk.client("ada")
    asked = ("PRIVMSG", "PRIVMSG #tea", "PRIVMSG #tea :", "PRIVMSG #tea :x", "PRIVMSG #no :x", "PRIVMSG nobody :x")
    assert numbers(ada.asks(*asked)) == ["411", "412", "412", "404", "403", "401"]
    ada.sends("JOIN #tea")
    ada.got()
    assert numbers(ada.asks("PRIVMSG #tea :   ")) == ["412"]


def test_one_line_has_at_most_four_targets_and_none_twice(desk: Desk):
    ada = desk.client("ada")
    others = {name: desk.client(name) for name in "bcdef"}
    assert numbers(ada.asks("PRIVMSG b,b,b,c,d,e,f :hi")) == ["407"]
    assert {name: len(other.got()) for name, other in others.items()} == {"b": 1, "c": 1, "d": 1, "e": 1, "f": 0}


def test_other_ctcp_is_for_people_who_use_irc(desk: Desk):
    ada, bob, eve = desk.client("ada", "#tea"), desk.client("bob", "#tea"), desk.chat.person("eve", "tea")
    ada.got(), bob.got(), eve.got()
    assert numbers(ada.asks("PRIVMSG #tea :\x01VERSION\x01")) == ["404"]
    assert ada.asks("PRIVMSG bob :\x01VERSION\x01", "PRIVMSG eve :\x01VERSION\x01") == []
    assert bob.got() == [":ada!ada-user@pylingo PRIVMSG bob \x01VERSION\x01"]
    assert eve.got() == []
    assert numbers(ada.asks("PRIVMSG nobody :\x01VERSION\x01", "NOTICE nobody :\x01VERSION x\x01")) == ["401"]


def test_a_message_to_somebody_away_is_answered(desk: Desk):
    ada, bob = desk.client("ada"), desk.client("bob")
    bob.sends("AWAY :at lunch")
    assert ada.asks("PRIVMSG bob :hi", "NOTICE bob :hi") == [":irc.test 301 ada bob :at lunch"]


def test_an_emote_that_is_not_ended_is_one(desk: Desk):
    ada, bob = desk.client("ada", "#tea"), desk.client("bob", "#tea")
    bob.got()
    ada.sends("PRIVMSG #tea :\x01ACTION waves")
    assert bob.got() == [":ada!ada-user@pylingo PRIVMSG #tea :\x01ACTION waves\x01"]
    assert set(HANDLERS) == {"PRIVMSG", "NOTICE"}


def test_a_notice_is_never_answered(desk: Desk):
    ada = desk.client("ada", "#tea")
    assert ada.asks("NOTICE", "NOTICE #no :x", "NOTICE nobody :x", "NOTICE #tea :\x01X\x01", "NOTICE #tea :  ") == []


def test_what_the_others_would_get_in_two_lines_is_refused(desk: Desk):
    ada, bob = desk.client("ada", "#tea"), desk.client("bob", "#tea")
    bob.got()
    head = ":ada!ada-user@pylingo PRIVMSG #tea :"
    assert ada.asks("PRIVMSG #tea :" + "x" * (510 - len(head))) == []
    assert numbers(ada.asks("PRIVMSG #tea :" + "x" * (511 - len(head)))) == ["417"]
    room = (510 - len(head)) // 4
    assert ada.asks("PRIVMSG #tea :" + "\U0001f600" * room) == []
    assert numbers(ada.asks("PRIVMSG #tea :" + "\U0001f600" * (room + 1))) == ["417"]
    assert len(bob.got()) == 2


def test_words_go_to_the_room_that_was_named_and_not_to_the_current_one(desk: Desk):
    ada, bob = desk.client("ada", "#tea", "#coffee"), desk.client("bob", "#tea", "#coffee")
    bob.got()
    ada.sends("PRIVMSG #tea :one", "PRIVMSG #coffee :two", "PRIVMSG #TEA :three", "PRIVMSG #Coffee :four")
    said = [line.split(" ", 2)[2] for line in bob.got()]
    assert sorted(said) == ["#coffee :four", "#coffee :two", "#tea :one", "#tea :three"]


def test_words_to_oneself_come_back_and_are_not_kept(desk: Desk):
    ada = desk.client("ada", caps="echo-message labeled-response batch")
    assert ada.asks("@label=1 PRIVMSG Ada :hi", "NOTICE ada :ho") == [
        ":ada!ada-user@pylingo PRIVMSG ada :hi",
        "@label=1 :ada!ada-user@pylingo PRIVMSG ada :hi",
        ":ada!ada-user@pylingo NOTICE ada :ho",
        ":ada!ada-user@pylingo NOTICE ada :ho",
    ]
    assert desk.client("bob").asks("PRIVMSG bob :hi") == [":bob!bob-user@pylingo PRIVMSG bob :hi"]


def test_private_messages_to_several_answer_one_label(desk: Desk):
    ada = desk.client("ada", caps="echo-message labeled-response batch")
    desk.client("bob"), desk.client("cid")
    lines = ada.asks("@label=1 PRIVMSG bob,nobody,cid :hi")
    assert numbers(lines) == ["BATCH", "PRIVMSG", "401", "PRIVMSG", "BATCH"]
    assert all(line.startswith("@batch=b1") for line in lines[1:-1])
    assert ada.asks("@label=2 PRIVMSG nobody,none :hi")[0].startswith("@label=2 :irc.test BATCH")


def test_words_to_the_operators_of_a_room(desk: Desk):
    ada, bob, eve = desk.client("ada", "#tea"), desk.client("bob", "#tea"), desk.client("eve", "#tea")
    ada.got(), bob.got()
    assert eve.asks("PRIVMSG @#tea :help me") == []
    assert ada.got() == [":eve!eve-user@pylingo PRIVMSG @#tea :help me"]
    assert bob.got() == []
    native = desk.chat.person("ann")
    native.ask(Command("open", "tea"))
    ada.asks("MODE #tea +mo ann")
    native.got()
    assert numbers(eve.asks("PRIVMSG @#tea :help", "PRIVMSG @#no :x")) == ["404", "403"]
    ada.sends("NOTICE @#tea :hi")
    assert Notice("ada to the operators of tea: hi") in native.got()
