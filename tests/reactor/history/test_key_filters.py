"""The filters of keys: they know every key that was added, and have few false positives."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pylingo.reactor.history import key_filters
from pylingo.reactor.history.key_filters import BloomFilter, KeyFilters, KeyScan
from pylingo.reactor.history.store import insert, trace
from tests.fakes.history import in_memory


@given(st.lists(st.tuples(st.text(max_size=5), st.text(max_size=5), st.text(max_size=5) | st.integers()), max_size=50))
def test_added_keys_are_known(added):
    some = BloomFilter()
    for one in added:
        some.add(trace(*one))
    assert all(some.may_hold(trace(*one)) for one in added)
    assert some.count == len(added)


def test_a_full_filter_is_wrong_for_less_than_one_in_a_hundred():
    full = BloomFilter()
    for number in range(full.capacity):
        full.add(trace("tea", f"{number:016x}", "alice"))
    wrong = sum(full.may_hold(trace("tea", f"new-{number}", "alice")) for number in range(20_000))
    assert 0 < wrong < 200


def test_the_room_and_the_speaker_belong_to_the_key():
    some = KeyFilters()
    some.found(BloomFilter())
    some.add("tea", "k", 7, "Alice")
    assert some.may_hold("tea", "k", 7, "bob")
    assert some.may_hold("tea", "k", 9, "ALICE")
    assert not some.may_hold("tea", "k", 9, "bob")
    assert not some.may_hold("coffee", "k", 7, "alice")
    assert not some.may_hold("k", "tea", 7, "alice")


def test_those_who_count_their_keys_from_one_know_nothing_of_each_other():
    some = KeyFilters()
    some.found(BloomFilter())
    for bot in range(100):
        known = sum(some.may_hold("tea", f"{number}", bot, f"bot-{bot}") for number in range(100))
        assert known < 5
        for number in range(100):
            some.add("tea", f"{number}", bot, f"bot-{bot}")


@pytest.mark.parametrize("most", [8_192, 2**17])
def test_the_filters_keep_their_bound_whatever_they_hold(most):
    some = KeyFilters(most)
    some.found(BloomFilter(0, 0, most))
    sizes = [some.size]
    for number in range(100_000):
        some.add("tea", f"{number}", 1, "alice")
        if some.is_full():
            renewed = some.renew()
            sizes.append(some.size)
            some.found(BloomFilter(4 * number, renewed, most))
            sizes.append(some.size)
    assert max(sizes) <= 4 * most
    assert len(sizes) > 2
    assert some.may_hold("tea", "99999", 1, "nobody")


def test_the_size_has_the_filter_that_is_being_built():
    known = KeyFilters(100)
    assert known.size == 200
    known.found(BloomFilter(0, 0, 100))
    assert known.size == 200
    number = known.renew()
    assert known.size == 400
    known.found(BloomFilter(0, number, 100))
    assert known.size == 200


def test_before_the_file_is_known_it_may_hold_anything():
    known = KeyFilters()
    assert known.may_hold("tea", "k", 1, "alice")
    known.found(BloomFilter())
    assert not known.may_hold("tea", "k", 1, "alice")
    known.add("tea", "k", 1, "alice")
    assert known.may_hold("tea", "k", 1, "alice")
    known.is_complete = False
    assert known.may_hold("tea", "other", 1, "alice")
    known.found(BloomFilter())
    assert known.may_hold("tea", "k", 1, "alice")
    assert not known.may_hold("tea", "other", 1, "alice")


def test_a_filter_of_the_file_takes_the_place_of_what_was_said_before_it_and_of_nothing_else(monkeypatch):
    monkeypatch.setattr(key_filters, "_LEAST_TRACES", 8)
    known = KeyFilters()
    known.found(BloomFilter())
    for number in range(3):
        known.add("tea", f"old-{number}", 1, "alice")
    assert not known.is_full()
    known.add("tea", "old-3", 1, "alice")
    assert known.is_full()
    number = known.renew()
    assert not known.is_full()  # not twice
    known.add("tea", "new", 1, "alice")
    for other in range(10):
        known.add("tea", f"other-{other}", 1, "alice")
    assert not known.is_full()  # not while it is renewed
    known.found(BloomFilter(8, 0))  # of a look that began before
    assert known.may_hold("tea", "old-0", 1, "alice")
    of_file = BloomFilter(8, number)
    of_file.add(trace("tea", "of the file", "alice"))
    known.found(of_file)
    assert known.may_hold("tea", "new", 1, "alice")
    assert not all(known.may_hold("tea", f"old-{number}", 1, "alice") for number in range(4))


def test_a_file_that_failed_while_it_was_read_again_is_read_once_more_when_there_are_enough_keys(monkeypatch):
    monkeypatch.setattr(key_filters, "_LEAST_TRACES", 8)
    known = KeyFilters()
    known.found(BloomFilter())
    for number in range(4):
        known.add("tea", f"old-{number}", 1, "alice")
    known.renew()  # the file fails, and nobody reads it for that
    known.is_complete = False
    known.found(BloomFilter())  # it came back, and was read from its begin
    for number in range(4):
        assert not known.is_full()
        known.add("tea", f"new-{number}", 1, "alice")
    assert known.is_full()
    known.found(BloomFilter(8, known.renew()))
    assert not known.may_hold("tea", "old-0", 1, "alice")
    assert not known.may_hold("tea", "new-0", 1, "alice")


def test_the_file_is_read_again_only_when_there_are_twice_as_many_keys(monkeypatch):
    monkeypatch.setattr(key_filters, "_LEAST_TRACES", 8)
    known = KeyFilters()
    known.found(BloomFilter())
    renewals = []
    for number in range(1_000):
        known.add("tea", f"{number}", 1, "alice")
        if known.is_full():
            of_file = BloomFilter(2 * number + 2, known.renew())
            for old in range(number + 1):
                for who in (1, "alice"):
                    of_file.add(trace("tea", f"{old}", who))
            known.found(of_file)
            renewals.append(number + 1)
    assert renewals == [4, 8, 16, 32, 64, 128, 256, 512]


def test_a_scan_finds_all_keys_of_a_file_slice_by_slice(monkeypatch):
    monkeypatch.setattr(key_filters, "_SLICE", 70)
    with contextlib.closing(in_memory()) as file:
        said = [(at, f"room-{at % 3}", "alice", "hi", f"k-{at % 100}" if at % 5 else None, 1) for at in range(1_000)]
        insert(file, [(*row, *[None] * 5) for row in said])
        scan = KeyScan(file, 7)
        slices = 1
        while not scan.step():
            slices += 1
        assert slices == 1_000 // 70 + 1
        assert scan.keys.number == 7
        assert scan.count == 800
        assert scan.keys.count == 2 * 800
        for _, room, name, _, key, session in said:
            if key is not None:
                assert scan.keys.may_hold(trace(room, key, name))
                assert scan.keys.may_hold(trace(room, key, session))
