"""The nodes of a real Redis Cluster."""

from pathlib import Path

import pytest

from pylingo.reactor.bus.redis import slot_finder as module
from pylingo.reactor.bus.redis.link import Greeting
from pylingo.reactor.bus.redis.place import Place, Places
from pylingo.reactor.bus.redis.slot_finder import SlotFinder
from pylingo.reactor.engine.loop import Reactor
from tests.fakes.redis_listeners import FinderLog, settle, turn_until
from tests.redis_server import RedisProcess, running_cluster


@pytest.fixture
def log() -> FinderLog:
    return FinderLog()


def place(process: RedisProcess) -> Place:
    return Place("127.0.0.1", process.port)


def test_slots_are_read_from_any_node_that_answers(
    reactor: Reactor, log: FinderLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ANSWER_TIMEOUT", 0.5)
    with running_cluster(tmp_path) as (first, second):
        finder = SlotFinder(reactor, place(first), Places(), Greeting(), log)
        finder.seek()
        finder.seek()
        turn_until(reactor, lambda: log.layouts)
        (layout,) = log.layouts
        assert layout.all == (place(first), place(second))
        assert [layout.place(lane) for lane in range(3)] == [place(second), place(second), place(first)]
        first.pause()
        for count in (2, 3):  # the first does not answer, and the other one is asked first from then on
            finder.seek()
            turn_until(reactor, lambda count=count: len(log.layouts) == count)
        first.resume()
        assert log.losses == [f"{place(first)}: it does not answer"]
        finder.close()


def test_a_node_without_slots_is_asked_again(
    reactor: Reactor, log: FinderLog, redis_node: RedisProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ASK_AGAIN", 0.01)
    finder = SlotFinder(reactor, place(redis_node), Places(), Greeting(), log)
    finder.seek()
    turn_until(reactor, lambda: len(log.losses) == 2)
    assert log.losses[0] == f"{place(redis_node)}: the Redis Cluster is down, by what this node knows"
    redis_node.call("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
    turn_until(reactor, lambda: log.layouts)
    assert log.layouts[0].place(0) == place(redis_node)
    finder.close()
    assert reactor.pending_timers <= 1  # the last connection is still being closed


def test_closing_stops_asking(reactor: Reactor, log: FinderLog, redis_node: RedisProcess) -> None:
    finder = SlotFinder(reactor, place(redis_node), Places(), Greeting(), log)
    finder.seek()
    turn_until(reactor, lambda: log.losses)
    finder.close()
    settle(reactor)
    assert (len(log.losses), reactor.pending_timers) == (1, 0)
