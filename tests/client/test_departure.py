"""Leaving: finishing, giving up, and saying goodbye, with a conversation and a connection played by the test."""

import math
from collections.abc import Iterator
from unittest import mock

import pytest

from pylingo.client.connection import ClientConnection
from pylingo.client.conversation import Conversation
from pylingo.client.departure import FAREWELL, STANDSTILL, Departure, Stage
from pylingo.reactor.engine.loop import Reactor
from pylingo.shared.messages import Command, Ready
from tests.fakes.clock import Clock

GOODBYE = mock.call.send(Command("close"))


class Bench:
    """Somebody online in no room."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.reactor = Reactor(self.clock, most_late=math.inf)
        self.conversation = Conversation("ada", None)
        self.conversation.connected()
        self.conversation.received(Ready("ada", None, "0" * 32, False))
        self.connection: mock.Mock | None = mock.create_autospec(ClientConnection, instance=True)
        self.connection.is_open = True
        self.stop = mock.Mock()
        self.departure = Departure(self.reactor, self.conversation, lambda: self.connection, self.stop)

    @property
    def calls(self) -> list[object]:
        assert self.connection is not None
        return self.connection.mock_calls

    def pass_time(self, seconds: float) -> None:
        self.clock.now += seconds
        self.reactor.tick(0)


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.reactor.close()


def test_without_anything_unconfirmed_the_goodbye_follows_at_once(bench: Bench) -> None:
    bench.departure.part_if_settled(True)
    assert bench.calls == [], "nobody wants to leave"
    bench.departure.begin(None)
    bench.departure.part_if_settled(True)
    assert (bench.departure.stage, bench.calls) == (Stage.PARTING, [GOODBYE])
    bench.departure.part_if_settled(True)
    assert bench.calls == [GOODBYE]
    bench.pass_time(FAREWELL)
    assert bench.stop.mock_calls == [mock.call()]


def test_the_goodbye_waits_for_what_was_said(bench: Bench) -> None:
    bench.conversation.say("one", "k")
    bench.departure.begin(None)
    bench.departure.part_if_settled(True)
    assert (bench.departure.stage, bench.departure.unconfirmed, bench.calls) == (Stage.FINISHING, 1, [])
    bench.conversation.unanswered.forget()
    bench.departure.part_if_settled(True)
    assert bench.calls == [GOODBYE]


def test_without_a_connection_there_is_no_goodbye(bench: Bench) -> None:
    bench.connection = None
    bench.departure.begin(1.0)
    bench.departure.part_if_settled(False)
    assert bench.stop.mock_calls == [mock.call()]


@pytest.mark.parametrize(("patience", "seconds"), [(10.0, 8.0), (None, STANDSTILL)])
def test_messages_not_confirmed_in_time_are_given_up_on_a_new_connection(
    bench: Bench, patience: float | None, seconds: float
) -> None:
    bench.conversation.say("one", "k")
    bench.departure.begin(patience)
    bench.pass_time(seconds - 0.1)
    assert bench.calls == []
    assert not bench.departure.needs_connection()
    bench.pass_time(0.2)
    (call,) = bench.calls
    assert call[0] == "abort"
    assert (bench.departure.given_up, bench.departure.unconfirmed) == (1, 1)
    assert bench.departure.needs_connection()
    assert not bench.departure.needs_connection()
    bench.departure.connected()
    assert bench.calls[1:] == [GOODBYE]


def test_patience_is_over_in_any_case(bench: Bench) -> None:
    bench.conversation.say("one", "k")
    bench.departure.begin(10.0)
    bench.pass_time(10.1)
    assert bench.stop.mock_calls == [mock.call()]


def test_as_long_as_something_is_confirmed_nothing_is_given_up(bench: Bench) -> None:
    bench.conversation.say("one", "k1")
    bench.conversation.say("two", "k2")
    bench.departure.begin(None)
    bench.conversation.unanswered.forget()
    bench.conversation.say("three", "k3")
    bench.pass_time(STANDSTILL + 0.1)
    assert bench.calls == []
    bench.pass_time(STANDSTILL + 0.1)
    assert len(bench.calls) == 1


def test_after_a_restart_and_without_timers_one_stays(bench: Bench) -> None:
    bench.conversation.say("one", "k")
    bench.departure.begin(1.0)
    bench.departure.cancel_timers()
    bench.departure.restart()
    bench.pass_time(100.0)
    assert (bench.departure.stage, bench.calls, bench.stop.mock_calls) == (Stage.STAYING, [], [])
