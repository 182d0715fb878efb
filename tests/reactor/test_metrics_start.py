"""The port of metrics: where it is, what is wrong with it, and a server behind it."""

import importlib.util
import socket
import subprocess
import sys

import pytest

from pylingo.reactor.config import ServerSettings, parse_arguments
from pylingo.reactor.engine.loop import Reactor
from pylingo.reactor.metrics_start import OneServer, require_metrics, serve_metrics
from pylingo.reactor.server import Server
from pylingo.shared.address import parse_address
from pylingo.shared.launch import LaunchError
from tests.support import DEADLINE, ROOT


@pytest.fixture
def server():
    made = Server(ServerSettings(port=0), Reactor())
    yield made
    made.close()


def test_the_option_is_a_port_on_loopback_unless_a_host_is_named():
    assert parse_arguments([]).metrics is None
    assert parse_arguments(["--metrics", "9464"]).metrics == ("127.0.0.1", 9464)
    assert parse_arguments(["--metrics", "[::1]:0"]).metrics == ("::1", 0)
    with pytest.raises(LaunchError, match="--metrics"):
        parse_arguments(["--metrics", "nine"])


def test_a_server_is_asked_for_its_snapshot_and_its_trouble(server):
    subject, troubles, sources = OneServer(server), [], []
    subject.ask(sources.extend)
    subject.ask_trouble(troubles.append)
    [source] = sources
    assert (source.process, source.worker, source.snapshot["connections"]) == ("self", "", 0)
    assert troubles == ["the server lets nobody in yet"]
    server.admission.open()
    subject.ask_trouble(troubles.append)
    server.ending.drain()
    subject.ask_trouble(troubles.append)
    assert troubles[1:] == ["", "the server is stopping"]


def test_the_totals_of_a_server_go_on_from_those_of_another_one(server):
    subject, sources = OneServer(server), []
    subject.go_on_from({"messages": 7, "goodbyes": {"full": 2}})
    server.hub.tick.messages += 1
    server.service.counts["lost"] += 1
    totals = subject.totals()
    assert "rooms" not in totals
    assert (totals["messages"], totals["goodbyes"]) == (8, {"lost": 1, "full": 2})
    subject.ask(sources.extend)
    assert sources[0].snapshot["messages"] == 8


def test_the_address_has_the_port_that_the_system_chose(server):
    port = serve_metrics(server.reactor, ("127.0.0.1", 0), OneServer(server))
    with socket.create_connection(parse_address(port.address)):
        port.close()


def test_an_inherited_socket_is_used(server):
    sock = socket.create_server(("127.0.0.1", 0))
    host, number = sock.getsockname()
    port = serve_metrics(server.reactor, (host, number), OneServer(server), [sock])
    assert port.address == f"{host}:{number}"
    port.close()


def test_a_port_that_is_in_use(server):
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(LaunchError, match="choose another --metrics"):
        serve_metrics(server.reactor, taken.getsockname(), OneServer(server))


def test_without_the_extra_one_sentence_says_what_to_install(monkeypatch):
    require_metrics()
    find = importlib.util.find_spec
    missing = {"h11"}
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in missing else find(name))
    with pytest.raises(
        LaunchError, match=r"needs h11, which is missing: install it with  \S+ -m pip install"
    ) as failure:
        require_metrics()
    assert failure.value.status == 2
    missing.add("prometheus_client")
    with pytest.raises(LaunchError, match="needs h11 and prometheus_client, which are missing"):
        require_metrics()


def test_a_server_without_metrics_imports_neither_library():
    code = (
        "import sys; from pylingo.reactor.config import ServerSettings; from pylingo.reactor.server import Server\n"
        "server = Server(ServerSettings(port=0)); server.start(); server.admission.close(); server.close()\n"
        "import pylingo.reactor.instruments, pylingo.reactor.metrics_start\n"
        "print({'h11', 'prometheus_client'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=DEADLINE, check=True
    )
    assert done.stdout.strip() == "set()"
