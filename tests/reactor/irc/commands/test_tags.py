"""TAGMSG: what is said without words reaches those who read tags, and nobody keeps it."""

import pytest

from pylingo.reactor.irc.commands.tags import HANDLERS
from pylingo.shared.messages import Tagged
from tests.fakes.access import Door
from tests.fakes.irc_client import Desk, Somebody, numbers

TYPING = "@+typing=active TAGMSG"


@pytest.fixture
def door() -> Door:
    return Door()


@pytest.fixture
def desk(door: Door) -> Desk:
    return Desk(door)


@pytest.fixture
def ada(desk: Desk) -> Somebody:
    return desk.client("ada", "#tea", caps="message-tags")


def test_a_room_is_told(desk: Desk, door: Door, ada: Somebody) -> None:
    tags = desk.client("bob", "#tea", caps="message-tags")
    plain, native = desk.client("eve", "#tea"), door.person("nat", "tea")
    for person in (ada, tags, plain):
        person.got()
    assert ada.asks(f"{TYPING} #TEA") == []
    (line,) = tags.got()
    assert line.startswith("@+typing=active;time=")
    assert line.endswith(" :ada!ada-user@pylingo TAGMSG #tea")
    assert plain.got() == []
    assert native.got()[-1] == Tagged("ada", ["+typing=active"], room="tea")


def test_a_person_is_told(desk: Desk, door: Door, ada: Somebody) -> None:
    bob, native = desk.client("bob", caps="message-tags"), door.person("nat")
    ada.sends(f"{TYPING} Bob,nat")
    assert bob.got()[0].endswith(" :ada!ada-user@pylingo TAGMSG bob")
    door.tick()
    assert native.got()[-1] == Tagged("ada", ["+typing=active"], to="nat")


def test_only_tags_of_clients_are_relayed_and_escaped(desk: Desk, ada: Somebody) -> None:
    bob = desk.client("bob", "#tea", caps="message-tags")
    ada.sends(r"@+typing=x\:\sy;time=1;account=root;+b;+draft/react;msgid=5 TAGMSG #tea")
    (line,) = bob.got()
    assert line.startswith(r"@+typing=x\:\sy;+draft/react;time=")
    assert "account=root" not in line
    ada.sends("@time=1 TAGMSG #tea", "TAGMSG #tea")
    assert bob.got() == []


def test_the_sender_gets_it_back_if_it_wants_echoes(desk: Desk) -> None:
    ada = desk.client("ada", "#tea", caps="message-tags echo-message labeled-response batch")
    (line,) = ada.asks("@label=x;+typing=active TAGMSG #tea")
    assert line.startswith("@label=x;+typing=active;time=")


def test_where_nothing_can_be_said(desk: Desk, door: Door, ada: Somebody) -> None:
    assert numbers(ada.asks(f"{TYPING} #coffee")) == ["403"]
    assert numbers(ada.asks(f"{TYPING} nobody")) == ["401"]
    assert numbers(ada.asks(f"{TYPING} {'x' * 300}")) == ["401"]
    assert numbers(ada.asks("@+a TAGMSG")) == ["461"]
    door.register.moderation.mute("ada", None, "127.0.0.1", "root", None, None)
    assert numbers(ada.asks(f"{TYPING} #tea")) == ["404"]


def test_without_tags_there_is_no_such_command(desk: Desk) -> None:
    assert numbers(desk.client("ada", "#tea").asks(f"{TYPING} #tea")) == ["421"]


def test_nothing_is_kept(desk: Desk, ada: Somebody) -> None:
    ada.sends(f"{TYPING} #tea")
    bob = desk.client("bob", caps="server-time")
    assert "TAGMSG" not in numbers(bob.asks("JOIN #tea"))


def test_the_command_is_in_the_table(desk: Desk) -> None:
    assert HANDLERS["TAGMSG"] is desk.gateway.handlers["TAGMSG"]
