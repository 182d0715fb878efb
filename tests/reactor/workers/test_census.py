"""The metrics of several workers, with small programs as workers and their answers."""

import json

import pytest

from pylingo.reactor.config import ServerSettings
from pylingo.reactor.engine.loop import Reactor
from pylingo.reactor.workers import census as census_module
from pylingo.reactor.workers.census import Census
from pylingo.reactor.workers.channel import Order
from pylingo.reactor.workers.supervisor import Supervisor
from tests.fakes.small_worker import READY, command
from tests.support import wait_until


def answering(ready, rooms, more=""):
    """A worker that answers each question with a snapshot."""
    snapshot = json.dumps({"ready": ready, "rooms": rooms})
    message = f'channel.send(json.dumps([0, {{}}, False, False, "", json.loads({snapshot!r})]).encode())'
    return f"{READY}while (order := receive()) != 'stop':\n    if order == 'measure': {more}{message}\n"


HANGING = f"{READY}while (order := receive()) != 'stop': pass\n"


@pytest.fixture
def start():
    """Starts a supervisor whose workers have the bodies, and stops it in the end."""
    made = []

    def start(*bodies):
        reactor = Reactor()
        supervisor = Supervisor(
            ServerSettings(port=0), len(bodies), lambda number: command(bodies[number - 1]), reactor
        )
        made.append(supervisor)
        supervisor.start()
        return supervisor, Census(supervisor)

    yield start
    for supervisor in made:
        supervisor.stop()
        supervisor.stop()
        supervisor.serve()


def ask(supervisor, census):
    """The snapshots by worker."""
    found = []
    census.ask(found.extend)
    wait_until(lambda: supervisor.reactor.tick(0.01) or found)
    return {source.worker: source for source in found}


def trouble(supervisor, census):
    found = []
    census.ask_trouble(found.append)
    wait_until(lambda: supervisor.reactor.tick(0.01) or found)
    return found[0]


def test_each_worker_answers_with_its_own_values(start):
    supervisor, census = start(answering(1, 3), answering(0, 4))
    supervisor.counts["full"] += 2
    found = ask(supervisor, census)
    assert list(found) == ["supervisor", "1", "2"]
    assert found["supervisor"].snapshot == {"ready": 1, "goodbyes": {"full": 2}}
    assert found["1"].snapshot == {"ready": 1, "rooms": 3, "worker_up": 1, "worker_starts": 1, "worker_connections": 0}
    assert found["2"].snapshot["rooms"] == 4
    assert [found[number].process for number in "12"] == [worker.process for worker in supervisor.pool.workers]
    assert trouble(supervisor, census) == ""


def test_scrapers_that_ask_at_once_share_a_question(start):
    supervisor, census = start(answering(1, 3))
    answers = []
    for _ in range(5):
        census.ask(answers.append)
        census.ask_trouble(answers.append)
    wait_until(lambda: supervisor.reactor.tick(0.01) or len(answers) == 10)


def test_one_that_hangs_is_left_out_and_asked_once(start, monkeypatch):
    monkeypatch.setattr(census_module, "PATIENCE", 0.05)
    supervisor, census = start(answering(1, 3), HANGING)
    hanging, orders = supervisor.pool.workers[1], []
    order = hanging.order
    monkeypatch.setattr(hanging, "order", lambda what: (orders.append(what), order(what)))
    for _ in range(3):
        found = ask(supervisor, census)
        assert (found["1"].snapshot.get("rooms"), found["1"].snapshot["worker_up"]) in ((3, 1), (None, 0))
        assert (found["2"].snapshot.get("rooms"), found["2"].snapshot["worker_up"]) == (None, 0)
    assert orders == [Order.MEASURE]


def test_without_a_worker_that_lets_people_in_nobody_should_be_sent(start):
    supervisor, census = start(answering(0, 3))
    assert trouble(supervisor, census) == "no worker lets people in"
    supervisor.pool.workers[0].kill()
    wait_until(lambda: supervisor.reactor.tick(0.01) or not supervisor.pool.serving_count)
    assert trouble(supervisor, census) == "no worker lets people in"
    supervisor.stop()
    assert trouble(supervisor, census) == "the server is stopping"
