"""The platform's data folder."""

from pathlib import Path

import pytest

from pylingo.client.data_folder import data_file


def test_a_file_is_in_the_platforms_data_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert data_file("known_hosts") == tmp_path / "pylingo" / "known_hosts"


def test_without_a_home_there_is_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object, **__: object) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr("platformdirs.user_data_path", none)
    assert data_file("known_hosts") is None
    monkeypatch.setattr("platformdirs.user_data_path", lambda *_, **__: Path("~/.local/share/pylingo"))
    assert data_file("known_hosts") is None
