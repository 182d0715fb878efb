"""Who people are, on two servers of a cluster: names, bans, invitations and the certificate."""

# Runs once: the certificate in the folder of --data is part of what is tested.

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from pylingo.shared.link import parse_link
from pylingo.shared.messages import Command, Goodbye, Moderated, Ready, Record, ServerInfo, Servers, Welcome
from tests.fakes.identity import key
from tests.redis_server import RedisProcess
from tests.support import DEADLINE, ROOT, Peer, ServerProcess

SCRIPT = str(ROOT / "reactor" / "run.py")


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, SCRIPT, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, check=False)


class Somebody(Peer):
    """A peer that has said hello with a key, or as a guest."""

    def __init__(self, server: ServerProcess, name: str, word: str | None = None, **fields: str) -> None:
        super().__init__(server.port, greet=False)
        welcome = self.expect(Welcome)
        self.challenge = welcome.challenge
        if word is None:
            self.hello(name)
        else:
            assert self.challenge is not None
            self.send(key(word).hello(self.challenge, name, self.certificate, **fields))


@pytest.fixture
def folders(tmp_path: Path) -> list[str]:
    """The folders of two servers, with one certificate."""
    first, second = tmp_path / "first", tmp_path / "second"
    with ServerProcess("--data", str(first)):
        pass
    second.mkdir(mode=0o700)
    for name in ("cert.pem", "key.pem"):
        shutil.copy2(first / name, second / name)
    for path in first.iterdir():
        if path.name not in ("cert.pem", "key.pem"):
            path.unlink()
    return [str(first), str(second)]


@pytest.fixture
def servers(redis: RedisProcess, folders: list[str]) -> Iterator[list[ServerProcess]]:
    with ExitStack() as stack:
        yield [
            stack.enter_context(ServerProcess("--data", folder, "--cluster", redis.url, "--rate", "0"))
            for folder in folders
        ]


def outcome(peer: Peer) -> Record:
    """What came of a hello: `ready`, or the last thing before the end."""
    while True:
        record = peer.recv()
        assert record is not None
        if isinstance(record, Ready | Goodbye):
            return record


def test_the_first_server_invites_the_operator_who_is_one_everywhere(servers: list[ServerProcess]) -> None:
    one, two = servers
    assert one.process.stdout is not None
    assert two.process.stdout is not None
    line = one.process.stdout.readline()
    match = re.fullmatch(r"open this link to become the operator: (\S+)\n", line)
    assert match is not None
    code = parse_link(match[1]).invite
    assert code is not None
    with Somebody(two, "ada", "a", invite=code) as ada, Somebody(one, "eve", "e") as eve:
        assert isinstance(outcome(ada), Ready)
        assert isinstance(outcome(eve), Ready)
        ada.send(Command("ban", "eve flood", id=1))
        goodbye = eve.until(Goodbye)
        assert goodbye.reason == "banned"
        ada.until(Moderated, re=1)
        for server in servers:
            with Somebody(server, "eve", "e") as again:
                assert isinstance(outcome(again), Goodbye)
    two.stop()
    assert two.process.stdout.read() == ""  # no second link


def test_a_name_belongs_to_one_key_on_all_servers(servers: list[ServerProcess]) -> None:
    one, two = servers
    with Somebody(one, "ape", "a") as ada:
        assert getattr(outcome(ada), "name", None) == "ape"
    with Peer(two.port) as eve:
        eve.send(key("e").hello("00" * 32, "аре"))  # the same name in Cyrillic letters, and a wrong proof
        assert isinstance(eve.until(Goodbye), Goodbye)
    with Somebody(two, "аре", "e") as eve:
        assert getattr(outcome(eve), "name", None) != "аре"
    with Somebody(two, "ape", "a") as ada:
        assert getattr(outcome(ada), "name", None) == "ape"


def test_a_server_with_another_certificate_or_none_is_refused(
    servers: list[ServerProcess], redis: RedisProcess, tmp_path: Path
) -> None:
    for options, words in (
        (("--data", str(tmp_path / "third")), "copy cert.pem and key.pem from the folder of --data of "),
        (("--host", "0.0.0.0", "--no-tls"), "the servers of this cluster are encrypted, and this one is not: "),
        ((), "the servers of this cluster are encrypted, and this one is not: "),
    ):
        done = run("--cluster", redis.url, "--port", "0", *options)
        assert (done.returncode, done.stdout) == (2, "")
        assert words in done.stderr.splitlines()[-1]
        assert "Traceback" not in done.stderr
    with ServerProcess("--cluster", redis.url, "--no-tls", tls=False):
        pass


def test_the_people_of_a_single_server_come_into_a_cluster(redis: RedisProcess, tmp_path: Path) -> None:
    folder = str(tmp_path / "d")
    with ServerProcess("--data", folder) as single:
        with Somebody(single, "ape", "a") as ada:
            assert isinstance(outcome(ada), Ready)
        assert single.stop() == 0
    done = run("cluster", "import", "--data", folder, "--cluster", redis.url)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("brought into the cluster: 1 name, ")
    with ServerProcess("--data", folder, "--cluster", redis.url) as server:
        with Somebody(server, "ape", "e") as eve:
            assert getattr(outcome(eve), "name", None) != "ape"
        with Somebody(server, "ape", "a") as ada:
            assert getattr(outcome(ada), "name", None) == "ape"
        done = run("invite", "--operator", "--cluster", redis.url, "--address", f"127.0.0.1:{server.port}")
        assert (done.returncode, done.stderr) == (0, "")
        code = parse_link(done.stdout.strip()).invite
        assert code is not None
        with Somebody(server, "ape", "a", invite=code) as ada:
            ready = outcome(ada)
            assert isinstance(ready, Ready)
            assert ready.operator


def test_the_operator_sees_both_servers_and_where_they_are(redis: RedisProcess, servers: list[ServerProcess]) -> None:
    invited = run("invite", "--operator", "--cluster", redis.url, "--address", "127.0.0.1")
    with Somebody(servers[0], "ada", "a", invite=parse_link(invited.stdout.strip()).invite) as ada:
        ada.expect(Ready)
        end = time.monotonic() + DEADLINE
        rows: list[ServerInfo] = []
        while len(rows) < 2 or sum(row.people for row in rows) < 1:
            assert time.monotonic() < end, rows
            ada.send(Command("servers"))
            answer = ada.expect(Servers)
            rows = answer.servers
        assert [row.address for row in rows] == [f"127.0.0.1:{server.port}" for server in servers]
        assert answer.redis is not None
        assert answer.redis.address == redis.url
