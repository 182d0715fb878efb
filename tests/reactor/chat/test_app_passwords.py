"""The command `irc-password`: told once, when it is stored; for people whose name is their key's."""

import pytest

from pylingo.reactor.chat import app_passwords
from pylingo.reactor.people.passwords import PasswordHash
from pylingo.shared.messages import Command, IrcPassword
from tests.fakes.access import Door
from tests.fakes.chat import Person, error
from tests.fakes.identity import key

ADA = key("a").fingerprint


@pytest.fixture
def door() -> Door:
    return Door()


@pytest.fixture
def ada(door: Door) -> Person:
    return door.device("ada", "a")


def test_a_password_is_told_once_and_kept_as_a_hash(door: Door, ada: Person) -> None:
    (told,) = door.answers(ada, Command("irc-password", id=5))
    assert told == IrcPassword("ada", told.password, 5)
    assert told.password not in str(door.disk.states)
    kept = door.register.app_password_of("Ada")
    assert kept is not None
    assert kept.key == ADA
    assert PasswordHash.parse(kept.hash).verify(told.password)


def test_a_new_password_replaces_the_old_one(door: Door, ada: Person) -> None:
    (old,) = door.answers(ada, Command("irc-password"))
    (new,) = door.answers(ada, Command("irc-password"))
    kept = door.register.app_password_of("ada")
    assert kept is not None
    assert [PasswordHash.parse(kept.hash).verify(told.password) for told in (old, new)] == [False, True]


def test_it_is_told_when_it_is_stored(door: Door, ada: Person) -> None:
    door.disk.answers_at_once = False
    assert door.answers(ada, Command("irc-password", id=5)) == []
    door.disk.is_full = True
    door.disk.answer()
    door.tick()
    (refusal,) = ada.got()
    assert (refusal.code, refusal.re) == ("not-allowed", 5)
    assert door.register.app_password_of("ada") is None


def test_it_is_removed_at_once(door: Door, ada: Person) -> None:
    door.answers(ada, Command("irc-password"))
    assert door.answers(ada, Command("irc-password", "off", 5)) == [IrcPassword("ada", None, 5)]
    assert door.register.app_password_of("ada") is None
    assert "app_passwords" not in door.disk.states[-1]


def test_others_have_none(door: Door, ada: Person) -> None:
    guest = door.person("bob")
    assert door.answers(guest, Command("irc-password", id=5)) == [error("no-identity", 5)]
    assert door.answers(guest, Command("irc-password", "off", 5)) == [error("no-identity", 5)]
    assert door.answers(ada, Command("irc-password", "on", 6)) == [error("bad-argument", 6)]


def test_a_person_with_a_guest_name_has_none(door: Door) -> None:
    nobody = door.device(None, "n")
    assert door.answers(nobody, Command("irc-password", id=5)) == [error("not-allowed", 5)]


def test_making_one_is_work(door: Door, ada: Person) -> None:
    before = door.hub.tick.work
    app_passwords.irc_password(ada.session, "", Command("irc-password"))
    assert door.hub.tick.work - before >= 1_000


def test_the_password_is_not_in_the_log(door: Door, ada: Person, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    (told,) = door.answers(ada, Command("irc-password"))
    door.answers(ada, Command("irc-password", "off"))
    assert caplog.messages == [
        f"ada [{ADA}] has a new password for IRC",
        f"ada [{ADA}] has removed the password for IRC",
    ]
    assert told.password not in caplog.text
