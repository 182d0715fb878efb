"""Pages of a history, and that both histories offer what the hub calls."""

import inspect

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pylingo.reactor.history.history import History, cut_page, fit_frame
from pylingo.reactor.history.memory import MemoryHistory
from pylingo.reactor.history.sqlite import SqliteHistory
from pylingo.shared.messages import MAX_PAGE, Entry, HistoryRequest
from tests.fakes.pages import assert_page, logs, requests


@pytest.mark.parametrize("kind", [MemoryHistory, SqliteHistory])
def test_a_history_has_the_methods_of_the_protocol(kind):
    methods = [name for name in vars(History) if not name.startswith("_") and callable(getattr(History, name))]
    assert len(methods) > 8
    for name in methods:
        assert inspect.signature(getattr(kind, name)) == inspect.signature(getattr(History, name)), name


@settings(deadline=None)
@given(logs(), requests)
@example([], HistoryRequest())
@example([Entry("a", "x", 0)], HistoryRequest(since=0))
@example([Entry("a", "x", 0)], HistoryRequest(since=0, before=0))
@example([Entry("a", "x", at) for at in range(101)], HistoryRequest(limit=100))
@example([Entry("a", "x", at) for at in range(101)], HistoryRequest(since=0, limit=100))
@example([Entry("a", "x" * 4_096, at, "k" * 32) for at in range(20)], HistoryRequest(limit=100))
@example([Entry("\U00010c00" * 32, "\U0001f600" * 4_096, at, "k" * 32) for at in range(5)], HistoryRequest(since=0))
def test_any_page_of_any_log(said, request_):
    assert_page(cut_page(said, request_), said, request_)


@settings(deadline=None)
@given(logs(), st.booleans())
def test_a_page_that_fits_is_at_one_end_and_never_empty(said, forward):
    fit = fit_frame(said, forward)
    assert fit == (said[: len(fit)] if forward else said[len(said) - len(fit) :])
    assert bool(fit) == bool(said)


@settings(deadline=None)
@given(logs(), st.integers(1, MAX_PAGE), st.booleans())
def test_page_by_page_everything_comes_once(said, limit, forward):
    """As a client asks that wants it all: on from the last message that it has, until there is no more."""
    have: list[Entry] = []
    request = HistoryRequest(since=0, limit=limit) if forward else HistoryRequest(limit=limit)
    expected = [entry for entry in said if entry.at > 0] if forward else said
    for _ in range(len(said) + 1):
        page = cut_page(said, request)
        have = have + page.messages if forward else page.messages + have
        if not page.more:
            break
        request = (
            HistoryRequest(since=have[-1].at, limit=limit)
            if forward
            else HistoryRequest(before=have[0].at, limit=limit)
        )
    assert have == expected


def test_the_largest_messages_come_a_few_to_a_page():
    largest = [Entry("\U00010c00" * 32, "\U0001f600" * 4_096, at, "k" * 32) for at in range(10)]
    assert [entry.at for entry in cut_page(largest, HistoryRequest()).messages] == [9]
    plain = [Entry("alice", "x" * 4_096, at) for at in range(10)]
    assert [entry.at for entry in cut_page(plain, HistoryRequest()).messages] == [3, 4, 5, 6, 7, 8, 9]
    assert [entry.at for entry in cut_page(plain, HistoryRequest(since=0)).messages] == [1, 2, 3, 4, 5, 6, 7]
