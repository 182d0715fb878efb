"""Logging in by SASL: as the owner of a name, with the password that the native client has asked for."""

import base64

import pytest

from pylingo.reactor.irc.commands import login
from pylingo.reactor.people.members import parse_members
from pylingo.reactor.people.passwords import Verdict
from pylingo.shared.messages import Command
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
    """That of ada, who is here with the native client."""
    ada = door.device("ada", "a")
    (told,) = door.answers(ada, Command("irc-password"))
    return str(told.password)


def plain(name: str, password: str) -> str:
    return "AUTHENTICATE " + base64.b64encode(f"\0{name}\0{password}".encode()).decode()


def begun(desk: Desk, caps: str = "sasl") -> Somebody:
    somebody = desk.stranger()
    somebody.asks("CAP LS 302", f"CAP REQ :{caps}", "NICK ada", "USER ada 0 * :Ada")
    return somebody


def test_somebody_logs_in_and_is_one_person_with_the_native_client(desk: Desk, door: Door, password: str) -> None:
    ada = begun(desk)
    assert ada.asks("AUTHENTICATE PLAIN") == [":irc.test AUTHENTICATE +"]
    assert ada.asks(plain("Ada", password)) == [
        ":irc.test 900 ada ada!ada@* ada :You are now logged in as ada",
        ":irc.test 903 ada :SASL authentication successful",
    ]
    assert numbers(ada.asks("CAP END"))[0] == "001"
    assert ada.session.identity == ADA
    assert len(door.hub.named("ada").sessions) == 2


@pytest.mark.parametrize(("name", "word"), [("ada", "wrong"), ("bob", "right"), ("x" * 260, "right"), ("\x07", "x")])
def test_a_wrong_password_or_name(desk: Desk, password: str, name: str, word: str) -> None:
    ada = begun(desk)
    ada.asks("AUTHENTICATE PLAIN")
    assert numbers(ada.asks(plain(name, password if word == "right" else word))) == ["904"]
    assert ada.client.login is None
    assert numbers(ada.asks("CAP END")) == ["433"]
    assert ada.session.identity is None


def test_a_password_is_tried_again(desk: Desk, password: str) -> None:
    ada = begun(desk)
    assert numbers(ada.asks("AUTHENTICATE PLAIN", plain("ada", "wrong"))) == ["AUTHENTICATE", "904"]
    assert numbers(ada.asks("AUTHENTICATE PLAIN", plain("ada", password))) == ["AUTHENTICATE", "900", "903"]
    assert numbers(ada.asks("AUTHENTICATE PLAIN")) == ["907"]


def test_registration_waits_for_the_comparison(desk: Desk, password: str) -> None:
    ada = begun(desk)
    desk.passwords.answers_at_once = False
    assert numbers(ada.asks("AUTHENTICATE PLAIN", plain("ada", password), "CAP END")) == ["AUTHENTICATE"]
    desk.passwords.answer()
    assert numbers(ada.got())[:3] == ["900", "903", "001"]


def test_somebody_who_goes_meanwhile_is_forgotten(desk: Desk, password: str) -> None:
    ada = begun(desk)
    desk.passwords.answers_at_once = False
    ada.asks("AUTHENTICATE PLAIN", plain("ada", password))
    ada.session.lost()
    desk.passwords.answer()
    assert ada.client.login is None


def test_a_password_that_is_removed_meanwhile_is_wrong(desk: Desk, door: Door, password: str) -> None:
    ada = begun(desk)
    desk.passwords.answers_at_once = False
    ada.asks("AUTHENTICATE PLAIN", plain("ada", password))
    door.register.remove_app_password(ADA)
    desk.passwords.answer()
    assert numbers(ada.got()) == ["904"]


@pytest.mark.parametrize(("verdict", "words"), [(Verdict.REFUSED, "too many wrong"), (Verdict.BUSY, "at once")])
def test_a_comparison_that_was_not_made(desk: Desk, password: str, verdict: Verdict, words: str) -> None:
    desk.passwords.verdict = verdict
    ada = begun(desk)
    line = ada.asks("AUTHENTICATE PLAIN", plain("ada", password))[1]
    assert " 904 " in line
    assert words in line


def test_far_away_a_password_needs_encryption(desk: Desk, password: str) -> None:
    ada = begun(desk)
    ada.host = "192.0.2.7"
    line = ada.asks("AUTHENTICATE PLAIN", plain("ada", password))[1]
    assert " 904 " in line
    assert "TLS" in line
    ada.certificate = b"certificate"
    assert numbers(ada.asks("AUTHENTICATE PLAIN", plain("ada", password))) == ["AUTHENTICATE", "900", "903"]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["AUTHENTICATE EXTERNAL"], ["908", "904"]),
        (["AUTHENTICATE *"], ["906"]),
        (["AUTHENTICATE PLAIN", "AUTHENTICATE *"], ["AUTHENTICATE", "906"]),
        (["AUTHENTICATE PLAIN", "AUTHENTICATE " + "x" * 401], ["AUTHENTICATE", "905"]),
        (["AUTHENTICATE PLAIN", "AUTHENTICATE !"], ["AUTHENTICATE", "904"]),
        (["AUTHENTICATE"], ["461"]),
    ],
)
def test_what_goes_wrong(desk: Desk, lines: list[str], expected: list[str]) -> None:
    assert numbers(begun(desk).asks(*lines)) == expected


def test_it_needs_the_capability(desk: Desk) -> None:
    assert numbers(begun(desk, "batch").asks("AUTHENTICATE PLAIN")) == ["904"]
    assert numbers(desk.client("bob").asks("AUTHENTICATE PLAIN")) == ["904"]


def test_a_guest_logs_in_later(desk: Desk, door: Door, password: str) -> None:
    bob, eve = desk.client("bob", "#tea", caps="sasl"), desk.client("eve", "#tea", caps="account-notify")
    eve.got()
    assert numbers(bob.asks("AUTHENTICATE PLAIN", plain("ada", "wrong"))) == ["AUTHENTICATE", "904"]
    assert bob.session.identity is None
    assert bob.asks("AUTHENTICATE PLAIN", plain("ada", password)) == [
        ":irc.test AUTHENTICATE +",
        ":irc.test 900 bob bob!bob-user@pylingo ada :You are now logged in as ada",
        ":irc.test 903 bob :SASL authentication successful",
    ]
    assert eve.got() == [":bob!bob-user@pylingo ACCOUNT ada"]
    assert ADA in door.register.keys_of_owner("bob"), "the nick is ada's from now on"
    assert numbers(bob.asks("AUTHENTICATE PLAIN")) == ["907"]
    assert bob.asks("NICK ada")[0].startswith(":bob!")
    assert len(door.hub.named("ada").sessions) == 2


def test_nobody_logs_in_later_who_may_not(
    desk: Desk, door: Door, password: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bob = desk.client("bob", caps="sasl")
    door.disk.is_full = True
    assert "cannot store" in bob.asks("AUTHENTICATE PLAIN", plain("ada", password))[1]
    door.disk.is_full = False
    monkeypatch.setattr(type(door.hub.bus), "is_alone", False)
    assert "several servers" in bob.asks("AUTHENTICATE PLAIN", plain("ada", password))[1]
    monkeypatch.undo()
    door.register.moderation.ban("ada", ADA, None, "root", None, None)
    assert numbers(bob.asks("AUTHENTICATE PLAIN", plain("ada", password))) == ["AUTHENTICATE", "904"]
    assert bob.client.login is bob.session.identity is bob.session.person.fingerprint is None
    bob.session.identify(key("b").fingerprint)
    assert numbers(bob.asks("AUTHENTICATE PLAIN", plain("ada", password))) == ["AUTHENTICATE", "904"], "banned"
    door.register.moderation.unban("ada")[1].commit()
    assert numbers(bob.asks("AUTHENTICATE PLAIN", plain("ada", password))) == ["AUTHENTICATE", "907"]


def test_where_only_members_may_come_in_they_log_in(desk: Desk, door: Door, password: str) -> None:
    door.close(key("a").text)
    stranger = desk.stranger()
    lines = stranger.asks("NICK bob", "USER bob 0 * :Bob")
    assert lines[-1].startswith("ERROR :Closing link: (members-only)")
    ada = begun(desk)
    ada.asks("AUTHENTICATE PLAIN", plain("ada", password))
    assert numbers(ada.asks("CAP END"))[0] == "001"


def test_somebody_who_is_banned_does_not_come_in(desk: Desk, door: Door, password: str) -> None:
    ada = begun(desk)
    ada.asks("AUTHENTICATE PLAIN", plain("ada", password))
    door.register.moderation.ban("ada", ADA, None, "root", None, None)
    assert "(banned)" in ada.asks("CAP END")[-1]


def test_the_ban_of_an_address_spares_members_who_log_in(desk: Desk, door: Door, password: str) -> None:
    door.register.members = parse_members(key("a").text)
    ada = begun(desk)
    ada.asks("AUTHENTICATE PLAIN", plain("ada", password))
    door.register.moderation.ban_address("127.0.0.1", "root", None, None)
    assert numbers(ada.asks("CAP END"))[0] == "001"
    stranger = desk.stranger()
    assert "(banned)" in stranger.asks("NICK bob", "USER bob 0 * :Bob")[-1]


def test_all_commands_are_in_the_table(desk: Desk) -> None:
    assert login.HANDLERS["AUTHENTICATE"] is desk.gateway.handlers["AUTHENTICATE"]


def test_the_account_is_the_name_of_the_log_in_whatever_the_nick(desk: Desk, door: Door, password: str) -> None:
    bob = desk.stranger()
    bob.asks("CAP REQ :sasl message-tags", "AUTHENTICATE PLAIN", plain("ada", password), "NICK bob", "USER b 0 * :B")
    bob.asks("CAP END")
    eve = desk.client("eve", caps="account-tag message-tags")
    bob.sends("PRIVMSG eve :hi")
    assert ";account=ada " in eve.got()[0]
    assert ":irc.test 330 eve bob ada :is logged in as" in eve.asks("WHOIS bob")
    assert eve.asks("WHO bob %na")[0] == ":irc.test 354 eve bob ada"
