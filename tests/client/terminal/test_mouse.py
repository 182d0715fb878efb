"""The wheel, clicks on what acts, and presses that give the mouse to the terminal."""

import pytest

from pylingo.client.settings import Preferences
from pylingo.client.terminal.buffer import Buffer
from pylingo.client.terminal.input_events import Focus, Key, Mouse, Paste, Text
from pylingo.client.terminal.keyboard import ASKED_ABOVE
from pylingo.client.terminal.model import Effect, Event, Model, SendCommand
from pylingo.client.terminal.mouse import mouse
from pylingo.client.terminal.update import update
from pylingo.client.terminal.view import screen
from tests.fakes.window import NOON, plain, said

LARGE = Paste("a\n" * (ASKED_ABOVE + 1))


@pytest.fixture
def model() -> Model:
    made = Model("x", Preferences(), columns=60, rows=10)
    made.state, made.name, made.buffer.room = "online", "ada", "lobby"
    for at in range(50):
        made.buffer.scrollback.add(said(str(at), at=at))
    return made


def do(model: Model, *events: Event, now: float = 100.0) -> list[Effect]:
    return [effect for event in events for effect in update(model, event, now, NOON)]


def wheel(way: str) -> Mouse:
    return Mouse(f"wheel-{way}", 0, 5)


def rows(model: Model) -> list[str]:
    return [plain(row) for row in screen(model, 100.0).body]


def test_the_wheel_scrolls_and_leaves_the_line_alone(model: Model) -> None:
    do(model, Text("a draft"))
    last = rows(model)[-1]
    do(model, wheel("up"))
    assert rows(model)[-4:-1] != rows(model)[-3:]
    assert rows(model)[-1] != last
    assert model.buffer.editor.text == "a draft"
    do(model, wheel("down"))
    assert rows(model)[-1] == last
    assert not model.buffer.scrollback.viewport.is_scrolled


def test_the_wheel_scrolls_the_list_of_people_where_that_is(model: Model) -> None:
    model.columns = 120
    for number in range(50):
        model.buffer.know(f"user{number:02}")
    before = rows(model)
    do(model, Mouse("wheel-down", 110, 5))
    assert [plain(row) for row in screen(model, 100.0).side[:2]] == ["+3 above", " user03"]
    assert rows(model) == before
    do(model, Mouse("wheel-up", 99, 5), Mouse("wheel-up", 110, 5))
    assert plain(screen(model, 100.0).side[0]) == " user00"
    assert rows(model) != before


def test_the_wheel_answers_no_question_and_ends_no_search(model: Model) -> None:
    do(model, LARGE, wheel("up"), Mouse("left", 0, 5))
    assert model.question is not None
    do(model, Key("escape"), Key("ctrl-r"), Text("x"), wheel("up"))
    assert model.buffer.editor.search is not None


@pytest.mark.parametrize("event", [Text("x"), Key("left"), Paste("x")])
@pytest.mark.parametrize("button", ["left", "middle", "right"])
def test_a_button_gives_the_mouse_to_the_terminal_until_the_next_key(model: Model, button: str, event: Event) -> None:
    assert model.has_mouse
    do(model, Mouse(button, 3, 5))
    assert not model.has_mouse
    assert "selects" in model.hint
    do(model, event)
    assert (model.has_mouse, model.hint) == (True, "")


def test_the_press_that_brings_the_focus_is_not_meant_for_selecting(model: Model) -> None:
    do(model, Focus(False), Focus(True), Mouse("left", 3, 5))
    assert model.has_mouse
    do(model, Mouse("left", 3, 5), now=100.5)
    assert not model.has_mouse


@pytest.mark.parametrize("name", ["shift-left", "ctrl-wheel-up", "alt-right"])
def test_other_gestures_do_nothing(model: Model, name: str) -> None:
    before = rows(model)
    assert mouse(model, Mouse(name, 3, 0), 100.0, NOON) == []
    assert (model.has_mouse, model.hint, rows(model)) == (True, "", before)


# --- the entries of the status row


def place_of(model: Model, words: str) -> tuple[int, int]:
    """The columns of some words in the status row."""
    row = plain(screen(model, 100.0).status)
    return row.index(words), row.index(words) + len(words)


@pytest.mark.parametrize("layout", ["top", "bottom"])
def test_a_click_on_an_entry_shows_the_buffer(model: Model, layout: str) -> None:
    model.preferences.layout = layout
    model.buffers += [Buffer("ops", new=5), Buffer(person="grace", new=1, urgent=1)]
    row = screen(model, 100.0).status_row
    first, last = place_of(model, "[3:@grace 1!]")
    for column in (first, last - 1):
        model.active, model.buffers[2].new, model.buffers[2].urgent = 0, 1, 1
        assert do(model, Mouse("left", column, row)) == []
        assert model.buffer.person == "grace"
        assert model.has_mouse
    do(model, Mouse("left", place_of(model, "[2:ops 5]")[0], row))
    assert model.buffer.room == "ops"


def test_a_click_between_the_entries_shows_none(model: Model) -> None:
    model.buffers += [Buffer("ops", new=5), Buffer(person="grace", new=1, urgent=1)]
    for words, side in (("[3:@grace 1!]", 0), ("[2:ops 5]", 0), ("[2:ops 5]", 1)):
        column = place_of(model, words)[side] - (0 if side else 1)
        do(model, Mouse("left", column, 0))
        assert (model.active, model.has_mouse) == (0, False)
        do(model, Key("left"))
    do(model, Mouse("left", place_of(model, "[2:ops 5]")[0], 3))
    assert (model.active, model.has_mouse) == (0, False), "it is another row"


def test_a_hint_or_a_question_has_no_entries(model: Model) -> None:
    model.buffers.append(Buffer("ops", new=5))
    column = place_of(model, "[2:ops 5]")[0]
    model.hint = "a hint that stands where the entries are: [2:ops 5]"[:30] + " " * 30
    do(model, Mouse("left", column, 0))
    assert model.active == 0
    do(model, Key("left"), LARGE, Mouse("left", column, 0))
    assert model.active == 0


# --- the list of people


def with_people(model: Model, layout: str = "top") -> Model:
    """A wide window with ada, bob and a stranger in the list."""
    model.columns, model.preferences.layout = 120, layout
    for name in ("ada", "bob", "Eve"):
        model.buffer.know(name)
    return model


def place_in_list(model: Model, name: str) -> tuple[int, int]:
    """The column and the row of a name in the list."""
    shown = screen(model, 100.0)
    rows = [plain(row) for row in shown.side]
    return shown.side_column + 4, shown.body_top + rows.index(f" {name}")


@pytest.mark.parametrize("layout", ["top", "bottom"])
def test_a_click_on_a_name_shows_the_conversation(model: Model, layout: str) -> None:
    with_people(model, layout)
    do(model, Text("a draft"))
    assert do(model, Mouse("left", *place_in_list(model, "Eve"))) == []
    assert model.buffer.person == "Eve"
    assert model.has_mouse
    assert model.buffers[0].editor.text == "a draft"


def test_a_right_click_on_a_name_asks_about_the_person(model: Model) -> None:
    with_people(model)
    do(model, wheel("up"))
    assert do(model, Mouse("right", *place_in_list(model, "bob"))) == [SendCommand("whois", "bob")]
    assert (model.active, model.has_mouse) == (0, True)
    assert not model.buffer.scrollback.viewport.is_scrolled


def test_a_click_on_ones_own_name_says_why_it_does_nothing(model: Model) -> None:
    with_people(model)
    assert do(model, Mouse("left", *place_in_list(model, "ada"))) == []
    assert (model.active, model.hint) == (0, "that is your own name")


@pytest.mark.parametrize("button", ["left", "right"])
def test_a_click_on_an_empty_row_of_the_list_does_nothing(model: Model, button: str) -> None:
    with_people(model)
    column, row = place_in_list(model, "Eve")
    assert do(model, Mouse(button, column, row + 1)) == []
    assert (model.active, model.hint, model.has_mouse) == (0, "", True)


def test_a_server_without_private_messages(model: Model) -> None:
    with_people(model).features = frozenset()
    do(model, Mouse("left", *place_in_list(model, "bob")))
    assert (model.active, model.hint) == (0, "this server has no /msg: it is an older one")
