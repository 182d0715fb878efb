"""The end of a server: requests that have come are finished, everybody hears a goodbye, and the time is kept."""

import socket
from collections.abc import Callable, Iterator

import pytest

from pylingo.reactor.ending import Ending
from pylingo.shared.messages import Command, Goodbye, Message, PingRequest, PongRequest, Say
from tests.fakes.bench import Bench, benches, dial, fill, goodbye_of


@pytest.fixture
def bench() -> Iterator[Callable[..., Bench]]:
    with benches() as make:
        yield make


@pytest.fixture
def stops(monkeypatch) -> Callable[[Bench], list[float]]:
    """When a server's reactor is told to stop, by its clock."""

    def watch(desk: Bench) -> list[float]:
        times: list[float] = []
        monkeypatch.setattr(desk.reactor, "stop", lambda: times.append(desk.now))
        return times

    return watch


def test_an_empty_server_stops_at_once(bench, stops):
    desk = bench()
    desk.server.start()
    times = stops(desk)
    desk.server.ending.drain()
    assert times == [desk.now]


def test_a_drain_says_goodbye_to_all_and_waits_for_them(bench, stops):
    desk = bench(drain_timeout=5)
    address = desk.server.start()
    times = stops(desk)
    people = [desk.guest(Command("join", "tea")) for _ in range(3)] + [desk.guest(), desk.connect()]
    for wire in people:
        wire.got()
    people[0].send(Say("last words", id=1))
    desk.turn(1)
    desk.server.ending.drain()
    desk.turn()
    for wire in people:
        assert goodbye_of(wire) == "shutdown"
        assert wire.ended
    with pytest.raises(ConnectionRefusedError):
        dial(desk, address)
    assert times == []
    for wire in people:
        assert times == []
        wire.hang_up()
        desk.turn()
    assert times == [desk.now]
    assert desk.server.service.counts["shutdown"] == 5


def test_a_drain_before_the_history_is_open_lets_nobody_in(bench, tmp_path, monkeypatch):
    desk = bench(history=str(tmp_path / "chat.db"))
    admission, opened = desk.server.admission, []
    open_port = admission.open
    monkeypatch.setattr(admission, "open", lambda: opened.append(open_port()))
    address = desk.server.start()
    desk.server.ending.drain()
    desk.turn_until(lambda: opened)
    with pytest.raises(ConnectionRefusedError):
        dial(desk, address)


def test_words_said_in_the_tick_of_the_drain_are_still_delivered(bench):
    desk = bench()
    alice, bob = desk.guest(Command("join", "tea")), desk.guest(Command("join", "tea"))
    alice.got()
    alice.send(Say("last words", id=1))
    desk.reactor.call_soon(desk.server.ending.drain)
    desk.turn()
    sent, farewell = alice.got()
    assert sent.re == 1
    message, other_farewell = bob.got()
    assert message.text == "last words"
    assert farewell.reason == other_farewell.reason == "shutdown"


@pytest.mark.parametrize("more", [0, 9_000], ids=["that was read", "that was not read yet, too"])
def test_requests_that_the_pace_kept_back_are_handled_before_the_farewell(bench, more):
    desk = bench(rate=4.0, burst=5, queue_soft=2**24, queue_hard=2**24)
    people = [desk.guest(Command("join", "tea")) for _ in range(3)]
    people[0].sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2**20)
    people[0].send(*[Say(f"{number}") for number in range(40 + more)])  # 9,000 are three times what is read at once
    people[1].send(*[Say(f"other {number}") for number in range(30)])
    desk.turn(2)
    heard = len(people[2].got())
    assert heard < 20
    ticks = desk.reactor.ticks
    desk.server.ending.drain()
    texts, farewell = [], []

    def over():
        for record in people[2].got():
            texts.append(record.text) if isinstance(record, Message) else farewell.append(record)
        return farewell

    desk.turn_until(over)
    assert desk.reactor.ticks - ticks < 30
    assert len(texts) + heard == 70 + more
    assert [text for text in texts if " " not in text][-1] == str(39 + more)
    assert [record.reason for record in farewell] == ["shutdown"]


def test_requests_have_their_pace_again_if_the_server_goes_on(bench):
    desk = bench(rate=4.0, burst=5)
    ending: Ending = desk.server.ending
    alice, bob = desk.guest(Command("join", "tea")), desk.guest(Command("join", "tea"))
    alice.send(*[Say(f"{number}") for number in range(40)])
    desk.turn(2)
    finished = []
    ending.finish_requests(lambda: finished.append(True))
    desk.turn_until(lambda: finished)
    assert [record.text for record in bob.got()][-1] == "39"
    ending.keep_pace()
    alice.send(*[Say(f"{number}") for number in range(40)])
    desk.turn(2)
    assert len(bob.got()) < 20


def test_a_flood_does_not_hold_up_the_farewell(bench):
    desk = bench(rate=4.0, burst=5, drain_timeout=5)
    wire, other = desk.guest(), desk.guest()
    desk.server.ending.drain()
    start = desk.now

    def flood():
        wire.send(*[PongRequest()] * 10)
        return other.got()

    wire.send(*[PongRequest()] * 100)
    desk.turn(1)
    desk.wait(0.9, flood)
    desk.wait(0.5, flood)
    assert desk.now - start < 2
    assert desk.server.service.counts["shutdown"] == 2


def test_a_question_to_the_file_keeps_its_place_in_a_drain(bench):
    desk = bench(rate=4.0, burst=5)
    wire = desk.guest(Command("join", "tea"))
    (connection,) = desk.connections
    answers = []
    desk.server.hub.history.may_hold = lambda *_: True
    desk.server.hub.history.look_up = lambda *_: answers.append(_[4])
    wire.send(Say("first", key="k", id=1), Say("second", id=2))
    desk.turn(2)
    desk.server.ending.drain()
    soon = []
    desk.reactor.call_soon, call_soon = lambda *call: soon.append(call_soon(*call)), desk.reactor.call_soon
    desk.turn(500)
    assert len(soon) < 5  # and not in each tick
    assert connection.is_behind
    assert wire.got() == []
    answers[0](None)
    desk.wait(0.1)
    assert [getattr(record, "re", None) for record in wire.got()] == [1, 2, None]


@pytest.mark.parametrize(("signals", "patience"), [(1, 5.0), (2, 0.2), (3, 0.2)])
def test_a_second_signal_hardly_waits_for_the_disk(signals, patience):
    waited = []
    with benches() as make:
        desk = make()
        desk.server.hub.history.close = waited.append
        for _ in range(signals):
            desk.server.ending.stop()
    assert waited == [pytest.approx(patience)]


def test_requests_after_the_farewell_are_not_handled(bench):
    desk = bench()
    alice, bob = desk.guest(Command("join", "tea")), desk.guest(Command("join", "tea"))
    alice.got()
    desk.server.ending.drain()
    desk.turn()
    alice.send(Say("too late", id=1), PingRequest(2))
    desk.turn()
    assert [type(record) for record in alice.got() + bob.got()] == [Goodbye, Goodbye]


def test_a_server_that_stops_does_not_rest(bench):
    desk = bench(coalesce=0.02, drain_timeout=5)
    assert desk.reactor.coalescer.longest == 0.02
    desk.server.ending.drain()
    assert desk.reactor.coalescer.longest == 0


@pytest.mark.parametrize("drain_timeout", [0.5, 3.0])
def test_a_drain_takes_no_longer_than_its_time(bench, stops, drain_timeout):
    desk = bench(drain_timeout=drain_timeout, queue_hard=2**20)
    times = stops(desk)
    stuck = desk.guest(buffer=4_096)
    fill(desk, stuck, 100_000)
    start = desk.now
    desk.server.ending.drain()
    desk.wait(drain_timeout + 1, stuck.take)  # takes a little at a time, and would take longer
    assert times[0] - start == pytest.approx(drain_timeout, abs=0.25)


def test_a_peer_that_reads_nothing_is_let_go_before_the_time_is_up(bench, stops):
    desk = bench(drain_timeout=5)
    times = stops(desk)
    fill(desk, desk.guest(buffer=4_096), 100_000)
    start = desk.now
    desk.server.ending.drain()
    desk.wait(4.5)
    assert len(desk.connections) == 0
    assert times[0] - start == pytest.approx(2, abs=0.25)


def test_those_already_leaving_are_waited_for_and_get_no_second_goodbye(bench, stops):
    desk = bench()
    times = stops(desk)
    wire = desk.guest()
    wire.send(Command("close"))
    desk.turn()
    desk.server.ending.drain()
    desk.turn()
    assert goodbye_of(wire) == "close"
    assert times == []
    wire.hang_up()
    desk.turn()
    assert times == [desk.now]
