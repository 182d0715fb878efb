"""Names that belong to keys: by any spelling, by look-alikes, for as long as they are used."""

import pytest

from pylingo.reactor.people import owned_names as module
from pylingo.reactor.people.owned_names import NEW_A_DAY, Conflict, OwnedName, OwnedNames, Owner
from pylingo.shared.errors import RequestError
from tests.fakes.people import WallClock, fingerprint

DAY = 86_400.0
ADA, EVE = fingerprint(1), fingerprint(2)
HOST = "192.0.2.7"
NOBODY: frozenset[str] = frozenset()


def keys(*fingerprints: str) -> frozenset[str]:
    return frozenset(fingerprints)


@pytest.fixture
def clock() -> WallClock:
    return WallClock()


@pytest.fixture
def names(clock: WallClock) -> OwnedNames:
    return OwnedNames(clock)


def take(names: OwnedNames, name: str, key: str = ADA, host: str = HOST) -> bool:
    return names.take(name, key, keys(key), host)


def refusal(names: OwnedNames, name: str, own: frozenset[str] = NOBODY) -> str:
    with pytest.raises(RequestError) as caught:
        names.check(name, own)
    assert caught.value.reason == "name-owned"
    return caught.value.text


def test_a_name_belongs_to_the_key_that_takes_it_first(names: OwnedNames) -> None:
    names.check("ape", NOBODY)
    assert names.owner("ape") is None
    assert take(names, "ape")
    assert not take(names, "Ape")  # it is theirs already
    assert names.owner("APE") == ("ape", keys(ADA))
    names.check("ape", keys(ADA))
    for own in (NOBODY, keys(EVE)):
        assert refusal(names, "ape", own) == "that name belongs to somebody's key: choose another one"
    with pytest.raises(RequestError):
        take(names, "ape", EVE)
    assert names.owner("ape") == ("ape", keys(ADA))


@pytest.mark.parametrize("wish", ["APE", "ａｐｅ", "аре", "АРЕ", "ape", "аpе"])
def test_nobody_else_gets_a_spelling_or_a_look_alike(names: OwnedNames, wish: str) -> None:
    take(names, "Ape")
    assert refusal(names, wish, keys(EVE))
    names.check(wish, keys(ADA))


def test_the_name_that_a_look_alike_resembles_is_said(names: OwnedNames) -> None:
    take(names, "Ape")
    words = "that name looks like 'Ape', which belongs to somebody's key: choose another one"
    assert refusal(names, "аре") == words


def test_other_names_are_free(names: OwnedNames) -> None:
    take(names, "ape")
    for name in ("apes", "ap", "bob", "漢字"):
        names.check(name, NOBODY)


def test_a_look_alike_of_a_freed_name_is_free(names: OwnedNames) -> None:
    take(names, "ape")
    take(names, "аре")  # one's own
    free(names, "ape")
    assert refusal(names, "ape", keys(EVE)).startswith("that name looks like 'аре'")
    free(names, "аре")
    names.check("ape", keys(EVE))


def test_a_name_that_was_not_used_for_long_is_free(names: OwnedNames, clock: WallClock) -> None:
    take(names, "ape")
    clock.advance(180 * DAY - 1)
    assert refusal(names, "ape")
    assert refusal(names, "аре")
    names.refresh("APE")
    clock.advance(180 * DAY - 1)
    assert refusal(names, "ape")
    clock.advance(1)
    names.check("ape", NOBODY)
    names.check("аре", NOBODY)
    assert names.taken() == []
    names.refresh("ape")
    assert names.owner("ape") is None  # it is too late
    assert take(names, "Ape", EVE)
    assert names.owner("ape") == ("Ape", keys(EVE))


def test_taking_a_name_again_is_using_it(names: OwnedNames, clock: WallClock) -> None:
    take(names, "ape")
    clock.advance(179 * DAY)
    take(names, "ape")
    clock.advance(179 * DAY)
    assert refusal(names, "ape")


def test_names_can_be_kept_for_ever(names: OwnedNames, clock: WallClock) -> None:
    take(names, "ape")
    names.keep = 0
    clock.advance(10_000 * DAY)
    assert refusal(names, "ape")


def test_a_clock_that_steps_back_frees_nothing(names: OwnedNames, clock: WallClock) -> None:
    take(names, "ape")
    clock.advance(-300 * DAY)
    names.refresh("ape")
    assert refusal(names, "ape")
    clock.advance(300 * DAY)
    assert refusal(names, "ape")


def test_an_address_takes_at_most_twenty_new_names_a_day(names: OwnedNames, clock: WallClock) -> None:
    for number in range(NEW_A_DAY):
        clock.advance(60)
        assert take(names, f"name{number:02}", fingerprint(number))
    with pytest.raises(RequestError, match="your address has taken 20 new names within a day") as caught:
        take(names, "more", EVE)
    assert caught.value.reason == "not-allowed"
    assert names.owner("more") is None
    assert not take(names, "name00", fingerprint(0))  # that is no new one
    assert take(names, "other", EVE, "192.0.2.8")
    clock.advance(DAY - 60 * NEW_A_DAY + 60)
    assert take(names, "more", EVE)
    with pytest.raises(RequestError):
        take(names, "even-more", EVE)


def test_a_refused_wish_does_not_count(names: OwnedNames) -> None:
    take(names, "ape", host="192.0.2.8")
    for _ in range(2 * NEW_A_DAY):
        with pytest.raises(RequestError):
            take(names, "ape", EVE)
    assert take(names, "bob", EVE)


def test_a_network_of_ipv6_is_one_address(names: OwnedNames) -> None:
    for number in range(NEW_A_DAY):
        take(names, f"name{number:02}", fingerprint(number), f"2001:db8::{number:x}")
    with pytest.raises(RequestError):
        take(names, "more", EVE, "2001:db8::ffff:1")
    assert take(names, "more", EVE, "2001:db8:0:1::1")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1"])
def test_loopback_takes_as_many_as_it_likes(names: OwnedNames, host: str) -> None:
    for number in range(3 * NEW_A_DAY):
        assert take(names, f"name{number:02}", fingerprint(number), host)


def test_addresses_are_forgotten_after_a_day(names: OwnedNames, clock: WallClock) -> None:
    """Whoever comes from ever other addresses takes no more memory than their names."""
    take(names, "first", host="192.0.2.1")
    before = names.addresses
    clock.advance(DAY + 1)
    take(names, "second", host="192.0.2.2")
    assert names.addresses == before == 1


def test_the_number_of_names_is_bounded(names: OwnedNames, clock: WallClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_NAMES", 3)
    for number in range(3):
        take(names, f"name{number}", fingerprint(number), "127.0.0.1")
    with pytest.raises(RequestError, match="this server keeps no more names") as caught:
        take(names, "more", EVE, "127.0.0.1")
    assert caught.value.reason == "not-allowed"
    clock.advance(181 * DAY)
    assert take(names, "more", EVE, "127.0.0.1")
    assert len(names) == 1


def test_a_listed_name_belongs_to_its_keys(names: OwnedNames) -> None:
    names.set_listed([Owner("Ada", keys(ADA, fingerprint(7)))])
    for own in (NOBODY, keys(EVE)):
        assert refusal(names, "ada", own)
        assert refusal(names, "аԁа", own)
    names.check("ADA", keys(fingerprint(7)))
    assert not names.take("ada", fingerprint(7), keys(fingerprint(7), ADA), HOST)
    assert names.taken() == []
    names.set_listed([])
    names.check("ada", NOBODY)
    names.check("аԁа", NOBODY)


def test_the_members_file_counts_before_what_was_taken(names: OwnedNames) -> None:
    take(names, "ada", EVE)
    names.set_listed([Owner("ada", keys(ADA))])
    assert refusal(names, "ada", keys(EVE))
    names.check("ada", keys(ADA))
    names.set_listed([])
    assert refusal(names, "ada", keys(ADA))
    assert refusal(names, "аԁа", keys(ADA))
    names.check("ada", keys(EVE))


def test_a_comment_gives_a_name_that_is_nobodys_yet(names: OwnedNames) -> None:
    take(names, "ada", ADA)
    assert names.set_listed([], [("Ada", ADA), ("grace", EVE)]) == []
    assert names.owner("ada") == ("Ada", keys(ADA))
    assert refusal(names, "grace", keys(ADA))
    names.check("grace", keys(EVE))


@pytest.mark.parametrize("noted", ["ada", "ADA", "аԁа"])
def test_a_comment_takes_nobodys_name(names: OwnedNames, noted: str) -> None:
    take(names, "Ada", ADA)
    conflict = Conflict(noted, EVE, Owner("Ada", keys(ADA)))
    assert names.set_listed([], [(noted, EVE)]) == [conflict]
    names.check("ada", keys(ADA))
    assert refusal(names, noted, keys(EVE))
    free(names, "ada")
    assert names.set_listed([], [(noted, EVE)]) == []
    assert refusal(names, "ada", keys(ADA))


def test_a_comment_takes_no_name_from_another_line(names: OwnedNames) -> None:
    """Of comments that look alike, the first one counts."""
    listed = Owner("ada", keys(ADA))
    other = fingerprint(3)
    conflicts = names.set_listed([listed], [("аԁа", EVE), ("ape", EVE), ("аре", other)])
    assert conflicts == [Conflict("аԁа", EVE, listed), Conflict("аре", other, Owner("ape", keys(EVE)))]
    names.check("ape", keys(EVE))
    assert refusal(names, "аре", keys(other))


def test_a_comment_gives_a_name_that_was_not_used_for_long(names: OwnedNames, clock: WallClock) -> None:
    take(names, "ada", ADA)
    clock.advance(180 * DAY)
    assert names.set_listed([], [("ada", EVE)]) == []
    assert names.owner("ada") == ("ada", keys(EVE))


def free(names: OwnedNames, name: str) -> None:
    change = names.release(name)
    assert change is not None
    change.commit()


def test_a_name_is_free_once_that_is_stored(names: OwnedNames) -> None:
    take(names, "ape")
    change = names.release("APE")
    assert change is not None
    assert names.stored() == []
    assert refusal(names, "аре")
    change.undo()
    assert [owned.name for owned in names.stored()] == ["ape"]
    free(names, "ape")
    names.check("аре", NOBODY)
    assert names.release("ape") is None
    names.set_listed([Owner("ada", keys(ADA))])
    with pytest.raises(ValueError, match="the name 'ada' stands in the members file: remove it there"):
        names.release("ada")


def test_names_come_from_a_file(clock: WallClock) -> None:
    names = OwnedNames(clock, [OwnedName("Ape", ADA, clock.now)])
    assert refusal(names, "аре")
    with pytest.raises(ValueError, match="the name 'APE' is there twice"):
        OwnedNames(clock, [OwnedName("Ape", ADA, clock.now), OwnedName("APE", EVE, clock.now)])
    for wrong in (("a b", ADA, 0), ("guest-1", ADA, 0), (" a", ADA, 0), ("ape", "ada", 0), ("ape", ADA, -1)):
        with pytest.raises(ValueError, match="must be"):
            OwnedName(*wrong)
