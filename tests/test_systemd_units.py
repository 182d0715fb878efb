"""The files for systemd in `packaging/systemd/`: systemd accepts them, and the server understands what is in them."""

import configparser
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from pylingo.reactor.config import ServerSettings, parse_arguments, read_file
from pylingo.reactor.inherited import NAMES
from tests.support import DEADLINE, ROOT

FOLDER = ROOT / "packaging" / "systemd"
SOCKETS = sorted(FOLDER.glob("*.socket"))
PROGRAM = "/opt/pylingo/bin/pylingo-server"
MOST_EXPOSED = 20
"""Tenths of the exposure that `systemd-analyze security` gives; without any hardening it is 92."""


def unit(path: Path) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(strict=False, interpolation=None, delimiters="=")
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read_string(path.read_text(encoding="utf-8"))
    return parser


SERVICE = unit(FOLDER / "pylingo.service")["Service"]


@pytest.fixture
def analyze(tmp_path: Path):
    """Runs `systemd-analyze` on copies of the units whose program is there; returns its status and output."""
    tool = shutil.which("systemd-analyze")
    if tool is None:
        pytest.skip("systemd-analyze is not installed")
    program = shutil.which("true")
    assert program is not None
    for path in [FOLDER / "pylingo.service", *SOCKETS]:
        (tmp_path / path.name).write_text(re.sub(rf"{PROGRAM}|/bin/kill", program, path.read_text(encoding="utf-8")))

    def run(*arguments: str, names: tuple[str, ...]) -> tuple[int, str]:
        command = [tool, *arguments, *(str(tmp_path / name) for name in names)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE)
        return done.returncode, done.stdout + done.stderr

    return run


def test_systemd_accepts_the_units(analyze) -> None:
    assert analyze("verify", names=("pylingo.service", *(path.name for path in SOCKETS))) == (0, "")


def test_the_service_is_hardly_exposed(analyze) -> None:
    if analyze("security", "--offline=yes", "--no-pager", names=())[0]:
        pytest.skip("this systemd-analyze cannot look at a file alone")
    status, words = analyze("security", "--offline=yes", f"--threshold={MOST_EXPOSED}", names=("pylingo.service",))
    assert status == 0, words
    assert "Overall exposure level" in words


def test_systemd_makes_the_user() -> None:
    tool = shutil.which("systemd-sysusers")
    if tool is None:
        pytest.skip("systemd-sysusers is not installed")
    done = subprocess.run(
        [tool, "--dry-run", str(FOLDER / "pylingo.sysusers")], capture_output=True, text=True, timeout=DEADLINE
    )
    if "unrecognized option" in done.stderr:
        pytest.skip("this systemd-sysusers cannot be tried out")
    assert done.returncode == 0, done.stderr
    assert "pylingo" in (FOLDER / "pylingo.sysusers").read_text().split()


def test_the_server_understands_its_command_line_and_its_configuration(tmp_path: Path) -> None:
    program, *arguments = shlex.split(SERVICE["ExecStart"])
    assert program == PROGRAM
    config = arguments[arguments.index("--config") + 1]
    example = FOLDER / Path(config).name
    settings = parse_arguments([str(example) if argument == config else argument for argument in arguments])
    assert settings.data == f"/var/lib/{SERVICE['StateDirectory']}"
    assert config.startswith(f"/etc/{SERVICE['ConfigurationDirectory']}/")
    assert set(read_file(str(example))) == {"host", "motd", "members"}


def test_systemd_waits_longer_than_the_server_takes() -> None:
    """For its end, and to say that its loop turns."""
    assert float(SERVICE["TimeoutStopSec"]) > ServerSettings().drain_timeout + 5
    assert float(SERVICE["WatchdogSec"]) > ServerSettings().drain_timeout + 5
    assert SERVICE["NotifyAccess"] == "all"


def test_every_folder_of_the_service_is_made_for_its_user() -> None:
    lines = [line.split() for line in (FOLDER / "pylingo.tmpfiles").read_text().splitlines() if line[:1] == "d"]
    made = {path: (mode, user) for _, path, mode, user, *_ in lines}
    assert made == {
        f"/etc/{SERVICE['ConfigurationDirectory']}": (SERVICE["ConfigurationDirectoryMode"], "root"),
        f"/var/lib/{SERVICE['StateDirectory']}": (SERVICE["StateDirectoryMode"], SERVICE["User"]),
        f"/var/log/{SERVICE['LogsDirectory']}": (SERVICE["LogsDirectoryMode"], SERVICE["User"]),
    }


@pytest.mark.parametrize("path", SOCKETS, ids=lambda path: path.name)
def test_a_socket_has_a_name_that_the_server_knows(path: Path) -> None:
    section = unit(path)["Socket"]
    assert section["FileDescriptorName"] in NAMES
    assert section["Service"] == "pylingo.service"
    assert path.stem == (
        "pylingo" if section["FileDescriptorName"] == "pylingo" else f"pylingo-{section['FileDescriptorName']}"
    )


def test_there_is_a_socket_for_each_name() -> None:
    assert {unit(path)["Socket"]["FileDescriptorName"] for path in SOCKETS} == set(NAMES)
