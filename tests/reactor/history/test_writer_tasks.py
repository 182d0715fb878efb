"""The tasks of the writer thread: a query is answered once, and the inbox keeps their order."""

from pylingo.reactor.history.writer_tasks import Inbox, Query, Stop, WriteBatch


def test_a_query_is_answered_once():
    answers: list[str] = []
    query = Query(lambda file: lambda: answers.append("file"), lambda: answers.append("memory"))
    query.settle(query.fallback)
    query.settle(lambda: answers.append("file"))
    assert answers == ["memory"]
    assert query.is_settled


def test_batches_share_nothing():
    WriteBatch().committed.append(lambda: None)
    assert WriteBatch() == WriteBatch([], [], [], None, 0)


def test_an_inbox_gives_tasks_in_their_order_and_one_that_was_put_back_first():
    inbox = Inbox()
    assert inbox.take() is None
    tasks = [WriteBatch(), Stop()]
    for task in tasks:
        inbox.put(task)
    inbox.put_back(inbox.take())
    inbox.done += 1
    assert [inbox.take(), inbox.take(), inbox.take(0.01)] == [*tasks, None]
    assert inbox.done == 1
