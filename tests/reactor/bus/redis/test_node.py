"""The two links to one Redis, made again when they break."""

import functools
import socket
from collections.abc import Iterator

import pytest

from pylingo.reactor.bus.redis.link import Greeting, RedisError
from pylingo.reactor.bus.redis.node import Node, Place
from pylingo.reactor.bus.redis.settings import parse_redis_address
from pylingo.reactor.engine.dial import Resolver
from pylingo.reactor.engine.loop import Reactor
from tests.fakes.redis_listeners import answered, settle, turn_until
from tests.redis_server import RedisProcess


class Owner:
    """A node's owner that writes down what it hears."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def node_up(self, node: Node) -> None:
        self.heard.append("up")

    def node_down(self, node: Node, why: str) -> None:
        self.heard.append("down")

    def node_pushed(self, node: Node, channel: bytes, data: bytes) -> None:
        self.heard.append(f"pushed {data.decode()}")

    def node_refused(self, node: Node, error: RedisError) -> None:
        self.heard.append(error.code)


@pytest.fixture
def reactor() -> Iterator[Reactor]:
    made = Reactor()
    yield made
    settle(made)
    made.close()


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


@pytest.mark.parametrize(
    ("url", "shown"),
    [("redis://[::1]:5", "[::1]:5"), ("redis://example.org", "example.org:6379"), ("unix:///a/b", "/a/b")],
)
def test_places(url: str, shown: str, reactor: Reactor) -> None:
    place = Place.of(parse_redis_address(url))
    assert str(place) == shown
    where = place.where(reactor)
    assert isinstance(where, Resolver) or where == [(socket.AF_UNIX, "/a/b")]


def test_the_pauses_double_up_to_a_second(reactor: Reactor, owner: Owner, redis: RedisProcess) -> None:
    redis.kill()
    delays: list[float] = []
    later = reactor.call_later

    def call_later(delay: float, callback: object, *args: object, **more: object) -> object:
        if isinstance(callback, functools.partial) or getattr(callback, "__name__", "") == "_make_again":
            delays.append(delay)
            delay = 0.0
        return later(delay, callback, *args, **more)  # type: ignore[arg-type]

    reactor.call_later = call_later  # type: ignore[method-assign, assignment]
    node = Node(reactor, Place(path=redis.path), Greeting(), owner)
    turn_until(reactor, lambda: len(delays) >= 16)
    node.close()
    assert delays[:16:2] == [0.05, 0.1, 0.2, 0.4, 0.8, 1.0, 1.0, 1.0]
    assert set(owner.heard) == {"down"}
