"""The command that copies a history file, while a server writes it and otherwise."""

import contextlib
import os
import re
import shutil
import socket
import sqlite3
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from pylingo.reactor import backup as module
from pylingo.reactor.backup import backup, copy
from pylingo.reactor.history.database import open_file
from pylingo.reactor.history.store import insert, load
from pylingo.reactor.people.data_dir import open_data_dir
from pylingo.shared.launch import LaunchError
from pylingo.shared.messages import Say, Sent
from tests.support import DEADLINE, ROOT, Peer, ServerProcess


def make(path: Path, count: int = 10) -> None:
    with contextlib.closing(open_file(str(path))) as file:
        insert(file, [(at, "tea", "alice", f"{at}", f"k-{at}", 1, *[None] * 5) for at in range(1, count + 1)])


def stamps(path: Path) -> list[int]:
    with contextlib.closing(sqlite3.connect(path)) as file:
        assert file.execute("pragma integrity_check").fetchall() == [("ok",)]
        return [at for (at,) in file.execute("select at from message order by at")]


def test_a_copy_is_whole_and_its_owners_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make(tmp_path / "chat.db")
    before = os.umask(0)
    try:
        assert backup(["--history", str(tmp_path / "chat.db"), str(tmp_path / "copy.db")]) == 0
    finally:
        os.umask(before)
    assert re.fullmatch(r"\S+chat.db was copied to \S+copy.db: 0\.\d MiB\n", capsys.readouterr().out)
    assert stat.S_IMODE((tmp_path / "copy.db").stat().st_mode) == 0o600
    assert stamps(tmp_path / "copy.db") == list(range(1, 11))
    assert sorted(part.name for part in tmp_path.iterdir()) == ["chat.db", "chat.db.lock", "copy.db"]
    with contextlib.closing(open_file(str(tmp_path / "copy.db"))) as file:  # a server can go on with it
        assert len(load(file)) == 10


def test_the_file_may_stand_in_the_configuration(tmp_path: Path) -> None:
    make(tmp_path / "chat.db")
    (tmp_path / "server.toml").write_text(f'history = "{tmp_path / "chat.db"}"\n')
    assert backup(["--config", str(tmp_path / "server.toml"), str(tmp_path / "copy.db")]) == 0
    assert stamps(tmp_path / "copy.db") == list(range(1, 11))


def test_messages_sent_while_the_copy_is_made_do_not_begin_it_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copy in steps, as it would be begun again by each commit, has ended after as many steps as it has pages."""
    make(tmp_path / "chat.db", 2_000)
    steps = []

    class Watched(sqlite3.Connection):
        def backup(self, target: sqlite3.Connection, **_: object) -> None:  # type: ignore[override]
            def step(status: int, remaining: int, total: int) -> None:
                steps.append(remaining)
                insert(file, [(10_000 + len(steps), "tea", "alice", "meanwhile", *[None] * 7)])
                assert len(steps) < 1_000

            super().backup(target, pages=5, progress=step)

    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *args, **more: connect(*args, **more, factory=Watched))
    with contextlib.closing(connect(tmp_path / "chat.db")) as file:
        copy(str(tmp_path / "chat.db"), str(tmp_path / "copy.db"))
    assert steps == sorted(steps, reverse=True)
    assert len(steps) > 10
    monkeypatch.undo()
    assert stamps(tmp_path / "copy.db") == list(range(1, 2_001))


def test_a_running_server_is_copied_and_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "chat.db"
    with ServerProcess("--history", str(path), "--rate", "0") as server, Peer(server.port) as peer:
        peer.join("tea")
        said: list[int] = []
        is_over = threading.Event()

        def speak() -> None:
            while not is_over.is_set():
                peer.send(Say("hi", id=1))
                said.append(peer.until(Sent).at)

        speaker = threading.Thread(target=speak)
        speaker.start()
        try:
            command = [sys.executable, str(ROOT / "reactor" / "run.py"), "backup", "--history", str(path)]
            for number in range(3):
                before = len(said)
                target = tmp_path / f"copy-{number}"
                ran = subprocess.run([*command, target], capture_output=True, text=True, timeout=DEADLINE)
                assert (ran.returncode, ran.stderr) == (0, "")
                copied = stamps(target)
                assert said[:before] == copied[:before]
        finally:
            is_over.set()
            speaker.join(DEADLINE)
        assert server.stop() == 0
    assert stamps(path) == said


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "the following arguments are required: TARGET (see --help)"),
        (["copy"], "name what to copy with --data DIR or --history FILE"),
        (["--data", "none", "copy"], "cannot use the data folder none: there is no folder none"),
        (["--history", "none", "copy"], "there is no history file none"),
        (["--history", ".", "copy"], "there is no history file ."),
        (["--history", "chat.db", "chat.db"], "chat.db exists already: name a file that does not"),
        (["--history", "chat.db", "no/such/copy"], "cannot write no/such/copy: No such file or directory"),
        (["--history", "words", "copy"], "cannot copy words to copy: file is not a database"),
        (["--history", "other", "copy"], "other is no history file"),
        (["--history", "empty", "copy"], "empty is no history file"),
    ],
)
def test_a_history_that_cannot_be_copied_is_told_in_a_sentence_and_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], sentence: str
) -> None:
    monkeypatch.chdir(tmp_path)
    make(tmp_path / "chat.db")
    Path("words").write_text("words of another program\n" * 100)
    Path("empty").touch()
    with contextlib.closing(sqlite3.connect("other")) as other:
        other.execute("create table song (title text)")
    before = sorted(Path().iterdir())
    with pytest.raises(LaunchError, match=re.escape(sentence)) as error:
        backup(arguments)
    assert str(error.value) == sentence
    assert error.value.status != 0
    assert sorted(Path().iterdir()) == before


def test_a_disk_that_becomes_full_leaves_no_half_of_a_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path / "chat.db")

    def fail(*_: object) -> int:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(module, "_copy", fail)
    with pytest.raises(LaunchError, match="database or disk is full"):
        copy(str(tmp_path / "chat.db"), str(tmp_path / "copy"))
    assert not (tmp_path / "copy").exists()


@pytest.mark.skipif(shutil.which("sqlite3") is None, reason="there is no sqlite3 program here")
def test_the_sqlite3_program_copies_the_history_of_a_running_server(tmp_path: Path) -> None:
    path = tmp_path / "chat.db"
    with ServerProcess("--history", str(path)) as server, Peer(server.port) as peer:
        peer.join("tea")
        peer.send(Say("hi", id=1))
        at = peer.until(Sent).at
        for number, command in enumerate((".backup {}", "vacuum into '{}'")):
            target = tmp_path / f"copy-{number}"
            ran = subprocess.run(
                ["sqlite3", path, command.format(target)], capture_output=True, text=True, timeout=DEADLINE
            )
            assert (ran.returncode, ran.stderr) == (0, "")
            assert stamps(target) == [at]


def test_the_copy_of_a_data_folder_is_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, target = tmp_path / "data", tmp_path / "copy"
    with ServerProcess("--data", str(data)) as server, Peer(server.port) as peer:
        peer.join("tea")
        peer.send(Say("hi", id=1))
        at = peer.until(Sent).at
        (data / "members").write_text("# nobody\n")
        assert backup(["--data", str(data), str(target)]) == 0
        assert re.fullmatch(r"\S+data was copied to \S+copy: 0\.\d MiB\n", capsys.readouterr().out)
    assert stat.S_IMODE(target.stat().st_mode) == 0o700
    names = {"people.json", "members", "cert.pem", "key.pem", "link", "history.db"}
    assert {path.name for path in target.iterdir()} == names
    assert {stat.S_IMODE(path.stat().st_mode) for path in target.iterdir()} == {0o600}
    for name in names - {"history.db"}:
        assert (target / name).read_bytes() == (data / name).read_bytes()
    assert stamps(target / "history.db") == [at]
    with ServerProcess("--data", str(target)) as server:  # which is how it is restored
        assert server.stop() == 0
        assert server.process.stdout is not None
        assert server.process.stdout.read() == ""  # nobody is made an operator anew
    (tmp_path / "server.toml").write_text(f'data = "{data}"\n')
    assert backup(["--config", str(tmp_path / "server.toml"), str(tmp_path / "again")]) == 0


def test_the_redis_of_workers_is_not_left_out_silently(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    data = open_data_dir("data")
    os.mkdir(data.redis)
    with pytest.raises(LaunchError, match=r"messages and people of --workers, .* cp -a"):
        backup(["--data", "data", "copy"])
    Path(data.people).write_text("{}")
    Path(data.people).chmod(0o600)
    assert backup(["--data", "data", "of-a-server-alone"]) == 0
    with socket.socket(socket.AF_UNIX) as redis:
        redis.bind(data.redis_socket)
        redis.listen()
        with pytest.raises(LaunchError, match="which backup does not copy"):
            backup(["--data", "data", "copy"])
    assert not Path("copy").exists()


def test_a_failure_leaves_no_part_of_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = open_data_dir(str(tmp_path / "data"))
    (tmp_path / "data" / "people.json").write_text("{}")
    with pytest.raises(LaunchError, match="exists already: name a folder that does not"):
        backup(["--data", data.path, data.path])

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "replace_file", fail)
    with pytest.raises(LaunchError, match=r"cannot copy .*people.json to .*: No space left on device"):
        backup(["--data", data.path, str(tmp_path / "copy")])
    assert [path.name for path in tmp_path.iterdir()] == ["data"]
