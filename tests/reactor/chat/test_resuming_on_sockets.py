"""Connections that break and come back, on real sockets."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pylingo.shared.messages import (
    Command,
    Goodbye,
    Hello,
    Message,
    PingRequest,
    Pong,
    Ready,
    Say,
    Users,
    Welcome,
)
from pylingo.shared.schema import Record
from tests.fakes.bench import Bench, Wire, benches
from tests.fakes.chat import goodbye, words_left_out
from tests.support import ready as ready_of
from tests.support import wait_until


@pytest.fixture
def bench() -> Iterator[Callable[..., Bench]]:
    with benches() as make:
        yield make


def greeted(desk: Bench, name: str, **options: Any) -> tuple[Wire, str]:
    """Somebody in tea who has said hello, and the token."""
    wire = desk.connect(**options)
    wire.send(Hello(1, name), Command("join", "tea"))
    desk.turn()
    (ready,) = (record for record in wire.got() if type(record) is Ready)
    return wire, ready.token


def come_back(desk: Bench, token: str) -> Wire:
    wire = desk.connect()
    wire.got()
    wire.send(Hello(1, resume=token))
    desk.turn()
    return wire


def end_of_stream(desk: Bench, wire: Wire) -> None:
    wire.sock.shutdown(1)
    desk.turn()


def reset(desk: Bench, wire: Wire) -> None:
    wire.hang_up()
    desk.turn()


def silence(desk: Bench, wire: Wire) -> None:
    desk.wait(5)


def half_a_frame(desk: Bench, wire: Wire) -> None:
    wire.raw(b"\0\0")
    desk.wait(3)


BREAKS: dict[str, tuple[Callable[[Bench, Wire], object], dict[str, float]]] = {
    "end of stream": (end_of_stream, {}),
    "hang up": (reset, {}),
    "idle": (silence, {"ping_after": 1.0, "ping_timeout": 1.0}),
    "frame-timeout": (half_a_frame, {"frame_timeout": 2.0}),
}


@pytest.mark.parametrize("way", BREAKS)
def test_on_sockets_a_seat_is_kept_and_given_back(bench, way):
    break_, settings = BREAKS[way]
    desk = bench(resume_grace=100, **settings)
    wire, token = greeted(desk, "alice")
    break_(desk, wire)
    desk.turn_until(lambda: len(desk.connections) <= 1)
    assert {session.person.name for session in desk.server.hub.sessions()} >= {"alice"}
    back = come_back(desk, token)
    assert back.got() == [ready_of("alice", "tea", token, True)]


@pytest.mark.parametrize("way", BREAKS)
def test_on_sockets_the_grace_ends(bench, way):
    break_, settings = BREAKS[way]
    desk = bench(resume_grace=100, **settings)
    wire, token = greeted(desk, "alice")
    break_(desk, wire)
    desk.now += 110
    desk.turn()
    assert "alice" not in {session.person.name for session in desk.server.hub.sessions()}
    desk.turn(6)
    (ready,) = come_back(desk, token).got()
    assert ready.resumed is False


def test_on_sockets_one_who_reads_nothing_keeps_the_seat(bench):
    desk = bench(queue_soft=20_000, queue_hard=20_000, resume_grace=100, stall_timeout=10)
    wire, token = greeted(desk, "alice", buffer=4_096)
    bob = desk.guest(Command("join", "tea"))
    for _ in range(200):
        with contextlib.suppress(BlockingIOError):  # it is not read any more
            wire.send(*[PingRequest(2**63 - 1)] * 20)
        desk.turn()
    desk.wait(11)
    assert desk.server.service.counts["stalled"] == 1
    assert bob.got() == []
    assert come_back(desk, token).got() == [ready_of("alice", "tea", token, True)]
    records: list[Record] = []
    desk.turn_until(lambda: records.extend(wire.got()) or wire.ended)
    assert type(records[-1]) is Goodbye
    assert records[-1].reason == "stalled"


def test_on_sockets_nothing_more_of_the_old_connection_is_handled(bench):
    desk = bench(resume_grace=100)
    wire, token = greeted(desk, "alice")
    bob = desk.guest(Command("join", "tea"))
    wire.got()
    back = desk.connect()
    back.got()
    # All of it is there in one turn, in whatever order the system tells of it.
    back.send(Hello(1, resume=token), Say("new"))
    wire.send(PingRequest(1))
    desk.turn()
    wire.send(Say("old"), Command("leave"))
    desk.turn()
    assert [record.text for record in bob.got()] == ["new"]
    assert words_left_out([record for record in wire.got() if type(record) is not Pong]) == [goodbye("replaced")]
    assert wire.ended
    assert back.got() == [ready_of("alice", "tea", token, True)]
    wire.hang_up()
    desk.turn()
    back.send(Command("users"))
    desk.turn()
    assert back.got() == [Users("tea", ["alice", "guest-2"], False, operators=["alice"])]


def test_on_sockets_of_requests_in_one_turn_none_of_the_old_connection_follows_the_takeover(bench):
    for first in (True, False):
        desk = bench(resume_grace=100)
        if first:
            back = desk.connect()
            wire, token = greeted(desk, "alice")
        else:
            wire, token = greeted(desk, "alice")
            back = desk.connect()
        bob = desk.guest(Command("join", "tea"))
        wire.got(), back.got()
        back.send(Hello(1, resume=token), Say("new"))
        wire.send(Say("old"), Say("old"))
        desk.reactor.tick(0)
        desk.turn()
        heard = [record.text for record in bob.got()]
        assert heard in (["new"], ["old", "old", "new"])
        *_, last = wire.got()
        assert type(last) is Goodbye
        *before, ready = (record for record in back.got() if type(record) in (Ready, Message))
        assert type(ready) is Ready
        assert before == []


def test_on_sockets_a_frame_begun_before_the_takeover_has_no_effect(bench):
    desk = bench(resume_grace=100, frame_timeout=2.0)
    wire, token = greeted(desk, "alice")
    wire.raw(b"\0\0")
    desk.turn()
    back = come_back(desk, token)
    assert words_left_out(wire.got()) == [goodbye("replaced")]
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        wire.raw(b"\xff\xff\xff")
    desk.turn()
    desk.wait(5)
    assert back.got()[:1] == [ready_of("alice", "tea", token, True)]
    assert desk.server.service.counts["replaced"] == 1
    assert desk.server.service.counts["frame-timeout"] == desk.server.service.counts["bad-frame"] == 0


def test_on_sockets_a_bad_frame_frees_the_seat(bench):
    desk = bench(resume_grace=100)
    wire, token = greeted(desk, "alice")
    wire.raw(b"\0\0\0\0")
    desk.turn()
    (ready,) = come_back(desk, token).got()
    assert ready.resumed is False


def test_a_server_that_stops_does_not_wait_for_those_who_may_come_back(bench):
    desk = bench(resume_grace=1_000)
    desk.server.start()
    wire, _ = greeted(desk, "alice")
    wire.hang_up()
    desk.turn_until(lambda: not desk.connections)
    assert len(desk.server.hub) == 1
    desk.server.ending.drain()
    desk.turn()
    wait_until(lambda: desk.reactor.tick(0) or desk.reactor.is_stopped)
    assert len(desk.server.hub) == 0


def test_the_welcome_of_the_new_connection_comes_first(bench):
    desk = bench(resume_grace=100)
    wire, token = greeted(desk, "alice")
    back = desk.connect()
    back.send(Hello(1, resume=token))
    desk.turn()
    assert [type(record) for record in back.got()] == [Welcome, Ready]
    assert words_left_out(wire.got()) == [goodbye("replaced")]
