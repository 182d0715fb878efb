"""OPER, KILL and WALLOPS: the rank of an operator of the server."""

import pytest

from pylingo.reactor.irc.commands import operators
from pylingo.reactor.people.passwords import Verdict
from pylingo.shared.messages import Command, Goodbye
from tests.fakes.access import Door
from tests.fakes.identity import key
from tests.fakes.irc_client import Desk, Somebody, numbers

ADA = key("a").fingerprint


@pytest.fixture
def door() -> Door:
    return Door()


@pytest.fixture
def desk(door: Door) -> Desk:
    return Desk(door)


@pytest.fixture
def password(door: Door) -> str:
    """That of ada, who is an operator of the server."""
    ada = door.device("ada", "a")
    (told,) = door.answers(ada, Command("irc-password"))
    door.hub.access.store(door.hub.access.register.op(ADA))
    return str(told.password)


@pytest.fixture
def bob(desk: Desk, password: str) -> Somebody:
    """Somebody who has become an operator."""
    bob = desk.client("bob", "#tea")
    bob.asks(f"OPER ada {password}")
    return bob


def test_a_client_becomes_an_operator(desk: Desk, door: Door, password: str) -> None:
    bob, eve = desk.client("bob", "#tea", caps="account-notify"), desk.client("eve", "#tea", caps="account-notify")
    assert bob.asks(f"OPER Ada {password}") == [
        ":bob!bob-user@pylingo ACCOUNT ada",
        ":irc.test 381 bob :You are now an operator of this server",
        ":bob MODE bob +o",
    ]
    assert eve.got() == [":bob!bob-user@pylingo ACCOUNT ada"]
    assert numbers(bob.asks(f"OPER ada {password}", "MODE bob")) == ["381", "MODE", "221"]
    assert bob.session.identity == ADA
    assert ADA in door.hub.access.register.keys_of_owner("bob"), "the nick is the operator's from now on"
    assert numbers(eve.asks("WHOIS bob")).count("313") == 1
    assert eve.asks("WHO bob")[0].split()[-4] == "H*"


@pytest.mark.parametrize("words", ["ada wrong", "nobody right", "bob right"])
def test_a_wrong_password(desk: Desk, password: str, words: str) -> None:
    assert numbers(desk.client("bob").asks(f"OPER {words}")) == ["464"]


def test_who_does_not_become_an_operator(desk: Desk, door: Door, password: str) -> None:
    bob = desk.client("bob")
    assert numbers(bob.asks("OPER ada", "OPER ada :")) == ["461", "461"]
    cid = door.device("cid", "c")
    (told,) = door.answers(cid, Command("irc-password"))
    assert numbers(bob.asks(f"OPER cid {told.password}")) == ["491"], "no operator"
    desk.passwords.verdict = Verdict.BUSY
    assert numbers(bob.asks(f"OPER ada {password}")) == ["464"]
    assert bob.session.identity is None


def test_somebody_else_cannot_become_the_operator(desk: Desk, door: Door, password: str) -> None:
    bob = desk.client("bob")
    bob.session.identify(key("b").fingerprint)
    assert numbers(bob.asks(f"OPER ada {password}")) == ["491"]


def test_a_rank_that_cannot_be_stored_is_none(desk: Desk, door: Door, password: str) -> None:
    bob = desk.client("bob")
    door.disk.is_full = True
    assert numbers(bob.asks(f"OPER ada {password}")) == ["491"]
    assert bob.session.identity is bob.session.person.fingerprint is None


def test_kill(desk: Desk, door: Door, bob: Somebody) -> None:
    eve, native = desk.client("eve"), door.device("cid", "c")
    assert numbers(eve.asks("KILL bob", "WALLOPS hi")) == ["481", "481"]
    assert numbers(bob.asks("KILL nobody", "KILL ada")) == ["401", "481"]
    bob.asks("KILL eve :too loud", "KILL cid")
    assert eve.got() == ["ERROR :Closing link: (killed) bob has ended your connection: too loud"]
    assert Goodbye("killed", "bob has ended your connection") in native.got()


def test_wallops(desk: Desk, bob: Somebody) -> None:
    eve, cid = desk.client("eve"), desk.client("cid")
    eve.asks("MODE eve +w")
    assert bob.asks("WALLOPS :hi everyone") == []
    assert eve.got() == [":bob!bob-user@pylingo WALLOPS :hi everyone"]
    assert cid.got() == []


def test_the_commands():
    assert set(operators.HANDLERS) == {"OPER", "KILL", "WALLOPS"}
