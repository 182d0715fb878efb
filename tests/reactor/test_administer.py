"""The commands of the administrator: with a server that uses the folder, and without one."""

import io
import os
import pty
import re
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from pylingo.reactor.administer import COMMANDS, forget, hash_a_password, invite, release
from pylingo.reactor.people.data_dir import Stage, open_data_dir
from pylingo.reactor.people.passwords import PasswordHash
from pylingo.reactor.people.register import Register
from pylingo.reactor.people.state_file import read_state, write_state
from pylingo.shared.launch import LaunchError
from pylingo.shared.link import Link, parse_link
from tests.fakes.people import fingerprint, key
from tests.support import DEADLINE, ROOT, ServerProcess

SCRIPT = str(ROOT / "reactor" / "run.py")
PIN = "SHA256:" + "A" * 43


def run(*arguments: str, **options: object) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, SCRIPT, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, check=False, **options)  # type: ignore[call-overload, no-any-return]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder whose server has been started once, and is stopped."""
    monkeypatch.chdir(tmp_path)
    folder = open_data_dir("d")
    register = Register()
    register.take_name("ape", fingerprint(1), "127.0.0.1")
    write_state(folder.people, register.to_state())
    Path(folder.link).write_text(f"pylingo://chat.example.org:5001#{PIN}\n")
    return Path("d")


def register_of(data: Path) -> Register:
    return Register.from_state(read_state(str(data / "people.json")))


def refusal(command: str, *arguments: str) -> LaunchError:
    with pytest.raises(LaunchError) as caught:
        COMMANDS[command](arguments)
    assert str(caught.value).isprintable()
    return caught.value


# --- without a server


@pytest.mark.parametrize("operator", [False, True])
def test_an_invitation_is_a_link(data: Path, capsys: pytest.CaptureFixture[str], operator: bool) -> None:
    assert invite(["--data", "d", *(["--operator"] if operator else [])]) == 0
    link = parse_link(capsys.readouterr().out.rstrip("\n"))
    assert link == Link("chat.example.org", 5001, None, link.invite, PIN)
    assert link.invite is not None
    register = register_of(data)
    change = register.redeem(link.invite, key(2))
    assert change is not None
    change.commit()
    assert register.is_operator(fingerprint(2)) == operator


def test_an_invitation_has_limits(data: Path) -> None:
    assert invite(["--data", "d", "--uses", "3", "--time", "12h"]) == 0
    (invitation,) = register_of(data).to_state()["invitations"]
    assert invitation.uses == 3


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("a.example", ("a.example", 5001)),  # the port of the server as it was last started
        ("a.example:7", ("a.example", 7)),
        ("::1", ("::1", 5001)),
        ("[::1]", ("::1", 5001)),
        ("[::1]:7", ("::1", 7)),
    ],
)
def test_the_address_in_a_link_may_be_another_one(
    data: Path, capsys: pytest.CaptureFixture[str], address: str, place: tuple[str, int]
) -> None:
    invite(["--data", "d", "--address", address])
    link = parse_link(capsys.readouterr().out.strip())
    assert (link.host, link.port, link.fingerprint) == (*place, PIN)


def test_the_link_may_list_several_servers(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    invite(["--data", "d", "--address", "a.example,b.example:7"])
    link = parse_link(capsys.readouterr().out.strip())
    assert link.addresses == (("a.example", 5001), ("b.example", 7))
    assert (link.fingerprint, link.invite is not None) == (PIN, True)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "give --data DIR for a single server, or --cluster URL for a cluster (see --help)"),
        (["--data", "d", "--cluster", "redis://a"], "give --data DIR for a single server, or --cluster URL"),
        (["--data", "none"], "cannot use the data folder none: there is no folder none"),
        (["--data", "d", "--uses", "0"], "--uses must be a whole number from 1 to 1000, not '0'"),
        (["--data", "d", "--time", "soon"], "--time must be 0 or a time from 1s to 366d"),
        (["--data", "d", "--time", "367d"], "--time must be 0 or a time from 1s to 366d"),
        (["--data", "d", "--address", "a:b"], "a port must be a whole number"),
        (["--data", "d", "--address", "a,"], "a list of addresses must be"),
    ],
)
def test_a_wrong_invitation_is_refused(data: Path, arguments: list[str], words: str) -> None:
    error = refusal("invite", *arguments)
    assert str(error).startswith(words)
    assert error.status == 2
    assert register_of(data).to_state()["invitations"] == []


def test_a_folder_that_no_server_has_used_is_refused(data: Path) -> None:
    (data / "link").unlink()
    assert "start the server once with  --data d" in str(refusal("invite", "--data", "d"))
    (data / "link").write_text("words")
    assert str(refusal("invite", "--data", "d")).startswith("the link d/link is damaged: ")
    (data / "people.json").unlink()
    assert "start the server once with  --data d" in str(refusal("release", "ape", "--data", "d"))


def test_a_damaged_file_is_refused_and_kept(data: Path) -> None:
    (data / "people.json").write_text("{")
    assert "d/people.json is damaged" in str(refusal("release", "ape", "--data", "d"))
    (data / "people.json").write_text('{"version": 2}')
    assert "its version is 2" in str(refusal("release", "ape", "--data", "d"))
    assert (data / "people.json").read_text() == '{"version": 2}'


def test_a_name_is_freed(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert release(["Ape", "--data", "d"]) == 0
    assert capsys.readouterr().out == "the name Ape is free\n"
    assert register_of(data).owner_of("ape") is None
    error = refusal("release", "ape", "--data", "d")
    assert str(error) == "the name 'ape' belongs to nobody: there is nothing to free"
    assert error.status == 1


def test_a_full_disk_is_said(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pylingo.reactor.administer.write_state", fail)
    assert str(refusal("invite", "--data", "d")) == "cannot write d/people.json: No space left on device"
    assert register_of(data).to_state()["invitations"] == []


def test_a_server_that_cannot_be_asked_is_said(data: Path) -> None:
    folder = open_data_dir("d")
    assert folder.lock()
    error = refusal("invite", "--data", "d")
    assert str(error) == "a server uses the data folder and cannot be asked: stop it, and try again"
    folder.unlock()


# --- a people file that is lost


def test_a_lost_people_file_can_be_given_up(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The next start is a first one, however far the one before had come."""
    folder = open_data_dir("d")
    assert folder.lock()
    folder.reach(Stage.OVER)
    folder.unlock()
    assert str(refusal("forget", "--data", "d")) == "there is a people file d/people.json: move it away first"
    assert register_of(data).owner_of("ape") is not None
    (data / "people.json").unlink()
    assert forget(["--data", "d"]) == 0
    assert capsys.readouterr().out == "d/people.json has nobody in it: start the server with  --data d\n"
    assert register_of(data).to_state() == Register().to_state()
    assert folder.stage is Stage.BEGUN
    assert (data / "people.json").stat().st_mode & 0o777 == 0o600


def test_a_people_file_that_a_server_uses_is_not_given_up(data: Path) -> None:
    folder = open_data_dir("d")
    assert folder.lock()
    assert str(refusal("forget", "--data", "d")) == "a server uses the data folder d: stop it, and try again"
    folder.unlock()
    assert folder.lock()  # it was not kept
    folder.unlock()


# --- passwords


def test_a_password_is_hashed_from_a_pipe(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("Grüße\nmore\n"))
    assert hash_a_password([]) == 0
    assert PasswordHash.parse(capsys.readouterr().out).verify("Grüße")


def test_the_file_of_a_hash_is_its_owners_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "password"
    monkeypatch.setattr("sys.stdin", io.StringIO("secret\n"))
    before = os.umask(0)
    try:
        assert hash_a_password([str(path)]) == 0
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert PasswordHash.parse(path.read_text()).verify("secret")
    monkeypatch.setattr("sys.stdin", io.StringIO("other\n"))
    assert str(refusal("hash-password", str(path))) == f"{path} exists already: name a file that does not"
    monkeypatch.setattr("sys.stdin", io.StringIO("other\n"))
    assert str(refusal("hash-password", str(tmp_path / "a" / "b"))).startswith("cannot write")


def test_an_empty_password_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert str(refusal("hash-password")) == "a password must have at least one character"


@pytest.mark.parametrize(("again", "status"), [("secret", 0), ("secert", 1)])
def test_on_a_terminal_it_is_asked_twice_without_echo(tmp_path: Path, again: str, status: int) -> None:
    path = tmp_path / "password"
    child, terminal = pty.fork()
    if child == 0:
        os.execv(sys.executable, [sys.executable, SCRIPT, "hash-password", str(path)])
    shown = b""

    def until(word: bytes) -> None:
        nonlocal shown
        while word not in shown:
            shown += os.read(terminal, 1_024)

    until(b"Password: ")
    os.write(terminal, b"secret\n")
    until(b"Again: ")
    os.write(terminal, f"{again}\n".encode())
    try:
        while data := os.read(terminal, 1_024):
            shown += data
    except OSError:  # Linux reports the end like this
        pass
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == status
    assert b"sec" not in shown
    assert path.exists() == (status == 0)
    assert (b"the two passwords differ" in shown) == (status == 1)


# --- with the server


def test_the_running_server_is_asked(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with ServerProcess("--data", str(data), "--no-tls") as server:
        done = run("invite", "--data", str(data), "--operator")
        assert (done.returncode, done.stderr) == (0, "")
        link = parse_link(done.stdout.strip())
        assert (link.host, link.port) == ("127.0.0.1", server.port)
        assert link.invite is not None
        assert link.invite not in server.log()
        assert len(register_of(data).to_state()["invitations"]) == 2
        done = run("release", "nobody", "--data", str(data))
        assert done.returncode == 1
        assert done.stderr == ("pylingo-server: the name 'nobody' belongs to nobody: there is nothing to free\n")
        assert server.stop(signal.SIGTERM) == 0
    register = register_of(data)
    change = register.redeem(link.invite, key(2))
    assert change is not None
    change.commit()
    assert register.is_operator(fingerprint(2))


def test_help_describes_each_command() -> None:
    for command in COMMANDS:
        done = run(command, "--help")
        assert done.returncode == 0
        assert re.match(rf"usage: pylingo-server {command} ", done.stdout)
    assert "forget, hash-password, invite, release" in " ".join(run("--help").stdout.split())
