"""The state file: the rooms of the last run and how far they were read, and nothing else."""

import json
import os
import stat
from pathlib import Path

import pytest

from pylingo.client import locked_file
from pylingo.client.state import ROOMS_KEPT, SERVERS_KEPT, SavedRooms, default_path, load, save

SERVER = "127.0.0.1:5000"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "pylingo" / "state.json"


def test_saved_rooms_are_read_again(path: Path) -> None:
    save(path, SERVER, ["Ops", "lobby"], {"ops": 7, "lobby": 2**63 - 1, "left": 3})
    assert load(path, SERVER) == SavedRooms(["Ops", "lobby"], {"ops": 7, "lobby": 2**63 - 1})
    assert load(path, "another:5000") == SavedRooms()
    save(path, "another:5000", [], {})
    assert load(path, "another:5000") == SavedRooms()
    assert load(path, SERVER).rooms == ["Ops", "lobby"]


def test_a_file_that_is_not_there_or_empty_has_nothing(path: Path) -> None:
    assert load(path, SERVER) == SavedRooms()
    path.parent.mkdir(parents=True)
    path.touch()
    assert load(path, SERVER) == SavedRooms()


def test_the_file_is_private_and_whole(path: Path) -> None:
    save(path, SERVER, ["lobby"], {"lobby": 1})
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert json.loads(path.read_text()) == {"servers": {SERVER: {"rooms": ["lobby"], "seen": {"lobby": 1}}}}
    assert os.listdir(path.parent) == ["state.json"]


def test_another_window_may_have_read_further(path: Path) -> None:
    save(path, SERVER, ["lobby", "ops"], {"lobby": 9, "ops": 1})
    save(path, SERVER, ["lobby", "pool", "ops"], {"lobby": 5, "ops": 2, "pool": 0})
    assert load(path, SERVER) == SavedRooms(["lobby", "pool", "ops"], {"lobby": 9, "ops": 2, "pool": 0})
    save(path, SERVER, ["lobby"], {})
    assert load(path, SERVER) == SavedRooms(["lobby"], {"lobby": 9})


def test_the_servers_used_last_are_kept(path: Path) -> None:
    for number in range(SERVERS_KEPT):
        save(path, f"server-{number}", ["lobby"], {})
    save(path, "server-0", ["lobby"], {})
    save(path, "one more", ["lobby"], {})
    servers = list(json.loads(path.read_text())["servers"])
    assert servers == [*(f"server-{number}" for number in range(2, SERVERS_KEPT)), "server-0", "one more"]


def test_no_more_rooms_are_kept_than_one_can_be_in(path: Path) -> None:
    assert (SERVERS_KEPT, ROOMS_KEPT) == (32, 20), "as the documents say"
    rooms = [f"room-{number}" for number in range(ROOMS_KEPT + 5)]
    save(path, SERVER, rooms, dict.fromkeys(rooms, 1))
    assert load(path, SERVER) == SavedRooms(rooms[:ROOMS_KEPT], dict.fromkeys(rooms[:ROOMS_KEPT], 1))


def test_names_that_no_sound_server_has_do_not_damage_the_file(path: Path) -> None:
    rooms = ["\x1b[2J", "two words", "#lobby", "lobby", "ops"]
    save(path, SERVER, rooms, {"lobby": 2**64 - 1, "ops": -1})
    assert load(path, SERVER) == SavedRooms(["lobby", "ops"], {})


DAMAGED = {
    "no JSON": b"{",
    "no UTF-8": b"\xff",
    "no object": b"[]",
    "no servers": b"{}",
    "servers that are a list": b'{"servers": []}',
    "an entry that is a text": b'{"servers": {"a": "x"}}',
    "no rooms": b'{"servers": {"a": {"seen": {}}}}',
    "no stamps": b'{"servers": {"a": {"rooms": []}}}',
    "rooms that are a text": b'{"servers": {"a": {"rooms": "abc", "seen": {}}}}',
    "a room that is a number": b'{"servers": {"a": {"rooms": [1], "seen": {}}}}',
    "a room with a control character": b'{"servers": {"a": {"rooms": ["\\u001b[2J"], "seen": {}}}}',
    "too many rooms": b'{"servers": {"a": {"rooms": [' + b",".join([b'"x"'] * 21) + b'], "seen": {}}}}',
    "a stamp that is a text": b'{"servers": {"a": {"rooms": [], "seen": {"x": "1"}}}}',
    "a stamp that is true": b'{"servers": {"a": {"rooms": [], "seen": {"x": true}}}}',
    "a stamp before all time": b'{"servers": {"a": {"rooms": [], "seen": {"x": -1}}}}',
    "a stamp after all time": b'{"servers": {"a": {"rooms": [], "seen": {"x": 9223372036854775808}}}}',
    "stamps that are a list": b'{"servers": {"a": {"rooms": [], "seen": []}}}',
    "a deep nest": b"[" * 100_000,
    "too long": b" " * (1 << 20) + b'{"servers": {}}',
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_file_is_one_sentence_and_written_anew(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    with pytest.raises(
        ValueError, match=r"^the state file .*state\.json is damaged: it is not used, and written anew$"
    ):
        load(path, "a")
    save(path, SERVER, ["lobby"], {})
    assert load(path, SERVER).rooms == ["lobby"]


def test_a_file_that_cannot_be_read_or_written_is_an_error(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.mkdir(parents=True)
    with pytest.raises(IsADirectoryError):
        load(path, SERVER)
    with pytest.raises(OSError, match="is not a plain file"):
        save(path, SERVER, [], {})

    def fail(*arguments: object) -> None:
        raise PermissionError(13, "Permission denied")

    other = path.parent / "other.json"
    save(other, SERVER, ["lobby"], {})
    monkeypatch.setattr(locked_file.os, "replace", fail)
    with pytest.raises(PermissionError):
        save(other, SERVER, ["ops"], {})
    assert load(other, SERVER).rooms == ["lobby"]


def test_the_file_is_in_the_platforms_state_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert default_path() == tmp_path / "pylingo" / "state.json"


def test_without_a_home_there_is_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object, **__: object) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr("platformdirs.user_state_path", none)
    assert default_path() is None
    monkeypatch.setattr("platformdirs.user_state_path", lambda *_, **__: Path("~/.local/state/pylingo"))
    assert default_path() is None
