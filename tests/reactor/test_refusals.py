"""The goodbyes of refused peers. What a server does with them is in `test_admission` and `test_server`."""

import collections
import socket

import pytest

from pylingo.reactor.engine.loop import Reactor
from pylingo.reactor.log_format import fields_of
from pylingo.reactor.refusals import MOST_GOODBYES, Refusals
from tests.fakes.bench import LOOPBACK, Wire
from tests.support import wait_until


@pytest.fixture
def reactor():
    reactor = Reactor()
    yield reactor
    reactor.close()


def test_a_refused_peer_learns_why_and_is_counted_and_logged(reactor, caplog):
    caplog.set_level("INFO")
    counts = collections.Counter()
    refusals = Refusals(reactor, counts)
    wires = []
    for _ in range(MOST_GOODBYES + 2):
        ours, theirs = socket.socketpair()
        wires.append(Wire(theirs))
        refusals.refuse(ours, LOOPBACK, "full")
    assert refusals.goodbyes == MOST_GOODBYES
    for wire in wires:
        records = []
        wait_until(lambda wire=wire, records=records: reactor.tick(0.001) or records.extend(wire.got()) or records)
        assert [record.reason for record in records] == ["full"]
        wire.hang_up()
    wait_until(lambda: reactor.tick(0.001) or not refusals.goodbyes)
    assert counts == {"full": MOST_GOODBYES + 2}
    assert caplog.messages == ["refused full: 127.0.0.1:40000"] * (MOST_GOODBYES + 2)
    assert fields_of(caplog.records[0]) == {"event": "refused", "reason": "full", "address": "127.0.0.1:40000"}


def test_without_descriptors_one_peer_is_told_and_its_socket_left_to_the_caller(reactor):
    counts = collections.Counter()
    ours, theirs = socket.socketpair()
    with ours:
        Refusals(reactor, counts).refuse_one(ours)
        wire = Wire(theirs)
        assert [record.reason for record in wire.got()] == ["full"]
        assert ours.fileno() >= 0
    wire.hang_up()
    assert counts == {"full": 1}
