"""The redactions that the file may not have: each is told once, and made again until the file has it."""

import sqlite3

import pytest

from pylingo.reactor.history import pending_redactions
from pylingo.reactor.history.pending_redactions import PendingRedactions


@pytest.fixture
def file(monkeypatch: pytest.MonkeyPatch) -> sqlite3.Connection:
    """A file that has the messages with even stamps."""
    monkeypatch.setattr(pending_redactions, "redact", lambda file, room, at: at % 2 == 0)
    return sqlite3.connect(":memory:")


@pytest.mark.parametrize("at", [1, 2])
def test_a_redaction_is_pending_until_the_file_has_it(file: sqlite3.Connection, at: int) -> None:
    pending, told = PendingRedactions(), list[bool]()
    task = pending.begin("tea", at, told.append)
    assert (task.room, task.at, len(pending), told) == ("tea", at, 1, [])
    task.settle(task.ask(file))
    assert (len(pending), told) == (0, [at == 2])
    file.close()


def test_one_for_which_the_file_has_failed_is_told_once_and_made_again(file: sqlite3.Connection) -> None:
    pending, told = PendingRedactions(), list[bool]()
    task = pending.begin("tea", 1, told.append)
    task.settle(task.fallback)
    assert (len(pending), told) == (1, [True])
    [again] = pending.again()
    task.settle(task.ask(file))
    again.settle(again.ask(file))
    assert (len(pending), told) == (0, [True])
    assert pending.again() == []
    file.close()
