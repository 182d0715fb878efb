"""The queries of the history file: their results, how little they read, and how the file shrinks."""

import contextlib
import itertools
import sqlite3
import time
from collections.abc import Callable

import pytest
from hypothesis import given, settings

from pylingo.reactor.history import store
from pylingo.reactor.history.database import open_file
from pylingo.reactor.history.history import Page
from pylingo.reactor.history.store import find_key, load, newest, next_keys, read_page, rooms, sweep
from pylingo.shared.messages import Entry, HistoryRequest
from tests.fakes.history import ALL, in_memory, make_file
from tests.fakes.pages import assert_page, logs, requests
from tests.support import wait_until


@settings(deadline=None)
@given(logs(), requests)
def test_any_page_of_any_log(said, request_):
    with contextlib.closing(in_memory()) as file:
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
        for request in (HistoryRequest(), ALL, HistoryRequest(before=15_000), HistoryRequest(since=1, before=29_999)):
            steps: list[int] = []
            file.set_progress_handler(lambda steps=steps: steps.append(1), 100)
            assert len(read_page(file, "room-1", request).messages) == request.limit
            assert len(steps) < 100, "the whole room was walked"


def sweep_all(file: sqlite3.Connection, oldest: int, most: int) -> list[int]:
    """Sweeps until there is nothing more to do; how many rows were left after each step."""
    left = []
    more = True
    while more:
        more = sweep(file, oldest, most)
        left.append(file.execute("select count(*) from message").fetchone()[0])
        assert len(left) < 1_000
    return left


def test_old_messages_are_deleted_in_small_steps(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "_SWEEP_ROWS", 10)
    now = time.time_ns() // 1_000
    path = tmp_path / "chat.db"
    old = [(now - 2_000_000_000 + at, "tea", "alice", "old", None) for at in range(35)]
    make_file(path, [*old, *((now + at, "tea", "alice", "new", None) for at in range(5))])
    with contextlib.closing(open_file(str(path))) as file:
        assert sweep_all(file, now - 1_000_000_000, 0) == [30, 20, 10, 5, 5]
        assert {entry.text for _, entry in load(file)} == {"new"}
        assert sweep_all(file, 0, 0) == [5]
        assert sweep_all(file, now - 1_000_000_000, 2**30) == [5]


def size_of_file(file: sqlite3.Connection) -> int:
    return file.execute("pragma page_count").fetchone()[0] * file.execute("pragma page_size").fetchone()[0]


def test_surplus_messages_are_deleted_in_small_steps_and_the_file_shrinks(tmp_path, monkeypatch):
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
    with contextlib.closing(in_memory()) as file:
        store.insert(file, [(at, "tea", "alice", "hi", *[None] * 7) for at in range(1_000)])
        left = []
        for over in (2**20, 2**26):
            monkeypatch.setattr(store, "size", lambda file, over=over: 2**28 + over)
            sweep(file, 0, 2**28)
            left.append(file.execute("select count(*) from message").fetchone()[0])
        assert left == [990, 890]


def test_a_message_that_is_there_already_is_not_new():
    with contextlib.closing(in_memory()) as file:
        row = (5, "tea", "alice", "hi", *[None] * 7)
        assert store.insert(file, [row, row, (6, *row[1:])]) == 2
        assert store.insert(file, [row]) == 0
        assert store.newest_stamp(file) == 6


def test_a_key_is_found_by_session_or_name_and_the_oldest_counts():
    with contextlib.closing(in_memory()) as file:
        said = [(5, "Alice", 7), (6, "bob", 8), (7, "alice", 9)]
        store.insert(file, [(at, "tea", name, "hi", "k", number, *[None] * 5) for at, name, number in said])
        assert find_key(file, "tea", "k", 0, "ALICE") == 5
        assert find_key(file, "tea", "k", 8, "nobody") == 6
        assert find_key(file, "tea", "k", 9, "nobody") == 7
        assert find_key(file, "tea", "k", 0, "nobody") is None
        assert find_key(file, "coffee", "k", 7, "alice") is None
        assert find_key(file, "tea", "K", 7, "alice") is None


def test_fewer_messages_are_loaded_if_they_are_long():
    with contextlib.closing(in_memory()) as file:
        store.insert(file, [(at, "tea", "alice", "x" * 4_096, *[None] * 7) for at in range(1, 1_001)])
        assert [entry.at for _, entry in load(file)] == list(range(745, 1_001))


def test_private_messages_do_not_prolong_the_loading(monkeypatch):
    monkeypatch.setattr(store, "_LOOKED_AT", 100)
    with contextlib.closing(in_memory()) as file:
        store.insert(file, [(at, "tea", "alice", "hi", *[None] * 7) for at in range(1, 1_001)])
        store.insert(
            file, [(at, "@1:2", "alice", "psst", None, None, "bob", *[None] * 4) for at in range(1_001, 1_096)]
        )
        assert [entry.at for _, entry in load(file)] == [996, 997, 998, 999, 1_000]
        store.insert(
            file, [(at, "@1:2", "alice", "psst", None, None, "bob", *[None] * 4) for at in range(1_096, 9_000)]
        )
        loaded: list[list[tuple[str, Entry]]] = []
        assert steps_of(file, lambda: loaded.append(load(file))) < 50
        assert loaded == [[]]


def steps_of(file: sqlite3.Connection, deed: Callable[[], object]) -> int:
    """How many hundreds of steps SQLite's machine takes for it."""
    steps: list[int] = []
    file.set_progress_handler(lambda: steps.append(1), 100)
    deed()
    file.set_progress_handler(None, 0)
    return len(steps)


@pytest.mark.parametrize("rows", [300, 30_000])
def test_no_look_up_reads_more_of_the_file_however_many_share_a_key_a_name_or_a_session(rows):
    name = "Zo\xeb"
    said = [
        *((at, "tea", f"user-{at}", "hi", "k", at) for at in range(rows)),  # many names with one key
        *((rows + at, "tea", "bot", "hi", f"k-{at}", 10**6) for at in range(rows)),  # one name with many keys
        *((2 * rows + at, f"room-{at}", name, "hi", "k", 10**6) for at in range(rows)),  # one key in many rooms
    ]
    with contextlib.closing(in_memory()) as file:
        store.insert(file, [(*row, *[None] * 5) for row in said])
        last = rows - 1
        found = {
            ("tea", "k", last, "nobody"): last,
            ("tea", "k", 10**7, f"USER-{last}"): last,
            ("tea", "k", 10**7, "nobody"): None,
            ("tea", f"k-{last}", 10**7, "Bot"): rows + last,
            ("tea", f"k-{last}", 10**6, "nobody"): rows + last,
            (f"room-{last}", "k", 10**7, "zoe\u0308"): 2 * rows + last,
            (f"room-{last}", "k", 10**6, "nobody"): 2 * rows + last,
            (f"room-{last}", "new", 10**6, name): None,
        }
        for asked, at in found.items():
            assert steps_of(file, lambda asked=asked, at=at: check(find_key(file, *asked) == at)) <= 2, asked
        for after in (-1, rows // 2, 2 * rows):
            assert steps_of(file, lambda after=after: check(len(next_keys(file, after, 50)) == 50)) < 30
        assert steps_of(file, lambda: store.newest_stamp(file)) <= 1
        assert steps_of(file, lambda: store.size(file)) <= 1
        for request in (HistoryRequest(), ALL, HistoryRequest(before=rows // 2), HistoryRequest(since=0, limit=1)):
            for room in ("tea", "room-7", "nowhere"):
                assert steps_of(file, lambda room=room, request=request: read_page(file, room, request)) < 30


def check(condition: bool) -> None:
    assert condition


def test_a_step_of_sweeping_does_not_grow_with_the_file(monkeypatch):
    monkeypatch.setattr(store, "_SWEEP_ROWS", 20)
    for rows in (300, 30_000):
        with contextlib.closing(in_memory()) as file:
            store.insert(file, [(at, "tea", f"user-{at}", "hi", "k", at, *[None] * 5) for at in range(rows)])
            assert steps_of(file, lambda file=file: sweep(file, 1_000, 1)) < 100


def test_the_next_messages_come_in_their_order_with_what_their_keys_are_told_by():
    with contextlib.closing(in_memory()) as file:
        store.insert(
            file,
            [
                (3, "tea", "Alice", "hi", "k", 7, *[None] * 5),
                (5, "tea", "Zo\xcb", "hi", "l", 8, *[None] * 5),
                (9, "a", "b", "c", *[None] * 7),
            ],
        )
        assert next_keys(file, -1, 2) == [
            (3, "tea", "k", "alice", store.trace("tea", "k", 7)),
            (5, "tea", "l", "zo\xeb", store.trace("tea", "l", 8)),
        ]
        assert next_keys(file, 5, 2) == [(9, "a", None, "b", None)]


def test_numbers_are_kept_with_the_next_commit(tmp_path):
    path = str(tmp_path / "chat.db")
    with contextlib.closing(open_file(path)) as file:
        assert store.read_numbers(file) == {}
        store.write_numbers(file, reserved=5, sound=7)
        store.insert(file, [])
        store.write_numbers(file, reserved=6)  # never committed
    with contextlib.closing(open_file(path)) as file:
        assert store.read_numbers(file) == {"reserved": 5, "sound": 7}
        store.write_numbers(file, reserved=4, sound=None, ran=None)
        store.insert(file, [(1, "tea", "alice", "hi", *[None] * 7)])
    with contextlib.closing(open_file(path)) as file:
        assert store.read_numbers(file) == {"reserved": 4}


def test_a_number_beyond_the_largest_of_the_file_is_that_one():
    with contextlib.closing(in_memory()) as file:
        store.write_numbers(file, reserved=2**70)
        assert store.read_numbers(file) == {"reserved": 2**63 - 1}


def test_the_rooms_and_their_newest_messages():
    with contextlib.closing(in_memory()) as file:
        query = "insert into message (at, room, name, text, recipient) values (?, ?, 'ada', 'hi', ?)"
        file.executemany(query, [(1, "tea", None), (2, "cats", None), (3, "tea", None), (4, "@1|2", "bob")])
        assert sorted(rooms(file)) == ["cats", "tea"]
        assert [entry.at for entry in newest(file, "tea", 5)] == [1, 3]
        assert newest(file, "tea", 1) == [Entry("ada", "hi", 3)]
        assert newest(file, "dogs", 1) == []
