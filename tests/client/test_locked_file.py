"""Files that are changed by one window at a time and replaced as a whole. `test_settings` has the cases of a writer."""

import fcntl
import os
from pathlib import Path

import pytest

from pylingo.client import locked_file
from pylingo.client.locked_file import locked, replace


def test_a_locked_file_exists_and_is_nobody_elses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locked_file, "PATIENCE", 0.0)
    path = tmp_path / "new" / "file"
    with locked(path) as target:
        assert target == path.resolve()
        assert target.read_bytes() == b""
        with pytest.raises(OSError, match="is locked by another program"), locked(path):
            pass
    with locked(path), open(path) as file, pytest.raises(BlockingIOError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    link, behind = tmp_path / "link", tmp_path / "behind"
    link.symlink_to(behind)
    with locked(link) as target:
        replace(target, "words\n")
    assert link.is_symlink()
    assert behind.read_text() == "words\n"


def test_only_a_plain_file_is_locked(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="is not a plain file"), locked(Path(os.devnull)):
        pass


def test_a_replaced_file_is_locked_anew(tmp_path: Path) -> None:
    """A writer that waited for the lock of the old file must not write into that."""
    path = tmp_path / "file"
    with locked(path) as target:
        replace(target, "one\n")
        with locked(path):  # the lock was on the file that was there before
            replace(target, "two\n")
    assert path.read_text() == "two\n"
    assert os.listdir(tmp_path) == ["file"]
