"""Clients with several addresses, and real servers of which one ends: everybody is at the other one without a pause."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from pylingo.client.client import Client
from pylingo.client.events import ClientEvent, Status
from pylingo.shared.identity import fingerprint
from pylingo.shared.link import parse_plain, show_link, show_servers
from pylingo.shared.messages import Joined, Message
from tests.console import Console
from tests.fakes.tls import der
from tests.support import DEADLINE, ROOT, Peer, ServerProcess, in_turn, wait_until

pytestmark = pytest.mark.usefixtures("wire")
ENDS = [signal.SIGKILL, signal.SIGINT]


class Pair:
    """Two servers, and a peer in the lobby of each, who sees who comes."""

    def __init__(self, stack: contextlib.ExitStack) -> None:
        self.servers = [stack.enter_context(ServerProcess("--rate", "0")) for _ in range(2)]
        self.peers = [stack.enter_context(Peer(server.port)) for server in self.servers]
        for peer in self.peers:
            peer.hello("watcher")
            peer.join("lobby")
        self.ended: set[int] = set()

    def end(self, index: int, number: int) -> None:
        """End a server by a signal."""
        self.ended.add(index)
        self.servers[index].process.send_signal(number)

    @property
    def address(self) -> str:
        """What a client is told; with TLS, a link whose one fingerprint pins both."""
        servers = parse_plain(",".join(self.places))
        if not self.servers[0].is_encrypted:
            return show_servers(servers)
        return show_link(
            type(servers)(servers.host, servers.port, fingerprint=fingerprint(der()), others=servers.others)
        )

    @property
    def places(self) -> list[str]:
        return [f"127.0.0.1:{server.port}" for server in self.servers]

    def came(self, name: str) -> int:
        """Wait until somebody has joined, and return the index of the server."""

        def seen() -> list[int]:
            return [
                index
                for index, peer in enumerate(self.peers)
                if index not in self.ended
                and any(isinstance(record, Joined) and record.name == name for record in peer.fence())
            ]

        (index,) = wait_until(seen, f"{name} in the lobby")
        return int(index)


@pytest.fixture
def pair() -> Iterator[Pair]:
    with contextlib.ExitStack() as stack:
        yield Pair(stack)


def states(events: Sequence[ClientEvent]) -> list[tuple[str, str]]:
    """The states of the connection and the servers that they are about."""
    return [(event.state, event.where) for event in events if isinstance(event, Status)]


@in_turn("number", ENDS)
def test_a_bot_is_at_the_other_server_without_a_pause(pair: Pair, number: int) -> None:
    events: list[ClientEvent] = []
    with Client(pair.address, name="bot", on_event=events.append) as bot:
        first = pair.came("bot")
        assert bot.status.where == pair.places[first]
        pair.end(first, number)
        wait_until(lambda: bot.reactor.tick(0.01) or bot.status.where == pair.places[1 - first], "the loss")
        bot.say("said meanwhile")
        wait_until(lambda: bot.reactor.tick(0.01) or bot.conversation.is_settled, "the return")
        pair.peers[1 - first].until(Message, from_="bot", text="said meanwhile")
    here, there = pair.places[first], pair.places[1 - first]
    assert states(events)[:4] == [("connecting", here), ("online", here), ("connecting", there), ("online", there)]


def test_a_bot_waits_for_the_first_of_two_servers_that_returns(pair: Pair) -> None:
    with contextlib.ExitStack() as stack:
        bot = stack.enter_context(Client(pair.address, name="bot"))
        for server in pair.servers:
            server.stop(signal.SIGKILL)
        wait_until(lambda: bot.reactor.tick(0.01) or bot.status.state == "waiting", "the pause")
        port = pair.servers[1].port
        stack.enter_context(ServerProcess("--rate", "0", "--port", str(port)))
        wait_until(lambda: bot.reactor.tick(0.01) or bot.status.state == "online", "the return")
        assert bot.status.where == f"127.0.0.1:{port}"
        bot.close()
        wait_until(lambda: bot.reactor.tick(0.01) or bot.status.state == "over", "the goodbye")


def test_bots_spread_over_the_servers(pair: Pair) -> None:
    with contextlib.ExitStack() as stack:
        bots = [stack.enter_context(Client(pair.address, name=f"bot-{number}")) for number in range(24)]
        assert {bot.status.where for bot in bots} == set(pair.places)


def test_a_window_is_at_the_other_server(pair: Pair) -> None:
    with Console(pair.address, "--name", "ada") as ada:
        ada.wait("online")
        first = pair.came("ada")
        pair.end(first, signal.SIGKILL)
        ada.wait(f"* connected to {pair.places[1 - first]}")
        assert pair.came("ada") == 1 - first
        assert "offline" not in ada.text
        ada.press("here I am\r")
        pair.peers[1 - first].until(Message, from_="ada", text="here I am")
        ada.press("/quit\r")
        assert ada.end() == 0


@in_turn("number", ENDS)
def test_a_pipe_is_at_the_other_server(pair: Pair, tmp_path: Path, number: int) -> None:
    errors = tmp_path / "errors"
    with errors.open("wb") as file:
        pipe = subprocess.Popen(
            [sys.executable, str(ROOT / "client" / "chat.py"), pair.address, "--name", "pipe"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=file,
            env=os.environ,
        )
    assert pipe.stdin is not None
    try:
        first = pair.came("pipe")
        pair.end(first, number)
        assert pair.came("pipe") == 1 - first
        pipe.stdin.write(b"said there\n")
        pipe.stdin.close()
        assert pipe.wait(DEADLINE) == 0
        pair.peers[1 - first].until(Message, from_="pipe", text="said there")
    finally:
        pipe.kill()
        pipe.wait(DEADLINE)
    assert errors.read_text() == f"pylingo: connected to {pair.places[1 - first]}\n"


def test_a_pipe_without_any_server_fails_with_the_last_address(pair: Pair) -> None:
    address = pair.address
    for server in pair.servers:
        server.stop(signal.SIGKILL)
    done = subprocess.run(
        [sys.executable, str(ROOT / "client" / "chat.py"), address],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
    )
    assert done.returncode == 1
    sentences = [f"pylingo: connection refused: no server listens on {place}\n" for place in pair.places]
    assert done.stderr in sentences
