"""Older messages and matches in the layouts that print each line once."""

import pytest

from pylingo.client.terminal.model import AskPage
from pylingo.client.terminal.printed_past import PRINTED
from pylingo.shared.messages import HistoryRequest
from tests.fakes.past import HIDDEN, World


def printed(world: World) -> list[str]:
    """The lines printed since, without dates."""
    lines = []
    while world.model.buffer.scrollback.is_behind:
        lines += world.model.buffer.scrollback.unprinted()
    return [line.text for line in lines if line.kind != "day"]


def matching(said: int, shown: int, *matches: int, layout: str = "inline") -> World:
    """A room in which the messages with these numbers have the word `deploy`."""
    world = World(layout=layout)
    world.say(said, arrive=False)
    for number in matches:
        world.log[number - 1].text = f"deploy {number}"
    world.skip(said - shown)
    world.arrive()
    printed(world)
    return world


def test_an_older_page_is_printed_below_the_others() -> None:
    world = World(said=60, shown=5, layout="inline")
    scrollback = world.model.buffer.scrollback
    scrollback.unprinted()
    (effect,) = world.press("page-up")
    assert effect == AskPage(HistoryRequest(before=world.log[55].at, limit=PRINTED, room="lobby"))
    assert world.press("page-up") == [], "one at a time"
    world.settle()
    printed = [line.text for line in scrollback.unprinted() if line.kind != "day"]
    assert printed == ["--- earlier in lobby ---", *(f"m{n}" for n in range(36, 56)), "--- end of the earlier ---"]
    (effect,) = world.type("/history")
    assert effect == AskPage(HistoryRequest(before=world.log[35].at, limit=PRINTED, room="lobby"))
    world.settle()
    world.type("/history")
    world.settle()
    printed = [line.text for line in scrollback.unprinted() if line.kind != "day"]
    assert printed[-18:-16] == ["--- earlier in lobby ---", "--- beginning of lobby ---"]
    world.type("/history")
    world.settle()
    assert [line.text for line in scrollback.unprinted()] == ["--- beginning of lobby ---"]


def test_failures_are_told_where_each_line_is_printed() -> None:
    world = World(said=60, shown=5, layout="plain")
    world.type("/history")
    world.reply("out of order")
    assert world.model.hint == "earlier messages could not be loaded: out of order"
    world.type("/history")
    world.cut()
    world.type("/history")
    assert world.model.hint.startswith("not connected")
    assert world.press("alt-<", "alt->", "shift-up", "page-down") == []


def test_dates_are_printed_among_the_older_messages_alone() -> None:
    world = World(said=60, shown=5, layout="plain")
    world.model.buffer.scrollback.unprinted()
    world.type("/history")
    world.settle()
    days = [line for line in world.model.buffer.scrollback.unprinted() if line.kind == "day"]
    assert len(days) >= 3
    assert all(line.at == 0 for line in days), "so that no other line takes them for its own"


@pytest.mark.parametrize("layout", ["inline", "plain"])
def test_matches_are_printed_and_the_same_search_goes_further_back(layout: str) -> None:
    world = matching(300, 30, *range(10, 301, 10), layout=layout)
    world.type("/search deploy")
    world.settle()
    newest = [f"deploy {number}" for number in range(110, 301, 10)]
    head, rest = "--- found in lobby: deploy ---", "--- /search deploy goes further back ---"
    assert printed(world) == [head, *newest, rest]
    world.type("/search deploy")
    world.settle()
    assert printed(world) == [head, *(f"deploy {number}" for number in range(10, 101, 10)), "--- nothing older ---"]
    world.type("/search deploy")
    assert world.model.hint == "nothing older has been found for deploy"
    world.type("/search deploy")
    world.settle()
    assert printed(world) == [head, *newest, rest], "it begins anew"


def test_a_server_that_searches_a_part_at_a_time_is_asked_until_something_is_found() -> None:
    world = matching(300, 30, 10, 20)
    world.searched_at_once = 40
    world.log[12].from_, world.log[12].text = HIDDEN, "deploy"
    world.type("/search deploy")
    world.settle()
    assert printed(world)[1:3] == ["deploy 10", "deploy 20"]
    world.type("/search unheard")
    world.settle()
    assert printed(world) == ["--- nothing has been found for unheard ---"]


def test_without_a_search_on_the_server_memory_is_searched() -> None:
    world = matching(300, 250, *range(5, 301, 10))
    world.model.features = frozenset()
    assert not [effect for effect in world.type("/search deploy") if isinstance(effect, AskPage)]
    lines = printed(world)
    assert lines[0] == "--- found in memory in lobby: deploy ---"
    assert lines[1:-1] == [f"deploy {number}" for number in range(105, 301, 10)]
    world.type("/search deploy")
    lines = printed(world)
    assert lines[1:] == [*(f"deploy {number}" for number in range(55, 101, 10)), "--- nothing older in memory ---"]


def test_a_search_that_fails_is_told_and_can_be_repeated() -> None:
    world = matching(300, 30, 10)
    world.type("/search deploy")
    world.reply("out of order")
    assert world.model.hint == "earlier messages could not be loaded: out of order"
    world.cut()
    world.type("/search deploy")
    assert world.model.hint.startswith("not connected")
    world.return_()
    world.type("/search deploy")
    world.settle()
    assert "deploy 10" in printed(world)
    assert world.model.buffer.search is None


def test_a_reply_for_other_words_is_dropped() -> None:
    world = matching(300, 30, 10)
    world.type("/search deploy")
    world.model.buffer.found = None
    world.settle()
    assert printed(world) == []
