"""The history of a single server, for an import: its rooms, their newest messages, and files that cannot be read."""

import contextlib
import sqlite3
from pathlib import Path

import pytest

from pylingo.reactor.history.database import prepare
from pylingo.reactor.history.store import Row, insert, write_topics
from pylingo.reactor.history.topics import StoredTopic
from pylingo.reactor.old_history import OldHistory
from pylingo.shared.launch import LaunchError
from pylingo.shared.messages import Entry


def row(at: int, room: str, recipient: str | None = None) -> Row:
    return (at, room, "ada", f"word {at}", None, None, recipient, None, None, None, None)


@pytest.fixture
def path(tmp_path: Path) -> str:
    path = str(tmp_path / "history.db")
    with contextlib.closing(sqlite3.connect(path)) as file:
        prepare(file)
        insert(file, [row(1, "tea"), row(2, "cats"), row(3, "tea"), row(4, "@1|2", "bob"), row(5, "tea")])
        with file:
            write_topics(file, {"tea": StoredTopic("leaves", "ada", 1), "dogs": StoredTopic("bones", "bob", 2)})
    return path


def test_each_room_has_its_newest_messages_and_its_topic(path: str) -> None:
    with OldHistory(path) as history:
        found = {room: (entries, topic) for room, entries, topic, _ in history.read(2)}
    assert found == {
        "tea": ([Entry("ada", "word 3", 3), Entry("ada", "word 5", 5)], StoredTopic("leaves", "ada", 1)),
        "cats": ([Entry("ada", "word 2", 2)], None),
        "dogs": ([], StoredTopic("bones", "bob", 2)),
    }


def test_without_a_file_there_are_no_rooms(tmp_path: Path) -> None:
    with OldHistory(str(tmp_path / "none.db")) as history:
        assert [*history.read(1)] == []
    assert [*tmp_path.iterdir()] == []


def test_a_file_that_is_no_history_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    path.write_bytes(b"words" * 1_000)
    with pytest.raises(LaunchError, match=r"cannot read the history .*: file is not a database"):
        OldHistory(str(path))


def test_a_file_of_another_version_is_refused(path: str) -> None:
    with contextlib.closing(sqlite3.connect(path)) as file:
        file.execute("pragma user_version = 99")
    with pytest.raises(LaunchError, match="has the version 99, and this program reads "):
        OldHistory(path)


def test_a_file_that_is_damaged_is_told(path: str) -> None:
    with contextlib.closing(sqlite3.connect(path)) as file:
        file.execute("drop table topic")
    with OldHistory(path) as history, pytest.raises(LaunchError, match=r"cannot read the history .*no such table"):
        [*history.read(1)]
