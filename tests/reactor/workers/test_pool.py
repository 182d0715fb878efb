"""The choice of a worker, and starting those again that end, with small programs as workers."""

import socket

import pytest

from pylingo.reactor.workers.backoff import FIRST
from pylingo.reactor.workers.channel import Order
from pylingo.reactor.workers.pool import Pool
from pylingo.reactor.workers.worker import WorkerState
from tests.fakes.small_worker import SERVE, command
from tests.support import wait_until


class Listener:
    def __init__(self):
        self.told, self.returned_sockets = [], []

    def serving(self):
        self.told.append("serving")

    def has_room(self):
        pass

    def released(self, host, count):
        self.told.append((host, count))

    def returned(self, pending):
        self.returned_sockets += pending

    def failed(self, status):
        self.told.append(("failed", status))

    def gone(self):
        self.told.append("gone")


@pytest.fixture
def listener():
    listener = Listener()
    yield listener
    for sock, *_ in listener.returned_sockets:
        sock.close()


@pytest.fixture
def start(listener, reactor, children):
    """Starts a pool, with the bodies of the workers by their numbers, and waits for something that is told."""

    def start(count, bodies, until):
        pool = Pool(reactor, children, count, lambda number: command(bodies.get(number, SERVE)), listener)
        pool.start()
        wait_until(lambda: reactor.tick(0.01) or until in listener.told, str(until))
        return pool

    return start


@pytest.fixture
def far_ends():
    ends = []
    yield ends
    for end in ends:
        end.close()


def give(pool, far_ends, host="192.0.2.7"):
    ours, theirs = socket.socketpair()
    far_ends.append(theirs)
    if not pool.give(ours, (host, 4_000)):
        ours.close()
        return False
    return True


def counts(pool):
    return [worker.count for worker in pool.workers]


def test_connections_go_to_the_fewest_and_in_turn(start, far_ends):
    pool = start(3, {}, "serving")
    seen = []
    for _ in range(7):
        assert give(pool, far_ends)
        seen.append(counts(pool))
    assert seen == [[1, 0, 0], [1, 1, 0], [1, 1, 1], [2, 1, 1], [2, 2, 1], [2, 2, 2], [3, 2, 2]]
    assert pool.serving_count == 3


def test_of_equally_many_the_turn_decides_even_if_all_are_none(reactor, start, far_ends):
    body = "report(ready=True)\nwhile receive() != 'stop': report(taken=1, ended={'192.0.2.7': 1})"
    pool = start(3, dict.fromkeys((1, 2, 3), body), "serving")
    for _ in range(6):
        give(pool, far_ends)
        wait_until(lambda: reactor.tick(0.01) or counts(pool) == [0, 0, 0])
    assert [worker.passed for worker in pool.workers] == [2, 2, 2]


def test_a_worker_that_ends_is_started_again_and_gets_the_next_connections(reactor, start, listener, far_ends, caplog):
    pool = start(2, {}, "serving")
    for _ in range(6):
        give(pool, far_ends)
    wait_until(lambda: reactor.tick(0.01) or all(worker.has_room for worker in pool.workers))
    pool.workers[0].kill()
    wait_until(lambda: reactor.tick(0.01) or counts(pool) == [0, 3])
    give(pool, far_ends)
    assert counts(pool) == [0, 4]
    wait_until(lambda: reactor.tick(0.01) or pool.serving_count == 2)
    give(pool, far_ends)
    assert counts(pool) == [1, 4]
    assert [worker.starts for worker in pool.workers] == [2, 1]
    assert f"worker 1 was killed by SIGKILL: starting it again in {FIRST:g} s" in caplog.text
    assert listener.told.count("serving") == 1


def test_if_the_first_worker_cannot_serve_no_other_is_started(start, listener):
    pool = start(3, {1: "sys.exit(2)"}, "gone")
    assert listener.told == [("failed", 2), "gone"]
    assert [worker.starts for worker in pool.workers] == [1, 0, 0]


@pytest.mark.parametrize(
    ("body", "words"), [("os.kill(os.getpid(), 9)", "was killed by SIGKILL"), ("sys.exit(0)", "has ended")]
)
def test_a_first_worker_that_says_nothing_itself_is_named(start, listener, caplog, body, words):
    start(2, {1: body}, "gone")
    assert listener.told == [("failed", 1), "gone"]
    assert f"worker 1 {words} before it served" in caplog.text


def test_a_first_worker_without_a_program(reactor, children, listener, caplog):
    Pool(reactor, children, 2, lambda number: ["/nowhere/program"], listener).start()
    assert listener.told == [("failed", 1), "gone"]
    assert "worker 1 cannot be started: No such file or directory" in caplog.text


def test_a_later_worker_that_cannot_serve_is_tried_again(reactor, start, listener, tmp_path):
    flag = tmp_path / "flag"
    once = f"import pathlib\nflag = pathlib.Path({str(flag)!r})\nif not flag.exists(): flag.touch(); sys.exit(2)\n"
    pool = start(2, {2: once + SERVE}, "serving")
    assert [worker.starts for worker in pool.workers] == [1, 2]


def test_all_full_workers_get_nothing(start, far_ends):
    pool = start(2, dict.fromkeys((1, 2), "report(ready=True)\ntime.sleep(60)"), "serving")
    assert sum(give(pool, far_ends) for _ in range(200)) == 2 * 64
    assert counts(pool) == [64, 64]


def test_a_stop_is_told_to_all_and_starts_none_again(reactor, start, listener):
    pool = start(3, {}, "serving")
    pool.workers[1].kill()
    pool.stop()
    wait_until(lambda: reactor.tick(0.01) or "gone" in listener.told)
    assert {worker.state for worker in pool.workers} == {WorkerState.DOWN}
    assert [worker.starts for worker in pool.workers] == [1, 1, 1]
    pool.start()
    assert pool.workers[0].starts == 1


def test_a_stop_before_the_start_is_over_at_once(reactor, children, listener):
    Pool(reactor, children, 2, lambda number: [], listener).stop()
    assert listener.told == ["gone"]


def test_orders_go_to_all(reactor, start, listener, caplog):
    body = "report(ready=True)\nassert receive() == 'hurry'\nos.kill(os.getpid(), signal.SIGUSR2)"
    pool = start(2, dict.fromkeys((1, 2), body), "serving")
    pool.order(Order.HURRY)
    pool.stop()
    wait_until(lambda: reactor.tick(0.01) or "gone" in listener.told)
    assert [f"worker {number} was killed by SIGUSR2" in caplog.text for number in (1, 2)] == [True, True]
