"""The knowledge of a search: its matches, the one that is looked at, and how far it has come."""

import pytest

from pylingo.client.terminal import message_search as module
from pylingo.client.terminal.message_search import FOREVER, MessageSearch
from pylingo.shared.search import parse_search


@pytest.fixture
def search() -> MessageSearch:
    return MessageSearch("deploy", parse_search("deploy"), (None, 0))


def test_matches_come_from_the_newest_to_the_oldest(search: MessageSearch) -> None:
    assert (search.older, search.newer, search.number, search.count, search.reached) == (None, None, 0, 0, FOREVER)
    search.add_older([80, 90], 75)
    search.add_older([50], 50)
    assert (search.matches, search.reached) == ([50, 80, 90], 50)
    seen = []
    while search.older is not None:
        search.current = search.older
        seen.append((search.current, search.number))
    assert seen == [(90, 1), (80, 2), (50, 3)]
    assert search.newer == 80
    search.current = 90
    assert search.newer is None


def test_known_matches_are_not_added_again(search: MessageSearch) -> None:
    search.add_older([80, 90], 75)
    search.add_older([80, 60], 60)
    assert search.matches == [60, 80, 90]
    search.add_newer([90, 95])
    assert search.matches == [60, 80, 90, 95]


def test_a_match_that_is_removed_is_passed_over(search: MessageSearch) -> None:
    search.add_older([70, 80, 90], 70)
    search.current = 80
    search.forget(80)
    search.forget(81)
    assert (search.older, search.newer, search.count) == (70, 90, 2)


def test_the_newest_matches_are_forgotten_if_there_are_too_many(
    search: MessageSearch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST", 3)
    for at in range(99, 90, -1):
        search.add_older([at], at)
        search.current = at
    assert (search.matches, search.forgotten, search.count, search.number) == ([91, 92, 93], 6, 9, 9)
    search.add_newer([100])
    assert search.matches == [91, 92, 93], "those between are not known any more"


def test_the_state_in_words(search: MessageSearch) -> None:
    search.words = "deploy\x1b"
    assert search.state == "searching for deploy\ufffd …"
    search.add_older([80, 90], 75)
    search.current, search.is_wanted = 80, False
    assert search.state == "match 2 of 2+ for deploy\ufffd"
    search.is_wanted = True
    assert search.state == "match 2 of 2+ for deploy\ufffd …"
    search.is_wanted, search.is_complete = False, True
    assert search.state == "match 2 of 2 for deploy\ufffd"
