"""The input history: what is kept, for how long, and what a damaged or contested file does."""

import fcntl
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pylingo.client import input_history, locked_file
from pylingo.client.input_history import KEPT, SHORTEN_EVERY, InputHistory, default_path, is_kept
from pylingo.shared.text import MAX_TEXT
from tests.support import ROOT


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "pylingo" / "input-history"


def lines(path: Path) -> list[str]:
    """The lines that the next run finds, in a file that is whole."""
    history = InputHistory(path)
    assert history.trouble is None
    return history.lines


LINES = ["hello", "/join dev", "two\nrows\twith a tab", "caf\u00e9 漢字 👩\u200d👩", "\x1b[2J\u2028\x00", '"quoted" \\']


def test_the_next_run_finds_the_lines(path: Path) -> None:
    history = InputHistory(path)
    assert (history.lines, history.trouble) == ([], None)
    for line in LINES:
        history.add(line)
    assert history.lines == []
    assert lines(path) == LINES
    assert path.read_bytes().count(b"\n") == len(LINES)


def test_the_file_is_private(path: Path) -> None:
    InputHistory(path).add("hello")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert path.read_text() == '"hello"\n'
    path.chmod(0o644)
    InputHistory(path).add("again")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("hello", True),
        ("/msg ada hello", True),
        ("why ?invite is not there", True),
        ("pylingo://a.example/ops", True),
        ("my password is no command", True),
        ("x" * MAX_TEXT, True),
        (" hello", False),
        ("\thello", False),
        ("\nhello", False),
        ("", False),
        ("\u3000", False),
        ("pylingo://a.example/?invite=abc", False),
        ("look: https://a.example/?x=1&INVITE=abc", False),
        ("/password secret", False),
        ("/set-Password secret", False),
        ("/passwd secret", False),
        ("x" * (MAX_TEXT + 1), False),
    ],
)
def test_what_is_kept(path: Path, line: str, expected: bool) -> None:
    assert is_kept(line) == expected
    InputHistory(path).add(line)
    assert path.exists() == expected
    assert lines(path) == [line] * expected


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=30), max_size=5))
def test_any_line_is_read_as_it_was_entered(tmp_path_factory: pytest.TempPathFactory, entered: list[str]) -> None:
    path = tmp_path_factory.mktemp("state") / "input-history"
    history = InputHistory(path)
    for line in entered:
        history.add(line)
    assert lines(path) == [line for line in entered if is_kept(line)]


def test_the_oldest_lines_are_forgotten(path: Path) -> None:
    for run in range(2):
        history = InputHistory(path)
        for number in range(KEPT):
            history.add(f"{run}:{number}")
    assert len(lines(path)) == KEPT
    assert lines(path)[-1] == f"1:{KEPT - 1}"
    assert lines(path)[0] == "1:0"
    assert path.read_bytes().count(b"\n") <= KEPT + SHORTEN_EVERY


def test_the_file_is_bounded_in_bytes(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(input_history, "LARGEST", 10_000)
    history = InputHistory(path)
    for number in range(3 * SHORTEN_EVERY + 1):
        history.add(f"{number} ".ljust(90, "x"))
    assert path.stat().st_size <= 10_000
    found = lines(path)
    assert found[-1].startswith(f"{3 * SHORTEN_EVERY} ")
    assert len(found) > 50


ADD = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from pylingo.client import input_history
input_history.SHORTEN_EVERY = 7
input_history.KEPT = 1_000
history = input_history.InputHistory(Path(sys.argv[2]))
for number in range(100):
    history.add(f"{sys.argv[3]}:{number}")
"""


def test_no_window_loses_the_lines_of_another(path: Path) -> None:
    windows = [subprocess.Popen([sys.executable, "-c", ADD, str(ROOT), str(path), str(name)]) for name in range(4)]
    assert [window.wait(60) for window in windows] == [0] * 4
    found = lines(path)
    assert sorted(found) == sorted(f"{name}:{number}" for name in range(4) for number in range(100))
    for name in range(4):
        assert [line for line in found if line.startswith(f"{name}:")] == [f"{name}:{number}" for number in range(100)]


@pytest.mark.parametrize(
    ("content", "found", "damaged"),
    [
        (b'"a"\n"b"\n', ["a", "b"], ""),
        (b"", [], ""),
        (b'"a"\n"b', ["a"], "a line"),
        (b'"a"\nb\n\n{"c": 1}\n7\nnull\n"\\ud800"\n"d"\n', ["a", "d"], "5 lines"),
        (b'\xff\xfe\n"a"\n', ["a"], "a line"),
        (b"[" * 100_000, [], "a line"),
        (b'"a"\0\n"b"\n', ["b"], "a line"),
    ],
)
def test_what_is_damaged_is_left_out_and_dropped(path: Path, content: bytes, found: list[str], damaged: str) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    history = InputHistory(path)
    assert history.lines == found
    words = f"the input history {path} is damaged: {damaged} cannot be read"
    assert history.trouble == (words if damaged else None)
    history.add("next")
    assert lines(path) == [*found, "next"]
    assert all(isinstance(json.loads(row), str) for row in path.read_text().splitlines())


def test_a_line_that_was_cut_off_does_not_spoil_the_next_one(path: Path) -> None:
    history = InputHistory(path)
    history.add("first")
    with open(path, "ab") as file:
        file.write(b'"half')
    history.add("next")
    assert InputHistory(path).lines == ["first", "next"]


def test_a_file_that_cannot_be_used_is_said(path: Path) -> None:
    path.mkdir(parents=True)
    history = InputHistory(path)
    assert history.trouble == f"the input history {path} is not used: Is a directory"
    with pytest.raises(OSError, match="is not a plain file"):
        history.add("hello")
    path.rmdir()
    os.mkfifo(path)
    assert InputHistory(path).trouble == f"the input history {path} is not used: it is not a plain file"
    with pytest.raises(OSError, match="is not a plain file"):
        history.add("hello")


def test_a_file_that_somebody_else_has_locked(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locked_file, "PATIENCE", 0.02)
    history = InputHistory(path)
    history.add("first")
    with open(path, "rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(OSError, match="is locked by another program"):
            history.add("lost")
    history.add("second")
    assert lines(path) == ["first", "second"]


def test_a_file_behind_a_link_stays_there(path: Path, tmp_path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere").write_text('"old"\nbad\n')
    InputHistory(path).add("new")
    assert path.is_symlink()
    assert lines(path) == ["old", "new"]


def test_it_is_beside_the_state_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert default_path() == tmp_path / "pylingo" / "input-history"
    monkeypatch.setattr(input_history, "state_path", lambda: None)
    assert default_path() is None
