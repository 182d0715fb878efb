"""The way in for IRC clients: their ports, what is wrong with them, and who is refused there."""

import socket
from collections.abc import Iterator

import pytest

from pylingo.reactor.config import ServerSettings
from pylingo.reactor.irc_start import Door, listen_for_irc
from pylingo.reactor.server import Server
from pylingo.shared.launch import LaunchError
from pylingo.shared.messages import Goodbye
from tests.fakes.irc_client import Desk


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server(ServerSettings(port=0))
    yield made
    made.admission.close()
    made.close()


def test_each_connection_has_a_face_of_its_own_and_a_refusal_is_an_error():
    door = Door(Desk().gateway, is_encrypted=True)
    assert door.face() is not door.face()
    assert door.is_encrypted
    assert door.goodbye(Goodbye("full", "try again later")) == b"ERROR :Closing link: (full) try again later\r\n"


def test_a_port_is_on_loopback_unless_a_host_is_named(server: Server):
    settings = ServerSettings(port=0, irc_port=("127.0.0.1", 0))
    [address] = listen_for_irc(server.admission, settings, Desk().gateway)
    assert address.startswith("127.0.0.1:")
    assert listen_for_irc(server.admission, ServerSettings(), Desk().gateway) == []


def test_a_port_that_is_in_use(server: Server):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        settings = ServerSettings(irc_port=other.getsockname())
        with pytest.raises(LaunchError, match="cannot listen for IRC on"):
            listen_for_irc(server.admission, settings, Desk().gateway)


def test_a_server_without_irc_imports_nothing_of_it():
    import subprocess
    import sys

    code = (
        "import sys; from pylingo.reactor.config import ServerSettings; from pylingo.reactor.server import Server\n"
        "server = Server(ServerSettings(port=0)); server.start(); server.admission.close(); server.close()\n"
        "print([name for name in sys.modules if 'reactor.irc' in name])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
