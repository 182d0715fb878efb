"""Requests that wait for an answer from elsewhere."""

from pylingo.reactor.chat.waiting import wait_for
from pylingo.shared.messages import PingRequest, Pong
from tests.fakes.chat import Chat, seated


def test_an_answer_at_once_is_no_waiting():
    ada = Chat().person("ada")
    taken = []
    wait_for(ada.session, lambda answer: answer(5), taken.append)
    assert taken == [5]
    assert not ada.session.is_busy


def test_the_requests_behind_wait_for_a_late_answer():
    ada = Chat().person("ada")
    answers, taken = [], []
    wait_for(ada.session, answers.append, taken.append)
    ada.ask(PingRequest(1))
    assert (taken, ada.got()) == ([], [])
    answers[0](7)
    assert (taken, ada.got()) == ([7], [Pong(1)])


def test_the_step_is_taken_when_the_session_has_ended():
    ada = Chat().person("ada")
    answers, taken = [], []
    wait_for(ada.session, answers.append, taken.append)
    ada.lose()
    answers[0](7)
    assert taken == [7]


def test_a_session_without_a_connection_takes_the_step_all_the_same():
    """It waited for something else when its connection broke."""
    chat = Chat(grace=60)
    ada, _ = seated(chat, "ada")
    ada.lose()
    answers, taken = [], []
    wait_for(ada.session, answers.append, taken.append)
    answers[0](7)
    assert (taken, ada.session.is_busy) == ([7], False)
