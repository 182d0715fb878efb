"""The folder of `--data`: its mode, its owner, and one server at a time."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from pylingo.reactor.people.data_dir import DataDir, Stage, open_data_dir
from tests.support import DEADLINE, ROOT


def error(path: Path, create: bool = True) -> str:
    with pytest.raises(ValueError, match="data folder") as caught:
        open_data_dir(str(path), create)
    return str(caught.value).replace(str(path.parent), "…")


@pytest.mark.parametrize("umask", [0, 0o077, 0o277])
def test_it_is_made_for_its_owner_alone(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        data = open_data_dir(str(tmp_path / "data"))
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700
    assert open_data_dir(str(tmp_path / "data")) == data


def test_its_files_are_in_it() -> None:
    data = DataDir("data")
    files = [data.history, data.certificate, data.key, data.people, data.members, data.link, data.control]
    assert len(set(files)) == len(files)
    assert {os.path.dirname(file) for file in files} == {"data"}
    assert os.path.basename(data.history) == "history.db"
    assert os.path.basename(data.people) == "people.json"


@pytest.mark.parametrize("mode", [0o755, 0o750, 0o701, 0o770, 0o777])
def test_a_folder_that_others_can_enter_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "data"
    path.mkdir()
    path.chmod(mode)
    assert error(path) == "others can enter the data folder …/data: change that with  chmod 700 …/data"
    assert stat.S_IMODE(path.stat().st_mode) == mode


def test_a_path_that_cannot_be_a_data_folder_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert error(tmp_path / "a" / "b") == "cannot use the data folder …/b: there is no folder …"
    path = tmp_path / "data"
    assert error(path, create=False) == "cannot use the data folder …/data: there is no folder …/data"
    assert not path.exists()
    path.touch()
    assert error(path) == "cannot use the data folder …/data: it is not a folder"
    assert error(path / "x") == "cannot use the data folder …/x: Not a directory"
    path.unlink()
    path.symlink_to(tmp_path / "nowhere")
    assert error(path).startswith("cannot use the data folder …/data: there is no folder")
    path.unlink()
    open_data_dir(str(path))
    monkeypatch.setattr(os, "geteuid", lambda: 4_711)
    assert error(path) == "the data folder …/data belongs to another user: change that with  chown -R 4711 …/data"


@pytest.mark.skipif(os.geteuid() == 0, reason="root can write everything")
def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.mkdir(0o500)
    assert error(path).startswith("the data folder …/data cannot be written")


def test_one_process_at_a_time_has_the_lock(tmp_path: Path) -> None:
    data = open_data_dir(str(tmp_path / "data"))
    code = f"from pylingo.reactor.people.data_dir import DataDir; print(DataDir({data.path!r}).lock())"

    def other() -> str:
        command = [sys.executable, "-c", code]
        ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=DEADLINE, check=True)
        return ran.stdout.strip()

    assert other() == "True"  # and it ends with its process
    assert data.lock()
    assert other() == "False"
    assert not DataDir(data.path).lock()
    data.unlock()
    assert other() == "True"
    assert stat.S_IMODE(os.stat(os.path.join(data.path, "lock")).st_mode) == 0o600


def test_a_lock_that_is_no_file_is_a_sentence(tmp_path: Path) -> None:
    data = open_data_dir(str(tmp_path / "data"))
    (tmp_path / "data" / "lock").mkdir()
    with pytest.raises(ValueError, match=r"cannot lock the data folder with .*lock: Is a directory"):
        data.lock()


# --- the first start


def test_the_lock_says_how_far_the_first_start_has_come(tmp_path: Path) -> None:
    data = open_data_dir(str(tmp_path / "data"))
    assert data.stage is Stage.NEW
    data.reach(Stage.OVER)  # without the lock
    assert data.lock()
    assert data.stage is Stage.NEW
    for stage in (Stage.BEGUN, Stage.OVER, Stage.BEGUN, Stage.NEW, Stage.OVER):
        data.reach(stage)
        assert DataDir(data.path).stage is stage
    data.unlock()
    assert data.lock()
    assert data.stage is Stage.OVER


@pytest.mark.parametrize("mode", [0o620, 0o602])
def test_a_lock_that_others_can_write_is_refused(tmp_path: Path, mode: int) -> None:
    data = open_data_dir(str(tmp_path / "data"))
    Path(data.lock_file).touch()
    Path(data.lock_file).chmod(mode)
    with pytest.raises(ValueError, match=r"others can write the lock .*lock: change that with  chmod go-w .*lock"):
        _ = data.stage


@pytest.mark.parametrize(
    ("files", "traces"),
    [
        ([], []),
        (["members", "password"], []),  # the administrator may put them there first
        (["lock"], []),
        (["lock", "history.db", "link"], []),
        (["history.db"], ["history.db"]),
        (["link"], ["link"]),
        (["key.pem"], ["key.pem"]),
        (["lock", "cert.pem", "key.pem", "history.db"], ["cert.pem", "key.pem"]),
    ],
)
def test_some_files_show_that_there_was_a_people_file(tmp_path: Path, files: list[str], traces: list[str]) -> None:
    data = open_data_dir(str(tmp_path / "data"))
    for name in files:
        (tmp_path / "data" / name).touch(0o600)
    assert [os.path.basename(path) for path in data.traces()] == traces
    assert data.lock()
    data.reach(Stage.BEGUN)
    assert data.traces()[0] == data.lock_file
