"""The simulated clients, against a real server and against faulty ones."""

import contextlib
import dataclasses
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pylingo.client.bench import load as module
from pylingo.client.bench.dialect import PyLingo
from pylingo.client.bench.load import Load, Plan
from pylingo.client.bench.stream import StreamError
from pylingo.shared.messages import Command, Message, Rooms
from pylingo.shared.schema import Record
from tests.client.test_benchmark import UNLIMITED, Fault, Proxy
from tests.support import Peer, ServerProcess, wait_until

PLAN = Plan(clients=8, rooms=2, senders=2)


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    with ServerProcess("--max-per-address", "0", "--resume-grace", "0", *UNLIMITED) as running:
        yield running


@pytest.fixture
def make(server: ServerProcess) -> Iterator[Callable[..., Load]]:
    with contextlib.ExitStack() as stack:

        def load(port: int | None = None, dialect: PyLingo | None = None, **changes: Any) -> Load:
            plan = dataclasses.replace(PLAN, **changes)
            made = Load(plan, dialect or PyLingo(), port or server.port)
            stack.callback(close, made)
            return made

        # Each test has its own names and rooms: the server of the module has forgotten the ones before it.
        with Peer(server.port) as peer:
            wait_until(lambda: free(peer), "the leaving of those before")
        yield load


def free(peer: Peer) -> bool:
    peer.send(Command("list"))
    return not peer.until(Rooms).rooms


def close(load: Load) -> None:
    if not load._ending:
        load.close()


def ready(load: Load) -> Load:
    load.connect()
    load.settle()
    return load


def test_who_is_who(make):
    load = ready(make())
    assert len(load.clients) == 10
    for index, room in enumerate(load.rooms):
        assert [client.number for client in room.clients] == list(range(index, 10, 2))
        assert [client.observes for client in room.clients] == [True] + [False] * 4
        assert room.senders == room.clients[1:3]
        assert len(room.readers()) == 4


def test_connecting_takes_time_and_enters_everybody(make, server: ServerProcess):
    load = make()
    assert load.connect() > 0
    assert load.passed == 10
    with Peer(server.port) as peer:
        assert peer.join("room1").users == 6


def test_without_entering_only_observers_are_in(make, server: ServerProcess):
    make().connect(enter=False)
    with Peer(server.port) as peer:
        assert peer.join("room0").users == 2


@pytest.mark.timeout(60)
@pytest.mark.parametrize("window", [1, 7, 2_000])
@pytest.mark.parametrize("size", [26, 500])
def test_so_many_messages_at_once(make, window: int, size: int):
    load = ready(make(messages=101, window=window, size=size))
    measured = load.speak()
    each = 101 // 2
    assert measured.messages == 2 * each
    assert measured.deliveries == 2 * each * 4
    assert measured.seconds > 0
    assert measured.latencies
    assert min(measured.latencies) > 0


def test_for_a_time(make):
    measured = ready(make(seconds=0.1)).speak()
    assert measured.messages > 0
    assert measured.deliveries == measured.messages * 4
    assert measured.seconds >= 0.1


def test_at_a_rate(make):
    load = ready(make(rate=100.0, seconds=0.2))
    measured = load.speak()
    assert measured.messages == len(measured.lateness) == sum(client.serial for client in load.clients)
    assert measured.messages <= 4 * (100 * 0.2 + 1)
    assert min(measured.lateness) >= 0


def test_in_turn(make):
    measured = ready(make(clients=5, rooms=1, messages=9)).speak_in_turn()
    assert (measured.messages, measured.deliveries) == (9, 45)


def test_silence(make):
    measured = ready(make(seconds=0.1)).wait()
    assert (measured.seconds, measured.messages) == (0.1, 0)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("seconds", [0.0, 0.1])
def test_one_sender_alone_gets_rid_of_more_than_the_window(make, seconds: float):
    """Nobody speaks to it, so that only its own words move its place in the stream."""
    measured = ready(make(clients=3, rooms=1, senders=1, window=10, messages=100, seconds=seconds)).speak()
    assert measured.messages == 100


def test_the_stalled_do_not_read_and_nobody_waits_for_them(make):
    load = ready(make(stalled=2, messages=60))
    stalled = [client for client in load.clients if client.stalled]
    assert len(stalled) == 2
    assert not any(client.observes for client in stalled)
    before = [client.reader.position for client in stalled]
    assert load.speak().messages == 60
    assert [client.reader.position for client in stalled] == before


@pytest.mark.timeout(60)
def test_all_who_would_speak_are_stalled(make):
    """Nobody is left to say anything."""
    load = ready(make(clients=4, stalled=4, seconds=0.1))
    with contextlib.suppress(StreamError):  # said to be impossible, or done: but it comes to an end
        assert load.speak().messages == 0


def test_who_is_stalled_is_chosen_by_the_seed(make, server: ServerProcess):
    chosen = []
    for seed in (1, 1, 2, 3, 4):
        with Peer(server.port) as peer:
            wait_until(lambda peer=peer: free(peer), "the leaving of those before")  # type: ignore[misc]
        load = ready(make(clients=20, stalled=5, seed=seed))
        chosen.append([client.number for client in load.clients if client.stalled])
        close(load)
    assert chosen[0] == chosen[1]
    assert any(other != chosen[0] for other in chosen[2:])


def test_the_silent_say_that_they_live(make, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "_ALIVE_EVERY", 0.001)
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
    assert load.error is None


# --- what goes wrong


def test_a_name_is_taken(make, server: ServerProcess):
    with Peer(server.port) as peer:
        peer.hello("c3")
        with pytest.raises(StreamError, match=r"entering failed: .*name-taken"):
            make().connect()


@pytest.mark.parametrize("victim", ["c0", "c2", "c8"])
def test_a_connection_ends_in_silence(make, server: ServerProcess, victim: str):
    with Proxy(server.port, Fault("end", victim, at=1)) as proxy:
        load = ready(make(proxy.port, messages=20, window=20))
        with pytest.raises(StreamError, match="a connection was lost"):
            load.speak()


@pytest.mark.parametrize("victim", ["c0", "c2", "c8"])
def test_nothing_comes_any_more(make, server: ServerProcess, victim: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "PATIENCE", 1.0)

    def tamper(name: str, frame: bytes, record: Record) -> list[bytes]:
        return [] if type(record) is Message and name == victim else [frame]

    with Proxy(server.port, tamper) as proxy:
        load = ready(make(proxy.port, messages=20, window=20))
        begun = time.monotonic()
        with pytest.raises(StreamError, match=r"delivering came to a halt at .*%"):
            load.speak()
        assert time.monotonic() - begun >= 0.8


@pytest.mark.timeout(60)
def test_nothing_comes_any_more_while_there_is_more_to_say(
    make, server: ServerProcess, monkeypatch: pytest.MonkeyPatch
):
    """The window stays full, so that no more is said: that is a halt, too."""
    monkeypatch.setattr(module, "PATIENCE", 1.0)

    def tamper(name: str, frame: bytes, record: Record) -> list[bytes]:
        return [] if type(record) is Message and name == "c8" else [frame]

    with Proxy(server.port, tamper) as proxy:
        load = ready(make(proxy.port, messages=200, window=20))
        with pytest.raises(StreamError, match="halt"):
            load.speak()


def test_progress_is_told(server: ServerProcess, make):
    told: list[tuple[str, float]] = []
    load = make(messages=20)
    load._progress = lambda what, part: told.append((what, part))
    ready(load).speak()
    whats = [what for what, _ in told]
    assert [what for what in dict.fromkeys(whats) if what != "speaking"] == ["connecting", "settling", "delivering"]
    assert all(part >= 0 for _, part in told)
