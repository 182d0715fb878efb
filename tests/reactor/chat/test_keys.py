"""The filters of keys: what was added is known, and little else."""

import contextlib

from hypothesis import given
from hypothesis import strategies as st

from reactor.chat import keys
from reactor.chat.keys import Filter, Keys, Scan
from reactor.chat.store import insert, open_file


@given(st.lists(st.tuples(st.text(max_size=5), st.text(max_size=5)), max_size=50))
def test_what_was_added_is_known(added):
    some = Filter()
    for room, key in added:
        some.add(room, key)
    assert all(some.may_hold(room, key) for room, key in added)
    assert some.count == len(added)


def test_a_full_filter_is_wrong_for_less_than_one_in_a_hundred():
    full = Filter()
    for number in range(full.capacity):
        full.add("tea", f"{number:016x}")
    wrong = sum(full.may_hold("tea", f"new-{number}") for number in range(20_000))
    assert 0 < wrong < 200


def test_the_room_belongs_to_the_key():
    some = Filter()
    some.add("tea", "k")
    assert not some.may_hold("coffee", "k")
    assert not some.may_hold("k", "tea")


def test_before_the_file_is_known_it_may_hold_anything():
    known = Keys()
    assert known.may_hold("tea", "k")
    known.found(Filter())
    assert not known.may_hold("tea", "k")
    known.add("tea", "k")
    assert known.may_hold("tea", "k")
    known.forget()
    assert known.may_hold("tea", "other")
    known.found(Filter())
    assert known.may_hold("tea", "k")
    assert not known.may_hold("tea", "other")


def test_a_filter_of_the_file_takes_the_place_of_what_was_said_before_it_and_of_nothing_else(monkeypatch):
    monkeypatch.setattr(keys, "_LEAST_KEYS", 4)
    known = Keys()
    known.found(Filter())
    for number in range(3):
        known.add("tea", f"old-{number}")
    assert not known.is_full()
    known.add("tea", "old-3")
    assert known.is_full()
    number = known.renew()
    assert not known.is_full()  # not twice
    known.add("tea", "new")
    known.found(Filter(4, 0))  # of a look that began before
    assert known.may_hold("tea", "old-0")
    of_file = Filter(4, number)
    of_file.add("tea", "of the file")
    known.found(of_file)
    assert known.may_hold("tea", "new")
    assert not all(known.may_hold("tea", f"old-{number}") for number in range(4))


def test_a_file_that_failed_while_it_was_read_again_is_read_once_more_when_there_are_enough_keys(monkeypatch):
    monkeypatch.setattr(keys, "_LEAST_KEYS", 4)
    known = Keys()
    known.found(Filter())
    for number in range(4):
        known.add("tea", f"old-{number}")
    known.renew()  # the file fails, and nobody reads it for that
    known.forget()
    known.found(Filter())  # it came back, and was read from its begin
    for number in range(4):
        assert not known.is_full()
        known.add("tea", f"new-{number}")
    assert known.is_full()
    known.found(Filter(8, known.renew()))
    assert not known.may_hold("tea", "old-0")
    assert not known.may_hold("tea", "new-0")


def test_the_file_is_read_again_only_when_there_are_twice_as_many_keys(monkeypatch):
    monkeypatch.setattr(keys, "_LEAST_KEYS", 4)
    known = Keys()
    known.found(Filter())
    renewals = []
    for number in range(1_000):
        known.add("tea", f"{number}")
        if known.is_full():
            of_file = Filter(number + 1, known.renew())
            for old in range(number + 1):
                of_file.add("tea", f"{old}")
            known.found(of_file)
            renewals.append(number + 1)
    assert renewals == [4, 8, 16, 32, 64, 128, 256, 512]


def test_a_scan_finds_all_keys_of_a_file_slice_by_slice():
    with contextlib.closing(open_file(":memory:")) as file:
        said = [(at, f"room-{at % 3}", "alice", "hi", f"k-{at % 100}" if at % 5 else None, 1) for at in range(1_000)]
        insert(file, said)
        scan = Scan(file, 7)
        slices = 1
        while not scan.go_on():
            slices += 1
        assert slices == 800 // keys._SLICE + 1
        assert scan.keys.number == 7
        assert scan.keys.count == 800
        assert all(scan.keys.may_hold(room, key) for _, room, _, _, key, _ in said if key is not None)
