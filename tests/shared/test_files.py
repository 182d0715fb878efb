"""Files that nobody but their owner can read."""

import os
import stat
from pathlib import Path

import pytest

from pylingo.shared.files import open_private, sync_folder


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("umask", [0, 0o022, 0o077, 0o777])
@pytest.mark.parametrize("how", ["w", "a", "x", "w+b"])
def test_a_new_file_is_its_owners_whatever_the_umask(tmp_path: Path, umask: int, how: str) -> None:
    path = tmp_path / "new"
    before = os.umask(umask)
    try:
        with open(path, how, opener=open_private):
            pass
    finally:
        os.umask(before)
    assert mode(path) == 0o600


def test_a_file_that_is_there_keeps_its_mode_and_its_words(tmp_path: Path) -> None:
    path = tmp_path / "old"
    path.write_text("before\n")
    path.chmod(0o640)
    with open(path, "a", opener=open_private) as file:
        file.write("after\n")
    assert mode(path) == 0o640
    assert path.read_text() == "before\nafter\n"


def test_a_link_to_a_file_that_is_not_there_makes_it(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "made")
    with open(tmp_path / "link", "w", opener=open_private) as file:
        file.write("words")
    assert mode(tmp_path / "made") & 0o077 == 0
    assert (tmp_path / "made").read_text() == "words"


def test_no_file_is_made_where_none_was_asked_for(tmp_path: Path) -> None:
    """`open` gives its flags, and a file that is only to be read is not made."""
    with pytest.raises(FileNotFoundError), open(tmp_path / "none", opener=open_private):
        pass
    assert not (tmp_path / "none").exists()


def test_the_folder_of_a_file_comes_to_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(os.readlink(f"/proc/self/fd/{descriptor}")))
    sync_folder(str(tmp_path / "file"))
    monkeypatch.chdir(tmp_path)
    sync_folder("file")
    assert synced == [str(tmp_path)] * 2
    with pytest.raises(FileNotFoundError):
        sync_folder(str(tmp_path / "none" / "file"))
