"""Who is listed, who is an operator, and whose keys are one person's."""

import pytest

from pylingo.reactor.people.members import parse_members
from pylingo.reactor.people.roster import Admitted, Roster
from tests.fakes.people import fingerprint, key

ONE, TWO, THREE, FOUR = (fingerprint(number) for number in range(1, 5))
FILE = f'name="Ada" {key(1).text}\nname="ada",operator {key(2).text}\n{key(3).text} grace\n'


@pytest.fixture
def roster() -> Roster:
    roster = Roster()
    roster.members = parse_members(FILE)
    return roster


def test_the_keys_of_one_name_are_one_person(roster: Roster) -> None:
    assert roster.keys_of(ONE) == roster.keys_of(TWO) == {ONE, TWO}
    assert roster.keys_of(THREE) == {THREE}
    assert roster.keys_of(FOUR) == {FOUR}
    assert roster.keys_of(None) == frozenset()
    assert roster.person_of(ONE) == roster.person_of(TWO)
    assert len({roster.person_of(one) for one in (ONE, THREE, FOUR)}) == 3
    assert roster.names() == [("Ada", {ONE, TWO})]
    assert roster.noted_names() == [("grace", THREE)]


def test_messages_belong_to_the_first_key_of_a_person_and_never_to_a_name(roster: Roster) -> None:
    assert [roster.first_key(one) for one in (ONE, TWO, THREE, FOUR)] == [ONE, ONE, THREE, FOUR]
    roster.members = parse_members(f'name="ada" {key(5).text}')
    assert [roster.first_key(one) for one in (ONE, TWO, fingerprint(5))] == [ONE, TWO, fingerprint(5)]


def test_a_key_that_is_listed_no_more_is_nobodys_any_more(roster: Roster) -> None:
    person = roster.person_of(ONE)
    roster.members = parse_members(f'name="ada" {key(2).text}')
    assert roster.person_of(TWO) == person
    assert roster.person_of(ONE) != person
    assert roster.keys_of(TWO) == {TWO}
    assert not roster.is_listed(ONE)


def test_people_who_are_listed(roster: Roster) -> None:
    assert [roster.is_listed(one) for one in (ONE, TWO, THREE, FOUR, None)] == [True, True, True, False, False]
    assert roster.is_anybody_listed()
    assert not Roster().is_anybody_listed()


def test_a_rank_is_a_persons(roster: Roster) -> None:
    assert roster.has_rank(roster.keys_of(ONE))
    assert roster.has_rank(roster.keys_of(TWO))
    assert not roster.has_rank(roster.keys_of(THREE))
    assert not roster.has_rank(roster.keys_of(None))


def test_an_admitted_person_counts_once_that_is_stored(roster: Roster) -> None:
    change = roster.admit(key(4), ONE, 17)
    assert roster.admitted == {FOUR: Admitted(key(4).text, ONE, 17)}  # which is what is stored
    assert not roster.is_listed(FOUR)
    change.commit()
    assert roster.is_listed(FOUR)
    change.undo()  # it is too late
    assert roster.is_listed(FOUR)


def test_a_person_who_could_not_be_stored_is_not_admitted() -> None:
    roster = Roster()
    change = roster.admit(key(4), None, 17)
    assert not roster.is_anybody_listed()
    change.undo()
    assert roster.admitted == {}
    roster.admit(key(4), None, 18).commit()
    assert roster.is_anybody_listed()


def test_a_promoted_person_has_the_rank_once_that_is_stored(roster: Roster) -> None:
    change = roster.promote(THREE)
    assert [*roster.operators] == [THREE]
    assert not roster.has_rank([THREE])
    change.commit()
    assert roster.has_rank([THREE])
    roster.promote(THREE).undo()  # it was so already
    assert roster.has_rank([THREE])
    roster.demote(THREE)
    assert not roster.has_rank([THREE])
    assert [*roster.operators] == []
    failed = roster.promote(THREE)
    failed.undo()
    assert not roster.has_rank([THREE])
    assert [*roster.operators] == []


def test_two_changes_that_say_the_same_hold_if_one_is_stored(roster: Roster) -> None:
    first, second = roster.promote(THREE), roster.promote(THREE)
    first.commit()
    second.undo()
    assert roster.has_rank([THREE])


def test_a_demotion_while_the_promotion_is_stored_holds(roster: Roster) -> None:
    change = roster.promote(THREE)
    roster.demote(THREE)
    change.commit()
    assert not roster.has_rank([THREE])
    roster.demote(FOUR)


def test_the_file_s_operators_are_demoted_in_the_file(roster: Roster) -> None:
    for one in (ONE, TWO):
        with pytest.raises(ValueError, match="the members file makes them an operator"):
            roster.demote(one)
    assert roster.has_rank([TWO])


def test_a_roster_comes_from_a_file() -> None:
    roster = Roster([Admitted(key(4).text, None, 1)], [THREE])
    assert roster.is_listed(FOUR)
    assert roster.has_rank([THREE])
    for wrong in (("ssh-rsa A", None, 1), (key(1).text, "ada", 1), (key(1).text, None, -1)):
        with pytest.raises(ValueError, match="must be"):
            Admitted(*wrong)
