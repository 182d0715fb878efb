"""MONITOR: who is here, who comes and who goes."""

import pytest

from pylingo.reactor.irc.commands.monitor import HANDLERS
from pylingo.reactor.irc.monitors import MOST
from pylingo.shared.messages import Command
from tests.fakes.chat import Chat
from tests.fakes.irc_client import Desk, Somebody, numbers


@pytest.fixture
def chat() -> Chat:
    return Chat()


@pytest.fixture
def desk(chat: Chat) -> Desk:
    return Desk(chat)


@pytest.fixture
def ada(desk: Desk) -> Somebody:
    return desk.client("ada")


def news(desk: Desk, ada: Somebody) -> list[str]:
    """What comes once the server has looked."""
    alarms = [alarm for alarm in desk.alarms if alarm.when == 0.0]
    desk.alarms = [alarm for alarm in desk.alarms if alarm.when != 0.0]
    for alarm in alarms:
        alarm.ring()
    return ada.got()


def test_those_who_are_here_and_those_who_are_not(desk: Desk, chat: Chat, ada: Somebody) -> None:
    chat.person("bob")
    assert ada.asks("MONITOR + Bob,eve,bad*mask,") == [
        ":irc.test 730 ada :bob!native@pylingo",
        ":irc.test 731 ada :eve",
    ]
    assert ada.asks("MONITOR L") == [":irc.test 732 ada :Bob,eve", ":irc.test 733 ada :End of MONITOR list"]
    assert numbers(ada.asks("MONITOR S")) == ["730", "731"]
    assert ada.asks("MONITOR - BOB", "MONITOR L")[0] == ":irc.test 732 ada :eve"
    assert ada.asks("MONITOR C", "MONITOR L") == [":irc.test 733 ada :End of MONITOR list"]


def test_coming_and_going(desk: Desk, chat: Chat, ada: Somebody) -> None:
    ada.asks("MONITOR + bob")
    bob = desk.client("bob")
    assert news(desk, ada) == [":irc.test 730 ada :bob!bob-user@pylingo"]
    bob.sends("NICK robert")
    assert news(desk, ada) == [":irc.test 731 ada :bob"]
    bob.sends("NICK BOB")
    assert news(desk, ada) == [":irc.test 730 ada :BOB!bob-user@pylingo"]
    bob.sends("NICK Bob")
    assert news(desk, ada) == []
    bob.session.lost()
    assert news(desk, ada) == [":irc.test 731 ada :Bob"]


def test_native_people_come_and_go(desk: Desk, chat: Chat, ada: Somebody) -> None:
    ada.asks("MONITOR + bob")
    person = chat.person("carol")
    person.ask(Command("name", "bob"))
    assert news(desk, ada) == [":irc.test 730 ada :bob!native@pylingo"]
    person.session.lost()
    assert news(desk, ada) == [":irc.test 731 ada :bob"]


def test_a_client_watches_a_bounded_number(desk: Desk, ada: Somebody) -> None:
    names = [f"n{number}" for number in range(MOST + 2)]
    lines: list[str] = []
    for begin in range(0, len(names), 40):
        lines += ada.asks("MONITOR + " + ",".join(names[begin : begin + 40]))
    assert [line for line in lines if " 734 " in line] == [
        f":irc.test 734 ada {MOST} n{number} :Monitor list is full" for number in (MOST, MOST + 1)
    ]
    listed = ada.asks("MONITOR L")
    assert all(len(line) <= 510 for line in listed)
    assert ",".join(line.rpartition(":")[2] for line in listed[:-1]).split(",") == names[:MOST]


def test_nothing_is_left_of_a_client_that_has_gone(desk: Desk, ada: Somebody) -> None:
    ada.asks("MONITOR + bob")
    assert len(desk.gateway.monitors) == 1
    ada.session.lost()
    ada.client.closed()
    assert len(desk.gateway.monitors) == 0


def test_what_makes_no_sense(desk: Desk, ada: Somebody) -> None:
    assert numbers(ada.asks("MONITOR")) == ["461"]
    assert numbers(ada.asks("MONITOR ?")) == ["400"]
    assert ada.asks("MONITOR +") == []


def test_the_command_is_in_the_table(desk: Desk) -> None:
    assert HANDLERS["MONITOR"] is desk.gateway.handlers["MONITOR"]


CAPS = "extended-monitor away-notify setname account-notify"


def test_watchers_hear_more_of_somebody_than_that_they_come_and_go(desk: Desk):
    ada, bob, cid = (desk.client(name, caps=caps) for name, caps in (("ada", CAPS), ("bob", ""), ("cid", CAPS)))
    for watcher in (ada, bob, cid):
        watcher.asks("MONITOR + dan,eve")
    dan, eve = desk.client("dan", "#tea"), desk.chat.person("eve")
    cid.asks("JOIN #tea")
    ada.got(), bob.got()
    dan.asks("AWAY :tea", "AWAY :tea", "AWAY", "SETNAME :Dan D")
    eve.ask(Command("away", "lunch, soon back"))
    assert ada.got() == [
        ":dan!dan-user@pylingo AWAY tea",
        ":dan!dan-user@pylingo AWAY",
        ":dan!dan-user@pylingo SETNAME :Dan D",
        ":eve!native@pylingo AWAY :lunch, soon back",
    ]
    assert bob.got() == [], "without the capability"
    assert [line for line in cid.got() if "dan!" in line and "JOIN" not in line] == [
        ":dan!dan-user@pylingo AWAY :tea",
        ":dan!dan-user@pylingo AWAY",
        ":dan!dan-user@pylingo SETNAME :Dan D",
    ], "once, as they share a room"
