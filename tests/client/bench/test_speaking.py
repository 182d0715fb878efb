"""Simulated clients that speak, on a real server and on faulty ones."""

import contextlib
import time

import pytest

from pylingo.client.bench import load as module
from pylingo.client.bench.speaking import speak, speak_in_turn
from pylingo.client.bench.stream import StreamError
from pylingo.shared.messages import Message
from pylingo.shared.schema import Record
from tests.fakes.loads import ready
from tests.fakes.proxy import Fault, Proxy
from tests.support import ServerProcess


@pytest.mark.timeout(60)
@pytest.mark.parametrize("window", [1, 7, 2_000])
@pytest.mark.parametrize("size", [26, 500])
def test_so_many_messages_at_once(make, window: int, size: int):
    load = ready(make(messages=101, window=window, size=size))
    measured = speak(load)
    each = 101 // 2
    assert measured.messages == 2 * each
    assert measured.deliveries == 2 * each * 4
    assert measured.seconds > 0
    assert measured.latencies
    assert min(measured.latencies) > 0


def test_for_a_time(make):
    measured = speak(ready(make(seconds=0.1)))
    assert measured.messages > 0
    assert measured.deliveries == measured.messages * 4
    assert measured.seconds >= 0.1


def test_at_a_rate(make):
    load = ready(make(rate=100.0, seconds=0.2))
    measured = speak(load)
    assert measured.messages == len(measured.lateness) == sum(client.serial for client in load.clients)
    assert measured.messages <= 4 * (100 * 0.2 + 1)
    assert min(measured.lateness) >= 0


def test_a_stall_beyond_the_end_adds_no_messages(make, monkeypatch: pytest.MonkeyPatch):
    load = ready(make(rate=100.0, seconds=0.2))
    tick, stalls = module.Load.tick, iter([0.25])

    def stalling(self: module.Load, longest: float) -> None:
        time.sleep(next(stalls, 0))
        tick(self, longest)

    monkeypatch.setattr(module.Load, "tick", stalling)
    assert speak(load).messages <= 4 * (100 * 0.2 + 1)


def test_in_turn(make):
    measured = speak_in_turn(ready(make(clients=5, rooms=1, messages=9)))
    assert (measured.messages, measured.deliveries) == (9, 45)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("seconds", [0.0, 0.1])
def test_one_sender_alone_gets_rid_of_more_than_the_window(make, seconds: float):
    """Nobody speaks to it, so that only its own words move its place in the stream."""
    measured = speak(ready(make(clients=3, rooms=1, senders=1, window=10, messages=100, seconds=seconds)))
    assert measured.messages == 100


def test_the_stalled_do_not_read_and_nobody_waits_for_them(make):
    load = ready(make(stalled=2, messages=60))
    stalled = [client for client in load.clients if client.is_stalled]
    assert len(stalled) == 2
    assert not any(client.checker is None for client in stalled)
    before = [client.checker.position for client in stalled]
    assert speak(load).messages == 60
    assert [client.checker.position for client in stalled] == before


@pytest.mark.timeout(60)
def test_all_who_would_speak_are_stalled(make):
    """Nobody is left to say anything."""
    load = ready(make(clients=4, stalled=4, seconds=0.1))
    with contextlib.suppress(StreamError):  # said to be impossible, or done: but it comes to an end
        assert speak(load).messages == 0


@pytest.mark.parametrize("victim", ["c0", "c2", "c8"])
def test_a_connection_ends_in_silence(make, server: ServerProcess, victim: str):
    with Proxy(server.port, Fault("end", victim, at=1)) as proxy:
        load = ready(make(proxy.port, messages=20, window=20))
        with pytest.raises(StreamError, match="a connection was lost"):
            speak(load)


@pytest.mark.parametrize("victim", ["c0", "c2", "c8"])
def test_nothing_comes_any_more(make, server: ServerProcess, victim: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "PATIENCE", 1.0)

    def tamper(name: str, frame: bytes, record: Record) -> list[bytes]:
        return [] if type(record) is Message and name == victim else [frame]

    with Proxy(server.port, tamper) as proxy:
        load = ready(make(proxy.port, messages=20, window=20))
        begun = time.monotonic()
        with pytest.raises(StreamError, match=r"delivering came to a halt at .*%"):
            speak(load)
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
            speak(load)


def test_progress_is_told(server: ServerProcess, make):
    told: list[tuple[str, float]] = []
    load = make(messages=20)
    load.progress = lambda what, part: told.append((what, part))
    speak(ready(load))
    whats = [what for what, _ in told]
    assert [what for what in dict.fromkeys(whats) if what != "speaking"] == ["connecting", "settling", "delivering"]
    assert all(part >= 0 for _, part in told)
