"""The files that a path may be completed to."""

from pathlib import Path

import pytest

from pylingo.client.terminal import files
from pylingo.client.terminal.files import matching_files


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("log", "lists", ".hidden", "odd\nname", "two words"):
        (tmp_path / name).touch()
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "old").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    ("begun", "found"),
    [
        ("l", ["lists", "log", "logs/"]),
        ("", ["lists", "log", "logs/", "two words"]),
        ("lo", ["log", "logs/"]),
        ("logs/", ["logs/old"]),
        ("two w", ["two words"]),
        (".h", [".hidden"]),
        ("~/lo", ["~/log", "~/logs/"]),
        ("x", []),
        ("nowhere/x", []),
        ("log/x", []),
        ("nul\0/x", []),
    ],
)
def test_the_paths_that_begin_so(folder: Path, begun: str, found: list[str]) -> None:
    assert matching_files(begun) == found


def test_an_absolute_path(folder: Path) -> None:
    assert matching_files(f"{folder}/log") == [f"{folder}/log", f"{folder}/logs/"]


def test_a_large_folder_is_not_read_to_its_end(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MOST", 3)
    assert len(matching_files("") + matching_files(".")) <= 3
