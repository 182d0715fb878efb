"""The history in a file, as the hub uses it: restarts, keys, stamps, a disk that hangs, a file that goes away."""

import contextlib
import gc
import sqlite3
import threading
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pylingo.reactor.bus.local import LocalBus
from pylingo.reactor.chat.hub import Hub
from pylingo.reactor.engine.loop import Reactor
from pylingo.reactor.history import database, key_filters, store, writer
from pylingo.reactor.history import sqlite as disk
from pylingo.reactor.history.database import VERSION
from pylingo.reactor.history.history import FOREVER, Page
from pylingo.reactor.history.memory import MemoryHistory, folded
from pylingo.reactor.history.sqlite import SqliteHistory
from pylingo.shared.messages import (
    Command,
    Entry,
    HistoryRequest,
    Joined,
    Message,
    Notice,
    PongRequest,
    Say,
    Sent,
    Welcome,
)
from pylingo.shared.names import fold
from tests.fakes.bench import benches
from tests.fakes.chat import Chat
from tests.fakes.history import ALL, Desk, damaged, make_file, rows
from tests.fakes.pages import LONGEST_ROOM
from tests.support import DEADLINE, wait_until

# --- what is kept


def test_everything_is_there_again(desk):
    first = desk()
    assert first.stamps == [0]
    texts = ["hi", "", "\x00", "a\nb\tc", "\N{GRINNING FACE}" * 4_096, "'; drop table message; --", "e\u0301"]
    said = [Entry("Zoë", text, at, f"k-{at}" if at % 2 else None) for at, text in enumerate(texts, 10)]
    for entry in said:
        if entry.key is None:
            first.history.add_plain("straße", [entry])
        else:
            first.history.add("straße", entry, 7)
    first.history.add("tea", Entry("bob", "elsewhere", 100), 8)
    first.close()
    second = desk()
    assert second.stamps == [100]
    have: list[Entry] = []
    request = ALL
    while True:
        page = second.page("straße", request)
        have += page.messages
        if not page.more:
            break
        request = HistoryRequest(since=have[-1].at)
    assert have == said
    assert second.page("tea") == Page([Entry("bob", "elsewhere", 100)], False, 100)
    assert second.page("nowhere") == Page([], False, None)


def test_the_names_of_the_longest_room_and_person_come_back(desk):
    first = desk()
    entry = Entry("\U00010c00" * 32, "x", 2**62, "k" * 32)
    first.history.add(LONGEST_ROOM, entry, 1)
    first.close()
    assert desk().page(LONGEST_ROOM).messages == [entry]


def test_a_log_can_be_added_to_again_and_again(desk):
    for generation in range(4):
        log = desk()
        assert log.stamps == [generation]
        log.say(generation + 1, f"{generation}")
        log.loop.until(lambda log=log: log.kept)
    assert desk().texts() == ["0", "1", "2", "3"]


def test_messages_of_the_last_tick_are_kept_without_its_end(desk):
    first = desk()
    first.say(1, "last words")
    first.close()
    assert first.kept == [1]
    assert desk().texts() == ["last words"]


def test_messages_sent_before_the_file_is_open_are_kept(desk):
    log = desk(opened=False)
    log.history.open(log.stamps.append)
    log.say(1, "early")
    assert log.texts() == ["early"]
    assert log.kept == [1]
    assert log.stamps == [0]
    log.close()
    assert desk().texts() == ["early"]


def test_to_close_what_was_never_opened_returns(path):
    assert Desk(path).history.close(1) is None
    assert not path.exists()


def test_a_callback_that_fails_keeps_none_of_the_others_back(desk, caplog):
    def broken() -> None:
        raise ZeroDivisionError("a bug")

    log = desk()
    log.say(10)
    log.history.when_committed(broken)
    log.say(11)
    log.loop.until(lambda: log.kept)
    assert log.kept == [10, 11]
    assert "ZeroDivisionError: a bug" in caplog.text


def test_no_callback_comes_within_the_call(desk):
    log = desk()
    log.say(1)
    assert log.kept == []


# --- keys


def test_keys_are_known_after_a_restart(desk):
    first = desk()
    first.say(5, key="k")
    first.say(6, room="coffee", name="Bob", key="k")
    assert first.history.find("tea", "k", 1, "anybody") == 5
    second = desk()
    assert second.history.find("tea", "k", 1, "ALICE") == 5
    assert second.history.find("coffee", "k", 2, "bob") == 6
    assert second.history.find("tea", "k", 1, "bob") is None  # session 1 is another one now
    assert second.history.find("tea", "other", 1, "alice") is None


def test_keys_of_a_failed_file_are_known(desk, path):
    path.mkdir()
    log = desk()
    log.say(5, key="k")
    assert log.history.find("tea", "k", 1, "alice") == 5


def test_a_key_is_known_while_the_log_holds_its_message(desk):
    """Also when newer messages have driven it out of the memory: the log is the file."""
    log = desk(memory=MemoryHistory(per_room=3))
    for at in range(1, 8):
        log.say(at, key=f"k-{at}")
    assert [entry.key for entry in log.page().messages] == [f"k-{at}" for at in range(1, 8)]
    assert [log.known(f"k-{at}") for at in range(1, 8)] == list(range(1, 8))
    assert [log.known(f"k-{at}", session=9) for at in range(1, 8)] == list(range(1, 8))
    assert [log.known(f"k-{at}", name="bob") for at in range(1, 8)] == list(range(1, 8))
    assert [log.known(f"k-{at}", session=9, name="bob") for at in range(1, 8)] == [None] * 7
    assert log.known("k-1", room="coffee") is None


@pytest.mark.parametrize("at_once", [1, 50], ids=["scanned in slices", "scanned at once"])
def test_old_keys_are_known_after_a_restart(desk, monkeypatch, at_once):
    monkeypatch.setattr(writer, "_SLICES_AT_ONCE", at_once)
    monkeypatch.setattr(key_filters, "_SLICE", 7)
    first = desk(memory=MemoryHistory(per_room=3))
    for at in range(1, 51):
        first.say(at, key=f"k-{at}")
    second = desk(memory=MemoryHistory(per_room=3))
    assert [second.known(f"k-{at}", session=9) for at in range(1, 51)] == list(range(1, 51))
    assert [second.known(f"k-{at}", name="bob") for at in range(1, 51)] == [None] * 50  # session 1 is another one now
    second.loop.until(lambda: second.history.knows_keys)
    assert [second.known(f"k-{at}", session=9) for at in range(1, 51)] == list(range(1, 51))
    assert not any(second.history.may_hold("tea", f"new-{at}", 9, "alice") for at in range(100))


def test_a_fresh_key_does_not_wait_for_the_disk(desk):
    log = desk()
    log.hold(go_on := threading.Event())
    looked_up = 0
    for at in range(1, 5_001):
        looked_up += log.history.may_hold("tea", f"k-{at}", 1, "alice")
        log.say(at, key=f"k-{at}")
    assert looked_up < 10  # a filter may be wrong now and then: here for about one key in 300,000
    go_on.set()


def test_a_key_is_forgotten_with_its_message(desk, path, monkeypatch):
    monkeypatch.setattr(store, "_LOADED", 1)
    old = time.time_ns() // 1_000 - 2_000_000_000
    make_file(path, [(old + at, "tea", "alice", "old", f"k-{at}") for at in range(1, 31)])
    log = desk(keep=1_000.0)
    assert log.known("k-1") == old + 1
    end = time.monotonic() + DEADLINE
    while log.page().oldest is not None:
        assert time.monotonic() < end
        time.sleep(0.02)
    assert log.known("k-1") is None


@pytest.mark.parametrize("before", [0, 10_000], ids=["a new file", "a large file"])
def test_the_memory_of_a_log_with_a_file_is_within_its_bound_with_the_filters(desk, path, before):
    """Rooms and people with long names, keys of both kinds, the filters, and what SQLite adds to a text."""
    most = 2**21
    make_file(path, ((at, "coffee", "bob", "x" * 900, f"k-{at}") for at in range(1, before + 1)))
    folded.cache_clear()
    gc.collect()
    tracemalloc.start()
    try:
        log = desk(memory=MemoryHistory(most=most))
        log.loop.until(lambda: log.history.knows_keys)
        for at in range(10**6, 10**6 + 6_000):
            room = fold(f"{at % 700:04}" + "\N{GREEK SMALL LETTER ALPHA}" * 60)
            log.say(at, "\xe9" * 60, room, f"{at:07}" + "\N{GREEK SMALL LETTER OMEGA}" * 25, f"{at:032}")
            if at % 100 == 0:
                log.loop.end_tick()
                log.loop.until(lambda at=at: log.kept[-1:] == [at])
                log.kept.clear()
        assert log.memory.size + log.memory.reserved <= most  # asked first: that counts the last messages
        gc.collect()
        taken = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert log.memory.reserved <= most // 2
    assert log.memory.size > most // 3
    assert log.memory.reserved >= (most // 8 if before else 2**18)
    assert taken < most * 1.15  # the file's side has some objects of its own


def test_a_full_filter_is_made_anew_and_no_key_is_forgotten_meanwhile(desk, monkeypatch):
    monkeypatch.setattr(key_filters, "_LEAST_TRACES", 32)
    monkeypatch.setattr(key_filters, "_SLICE", 5)
    log = desk(memory=MemoryHistory(per_room=2))
    for at in range(1, 301):
        log.say(at, key=f"k-{at}")
        log.loop.end_tick()
        log.loop.rest()
        assert log.known(f"k-{max(1, at - 10)}") == max(1, at - 10)
    assert log.scans > 2
    assert [log.known(f"k-{at}") for at in range(1, 301)] == list(range(1, 301))


def test_the_newest_messages_are_in_memory_after_a_restart(desk, path, monkeypatch):
    monkeypatch.setattr(store, "_LOADED", 10)
    make_file(path, [(at, "tea", "alice", f"{at}", f"k-{at}") for at in range(1, 31)])
    log = desk()
    assert log.stamps == [30]
    pages: list[Page] = []
    log.memory.page("tea", ALL, pages.append)
    assert [entry.at for entry in pages[0].messages] == list(range(21, 31))
    assert len(log.page().messages) == 30
    assert log.history.find("tea", "k-21", 1, "alice") == 21


def test_a_file_with_more_than_the_memory_may_hold_opens(desk, path):
    make_file(path, [(at, f"room-{at % 3}", "alice", "x" * 4_000, None) for at in range(1, 301)])
    log = desk(memory=MemoryHistory(most=2**16))
    assert log.stamps == [300]
    assert log.failures == []
    assert log.memory.size <= 2**16
    assert log.page("room-1", HistoryRequest(limit=1)).messages[0].at == 298


def test_an_open_file_of_many_rooms_keeps_the_bound_of_the_memory_when_people_come(desk, path):
    make_file(path, [(at, f"room-{at}", "alice", "x" * 400, None) for at in range(1, 301)])
    log = desk(memory=MemoryHistory(most=2**16))
    log.history.occupied("room-300")
    for at in range(301, 1_001):
        log.say(at, "x" * 400, "room-300")
    assert log.memory.size <= 2**16
    assert log.page("room-1").oldest == 1


# --- stamps


@pytest.mark.parametrize("newest", [1, 1_767_268_800_000_000, 2**62])
def test_the_newest_stamp_is_told(desk, path, newest):
    make_file(path, [(at, "tea", "alice", "hi", None) for at in (0, newest)])
    assert desk().stamps == [newest]


def test_a_file_at_the_end_of_time_does_not_break_the_chat(desk, path):
    make_file(path, [(2**63 - 1, "tea", "alice", "hi", None)])
    log = desk()
    log.say(2**63, "later")  # the next stamp of a hub
    log.loop.until(lambda: log.kept)
    assert "later" in log.texts()


class Later:
    """Keeps the calls to be made later; the test says when."""

    def __init__(self) -> None:
        self.calls: list[Callable[[], object]] = []

    def __call__(self, delay: float, callback: Callable[[], object]) -> None:
        self.calls.append(callback)

    def fire(self) -> None:
        calls, self.calls = self.calls, []
        for callback in calls:
            callback()


class Sky:
    """A clock that a test sets, in microseconds."""

    now = 5_000_000_000

    def __call__(self) -> int:
        return self.now


def reserved(path: Path) -> int:
    """Up to which stamp stamps are reserved in the file."""
    rows(path)
    with contextlib.closing(sqlite3.connect(path.parent / "copy" / path.name)) as file:
        return dict(file.execute("select * from mark")).get("reserved", 0)


def test_stamps_are_reserved_on_disk_while_somebody_is_in_a_room(desk, path):
    later, sky = Later(), Sky()
    log = desk(call_later=later, clock=sky)
    assert log.history.stamps_until == FOREVER
    log.history.occupied("tea")
    for _ in range(30):
        later.fire()
        # The thread reports a reservation some time after its commit, so that the file alone says nothing of the loop.
        log.loop.until(lambda: sky.now + 3_000_000 <= log.history.stamps_until == reserved(path) - 1_000_000)
        assert log.history.stamps_until <= sky.now + 9_000_000
        sky.now += 1_000_000
    log.history.emptied("tea")
    later.fire()
    assert log.history.stamps_until == FOREVER
    assert later.calls == []  # nobody is there, and nothing is looked at


def test_stamps_are_not_reserved_more_often_than_need_be(desk, path, commits):
    later, sky = Later(), Sky()
    log = desk(call_later=later, clock=sky)
    log.history.occupied("tea")
    for _ in range(100):
        later.fire()
        log.loop.end_tick()
        log.page()  # behind what was to be committed
        sky.now += 100_000
    assert len(commits) == 2


@pytest.mark.parametrize("by", [-3_600_000_000, 3_600_000_000], ids=["back", "ahead"])
def test_a_clock_that_is_set_moves_the_reservation_along(desk, path, by):
    later, sky = Later(), Sky()
    log = desk(call_later=later, clock=sky)
    log.history.occupied("tea")
    log.loop.until(lambda: log.history.stamps_until != FOREVER and reserved(path))
    before = log.history.stamps_until
    sky.now += by
    later.fire()
    assert log.history.stamps_until <= before  # never above what is on disk
    log.loop.until(lambda: reserved(path) == sky.now + 10_000_000)
    log.loop.until(lambda: log.history.stamps_until == sky.now + 9_000_000)


def test_a_proper_end_gives_back_what_was_reserved_and_a_sudden_one_does_not(desk, path):
    later, sky = Later(), Sky()
    log = desk(call_later=later, clock=sky)
    log.history.occupied("tea")
    log.say(sky.now)
    log.loop.until(lambda: log.kept)
    rows(path)
    sudden = path.parent / "copy" / path.name
    killed = Desk(sudden)
    assert killed.open() == sky.now + 10_000_000
    killed.close()
    assert desk().stamps == [sky.now]


def test_reserved_room_is_given_back_when_the_last_room_is_empty(desk, path):
    """Or each restart of a server that nobody is in would begin ten seconds further ahead of the clock."""
    later, sky = Later(), Sky()
    log = desk(call_later=later, clock=sky)
    log.history.occupied("tea")
    log.say(sky.now)
    log.loop.until(lambda: log.kept)
    log.history.emptied("tea")
    later.fire()
    rows(path)
    assert desk().stamps == [sky.now]


def test_the_clock_is_not_held_back_after_a_room_in_which_nothing_was_said(desk, path):
    later, sky = Later(), Sky()
    log = desk(call_later=later, clock=sky)
    log.history.occupied("tea")
    log.loop.until(lambda: reserved(path))
    log.history.emptied("tea")
    later.fire()
    log.page()  # behind what was to be committed
    assert log.history.stamps_until == FOREVER


def test_a_file_that_has_failed_reserves_nothing(desk, path):
    path.mkdir()
    later = Later()
    log = desk(call_later=later)
    log.history.occupied("tea")
    later.fire()
    assert log.history.stamps_until == FOREVER


# --- a disk that hangs, a file that goes away


def test_nothing_is_said_of_a_hanging_disk_while_it_does_something(desk, caplog):
    later = Later()
    log = desk(call_later=later)
    for at in range(1, 31):
        log.say(at)
        log.loop.until(lambda at=at: at in log.kept)
        later.fire()
    assert log.announced == []
    assert "answer" not in caplog.text


def test_questions_that_wait_for_a_hanging_disk_are_answered_from_memory_in_their_order(desk):
    later = Later()
    log = desk(call_later=later)
    log.say(1, "first", key="k")
    log.loop.until(lambda: log.kept)
    go_on = threading.Event()
    log.hold(go_on)
    answers: list[object] = []
    log.history.page("tea", ALL, lambda page: answers.append(len(page.messages)))
    log.history.look_up("tea", "k", 1, "alice", answers.append)
    log.say(2, "second")
    log.loop.end_tick()
    for _ in range(6):
        assert answers == []
        later.fire()
    assert answers == [2, 1]  # the page has what is in memory by now
    assert "does not answer" in log.announced[0][0]
    assert log.announced[0][1]
    assert len(log.page().messages) == 2
    assert not log.history.may_hold("tea", "never said", 1, "alice")
    assert log.kept == [1]
    go_on.set()
    log.loop.until(lambda: log.kept == [1, 2])
    later.fire()
    assert "answers again" in log.announced[1][0]
    assert log.announced[1][1] == ""
    assert answers == [2, 1]
    assert len(log.announced) == 2


def test_a_file_that_goes_away_at_the_very_end_is_made_anew(desk, path, monkeypatch):
    monkeypatch.setattr(database, "_CHECK_EVERY", 1_000.0)
    log = desk()
    for at in range(1, 6):
        log.say(at, key=f"k-{at}")
    log.loop.until(lambda: len(log.kept) == 5)
    path.unlink()
    log.close()
    assert [row[0] for row in rows(path)] == [1, 2, 3, 4, 5]
    assert "deleted" in log.failures[0]


def test_a_file_that_is_replaced_gets_what_was_said_since_and_nothing_else(desk, path):
    log = desk()
    log.say(1, "of the old file")
    log.loop.until(lambda: log.kept)
    other = path.with_name("other.db")
    make_file(other, [(7, "tea", "bob", "of the other file", None)])
    other.replace(path)
    log.say(8, "since")
    log.loop.until(lambda: log.came_back)
    assert log.came_back == [8]
    assert log.texts() == ["of the other file", "since"]
    assert "again" in log.announced[-1][0]


def test_a_file_that_is_made_anew_knows_its_keys(desk, path, monkeypatch):
    monkeypatch.setattr(disk, "_RESTORED_PER_COMMIT", 10)
    log = desk(memory=MemoryHistory(per_room=50))
    for at in range(1, 101):
        log.say(at, room=f"room-{at % 5}", key=f"k-{at}")
    log.loop.until(lambda: len(log.kept) == 100)
    path.unlink()
    log.loop.until(lambda: log.came_back)
    assert "new history file" in log.announced[-1][0]
    log.loop.until(lambda: len(rows(path)) == 100)
    for at in range(101, 301):
        log.say(at, room=f"room-{at % 5}")
    assert [log.known(f"k-{at}", room=f"room-{at % 5}") for at in range(1, 101)] == list(range(1, 101))


# --- bounds


def test_a_new_file_can_shrink(desk, path):
    log = desk()
    log.say(1)
    log.close()
    with contextlib.closing(sqlite3.connect(path)) as file:
        assert file.execute("pragma auto_vacuum").fetchone() == (2,)
        assert file.execute("pragma user_version").fetchone() == (VERSION,)
        assert file.execute("pragma journal_mode").fetchone() == ("wal",)


# --- with a reactor, a hub and a server


def test_in_a_reactor(path):
    loop = Reactor()
    told: list[object] = []
    log = SqliteHistory(
        str(path),
        loop.call_before_flush,
        loop.call_from_thread,
        loop.call_later,
        lambda *_: None,
        lambda _: None,
        MemoryHistory(),
    )
    log.open(lambda newest: told.append(newest))
    log.add("tea", Entry("alice", "hi", 5), 1)
    log.when_committed(lambda: told.append("kept"))
    log.page("tea", ALL, told.append)
    wait_until(lambda: loop.tick(0.01) or len(told) == 3)
    assert told == [0, "kept", Page([Entry("alice", "hi", 5)], False, 5)]
    log.close(DEADLINE)
    loop.close()


def test_sent_follows_the_commit_and_the_room_does_not_wait(desk, path):
    log = desk()
    chat = Chat(log=log.history)
    chat.scheduled = log.loop.scheduled
    chat.hub = Hub(log.loop.scheduled.append, LocalBus(), lambda: chat.now, history=log.history)
    alice, bob = people = chat.people("alice", "bob")
    log.loop.until(lambda: all(person.session.rooms for person in people))  # the file may have a log of the room
    chat.tick()
    assert [type(person.got()[-1]) for person in people] == [Joined, Joined]
    alice.ask(Say("hi", "k", 1), Say("hi", "k", 2))
    chat.tick()
    assert [type(record) for record in bob.got()] == [Message]
    assert alice.got() == []
    before = len(alice.out.buffers)
    log.loop.until(lambda: len(alice.out.buffers) == before + 2)
    at = rows(path)[0][0]
    assert alice.got() == [Sent("tea", at, 1, "k"), Sent("tea", at, 2, "k")]


def test_a_server_whose_file_cannot_be_used_lets_everybody_in(path, caplog):
    damaged(path)
    with benches() as bench:
        desk = bench(history=str(path))
        address = desk.server.start()
        desk.turn_until(lambda: desk.server.admission.intake.listeners)
        assert address
        wire = desk.connect()
        wire.send(PongRequest())
        desk.turn()
        assert [type(record) for record in wire.got()] == [Welcome, Notice]


def test_everybody_is_told_when_the_file_fails(path, small_disk):
    with benches() as bench:
        desk = bench(history=str(path))
        desk.server.start()
        desk.turn_until(lambda: desk.server.admission.intake.listeners)
        alice, bob = desk.guest(Command("join", "tea")), desk.guest()
        desk.turn_until(lambda: desk.server.hub.rooms)
        heard: dict[str, list[Any]] = {"alice": [], "bob": []}
        for number in range(200):
            alice.send(Say("x" * 2_000, id=number))
            desk.turn()
        for name, wire in (("alice", alice), ("bob", bob)):
            desk.turn_until(
                lambda name=name, wire=wire: heard[name].extend(wire.got()) or Notice in map(type, heard[name])
            )
        desk.turn_until(
            lambda: heard["alice"].extend(alice.got()) or list(map(type, heard["alice"])).count(Sent) == 200
        )
        for records in heard.values():
            assert len([record for record in records if type(record) is Notice]) == 1
