"""Challenges, and changes that a disk takes or does not take."""

from pylingo.reactor.chat.access import Access
from pylingo.reactor.people.register import Register
from tests.fakes.access import Disk
from tests.fakes.identity import key
from tests.fakes.people import WallClock

ADA = key("a").fingerprint


def test_a_challenge_is_one_for_each_guest_name_and_each_server():
    access = Access()
    names = [f"guest-{number}" for number in range(100)]
    assert {len(access.challenge(name)) for name in names} == {32}
    assert len({access.challenge(name) for name in names} | {Access().challenge(name) for name in names}) == 200
    assert access.challenge("guest-1") == access.challenge("guest-1")


def test_without_a_disk_a_change_is_stored_at_once():
    access = Access()
    told = []
    access.store(access.register.op(ADA), told.append)
    assert told == [True]
    assert access.register.is_operator(ADA)


def test_a_change_counts_once_it_is_on_the_disk():
    disk = Disk(Register())
    access = Access(disk.register, disk.store)
    disk.answers_at_once = False
    told = []
    access.store(access.register.op(ADA), told.append)
    assert (told, access.register.is_operator(ADA)) == ([], False)
    disk.answer()
    assert (told, access.register.is_operator(ADA)) == ([True], True)
    assert disk.states[-1]["operators"] == [ADA]


def test_a_change_that_no_disk_takes_is_undone():
    disk = Disk(Register())
    disk.is_full = True
    access = Access(disk.register, disk.store)
    told = []
    access.store(access.register.op(ADA), told.append)
    assert (told, access.register.is_operator(ADA)) == ([False], False)
    assert access.register.to_state()["operators"] == []


def test_the_use_of_names_is_stored_once_an_hour():
    clock = WallClock()
    disk = Disk(Register(clock))
    access = Access(disk.register, disk.store)
    access.register.take_name("ada", ADA, "127.0.0.1")
    for seconds, stored in [(0, 1), (60, 1), (3_600, 2), (7_199, 2), (7_200, 3)]:
        access.refresh_name("ada", ADA, clock.now + seconds * 1_000_000)
        assert len(disk.states) == stored, seconds
