"""Searching in memory and in a file: both find the same, whatever is in the index, in slices of time of any length."""

import contextlib
import itertools
import sqlite3
from collections import deque
from collections.abc import Iterator

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pylingo.reactor.history import chapters, finder, indexer
from pylingo.reactor.history.finder import find_in_file, find_in_memory
from pylingo.reactor.history.history import Page
from pylingo.reactor.history.indexer import Indexer
from pylingo.reactor.history.memory import MemoryHistory
from pylingo.reactor.history.private import conversation, inbox
from pylingo.reactor.history.store import insert, write
from pylingo.shared.errors import RequestError
from pylingo.shared.messages import Entry, HistoryRequest
from pylingo.shared.search import Search, parse_search
from tests.fakes.history import in_memory
from tests.fakes.pages import frame_of
from tests.fakes.search import all_pages, found, indexed, never, row
from tests.fakes.search import write as say

KEY, OTHER, GUEST = "SHA256:a", "SHA256:b", 7
PLACES = ["tea", "coffee", conversation(KEY, GUEST), conversation(KEY, OTHER)]
SEARCHED = [*PLACES, inbox(KEY), inbox(GUEST), inbox(OTHER), "nowhere"]

LETTERS = [
    "a",
    "b",
    "ab",
    "abc",
    "A",
    "ß",
    "ss",
    "é",
    "e\u0301",
    "東",
    "京",
    "東京",
    "한국",
    "\u0e01\u0e34",
    "1",
    "\ufdfa",
]
texts = st.lists(st.sampled_from([*LETTERS, " ", " ", ".", "\u200b"]), min_size=1, max_size=6).map("".join)
logs = st.lists(st.tuples(texts, st.sampled_from(PLACES)), max_size=40)


@pytest.fixture
def file() -> Iterator[sqlite3.Connection]:
    with contextlib.closing(in_memory()) as file:
        yield file


@pytest.fixture(autouse=True, scope="module")
def small() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for module, name, value in (
            (indexer, "SLICE", 3),
            (indexer, "_MOST_WORDS", 8),
            (finder, "_MOST", 2),
        ):
            patch.setattr(module, name, value)
        yield


def both(said: list[tuple[str, str]], cut: int, steps: int) -> tuple[MemoryHistory, sqlite3.Connection]:
    """The messages in memory and in a file, of which as much is in the index as so many steps bring there.

    The messages before `cut` were in the file before it had an index.
    """
    memory, file = MemoryHistory(clock=lambda: 0.0), in_memory()
    rows = []
    for at, (text, place) in enumerate(said, 1):
        parts = place[1:].split("|")
        if place.startswith("@"):
            owners = tuple(int(part) if part.isdecimal() else part for part in parts)
            memory.keep_private(owners, Entry("alice", text, at, None, "bob"), 1)  # type: ignore[arg-type]
        else:
            memory.add(place, Entry("alice", text, at), 1)
        rows.append(row(at, text, place, "bob" if place.startswith("@") else None))
    insert(file, rows[:cut])
    index = Indexer(file)
    for part in (None, rows[cut:]):
        if part is not None:
            with file:
                write(file, part)
                index.wrote(part)
        for _ in range(steps):
            if index.is_busy:
                index.step()
    return memory, file


@settings(deadline=None, max_examples=100)
@given(logs, texts, st.none() | st.integers(0, 45), st.integers(1, 5), st.integers(0, 40), st.integers(0, 25))
@example([("東京", "tea"), ("京東", "tea"), ("東", "tea")] * 5, "東京", None, 2, 0, 25)
@example([("a b", "tea"), ("a", "tea"), ("b", "tea")] * 10, "b a", 25, 3, 20, 9)
def test_memory_and_disk_find_the_same(said, words, before, limit, cut, steps):
    memory, file = both(said, cut, steps)
    with contextlib.closing(file):
        for place in SEARCHED:
            request = HistoryRequest(before=before, limit=limit, search=words)
            pages: list[Page] = []
            try:
                memory.page(place, request, pages.append)
            except RequestError:
                with pytest.raises(RequestError):
                    find_in_file(file, place, request, never)
                continue
            assert find_in_file(file, place, request, never) == pages[0]
            search = parse_search(words)
            wanted = [
                at
                for at, (text, where) in enumerate(said, 1)
                if place in (where, *(inbox(it) for it in (KEY, GUEST, OTHER) if f"@{it}" in where.replace("|", "|@")))
                and (before is None or at < before)
                and search.matches(text)
            ]
            assert [entry.at for entry in pages[0].messages] == wanted[-limit:]
            assert pages[0].more == (len(wanted) > limit)


@settings(deadline=None, max_examples=100)
@given(logs, texts, st.integers(1, 5), st.integers(0, 40), st.integers(0, 25), st.integers(1, 3))
def test_a_search_in_short_slices_finds_the_same(said, words, limit, cut, steps, looks):
    """Its time is over after some looks, and `next` leads on, to each match once."""
    memory, file = both(said, cut, steps)
    with contextlib.closing(file):
        for place in SEARCHED:
            entries = deque(entry for entry, _ in memory.messages(place))
            if not parse_or_none(words):
                return
            matches = [entry.at for entry in entries if parse_search(words).matches(entry.text)]
            for ask in (
                lambda request, place=place: find_in_file(file, place, request, after(looks)),
                lambda request, entries=entries: find_in_memory(entries, request, after(looks)),
            ):
                pages = all_pages(ask, words, limit)
                assert [entry.at for page in reversed(pages) for entry in page.messages] == matches
                assert {page.oldest for page in pages} == {entries[0].at if entries else None}
                assert len(pages) <= len(entries) + 1


def parse_or_none(words: str) -> bool:
    try:
        parse_search(words)
    except RequestError:
        return False
    return True


def after(looks: int):
    """The time of a search is over when it has asked so often."""
    count = itertools.count(1)
    return lambda: next(count) >= looks


def test_a_search_always_gets_on(file):
    """Even without any time."""
    say(file, [(at, "word" if at == 1 else "other") for at in range(1, 100)])
    indexed(file)
    pages = all_pages(lambda request: find_in_file(file, "tea", request, lambda: True), "word")
    assert [entry.at for page in pages for entry in page.messages] == [1]
    assert 1 < len(pages) <= 100
    assert pages[0] == Page([], True, 1, 99)


def test_the_page_of_a_search_ends_where_its_frame_is_full(file):
    say(file, [(at, "word " + "x" * 4_000) for at in range(1, 31)])
    indexed(file)
    pages = all_pages(lambda request: find_in_file(file, "tea", request, never), "word")
    assert [len(page.messages) for page in pages] == [7, 7, 7, 7, 2]
    assert all(frame_of(page) <= 32_768 for page in pages)
    assert [entry.at for page in reversed(pages) for entry in page.messages] == list(range(1, 31))


def test_messages_that_the_index_has_and_the_file_has_not_are_not_found(file):
    say(file, [(at, "word") for at in range(1, 31)])
    indexed(file)
    with file:
        file.execute("delete from message where at = 7")
        file.execute("update message set room = 'coffee' where at = 8")
        file.execute("update message set text = 'other' where at = 9")
    assert found(file, "word") == [at for at in range(1, 31) if at not in (7, 8, 9)]


def test_places_with_the_same_hash_are_told_apart(file, monkeypatch):
    monkeypatch.setattr(chapters, "_scope", lambda place: "000000000000")
    insert(file, [row(at, "word", "tea" if at % 2 else "coffee") for at in range(1, 31)])
    indexed(file)
    assert found(file, "word") == list(range(1, 31, 2))
    assert found(file, "word", "coffee") == list(range(2, 31, 2))


# --- how little is read


def looked_at(file: sqlite3.Connection, words: str, place: str = "tea") -> int:
    """The messages whose text a search reads, besides those that are read first."""
    seen: list[str] = []
    matches = Search.matches
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Search, "matches", lambda search, text: seen.append(text) or matches(search, text))
        find_in_file(file, place, HistoryRequest(search=words), never)
    return len(seen) - 5


def test_a_rare_word_is_found_without_reading_the_others(file, monkeypatch):
    monkeypatch.setattr(finder, "_MOST", 5)
    monkeypatch.setattr(indexer, "_MOST_WORDS", 100)
    said = [(at, f"the common word{at % 10}") for at in range(1, 500)]
    said[7] = (8, "the rare one")
    said[8] = (9, "a rare common")
    say(file, said)
    indexed(file)
    assert looked_at(file, "rare") == 2
    assert looked_at(file, "the rare") == 2
    assert looked_at(file, "rare the common") == 2
    assert looked_at(file, "absent") == 0
    assert looked_at(file, "word44 word55") == 0


def test_a_query_reads_more_chapters_while_it_is_quick(file, monkeypatch):
    monkeypatch.setattr(finder, "_MOST", 5)
    say(file, [(at, "other words") for at in range(1, 1_000)])
    indexed(file)
    now = [0.0]

    def parts(slow: float) -> list[int]:
        asked: list[str] = []
        file.set_trace_callback(lambda sql: (asked.append(sql), now.__setitem__(0, now[0] + slow)))
        find_in_file(file, "tea", HistoryRequest(search="absent"), never, clock=lambda: now[0])
        file.set_trace_callback(None)
        return [sql.count(" match ") for sql in asked if " match " in sql]

    quick, slow = parts(0.0), parts(1.0)
    assert quick[:5] == [4, 8, 16, 32, 64]
    assert sum(quick) == sum(slow)
    assert slow[:4] == [4, 2, 1, 1]


def test_a_common_word_in_one_chapter_is_not_looked_up_first_in_the_next(file, monkeypatch):
    monkeypatch.setattr(finder, "_MOST", 5)
    monkeypatch.setattr(indexer, "_MOST_WORDS", 30)
    say(file, [(at, "everybody has a cat" if at == 3 else "everybody") for at in range(1, 1_000)])
    indexed(file)
    asked: list[str] = []
    file.set_trace_callback(lambda sql: asked.append(sql) if " match " in sql else None)
    find_in_file(file, "tea", HistoryRequest(search="everybody cat"), never)
    assert ["everybody" in sql for sql in asked] == [True, *[False] * (len(asked) - 1)]
    assert all("cat" in sql for sql in asked[1:])


def test_words_that_are_all_common_are_looked_up_together(file, monkeypatch):
    monkeypatch.setattr(finder, "_MOST", 5)
    say(file, [(at, "one two" if at == 3 else "one" if at % 2 else "two") for at in range(1, 500)])
    indexed(file)
    asked: list[str] = []
    file.set_trace_callback(lambda sql: asked.append(sql) if " match " in sql else None)
    assert found(file, "one two") == [3]
    assert [" AND " in sql for sql in asked][:4] == [False, False, True, True]
    assert all(" AND " in sql for sql in asked[2:])
    assert asked[2].count(" match ") == 1 < asked[-2].count(" match ")


def test_the_interpreter_is_left_to_others_between_two_rounds(file):
    say(file, [(at, "other words") for at in range(1, 300)])
    indexed(file)
    rests: list[float] = []
    seconds = itertools.count()
    find_in_file(file, "tea", HistoryRequest(search="absent"), never, rests.append, lambda: float(next(seconds)))
    assert len(rests) > 3
    assert all(rest > 0 for rest in rests)
