"""Fixtures for histories in a file."""

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pylingo.reactor.history import sqlite
from pylingo.reactor.history.database import open_file
from tests.fakes.history import Desk


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "chat.db"


@pytest.fixture
def desk(path: Path) -> Iterator[Callable[..., Desk]]:
    """Opens logs, one after the other; each is closed before the next one."""
    desks: list[Desk] = []

    def close() -> None:
        while desks:
            desks.pop().close()

    def make(path: Path = path, *, opened: bool = True, **options: Any) -> Desk:
        close()
        desks.append(Desk(path, **options))
        if opened:
            desks[-1].open()
        return desks[-1]

    yield make
    close()


@pytest.fixture
def commits(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The rows that the thread has committed so far."""
    statements: list[str] = []

    def traced(*args: Any) -> sqlite3.Connection:
        file = open_file(*args)
        file.set_trace_callback(lambda sql: statements.append(sql) if sql.upper().startswith("COMMIT") else None)
        return file

    monkeypatch.setattr(sqlite, "open_file", traced)
    return statements


@pytest.fixture
def small_disk(monkeypatch: pytest.MonkeyPatch) -> list[sqlite3.Connection]:
    """A disk with room for so little that it is soon full."""
    files: list[sqlite3.Connection] = []

    def small(*args: Any) -> sqlite3.Connection:
        file = open_file(*args)
        file.execute("pragma max_page_count = 16")
        files.append(file)
        return file

    monkeypatch.setattr(sqlite, "open_file", small)
    return files
