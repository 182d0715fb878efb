"""Helpers for tests of the search: files with messages, the whole of an index, and all pages of a search."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

from pylingo.reactor.history.chapters import Chapter, stamps_in, terms_of
from pylingo.reactor.history.finder import find_in_file
from pylingo.reactor.history.history import FOREVER, Page
from pylingo.reactor.history.indexer import Indexer
from pylingo.reactor.history.store import Row, insert
from pylingo.shared.messages import HistoryRequest
from pylingo.shared.search import parse_search


def never() -> bool:
    """A search has all the time that it wants."""
    return False


def row(at: int, text: str, room: str = "tea", to: str | None = None) -> Row:
    return (at, room, "alice", text, None, None, to, *[None] * 4)  # type: ignore[return-value]


def write(file: sqlite3.Connection, said: list[tuple[int, str]], room: str = "tea") -> None:
    """Add messages of a room to the file, and not to the index."""
    insert(file, [row(at, text, room) for at, text in said])


def finish(index: Indexer) -> int:
    """Do everything that is to be done; return the number of steps."""
    steps = 0
    while index.is_busy:
        index.step()
        steps += 1
        assert steps < 10_000, "the index never rests"
    return steps


def indexed(file: sqlite3.Connection, **bounds: float) -> Indexer:
    """The index of a file, as far as it is built."""
    index = Indexer(file, **bounds)  # type: ignore[arg-type]
    finish(index)
    return index


def look_up(
    file: sqlite3.Connection, chapter: Chapter, words: str, place: str = "tea", before: int = FOREVER, most: int = 1_000
) -> list[int]:
    """The stamps that a chapter of the index finds, descending."""
    values = {"terms": " AND ".join(terms_of(parse_search(words), place)), "before": before, "most": most}
    return [at for (at,) in file.execute(stamps_in(chapter), values)]


def found(file: sqlite3.Connection, words: str, place: str = "tea") -> list[int]:
    """The stamps of all messages of a place that a search finds."""
    pages = all_pages(lambda request: find_in_file(file, place, request, never), words)
    return [entry.at for page in reversed(pages) for entry in page.messages]


def all_pages(ask: Callable[[HistoryRequest], Page], words: str, limit: int = 50) -> list[Page]:
    """The pages of a search, followed by their `next`."""
    pages: list[Page] = []
    before: int | None = None
    while not pages or pages[-1].next is not None:
        pages.append(ask(HistoryRequest(before=before, limit=limit, search=words)))
        assert pages[-1].more == (pages[-1].next is not None)
        assert before is None or pages[-1].next is None or pages[-1].next < before, "the search does not go on"
        before = pages[-1].next
    return pages


def traces(path: Path, text: str) -> list[str]:
    """The files of the history in which the text is."""
    return [part.name for part in sorted(path.parent.glob(path.name + "*")) if text.encode() in part.read_bytes()]
