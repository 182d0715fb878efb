"""The keys that go from mention to mention."""

import pytest

from pylingo.client.settings import Preferences
from pylingo.client.terminal.buffer import Buffer
from pylingo.client.terminal.input_events import Key
from pylingo.client.terminal.mention_jumps import MENTION_KEYS
from pylingo.client.terminal.model import Model
from pylingo.client.terminal.update import update
from pylingo.client.terminal.view import screen
from tests.fakes.window import NOON, plain, said

MENTIONS = (5, 40, 42, 80)


@pytest.fixture
def model() -> Model:
    """A window of ten messages of a hundred, four of which mention us."""
    made = Model("x", Preferences(times=False), columns=60, rows=12, buffers=[Buffer("lobby")])
    for number in range(100):
        line = said(f"number {number}.", at=NOON + number)
        line.is_mention = number in MENTIONS
        made.buffer.scrollback.add(line)
    return made


def press(model: Model, *keys: str) -> list[int]:
    """The numbers of the messages in view after some keys."""
    for key in keys:
        update(model, Key(key), 0.0, NOON)
    rows = [plain(row) for row in screen(model, 0.0).body]
    return [int(row.rpartition(" ")[2][:-1]) for row in rows if row.endswith(".")]


def test_upwards_past_those_in_view(model: Model) -> None:
    assert 80 not in press(model)
    for mentions in ([80], [40, 42], [5]):
        assert [number for number in press(model, "alt-p") if number in MENTIONS] == mentions
    before = press(model)
    assert press(model, "alt-p") == before
    assert model.hint.startswith("no message further up mentions you")


def test_downwards_past_those_in_view(model: Model) -> None:
    press(model, "alt-<")
    for mentions in ([40], [42], [80]):
        assert [number for number in press(model, "alt-n") if number in MENTIONS][-1:] == mentions
    before = press(model)
    assert press(model, "alt-n") == before
    assert model.hint.startswith("no message further down mentions you")


def test_mentions_at_the_edges_of_the_view(model: Model) -> None:
    lines = {line.text: line for line in model.buffer.scrollback.lines}
    lines[f"number {press(model)[0]}."].is_mention = True
    assert press(model, "alt-p")[-1] == 80, "the one in the first row of the view is in sight"
    lines["number 81."].is_mention = True
    assert press(model, "alt-n")[-1] == 81


def test_the_view_stays_where_it_went_and_esc_follows_again(model: Model) -> None:
    before = press(model, "alt-p")
    model.buffer.scrollback.add(said("number 100.", at=NOON + 100))
    assert press(model) == before
    assert press(model, "escape")[-1] == 100


@pytest.mark.parametrize("layout", ["inline", "plain"])
def test_a_layout_that_prints_has_no_view_to_be_moved(model: Model, layout: str) -> None:
    model.preferences.layout = layout
    for key in MENTION_KEYS:
        assert update(model, Key(key), 0.0, NOON) == []
    assert not model.buffer.scrollback.viewport.is_scrolled
    assert model.hint == ""


def test_an_empty_buffer(model: Model) -> None:
    model.buffer.scrollback.clear()
    press(model, *MENTION_KEYS)
    assert model.hint.startswith("no message further down")


def test_older_messages_are_loaded_when_the_view_comes_near_to_the_first(model: Model) -> None:
    press(model, "alt-p", "alt-p")
    assert model.buffer.is_seeking
    press(model, "alt-n")
    assert not model.buffer.is_seeking
