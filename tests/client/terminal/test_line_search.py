"""The search of the line history, key by key."""

import pytest

from pylingo.client.terminal.changes import Changes
from pylingo.client.terminal.history import LineHistory
from pylingo.client.terminal.line_search import LineSearch

LINES = ("say hello", "bye", "Hello again", "last")


def search(*lines: str, step: int = -1, at: int | None = None, last_query: str = "") -> LineSearch:
    """A search that begins at the draft or at the line `at`."""
    history = LineHistory()
    for line in lines or LINES:
        history.add(line)
    history.leave()
    if at is not None:
        history.go(at, ("draft", Changes()))
    return LineSearch(history, "draft", 5, step, last_query)


def shown(made: LineSearch) -> str:
    return f"{made.text[: made.cursor]}|{made.text[made.cursor :]}"


def test_older_lines_are_found_one_after_another() -> None:
    made = search()
    assert (made.query, shown(made), made.has_found) == ("", "draft|", True)
    made.type("hel")
    assert shown(made) == "|Hello again"
    made.type("lo")
    assert (shown(made), made.place) == ("|Hello again", 2)
    assert made.press("ctrl-r")
    assert (shown(made), made.place) == ("say |hello", 0)
    assert made.press("ctrl-r")
    assert (shown(made), made.place, made.has_found) == ("say |hello", 0, False)


def test_the_direction_changes() -> None:
    made = search()
    made.type("hello")
    made.press("ctrl-r")
    assert made.step == -1
    made.press("ctrl-s")
    assert (shown(made), made.step) == ("|Hello again", 1)
    made.press("ctrl-s")
    assert not made.has_found
    made.press("ctrl-r")
    assert (shown(made), made.has_found) == ("say |hello", True)


def test_it_begins_at_the_line_that_is_shown() -> None:
    made = search(at=1)
    made.type("hello")
    assert shown(made) == "say |hello"
    made = search(at=1, step=1)
    made.type("hello")
    assert shown(made) == "|Hello again"
    made = search(step=1)
    made.type("hello")
    assert not made.has_found, "no line is newer than the draft"


def test_a_shorter_query_is_looked_for_from_the_beginning() -> None:
    made = search()
    made.type("he")
    made.press("ctrl-r")
    made.type("🇩🇪")
    assert not made.has_found
    assert made.press("backspace")
    assert (made.query, shown(made)) == ("he", "|Hello again")
    made.press("ctrl-h")
    made.press("backspace")
    made.press("backspace")
    assert (made.query, shown(made), made.has_found) == ("", "draft|", True)


def test_a_search_without_a_match_shows_the_line_from_before() -> None:
    made = search()
    made.type("bye")
    made.type("zzz")
    assert (made.query, shown(made), made.has_found) == ("byezzz", "|bye", False)


def test_a_line_that_was_sent_several_times_is_found_once() -> None:
    made = search("make", "x", "make", "y", "make it", "z", "make it")
    made.type("make")
    places = [made.place]
    for _ in range(2):
        made.press("ctrl-r")
        places.append(made.place)
    assert places == [6, 2, 2], "the oldest one is like the one before"


@pytest.mark.parametrize(("key", "found"), [("ctrl-r", "say |hello"), ("ctrl-s", "|Hello again")])
def test_without_a_query_the_last_one_is_repeated(key: str, found: str) -> None:
    made = search(at=1, last_query="hello")
    made.press(key)
    assert (made.query, shown(made)) == ("hello", found)
    made = search(last_query="")
    made.press(key)
    assert (made.query, shown(made), made.has_found) == ("", "draft|", True)


@pytest.mark.parametrize("key", ["enter", "left", "ctrl-g", "ctrl-a", "escape", "tab"])
def test_other_keys_are_not_its_own(key: str) -> None:
    assert not search().press(key)
