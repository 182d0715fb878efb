"""A worker's side of the channel, with a whole server behind it and the test as the supervisor."""

import contextlib
import resource
import socket
from collections import Counter

import pytest

from pylingo.reactor.config import ServerSettings
from pylingo.reactor.server import Server
from pylingo.reactor.workers.channel import (
    MOST_ENDED,
    Order,
    Report,
    make_channel,
    pass_socket,
    receive_report,
    send_order,
    send_report,
)
from pylingo.reactor.workers.handover import AT_ONCE, Handover
from pylingo.shared.messages import Goodbye, Welcome
from tests.fakes.bench import Wire


class Supervisor:
    """The far end of a worker in this process, whose loop it turns."""

    def __init__(self, reactor, **settings):
        self.channel, self.worker_end = make_channel()
        self.reactor, self.wires = reactor, []
        self.handover = Handover(reactor, self.worker_end)
        self.server = Server(ServerSettings(rate=0, **settings), reactor, intake=self.handover)
        self.orders = []
        self.handover.obey = self.orders.append
        self.server.start()
        self.turn()

    def turn(self):
        for _ in range(4):
            self.reactor.tick(0)

    def connect(self, host="192.0.2.7", door="pylingo"):
        ours, theirs = socket.socketpair()
        with ours:
            pass_socket(self.channel, ours, (host, 4_000), door)
        self.wires.append(Wire(theirs))
        return self.wires[-1]

    def reports(self):
        """What it has reported since the last look."""
        found = []
        with contextlib.suppress(BlockingIOError):
            while (report := receive_report(self.channel)) is not None:
                found.append(report)
        return found

    def ended(self):
        """How many connections from each host have ended since the last look."""
        return sum((report.ended for report in self.reports()), Counter())

    def close(self):
        for wire in self.wires:
            wire.hang_up()
        self.turn()
        self.server.ending.drain()
        self.turn()
        self.channel.close()
        self.handover.disconnect()
        self.server.hub.history.close(0)


@pytest.fixture
def make(reactor):
    with contextlib.ExitStack() as stack:

        def supervise(**settings):
            supervisor = Supervisor(reactor, **settings)
            stack.callback(supervisor.close)
            return supervisor

        yield supervise


def kinds(wire):
    return [type(record) for record in wire.got()]


def test_a_passed_socket_becomes_a_connection_with_the_address_of_its_peer(make):
    supervisor = make()
    (ready,) = supervisor.reports()
    assert (ready.is_ready, ready.taken) == (True, 0)
    wire = supervisor.connect("2001:db8::7")
    supervisor.turn()
    assert kinds(wire) == [Welcome]
    (connection,) = supervisor.server.admission.connections()
    assert connection.address == "[2001:db8::7]:4000"
    (report,) = supervisor.reports()
    assert (report.taken, report.ended) == (1, {})
    wire.hang_up()
    supervisor.turn()
    (report,) = supervisor.reports()
    assert (report.taken, report.ended) == (0, {"2001:db8::7": 1})


def test_a_socket_of_another_port_is_spoken_to_in_its_own_way(make):
    supervisor = make(irc_port=("127.0.0.1", 0))
    native, irc = supervisor.connect(), supervisor.connect("192.0.2.8", "irc")
    supervisor.turn()
    irc.raw(b"PING 1\r\n")
    supervisor.turn()
    assert kinds(native) == [Welcome]
    assert irc.take() == b":irc.pylingo PONG irc.pylingo 1\r\n"
    irc.hang_up()
    supervisor.turn()
    assert supervisor.ended() == {"192.0.2.8": 1}


def test_a_connection_that_the_worker_refuses_itself_counts_no_longer(make):
    supervisor = make(max_connections=1)
    supervisor.connect()
    refused = supervisor.connect("192.0.2.8")
    supervisor.turn()
    assert kinds(refused) == [Goodbye]
    assert supervisor.ended() == {"192.0.2.8": 1}


@pytest.mark.parametrize(("accepts", "most"), [(64, AT_ONCE), (3, 3)])
def test_only_so_many_are_taken_over_in_a_tick(make, reactor, accepts, most, monkeypatch):
    hurries = []
    monkeypatch.setattr(reactor.coalescer, "hurry", lambda: hurries.append(reactor.ticks))
    supervisor = make(accepts=accepts)
    supervisor.reports()
    for _ in range(most + 2):
        supervisor.connect()
    reactor.tick(0)
    reactor.tick(0)
    assert [report.taken for report in supervisor.reports()] == [most, 2]
    assert len(hurries) == 1


def test_nothing_is_sent_to_a_peer_before_its_socket_is_acknowledged(make):
    supervisor = make()
    with contextlib.suppress(BlockingIOError):  # the supervisor does not read
        while True:
            send_report(supervisor.worker_end, Report())
    wire = supervisor.connect()
    send_order(supervisor.channel, Order.COUNT)
    supervisor.turn()
    supervisor.handover.ended("192.0.2.8")
    supervisor.turn()
    assert (wire.take(), supervisor.orders) == (b"", [])
    assert sum(report.taken for report in supervisor.reports()) == 0
    supervisor.turn()
    assert kinds(wire) == [Welcome]
    assert supervisor.orders == [Order.COUNT]
    (report,) = supervisor.reports()
    assert (report.taken, report.ended) == (1, {"192.0.2.8": 1})


def test_while_it_is_held_sockets_wait_without_being_acknowledged_and_orders_are_obeyed(make):
    supervisor = make()
    supervisor.reports()
    supervisor.server.admission.intake.hold()
    wires = [supervisor.connect() for _ in range(3)]
    send_order(supervisor.channel, Order.COUNT)
    supervisor.handover.ended("192.0.2.8")
    supervisor.turn()
    assert supervisor.orders == [Order.COUNT]
    assert [(report.taken, report.ended) for report in supervisor.reports()] == [(0, {"192.0.2.8": 1})]
    assert [wire.take() for wire in wires] == [b""] * 3
    supervisor.server.admission.intake.go_on()
    supervisor.turn()
    assert [kinds(wire) for wire in wires] == [[Welcome]] * 3
    assert [report.taken for report in supervisor.reports()] == [3]


def test_the_invitation_of_the_first_operator_comes_with_the_first_report(make, reactor):
    ours, theirs = make_channel()
    with ours:
        handover = Handover(reactor, theirs)
        handover.first_code = lambda: "c0de"
        handover.open(print, print)
        handover.ended("192.0.2.7")
        reactor.tick(0)
        handover.ended("192.0.2.7")
        reactor.tick(0)
        assert [receive_report(ours).first_code for _ in range(2)] == ["c0de", ""]
        handover.disconnect()


def test_any_number_of_ends_is_reported(make):
    supervisor = make()
    supervisor.reports()
    for index in range(2 * MOST_ENDED + 1):
        supervisor.handover.ended(str(index))
    supervisor.turn()
    assert [len(report.ended) for report in supervisor.reports()] == [MOST_ENDED, MOST_ENDED, 1]


def test_metrics_are_reported_once_for_each_question(make):
    supervisor = make()
    supervisor.reports()
    supervisor.handover.snapshot = lambda: {"rooms": 3}
    supervisor.handover.obey = lambda order: supervisor.handover.report_metrics()
    for _ in range(2):
        send_order(supervisor.channel, Order.MEASURE)
        supervisor.turn()
        assert [report.snapshot for report in supervisor.reports()] == [{"rooms": 3}]
    supervisor.connect()
    supervisor.turn()
    assert [(report.taken, report.snapshot) for report in supervisor.reports()] == [(1, None)]


def test_an_order_is_obeyed_after_the_sockets_that_came_before_it(make):
    supervisor = make()
    wire = supervisor.connect()
    send_order(supervisor.channel, Order.STOP)
    supervisor.handover.obey = lambda order: supervisor.server.ending.stop()
    supervisor.turn()
    assert kinds(wire) == [Welcome, Goodbye]
    assert [report.is_closed for report in supervisor.reports()] == [False, False, True]


def test_sockets_that_come_after_the_closing_are_left_to_the_supervisor(make):
    supervisor = make()
    supervisor.server.admission.close()
    supervisor.server.admission.close()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        pass_socket(supervisor.channel, ours, ("192.0.2.7", 4_000))
        send_order(supervisor.channel, Order.HURRY)
        supervisor.turn()
        assert [(report.taken, report.is_closed) for report in supervisor.reports()] == [(0, False), (0, True)]
        assert supervisor.orders == [Order.HURRY]
        ours.send(b"alive")
        assert theirs.recv(5) == b"alive"


def test_a_closed_handover_is_not_opened(make, reactor):
    supervisor = make()
    supervisor.reports()
    ours, theirs = make_channel()
    with ours:
        handover = Handover(reactor, theirs)
        handover.close()
        handover.open(print, print)
        supervisor.turn()
        assert [(report.is_ready, report.is_closed) for report in [receive_report(ours)]] == [(False, True)]
        handover.disconnect()


def test_without_a_descriptor_the_connection_is_counted_no_longer(make, caplog):
    supervisor = make()
    supervisor.connect()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with socket.socket() as probe:
        lowest = probe.fileno()
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, hard))
    try:
        supervisor.turn()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert "there is no descriptor left" in caplog.text
    assert supervisor.ended() == {"192.0.2.7": 1}


def test_when_the_supervisor_has_ended_the_worker_stops(make, caplog):
    supervisor = make()
    supervisor.channel.close()
    supervisor.turn()
    assert supervisor.orders == [Order.STOP]
    supervisor.handover.ended("192.0.2.7")
    supervisor.turn()
    assert caplog.text.count("the supervisor has ended") == 1
