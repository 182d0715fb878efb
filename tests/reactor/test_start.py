"""The steps before a server serves: the history file, the host's name, the command that others join with."""

import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pylingo.reactor import start
from pylingo.reactor.engine.loop import Reactor
from pylingo.reactor.history import store
from pylingo.reactor.history.database import VERSION, open_file
from pylingo.reactor.start import check_history, is_exposed, join_command, reachable, wait_for_host
from pylingo.shared.launch import LaunchError
from tests.fakes.history import make_file
from tests.support import DEADLINE, ROOT, Peer, ServerProcess, late_names, wait_until

RUN = str(ROOT / "reactor" / "run.py")


def run(*arguments: str, **options: Any) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, RUN, "--port", "0", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, check=False, **options)


# --- the history -------------------------------------------------------------------------------------------------


def trouble(path: Path | str, data: Path | str = "") -> str:
    """Why no history can be kept there."""
    with pytest.raises(LaunchError) as caught:
        check_history(str(path), str(data))
    assert caught.value.status == 2
    before, after = f"cannot keep the history in {path}: ", " (--history chooses another file)"
    sentence = str(caught.value)
    assert sentence.startswith(before)
    assert sentence.endswith(after)
    return sentence.removeprefix(before).removesuffix(after)


def make(path: Path, *statements: str) -> Path:
    with closing(sqlite3.connect(path)) as file:
        for statement in statements:
            file.execute(statement)
        file.commit()
    return path


def test_a_file_that_is_not_there_is_no_trouble_and_is_not_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_history(str(tmp_path / "a b?c#%41.db"))
    monkeypatch.chdir(tmp_path)
    check_history("chat.db", ".")
    assert os.listdir() == []


def history(path: Path) -> Path:
    """A file with a history of 1,000 messages."""
    messages = [(number, "tea", "ada", "words " * 20, None) for number in range(1, 1_001)]
    make_file(path, messages)
    return path


def test_an_empty_file_is_a_new_one_unless_it_is_in_the_data_folder(tmp_path: Path) -> None:
    path = tmp_path / "chat.db"
    path.touch(0o600)
    check_history(str(path))
    check_history(str(path), str(tmp_path.parent))
    words = "it is empty: put back a copy of it, or move it away to begin with an empty history"
    assert trouble(path, tmp_path) == words
    with closing(sqlite3.connect(path)) as file:
        file.execute("pragma journal_mode = wal")  # writes the first page
    assert path.stat().st_size
    check_history(str(path))
    assert trouble(path, tmp_path) == words


@pytest.mark.parametrize("cut", [1, 15, 100, 4_096, -1, -4_096, -10_000])
def test_a_part_of_a_file_is_refused(tmp_path: Path, cut: int) -> None:
    path = history(tmp_path / "chat.db")
    whole = path.read_bytes()
    check_history(str(path), str(tmp_path))
    path.write_bytes(whole[:cut])
    assert re.search("cut off|malformed|not a database", trouble(path))
    assert trouble(path, tmp_path).endswith("put back a copy of it, or move it away to begin with an empty history")
    assert path.read_bytes() == whole[:cut]


def test_the_last_page_may_be_in_the_journal(tmp_path: Path) -> None:
    """A server that was killed while SQLite moved the pages of the journal into the file has lost nothing."""
    path = history(tmp_path / "chat.db")
    with closing(open_file(str(path))) as file:
        file.execute("pragma wal_autocheckpoint = 0")
        store.insert(file, [(2_000, "tea", "ada", "the last words", None, None, *[None] * 5)])
        for ending in ("", "-wal"):
            (tmp_path / f"copy.db{ending}").write_bytes(Path(f"{path}{ending}").read_bytes())
    with open(tmp_path / "copy.db", "ab") as copy:
        copy.write(bytes(100))
    check_history(str(tmp_path / "copy.db"))
    with closing(open_file(str(tmp_path / "copy.db"))) as file:
        assert store.newest_stamp(file) == 2_000


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_history_in_the_data_folder_that_others_can_use_is_refused(tmp_path: Path, mode: int) -> None:
    path = history(tmp_path / "chat.db")
    path.chmod(mode)
    check_history(str(path))
    assert trouble(path, tmp_path) == f"others can use it: change that with  chmod 600 {path}"


def test_a_path_that_cannot_be_used_is_named_with_its_reason(tmp_path: Path) -> None:
    assert trouble("/nonexistent/h.sqlite") == "there is no folder /nonexistent"
    assert trouble(tmp_path) == "Is a directory"
    (tmp_path / "file").write_text("")
    assert trouble(tmp_path / "file" / "h.sqlite") == "Not a directory"
    assert trouble(os.devnull) == "it is not a regular file"
    os.mkfifo(tmp_path / "pipe")
    assert trouble(tmp_path / "pipe") == "it is not a regular file"
    (tmp_path / "words").write_text("shopping list\n" * 1_000)
    assert trouble(tmp_path / "words") == "file is not a database"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_path_that_may_not_be_written_is_named_with_its_reason(tmp_path: Path) -> None:
    path = tmp_path / "chat.db"
    path.touch(0o400)
    assert trouble(path) == "Permission denied"
    path.chmod(0o600)
    tmp_path.chmod(0o500)
    assert trouble(path) == "its folder is not writable"
    tmp_path.chmod(0o700)


def test_a_database_of_others_and_one_of_a_newer_server_are_left_alone(tmp_path: Path) -> None:
    other = make(tmp_path / "other", "create table recipe (name text)")
    before = other.read_bytes()
    assert trouble(other) == "it is the database of another program"
    assert other.read_bytes() == before
    newer = make(tmp_path / "newer", "create table message (at integer)", f"pragma user_version = {VERSION + 1}")
    words = f"its version is {VERSION + 1}, and this server supports {VERSION}: use a newer server"
    assert trouble(newer) == words


def test_a_file_that_is_locked_is_not_refused_as_it_may_be_free_soon(tmp_path: Path) -> None:
    path = make(tmp_path / "chat.db", "create table message (at integer)", f"pragma user_version = {VERSION}")
    with closing(sqlite3.connect(path, isolation_level=None)) as holder:
        holder.execute("pragma locking_mode = exclusive")
        holder.execute("begin exclusive")
        check_history(str(path))


def test_the_server_does_not_start_without_the_history_that_was_asked_for(tmp_path: Path) -> None:
    done = run("--history", "/nonexistent/h.sqlite")
    assert (done.returncode, done.stdout) == (2, "")
    words = "there is no folder /nonexistent (--history chooses another file)"
    assert done.stderr == f"pylingo-server: cannot keep the history in /nonexistent/h.sqlite: {words}\n"


def test_a_home_is_found_in_options_and_in_the_file(tmp_path: Path) -> None:
    (tmp_path / "server.toml").write_text('history = "~/from-the-file.db"\nmotd = "hello"')
    home = {"HOME": str(tmp_path)}
    with ServerProcess("--config=~/server.toml", environment=home):
        wait_until((tmp_path / "from-the-file.db").exists, "the history file")
    with ServerProcess("--history=~/from-the-line.db", environment=home):
        wait_until((tmp_path / "from-the-line.db").exists, "the history file")


# --- the host ----------------------------------------------------------------------------------------------------


@pytest.fixture
def reactor() -> Iterator[Reactor]:
    reactor = Reactor()
    yield reactor
    reactor.close()


class Names:
    """A name server that fails for a while."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, failures: int, error: int = socket.EAI_AGAIN) -> None:
        self.asked = 0
        self._failures = failures
        self._error = error
        self._look_up = socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", self)
        monkeypatch.setattr(start, "RETRY", 0.01)

    def __call__(self, host: str, port: int, **options: Any) -> Any:
        if options["flags"] & socket.AI_NUMERICHOST:
            raise socket.gaierror(socket.EAI_NONAME, "no address")
        self.asked += 1
        if self.asked <= self._failures:
            raise socket.gaierror(self._error, "the name server says no")
        return self._look_up("127.0.0.1", port, **options)


def test_a_name_that_cannot_be_looked_up_yet_is_waited_for_and_that_is_said_once(
    reactor: Reactor, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    names = Names(monkeypatch, failures=3)
    assert list(wait_for_host(reactor, "chat.example", 7)) == [(socket.AF_INET, ("127.0.0.1", 7))]
    assert names.asked == 4
    assert caplog.messages == ["the host chat.example cannot be looked up yet: retrying for up to 300 s"]


def test_the_waiting_has_an_end(reactor: Reactor, monkeypatch: pytest.MonkeyPatch) -> None:
    names = Names(monkeypatch, failures=10**9)
    monkeypatch.setattr(start, "_PATIENCE", 0.05)
    with pytest.raises(socket.gaierror, match="the name server says no"):
        wait_for_host(reactor, "chat.example", 7)
    assert names.asked >= 2


def test_a_name_that_is_unknown_is_not_waited_for(reactor: Reactor, monkeypatch: pytest.MonkeyPatch) -> None:
    names = Names(monkeypatch, failures=10**9, error=socket.EAI_NONAME)
    with pytest.raises(socket.gaierror):
        wait_for_host(reactor, "chat.example", 7)
    assert names.asked == 1


def test_an_address_is_taken_as_it_is(reactor: Reactor) -> None:
    assert list(wait_for_host(reactor, "127.0.0.1", 7)) == [(socket.AF_INET, ("127.0.0.1", 7))]


def test_the_server_starts_once_its_name_is_known(tmp_path: Path) -> None:
    with ServerProcess("--host", "chat.example", environment=late_names(tmp_path, 2)) as server:
        assert server.first_line.endswith(f"listening on chat.example:{server.port}\n")
        words = "the host chat.example cannot be looked up yet: retrying for up to 300 s"
        wait_until(lambda: words in server.log(), "the line of the log")
        with Peer(server.port, "127.0.0.1") as peer:
            assert peer.fence() == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_waiting_can_be_ended(tmp_path: Path, number: int) -> None:
    process = subprocess.Popen(
        [sys.executable, RUN, "--port", "0", "--host", "chat.example"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **late_names(tmp_path, 10**9)},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),  # as a shell has it in the background
    )
    with process:
        try:
            assert process.stderr is not None
            assert "cannot be looked up yet" in process.stderr.readline()
            process.send_signal(number)
            out, errors = process.communicate(timeout=DEADLINE)
            assert (process.returncode, out) == (0, "")
            assert errors == "pylingo-server: stopped before the host chat.example could be looked up\n"
        finally:
            process.kill()


# --- how to join -------------------------------------------------------------------------------------------------


def test_an_address_of_its_own_is_named_as_it_is() -> None:
    assert reachable("chat.example:5000", "192.0.2.1") == "chat.example:5000"
    assert join_command("chat.example:5000").endswith(" chat.example:5000")
    assert join_command("chat.example:5000", needs_plain=True).endswith(" chat.example:5000 --plain")
    assert join_command("[::1]:5000").endswith(" '[::1]:5000'"), "a shell would take brackets for a pattern"


@pytest.mark.parametrize("bound", ["0.0.0.0", "::"])
def test_every_address_is_named_by_one_that_others_can_use(bound: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = reachable(f"[{bound}]:5000", bound)
    assert re.fullmatch(r"(\d+\.){3}\d+:5000|\[[\da-f:]+\]:5000", found)
    assert not found.startswith(("0.0.0.0", "[::]"))
    monkeypatch.setattr(start, "_ELSEWHERE", {"0.0.0.0": "255.255.255.255", "::": "no address"})  # no way out
    assert reachable(f"[{bound}]:5000", bound) == "127.0.0.1:5000"


@pytest.mark.parametrize(
    ("bound", "exposed"),
    [("127.0.0.1", False), ("127.9.9.9", False), ("::1", False), ("::", True), ("0.0.0.0", True), ("fe80::1%lo", True)],
)
def test_whether_other_machines_may_reach_an_address(bound: str, exposed: bool) -> None:
    assert is_exposed(bound) == exposed


STARTS = {
    "as a script, in the environment": ("{root}/reactor/run.py", True),
    "as a script, by the environment's Python": ("{python} {root}/reactor/run.py", False),
    "as a module": ("{python} -m pylingo.reactor.run", False),
    "by a link": ("{python} {link}", False),
    "installed": ("{bin}/pylingo-server", False),
    "installed, in the environment": ("pylingo-server", True),
}


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
@pytest.mark.parametrize(("command", "is_active"), STARTS.values(), ids=STARTS)
def test_the_command_works_as_it_is_printed(command: str, is_active: bool, host: str, tmp_path: Path) -> None:
    link = tmp_path / "the link.py"
    link.symlink_to(RUN)
    folder = os.path.dirname(sys.executable)
    if "pylingo-server" in command and not os.access(f"{folder}/pylingo-server", os.X_OK):
        pytest.skip("it is not installed")
    path = os.environ["PATH"].replace(folder, "")
    environment = {**os.environ, "PATH": f"{folder}:{path}" if is_active else path}
    words = {"root": str(ROOT), "python": sys.executable, "link": str(link), "bin": folder}
    arguments = [word.format(**words) for word in command.split()]
    errors = tmp_path / "errors"
    with errors.open("w") as file:
        server = subprocess.Popen(
            [*arguments, "--port", "0", "--host", host],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=file,
            env=environment,
            cwd=ROOT,
        )
    try:
        hint = wait_until(lambda: re.search(r"^join it with: (.*)$", errors.read_text(), re.MULTILINE))
        joined = subprocess.run(
            ["sh", "-c", f"echo hello | {hint[1]} --name ada"],
            env=environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=DEADLINE,
        )
        assert (joined.returncode, joined.stderr) == (0, "")
        assert "you are in lobby" in joined.stdout
    finally:
        server.terminate()
        server.wait(DEADLINE)
