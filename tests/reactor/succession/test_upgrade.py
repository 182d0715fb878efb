"""The old server in an upgrade: it hands everything over, or goes on as if nothing had been."""

import dataclasses
import logging
import os
import re
import signal
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pylingo.reactor.engine.loop import Reactor
from pylingo.reactor.registry import Registry
from pylingo.reactor.server import Server
from pylingo.reactor.succession import switch as module
from pylingo.reactor.succession.handover import Failed, Go, Offer, Ready, Restored, Step, decode, encode
from pylingo.reactor.succession.line import Line, make_line
from pylingo.reactor.succession.snapshot import Restoring
from pylingo.reactor.succession.successor import PROMPT
from pylingo.reactor.succession.upgrade import PATIENCE, NoUpgrade, Phase, Upgrade, upgrades_of
from pylingo.shared.messages import Command, Goodbye, Hello, Joined, Message, PingRequest, Pong, Say, Sent
from tests.fakes.bench import Bench, Wire, benches
from tests.fakes.chat import Chat


class FakeChild:
    """The far end of an upgrade, which the test plays. `far` is its end of the line."""

    number = 4_711

    def __init__(self) -> None:
        self.line, sock = make_line()
        self.far = Line(sock)
        self.fate = ""
        self.exit_status: int | None = None

    def says(self, *steps: Step) -> None:
        for step in steps:
            self.far.send(encode(step), time.monotonic() + 20)

    def hears(self) -> Any:
        return decode(self.far.receive(time.monotonic() + 20))

    def end(self) -> int | None:
        self.line.close()
        self.fate = "ended"
        return 3

    def let_go(self) -> None:
        self.line.close()
        self.fate = "let go"

    def status(self) -> int | None:
        return self.exit_status


class Stage:
    """A server with people in it, its upgrades, and the children that these have started."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.server = bench.server
        self.server.start()
        self.children: list[FakeChild] = []
        self.replaced: list[str] = []  # what was told
        self.upgrade = Upgrade(self.server, self.start, lambda: self.replaced.append("replaced"))  # type: ignore[arg-type]

    def start(self) -> FakeChild:
        self.children.append(FakeChild())
        return self.children[-1]

    @property
    def child(self) -> FakeChild:
        return self.children[-1]

    def begin(self) -> Offer:
        self.upgrade.request()
        offer = self.child.hears()
        assert isinstance(offer, Offer)
        return offer

    def people(self, *names: str) -> list[Wire]:
        wires = [self.bench.guest(Hello(1, name), Command("join", "tea")) for name in names]
        for wire in wires:
            wire.got()
        return wires

    def serves(self, wire: Wire) -> bool:
        """Whether somebody who was there is answered, and somebody new comes in."""
        wire.send(PingRequest(5))
        self.bench.turn()
        new = self.bench.connect()
        return wire.got() == [Pong(5)] and len(new.got()) == 1


@pytest.fixture
def make_stage() -> Iterator[Callable[..., Stage]]:
    stages = []
    with benches() as make:

        def make_one(**settings: Any) -> Stage:
            stages.append(Stage(make(**settings)))
            return stages[-1]

        yield make_one
        for stage in stages:
            stage.upgrade.close()
            for child in stage.children:
                child.far.close()


@pytest.fixture
def stage(make_stage: Callable[..., Stage], caplog: pytest.LogCaptureFixture) -> Stage:
    caplog.set_level(logging.INFO)
    return make_stage()


@pytest.mark.parametrize("closes", [True, False])
def test_a_successor_gets_the_sockets_and_everybody(
    stage: Stage, caplog: pytest.LogCaptureFixture, closes: bool
) -> None:
    ada, bob = stage.people("ada", "bob")
    offer = stage.begin()
    assert offer.sockets == ["pylingo"]
    assert len(stage.child.far.descriptors) == 1
    assert stage.upgrade.phase is Phase.STARTING
    assert stage.serves(ada)
    assert stage.replaced == []
    stage.child.says(Ready(), Restored())
    stage.bench.turn()
    assert stage.upgrade.phase is Phase.OVER
    assert stage.replaced == ["replaced"]
    assert (ada.got(), bob.got()) == ([], [])
    assert ada.ended
    assert bob.ended
    new = Chat(grace=60.0)
    restoring = Restoring(new.hub, new.hub.bus)
    while not restoring.is_complete:
        restoring.take(stage.child.hears())
    assert stage.child.hears() == Go()
    assert new.hub.rooms["tea"].directory.keys == ["ada", "bob"]
    assert restoring.seats == 2
    assert "process 4711 has taken over: this one ends" in caplog.text
    for wire in stage.bench.wires:
        wire.hang_up()
    stage.bench.turn()
    assert not stage.server.reactor.is_stopped  # before the successor has told systemd who it is
    assert stage.child.fate == ""
    if closes:
        stage.child.far.close()
    else:
        stage.bench.now += 5.1
    stage.bench.turn()
    assert stage.child.fate == "let go"
    assert stage.server.reactor.is_stopped
    stage.child.exit_status = 0 if closes else -9
    failure = stage.upgrade.close()
    assert failure == ("" if closes else "the new version has taken over, and has ended with status -9")


def test_what_was_said_before_is_confirmed_and_in_what_is_handed_over(stage: Stage) -> None:
    ada, bob = stage.people("ada", "bob")
    stage.begin()
    stage.child.says(Ready(), Restored())
    ada.send(Say("last", key="k"))
    stage.bench.turn()
    assert [type(record) for record in ada.got()] == [Sent]
    assert [type(record) for record in bob.got()] == [Message]
    assert [entry.text for entry, _ in stage.server.hub.history.messages("tea")] == ["last"]


def test_requests_that_the_pace_held_back_are_handled(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage(rate=1, burst=5)
    (ada,) = stage.people("ada")
    ada.send(*(Say(f"{number}", key=f"k{number}") for number in range(200)))
    stage.bench.turn()
    assert len(ada.got()) < 200
    stage.begin()
    stage.child.says(Ready(), Restored())
    stage.bench.turn(300)
    assert stage.upgrade.phase is Phase.OVER
    assert len(stage.server.hub.history.messages("tea")) == 200


def test_what_is_not_read_any_more_is_left_to_the_successor(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    (ada,) = stage.people("ada")
    settled: list[Callable[[], object]] = []
    monkeypatch.setattr(stage.server.hub.history, "when_settled", settled.append)
    stage.begin()
    stage.child.says(Ready(), Restored())
    stage.bench.turn()
    assert stage.upgrade.phase is Phase.SWITCHING
    ada.send(Say("unread", key="k"))
    stage.bench.turn()
    settled[0]()
    stage.bench.turn()
    assert stage.upgrade.phase is Phase.OVER
    assert stage.server.hub.history.messages("tea") == []
    assert ada.got() == []
    assert ada.ended


def ends(child: FakeChild) -> None:
    child.far.close()


def says_nonsense(child: FakeChild) -> None:
    child.far.send(b"nonsense", time.monotonic() + 20)


def says_go(child: FakeChild) -> None:
    child.says(Go())


def says_why(child: FakeChild) -> None:
    child.says(Failed("the disk is full"))


@pytest.mark.parametrize(
    ("fails", "why"),
    [(ends, "has ended"), (says_nonsense, "cannot be read"), (says_go, "unexpected"), (says_why, "the disk is full")],
)
@pytest.mark.parametrize("is_ready", [False, True])
def test_a_successor_that_fails_leaves_the_old_server_serving(
    stage: Stage, caplog: pytest.LogCaptureFixture, fails: Callable[[FakeChild], None], why: str, is_ready: bool
) -> None:
    (ada,) = stage.people("ada")
    stage.begin()
    if is_ready:
        stage.child.says(Ready())
    fails(stage.child)
    stage.bench.turn(6)
    assert stage.upgrade.phase is Phase.IDLE
    assert stage.child.fate == "ended"
    assert re.search(f"the upgrade has failed, and this version goes on: .*{why}", caplog.text)
    assert caplog.text.count("(exit status 3)") == 1
    assert stage.serves(ada)
    stage.begin()
    assert len(stage.children) == 2


def test_a_successor_that_is_never_ready_is_ended(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    stage.begin()
    stage.bench.now += PATIENCE - 0.1
    stage.bench.turn()
    assert stage.child.fate == ""
    stage.bench.now += 0.2
    stage.bench.turn()
    assert stage.child.fate == "ended"
    assert "not ready within 30 s" in caplog.text
    assert stage.upgrade.phase is Phase.IDLE


def test_a_history_that_does_not_settle_ends_the_upgrade(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (ada,) = stage.people("ada")
    monkeypatch.setattr(stage.server.hub.history, "when_settled", lambda callback: None)
    stage.begin()
    stage.child.says(Ready(), Restored())
    stage.bench.turn()
    stage.bench.wait(2.1)
    assert stage.child.fate == "ended"
    assert "the history takes too long" in caplog.text
    assert stage.serves(ada)


def test_a_bug_in_the_handover_leaves_the_old_server_serving(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def breaks(*arguments: object) -> Any:
        raise KeyError("a bug")

    monkeypatch.setattr(module, "collect", breaks)
    (ada,) = stage.people("ada")
    stage.begin()
    stage.child.says(Ready())
    stage.bench.turn()
    assert stage.upgrade.phase is Phase.IDLE
    assert stage.child.fate == "ended"
    assert "KeyError: 'a bug'" in caplog.text
    assert stage.serves(ada)


def test_a_server_that_is_told_to_stop_during_the_switch_hands_nothing_over(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (ada,) = stage.people("ada")
    settled: list[Callable[[], object]] = []
    monkeypatch.setattr(stage.server.hub.history, "when_settled", settled.append)
    stage.begin()
    stage.child.says(Ready(), Restored())
    stage.bench.turn()
    assert stage.upgrade.phase is Phase.SWITCHING
    stage.server.ending.stop()
    for callback in settled:
        callback()
    stage.bench.turn()
    assert stage.child.fate == "ended"
    assert "the upgrade has failed, and this version goes on: the server is stopping" in caplog.text
    assert [type(record) for record in ada.got()] == [Goodbye]


def test_the_files_are_finished_before_the_successor_gives_up(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    times: list[float] = []
    stage.server.service.settings = dataclasses.replace(stage.server.settings, drain_timeout=60.0)
    monkeypatch.setattr(stage.server.hub.history, "close", times.append)
    monkeypatch.setattr(Registry, "close", lambda self, timeout: times.append(timeout))
    stage.begin()
    stage.child.says(Ready(), Restored())
    stage.bench.turn()
    assert stage.upgrade.phase is Phase.OVER
    assert len(times) == 2
    assert max(times) < PROMPT / 2


def test_a_state_that_is_not_taken_in_time(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "_SENDING", 0.05)
    (ada,) = stage.people("ada")
    stage.begin()
    stage.child.says(Ready())
    stage.bench.turn()
    assert stage.upgrade.phase is Phase.IDLE
    assert "did not answer in time" in caplog.text
    assert stage.serves(ada)


def test_one_upgrade_at_a_time(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    stage.begin()
    stage.upgrade.request()
    assert len(stage.children) == 1
    assert "no upgrade: one is under way" in caplog.text


def test_no_upgrade_as_process_1(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(os, "getpid", lambda: 1)
    stage.upgrade.request()
    assert caplog.text.count("no upgrade: process 1 cannot be replaced") == 1
    assert stage.children == []


def test_no_upgrade_of_a_server_that_stops(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    stage.begin()
    stage.server.ending.drain()
    stage.child.says(Ready())
    stage.bench.turn()
    assert stage.child.fate == "ended"
    assert "the server is stopping" in caplog.text
    stage.upgrade.request()
    assert len(stage.children) == 1


def test_no_upgrade_before_people_may_come(caplog: pytest.LogCaptureFixture) -> None:
    with benches() as make:
        Upgrade(make().server, FakeChild).request()  # type: ignore[arg-type]
    assert "no upgrade: the server is still starting" in caplog.text


def test_no_upgrade_while_the_history_fails(
    make_stage: Callable[..., Stage], tmp_path: Any, caplog: pytest.LogCaptureFixture
) -> None:
    stage = make_stage(history=str(tmp_path / "history"))
    stage.bench.turn_until(lambda: stage.server.is_open)
    stage.begin()
    stage.server.hub.history.failed("a test fails it")  # type: ignore[attr-defined]
    stage.child.says(Ready())
    stage.bench.turn()
    assert stage.child.fate == "ended"
    assert "and this version goes on: the history file cannot be written" in caplog.text
    stage.upgrade.request()
    assert "no upgrade: the history file cannot be written" in caplog.text


def test_a_program_that_cannot_be_started(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    def start() -> Any:
        raise FileNotFoundError(2, "No such file or directory", "/nowhere")

    Upgrade(stage.server, start).request()
    assert "no upgrade: cannot start /nowhere: No such file" in caplog.text


def test_a_successor_that_is_not_ready_ends_with_the_server(stage: Stage) -> None:
    stage.begin()
    stage.upgrade.close()
    assert stage.child.fate == "ended"
    stage.upgrade.close()


class Cluster:
    """The part of a server in a cluster."""

    is_alone = True


@pytest.mark.parametrize("comes", [True, False])
def test_a_server_of_a_cluster_stops_as_planned_when_it_has_heard_the_successor(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, comes: bool
) -> None:
    drained: list[int] = []
    cluster = Cluster()
    with monkeypatch.context() as patch:
        patch.setattr(stage.server.ending, "drain", lambda: drained.append(1))
        patch.setattr(stage.server.hub, "bus", object())
        patch.setattr(Server, "cluster", property(lambda self: cluster))
        stage.begin()
        stage.child.says(Ready())
        stage.bench.turn()
        assert stage.replaced == ["replaced"]
        # The successor accepts. A server that loses its Redis now would shut the shared sockets down.
        assert [sock.fileno() for _, sock in stage.server.admission.sockets()] == [-1]
        stage.bench.wait(1.0)
        assert drained == []
        if comes:
            cluster.is_alone = False
        stage.bench.wait(0.5 if comes else 4.5)
        assert drained == [1]
        assert stage.child.fate == ""  # the successor must not use the data folder before this process has ended
        assert stage.upgrade.close() == ""
        assert stage.child.fate == "let go"


def test_with_workers_there_is_none(caplog: pytest.LogCaptureFixture) -> None:
    none = upgrades_of(object())
    assert isinstance(none, NoUpgrade)
    none.request()
    none.close()
    assert "no upgrade: a server with --workers" in caplog.text


def test_the_signal_asks_for_one(stage: Stage) -> None:
    asked: list[int] = []
    stage.server.obey_signals(lambda: None, lambda: asked.append(1))
    os.kill(os.getpid(), signal.SIGUSR2)
    stage.bench.turn_until(lambda: asked)
    assert isinstance(stage.server.reactor, Reactor)
    assert isinstance(upgrades_of(stage.server), Upgrade)


def test_joins_and_goodbyes_are_not_told(stage: Stage) -> None:
    ada, _ = stage.people("ada", "bob")
    stage.begin()
    stage.child.says(Ready(), Restored())
    stage.bench.turn()
    assert not any(isinstance(record, Goodbye | Joined) for record in ada.got())


class Scraped:
    """A port for scrapers."""

    def __init__(self) -> None:
        self.sockets = [socket.create_server(("127.0.0.1", 0))]
        self.is_closed = False

    def close(self) -> None:
        self.is_closed = True
        self.sockets[0].close()


def test_a_further_port_goes_to_the_successor(stage: Stage) -> None:
    port = Scraped()
    stage.upgrade.share("metrics", port)
    offer = stage.begin()
    assert offer.sockets == ["pylingo", "metrics"]
    assert len(stage.child.far.descriptors) == 2
    assert not port.is_closed
    stage.child.says(Ready(), Restored())
    stage.bench.turn()
    assert port.is_closed
    NoUpgrade().share("metrics", port)
