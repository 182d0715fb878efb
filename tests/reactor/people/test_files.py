"""Files that decide who comes in: read with care, and replaced as a whole."""

import errno
import os
import stat
from pathlib import Path

import pytest

from pylingo.reactor.people.files import check_private, check_unchangeable, read_regular, replace_file


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "people.json"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_new_file_is_on_the_disk_before_it_takes_its_place(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the folder afterwards: in any other order, a crash can leave an empty file."""
    calls = []
    fsync, replace = os.fsync, os.replace

    def note_fsync(descriptor: int) -> None:
        calls.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        fsync(descriptor)

    def note_replace(source: str, target: str) -> None:
        calls.append("replace")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", note_fsync)
    monkeypatch.setattr(os, "replace", note_replace)
    replace_file(str(path), b"one")
    assert calls == ["file", "replace", "folder"]


@pytest.mark.parametrize("function", ["fsync", "replace"])
def test_a_failure_leaves_the_old_file(path: Path, monkeypatch: pytest.MonkeyPatch, function: str) -> None:
    replace_file(str(path), b"one")

    def fail(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, function, fail)
    with pytest.raises(OSError, match="Input/output error"):
        replace_file(str(path), b"two")
    monkeypatch.undo()
    assert path.read_bytes() == b"one"
    assert [one.name for one in path.parent.iterdir()] == ["people.json"]


@pytest.mark.parametrize("kind", ["file", "link", "dangling link"])
def test_leftovers_of_a_killed_server_are_replaced(path: Path, tmp_path: Path, kind: str) -> None:
    left, other = Path(f"{path}.new"), tmp_path / "other"
    if kind == "file":
        left.write_text("{")
        left.chmod(0o644)
    else:
        left.symlink_to(other)
        if kind == "link":
            other.write_text("theirs")
    replace_file(str(path), b"one")
    assert path.read_bytes() == b"one"
    assert mode(path) == 0o600
    assert not path.is_symlink()
    assert not other.exists() or other.read_text() == "theirs"


def test_a_file_is_its_owners_alone_whatever_the_umask(path: Path) -> None:
    before = os.umask(0)
    try:
        replace_file(str(path), b"one")
    finally:
        os.umask(before)
    assert mode(path) == 0o600


def test_a_file_is_read_with_its_status(path: Path) -> None:
    path.write_bytes(b"words")
    data, status = read_regular(str(path), "the file", 5)
    assert data == b"words"
    assert status.st_ino == path.stat().st_ino
    with pytest.raises(ValueError, match=f"the file {path} must have at most 4 bytes"):
        read_regular(str(path), "the file", 4)


def test_a_path_that_is_no_file_is_told(path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_regular(str(path), "the file", 5)
    path.mkdir()
    with pytest.raises(ValueError, match=f"cannot read the file {path}: Is a directory"):
        read_regular(str(path), "the file", 5)
    path.rmdir()
    os.mkfifo(path, 0o600)
    with pytest.raises(ValueError, match=f"the file {path} must be a regular file"):
        read_regular(str(path), "the file", 5)


@pytest.mark.parametrize(("wrong", "is_fine"), [(0o600, True), (0o400, True), (0o640, False), (0o602, False)])
def test_whether_a_file_is_ours_alone(path: Path, monkeypatch: pytest.MonkeyPatch, wrong: int, is_fine: bool) -> None:
    path.touch()
    path.chmod(wrong)
    if is_fine:
        check_private(str(path), "the key", path.stat())
    else:
        with pytest.raises(ValueError, match=f"others can use the key {path}: change that with  chmod 600 {path}"):
            check_private(str(path), "the key", path.stat())
    monkeypatch.setattr(os, "geteuid", lambda: 4_711)
    with pytest.raises(ValueError, match="belongs to another user"):
        check_private(str(path), "the key", path.stat())


def test_a_file_that_others_can_write_or_own_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_text("words")
    for right in (0o600, 0o644, 0o400):
        path.chmod(right)
        check_unchangeable(str(path), "the file", path.stat())
    for wrong in (0o620, 0o602, 0o666):
        path.chmod(wrong)
        with pytest.raises(ValueError, match=r"others can write the file .*: change that with  chmod go-w /"):
            check_unchangeable(str(path), "the file", path.stat())
    path.chmod(0o600)
    monkeypatch.setattr(os, "geteuid", lambda: 4_711)
    for check in (check_unchangeable, check_private):
        with pytest.raises(ValueError, match=r"the file .* belongs to another user: change that with  chown 4711 /"):
            check(str(path), "the file", path.stat())
