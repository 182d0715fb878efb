"""Passwords for IRC: random, kept as hashes, one for each person."""

import pytest

from pylingo.reactor.people import app_passwords
from pylingo.reactor.people.app_passwords import AppPassword, AppPasswords
from pylingo.reactor.people.passwords import PasswordHash
from pylingo.shared.errors import RequestError
from tests.fakes.people import fingerprint

ADA, PAL, EVE = fingerprint(1), fingerprint(2), fingerprint(3)
HASH = PasswordHash(10, 8, 1, b"s" * 16, b"h" * 32).text


def test_a_password_is_random_and_kept_as_a_hash() -> None:
    passwords = AppPasswords()
    word, _ = passwords.create(ADA, [ADA])
    other, _ = passwords.create(EVE, [EVE])
    assert word != other
    assert len(word) == 24
    assert word.isalnum()
    found = passwords.find([ADA])
    assert found is not None
    assert word not in found.hash
    assert PasswordHash.parse(found.hash).verify(word)
    assert not PasswordHash.parse(found.hash).verify(other)
    assert passwords.find([PAL]) is None


def test_a_new_one_replaces_those_of_all_keys_of_the_person() -> None:
    passwords, noted = AppPasswords(), list[str]()
    passwords.create(ADA, [ADA])
    passwords.note = noted.append
    passwords.create(PAL, [ADA, PAL])
    assert {*noted} == {ADA, PAL}
    assert [password.key for password in passwords.stored()] == [PAL]
    assert passwords.rows([ADA, PAL]) == {PAL: passwords.find([ADA, PAL])}


def test_what_could_not_be_stored_leaves_the_one_before() -> None:
    passwords = AppPasswords()
    passwords.create(ADA, [ADA])
    before = passwords.stored()
    _, change = passwords.create(PAL, [ADA, PAL])
    change.undo()
    assert passwords.stored() == before


def test_an_undo_leaves_a_later_one_alone() -> None:
    passwords = AppPasswords()
    _, change = passwords.create(ADA, [ADA])
    passwords.create(ADA, [ADA])
    later = passwords.stored()
    change.undo()
    assert passwords.stored() == later


def test_a_password_is_removed() -> None:
    passwords, noted = AppPasswords(), list[str]()
    passwords.create(ADA, [ADA])
    passwords.note = noted.append
    assert passwords.remove([ADA, PAL])
    assert not passwords.remove([ADA, PAL])
    assert passwords.find([ADA]) is None
    assert noted == [ADA]


def test_there_is_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app_passwords, "MOST", 1)
    passwords = AppPasswords()
    passwords.create(ADA, [ADA])
    passwords.create(ADA, [ADA])  # in place of the one before
    with pytest.raises(RequestError, match="no more passwords"):
        passwords.create(EVE, [EVE])


def test_those_of_other_servers_are_taken_over() -> None:
    passwords = AppPasswords([AppPassword(ADA, HASH)])
    passwords.take_over({ADA: None, EVE: AppPassword(EVE, HASH)})
    assert passwords.stored() == [AppPassword(EVE, HASH)]


@pytest.mark.parametrize(("key", "hash"), [("ada", HASH), (ADA, "x"), (ADA, ""), (ADA, HASH + "\n")])
def test_what_is_no_password(key: str, hash: str) -> None:
    with pytest.raises(ValueError, match="must be"):
        AppPassword(key, hash)


def test_no_key_is_there_twice() -> None:
    with pytest.raises(ValueError, match="twice"):
        AppPasswords([AppPassword(ADA, HASH)] * 2)
