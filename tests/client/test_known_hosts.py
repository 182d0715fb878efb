"""The file of known hosts."""

import os
import stat
import threading
from pathlib import Path

import pytest

from pylingo.client.known_hosts import KnownHost, add, find, server_name
from pylingo.shared.identity import fingerprint

ONE, TWO = fingerprint(b"one"), fingerprint(b"two")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "new" / "known_hosts"


def write(path: Path, text: str | bytes) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    path.chmod(0o600)


def test_an_added_server_is_found_with_its_line(path: Path) -> None:
    assert find(path, "a", 1) == []
    add(path, "a", 1, ONE)
    add(path, "a", 2, TWO)
    assert find(path, "a", 1) == [KnownHost(ONE, f"{path}:1")]
    assert find(path, "a", 2) == [KnownHost(TWO, f"{path}:2")]
    assert find(path, "b", 1) == []
    assert path.read_text() == f"a:1 {ONE}\na:2 {TWO}\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_the_same_line_is_added_once_and_others_stay(path: Path) -> None:
    before = f"# caf\xe9\n\na:1 {ONE}".encode("latin-1")
    write(path, before)
    add(path, "a", 1, ONE)
    assert path.read_bytes() == before
    add(path, "a", 1, TWO)
    assert path.read_bytes() == before + f"\na:1 {TWO}\n".encode()
    assert [known.fingerprint for known in find(path, "A.", 1)] == [ONE, TWO]
    assert find(path, "a", 1)[1].place == f"{path}:4"


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("Chat.Example.ORG", "chat.example.org:7"),
        ("chat.example.org.", "chat.example.org:7"),
        ("0:0:0:0:0:0:0:1", "[::1]:7"),
        ("127.0.0.1", "127.0.0.1:7"),
    ],
)
def test_all_spellings_of_a_host_are_one(host: str, name: str, path: Path) -> None:
    assert server_name(host, 7) == name
    add(path, host, 7, ONE)
    assert path.read_text() == f"{name} {ONE}\n"
    assert find(path, host, 7)


@pytest.mark.parametrize(
    "line",
    [
        "a:1",
        f"a:1 {ONE[:-1]}",
        f"a:1 {ONE} more",
        f"a:0 {ONE}",
        f"[::1 {ONE}",
        f"{ONE} a:1",
        "a:1 ssh-ed25519",
        b"\xff\xfe",
        b"a:1 \x00" * 3,
    ],
)
def test_a_damaged_line_is_an_error_for_every_server(line: str | bytes, path: Path) -> None:
    write(path, f"b:1 {ONE}\n".encode() + (line if isinstance(line, bytes) else line.encode()))
    before = path.read_bytes()
    with pytest.raises(ValueError, match=r"known_hosts:2 must be HOST:PORT SHA256:FINGERPRINT"):
        find(path, "b", 1)
    with pytest.raises(ValueError, match="known_hosts:2"):
        add(path, "c", 1, ONE)
    assert path.read_bytes() == before


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_file_that_others_can_change_is_not_trusted(mode: int, path: Path) -> None:
    write(path, f"a:1 {ONE}\n")
    path.chmod(mode)
    with pytest.raises(ValueError, match="chmod go-w"):
        find(path, "a", 1)


def test_a_file_that_others_can_read_is_fine(path: Path) -> None:
    write(path, f"a:1 {ONE}\n")
    path.chmod(0o644)
    assert find(path, "a", 1)


def test_a_huge_file_is_not_read(path: Path) -> None:
    write(path, "# " + "x" * (1 << 20))
    with pytest.raises(ValueError, match="has more than"):
        find(path, "a", 1)


def test_a_folder_is_an_error(path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(OSError):  # noqa: PT011 - the system's own
        find(path, "a", 1)
    with pytest.raises(OSError, match="not a plain file"):
        add(path, "a", 1, ONE)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
def test_a_file_that_cannot_be_read_is_an_error(path: Path) -> None:
    write(path, f"a:1 {ONE}\n")
    path.chmod(0)
    with pytest.raises(PermissionError):
        find(path, "a", 1)


@pytest.mark.parametrize("host", ["a b", "#a", "a\nb", ""])
def test_a_host_that_is_none_is_not_added(host: str, path: Path) -> None:
    if not host:
        assert server_name(host, 7) == ":7"
        return
    with pytest.raises(ValueError, match="cannot be remembered"):
        add(path, host, 7, ONE)
    assert not path.exists()


def test_two_windows_at_once_lose_nothing(path: Path) -> None:
    def add_ten(name: str) -> None:
        for port in range(1, 11):
            add(path, name, port, ONE)

    threads = [threading.Thread(target=add_ten, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(path.read_text().splitlines()) == 20
