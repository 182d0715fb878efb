"""The two links to one Redis, made again when they break."""

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from pylingo.reactor.bus.redis import node as module
from pylingo.reactor.bus.redis.lasting_link import LastingLink
from pylingo.reactor.bus.redis.link import Greeting, RedisError
from pylingo.reactor.bus.redis.node import Node
from pylingo.reactor.bus.redis.place import Place
from pylingo.reactor.engine.loop import Reactor
from tests.fakes.redis_listeners import answered, turn_until
from tests.redis_server import RedisProcess, running


class Owner:
    """A node's owner that writes down what it hears."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.whys: list[str] = []

    def node_up(self, node: Node) -> None:
        self.heard.append("up")

    def node_down(self, node: Node, why: str) -> None:
        self.heard.append("down")
        self.whys.append(why)

    def node_unfit(self, node: Node, why: str) -> None:
        self.heard.append("unfit")
        self.whys.append(why)

    def node_clustered(self, node: Node) -> None:
        self.heard.append("clustered")

    def node_pushed(self, node: Node, channel: bytes, data: bytes) -> None:
        self.heard.append(f"pushed {data.decode()}")

    def node_refused(self, node: Node, error: RedisError) -> None:
        self.heard.append(error.code)


@pytest.fixture
def owner() -> Owner:
    return Owner()


@pytest.fixture
def node(reactor: Reactor, redis: RedisProcess, owner: Owner) -> Iterator[Node]:
    made = Node(reactor, Place(path=redis.path), Greeting(), owner)
    turn_until(reactor, lambda: made.is_up)
    yield made
    made.close()


def test_a_node_is_up_once_both_links_are(node: Node, owner: Owner, redis: RedisProcess) -> None:
    assert owner.heard == ["up"]
    assert node.commits is not node.ears
    assert (node.commits.is_up, node.ears.is_up) == (True, True)
    assert node.address == redis.path


def test_a_link_that_is_cut_is_made_again(node: Node, owner: Owner, redis: RedisProcess, reactor: Reactor) -> None:
    commits, ears = node.commits, node.ears
    number = answered(reactor, ears, "CLIENT", "ID")
    assert redis.call("CLIENT", "KILL", "ID", number) == 1
    turn_until(reactor, lambda: owner.heard[1:])
    assert not node.is_up
    turn_until(reactor, lambda: node.is_up)
    assert owner.heard == ["up", "down", "up"]
    assert node.commits is commits
    assert node.ears is not ears


def test_one_link_is_not_enough(node: Node, owner: Owner, redis: RedisProcess, reactor: Reactor) -> None:
    any_link = cast(LastingLink, None)
    redis.call("CLIENT", "KILL", "ID", answered(reactor, node.commits, "CLIENT", "ID"))
    turn_until(reactor, lambda: owner.heard[1:])
    node.link_up(any_link)  # as if the other link was up again
    assert not node.is_up
    answered(reactor, node.ears, "PING")
    assert not node.is_up or node.commits.is_up


def test_errors_and_pushes_of_both_links(node: Node, owner: Owner, reactor: Reactor) -> None:
    answered(reactor, node.commits, "INCR")
    node.ears.tell("SSUBSCRIBE", "a")
    answered(reactor, node.ears, "SPUBLISH", "a", "1")
    turn_until(reactor, lambda: len(owner.heard) == 3)
    assert owner.heard == ["up", "ERR", "pushed 1"]


def test_a_node_that_is_closed_stays_so(node: Node, owner: Owner, reactor: Reactor) -> None:
    node.close()
    for _ in range(10):
        reactor.tick(0.01)
    assert owner.heard == ["up"]
    assert not node.commits.is_up
    assert reactor.pending_timers == 0


def test_a_server_that_loads_is_waited_for(reactor: Reactor, owner: Owner, tmp_path: Path) -> None:
    with running(tmp_path / "redis") as redis:
        redis.call("EVAL", "for number = 1, 1000 do redis.call('SET', number, 'v') end", 0)
        assert redis.call("SAVE") == b"OK"
        redis.kill()
        redis.options += ("key-load-delay 2000", "loading-process-events-interval-bytes 1024")  # 2 ms for each key
        redis.start(is_loaded=False)
        node = Node(reactor, Place(path=redis.path), Greeting(), owner)
        turn_until(reactor, lambda: "Redis is loading its data" in owner.whys)
        assert not node.is_up
        turn_until(reactor, lambda: node.is_up)
        assert owner.heard[-1] == "up"
        node.close()


def test_a_server_that_is_not_fit_is_tried_again(reactor: Reactor, owner: Owner, redis: RedisProcess) -> None:
    redis.call("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    node = Node(reactor, Place(path=redis.path), Greeting(), owner)
    turn_until(reactor, lambda: owner.heard)
    assert owner.heard == ["unfit"]
    assert "set it to noeviction" in owner.whys[0]
    redis.call("CONFIG", "SET", "maxmemory-policy", "noeviction")
    turn_until(reactor, lambda: node.is_up)
    node.close()


def test_a_password_that_is_refused_makes_a_node_unfit(reactor: Reactor, owner: Owner, redis: RedisProcess) -> None:
    redis.call("CONFIG", "SET", "requirepass", "right")
    node = Node(reactor, Place(path=redis.path), Greeting(), owner)
    turn_until(reactor, lambda: owner.heard)
    assert (owner.heard[0], owner.whys[0]) == ("unfit", "Redis demands a password")
    node.close()


def test_a_server_that_begins_to_evict_is_logged_once(
    reactor: Reactor,
    redis: RedisProcess,
    owner: Owner,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(module, "WATCH", 0.01)
    node = Node(reactor, Place(path=redis.path), Greeting(), owner)
    turn_until(reactor, lambda: node.is_up)
    redis.call("CONFIG", "SET", "maxmemory-policy", "volatile-ttl")
    calls = node.ears.calls
    turn_until(reactor, lambda: node.ears.calls > calls + 5)
    assert [record.getMessage() for record in caplog.records if "maxmemory-policy" in record.getMessage()] == [
        f"{redis.path}: this Redis deletes data when its memory is full, since its maxmemory-policy is volatile-ttl:"
        " set it to noeviction"
    ]
    assert node.is_up
    node.close()


def test_a_node_in_doubt_is_examined_again(node: Node, owner: Owner, reactor: Reactor) -> None:
    node.doubt()
    assert not node.is_up
    turn_until(reactor, lambda: node.is_up)
    assert owner.heard == ["up", "up"]
