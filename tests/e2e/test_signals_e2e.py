"""A client that was started with signals ignored, as by `nohup` or in the background of a script, keeps them so."""

import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from pylingo.shared.messages import Joined, Left, Message, Say
from tests.console import Console
from tests.support import DEADLINE, ROOT, Peer, ServerProcess

pytestmark = pytest.mark.usefixtures("wire")

CHAT = str(ROOT / "client" / "chat.py")
IGNORED = (signal.SIGHUP, signal.SIGINT)
WITHOUT_SIGNALS = f"""
import os, signal, sys
for number in {[int(number) for number in IGNORED]}:
    signal.signal(number, signal.SIG_IGN)
os.execv(sys.executable, [sys.executable, {CHAT!r}, *sys.argv[1:]])
"""


@pytest.fixture
def server() -> Iterator[ServerProcess]:
    with ServerProcess("--rate", "0") as process:
        yield process


@pytest.fixture
def witness(server: ServerProcess) -> Iterator[Peer]:
    with Peer(server.port) as peer:
        peer.join("lobby")
        yield peer


def test_the_plain_client_goes_on(server: ServerProcess, witness: Peer) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", WITHOUT_SIGNALS, server.address, "--name", "ada"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    with process:
        try:
            assert process.stdin is not None
            witness.until(Joined, name="ada")
            for number in IGNORED:
                process.send_signal(number)
                process.stdin.write("still here\n")
                process.stdin.flush()
                assert witness.until(Message).text == "still here"
            process.send_signal(signal.SIGTERM)
            witness.until(Left, name="ada")
            process.wait(DEADLINE)
        finally:
            process.kill()


def test_the_window_goes_on(server: ServerProcess, witness: Peer) -> None:
    with Console(server.address, "--name", "ada", program=("-c", WITHOUT_SIGNALS)) as console:
        console.wait("in lobby as ada")
        for number in IGNORED:
            console.signal(number)
            witness.send(Say(f"after {number}"))
            console.wait(f"after {number}")
        assert console.process.poll() is None
        console.signal(signal.SIGTERM)
        console.wait(lambda: console.process.poll() is not None)
