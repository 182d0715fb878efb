"""The successor in an upgrade: it takes over from an old server, or ends with one sentence."""

import contextlib
import dataclasses
import logging
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pylingo.reactor.config import ServerSettings
from pylingo.reactor.inherited import targets_of
from pylingo.reactor.intake import Port
from pylingo.reactor.people.data_dir import open_data_dir
from pylingo.reactor.registry import Registry
from pylingo.reactor.server import Server
from pylingo.reactor.succession.handover import Failed, Go, Offer, Ready, Restored, Sent, decode, encode
from pylingo.reactor.succession.line import VARIABLE, make_line
from pylingo.reactor.succession.offer import make_offer
from pylingo.reactor.succession.snapshot import collect
from pylingo.reactor.succession.successor import Predecessor
from pylingo.shared.launch import LaunchError
from pylingo.shared.messages import Hello
from pylingo.shared.messages import Ready as Answer
from tests.fakes.chat import Chat, seated
from tests.support import Peer, decode_event, wait_until

SETTINGS = ServerSettings(port=0)


def soon() -> float:
    return time.monotonic() + 20


class Old:
    """An old server, which the test plays, with a listening socket and people."""

    def __init__(self) -> None:
        self.line, self._theirs = make_line()
        self.port = Port(reactor=None)  # type: ignore[arg-type]
        self.port.bind(SETTINGS, ())
        self.number = self.port.sockets[0].getsockname()[1]
        self.chat = Chat(grace=60.0)
        self.sockets = [("pylingo", self.port.sockets[0])]

    @property
    def environment(self) -> dict[str, str]:
        """That of the successor. The end goes to whoever takes it."""
        return {VARIABLE: str(self._theirs.detach())}

    def offers(self, offer: Offer | None = None, locks: tuple[int, ...] = ()) -> None:
        names = [name for name, _ in self.sockets]
        offer = offer or make_offer(SETTINGS, names, len(locks), {"--host": "127.0.0.1", "--port": "0"})
        self.says(offer, [*(sock.fileno() for _, sock in self.sockets), *locks])

    def says(self, sent: Sent, descriptors: Any = ()) -> None:
        self.line.send(encode(sent), soon(), descriptors)

    def hands_over(self) -> None:
        """Everything at once: the successor reads it when it comes to it."""
        for part in collect(self.chat.hub, self.chat.hub.bus, time.monotonic(), totals={"messages": 7}):
            self.says(part)

    def close(self) -> None:
        self.line.close()
        self.port.close()


@pytest.fixture
def old() -> Iterator[Old]:
    before = signal.getsignal(signal.SIGUSR2)
    made = Old()
    yield made
    made.close()
    signal.signal(signal.SIGUSR2, before)


def test_a_successor_serves_the_people_of_the_old_server(old: Old, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    _, token = seated(old.chat, "ada", "tea")
    old.offers()
    old.hands_over()
    old.says(Go())
    predecessor = Predecessor(old.environment)
    assert signal.getsignal(signal.SIGUSR2) is signal.SIG_IGN
    predecessor.check(SETTINGS)
    server = Server(SETTINGS, sockets=predecessor.sockets)
    calls: list[str] = []
    registry = Registry(server.registry.register, first_code="first")
    totals: list[Any] = []
    predecessor.take_totals = totals.append
    targets = targets_of(predecessor.sockets["pylingo"])
    address = predecessor.take_over(server, registry, targets, lambda: calls.append("signals"))
    assert address == f"127.0.0.1:{old.number}"
    assert calls == ["signals"]
    assert registry.first_code is None
    assert totals == [{"messages": 7}]
    assert [decode(old.line.receive(soon())) for _ in range(2)] == [Ready(), Restored()]
    assert comes_back(server, old.number, token).resumed
    assert "took over 1 session and 0 messages: nobody was read or let in for " in caplog.text
    for connection in server.admission.connections():
        connection.abort()
    server.admission.close()
    server.reactor.tick(0.0)
    server.close()


def test_a_port_that_is_kept_is_said(old: Old, caplog: pytest.LogCaptureFixture) -> None:
    old.offers()
    predecessor = Predecessor(old.environment)
    kept = predecessor.keep_ports(dataclasses.replace(SETTINGS, port=7, irc_port=("127.0.0.1", 8)))
    assert caplog.messages == ["a change of --port needs a restart: the open port is kept"]
    assert (kept["--port"], kept["--irc-port"]) == ("0", "127.0.0.1:8")
    for sock in predecessor.sockets["pylingo"]:
        sock.close()
    predecessor.close()


def comes_back(server: Server, port: int, token: str) -> Any:
    """The answer to a hello with a token."""
    peer = Peer(port, greet=False, tls=False)
    peer.send(Hello(1, "ada", resume=token))
    peer.sock.setblocking(False)

    def answer() -> Any:
        server.reactor.tick(0.001)
        with contextlib.suppress(BlockingIOError):
            peer.decoder.feed(peer.sock.recv(65_536))
        return next((record for record in map(decode_event, peer.decoder) if isinstance(record, Answer)), None)

    try:
        return wait_until(answer)
    finally:
        peer.sock.close()


def test_the_lock_of_the_folder_is_passed_on(old: Old, tmp_path: Path) -> None:
    ours, theirs = open_data_dir(str(tmp_path / "data")), open_data_dir(str(tmp_path / "data"))
    assert ours.lock()
    old.offers(locks=(ours.locks[0],))
    old.hands_over()
    old.says(Go())
    predecessor = Predecessor(old.environment)
    server = Server(SETTINGS, sockets=predecessor.sockets)
    registry = Registry(server.registry.register, theirs)
    predecessor.take_over(server, registry, (), lambda: None)
    ours.unlock()
    third = open_data_dir(str(tmp_path / "data"))
    assert not third.lock()
    theirs.unlock()
    assert third.lock()
    third.unlock()
    registry.close(0)
    server.admission.close()
    server.close()


def test_sockets_of_ports_that_are_not_known_are_closed(old: Old) -> None:
    old.sockets = [("gopher", old.port.sockets[0]), *old.sockets]
    before = len(os.listdir("/proc/self/fd"))
    old.offers()
    predecessor = Predecessor(old.environment)
    assert list(predecessor.sockets) == ["pylingo"]
    assert len(os.listdir("/proc/self/fd")) == before + 1
    predecessor.close()
    predecessor.sockets["pylingo"][0].close()


def test_sockets_that_have_not_come_are_one_sentence(old: Old) -> None:
    old.offers(make_offer(SETTINGS, ["pylingo", "irc"], 1))
    with pytest.raises(LaunchError, match=r"^the sockets of the old server have not all come"):
        Predecessor(old.environment)


def test_an_old_server_that_ends_before_its_offer(old: Old) -> None:
    environment = old.environment
    old.line.close()
    with pytest.raises(LaunchError, match="cannot take over from the running server: the other process has ended"):
        Predecessor(environment)


def test_another_format_is_refused_before_anything_stops(old: Old) -> None:
    old.offers(Offer(99, "9.9.9", ["pylingo"], 0, {}, {}))
    with pytest.raises(LaunchError, match="restart the server instead") as failure:
        Predecessor(old.environment)
    assert decode(old.line.receive(soon())) == Failed(str(failure.value))


def test_the_old_server_is_told_why_there_is_no_successor(old: Old) -> None:
    old.offers()
    predecessor = Predecessor(old.environment)
    predecessor.refuse("the file of bans is missing")
    assert decode(old.line.receive(soon())) == Failed("the file of bans is missing")
    old.line.close()
    predecessor.refuse("nobody listens")  # no error
    predecessor.close()
    predecessor.refuse("too late")
    predecessor.sockets["pylingo"][0].close()


def test_settings_that_differ_are_refused(old: Old) -> None:
    old.offers()
    predecessor = Predecessor(old.environment)
    with pytest.raises(LaunchError, match="an upgrade cannot change --data"):
        predecessor.check(ServerSettings(data="other"))
    predecessor.close()
    predecessor.sockets["pylingo"][0].close()


def drops_a_part(old: Old) -> None:
    for part in [*collect(old.chat.hub, old.chat.hub.bus, 0.0)][1:]:
        old.says(part)


def never_goes(old: Old) -> None:
    old.hands_over()
    old.line.close()


def says_ready(old: Old) -> None:
    old.says(Ready())


def says_it_again(old: Old) -> None:
    old.hands_over()
    old.says(Ready())


@pytest.mark.parametrize(
    ("fails", "why"),
    [
        (drops_a_part, "has 3 parts, and 2 have come"),
        (never_goes, "the other process has ended"),
        (says_ready, "says something unexpected"),
        (says_it_again, "has not said that it is over"),
        (lambda old: old.line.send(b"\xc1", soon()), "cannot be read"),
        (lambda old: old.line.close(), "the other process has ended"),
    ],
)
def test_a_handover_that_fails_is_one_sentence(old: Old, fails: Callable[[Old], None], why: str) -> None:
    old.offers()
    fails(old)
    predecessor = Predecessor(old.environment)
    server = Server(SETTINGS, sockets=predecessor.sockets)
    with pytest.raises(LaunchError, match=f"^cannot take over from the running server: .*{why}"):
        predecessor.take_over(server, server.registry, (), lambda: None)
    predecessor.close()
    server.close()
    server.admission.close()


def test_in_a_cluster_the_folder_is_used_when_the_old_server_has_ended(
    old: Old, monkeypatch: pytest.MonkeyPatch
) -> None:
    old.offers()
    predecessor = Predecessor(old.environment)
    server = Server(SETTINGS, sockets=predecessor.sockets)
    monkeypatch.setattr(Server, "cluster", property(lambda self: "a cluster"))
    monkeypatch.setattr(Server, "open", lambda self: None)
    calls: list[str] = []
    joined: list[Callable[[], object]] = []
    monkeypatch.setattr(server, "when_open", joined.append)
    registry = Registry(server.registry.register)
    monkeypatch.setattr(Registry, "attach", lambda self, reactor: calls.append("attached"))
    predecessor.take_over(server, registry, (), lambda: calls.append("signals"))
    assert list(old.line.pending()) == []
    joined[0]()
    server.reactor.tick(0.0)
    assert decode(old.line.receive(soon())) == Ready()
    server.reactor.tick(0.0)
    assert calls == ["signals"]
    old.line.close()
    wait_until(lambda: server.reactor.tick(0.001) or len(calls) == 2)
    assert calls[-1] == "attached"
    joined[0]()  # late
    server.reactor.tick(0.0)
    server.admission.close()
    server.reactor.close()
