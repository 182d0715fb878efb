"""Sentinels: real ones, and ones that disagree."""

import socket
from pathlib import Path

import pytest

from pylingo.reactor.bus.redis.layout import whole
from pylingo.reactor.bus.redis.link import Greeting
from pylingo.reactor.bus.redis.place import Place, Places
from pylingo.reactor.bus.redis.sentinels import Sentinels
from pylingo.reactor.engine.loop import Reactor
from tests.fakes.redis_listeners import FinderLog, turn_until
from tests.redis_server import running_sentinel
from tests.support import DEADLINE, wait_until


@pytest.fixture
def log() -> FinderLog:
    return FinderLog()


def sentinels(reactor: Reactor, log: FinderLog, *ports: int, service: str = "main") -> Sentinels:
    places = Places()
    hosts = [places.at("127.0.0.1", port) for port in ports]
    return Sentinels(reactor, hosts, places, service, Greeting(user="u", password="p", db=3), log)


def test_a_switch_is_followed(reactor: Reactor, log: FinderLog, tmp_path: Path) -> None:
    with running_sentinel(tmp_path) as (primary, replica, sentinel):
        finder = sentinels(reactor, log, sentinel.port)
        finder.seek()
        turn_until(reactor, lambda: log.layouts)
        assert log.layouts == [whole(Place("127.0.0.1", primary.port))]
        wait_until(lambda: sentinel.call("SENTINEL", "FAILOVER", "main") == b"OK", "a replica that can be promoted")
        turn_until(reactor, lambda: len(log.layouts) > 1)  # without another question
        assert log.layouts[-1] == whole(Place("127.0.0.1", replica.port))
        unknown = sentinels(reactor, log, sentinel.port, service="other")
        unknown.seek()
        turn_until(reactor, lambda: log.unknowns)
        assert log.unknowns[0].startswith("the sentinels know no primary called other: ")
        finder.close()
        unknown.close()


def test_no_sentinel_can_be_reached(reactor: Reactor, log: FinderLog) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    finder = sentinels(reactor, log, port, port)
    finder.seek()
    turn_until(reactor, lambda: log.losses)
    assert log.losses[0] == "no sentinel can be reached: Connection refused"
    finder.close()


class FakeSentinel:
    """Greets, and says what a test has it say."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(DEADLINE)
        self.port: int = self._listener.getsockname()[1]

    def greet(self, reactor: Reactor) -> None:
        self._sock, _ = self._listener.accept()
        self._sock.setblocking(False)
        self._sock.sendall(b"%0\r\n")
        turn_until(reactor, lambda: b"MASTER" in self._received())
        self._sock.sendall(b">3\r\n$9\r\nsubscribe\r\n$14\r\n+switch-master\r\n:1\r\n")

    def _received(self) -> bytes:
        try:
            return self._sock.recv(65_536)
        except BlockingIOError:
            return b""

    def answer(self, port: int, epoch: int) -> None:
        fields = ["ip", "10.0.0.1", "port", str(port), "config-epoch", str(epoch)]
        self._sock.sendall(b"%3\r\n" + b"".join(b"$%d\r\n%s\r\n" % (len(text), text.encode()) for text in fields))

    def switch(self, reactor: Reactor) -> None:
        data = b"main 10.0.0.1 1 10.0.0.1 3"
        push = b">3\r\n$7\r\nmessage\r\n$14\r\n+switch-master\r\n$%d\r\n%s\r\n" % (len(data), data)
        self._sock.sendall(push)
        turn_until(reactor, lambda: b"MASTER" in self._received())

    def close(self) -> None:
        self._sock.close()
        self._listener.close()


def test_the_highest_epoch_counts(reactor: Reactor, log: FinderLog) -> None:
    stale, fresh = FakeSentinel(), FakeSentinel()
    finder = sentinels(reactor, log, stale.port, fresh.port)
    finder.seek()
    reactor.tick(0.01)
    for fake in (stale, fresh):
        fake.greet(reactor)
    fresh.answer(2, epoch=7)
    turn_until(reactor, lambda: log.layouts)
    stale.answer(1, epoch=6)
    stale.switch(reactor)
    stale.answer(3, epoch=8)
    turn_until(reactor, lambda: len(log.layouts) > 1)
    assert log.layouts == [whole(Place("10.0.0.1", 2)), whole(Place("10.0.0.1", 3))]
    finder.close()
    stale.close()
    fresh.close()
