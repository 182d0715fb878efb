"""The rooms that the window enters at its start."""

from pathlib import Path

import pytest

from pylingo.client.options import ClientOptions
from pylingo.client.terminal.last_run import LastRun


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.json"


def test_without_a_last_run_it_is_the_room_of_the_options(path: Path) -> None:
    last = LastRun(ClientOptions(room="lobby"), path)
    assert (last.rooms, last.seen, last.trouble) == (["lobby"], {}, None)
    assert LastRun(ClientOptions(room=None), path).rooms == []


def test_the_rooms_of_the_last_run_at_this_server_come_back(path: Path) -> None:
    LastRun(ClientOptions(room="lobby"), path).keep(["dev", "Ops"], {"ops": 7})
    last = LastRun(ClientOptions(room="lobby"), path)
    assert (last.rooms, last.seen) == (["dev", "Ops"], {"ops": 7})
    assert LastRun(ClientOptions(host="other", room="lobby"), path).rooms == ["lobby"]


def test_a_room_of_the_command_line_comes_first(path: Path) -> None:
    LastRun(ClientOptions(room="lobby"), path).keep(["dev", "Ops"], {})
    assert LastRun(ClientOptions(room="new", is_room_given=True), path).rooms == ["new", "dev", "Ops"]
    assert LastRun(ClientOptions(room="ops", is_room_given=True), path).rooms == ["ops", "dev"]


def test_the_first_run_is_the_one_without_a_file(path: Path) -> None:
    first = LastRun(ClientOptions(), path)
    assert first.is_first
    first.keep([], {})
    assert not LastRun(ClientOptions(), path).is_first
    assert not LastRun(ClientOptions(), None).is_first
    path.write_text("{")
    assert not LastRun(ClientOptions(), path).is_first


def test_without_a_file_nothing_is_kept(tmp_path: Path) -> None:
    last = LastRun(ClientOptions(room="lobby"), None)
    last.keep(["dev"], {})
    assert (last.rooms, last.trouble, list(tmp_path.iterdir())) == (["lobby"], None, [])


def test_a_file_that_cannot_be_used_is_told_and_no_hindrance(path: Path, tmp_path: Path) -> None:
    path.write_text("{")
    last = LastRun(ClientOptions(room="lobby"), path)
    assert last.rooms == ["lobby"]
    assert "damaged" in (last.trouble or "")
    assert "is not used" in (LastRun(ClientOptions(room="lobby"), tmp_path).trouble or "")
