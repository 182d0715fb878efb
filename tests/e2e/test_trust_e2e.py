"""The window and plain mode meet servers over TLS, as a person does for the first time."""

# Runs once: all of it is about TLS.

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pylingo.client import known_hosts
from tests.console import Console
from tests.fakes.tls_server import TlsServer
from tests.support import DEADLINE, ROOT


@pytest.fixture
def server(tmp_path: Path) -> Iterator[TlsServer]:
    with TlsServer(tmp_path) as played:
        yield played


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    """An environment with folders of its own."""
    return {f"XDG_{kind}_HOME": str(tmp_path / kind) for kind in ("DATA", "STATE", "CONFIG")}


def run(arguments: list[str], home: dict[str, str], data: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, str(ROOT / "client" / "chat.py"), *arguments],
        input=data,
        capture_output=True,
        env={**os.environ, **home},
        timeout=DEADLINE,
    )


def test_a_person_is_asked_about_an_unknown_certificate_once(server: TlsServer, home: dict[str, str]) -> None:
    where = f"pylingo://127.0.0.1:{server.port}"
    with Console(where, "--name", "ada", environment=home) as ada:
        ada.wait("Type yes or no")
        assert server.fingerprint in ada.text.replace("\n", "").replace(" ", "")
        assert not server.hellos
        ada.press("yes\r")
        ada.wait("TLS online")
    assert server.verify(server.hellos[0])
    with Console(where, "--name", "ada", environment=home) as ada:
        ada.wait("TLS online")
        assert "Type yes or no" not in ada.text
    assert server.hellos[0].identity == server.hellos[1].identity


def test_a_person_who_says_no_is_not_connected(server: TlsServer, home: dict[str, str]) -> None:
    with Console(f"pylingo://127.0.0.1:{server.port}", environment=home) as ada:
        ada.wait("Type yes or no")
        ada.press("no\r")
        ada.wait("not connected; Enter asks again")
    assert not server.hellos
    assert not known_hosts.find(Path(home["XDG_DATA_HOME"]) / "pylingo" / "known_hosts", "127.0.0.1", server.port)


def test_a_pipe_asks_nothing(server: TlsServer, home: dict[str, str]) -> None:
    where = f"pylingo://127.0.0.1:{server.port}"
    done = run([where], home)
    assert done.returncode == 1
    assert server.fingerprint.encode() in done.stderr
    assert b"--accept-new" in done.stderr
    assert not server.hellos
    assert run([where, "--accept-new", "--room", ""], home).returncode == 0
    assert run([where, "--room", ""], home).returncode == 0
    server.renew()
    done = run([where, "--accept-new", "--room", ""], home)
    assert done.returncode == 1
    assert b"HAS CHANGED" in done.stderr
    assert b"known_hosts:1" in done.stderr
    assert len(server.hellos) == 2


def test_a_link_in_the_first_line_of_a_pipe_joins_in_one_step(server: TlsServer, home: dict[str, str]) -> None:
    link = server.link.replace("#", "?invite=c0de#")
    done = run(["-", "--room", "", "--json"], home, link.encode() + b"\n")
    assert (done.returncode, done.stderr) == (0, b"")
    (hello,) = server.hellos
    assert hello.invite == "c0de"
    assert server.verify(hello)
    assert b"c0de" not in done.stdout


def test_a_plain_server_is_not_spoken_to(tmp_path: Path, home: dict[str, str]) -> None:
    with TlsServer(tmp_path, is_encrypted=False) as plain:
        done = run([f"pylingo://127.0.0.1:{plain.port}", "--accept-new"], home)
        assert done.returncode == 1
        assert b"does not speak TLS" in done.stderr
        assert not plain.hellos


def test_a_password_that_is_missing_is_asked_for_without_echo(server: TlsServer, home: dict[str, str]) -> None:
    from pylingo.shared.messages import Goodbye, Ready

    server.answer = lambda hello: (
        [Ready("ada", None, "0" * 32, False, hello.id, [])]
        if hello.password == "hunter2"
        else [Goodbye("password", "this server needs a password")]
    )
    with Console(server.link, environment=home) as ada:
        ada.wait("Password of")
        ada.press("hunter2\r")
        ada.wait("TLS online")
        assert "hunter2" not in ada.text
    assert [hello.password for hello in server.hellos] == [None, "hunter2"]
