"""The file into which everything is written that is shown: a real one."""

import os
from pathlib import Path

import pytest

from client.terminal.transcript import Transcript


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
def test_what_is_no_plain_file_is_refused_in_a_sentence(tmp_path: Path, monkeypatch, path: str):
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    transcript = Transcript()
    trouble = transcript.begin(path)
    assert trouble is not None
    assert trouble.startswith(f"nothing is written to {path}: ")
    assert transcript.write("nowhere") is None


def test_a_full_disk_is_told_once(tmp_path: Path, monkeypatch):
    if not os.path.exists("/dev/full"):
        pytest.skip("there is no /dev/full here")
    monkeypatch.setattr("stat.S_ISREG", lambda mode: True)
    transcript = Transcript()
    assert transcript.begin("/dev/full") is None
    assert transcript.write("x") == "the log file is given up: No space left on device"
    assert transcript.write("x") is None
