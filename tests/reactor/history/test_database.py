"""Opening the database: upgrades, file modes, and the lock that keeps out a second server."""

import contextlib
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from pylingo.reactor.history import database, store
from pylingo.reactor.history.database import VERSION, HistoryFileError, open_file
from pylingo.reactor.history.store import find_key, load
from tests.fakes.history import make_file
from tests.support import DEADLINE, ROOT

FIRST = (
    "pragma auto_vacuum = incremental; create table message (at integer primary key, room text not null,"
    " name text not null, text text not null, key text) strict;"
    "create index message_of_room on message (room, at); pragma user_version = 1;"
)
SECOND = (
    "pragma auto_vacuum = incremental; create table message (at integer primary key, room text not null,"
    " name text not null, text text not null, key text, session integer) strict;"
    "create index message_of_room on message (room, at);"
    "create index message_of_key on message (key, room) where key is not null; pragma user_version = 2;"
)


def make_old(path: Path, script: str, count: int = 0) -> None:
    path.touch(0o600)
    said = [("alice", None), ("alice", "k"), ("Zo\xcb", "k"), ("zo\xeb", "k"), *([("bob", "k")] * count)]
    with contextlib.closing(sqlite3.connect(path)) as old, old:
        old.executescript(script)
        rows = [(at, name, key) for at, (name, key) in enumerate(said, 1)]
        old.executemany("insert into message (at, room, name, text, key) values (?, 'tea', ?, 'hi', ?)", rows)


@pytest.mark.parametrize("script", [FIRST, SECOND], ids=["first", "second"])
def test_a_file_of_an_earlier_version_is_brought_up(tmp_path, script):
    path = tmp_path / "chat.db"
    make_old(path, script)
    for _ in range(2):
        with contextlib.closing(open_file(str(path))) as file:
            assert file.execute("pragma user_version").fetchone() == (VERSION,)
            assert [entry.at for _, entry in load(file)] == [1, 2, 3, 4]
            assert find_key(file, "tea", "k", 0, "ALICE") == 2
            assert find_key(file, "tea", "k", 0, "zoe\u0308") == 3
            assert find_key(file, "tea", "k", 0, "bob") is None
    with (
        contextlib.closing(open_file(str(tmp_path / "new.db"))) as new,
        contextlib.closing(open_file(str(path))) as file,
    ):
        names = [{row[1] for row in each.execute("select type, name from sqlite_master")} for each in (new, file)]
        columns = [each.execute("pragma table_info(message)").fetchall() for each in (new, file)]
        assert names[0] == names[1]
        assert columns[0] == columns[1]


def test_a_file_from_before_there_were_marks_gets_them(tmp_path):
    path = str(tmp_path / "chat.db")
    with contextlib.closing(open_file(path)) as file:
        store.insert(file, [(1, "tea", "alice", "hi", "k", 7, *[None] * 5)])
        file.executescript(
            "drop table mark; drop table inbox; drop table topic; drop table chapter; drop table charter;"
            " alter table message drop column recipient; alter table message drop column action;"
            " alter table message drop column fingerprint; alter table message drop column operator;"
            " alter table message drop column redacted;"
            " pragma user_version = 3;"
        )
    with contextlib.closing(open_file(path)) as file:
        assert file.execute("pragma user_version").fetchone() == (VERSION,)
        assert store.read_numbers(file) == {}
        assert [entry.text for _, entry in load(file)] == ["hi"]


def test_a_file_whose_bringing_up_was_cut_off_is_as_it_was_and_is_brought_up_later(tmp_path, monkeypatch):
    path = tmp_path / "chat.db"
    make_old(path, SECOND, 1_000)
    monkeypatch.setattr(database, "_STEPS", 1_000)
    monkeypatch.setattr(database.UpgradeProgress, "check", lambda self: True)  # the machine ends what it does
    with pytest.raises(sqlite3.OperationalError, match="interrupted"):
        open_file(str(path))
    monkeypatch.undo()
    with contextlib.closing(sqlite3.connect(path)) as old:
        assert old.execute("pragma user_version").fetchone() == (2,)
        assert old.execute("select count(*) from message indexed by message_of_key where key = 'k'").fetchone() == (
            1_003,
        )
    with contextlib.closing(open_file(str(path))) as file:
        assert find_key(file, "tea", "k", 0, "bob") == 5


def test_a_long_step_is_logged_with_its_time(tmp_path, monkeypatch, caplog):
    path = tmp_path / "chat.db"
    make_old(path, SECOND, 1_000)
    monkeypatch.setattr(database, "_STEPS", 1_000)
    monkeypatch.setattr(database, "_REPORT_EVERY", 0.0)
    caplog.set_level("INFO")
    open_file(str(path)).close()
    lines = [record.getMessage() for record in caplog.records if "version" in record.getMessage()]
    assert f"is being upgraded from version 2 to {VERSION}, once" in lines[0]
    assert str(path) in lines[0]
    assert lines[1].endswith("0 s so far")
    assert lines[-1].endswith("done after 0 s")
    lines.clear()
    caplog.clear()
    open_file(str(path)).close()
    assert not [record for record in caplog.records if "version" in record.getMessage()]


def test_a_file_of_a_newer_version_is_refused_in_a_sentence_and_left_as_it_is(tmp_path):
    path = tmp_path / "chat.db"
    make_file(path, [(1, "tea", "alice", "hi", None)])
    with contextlib.closing(sqlite3.connect(path)) as file:
        file.execute(f"pragma user_version = {VERSION + 1}")
    path.chmod(0o644)
    before = path.read_bytes()
    with pytest.raises(
        HistoryFileError, match=f"it is of version {VERSION + 1}, and this server knows {VERSION}: use a newer"
    ):
        open_file(str(path))
    assert path.read_bytes() == before
    assert mode(path) == 0o644


# --- a new file


def test_a_server_that_is_killed_while_it_makes_a_file_leaves_none(tmp_path, monkeypatch):
    """Otherwise nobody could tell an empty file from one that has lost its messages."""
    path = tmp_path / "chat.db"
    sizes = []
    rename = os.rename

    def look(*names):
        sizes.append((path.exists(), Path(names[0]).stat().st_size))
        rename(*names)

    monkeypatch.setattr(os, "rename", look)
    with contextlib.closing(open_file(str(path))) as file:
        assert load(file) == []
    ((was_there, size),) = sizes
    assert not was_there
    assert size > 4_096
    assert sorted(os.listdir(tmp_path)) == ["chat.db", "chat.db.lock"]


@pytest.mark.parametrize("error", [sqlite3.OperationalError("database or disk is full"), KeyboardInterrupt()])
def test_a_file_that_cannot_be_made_is_not_there(tmp_path, monkeypatch, error):
    def fail(*_):
        raise error

    monkeypatch.setattr(database, "prepare", fail)
    with pytest.raises(type(error)):
        open_file(str(tmp_path / "chat.db"))
    assert os.listdir(tmp_path) == ["chat.db.lock"]
    monkeypatch.undo()
    open_file(str(tmp_path / "chat.db"), 0.0).close()


def test_leftovers_of_others_beside_a_new_file_are_removed(tmp_path):
    for name in ("chat.db.new", "chat.db.new-wal", "chat.db-wal", "chat.db-journal"):
        (tmp_path / name).write_text("words")
    with contextlib.closing(open_file(str(tmp_path / "chat.db"))) as file:
        assert load(file) == []
    assert sorted(os.listdir(tmp_path)) == ["chat.db", "chat.db.lock"]


def test_a_link_to_a_file_that_is_not_there_makes_that_one(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "chat.db").symlink_to(tmp_path / "disk" / "real.db")
    open_file(str(tmp_path / "chat.db")).close()
    assert (tmp_path / "chat.db").is_symlink()
    assert mode(tmp_path / "disk" / "real.db") == 0o600
    assert os.listdir(tmp_path / "disk") == ["real.db"]


# --- whom it can be read by


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("umask", [0, 0o022, 0o077, 0o277])
def test_a_new_file_and_those_beside_it_are_its_owners_whatever_the_umask(tmp_path, umask):
    path = tmp_path / "chat.db"
    before = os.umask(umask)
    try:
        with contextlib.closing(open_file(str(path))) as file:
            store.insert(file, [(1, "tea", "alice", "hi", *[None] * 7)])
            parts = sorted(part.name for part in tmp_path.iterdir())
            assert parts == ["chat.db", "chat.db-shm", "chat.db-wal", "chat.db.lock"]
            assert {mode(part) for part in tmp_path.iterdir()} == {0o600}
    finally:
        os.umask(before)


def test_a_file_that_others_can_read_is_its_owners_from_then_on_and_that_is_said(tmp_path, caplog):
    path = tmp_path / "chat.db"
    make_file(path, [(1, "tea", "alice", "hi", None)])
    with contextlib.closing(sqlite3.connect(path)) as other:
        other.execute("select * from message").fetchall()
        for part in tmp_path.iterdir():
            part.chmod(0o664)
        with contextlib.closing(open_file(str(path))) as file:
            store.insert(file, [(2, "tea", "alice", "hi", *[None] * 7)])
            assert {part.name: mode(part) for part in tmp_path.iterdir() if mode(part) != 0o600} == {}
    told = [record.getMessage() for record in caplog.records]
    assert told == [f"others could read the history in {path} (mode 0664): its mode is 0600 now"]
    caplog.clear()
    open_file(str(path)).close()
    assert not caplog.records


def test_a_mode_that_cannot_be_changed_is_said_and_the_file_is_used(tmp_path, caplog, monkeypatch):
    path = tmp_path / "chat.db"
    make_file(path, [(1, "tea", "alice", "hi", None)])
    path.chmod(0o640)

    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "chmod", refuse)
    with contextlib.closing(open_file(str(path))) as file:
        assert len(load(file)) == 1
    assert (
        f"others could read the history in {path} (mode 0640): that cannot be changed: Operation not permitted"
        in caplog.text
    )


# --- who else may have it open


def run_sql(path: Path, program: str) -> str:
    """Return what a second process with Python's `sqlite3` prints."""
    script = f"import sqlite3, sys\nfile = sqlite3.connect(sys.argv[1], timeout=5)\n{program}"
    ran = subprocess.run([sys.executable, "-c", script, path], capture_output=True, text=True, timeout=DEADLINE)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip()


def test_others_read_and_copy_the_file_while_it_is_written(tmp_path):
    path, copy = tmp_path / "chat.db", tmp_path / "copy.db"
    with contextlib.closing(open_file(str(path))) as file:
        store.insert(file, [(at, "tea", "alice", "hi", *[None] * 7) for at in range(1, 101)])
        assert run_sql(path, "print(file.execute('select count(*), max(at) from message').fetchone())") == "(100, 100)"
        run_sql(path, f"file.backup(sqlite3.connect({str(copy)!r}))")
        # One who stays in the middle of reading does not keep the server from writing.
        with contextlib.closing(sqlite3.connect(path)) as other:
            reader = other.execute("select at from message")
            reader.fetchone()
            store.insert(file, [(101, "tea", "alice", "hi", *[None] * 7)])
            assert len(reader.fetchall()) == 99
        assert run_sql(path, "print(file.execute('select max(at) from message').fetchone()[0])") == "101"
    with contextlib.closing(sqlite3.connect(copy)) as copied:
        assert copied.execute("pragma integrity_check").fetchall() == [("ok",)]
        assert copied.execute("select count(*) from message").fetchone() == (100,)


@pytest.mark.skipif(shutil.which("sqlite3") is None, reason="there is no sqlite3 program here")
@pytest.mark.parametrize("command", [".backup {}", "vacuum into '{}'"])
def test_the_sqlite3_program_copies_the_file_of_a_server_that_has_it_open(tmp_path, command):
    path, copy = tmp_path / "chat.db", tmp_path / "copy.db"
    with contextlib.closing(open_file(str(path))) as file:
        store.insert(file, [(at, "tea", "alice", "hi", *[None] * 7) for at in range(1, 101)])
        ran = subprocess.run(["sqlite3", path, command.format(copy)], capture_output=True, text=True, timeout=DEADLINE)
        assert (ran.returncode, ran.stderr) == (0, "")
    with contextlib.closing(sqlite3.connect(copy)) as copied:
        assert copied.execute("select count(*) from message").fetchone() == (100,)


def test_a_second_server_is_told_that_the_first_one_has_the_file(tmp_path):
    path = tmp_path / "chat.db"
    with contextlib.closing(open_file(str(path))):
        with pytest.raises(
            HistoryFileError, match="another server has it open: stop that one, or give this one another file"
        ):
            open_file(str(path), 0.0)
        code = "import sys; from pylingo.reactor.history.database import open_file; open_file(sys.argv[1], 0.0)"
        ran = subprocess.run(
            [sys.executable, "-c", code, path], capture_output=True, text=True, cwd=ROOT, timeout=DEADLINE
        )
        assert "another server has it open" in ran.stderr
    open_file(str(path), 0.0).close()


def test_a_file_that_could_not_be_opened_leaves_no_lock_behind(tmp_path):
    path = tmp_path / "chat.db"
    path.write_bytes(b"These are the words of another program.\n" * 1_000)
    for _ in range(2):
        with pytest.raises(sqlite3.DatabaseError, match="not a database"):
            open_file(str(path), 0.0)


def test_a_name_that_means_something_else_to_sqlite_is_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in (":memory:", "file:chat?mode=memory"):
        open_file(name).close()
        assert (tmp_path / name).is_file()
