"""The thread that owns the file: what it commits together, in which order it reports, and when it deletes."""

import itertools
import sqlite3
import threading
import time
import types

import pytest

from pylingo.reactor.history import store, writer
from pylingo.reactor.history.history import Page
from pylingo.shared.messages import MAX_PAGE, Entry, HistoryRequest
from tests.fakes.history import ALL, make_file, rows
from tests.support import DEADLINE, wait_until


def test_a_callback_comes_after_the_commit_and_they_come_in_order(desk, path):
    log = desk()
    told: list[int] = []
    for at in range(1, 31):
        log.history.add("tea", Entry("alice", "hi", at), 1)
        log.history.when_committed(lambda at=at: told.append(at) or seen.append(at <= rows(path)[-1][0]))
        if at % 3 == 0:
            log.history.when_committed(lambda: told.append(0))
            log.loop.end_tick()
    seen: list[bool] = []
    log.loop.until(lambda: len(told) == 40)
    assert told == [number for at in range(1, 31) for number in ((at, 0) if at % 3 == 0 else (at,))]
    assert all(seen)


def test_a_callback_without_anything_to_keep_comes_too_and_behind_those_before(desk):
    log = desk()
    log.history.when_committed(lambda: log.kept.append(0))
    log.loop.until(lambda: log.kept)
    log.say(1)
    log.loop.end_tick()
    log.history.when_committed(lambda: log.kept.append(2))
    log.loop.until(lambda: len(log.kept) == 3)
    assert log.kept == [0, 1, 2]


def test_messages_that_come_while_the_disk_is_busy_are_committed_together(desk, commits):
    log = desk()
    go_on = threading.Event()
    log.hold(go_on)
    for at in range(1, 51):
        log.say(at)
        log.loop.end_tick()
    go_on.set()
    log.loop.until(lambda: len(log.kept) == 50)
    assert len(commits) == 1
    assert log.kept == list(range(1, 51))


def test_one_tick_is_one_commit(desk, commits):
    log = desk()
    for at in range(1, 51):
        log.say(at)
    log.loop.until(lambda: len(log.kept) == 50)
    assert len(commits) == 1


def test_a_page_has_what_was_said_before_it_was_asked_for_and_nothing_later(desk):
    log = desk()
    pages: list[Page] = []
    for at in range(1, 21):
        log.say(at, f"{at}")
        log.history.page("tea", ALL, pages.append)  # in the same tick
    log.loop.until(lambda: len(pages) == 20)
    for count, page in enumerate(pages, 1):
        assert [entry.at for entry in page.messages] == list(range(1, count + 1))


def test_questions_between_batches_cost_no_commits(desk, commits):
    """A few hundred peers with a question each would make everybody wait for as many commits."""
    log = desk()
    log.hold(go_on := threading.Event())
    told: list[object] = []
    for at in range(1, 101):
        log.say(at, key=f"k-{at}")
        log.history.when_committed(lambda at=at: told.append(at))
        log.history.look_up("tea", f"k-{at}", 9, "alice", lambda at: told.append(("found", at)))
        log.history.page("tea", HistoryRequest(limit=1), lambda page: told.append(page.messages[0].at * 1.0))
    go_on.set()
    log.loop.until(lambda: len(told) == 300)
    assert told == [one for at in range(1, 101) for one in (at, ("found", at), float(at))]
    assert len(commits) == 1


def test_an_answer_from_what_could_not_be_committed_is_not_given(desk, path, caplog, monkeypatch):
    """The file fails with the commit: what was asked within it is answered from memory, in its place."""
    log = desk()
    log.hold(go_on := threading.Event())
    told: list[object] = []

    def fail(file: sqlite3.Connection, rows: object) -> int:
        raise sqlite3.OperationalError("disk I/O error")

    for at in range(1, 4):
        log.history.page("tea", ALL, lambda page: told.append(len(page.messages)))
        log.say(at)
        log.history.when_committed(lambda at=at: told.append(f"kept {at}"))
    monkeypatch.setattr(store, "write", fail)
    go_on.set()
    log.loop.until(lambda: len(told) == 6)
    monkeypatch.undo()
    assert len(log.failures) == 1
    assert [one for one in told if isinstance(one, str)] == ["kept 1", "kept 2", "kept 3"]
    assert [one for one in told if isinstance(one, int)] == [3, 3, 3]  # memory holds what was said meanwhile
    log.close()


def test_a_page_comes_behind_the_callbacks_before_it(desk):
    log = desk()
    log.say(1)
    pages: list[Page] = []
    log.history.page("tea", ALL, pages.append)
    log.loop.until(lambda: pages)
    assert log.kept == [1]


@pytest.mark.parametrize("bounds", [{"keep": 1_000.0}, {"most": 100_000}], ids=["keep", "most"])
def test_a_log_keeps_its_bounds_while_it_serves(desk, path, monkeypatch, bounds):
    monkeypatch.setattr(store, "_SWEEP_ROWS", 100)
    now = time.time_ns() // 1_000
    make_file(path, [(now - 2_000_000_000 + at, "tea", "alice", "x" * 1_000, None) for at in range(300)])
    log = desk(**bounds)
    assert log.page().oldest == now - 2_000_000_000
    log.say(now, "new")
    end = time.monotonic() + DEADLINE
    while (page := log.page(request=HistoryRequest(limit=MAX_PAGE))).oldest <= now - 2_000_000_000 + 200:
        assert time.monotonic() < end
        log.loop.until(lambda: True)
        time.sleep(0.02)
    assert page.messages[-1].text == "new"
    assert log.failures == []


def test_without_bounds_nothing_is_ever_deleted_and_nobody_looks(desk, monkeypatch):
    looks: list[object] = []
    monkeypatch.setattr(store, "sweep", lambda *args: looks.append(args) and False)
    moments = itertools.count(0, 1_000)  # a quarter of an hour goes by with each look at the clock
    monkeypatch.setattr(writer, "time", types.SimpleNamespace(monotonic=lambda: next(moments), sleep=lambda _: None))
    log = desk(keep=0.0, most=0)
    log.say(1)
    assert log.texts() == ["hi"]
    assert log.failures == []
    assert looks == []


def test_under_load_a_commit_serves_all_of_some_milliseconds(desk, path, monkeypatch):
    """The first after a silence is at once; then there is time for others to come."""
    sleeps: list[float] = []
    go_on = threading.Event()
    writes: list[int] = []
    write = store.write

    def sleep(seconds: float) -> None:
        sleeps.append(seconds)
        if seconds:
            go_on.wait(DEADLINE)

    def counting(file, rows):
        writes.append(0)
        write(file, rows)

    monkeypatch.setattr(writer, "_COMMIT_EVERY", 60.0)
    monkeypatch.setattr(writer, "time", types.SimpleNamespace(monotonic=time.monotonic, sleep=sleep))
    monkeypatch.setattr(store, "write", counting)
    log = desk()
    log.say(1)
    log.loop.until(lambda: log.kept)
    assert (sleeps, len(writes)) == ([0.0], 1)
    for at in range(2, 20):
        log.say(at)
        log.loop.end_tick()
    wait_until(lambda: len(sleeps) == 2)
    go_on.set()
    log.loop.until(lambda: log.kept == list(range(1, 20)))
    assert len(writes) == 2
    assert 0 < sleeps[1] <= 60
    log.close()
    assert [row[0] for row in rows(path)] == list(range(1, 20))
