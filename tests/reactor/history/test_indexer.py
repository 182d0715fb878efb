"""The index of the words is built in short steps, goes on after any end, and goes with its messages."""

import contextlib
import itertools
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pylingo.reactor.history import chapters, indexer, store
from pylingo.reactor.history.chapters import Chapter, State, read_chapters
from pylingo.reactor.history.database import open_file
from pylingo.reactor.history.indexer import Indexer
from pylingo.reactor.history.store import insert, redact, sweep, write
from tests.fakes.history import in_memory
from tests.fakes.search import finish, found, indexed, look_up, row
from tests.fakes.search import write as say

MINUTE = 60_000_000


@pytest.fixture
def file() -> Iterator[sqlite3.Connection]:
    with contextlib.closing(in_memory()) as file:
        yield file


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexer, "SLICE", 10)
    monkeypatch.setattr(indexer, "_MOST_WORDS", 60)


def spans(file: sqlite3.Connection) -> list[tuple[int, int]]:
    return [(chapter.first, chapter.last) for chapter in read_chapters(file)]


def numbers(first: int, last: int, step: int = 1) -> list[tuple[int, str]]:
    """Messages of two words each."""
    return [(at, f"word number{at}") for at in range(first, last + 1, step)]


def covered(file: sqlite3.Connection, words: str = "word") -> list[int]:
    """What the index finds by itself."""
    return sorted(at for chapter in chapters.searched(file) for at in look_up(file, chapter, words))


# --- new messages


def test_new_messages_are_added_a_slice_at_a_time(file):
    index = Indexer(file)
    assert not index.is_busy or finish(index) <= 1
    for first in range(1, 30, 5):
        rows = [row(at, text) for at, text in numbers(first, first + 4)]
        with file:
            write(file, rows)
            index.wrote(rows)
        assert index.is_busy == (first in (6, 16, 26))
        finish(index)
    assert spans(file) == [(1, 30)]
    assert covered(file) == list(range(1, 31))


def test_a_chapter_that_is_full_is_followed_by_another_and_merged(file):
    index = Indexer(file)
    rows = [row(at, text) for at, text in numbers(1, 200)]
    for begin in range(0, 200, 50):
        with file:
            write(file, rows[begin : begin + 50])
            index.wrote(rows[begin : begin + 50])
        finish(index)
    assert spans(file) == [(first, first + 29) for first in range(1, 180, 30)] + [(181, 200)]
    assert covered(file) == list(range(1, 201))
    assert {chapter.state for chapter in read_chapters(file)} == {State.READY}
    parts = [
        file.execute(f"select count(distinct segid) from {chapter.table}_idx").fetchone()[0]
        for chapter in read_chapters(file)
    ]
    assert parts[:-1] == [1] * 6


def test_long_messages_make_shorter_steps(file, monkeypatch):
    monkeypatch.setattr(indexer, "_SLICE_SIZE", 100)
    say(file, [(at, "x" * 50) for at in range(1, 11)])
    index = Indexer(file)
    index.step()
    assert spans(file) == [(9, 10)]
    finish(index)
    assert covered(file, "x") == list(range(1, 11))


def test_messages_that_were_redacted_are_passed_over(file):
    insert(file, [row(at, "" if at % 2 else "word") for at in range(1, 21)])
    indexed(file)
    assert covered(file) == list(range(2, 21, 2))
    assert spans(file) == [(1, 20)]


# --- the index of a file that had none


def test_a_file_is_indexed_from_its_newest_message_on(file):
    say(file, numbers(1, 100))
    index = Indexer(file)
    seen = []
    while index.is_busy:
        index.step()
        seen.append(covered(file))
    assert [it[-1] for it in seen] == [100] * len(seen)
    assert seen[0] == list(range(91, 101))
    assert seen[-1] == list(range(1, 101))
    assert all(before == after[-len(before) :] for before, after in itertools.pairwise(seen))


def test_a_few_messages_are_not_worth_an_index(file):
    say(file, numbers(1, 9))
    index = indexed(file)
    assert read_chapters(file) == []
    with file:
        write(file, [row(10, "word")])
        index.wrote([row(10, "word")])
    finish(index)
    assert covered(file) == list(range(1, 11))


def test_a_server_that_ends_in_the_middle_goes_on_there(tmp_path):
    path = str(tmp_path / "chat.db")
    steps = 0
    with contextlib.closing(open_file(path)) as file:
        say(file, numbers(1, 300))
    while True:
        with contextlib.closing(open_file(path)) as file:
            index = Indexer(file)
            if not index.is_busy or (index.step(), index.is_busy) == (False, False):
                break
            steps += 1
            assert covered(file) == list(range(301 - len(covered(file)), 301))
    with contextlib.closing(open_file(path)) as file:
        assert covered(file) == list(range(1, 301))
    assert steps < 60


def test_a_step_that_fails_leaves_nothing(file, monkeypatch):
    say(file, numbers(1, 100))
    index = Indexer(file)
    index.step()
    before = covered(file), spans(file)

    def fail(*_: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(chapters, "add", fail)
    with pytest.raises(sqlite3.OperationalError):
        index.step()
    assert (covered(file), spans(file)) == before
    assert not file.in_transaction
    assert file.execute("pragma synchronous").fetchone() == (2,)


def test_messages_that_come_meanwhile_are_added_first(file):
    say(file, numbers(1, 100))
    index = Indexer(file)
    for _ in range(3):
        index.step()
    rows = [row(at, text) for at, text in numbers(101, 120)]
    with file:
        write(file, rows)
        index.wrote(rows)
    index.step()
    assert covered(file)[-1] == 110
    finish(index)
    assert covered(file) == list(range(1, 121))


def test_messages_that_are_written_late_are_added_where_they_belong(file):
    """A file that is made again gets the messages of one room after those of another."""
    say(file, numbers(1_000, 1_200, 2))
    index = indexed(file)
    ranges = spans(file)
    assert len(ranges) > 2
    late = [ranges[0][0] - 3, ranges[1][0] - 1, ranges[1][0] + 1, ranges[-1][1] - 1, 1_201]
    rows = [row(at, "word late") for at in late]
    with file:
        write(file, rows)
        index.wrote(rows)
    assert found(file, "late") == late
    finish(index)
    assert covered(file, "late") == late[:-1]
    assert found(file, "late") == late
    assert all(one[1] < other[0] for one, other in itertools.pairwise(spans(file)))


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.sampled_from(["write", "step", "again", "late", "sweep", "redact"]), st.integers(0, 300))))
def test_whatever_happens_all_messages_are_found_and_no_others(deeds):
    with pytest.MonkeyPatch.context() as patch, contextlib.closing(in_memory()) as file:
        patch.setattr(indexer, "SLICE", 4)
        patch.setattr(indexer, "_MOST_WORDS", 9)
        patch.setattr(store, "_SWEEP_ROWS", 7)
        there: dict[int, str] = {}
        index = Indexer(file)
        for deed, number in deeds:
            newest = max(there, default=200) // 2 * 2
            if deed in ("write", "late"):
                begin = newest + 2 if deed == "write" else 2 * number + 1
                rows = [row(at, f"word w{at}") for at in range(begin, begin + 10, 2) if at not in there]
                with file:
                    write(file, rows)
                    index.wrote(rows)
                there |= {it[0]: it[3] for it in rows}
            elif deed == "step" and index.is_busy:
                index.step()
            elif deed == "again":
                index = Indexer(file)
            elif deed == "sweep":
                sweep(file, number, 0)
                index.messages_deleted()
                gone = sorted(at for at in there if at < number)[:7]
                there = {at: text for at, text in there.items() if at not in gone}
            elif deed == "redact" and there:
                at = sorted(there)[number % len(there)]
                with file:
                    redact(file, "tea", at)
                index.reload()
                there[at] = ""
            assert found(file, "word") == sorted(at for at, text in there.items() if text)
        finish(index)
        assert found(file, "word") == sorted(at for at, text in there.items() if text)
        ranges = spans(file)
        assert all(one[1] < other[0] for one, other in itertools.pairwise(ranges))


# --- chapters and the bounds of a history


def test_the_time_of_a_chapter_is_a_small_part_of_the_time_for_which_messages_are_kept(file):
    say(file, numbers(1, 100 * MINUTE, MINUTE))
    indexed(file, keep=64 * 20 * 60.0)
    assert all(last - first <= 20 * MINUTE for first, last in spans(file))
    assert len(spans(file)) == 5


def test_a_chapter_has_at_least_a_slice(file):
    say(file, numbers(1, 50 * MINUTE, MINUTE))
    indexed(file, keep=60.0)
    assert [last - first for first, last in spans(file)] == [9 * MINUTE] * 5


def test_chapters_are_small_where_the_file_is(file, monkeypatch):
    monkeypatch.setattr(indexer, "_MOST_WORDS", 1_000)
    monkeypatch.setattr(indexer, "_LEAST_WORDS", 40)
    say(file, numbers(1, 200))
    indexed(file, most=256 * 80)
    assert spans(file)[-1] == (161, 200)


def test_a_chapter_goes_when_its_last_message_is_deleted(file):
    say(file, numbers(1, 100))
    index = indexed(file)
    before = spans(file)
    assert len(before) == 4
    while sweep(file, before[0][1], 0):
        index.messages_deleted()
        finish(index)
    assert spans(file) == before  # one message is left
    sweep(file, before[1][0], 0)
    index.messages_deleted()
    assert spans(file)[0] == before[0]
    assert read_chapters(file)[0].state is State.DISCARDED
    finish(index)
    assert spans(file) == before[1:]
    sweep(file, 1_000, 0)
    index.messages_deleted()
    finish(index)
    assert spans(file) == []
    rows = [row(at, text) for at, text in numbers(101, 110)]
    with file:
        write(file, rows)
        index.wrote(rows)
    finish(index)
    assert covered(file) == list(range(101, 111))


# --- words that are taken out


def test_a_redaction_has_the_chapter_merged_before_anything_else(file):
    say(file, numbers(1, 100))
    index = Indexer(file)
    for _ in range(6):
        index.step()
    with file:
        assert redact(file, "tea", 75)
    index.reload()
    rows = [row(at, text) for at, text in numbers(101, 120)]
    with file:
        write(file, rows)
        index.wrote(rows)
    done = [index.step()]
    while not done[-1]:
        done.append(index.step())
    assert covered(file)[-1] == 100
    assert 75 not in covered(file)
    assert State.TAINTED not in {chapter.state for chapter in read_chapters(file)}
    while index.is_busy:
        assert index.step() is False
    assert covered(file) == [at for at in range(1, 121) if at != 75]


def test_a_dropped_chapter_is_reported_as_words_that_are_gone(file):
    say(file, numbers(1, 20))
    index = indexed(file)
    sweep(file, 1_000, 0)
    index.messages_deleted()
    done = []
    while index.is_busy:
        done.append(index.step())
    assert done.count(True) == 1


# --- what cannot be used


def test_an_index_of_another_version_is_made_again(file, monkeypatch):
    say(file, numbers(1, 100))
    indexed(file)
    monkeypatch.setattr(chapters, "VERSION", "2 99.0")
    assert chapters.searched(file) == []
    index = Indexer(file)
    finish(index)
    assert covered(file) == list(range(1, 101))
    assert file.execute("select distinct version from chapter").fetchall() == [("2 99.0",)]


def test_a_chapter_that_is_damaged_is_made_again(tmp_path, caplog):
    path = str(tmp_path / "chat.db")
    with contextlib.closing(open_file(path)) as file:
        say(file, numbers(1, 100))
        indexed(file)
        for chapter in read_chapters(file)[1:3]:
            damage(file, chapter)
    with contextlib.closing(open_file(path)) as file:
        index = Indexer(file)
        index.give_up(read_chapters(file)[1].number)  # a search has found it
        index.give_up(999)
        chapters.set_state(file, read_chapters(file)[2], State.UNMERGED)
        file.commit()
        index.reload()
        finish(index)
        assert covered(file) == list(range(1, 101))
        assert caplog.text.count("is damaged: it is built again") == 1


def test_a_damaged_chapter_does_not_keep_new_messages_from_the_file(tmp_path):
    path = str(tmp_path / "chat.db")
    with contextlib.closing(open_file(path)) as file:
        say(file, numbers(1, 10))
        indexed(file)
        damage(file, read_chapters(file)[0])
    with contextlib.closing(open_file(path)) as file:
        index = Indexer(file)
        rows = [row(at, text) for at, text in numbers(11, 20)]
        with file:
            write(file, rows)
            index.wrote(rows)
        finish(index)
        assert covered(file) == list(range(1, 21))


def damage(file: sqlite3.Connection, chapter: Chapter) -> None:
    with file:
        file.execute(f"update {chapter.table}_data set block = x'00000001ff'")


def test_errors_of_the_rest_of_the_file_are_not_taken_for_damage(file, monkeypatch):
    say(file, numbers(1, 20))
    index = Indexer(file)

    def fail(*_: object) -> None:
        raise sqlite3.DatabaseError("database disk image is malformed")

    monkeypatch.setattr(chapters, "add", fail)
    with pytest.raises(sqlite3.DatabaseError):
        index.step()


def test_without_fts5_there_is_no_index_and_what_there_was_is_deleted(tmp_path: Path, monkeypatch, caplog):
    path = str(tmp_path / "chat.db")
    with contextlib.closing(open_file(path)) as file:
        say(file, numbers(1, 100))
        indexed(file)
    monkeypatch.setattr(chapters, "has_index", lambda file: False)
    with contextlib.closing(open_file(path)) as file:
        index = Indexer(file)
        assert "this SQLite has no FTS5" in caplog.text
        finish(index)
        assert found(file, "number99") == [99]
        with file:
            assert redact(file, "tea", 99)
            rows = [row(at, text) for at, text in numbers(101, 120)]
            write(file, rows)
            index.wrote(rows)
        index.reload()
        finish(index)
        assert found(file, "number99 w") == []
        assert found(file, "number120") == [120]
    monkeypatch.undo()
    monkeypatch.setattr(indexer, "SLICE", 10)
    with contextlib.closing(open_file(path)) as file:
        indexed(file)
        assert covered(file) == [at for at in range(1, 121) if at != 99]
