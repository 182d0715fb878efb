"""A file that is deleted, renamed, replaced or damaged is noticed."""

import contextlib
import sqlite3

import pytest

from pylingo.reactor.history.database import FileGoneError, FileIdentity


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "chat.db"
    for ending in ("", "-wal"):
        path.with_name(path.name + ending).write_text("x")
    return path


@pytest.mark.parametrize("ending", ["", "-wal"])
def test_a_file_that_is_not_there_any_more_is_gone(path, ending):
    identity = FileIdentity(str(path))
    identity.check()  # nothing is known of it yet
    identity.remember()
    identity.check()
    part = path.with_name(path.name + ending)
    part.rename(path.with_name("elsewhere"))
    with pytest.raises(FileGoneError, match="deleted, renamed or replaced"):
        identity.check()
    part.write_text("another")
    with pytest.raises(FileGoneError):
        identity.check()
    path.with_name("elsewhere").replace(part)
    identity.check()
    identity.remember()
    identity.check()


def test_a_file_that_was_not_there_may_come(path):
    identity = FileIdentity(str(path))
    identity.remember()
    path.with_name(path.name + "-shm").write_text("x")
    path.write_text("longer")
    identity.check()


def test_a_file_that_is_replaced_leaves_no_journal_to_the_one_in_its_place(tmp_path):
    """SQLite would read it as that one's."""
    path, old, other = (tmp_path / name for name in ("chat.db", "old.db", "other.db"))
    for name in (path, other):
        file = sqlite3.connect(name)
        file.execute("pragma journal_mode = wal")
        with file:
            file.execute("create table word (text)")
            file.execute("insert into word values (?)", (name.name,))
        if name == other:
            file.close()
    file = sqlite3.connect(path)
    identity = FileIdentity(str(path))
    assert file.execute("select * from word").fetchall() == [("chat.db",)]
    identity.remember()
    path.rename(old)
    other.rename(path)
    identity.abandon(file)
    assert sorted(part.name for part in tmp_path.iterdir()) == ["chat.db", "old.db"]
    for name, text in ((path, "other.db"), (old, "chat.db")):
        with contextlib.closing(sqlite3.connect(name)) as file:
            assert file.execute("select * from word").fetchall() == [(text,)]


def test_a_history_without_a_name_is_never_gone():
    identity = FileIdentity(":memory:")
    identity.remember()
    identity.check()


def test_a_damaged_file_is_damaged_until_it_is_another_one(path):
    identity = FileIdentity(str(path))
    assert not identity.is_damaged()
    identity.mark_damaged()
    assert identity.is_damaged()
    path.with_name("new").write_text("another")
    path.with_name("new").replace(path)
    assert not identity.is_damaged()
    identity.mark_damaged()
    identity.remember()
    assert not identity.is_damaged()
