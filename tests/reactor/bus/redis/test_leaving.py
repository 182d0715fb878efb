"""Planned stops: one server is the last, and the others hand their people over."""

from collections.abc import Callable
from typing import cast

from pylingo.reactor.bus.redis.health import Health
from pylingo.reactor.bus.redis.leaving import Leaving
from pylingo.shared.messages import Goodbye, Joined, Left
from tests.fakes.cluster import ChatServer, ClusterWorld

type Pair = tuple[ChatServer, ChatServer]


class LateHealth:
    """Knows of another server, and gets the word of Redis when the test says it."""

    def __init__(self) -> None:
        self.answers: list[Callable[[bool], object]] = []

    def begin_stop(self, answer: Callable[[bool], object]) -> None:
        self.answers.append(answer)

    def has_company(self) -> bool:
        return True


def test_a_server_that_stops_hands_its_people_over(world: ClusterWorld) -> None:
    one, other = world.server(), world.server()
    ann, bob = world.come(one, "ann", "tea"), world.come(other, "bob", "tea")
    token = world.token(ann)
    world.until(lambda: not one.cluster.is_alone)
    done: list[bool] = []
    one.cluster.hand_over()
    one.cluster.stop(lambda: done.append(True))
    world.until(lambda: done, "the end of the server")
    world.cut(one)
    assert [it for it in ann.got() if isinstance(it, Goodbye)] == []
    assert ann.endings
    back, ready = world.resume(other, token)
    assert (ready.resumed, ready.rooms) == (True, ["tea"])
    assert [it for it in world.got(bob) if isinstance(it, Left | Joined)] == []
    assert back.name == "ann"


def test_the_last_server_stops_at_once(world: ClusterWorld) -> None:
    server = world.server()
    done: list[bool] = []
    server.cluster.stop(lambda: done.append(True))
    world.until(lambda: done)
    assert world.stored("HGET", "servers", server.number) is None


def test_of_two_servers_that_stop_at_one_moment_one_is_the_last(world: ClusterWorld, pair: Pair) -> None:
    world.until(lambda: not any(server.cluster.is_alone for server in pair))
    answers: list[bool] = []
    for server in pair:
        server.cluster.begin_stop(answers.append)
    world.until(lambda: len(answers) == 2)
    assert sorted(answers) == [False, True]


def test_a_server_that_stops_does_not_wait_for_a_redis_that_hangs(world: ClusterWorld) -> None:
    server, answers = world.server(), list[bool]()
    world.redis.pause()
    server.cluster.begin_stop(answers.append)
    world.until(lambda: answers)
    world.redis.resume()
    world.settle()
    assert answers == [False]


def test_a_late_word_of_redis_changes_nothing(world: ClusterWorld) -> None:
    health, answers = LateHealth(), list[bool]()
    Leaving(world.reactor, world.server().hub).begin(cast(Health, health), answers.append)
    world.until(lambda: answers, "the answer without Redis")
    health.answers[0](False)
    assert answers == [True]
