"""One worker as the supervisor sees it, with small programs as its process."""

import os
import signal
import socket

import pytest

from pylingo.reactor.workers.channel import Order
from pylingo.reactor.workers.worker import QUEUE, Worker, WorkerState
from tests.fakes.small_worker import READY, SERVE, command
from tests.support import wait_until

HOST = "192.0.2.7"


class Listener:
    """Notes what it is told, and closes what is returned."""

    def __init__(self):
        self.told, self.returned_sockets = [], []

    def ready(self, worker):
        self.told.append("ready")

    def has_room(self, worker):
        self.told.append("room")

    def released(self, host, count):
        self.told.append((host, count))

    def returned(self, pending):
        self.returned_sockets += pending
        self.told.append("returned")

    def ended(self, worker, status):
        self.told.append(status)


@pytest.fixture
def listener():
    listener = Listener()
    yield listener
    for sock, *_ in listener.returned_sockets:
        sock.close()


@pytest.fixture
def start(listener, reactor, children):
    """Starts a worker with a body, and waits until it serves."""

    def start(body):
        worker = Worker(1, reactor, children, lambda number: command(body), listener)
        worker.start()
        assert worker.state is WorkerState.STARTING
        assert not worker.has_room
        wait_until(lambda: reactor.tick(0.01) or listener.told[:1] == ["ready"], "a ready worker")
        return worker

    return start


def give(worker, count=1):
    """Pass sockets to it; return the far ends, and how many it has got."""
    given, far_ends = 0, []
    for _ in range(count):
        ours, theirs = socket.socketpair()
        far_ends.append(theirs)
        if worker.give(ours, (HOST, 4_000)):
            given += 1
        else:
            ours.close()
    return far_ends, given


def close(socks):
    for sock in socks:
        sock.close()


def test_connections_are_counted_until_their_end_is_reported(reactor, start, listener):
    body = "for n in (1, 2):\n    receive(); report(taken=1)\nreport(ended={'192.0.2.7': 1})\nreceive()"
    worker = start(READY + body)
    ends, _ = give(worker, 2)
    assert (worker.count, worker.passed) == (2, 2)
    wait_until(lambda: reactor.tick(0.01) or worker.count == 1)
    assert listener.told == ["ready", "room", "room", (HOST, 1)]
    close(ends)


def test_of_a_socket_that_was_taken_over_no_copy_is_left(reactor, start, listener):
    worker = start(READY + "receive(); report(taken=1); receive()")
    ((far,), _) = give(worker)
    wait_until(lambda: reactor.tick(0.01) or "room" in listener.told)
    worker.kill()
    assert far.recv(1) == b""
    far.close()


def test_a_worker_that_takes_nothing_over_gets_no_more_than_its_queue(reactor, start, listener):
    worker = start(READY + "time.sleep(60)")
    ends, given = give(worker, QUEUE + 5)
    assert (given, worker.has_room) == (QUEUE, False)
    worker.kill()
    wait_until(lambda: reactor.tick(0.01) or worker.state is WorkerState.DOWN)
    assert listener.told == ["ready", "returned", -signal.SIGKILL]
    assert len(listener.returned_sockets) == QUEUE
    assert (worker.count, worker.passed) == (0, QUEUE)
    listener.returned_sockets[0][0].send(b"alive")
    assert ends[0].recv(5) == b"alive"
    close(ends)


def test_what_it_has_taken_over_ends_with_it_and_the_rest_is_returned(reactor, start, listener):
    worker = start(READY + "[receive() for n in range(3)]; report(taken=2); os.kill(os.getpid(), 9)")
    ends, _ = give(worker, 3)
    wait_until(lambda: reactor.tick(0.01) or worker.state is WorkerState.DOWN)
    assert listener.told == ["ready", "room", "returned", (HOST, 2), -signal.SIGKILL]
    assert len(listener.returned_sockets) == 1
    close(ends)


def test_a_worker_that_closes_gives_back_and_keeps_its_connections(reactor, start, listener):
    worker = start(READY + "receive(); report(taken=1); receive(); report(closed=True); receive()")
    ends, _ = give(worker, 2)
    wait_until(lambda: reactor.tick(0.01) or worker.state is WorkerState.LEAVING)
    assert (worker.count, len(listener.returned_sockets), worker.has_room) == (1, 1, False)
    more, given = give(worker)
    assert given == 0
    close(ends + more)


@pytest.mark.parametrize("body", ["channel.send(b'nonsense')", "report(taken=1)", "channel.send(b'[1]')"])
def test_a_worker_with_wrong_reports_is_killed(reactor, start, listener, body):
    worker = start(f"{READY}{body}\ntime.sleep(60)")
    wait_until(lambda: reactor.tick(0.01) or worker.state is WorkerState.DOWN)
    assert listener.told[-1] == -signal.SIGKILL


def test_more_ends_than_connections_are_not_believed(reactor, start, listener):
    worker = start(READY + "receive(); report(taken=1, ended={'192.0.2.7': 5, '192.0.2.8': 1}); receive()")
    ends, _ = give(worker)
    wait_until(lambda: reactor.tick(0.01) or worker.count == 0)
    assert listener.told == ["ready", (HOST, 1), "room"]
    close(ends)


def test_orders_reach_it_and_a_stop_even_if_it_does_not_listen(reactor, start, listener):
    worker = start(SERVE)
    worker.order(Order.COUNT)
    worker.order(Order.STOP)
    wait_until(lambda: reactor.tick(0.01) or worker.state is WorkerState.DOWN)
    assert listener.told == ["ready", 0]
    worker.order(Order.STOP)
    deaf = start(READY + "channel.close(); time.sleep(60)")
    wait_until(lambda: reactor.tick(0.01) or deaf.state is WorkerState.LEAVING)
    deaf.order(Order.COUNT)
    deaf.order(Order.STOP)
    wait_until(lambda: reactor.tick(0.01) or deaf.state is WorkerState.DOWN)
    assert listener.told[-1] == -signal.SIGTERM


def test_a_program_that_is_missing_leaves_no_descriptor(reactor, children, listener):
    worker = Worker(1, reactor, children, lambda number: ["/nowhere/program"], listener)
    before = os.listdir("/dev/fd")
    with pytest.raises(FileNotFoundError):
        worker.start()
    assert os.listdir("/dev/fd") == before
    assert worker.state is WorkerState.DOWN


def test_its_end_in_words(reactor, children, listener):
    worker = Worker(7, reactor, children, lambda number: [], listener)
    assert worker.describe_end(-9) == "worker 7 was killed by SIGKILL"
