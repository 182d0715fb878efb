"""Upgrades of a server on which people talk: nobody misses anything, whether the new version can start or not."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pylingo.client.bench.certificate import trust_anybody
from tests.fakes.talkers import Crowd
from tests.irc_server import Irc
from tests.redis_server import RedisProcess
from tests.support import DEADLINE, ROOT, ServerProcess, wait_until

# Runs once: with a data folder the server is encrypted, and nothing of an upgrade is different without TLS.

PEOPLE = 6


class Upgraded:
    """A server with a data folder, which is upgraded again and again."""

    def __init__(self, folder: Path) -> None:
        self.config = folder / "config.toml"
        self.metrics = "0"
        self.motd("first")
        self.data = str(folder / "data")
        options = ["--data", self.data, "--config", str(self.config), "--irc-port", "0", "--irc-name", "chat.test"]
        self.systemd = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.systemd.bind(str(folder / "notify"))
        self.systemd.setblocking(False)
        self.server = ServerProcess(*options, environment={"NOTIFY_SOCKET": str(folder / "notify")})
        self.pid = self.server.pid
        assert self.server.process.stdout is not None
        self.irc_port = int(re.findall(r"IRC clients connect to .*:(\d+)$", self.server.process.stdout.readline())[0])
        self.url = self.server.process.stdout.readline().split()[-1]

    def motd(self, words: str) -> None:
        self.config.write_text(f'motd = "{words}"\nrate = 0\nmetrics = "{self.metrics}"\n')

    def messages(self) -> int:
        """The counter of messages that Prometheus would find."""
        with urllib.request.urlopen(self.url, timeout=DEADLINE) as answer:
            return int(float(re.findall(r"^pylingo_messages_total (\S+)$", answer.read().decode(), re.MULTILINE)[0]))

    def logs(self, words: str) -> int:
        return len(re.findall(words, self.server.log()))

    def upgrade(self) -> None:
        os.kill(self.pid, signal.SIGUSR2)

    def taken_over(self) -> list[int]:
        """The processes that have taken over."""
        return [int(number) for number in re.findall(r"process (\d+) has taken over", self.server.log())]

    def states(self) -> list[str]:
        """What systemd was told since the last call: the main processes, and that the service stops."""
        found: list[str] = []
        with contextlib.suppress(BlockingIOError):
            while True:
                found += re.findall(r"^(?:MAINPID|STOPPING)=.*", self.systemd.recv(4_096).decode(), re.MULTILINE)
        return found

    def ask(self, *arguments: str) -> str:
        command = [sys.executable, str(ROOT / "reactor" / "run.py"), *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, check=True).stdout

    def close(self, error: tuple[Any, Any, Any]) -> None:
        for number in self.taken_over():
            with contextlib.suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
        self.server.__exit__(*error)
        self.systemd.close()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Upgraded]:
    made = Upgraded(tmp_path)
    try:
        yield made
    finally:
        made.close(sys.exc_info())


@pytest.fixture
def crowd(place: Upgraded) -> Iterator[Crowd]:
    made = Crowd(place.server.port, PEOPLE, ("pool", "deck"), trust_anybody().context)
    try:
        yield made
    finally:
        made.close()


def test_people_talk_on_through_upgrades(place: Upgraded, crowd: Crowd) -> None:
    crowd.arrive()
    irc = Irc(place.irc_port).register("old", "#quiet")
    crowd.talk()

    place.config.write_text("motd = \n")  # a mistake
    place.upgrade()
    crowd.turn(lambda: place.logs("this version goes on: " + str(place.config) + ":1:"), "the failure")
    assert [talker.breaks for talker in crowd.talkers] == [0] * PEOPLE
    assert place.taken_over() == []

    said = place.messages()
    place.metrics = "[::1]:0"
    for words in ("second", "third"):
        place.motd(words)
        place.upgrade()
        before = len(place.taken_over())
        crowd.turn(lambda before=before: len(place.taken_over()) > before, "the upgrade")
        crowd.turn(lambda words=words: all(words in talker.notices for talker in crowd.talkers), "that all are back")
        place.pid = place.taken_over()[-1]
    crowd.turn_for(0.2)
    crowd.settle()

    assert place.logs("a change of --metrics needs a restart: the open port is kept") == 2
    assert place.messages() > said > 0
    assert crowd.wrong() == []
    assert all(talker.breaks >= 2 for talker in crowd.talkers)
    assert place.server.process.wait(DEADLINE) == 0
    assert place.states() == [f"MAINPID={number}" for number in (place.server.pid, *place.taken_over())]
    assert irc.rest()[-1].startswith("ERROR ")
    with Irc(place.irc_port) as again:
        again.register("new", "#pool")
    irc.close()
    assert place.ask("invite", "--data", place.data).startswith("pylingo://")  # the new process answers
    assert place.logs("nobody was read or let in for") == 2
    os.kill(place.pid, signal.SIGTERM)
    wait_until(lambda: not (Path(place.data) / "control").exists(), "the end")


def test_in_a_cluster_the_old_server_hands_its_people_over(redis: RedisProcess, tmp_path: Path) -> None:
    with contextlib.ExitStack() as stack:
        options = ["--data", str(tmp_path), "--no-tls", "--cluster", redis.url, "--rate", "0"]
        server = stack.enter_context(ServerProcess(*options))
        crowd = Crowd(server.port, 3, ("pool",))
        stack.callback(crowd.close)
        crowd.arrive()
        crowd.talk()
        os.kill(server.pid, signal.SIGUSR2)
        crowd.turn(lambda: server.process.poll() is not None, "the end of the old server")
        (successor,) = map(int, re.findall(r"process (\d+) serves: handing the people over", server.log()))
        stack.callback(os.kill, successor, signal.SIGKILL)
        crowd.turn(crowd.is_online, "the return")
        crowd.settle()
        assert crowd.wrong() == []
        assert server.process.returncode == 0
        # The new process answers the commands of the administrator.
        wait_until((tmp_path / "control").exists, "the socket in the folder")
