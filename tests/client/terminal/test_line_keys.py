"""The keys of the input line: rows, clearing and leaving, two keys in a row, quoting."""

import pytest

from pylingo.client.terminal.buffer import Buffer
from pylingo.client.terminal.buffers import close
from pylingo.client.terminal.input_events import Key, Paste, Text
from pylingo.client.terminal.line_keys import LEAVES_WITHIN
from pylingo.client.terminal.model import Do, Edit, Edited, Effect, Event, Model
from pylingo.client.terminal.update import update
from pylingo.shared.text import MAX_TEXT
from tests.fakes.window import NOON, make


@pytest.fixture
def model() -> Model:
    made = make()
    made.state, made.name, made.buffer.room = "online", "ada", "lobby"
    return made


def do(model: Model, *events: Event | str, now: float = 0.0) -> list[Effect]:
    """Text for what begins with a blank, else the name of a key."""
    effects: list[Effect] = []
    for event in events:
        if isinstance(event, str):
            event = Text(event[1:]) if event.startswith(" ") else Key(event)
        effects += update(model, event, now, NOON)
    return effects


def text(model: Model) -> str:
    return model.buffer.editor.text


# --- rows


def test_up_and_down_go_through_the_rows_before_the_history(model: Model) -> None:
    editor = model.buffer.editor
    do(model, " sent", "enter", " abc", "shift-enter", " de", "up")
    assert (editor.text, editor.cursor) == ("abc\nde", 2)
    do(model, "ctrl-p")
    assert editor.text == "sent"
    do(model, "down")
    assert editor.text == "abc\nde"
    do(model, "up", "ctrl-n")
    assert (editor.text, editor.cursor) == ("abc\nde", 6)
    do(model, "ctrl-u", "ctrl-u", " " + "x" * 60, "up")
    assert editor.cursor < 40, "a long line has several rows"


def test_up_goes_on_with_the_line_that_a_search_has_found(model: Model) -> None:
    editor = model.buffer.editor
    do(model, " oldest", "enter", " first", "alt-enter", " second", "enter", "ctrl-r", " sec", "up")
    assert (editor.search, editor.text, editor.cursor) == (None, "first\nsecond", 0)
    do(model, "up")
    assert editor.text == "oldest"


# --- leaving


def test_another_key_between_two_ctrl_c_keeps_the_window_open(model: Model) -> None:
    for between in (" hello", "left", "enter"):
        assert do(model, "ctrl-c") == []
        do(model, between)
        model.buffer.editor.set_draft("")
        assert do(model, "ctrl-c") == [], between
        assert model.hint == "press C-c again to leave, or type /close"
        do(model, "left")


def test_ctrl_c_clears_the_line_and_leaves_the_second_time_from_an_empty_one(model: Model) -> None:
    assert do(model, " a draft", "ctrl-c") == []
    assert (text(model), model.hint) == ("", "the line is cleared; C-y inserts it again")
    assert do(model, "ctrl-c") == []
    assert model.hint == "press C-c again to leave, or type /close"
    assert do(model, "ctrl-c", now=LEAVES_WITHIN - 0.1) == [Do.LEAVE]
    assert model.is_leaving


def test_text_that_ctrl_c_has_cleared_is_inserted_again(model: Model) -> None:
    do(model, " sent", "enter", " a draft", "up", "ctrl-c", "ctrl-y")
    assert text(model) == "sent"
    do(model, "alt-y")
    assert text(model) == "a draft"


def test_the_second_ctrl_c_comes_soon_after_the_first(model: Model) -> None:
    do(model, "ctrl-c")
    assert do(model, "ctrl-c", now=LEAVES_WITHIN) == []
    assert do(model, "ctrl-c", now=LEAVES_WITHIN + 1) == [Do.LEAVE]


def test_a_line_that_was_typed_between_is_cleared_first(model: Model) -> None:
    assert do(model, "ctrl-c", " x", "ctrl-c", "ctrl-c") == []
    assert do(model, "ctrl-c") == [Do.LEAVE]


def test_ctrl_d_deletes_as_long_as_there_is_a_draft(model: Model) -> None:
    assert do(model, " ab", "ctrl-a", "ctrl-d") == []
    assert text(model) == "b"
    assert do(model, "end", "ctrl-d") == []
    assert do(model, "backspace", "ctrl-d") == [Do.LEAVE]


# --- the person's own editor


def test_a_draft_is_edited_and_comes_back_as_one_change(model: Model) -> None:
    assert do(model, " a draft", "left", "ctrl-x", "ctrl-e") == [Edit("a draft")]
    assert do(model, Edited("one\ntwo")) == []
    assert (text(model), model.buffer.editor.cursor, model.hint) == ("one\ntwo", 7, "")
    do(model, "ctrl-_")
    assert text(model) == "a draft"


def test_the_line_that_a_search_has_found_is_edited(model: Model) -> None:
    do(model, " found", "enter", " draft", "ctrl-r", " fou")
    assert do(model, "ctrl-x", "ctrl-e") == [Edit("found")]
    assert do(model, Edited("found it"), "down") == []
    assert text(model) == "draft"


def test_an_editor_that_failed_changes_nothing(model: Model) -> None:
    do(model, " a draft", "ctrl-x", "ctrl-e", Edited(None, "it failed"))
    assert (text(model), model.hint) == ("a draft", "it failed")
    do(model, Edited(None))
    assert (text(model), model.hint) == ("a draft", "")


def test_the_text_of_an_editor_that_failed_can_be_inserted(model: Model) -> None:
    do(model, " a draft", "ctrl-x", "ctrl-e", Edited("written", "it failed"))
    assert (text(model), model.hint) == ("a draft", "it failed; C-y inserts what was edited")
    do(model, "ctrl-y")
    assert text(model) == "a draftwritten"


def test_what_is_too_long_is_refused_and_can_be_inserted(model: Model) -> None:
    do(model, " a draft", "ctrl-x", "ctrl-e", Edited("x" * (MAX_TEXT + 1)))
    assert text(model) == "a draft"
    assert model.hint == "too long: a message has at most 4096 characters; C-y inserts what was edited"
    do(model, "ctrl-u", "ctrl-u", "ctrl-y", "alt-y")
    assert text(model) == "x" * (MAX_TEXT + 1)
    do(model, "ctrl-u", "ctrl-x", "ctrl-e", Edited("x" * MAX_TEXT))
    assert text(model) == "x" * MAX_TEXT


def test_a_stopped_editor_brings_its_text_to_its_own_room(model: Model) -> None:
    here, other = model.buffer, Buffer("dev")
    model.buffers.append(other)
    do(model, " a draft", "ctrl-x", "ctrl-e", Edited(None, "it is stopped", is_waiting=True))
    assert model.hint == "it is stopped"
    do(model, "alt-2", " elsewhere")
    assert do(model, "ctrl-x", "ctrl-e") == [Edit("elsewhere")]
    do(model, Edited("edited"))
    assert (here.editor.text, other.editor.text, model.buffer) == ("edited", "elsewhere", here)
    do(model, "alt-2")
    assert do(model, "ctrl-x", "ctrl-e", Edited("else")) == [Edit("elsewhere")]
    assert (here.editor.text, other.editor.text) == ("edited", "else")


def test_what_was_edited_outlives_its_room(model: Model) -> None:
    other = Buffer("dev")
    model.buffers.append(other)
    do(model, "alt-2", " a draft", "ctrl-x", "ctrl-e", Edited(None, is_waiting=True))
    close(model, other)
    do(model, " here", Edited("edited"))
    assert (text(model), model.hint) == ("here", "its room is closed; C-y inserts what was edited")
    do(model, "ctrl-y")
    assert text(model) == "hereedited"


# --- two keys in a row


def test_undo_by_two_keys(model: Model) -> None:
    do(model, " one", "  ", " two", "ctrl-x")
    assert model.hint == "C-x-"
    do(model, "ctrl-u")
    assert (text(model), model.hint) == ("one ", "")


@pytest.mark.parametrize("key", ["ctrl-g", "escape", "ctrl-c"])
@pytest.mark.parametrize("prefix", ["ctrl-x", "ctrl-v"])
def test_the_first_of_two_keys_is_taken_back(model: Model, prefix: str, key: str) -> None:
    assert do(model, " a", prefix, key) == []
    assert (text(model), model.hint, model.is_leaving) == ("a", "", False)
    do(model, "ctrl-u")
    assert text(model) == "", "and the next key is itself"


@pytest.mark.parametrize(("key", "words"), [("ctrl-z", "C-x C-z"), ("alt-b", "C-x M-b"), (" yes", "C-x y")])
def test_two_keys_that_do_nothing_say_so(model: Model, key: str, words: str) -> None:
    assert do(model, "ctrl-x", key) == []
    assert model.hint == f"{words} does nothing"
    assert text(model) == ("es" if key == " yes" else "")


@pytest.mark.parametrize("prefix", ["ctrl-v", "ctrl-q"])
def test_tab_and_enter_are_quoted(model: Model, prefix: str) -> None:
    do(model, " /he", prefix, "tab", " x", prefix, "enter", prefix, " yz")
    assert (text(model), model.hint) == ("/he\tx\nyz", "")


@pytest.mark.parametrize("key", ["ctrl-a", "left", "alt-x", "ctrl-v"])
def test_nothing_else_can_be_quoted(model: Model, key: str) -> None:
    do(model, " a", "ctrl-v", key)
    assert text(model) == "a"
    assert model.hint.startswith("only Tab and Enter")
    assert len(model.hint) < 80
    do(model, " b")
    assert text(model) == "ab"


def test_a_paste_is_no_second_key(model: Model) -> None:
    do(model, "ctrl-x", Paste("pasted"), " u")
    assert text(model) == "pastedu"
