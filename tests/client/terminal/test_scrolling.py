"""The keys that move the view. `test_keyboard` has those that other keys interact with."""

import pytest

from pylingo.client.terminal import loaded as loaded_module
from pylingo.client.terminal.scrolling import SCROLL_KEYS, page_up
from tests.fakes.past import World


@pytest.mark.parametrize(("up", "down"), [("alt-<", "alt->"), ("ctrl-home", "ctrl-end"), ("alt-<", "escape")])
def test_to_the_beginning_of_what_is_in_memory_and_back(up: str, down: str) -> None:
    world = World(said=50, shown=50)
    world.model.buffer.scrollback.loaded.part.has_beginning = True
    world.press(up)
    assert world.rows[1].startswith("* you are in lobby")
    assert world.rows[3] == "bob: m1"
    world.press(down)
    assert world.rows[-1] == "bob: m50"
    assert not world.model.buffer.scrollback.viewport.is_scrolled


def test_the_end_needs_no_request_however_far_up_one_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loaded_module, "LINES", 500)
    world = World(said=1_500, shown=50)
    while not world.model.buffer.scrollback.loaded.part.has_beginning:
        world.press("alt-<")
        world.settle()
    assert not world.model.buffer.scrollback.loaded.has_end
    world.say(who="cy", text="hello")
    world.press("alt->")
    assert not world.requests
    assert world.rows[-2:] == ["bob: m1500", "cy: hello"]


@pytest.mark.parametrize("key", ["page-up", "shift-up", "alt-<"])
def test_the_row_that_says_what_is_going_on_is_in_view_in_a_window_that_was_just_full(key: str) -> None:
    world = World(said=50, shown=3)
    while len(world.rows) < 6:
        world.say()
    assert not world.model.buffer.scrollback.viewport.is_scrolled
    world.press(key)
    assert "loading older messages …" in world.rows


def test_going_to_the_beginning_goes_further_each_time() -> None:
    world = World(said=400, shown=50)
    tops = []
    for _ in range(3):
        world.press("alt-<")
        tops.append(world.stamps[0])
        world.settle()
    assert tops == sorted(tops, reverse=True)
    assert len(set(tops)) == 3


@pytest.mark.parametrize("key", [*SCROLL_KEYS])
@pytest.mark.parametrize("layout", ["inline", "plain"])
def test_a_layout_that_prints_each_line_once_has_no_view_to_move(layout: str, key: str) -> None:
    world = World(said=50, shown=50, layout=layout)
    world.press(key)
    assert not world.model.buffer.scrollback.viewport.is_scrolled
    assert len(world.requests) == (key == "page-up")


def test_history_is_a_page_up() -> None:
    world, other = World(said=50, shown=30), World(said=50, shown=30)
    world.type("/history")
    page_up(other.model, 0.0, 0)
    assert world.rows == other.rows
    assert world.model.buffer.scrollback.viewport.is_scrolled
    world.type("something")
    assert not world.model.buffer.scrollback.viewport.is_scrolled, "any other line goes to the end"
