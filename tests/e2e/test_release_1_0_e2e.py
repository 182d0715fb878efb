"""The released version 1.0.0 against this one: its client on our server, and our client on its server.

`pylingo-1.0.0.tar.xz` has the sources of that release, as they are in the history of this repository.
"""

# Runs once: release 1.0 has no TLS.

import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import pytest

from pylingo.shared.messages import Command, Error, Hello, Joined, Message, Private, Say, Sent
from pylingo.shared.schema import Record
from tests.support import ROOT, Peer, ServerProcess, wait_until


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the release."""
    folder = tmp_path_factory.mktemp("release")
    with tarfile.open(Path(__file__).parent / "pylingo-1.0.0.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    return folder / "pylingo-1.0.0"


class Client:
    """`client/chat.py --json` of a release as a child process, and the frames that it has printed."""

    def __init__(self, folder: Path, port: int, name: str, output: Path, *options: str) -> None:
        self._path = output / f"{name}.json"
        with self._path.open("wb") as file:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    folder / "client" / "chat.py",
                    f"127.0.0.1:{port}",
                    "--name",
                    name,
                    "--json",
                    *options,
                ],
                stdin=subprocess.PIPE,
                stdout=file,
                stderr=subprocess.PIPE,
                env={**os.environ, "XDG_CONFIG_HOME": str(output)},  # the release refuses settings of later ones
            )

    def type(self, *lines: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("".join(f"{line}\n" for line in lines).encode())
        self.process.stdin.flush()

    def frames(self, kind: str) -> list[dict[str, Any]]:
        """The frames of this type so far, without those whose line is not complete."""
        lines = self._path.read_text().split("\n")[:-1]
        return [frame for frame in map(json.loads, lines) if frame["type"] == kind]

    def wait(self, kind: str, count: int = 1) -> list[dict[str, Any]]:
        """Wait until there are `count` frames of this type, and return them all."""
        wait_until(lambda: len(self.frames(kind)) >= count, f"{count} frames {kind}")
        return self.frames(kind)

    def end(self) -> tuple[int, str]:
        """End the input; return the exit status and everything written to stderr."""
        _, errors = self.process.communicate(timeout=20)
        return self.process.returncode, errors.decode()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def server() -> Iterator[ServerProcess]:
    with ServerProcess() as running:
        yield running


def do(peer: Peer, *requests: Record) -> None:
    """Make requests and wait for the replies, none of which may be an error."""
    peer.send(*requests)
    assert not [record for record in peer.fence() if isinstance(record, Error)]


def test_an_old_client_chats_on_our_server(old, server, tmp_path):
    """Unknown frames and fields of version 1.1 do not disturb it."""
    with Peer(server.port, server.host) as ada, Client(old, server.port, "bob", tmp_path, "--room", "tea") as bob:
        do(ada, Hello(1, "ada"), Command("open", "ops"), Command("open", "tea"), Command("topic", "Assam"))
        bob.wait("joined")
        do(ada, Say("hi", room="tea"), Say("waves", room="tea", action=True), Say("secret", to="bob"))
        do(ada, Command("away", "lunch"), Command("topic", "Darjeeling"), Say("bye", room="tea"))
        assert [frame["text"] for frame in bob.wait("message", 3)] == ["hi", "waves", "bye"]
        bob.type("hello", "/users", "/who", "//slash")
        assert ada.until(Message).text == "hello"
        assert bob.wait("users")[0]["users"] == ["ada", "bob"]
        assert bob.end()[0] == 0
        assert ada.until(Message).text == "/slash"


def test_an_old_client_comes_back_to_our_server(old, tmp_path):
    options = ("--history", str(tmp_path / "chat.db"))
    with ServerProcess(*options) as first:
        port = first.port
        client = Client(old, port, "bob", tmp_path, "--room", "tea", "--retry", "30")
        with client as bob, Peer(port, first.host) as ada:
            do(ada, Hello(1, "ada"), Command("join", "tea"))
            bob.wait("joined")
            bob.type("before")
            assert ada.until(Message).text == "before"
            bob.wait("sent")
            first.stop()
            with ServerProcess(*options, "--port", str(port)) as second, Peer(port, second.host) as back:
                do(back, Hello(1, "ada"), Command("join", "tea"))
                bob.wait("joined", 2)
                bob.type("after")
                assert back.until(Message).text == "after"
                do(back, Say("seen"))
                assert [frame["text"] for frame in bob.wait("message")] == ["seen"]
                assert bob.end()[0] == 0


@pytest.fixture
def old_server(old) -> Iterator[ServerProcess]:
    with ServerProcess(program=(str(old / "reactor" / "run.py"),)) as running:
        yield running


def test_our_client_chats_on_an_old_server(old_server, tmp_path):
    with Peer(old_server.port, old_server.host) as ada, Client(ROOT, old_server.port, "bob", tmp_path) as bob:
        do(ada, Hello(1, "ada"), Command("join", "lobby"), Say("earlier"))
        bob.wait("joined")
        bob.type("hello", "/users")
        assert ada.until(Message).text == "hello"
        do(ada, Say("hi"))
        wait_until(lambda: [frame["text"] for frame in bob.frames("message")][-1:] == ["hi"])
        assert bob.wait("users")[0]["users"] == ["ada", "bob"]
        assert bob.end() == (0, "")


def test_an_old_peer_and_a_new_one_hear_each_other(old, server, tmp_path):
    """Three rooms and a private conversation of others go on around an old client in one of the rooms."""
    with (
        Peer(server.port, server.host) as ada,
        Peer(server.port, server.host) as eve,
        Client(old, server.port, "bob", tmp_path, "--room", "tea") as bob,
    ):
        for peer, name in ((ada, "ada"), (eve, "eve")):
            do(peer, Hello(1, name), *(Command("open", room) for room in ("ops", "dev", "tea")))
        bob.wait("joined")
        for serial in range(10):
            ada.send(
                *(Say(f"{room} {serial}", room=room) for room in ("tea", "ops", "dev")), Say(f"{serial}", to="eve")
            )
        bob.type(*(f"bob {serial}" for serial in range(5)))
        assert [frame["text"] for frame in bob.wait("message", 10)] == [f"tea {serial}" for serial in range(10)]
        records: list[Record] = []
        wait_until(lambda: records.extend(eve.fence()) or len(got(records, Message)) >= 35)
        assert [record.text for record in got(records, Private)] == [f"{serial}" for serial in range(10)]
        for room in ("tea", "ops", "dev"):
            texts = [record.text for record in got(records, Message) if record.room == room and record.from_ == "ada"]
            assert texts == [f"{room} {serial}" for serial in range(10)]
        assert [record.text for record in got(records, Message) if record.from_ == "bob"] == [
            f"bob {n}" for n in range(5)
        ]
        assert not got(records, Joined) or {record.name for record in got(records, Joined)} <= {"bob"}
        assert not got(records, Sent)


def got[T: Record](records: list[Record], kind: type[T]) -> list[T]:
    return [record for record in records if isinstance(record, kind)]
