"""The tables of the index: what one of them finds, how words are taken out of it, and how it is dropped."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from pylingo.reactor.history import chapters
from pylingo.reactor.history.chapters import (
    Chapter,
    DamagedChapterError,
    State,
    add,
    create,
    damage_in,
    drop_some,
    has_index,
    merge,
    read_chapters,
    searched,
    set_state,
    take_out,
    terms_of,
)
from pylingo.reactor.history.database import open_file
from pylingo.reactor.history.private import conversation, inbox
from pylingo.reactor.history.store import insert, truncate_journal
from pylingo.shared.search import parse_search
from tests.fakes.history import in_memory
from tests.fakes.search import look_up, row, traces


@pytest.fixture
def file() -> Iterator[sqlite3.Connection]:
    with contextlib.closing(in_memory()) as file:
        yield file


def chapter_of(file: sqlite3.Connection, *messages: tuple[int, str, str]) -> Chapter:
    with file:
        chapter = create(file, messages[0][0])
        add(file, chapter, messages)
    return chapter


def test_a_chapter_finds_messages_of_one_place_by_the_beginnings_of_all_words(file):
    chapter = chapter_of(
        file,
        (5, "tea", "Deployed at noon"),
        (6, "coffee", "Deployed at night"),
        (7, "tea", "deploy, DEPLOY!"),
        (8, "tea", "noon"),
        (9, "tea", "東京 noon"),
        (10, "tea", ""),
    )
    assert (chapter.first, chapter.last, chapter.words) == (5, 10, 3 + 3 + 1 + 1 + 3)
    assert look_up(file, chapter, "dep") == [7, 5]
    assert look_up(file, chapter, "noo dep") == [5]
    assert look_up(file, chapter, "dep", "coffee") == [6]
    assert look_up(file, chapter, "dep", "nowhere") == []
    assert look_up(file, chapter, "京 no") == [9]
    assert look_up(file, chapter, "eployed") == []
    assert look_up(file, chapter, "noo", before=9) == [8, 5]
    assert look_up(file, chapter, "noo", most=1) == [9]


def test_a_private_message_is_in_the_conversation_and_both_inboxes(file):
    chapter = chapter_of(file, (5, conversation(1, "SHA256:a"), "hush"), (6, conversation(1, 1), "to myself"))
    for place, found in {
        conversation(1, "SHA256:a"): [5],
        inbox(1): [5],
        inbox("SHA256:a"): [5],
        inbox(2): [],
        "tea": [],
    }.items():
        assert look_up(file, chapter, "hush", place) == found
    assert look_up(file, chapter, "to", inbox(1)) == [6]
    assert chapter.words == 3 + 4


def test_only_a_few_words_are_looked_up_the_longest_ones():
    search = parse_search("a bcd ef ghij klmno 東西南北 京都中国")
    terms = terms_of(search, "tea")
    assert len(terms) == 6 + 3
    assert [term.strip('"* ')[12:] for term in terms[6:]] == ["klmno", "ghij", "bcd"]


def test_words_are_quoted_and_are_no_query():
    for words in ('"a" OR b', "near(a b)", "a* -b ^c", "text:a", "{a}+b"):
        terms = terms_of(parse_search(words), "tea")
        assert all(term.strip("* ").strip('"').isalnum() for term in terms)


def test_chapters_are_read_with_their_state_the_oldest_first(file):
    assert read_chapters(file) == []
    later, earlier = chapter_of(file, (50, "tea", "a")), chapter_of(file, (5, "tea", "b"), (9, "tea", "c"))
    set_state(file, later, State.TAINTED)
    assert read_chapters(file) == searched(file) == [earlier, later]
    assert earlier == Chapter(2, 5, 9, 2, State.READY)
    assert later == Chapter(1, 50, 50, 1, State.TAINTED)


def test_what_cannot_be_used_counts_as_discarded(file):
    lost, other, stray = (chapter_of(file, (at, "tea", "a")) for at in (5, 6, 7))
    kept = chapter_of(file, (8, "tea", "a"))
    with file:
        file.execute(f"drop table {lost.table}")
        file.execute("update chapter set version = '0 1.0' where number = ?", (other.number,))
        file.execute("delete from chapter where number = ?", (stray.number,))
    found = {chapter.number: chapter.state for chapter in read_chapters(file)}
    assert found == dict.fromkeys((lost.number, other.number, stray.number), State.DISCARDED) | {kept.number: 0}
    assert searched(file) == [kept]
    assert create(file, 9).number == 5


# --- words that are taken out


def secret_file(path: Path, secret: str) -> tuple[sqlite3.Connection, Chapter]:
    file = open_file(str(path))
    insert(file, [row(at, f"{secret} number {at}" if at == 7 else f"some words {at}") for at in range(1, 30)])
    with file:
        chapter = create(file, 1)
    for at in range(1, 30, 5):  # each commit makes a part of its own
        with file:
            add(file, chapter, file.execute("select at, room, text from message where at >= ? limit 5", (at,)))
    return file, chapter


def test_a_word_that_is_taken_out_is_gone_from_the_file_when_the_chapter_is_merged(tmp_path):
    path = tmp_path / "chat.db"
    file, chapter = secret_file(path, "zzyzxroad")
    with contextlib.closing(file):
        assert look_up(file, chapter, "zzyzx") == [7]
        with file:
            take_out(file, "tea", 7)
            file.execute("update message set text = '' where at = 7")
        truncate_journal(file)
        assert look_up(file, chapter, "zzyzx") == []
        assert read_chapters(file)[0].state is State.TAINTED
        assert traces(path, "zzyzxroad"), "FTS5 removes words by itself now: the merge may not be needed"
        steps = 0
        is_going_on = True
        while is_going_on:
            with file:
                is_going_on = merge(file, chapter, 1)
            steps += 1
        truncate_journal(file)
        assert steps > 1
        assert traces(path, "zzyzxroad") == []
        assert look_up(file, chapter, "wor") == [at for at in range(29, 0, -1) if at != 7]
        file.execute(f"insert into {chapter.table} ({chapter.table}) values ('integrity-check')")


def test_nothing_is_taken_out_for_what_is_not_there(file):
    chapter_of(file, (5, "tea", "a"), (6, "tea", "b"))
    with file:
        insert(file, [row(5, "a"), row(6, ""), row(9, "c")])
        for room, at in (("coffee", 5), ("tea", 6), ("tea", 9), ("tea", 4)):
            take_out(file, room, at)
            assert read_chapters(file)[0].state is State.READY
        take_out(file, "tea", 5)
        assert read_chapters(file)[0].state is State.TAINTED


def damage(file: sqlite3.Connection, chapter: Chapter) -> None:
    with file:
        file.execute(f"update {chapter.table}_data set block = x'ffffffff' where id > 10")
        file.execute(f"update {chapter.table}_data set block = x'00000001ff' where id = 10")


def test_a_damaged_chapter_says_so_and_is_discarded_when_words_are_taken_out(tmp_path):
    path = str(tmp_path / "chat.db")
    with contextlib.closing(open_file(path)) as file:
        insert(file, [row(5, "secret")])
        damage(file, chapter_of(file, (5, "tea", "secret")))
    with contextlib.closing(open_file(path)) as file:
        (chapter,) = searched(file)
        with pytest.raises(sqlite3.DatabaseError) as caught:
            look_up(file, chapter, "secret")
        sound = chapter_of(file, (6, "tea", "sound"))
        found = damage_in(file, [sound, chapter], caught.value)
        assert isinstance(found, DamagedChapterError)
        assert found.number == chapter.number
        assert damage_in(file, [sound], caught.value) is None
        assert damage_in(file, [sound, chapter], sqlite3.DatabaseError("disk I/O error")) is None
        with file:
            take_out(file, "tea", 5)
        assert read_chapters(file)[0].state is State.DISCARDED


# --- chapters that are dropped


def test_a_chapter_is_dropped_in_steps_and_leaves_no_word(tmp_path, monkeypatch):
    monkeypatch.setattr(chapters, "_DROPPED_PAGES", 4)
    path = tmp_path / "chat.db"
    with contextlib.closing(open_file(str(path))) as file:
        chapter = chapter_of(file, *((at, "tea", f"zzyzxroad{at * 7919 % 9_973}") for at in range(1, 9_000)))
        other = chapter_of(file, (10_000, "tea", "a"))
        truncate_journal(file)
        assert traces(path, "zzyzxroad")
        with file:
            assert drop_some(file, chapter)
    with contextlib.closing(open_file(str(path))) as file:  # another server goes on with it
        steps = 0
        is_there = True
        while is_there:
            with file:
                is_there = drop_some(file, chapter)
            steps += 1
        assert steps > 1
        truncate_journal(file)
        assert traces(path, "zzyzxroad") == []
        assert read_chapters(file) == [other]
        tables = {name for (name,) in file.execute("select name from sqlite_master where name glob 'words_*'")}
        assert tables == {other.table} | {f"{other.table}_{part}" for part in ("config", "data", "idx")}
        assert not drop_some(file, chapter)


def test_damage_does_not_keep_a_chapter_from_being_dropped(tmp_path):
    path = str(tmp_path / "chat.db")
    with contextlib.closing(open_file(path)) as file:
        damage(file, chapter_of(file, (5, "tea", "a")))
    with contextlib.closing(open_file(path)) as file, file:
        assert not drop_some(file, read_chapters(file)[0])
        assert read_chapters(file) == []


def test_without_fts5_the_words_are_deleted_and_the_table_waits(file, monkeypatch):
    assert has_index(file)
    chapter = chapter_of(file, (5, "tea", "secret"))
    monkeypatch.setattr(chapters, "has_index", lambda file: False)
    assert searched(file) == []
    with file:
        assert not drop_some(file, chapter)
    assert file.execute(f"select count(*) from {chapter.table}_data where id > 10").fetchone() == (0,)
    assert [it.number for it in read_chapters(file)] == [chapter.number]
    monkeypatch.undo()
    with file:
        assert not drop_some(file, chapter)
    assert read_chapters(file) == []
