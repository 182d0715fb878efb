"""The file of the log: what it holds, how little of it is read, and how it shrinks."""

import contextlib
import itertools
import sqlite3
import time

from hypothesis import given, settings

from reactor.chat import store
from reactor.chat.history import Page
from reactor.chat.store import VERSION, find_key, load, next_keys, open_file, read_page, sweep
from shared.messages import Entry, History
from tests.reactor.chat.test_disk import ALL, make_file
from tests.reactor.chat.test_history import assert_page, logs, requests
from tests.support import wait_until


@settings(deadline=None)
@given(logs(), requests)
def test_any_page_of_any_log(said, request_):
    with contextlib.closing(open_file(":memory:")) as file:
        for entry in said:
            file.execute(
                "insert into message (at, room, name, text, key) values (?, 'tea', ?, ?, ?)",
                (entry.at, entry.from_, entry.text, entry.key),
            )
        file.execute("insert into message (at, room, name, text) values (5000, 'coffee', 'bob', 'hi')")
        assert_page(read_page(file, "tea", request_), said, request_)
        assert read_page(file, "coffee", ALL) == Page([Entry("bob", "hi", 5000)], False, 5000)


def test_a_page_reads_no_more_of_the_file_than_it_needs(tmp_path):
    path = tmp_path / "large.db"
    make_file(path, [(at, f"room-{at % 3}", "alice", "x" * 100, None) for at in range(1, 30_001)])
    with contextlib.closing(open_file(str(path))) as file:
        for request in (History(), ALL, History(before=15_000), History(since=1, before=29_999)):
            steps: list[int] = []
            file.set_progress_handler(lambda steps=steps: steps.append(1), 100)
            assert len(read_page(file, "room-1", request).messages) == request.limit
            assert len(steps) < 100, "the whole room was walked"


def sweep_all(file: sqlite3.Connection, keep: float, most: int) -> list[int]:
    """Sweeps until there is nothing more to do; how many rows were left after each step."""
    left = []
    more = True
    while more:
        more = sweep(file, keep, most)
        left.append(file.execute("select count(*) from message").fetchone()[0])
        assert len(left) < 1_000
    return left


def test_what_is_too_old_is_deleted_in_small_steps(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "_SWEEP_ROWS", 10)
    now = time.time_ns() // 1_000
    path = tmp_path / "chat.db"
    old = [(now - 2_000_000_000 + at, "tea", "alice", "old", None) for at in range(35)]
    make_file(path, [*old, *((now + at, "tea", "alice", "new", None) for at in range(5))])
    with contextlib.closing(open_file(str(path))) as file:
        assert sweep_all(file, 1_000, 0) == [30, 20, 10, 5, 5]
        assert {entry.text for _, entry in load(file)} == {"new"}
        assert sweep_all(file, 0, 0) == [5]
        assert sweep_all(file, 1_000, 2**30) == [5]


def size_of_file(file: sqlite3.Connection) -> int:
    return file.execute("pragma page_count").fetchone()[0] * file.execute("pragma page_size").fetchone()[0]


def test_what_is_too_much_is_deleted_in_small_steps_and_the_file_shrinks(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "_SWEEP_ROWS", 50)
    path = tmp_path / "chat.db"
    make_file(path, [(at, "tea", "alice", "x" * 1_000, None) for at in range(1, 1_001)])
    with contextlib.closing(open_file(str(path))) as file:
        assert size_of_file(file) > 1_000_000
        left = sweep_all(file, 0, 300_000)
        assert all(before - after in (0, 50) for before, after in itertools.pairwise(left))
        assert 150 <= left[-1] <= 300
        assert size_of_file(file) <= 300_000
        stamps = [at for (at,) in file.execute("select at from message order by at")]
        assert stamps == list(range(1_001 - left[-1], 1_001))
    assert wait_until(lambda: path.stat().st_size <= 300_000)


def test_far_above_the_bound_the_steps_are_larger(monkeypatch):
    monkeypatch.setattr(store, "_SWEEP_ROWS", 10)
    with contextlib.closing(open_file(":memory:")) as file:
        store.insert(file, [(at, "tea", "alice", "hi", None, None) for at in range(1_000)])
        left = []
        for over in (2**20, 2**26):
            monkeypatch.setattr(store, "size", lambda file, over=over: 2**28 + over)
            sweep(file, 0, 2**28)
            left.append(file.execute("select count(*) from message").fetchone()[0])
        assert left == [990, 890]


def test_a_message_that_is_there_already_is_not_new():
    with contextlib.closing(open_file(":memory:")) as file:
        row = (5, "tea", "alice", "hi", None, None)
        assert store.insert(file, [row, row, (6, *row[1:])]) == 2
        assert store.insert(file, [row]) == 0
        assert store.newest_stamp(file) == 6


def test_a_key_is_found_by_session_or_name_and_the_oldest_counts():
    with contextlib.closing(open_file(":memory:")) as file:
        said = [(5, "Alice", 7), (6, "bob", 8), (7, "alice", 9)]
        store.insert(file, [(at, "tea", name, "hi", "k", number) for at, name, number in said])
        assert find_key(file, "tea", "k", 0, "ALICE") == 5
        assert find_key(file, "tea", "k", 8, "nobody") == 6
        assert find_key(file, "tea", "k", 9, "nobody") == 7
        assert find_key(file, "tea", "k", 0, "nobody") is None
        assert find_key(file, "coffee", "k", 7, "alice") is None
        assert find_key(file, "tea", "K", 7, "alice") is None


def test_the_keys_are_read_through_an_index(tmp_path):
    path = tmp_path / "large.db"
    make_file(path, [(at, "tea", "alice", "x" * 100, f"k-{at % 5_000}") for at in range(1, 30_001)])
    with contextlib.closing(open_file(str(path))) as file:
        steps: list[int] = []
        file.set_progress_handler(lambda: steps.append(1), 100)
        assert find_key(file, "tea", "k-4999", 0, "nobody") is None
        found = next_keys(file, ("k-10", "tea", 15_000), 10)
        assert len(steps) < 100, "the whole file was walked"
    assert found[:3] == [("k-10", "tea", 15_010), ("k-10", "tea", 20_010), ("k-10", "tea", 25_010)]
    assert found == sorted(found)


def test_a_file_of_the_first_version_is_brought_up(tmp_path):
    path = tmp_path / "chat.db"
    with contextlib.closing(sqlite3.connect(path)) as old, old:
        old.executescript(
            "pragma auto_vacuum = incremental; create table message (at integer primary key, room text not null,"
            " name text not null, text text not null, key text) strict;"
            "create index message_of_room on message (room, at); pragma user_version = 1;"
        )
        old.executemany("insert into message values (?, 'tea', 'alice', 'hi', ?)", [(1, None), (2, "k")])
    for _ in range(2):
        with contextlib.closing(open_file(str(path))) as file:
            assert file.execute("pragma user_version").fetchone() == (VERSION,)
            assert [entry.at for _, entry in load(file)] == [1, 2]
            assert find_key(file, "tea", "k", 0, "alice") == 2
    with (
        contextlib.closing(open_file(str(tmp_path / "new.db"))) as new,
        contextlib.closing(open_file(str(path))) as file,
    ):
        names = [{row[1] for row in each.execute("select type, name from sqlite_master")} for each in (new, file)]
        assert names[0] == names[1]
