"""Questions that take several steps, while Redis comes and goes."""

from typing import Any

import pytest

from pylingo.reactor.bus.redis import questions
from pylingo.reactor.bus.redis.link import LinkLost, RedisError
from pylingo.reactor.bus.redis.questions import Questions, Steps
from tests.fakes.redis_logs import HandLinks

LOST = LinkLost("the connection broke")


@pytest.fixture
def links() -> HandLinks:
    return HandLinks()


@pytest.fixture
def asked(links: HandLinks) -> Questions:
    return Questions(links, links.call_later)


def two_steps() -> Steps[list[Any]]:
    first = yield [("GET", "a"), ("GET", "b")]
    second = yield [("GET", "c")]
    return [*first, *second]


def test_the_replies_of_a_step_come_together(links: HandLinks, asked: Questions):
    answers: list[Any] = []
    asked.ask(3, two_steps(), answers.append)
    assert list(links.calls) == [(3, ("GET", "a")), (3, ("GET", "b"))]
    links.reply(1)
    assert list(links.calls) == [(3, ("GET", "b"))]
    links.reply(2)
    assert list(links.calls) == [(3, ("GET", "c"))]
    links.reply(3)
    assert answers == [[1, 2, 3]]


def test_a_step_that_fails_is_asked_again_when_redis_is_back(links: HandLinks, asked: Questions):
    answers: list[Any] = []
    asked.ask(0, two_steps(), answers.append)
    links.reply(1, LOST)
    assert (len(asked), list(links.calls), answers) == (1, [], [])
    asked.up()
    assert (len(asked), list(links.calls)) == (0, [(0, ("GET", "a")), (0, ("GET", "b"))])
    links.reply(4, 5, LOST)
    asked.up()
    links.reply(6)
    assert answers == [[4, 5, 6]]


def test_an_error_of_a_redis_that_is_there_is_tried_again_and_logged_once(
    links: HandLinks, asked: Questions, caplog: pytest.LogCaptureFixture
):
    answers: list[Any] = []
    asked.ask(0, two_steps(), answers.append)
    for _ in range(3):
        links.reply(1, RedisError("LOADING Redis is loading the dataset in memory"))
        assert len(links.later) == 1
        links.run_later()
    links.reply(1, 2, 3)
    assert answers == [[1, 2, 3]]
    sentence = "Redis does not read the history, and is asked again: LOADING Redis is loading the dataset in memory"
    assert [record.message for record in caplog.records] == [sentence]
    asked.ask(0, two_steps(), answers.append)
    links.reply(1, RedisError("LOADING Redis is loading the dataset in memory"))
    assert [record.message for record in caplog.records] == [sentence] * 2


def test_a_step_without_commands_goes_on_after_a_rest(links: HandLinks, asked: Questions):
    def steps() -> Steps[int]:
        yield ()
        return 5

    answers: list[int] = []
    asked.ask(0, steps(), answers.append)
    assert (answers, len(links.calls)) == ([], 0)
    links.run_later()
    assert answers == [5]


def test_a_question_without_steps_is_answered_at_once(asked: Questions):
    def steps() -> Steps[int]:
        return 5
        yield

    answers: list[int] = []
    asked.ask(0, steps(), answers.append)
    assert answers == [5]


def test_those_that_can_be_put_off_are_when_too_many_wait(
    links: HandLinks, asked: Questions, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(questions, "MOST_WAITING", 2)
    answers: list[Any] = []
    for number in range(4):
        asked.ask(0, two_steps(), answers.append, lambda number=number: answers.append(number))  # type: ignore[misc]
    asked.ask(0, two_steps(), answers.append)
    links.reply(*[LOST] * 10)
    assert (answers, len(asked)) == ([2, 3], 3)
    asked.up()
    links.reply(*[1] * 6, *[2] * 3)
    assert answers == [2, 3, *[[1, 1, 2]] * 3]


def one_step(word: str) -> Steps[Any]:
    (reply,) = yield [("GET", word)]
    return reply


def test_what_is_asked_after_a_loss_does_not_overtake_what_waits(links: HandLinks, asked: Questions):
    """The connection may be back before `up` is called."""
    answers: list[Any] = []
    asked.ask(0, one_step("first"), answers.append)
    links.reply(LOST)
    asked.ask(0, one_step("second"), answers.append)
    assert (list(links.calls), len(asked)) == ([], 2)
    asked.up()
    assert [command for _, command in links.calls] == [("GET", "first"), ("GET", "second")]
    links.reply(1, 2)
    asked.ask(0, one_step("third"), answers.append)
    links.reply(3)
    assert answers == [1, 2, 3]


def test_a_server_that_was_given_up_asks_nothing_again(links: HandLinks, asked: Questions):
    answers: list[Any] = []
    asked.ask(0, one_step("a"), answers.append)
    links.reply(RedisError("FENCED this server was given up by the others"))
    links.run_later()
    asked.up()
    assert (list(links.calls), len(asked), answers) == ([], 0, [])


def test_nothing_is_asked_while_questions_are_held(links: HandLinks, asked: Questions):
    answers: list[Any] = []
    asked.ask(0, two_steps(), answers.append)
    links.reply(1, 2)
    asked.hold()
    links.reply(RedisError("LOADING Redis is loading the dataset in memory"))
    asked.ask(0, two_steps(), answers.append)
    links.run_later()
    assert (len(asked), list(links.calls)) == (2, [])
    asked.up()
    links.reply(3)
    links.reply(4, 5, 6)
    assert answers == [[1, 2, 3], [4, 5, 6]]
