"""The platform's data folder."""

from pathlib import Path

import pytest

from pylingo.client.data_folder import is_missing, key_path, known_hosts_path


def test_the_files_are_in_the_platforms_data_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert known_hosts_path() == tmp_path / "pylingo" / "known_hosts"
    assert key_path() == tmp_path / "pylingo" / "id_ed25519"


def test_without_a_home_there_is_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object, **__: object) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr("platformdirs.user_data_path", none)
    assert known_hosts_path() is None
    monkeypatch.setattr("platformdirs.user_data_path", lambda *_, **__: Path("~/.local/share/pylingo"))
    assert known_hosts_path() is None


def test_a_file_that_cannot_be_looked_at_is_not_missing(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert not is_missing(tmp_path / "file")
    assert is_missing(tmp_path / "none")
    assert is_missing(tmp_path / "none" / "none")
    assert not is_missing(tmp_path / "file" / "below a file")
