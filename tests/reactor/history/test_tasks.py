"""A question has one answer, whoever is first."""

from pylingo.reactor.history.tasks import Batch, Question


def test_a_question_is_answered_once():
    answers: list[str] = []
    question = Question(lambda file: lambda: answers.append("file"), lambda: answers.append("memory"))
    question.settle(question.without)
    question.settle(lambda: answers.append("file"))
    assert answers == ["memory"]
    assert question.is_settled


def test_batches_share_nothing():
    Batch().kept.append(lambda: None)
    assert Batch() == Batch([], [], [], None, 0)
