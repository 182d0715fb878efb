"""The keys of logs: they are found as in a history in memory, and their memory is bounded."""

import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from pylingo.reactor.bus.redis.blob import Author
from pylingo.reactor.bus.redis.key_index import NEWEST, KeyIndex, KeyIndexes
from pylingo.reactor.bus.redis.log_reader import Keyed
from pylingo.reactor.history.memory import MemoryHistory
from pylingo.shared.messages import Entry

keys = st.sampled_from(["k", "l"])
sessions = st.integers(1, 3)
names = st.sampled_from(["ada", "ben"])


def keyed(key: str, session: int, name: str, at: int) -> Keyed:
    return Keyed([key], Author(session, name), at)


said = st.lists(st.tuples(keys, sessions, names), max_size=12)


@given(said, st.randoms())
def test_a_key_is_found_as_in_memory(said: list[tuple[str, int, str]], random):
    messages = [(key, session, name, at) for at, (key, session, name) in enumerate(said, 1)]
    memory = MemoryHistory()
    for key, session, name, at in messages:
        memory.add("tea", Entry(name, "hi", at, key), session)
    index = KeyIndex()
    shuffled = messages * 2  # what is read and what is told may be the same, and come in any order
    random.shuffle(shuffled)
    for message in shuffled:
        index.note(keyed(*message))
    assert len(index) == len(messages)
    for key in ("k", "l"):
        for session in (1, 2, 3):
            for name in ("ada", "ben"):
                for others in ((), (2,), (1, 3)):
                    assert index.find(key, session, name, others) == memory.find("tea", key, session, name, others)


def test_messages_of_one_person_one_after_another_are_noted_together():
    index = KeyIndex()
    ada, ben = Author(1, "ada"), Author(2, "ben")
    index.note(Keyed(["k", "l", "m"], ada, 5))
    size = index.size
    index.note(Keyed(["k", "l", "m"], ada, 5))  # known already
    assert (len(index), index.size) == (3, size)
    index.note(Keyed(["n", "n", "l"], ben, 8))
    assert [index.find(key, 1, "ada") for key in "klmn"] == [5, 6, 7, None]
    assert [index.find(key, 2, "ben") for key in "klmn"] == [None, 10, None, 9]
    assert len(index) == 6


def test_the_first_keys_are_forgotten_beyond_the_bound():
    index = KeyIndex()
    for at in range(1, 4 * NEWEST):
        index.note(keyed(f"k{at}", 1, "ada", at))
        index.note(keyed(f"k{at}", 2, "ben", 10 * NEWEST + at))
        newest = max(1, at - NEWEST + 1)
        assert index.find(f"k{newest}", 1, "ada") == newest
        assert index.find(f"k{newest}", 2, "eve") == 10 * NEWEST + newest
    assert len(index) <= 2 * (NEWEST + 1_000)
    assert index.find("k1", 1, "ada") is None
    assert index.find("k1", 2, "ben") is None


def test_the_index_that_was_used_longest_ago_is_given_up_first():
    indexes = KeyIndexes(10_500)
    for log in ("a", "b", "c"):
        index = indexes.open(log)
        for at in range(1, 6):
            indexes.add(log, index, keyed(f"k{at}", 1, "ada", at))
    assert indexes.size == sum(it.size for it in (indexes.get("a"), indexes.get("b"), indexes.get("c")) if it)
    indexes.note("a", keyed("x", 1, "ada", 9))
    indexes.open("d")
    assert indexes.get("b") is not None
    index = indexes.open("c")
    for at in range(10, 16):
        indexes.add("c", index, keyed(f"k{at}", 1, "ada", at))
    assert [indexes.get(log) is not None for log in ("a", "b", "c", "d")] == [True, False, True, True]
    assert indexes.size <= 10_500


def test_the_index_that_is_in_use_or_being_read_stays():
    indexes = KeyIndexes(2_000)
    busy = indexes.open("busy")
    busy.is_busy = True
    large = indexes.open("large")
    for at in range(1, 20):
        indexes.add("large", large, keyed(f"k{at}", 1, "ada", at))
    assert indexes.get("busy") is busy
    assert indexes.get("large") is large
    busy.is_busy = False
    indexes.note("large", keyed("x", 1, "ada", 30))
    assert (len(indexes), indexes.get("busy")) == (1, None)


def test_what_is_read_for_an_index_that_was_given_up_is_not_counted():
    indexes = KeyIndexes()
    index = indexes.open("tea")
    indexes.drop("tea")
    indexes.drop("tea")
    indexes.add("tea", index, keyed("k", 1, "ada", 5))
    assert (indexes.size, len(indexes), len(index)) == (0, 0, 1)
    indexes.note("tea", keyed("k", 1, "ada", 5))
    assert (indexes.get("tea"), len(index)) == (None, 1)


def test_the_size_of_an_index_is_at_least_the_memory_that_it_takes():
    at = 1_700_000_000_000_000
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        index = KeyIndex()
        for n in range(NEWEST):
            index.note(keyed(f"key number {n:20}", 2**32 + n, f"name number {n}", at + n))
        taken = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert 0.4 * index.size < taken <= index.size
