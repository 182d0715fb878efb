"""The sessions in a room, against a plain model of them."""

from hypothesis import given
from hypothesis import strategies as st

from pylingo.reactor.bus.redis.roll import Member, Roll
from pylingo.shared.names import fold

ADA, BEN = Member("Ada"), Member("Ben", "SHA256:b", True)

numbers = st.integers(1, 6)
members = st.sampled_from([Member(name) for name in ("Ada", "ADA", "ada", "Ben", "Cy", "cy")])
deeds = st.lists(st.tuples(st.sampled_from(["add", "remove", "rename"]), numbers, members), max_size=40)


def test_a_person_comes_with_the_first_session_and_goes_with_the_last():
    roll = Roll()
    assert roll.add(1, ADA)
    assert not roll.add(2, Member("ADA"))
    assert roll.add(3, BEN)
    assert (len(roll), list(roll.numbers("ada")), list(roll.keys())) == (2, [1, 2], ["ada", "ben"])
    assert roll.remove(1) == (ADA, False)
    assert roll.remove(2) == (Member("ADA"), True)
    assert (roll.is_in("ada"), roll.is_in("ben"), len(roll)) == (False, True, 1)


def test_a_report_about_a_session_that_is_not_here_changes_nothing():
    roll = Roll()
    assert roll.remove(1) is None
    assert roll.rename(1, ADA) is None
    assert (len(roll), 1 in roll, roll.get(1), list(roll.numbers("ada"))) == (0, False, None, [])


def test_a_session_that_is_added_twice_is_here_once():
    roll = Roll()
    roll.add(1, ADA)
    assert not roll.add(1, Member("ada"))
    assert roll.add(1, BEN)
    assert (dict(roll.sessions()), list(roll.keys())) == ({1: BEN}, ["ben"])


def test_a_rename_says_whether_the_old_person_leaves_and_the_new_one_comes():
    roll = Roll()
    roll.add(1, ADA)
    roll.add(2, ADA)
    assert roll.rename(1, BEN) == (ADA, False, True)
    assert roll.rename(2, BEN) == (ADA, True, False)
    assert roll.rename(2, Member("BEN")) == (BEN, False, False)
    assert [member.name for member in roll.people()] == ["Ben"]


def test_a_cleared_roll_is_empty():
    roll = Roll()
    roll.add(1, ADA)
    roll.clear()
    assert (len(roll), list(roll.sessions()), roll.is_in("ada")) == (0, [], False)


@given(deeds)
def test_a_roll_agrees_with_a_list_of_sessions(deeds: list[tuple[str, int, Member]]):
    roll, model = Roll(), dict[int, Member]()

    def people() -> set[str]:
        return {fold(member.name) for member in model.values()}

    for deed, number, member in deeds:
        before = people()
        old = model.get(number)
        if deed == "add":
            model[number] = member
            assert roll.add(number, member) == (fold(member.name) not in before)
        elif deed == "remove":
            model.pop(number, None)
            expected = None if old is None else (old, fold(old.name) not in people())
            assert roll.remove(number) == expected
        else:
            if old is not None:
                model[number] = member
            now = people()
            change = roll.rename(number, member)
            expected_change = None if old is None else (old, fold(old.name) not in now, fold(member.name) not in before)
            assert change == expected_change
        assert dict(roll.sessions()) == model
        assert set(roll.keys()) == people()
        assert len(roll) == len(people())
        for key in ("ada", "ben", "cy"):
            assert set(roll.numbers(key)) == {number for number, it in model.items() if fold(it.name) == key}
            assert roll.is_in(key) == (key in people())
        assert sorted(map(fold, (member.name for member in roll.people()))) == sorted(people())
