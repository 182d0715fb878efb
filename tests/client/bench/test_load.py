"""Connecting simulated clients to a real server, waiting, and ending."""

import pytest

from pylingo.client.bench import load as module
from pylingo.client.bench.dialect import PyLingo
from pylingo.client.bench.stream import StreamError
from tests.fakes.loads import ready, wait_until_empty
from tests.support import Peer, ServerProcess, wait_until


def test_the_roles_of_the_clients(make):
    load = ready(make())
    assert len(load.clients) == 10
    for index, room in enumerate(load.rooms):
        assert [client.number for client in room.clients] == list(range(index, 10, 2))
        assert [client.checker is None for client in room.clients] == [True] + [False] * 4
        assert room.senders == room.clients[1:3]
        assert len(room.checkers()) == 4


def test_connecting_takes_time_and_enters_everybody(make, server: ServerProcess):
    load = make()
    assert load.connect() > 0
    assert load.state.passed == 10
    with Peer(server.port) as peer:
        assert peer.join("room1").users == 6


def test_without_entering_only_observers_are_in(make, server: ServerProcess):
    make().connect(enter=False)
    with Peer(server.port) as peer:
        assert peer.join("room0").users == 2


def test_only_so_many_are_on_their_way_in_at_a_time(make, monkeypatch: pytest.MonkeyPatch):
    class Few(PyLingo):
        pending = 2

    load = make(dialect=Few())
    dial, most = load.dial, 0

    def counted(*arguments):
        nonlocal most
        most = max(most, len(load.clients) - load.state.passed)
        return dial(*arguments)

    monkeypatch.setattr(load, "dial", counted)
    load.connect()
    assert (load.state.passed, most) == (10, 2)


def test_silence(make):
    measured = ready(make(seconds=0.1)).wait()
    assert (measured.seconds, measured.messages) == (0.1, 0)


def test_the_seed_chooses_the_stalled_readers(make, server: ServerProcess):
    chosen = []
    for seed in (1, 1, 2, 3, 4):
        wait_until_empty(server)
        load = ready(make(clients=20, stalled=5, seed=seed))
        chosen.append([client.number for client in load.clients if client.is_stalled])
        load.close()
    assert chosen[0] == chosen[1]
    assert any(other != chosen[0] for other in chosen[2:])


def test_the_silent_say_that_they_live(make, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "ALIVE_EVERY", 0.001)
    calls = []

    class Counting(PyLingo):
        def alive(self) -> bytes:
            calls.append(None)
            return super().alive()

    load = make(dialect=Counting())
    load.connect(enter=False)  # from then on: to connect many takes long, and not every load settles
    calls.clear()
    wait_until(lambda: load.reactor.tick(0.01) or len(calls) >= 3 * len(load.clients))
    load.settle()
    assert load.state.error is None


def test_a_name_is_taken(make, server: ServerProcess):
    with Peer(server.port) as peer:
        peer.hello("c3")
        with pytest.raises(StreamError, match=r"entering failed: .*name-taken"):
            make().connect()
