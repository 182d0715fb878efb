"""The file into which everything is written that is shown: a real one."""

import errno
import os
from pathlib import Path

import pytest

from pylingo.client.terminal.transcript import Transcript


def test_lines_are_written_at_once_behind_what_was_there(tmp_path: Path):
    path = tmp_path / "log"
    path.write_text("before\n")
    transcript = Transcript()
    assert transcript.write("nowhere") is None
    assert transcript.begin(str(path)) is None
    assert transcript.write("h\u00e9llo") is None
    assert path.read_text("utf-8") == "before\nh\u00e9llo\n"
    assert transcript.begin(None) is None
    transcript.write("nowhere")
    assert path.read_text("utf-8") == "before\nh\u00e9llo\n"


@pytest.mark.parametrize("path", ["no/such/folder", "pipe", ".", "\0"])
def test_a_path_that_is_no_plain_file_is_refused_in_a_sentence(tmp_path: Path, monkeypatch, path: str):
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    transcript = Transcript()
    trouble = transcript.begin(path)
    assert trouble is not None
    assert trouble.startswith(f"cannot write to {path}: ")
    assert transcript.write("nowhere") is None


@pytest.mark.parametrize("path", ["no/such/folder", ".", "\0"])
def test_a_typo_does_not_end_the_log_that_runs(tmp_path: Path, monkeypatch, path: str):
    monkeypatch.chdir(tmp_path)
    transcript = Transcript()
    assert transcript.begin("first") is None
    trouble = transcript.begin(path)
    assert trouble is not None
    assert trouble.endswith("; first stays in use")
    transcript.write("one")
    assert transcript.begin("second") is None
    transcript.write("two")
    assert (Path("first").read_text(), Path("second").read_text()) == ("one\n", "two\n")
    transcript.end()


def test_a_full_disk_is_told_once(tmp_path: Path, monkeypatch):
    if not os.path.exists("/dev/full"):
        pytest.skip("there is no /dev/full here")
    monkeypatch.setattr("stat.S_ISREG", lambda mode: True)
    transcript = Transcript()
    assert transcript.begin("/dev/full") is None
    assert transcript.write("x") == "cannot write to /dev/full at present: No space left on device"
    assert transcript.write("x") is None
    transcript.end()


def test_a_disk_that_has_room_again_has_the_log_go_on(tmp_path: Path, monkeypatch):
    path = tmp_path / "log"
    transcript = Transcript()
    assert transcript.begin(str(path)) is None
    with monkeypatch.context() as patch:
        patch.setattr("builtins.print", full)
        assert transcript.write("lost") is not None
        assert transcript.write("lost") is None
    assert transcript.write("kept") is None
    assert path.read_text() == "kept\n"
    with monkeypatch.context() as patch:
        patch.setattr("builtins.print", full)
        assert transcript.write("lost") is not None, "another time is told again"
    transcript.end()


def full(*_, **__):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("umask", [0, 0o022, 0o077])
def test_a_new_file_is_its_owners_alone_and_one_that_is_there_keeps_its_mode(tmp_path: Path, umask: int):
    (tmp_path / "old").touch()
    (tmp_path / "old").chmod(0o644)
    before = os.umask(umask)
    try:
        for name in ("new", "old"):
            transcript = Transcript()
            assert transcript.begin(str(tmp_path / name)) is None
            assert transcript.write("words") is None
            transcript.end()
    finally:
        os.umask(before)
    assert [(tmp_path / name).stat().st_mode & 0o777 for name in ("new", "old")] == [0o600, 0o644]
