"""The switch to the successor by itself; `test_upgrade` has the whole way."""

import ipaddress
import socket
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from pylingo.reactor.succession.handover import End, Failed, Go, Restored, Totals, decode, encode
from pylingo.reactor.succession.line import Line, make_line
from pylingo.reactor.succession.switch import Switch
from pylingo.shared.messages import Command, Hello, PingRequest, Pong, Say, Welcome
from tests.fakes.bench import Bench, benches, dial
from tests.fakes.tls import certificate


class Stage:
    """A server that switches, and the successor's end of the line."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.bench.server.start()
        self.line, sock = make_line()
        self.far = Line(sock)
        self.told: list[str] = []

    def switch(self) -> Switch:
        failed = self.told.append
        over = partial(self.told.append, "over")
        return Switch(self.bench.server, self.line, {}, 0, over, failed, lambda: {"messages": 7})

    def hears(self) -> list[Any]:
        return [decode(body) for body in self.far.pending()]

    def close(self) -> None:
        self.line.close()
        self.far.close()


@pytest.fixture
def stage() -> Iterator[Stage]:
    with benches() as make:
        made = Stage(make())
        yield made
        made.close()


def test_it_is_over_when_the_successor_has_everything(stage: Stage) -> None:
    stage.far.send(encode(Restored()), 1e9)
    stage.switch()
    assert stage.told == []
    stage.bench.turn()
    assert stage.told == ["over"]
    first, *_, end, last = stage.hears()
    assert first == Totals({"messages": 7})
    assert isinstance(end, End)
    assert last == Go()


def test_an_undone_switch_goes_nowhere(stage: Stage) -> None:
    ada = stage.bench.guest(Hello(1, "ada"), Command("join", "tea"))
    switch = stage.switch()
    switch.undo()
    stage.far.send(encode(Restored()), 1e9)
    stage.bench.turn()
    stage.bench.wait(3.0)
    assert stage.told == []
    assert stage.hears() == []
    ada.send(PingRequest(1), Say("x", id=2))
    stage.bench.turn()
    assert ada.got()[0] == Pong(1)


def test_a_successor_that_cannot_take_over_says_why(stage: Stage) -> None:
    stage.far.send(encode(Failed("the disk is full")), 1e9)
    stage.switch()
    stage.bench.turn()
    assert stage.told == ["the disk is full"]


def test_the_header_of_a_balancer_is_waited_for() -> None:
    with benches() as make:
        stage = Stage(make(proxy_protocol=(ipaddress.ip_network("127.0.0.0/8"),)))
        peer = dial(stage.bench, stage.bench.server.address)
        stage.bench.turn()
        stage.far.send(encode(Restored()), 1e9)
        stage.switch()
        stage.bench.turn(10)
        assert stage.told == []
        peer.raw(b"PROXY TCP4 192.0.2.7 192.0.2.1 4000 5000\r\n")
        stage.bench.wait(0.05)
        assert stage.told == ["over"]
        assert [type(record) for record in peer.got()] == [Welcome]
        stage.close()


def test_a_handshake_is_waited_for_but_not_for_long() -> None:
    cert, key = certificate()
    with benches() as make:
        stage = Stage(make(tls_cert=cert, tls_key=key))
        ours, theirs = socket.socketpair()
        stage.bench.server.admission.admit(ours, ("127.0.0.1", 5))
        stage.far.send(encode(Restored()), 1e9)
        stage.switch()
        stage.bench.turn(10)
        assert stage.told == []
        stage.bench.wait(0.35)
        assert stage.told == ["over"]
        theirs.close()
        stage.bench.server.admission.close()
        stage.bench.turn()
        stage.close()
