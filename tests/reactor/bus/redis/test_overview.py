"""The servers and their Redis, as `/servers` shows them."""

from collections.abc import Callable
from typing import Any

from pylingo.reactor.bus.redis.hearts import ServerState
from pylingo.reactor.bus.redis.link import LinkLost
from pylingo.reactor.bus.redis.overview import PATIENCE, Overview
from pylingo.shared.messages import RedisInfo, ServerInfo
from tests.fakes.chat import Chat

INFO = b"redis_version:7.0.15\r\nrole:master\r\nused_memory:5\r\nmaxmemory:9\r\nconnected_slaves:1\r\naof_enabled:1\r\n"
FIT = RedisInfo("redis://r", "7.0.15", "primary", 5, 9, 1, durable=True)


class Scene:
    """An overview of three servers, of which this one has the number 2. `questions` are those that Redis is asked."""

    def __init__(self) -> None:
        self.server = 2
        self.servers = {
            9: ServerState(5, 30, 7, "1.2", "c:1"),
            2: ServerState(5, 10, 0, "1.1", "a:1"),
            3: ServerState(5, 20, 4, "1.1", ""),
        }
        self.questions: list[Callable[[Any], object]] = []
        self.timers: list[tuple[float, Callable[[Any], object]]] = []
        self.answers: list[Any] = []
        self.person = Chat().person("ada")
        self.overview = Overview(self, self.questions.append, "redis://r", lambda: 0.25, self._later)

    def _later(self, delay: float, callback: Callable[[Any], object], argument: Any) -> None:
        self.timers.append((delay, lambda: callback(argument)))

    def ask(self) -> None:
        self.overview.list_servers(self.person.session, lambda *answer: self.answers.append(answer))


def test_the_servers_are_in_order_and_ours_is_as_of_now() -> None:
    scene = Scene()
    scene.ask()
    assert scene.answers == []
    assert scene.person.session.is_busy
    scene.questions[0](INFO)
    rows = [
        ServerInfo(2, "a:1", "1.1", 1, 250, own=True),
        ServerInfo(3, "", "1.1", 20, 4, own=False),
        ServerInfo(9, "c:1", "1.2", 30, 7, own=False),
    ]
    assert scene.answers == [(rows, FIT)]
    assert not scene.person.session.is_busy


def test_a_redis_that_hangs_is_away_and_its_late_answer_is_for_the_next_time() -> None:
    scene = Scene()
    scene.ask()
    ((delay, expire),) = scene.timers
    assert delay == PATIENCE
    expire()
    assert [redis for _, redis in scene.answers] == [RedisInfo("redis://r", "", "away", 0, None, 0, durable=False)]
    scene.questions[0](INFO)
    assert len(scene.answers) == 1
    scene.ask()
    scene.timers[1][1]()
    assert scene.answers[1][1] == RedisInfo("redis://r", "7.0.15", "away", 5, 9, 1, durable=True)


def test_without_a_connection_the_answer_comes_at_once() -> None:
    scene = Scene()
    scene.overview = Overview(
        scene, lambda answer: answer(LinkLost("it is down")), "redis://r", lambda: 0, scene._later
    )
    scene.ask()
    assert scene.answers[0][1].role == "away"
    assert scene.timers == []


def test_the_timer_of_a_question_that_was_answered_changes_nothing() -> None:
    scene = Scene()
    scene.ask()
    scene.questions[0](INFO)
    scene.timers[0][1]()
    assert [redis for _, redis in scene.answers] == [FIT]
    scene.ask()
    scene.questions[1](INFO)
    assert scene.answers[1][1] == FIT
