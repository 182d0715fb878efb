"""The command that asks a server whether it answers. The conversation itself is in `test_probe`."""

import os
import re
import subprocess
import sys

import pytest

from pylingo.reactor import check as module
from pylingo.reactor.check import check
from pylingo.reactor.people.link_file import write_link
from pylingo.reactor.probe import ProbeError, Target
from pylingo.shared.identity import fingerprint
from pylingo.shared.launch import LaunchError
from pylingo.shared.link import parse_link
from tests.fakes.tls import certificate, der
from tests.support import DEADLINE, ROOT, ServerProcess

PIN = "SHA256:" + "A" * 43
HERE = Target(host="127.0.0.1", port=5000)


@pytest.fixture
def found(monkeypatch):
    """The targets that were visited, each with its timeout."""
    visits = []
    monkeypatch.setattr(module, "probe", lambda target, timeout: visits.append((target, timeout)) or "PyLingo/9.9")
    return visits


@pytest.fixture
def folder(tmp_path):
    """A data folder that a server has used."""
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    write_link(str(data / "link"), parse_link(f"pylingo://192.0.2.1:5001#{PIN}"))
    return str(data)


@pytest.fixture
def config(tmp_path):
    def write(text):
        (tmp_path / "server.toml").write_text(text)
        return str(tmp_path / "server.toml")

    return write


ADDRESSES = {
    (): HERE,
    ("127.0.0.1:7",): Target(host="127.0.0.1", port=7),
    ("localhost",): Target(host="localhost", port=5000),
    ("[::1]:7",): Target(host="::1", port=7),
    ("chat.example.org",): Target(host="chat.example.org", port=5000, is_encrypted=True),
    ("chat.example.org", "--plain"): Target(host="chat.example.org", port=5000),
    ("pylingo://127.0.0.1:7",): Target(host="127.0.0.1", port=7, is_encrypted=True),
    (f"pylingo://127.0.0.1:7#{PIN}",): Target(host="127.0.0.1", port=7, is_encrypted=True, pin=PIN),
    ("--proxy-header",): Target(host="127.0.0.1", port=5000, sends_header=True),
}


@pytest.mark.parametrize(("arguments", "target"), ADDRESSES.items(), ids=map(" ".join, ADDRESSES))
def test_an_address_says_whether_there_is_tls(found, arguments, target, capsys):
    assert check(arguments) == 0
    assert found == [(target, 5.0)]
    (line,) = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"the server at \S+:\d+ answers within \d+\.\d ms: PyLingo/9\.9", line)


def test_a_data_folder_tells_where_its_server_is_and_which_certificate_it_has(found, folder):
    check(["--data", folder, "--timeout", "0.5"])
    check(["--data", folder, "127.0.0.1:7"])
    check(["--data", folder, "127.0.0.1", "--plain"])
    check(["--data", folder, "pylingo://chat.example.org"])
    assert found == [
        (Target(host="192.0.2.1", port=5001, is_encrypted=True, pin=PIN), 0.5),
        (Target(host="127.0.0.1", port=7, is_encrypted=True, pin=PIN), 5.0),
        (Target(host="127.0.0.1", port=5000, pin=PIN), 5.0),
        (Target(host="chat.example.org", port=5000, is_encrypted=True, pin=PIN), 5.0),
    ]


def test_a_configuration_tells_where_its_server_is_and_which_certificate_it_has(found, config, folder):
    cert, key = certificate()
    check(["--config", config(f'host = "::"\nport = 7\ntls-cert = "{cert}"\ntls-key = "{key}"\n')])
    check(["--config", config('host = "0.0.0.0"\n')])
    check(["--config", config("port = 0\n"), "--data", folder])
    check(["--config", config("port = 7\n"), "10.0.0.1"])
    assert found == [
        (Target(host="::1", port=7, is_encrypted=True, pin=fingerprint(der())), 5.0),
        (HERE, 5.0),
        (Target(host="192.0.2.1", port=5001, is_encrypted=True, pin=PIN), 5.0),
        (Target(host="10.0.0.1", port=5000), 5.0),
    ]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["one,two"], "ADDRESS must be one server"),
        (["host:0"], "a port must be a whole number"),
        (["pylingo://host", "--plain"], "--plain contradicts the link"),
        (["--timeout", "0"], "--timeout must be a number from 0.1 to 3600"),
        (["--data", "/no/such/folder"], "there is no folder"),
        (["--config", "/no/such/file"], "cannot read the configuration file"),
        (["one", "two"], "unrecognized arguments: two"),
    ],
)
def test_a_wrong_command_line_is_refused_in_one_sentence(found, arguments, words):
    with pytest.raises(LaunchError, match=re.escape(words)) as failure:
        check(arguments)
    assert failure.value.status == 2
    assert found == []


def test_a_folder_that_no_server_has_used_is_refused(found, tmp_path, config):
    os.chmod(tmp_path, 0o700)
    with pytest.raises(LaunchError, match="no server has been started with  --data"):
        check(["--data", str(tmp_path)])
    with pytest.raises(LaunchError, match="leaves the port to the system"):
        check(["--config", config("port = 0\n")])


def test_a_server_that_is_not_well_is_the_status_1(monkeypatch):
    def fail(target, timeout):
        raise ProbeError("it sleeps")

    monkeypatch.setattr(module, "probe", fail)
    with pytest.raises(LaunchError, match=re.escape("the server at 127.0.0.1:5000 is not well: it sleeps")) as failure:
        check([])
    assert failure.value.status == 1


def run(*arguments):
    command = [sys.executable, str(ROOT / "reactor" / "run.py"), "check", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, check=False)
    return done.returncode, done.stdout, done.stderr


def test_a_server_for_members_with_a_data_folder_is_well_until_it_has_ended(tmp_path):
    data = str(tmp_path / "data")
    with ServerProcess("--data", data, "--members") as server:
        status, out, errors = run("--data", data)
        assert (status, errors) == (0, "")
        assert re.fullmatch(rf"the server at 127\.0\.0\.1:{server.port} answers within .* ms: PyLingo/1\.\d\.\d\n", out)
        server.stop()
        status, out, errors = run("--data", data)
    assert (status, out) == (1, "")
    assert errors.endswith(f"{server.port} is not well: the connection was refused\n")
