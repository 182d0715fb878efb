"""The effect of keys and pastes, from a typed character to a message that is to be sent."""

import pytest

from pylingo.client.events import Received
from pylingo.client.settings import Preferences
from pylingo.client.terminal.input_events import Key, Paste, Text
from pylingo.client.terminal.keyboard import ASKED_ABOVE
from pylingo.client.terminal.keys import LONGEST_PASTE
from pylingo.client.terminal.line import Line
from pylingo.client.terminal.model import (
    Do,
    Effect,
    Event,
    KeepLine,
    Model,
    Pasting,
    Query,
    SendCommand,
    Speak,
    Transcribe,
)
from pylingo.client.terminal.rows import wrapped
from pylingo.client.terminal.update import update
from pylingo.client.terminal.view import body_height
from pylingo.client.wording import clock_time
from pylingo.shared.messages import CommandInfo, Help
from pylingo.shared.text import MAX_TEXT

NOON = 1_700_000_000_000_000
FAMILY = "👩\u200d👩"


@pytest.fixture
def model() -> Model:
    made = Model("x", Preferences(), columns=40, rows=10)
    made.state, made.name, made.buffer.room = "online", "ada", "lobby"
    for name in ("ada", "bob", "bill"):
        made.buffer.know(name)
    return made


def do(model: Model, *events: Event | str) -> list[Effect]:
    """Text for what begins with a blank, else the name of a key."""
    effects: list[Effect] = []
    for event in events:
        if isinstance(event, str):
            event = Text(event[1:]) if event.startswith(" ") else Key(event)
        effects += update(model, event, 0.0, NOON)
    return effects


def rows(model: Model) -> list[str]:
    seen = model.buffer.scrollback.viewport.rows(body_height(model), lambda line: wrapped(model, line))
    return ["".join(span.text for span in row) for row in seen]


# --- typing and Enter


def test_typing_and_saying(model: Model) -> None:
    (effect,) = do(model, " hello", " ", " world", "enter")
    assert isinstance(effect, Speak)
    assert effect.text == "helloworld"
    assert 1 <= len(effect.key) <= 32
    assert effect.key.isascii()
    assert model.buffer.editor.text == ""
    (line,) = model.buffer.scrollback.unsent.values()
    assert model.buffer.scrollback.unsent[effect.key] is line
    assert (line.kind, line.text, line.at, line.who, line.state) == ("own", "helloworld", NOON, "ada", "unsent")


def test_no_key_is_used_twice(model: Model) -> None:
    effects = [do(model, " x", "enter")[0] for _ in range(100)]
    assert len({effect.key for effect in effects if isinstance(effect, Speak)}) == 100


@pytest.mark.parametrize(
    ("line", "effect"),
    [
        ("/join deep", SendCommand("join", "deep")),
        ("/USERS", SendCommand("users", None)),
        ("/layout bottom", Do.REMEMBER),
        ("/log file", Transcribe("file")),
        ("/close", Do.LEAVE),
        ("/quit", Do.LEAVE),
    ],
)
def test_a_slash_begins_a_command(model: Model, line: str, effect: Effect) -> None:
    assert do(model, f" {line}", "enter")[0] == effect
    assert model.buffer.editor.text == ""
    assert model.buffer.scrollback.unsent == {}
    do(model, "up")
    assert model.buffer.editor.text.rstrip() == line.rstrip(), "the history has it"


@pytest.mark.parametrize("line", ["/nope  what  ", "/", "/usr"])
def test_an_unknown_command_stays_in_the_line_with_a_hint(model: Model, line: str) -> None:
    assert do(model, f" {line}", "enter") == []
    assert model.buffer.editor.text == line
    assert "there is no command" in model.hint


@pytest.mark.parametrize(
    ("line", "nearest"), [("/nmae ada", "/name"), ("/swich 2", "/switch"), ("/layuot top", "/layout")]
)
def test_the_nearest_command_is_suggested(model: Model, line: str, nearest: str) -> None:
    assert do(model, f" {line}", "enter") == []
    assert model.hint.endswith(f"; did you mean {nearest}?")


def test_a_command_that_the_servers_help_has_named_is_known(model: Model) -> None:
    do(model, Received(Help([CommandInfo("topic", "text", "Sets the topic.")])))
    assert do(model, " /topic tea", "enter")[0] == SendCommand("topic", "tea")


def test_a_path_is_text(model: Model) -> None:
    (effect,) = do(model, " /usr/bin/ld: cannot find -lfoo", "enter")
    assert isinstance(effect, Speak)
    assert effect.text == "/usr/bin/ld: cannot find -lfoo"


def test_two_slashes_say_one(model: Model) -> None:
    (effect,) = do(model, " //join", "enter")
    assert isinstance(effect, Speak)
    assert effect.text == "/join"


@pytest.mark.parametrize("blank", ["", "   ", "\u3000"])
def test_a_blank_line_says_nothing_and_goes_to_the_end(model: Model, blank: str) -> None:
    for number in range(30):
        model.buffer.scrollback.add(Line("note", str(number)))
    do(model, "page-up")
    assert do(model, f" {blank}", "enter") == []
    assert model.buffer.editor.text == ""
    assert not model.buffer.scrollback.viewport.is_scrolled
    do(model, "up")
    assert model.buffer.editor.text == ""


@pytest.mark.parametrize(
    "line", ["x" * (MAX_TEXT + 1), "/name " + "x" * MAX_TEXT, "/x " + "x" * 60_000, "/colors maybe", "/quit now"]
)
def test_a_line_that_cannot_be_sent_stays_with_a_hint(model: Model, line: str) -> None:
    assert do(model, f" {line}", "enter") == []
    assert model.buffer.editor.text == line
    assert model.hint
    assert model.buffer.scrollback.unsent == {}
    do(model, "backspace")
    assert model.hint == "", "the next key takes the hint away"


def test_the_longest_text_is_sent(model: Model) -> None:
    (effect,) = do(model, " " + "x" * MAX_TEXT, "enter")
    assert isinstance(effect, Speak)
    assert len(effect.text) == MAX_TEXT


def test_typed_text_goes_out_whole_and_is_shown_inert(model: Model) -> None:
    odd = "\U0001fae9 so\u00adft \u200fא \ue0b0 \u202ex\u200d"
    effects = do(model, f" {FAMILY}", "enter", f" {odd}", "enter")
    assert [effect.text for effect in effects if isinstance(effect, Speak)] == [FAMILY, odd]
    line = list(model.buffer.scrollback.unsent.values())[-1]
    assert line.text == "\U0001fae9 soft א \ue0b0 \ufffdx\ufffd"


def test_a_message_of_several_rows(model: Model) -> None:
    (effect,) = do(model, " a", "alt-enter", " b", "enter")
    assert isinstance(effect, Speak)
    assert effect.text == "a\nb"


def test_lines_are_kept_for_the_next_run_once_they_are_entered(model: Model) -> None:
    do(model, " not kept", "enter")
    model.keeps_lines = True
    assert do(model, " hello", "enter")[1:] == [KeepLine("hello")]
    assert do(model, " /colors off", "enter")[-1] == KeepLine("/colors off")
    assert do(model, " /nope", "enter", "ctrl-u", "  ", "enter") == []


def test_saying_goes_to_the_end_of_the_chat(model: Model) -> None:
    for number in range(30):
        model.buffer.scrollback.add(Line("note", str(number)))
    do(model, "page-up", " x", "enter")
    assert not model.buffer.scrollback.viewport.is_scrolled


@pytest.mark.parametrize("words", ["", "hello", "/users"])
def test_enter_connects_again_after_the_end(model: Model, words: str) -> None:
    model.state = "over"
    assert do(model, f" {words}", "enter")[-1] == Do.RECONNECT
    assert model.buffer.editor.text == ""
    assert do(model, " /log x", "enter") == [Transcribe("x")]


@pytest.mark.parametrize("state", ["online", "waiting", "connecting"])
def test_enter_alone_does_nothing_otherwise(model: Model, state: str) -> None:
    model.state = state
    assert do(model, "enter") == []


# --- leaving


@pytest.mark.parametrize("state", ["online", "connecting", "waiting", "over"])
def test_escape_goes_to_the_end_and_leaves_only_who_never_came_in(model: Model, state: str) -> None:
    model.state, model.was_online = state, True
    for number in range(30):
        model.buffer.scrollback.add(Line("note", str(number)))
    do(model, " draft", "page-up")
    assert model.buffer.scrollback.viewport.is_scrolled
    assert do(model, "escape") == []
    assert not model.buffer.scrollback.viewport.is_scrolled
    assert model.buffer.editor.text == "draft"
    model.was_online = False
    assert do(model, "escape") == ([Do.LEAVE] if state == "waiting" else [])


@pytest.mark.parametrize("name", ["escape", "ctrl-c", "ctrl-d", "ctrl-g"])
def test_a_search_is_left_first(model: Model, name: str) -> None:
    do(model, " found", "enter", " draft", "ctrl-r", " fou")
    assert model.buffer.editor.shown[0] == "found"
    assert do(model, name) == []
    assert (model.buffer.editor.search, model.buffer.editor.text, model.is_leaving) == (None, "draft", False)


def test_enter_sends_what_the_search_has_found(model: Model) -> None:
    do(model, " found", "enter", "ctrl-r", " fou")
    (effect,) = do(model, "enter")
    assert isinstance(effect, Speak)
    assert effect.text == "found"
    assert model.buffer.editor.search is None


def test_keys_for_the_terminal(model: Model) -> None:
    assert do(model, "ctrl-l") == [Do.REPAINT]
    assert do(model, "ctrl-z") == [Do.SUSPEND]
    assert do(model, "f5", "ctrl-]", "insert") == []


# --- pastes


@pytest.mark.parametrize("text", ["one", "a\n" * ASKED_ABOVE, "a\nb\nc\nd\ne", "a\n\n\n\n\n\n\n"])
def test_a_small_paste_goes_into_the_line(model: Model, text: str) -> None:
    do(model, " <", Paste(text))
    assert model.question is None
    assert model.buffer.editor.text == "<" + text.rstrip("\n")
    (effect,) = do(model, "enter")
    assert isinstance(effect, Speak)
    assert effect.text == "<" + text.rstrip("\n")


LARGE = "a\n" * (ASKED_ABOVE + 1)


@pytest.mark.parametrize("answer", ["enter", " y", " Y"])
def test_a_large_paste_is_taken_after_a_yes(model: Model, answer: str) -> None:
    assert do(model, " <", Paste(LARGE)) == []
    assert model.question is not None
    assert model.buffer.editor.text == "<"
    assert do(model, answer) == [], "the answer to the question says nothing"
    assert model.question is None
    assert model.buffer.editor.text == "<" + LARGE.rstrip("\n")


@pytest.mark.parametrize("answer", ["escape", "ctrl-g", "ctrl-c", " n", " N"])
def test_a_large_paste_is_dropped_after_a_no(model: Model, answer: str) -> None:
    assert do(model, " <", Paste(LARGE), answer) == []
    assert (model.question, model.buffer.editor.text, model.is_leaving) == (None, "<", False)


@pytest.mark.parametrize("key", [" x", " yes", "tab", "backspace", "ctrl-d", "up", "page-up"])
def test_other_keys_do_not_answer(model: Model, key: str) -> None:
    assert do(model, " <", Paste(LARGE), key) == []
    assert model.question is not None
    assert model.buffer.editor.text == "<"


@pytest.mark.parametrize(
    ("draft", "paste"),
    [
        ("", Paste("x" * (MAX_TEXT + 1))),
        ("", Paste("x\n" * 5_000)),
        ("", Paste("x" * LONGEST_PASTE, cut=True)),
        ("", Paste("x\n" * 10, cut=True)),
        ("draft", Paste("x" * 5 + "\ny" * ((MAX_TEXT - 5) // 2))),
    ],
)
def test_a_paste_that_is_too_long_for_a_message_is_refused_unasked(model: Model, draft: str, paste: Paste) -> None:
    do(model, f" {draft}", paste)
    assert (model.question, model.buffer.editor.text) == (None, draft)
    assert "too long" in model.hint
    assert str(MAX_TEXT) in model.hint
    assert len(model.hint) < 80, "a status row has to have place for it"


def test_the_longest_paste_that_fits(model: Model) -> None:
    text = "x\n" * (MAX_TEXT // 2 - 1) + "yz"
    do(model, Paste(text), "enter")
    assert model.buffer.editor.text == text
    assert len(do(model, "enter")) == 1


def test_a_paste_that_comes_in_pieces_is_one(model: Model) -> None:
    do(model, Paste(LARGE), Paste("b", goes_on=True), Paste("c\n", goes_on=True))
    assert model.question == Paste(LARGE + "bc\n")
    do(model, "enter")
    assert model.buffer.editor.text == LARGE + "bc"


def test_another_paste_takes_the_place_of_one_that_was_not_answered(model: Model) -> None:
    do(model, Paste(LARGE), Paste("other"))
    assert (model.question, model.buffer.editor.text) == (None, "other")


@pytest.mark.parametrize("piece", ["x\n" * 1_000, "\n" * 1_000])
def test_pieces_without_end_are_refused_and_not_kept(model: Model, piece: str) -> None:
    do(model, Paste(LARGE))
    for _ in range(100):
        do(model, Paste(piece, goes_on=True))
    assert (model.question, model.buffer.editor.text) == (None, "")
    assert "too long" in model.hint
    assert do(model, Paste("one more line\n", goes_on=True)) == []
    assert (model.question, model.buffer.editor.text) == (None, ""), "it belongs to what was refused"


def test_a_paste_that_has_not_ended_is_said(model: Model) -> None:
    do(model, Pasting())
    assert "10 s" in model.hint
    assert len(model.hint) < 80
    do(model, Paste("whole"))
    assert (model.hint, model.buffer.editor.text) == ("", "whole")


# --- the mouse


def test_a_key_takes_the_mouse_or_leaves_it(model: Model) -> None:
    assert do(model, "alt-m") == [Do.REMEMBER]
    assert not model.preferences.mouse
    assert model.hint == "mouse off: the terminal has it"
    assert do(model, "alt-m") == [Do.REMEMBER]
    assert model.preferences.mouse
    assert model.hint.startswith("mouse on")


def test_a_blank_line_of_the_history_gives_the_draft_back(model: Model) -> None:
    do(model, " sent", "enter", " a draft", "up", "ctrl-u", "enter")
    assert model.buffer.editor.text == "a draft"


# --- long messages


def says(text: str, at: int) -> Line:
    return Line("message", text, at, "bob", is_stamped=True)


def test_a_long_message_is_opened_and_folded(model: Model) -> None:
    model.rows = 30
    for at, text in enumerate(("first", "\n".join(f"row {number}" for number in range(100)), "last"), 1):
        model.buffer.scrollback.add(says(text, at))
    assert "90 more rows" in rows(model)[-2]
    do(model, "ctrl-o")
    assert rows(model)[0].endswith("row 0")
    assert rows(model)[-1].endswith(f"row {body_height(model) - 1}")
    do(model, "page-down", "page-down")
    assert rows(model)[-1].endswith(f"row {3 * body_height(model) - 3}")
    do(model, "ctrl-o")
    assert "90 more rows" in rows(model)[-2], "it is folded again, and in view"
    assert rows(model)[-1].endswith("last")
    assert not model.buffer.scrollback.viewport.is_scrolled, "all is in view"


def test_the_key_opens_the_lowest_message_in_view(model: Model) -> None:
    for at in (1, 2):
        model.buffer.scrollback.add(says(f"{at}\n" * 100, at))
    do(model, "ctrl-o")
    assert [line.is_open for line in model.buffer.scrollback.lines] == [False, True]
    do(model, "ctrl-o")
    assert [line.is_open for line in model.buffer.scrollback.lines] == [False, False]
    assert not model.buffer.scrollback.viewport.is_scrolled, "the last line is at the end"


def test_where_nothing_is_folded_the_key_says_so(model: Model) -> None:
    model.buffer.scrollback.add(says("short", 1))
    do(model, "ctrl-o")
    assert "no message" in model.hint


def test_inline_prints_the_whole_of_what_was_folded(model: Model) -> None:
    model.preferences.layout = "inline"
    for at in (1, 2):
        model.buffer.scrollback.add(says(f"{at}\n" * 50, at))
    do(model, "ctrl-o")
    assert "no message" in model.hint, "nothing is printed yet"
    model.buffer.scrollback.unprinted()
    for at in (2, 1):
        do(model, "ctrl-o")
        (again,) = model.buffer.scrollback.unprinted()
        assert len(wrapped(model, again)) == 51
        assert again.text.startswith(str(at))
    do(model, "ctrl-o")
    assert model.buffer.scrollback.unprinted() == []


# --- Tab


def test_tab_completes_commands_names_and_rooms(model: Model) -> None:
    do(model, " /lay", "tab")
    assert model.buffer.editor.text == "/layout "
    do(model, "ctrl-u", " /us", "tab")
    assert model.buffer.editor.text == "/users "
    do(model, "ctrl-u", " hi @bo", "tab")
    assert model.buffer.editor.text == "hi @bob "
    model.rooms = ["deep-end"]
    do(model, "ctrl-u", " /join de", "tab")
    assert model.buffer.editor.text == "/join deep-end "


def test_tab_offers_who_spoke_last_first_and_never_oneself(model: Model) -> None:
    do(model, " b", "tab")
    assert model.buffer.editor.text == "bill: "
    assert offered(model) == (["bill", "bob"], 0)
    do(model, "tab")
    assert model.buffer.editor.text == "bob: "
    assert offered(model) == (["bill", "bob"], 1)
    do(model, "shift-tab")
    assert model.buffer.editor.text == "bill: "
    do(model, "ctrl-u", " ad", "tab")
    assert model.buffer.editor.text == "ad"


def offered(model: Model) -> tuple[list[str], int] | None:
    """The candidates in the status row, and which of them is chosen."""
    return (list(model.offer.candidates), model.offer.chosen) if model.offer is not None else None


@pytest.mark.parametrize("event", [" x", "left", Paste("x")])
def test_the_candidates_stand_until_the_next_key(model: Model, event: Event | str) -> None:
    do(model, " b", "tab", event)
    assert offered(model) is None


def test_a_single_candidate_with_a_label_is_shown(model: Model) -> None:
    model.commands["redact"] = CommandInfo("redact", "at reason", "")
    model.buffer.scrollback.add(Line("message", "my password", NOON, "bob", is_stamped=True))
    do(model, " /redact bo", "tab")
    assert model.buffer.editor.text == f"/redact {NOON} "
    assert offered(model) == ([str(NOON)], 0)
    assert model.offer is not None
    assert model.offer.shown == [f"bob {clock_time(NOON)} my password"]


def test_a_single_candidate_needs_no_row(model: Model) -> None:
    do(model, " bi", "tab")
    assert model.buffer.editor.text == "bill: "
    assert offered(model) is None


def test_tab_asks_an_operator_who_is_banned(model: Model) -> None:
    assert do(model, " /unban ", "tab") == []
    model.is_operator = True
    assert do(model, "tab") == [Query("bans")]


def test_tab_asks_for_the_rooms_once(model: Model) -> None:
    assert do(model, " /join ", "tab") == [Query("list")]
    assert model.queries == ["list"]
    assert do(model, "tab") == []


@pytest.mark.parametrize("state", ["connecting", "waiting", "over"])
def test_tab_asks_nothing_without_a_connection(model: Model, state: str) -> None:
    model.state = state
    assert do(model, " /join ", "tab") == []
    assert model.queries == []


def test_tab_goes_on_with_what_a_search_has_found(model: Model) -> None:
    do(model, " hello @bo", "enter", "ctrl-r", " hello")
    do(model, "tab")
    assert model.buffer.editor.text == "bill: hello @bo", "the cursor is where it was found"
    assert model.buffer.editor.search is None
    do(model, "ctrl-u", "end", "tab")
    assert model.buffer.editor.text == "hello @bob "
    do(model, "enter")
    assert [line.text for line in model.buffer.scrollback.unsent.values()] == ["hello @bo", "hello @bob "]


# --- scrolling


def test_page_up_and_down(model: Model) -> None:
    model.preferences.times = False
    for number in range(40):
        model.buffer.scrollback.add(Line("note", str(number)))
    model.buffer.scrollback.loaded.part.has_beginning = True
    assert rows(model) == [str(number) for number in range(32, 40)]
    do(model, "page-up")
    assert rows(model) == [str(number) for number in range(25, 33)], "one row stays in view"
    do(model, "shift-up")
    assert rows(model)[0] == "22"
    do(model, "shift-down", "page-down")
    assert rows(model)[0] == "32"
    assert not model.buffer.scrollback.viewport.is_scrolled
    do(model, *["page-up"] * 50)
    assert rows(model)[0] == "0"
    do(model, *["page-down"] * 50)
    assert rows(model)[-1] == "39"


@pytest.mark.parametrize(("up", "down"), [("f7", "f8"), ("f11", "f12")])
def test_the_list_of_people_is_scrolled_by_pages(model: Model, up: str, down: str) -> None:
    for number in range(50):
        model.buffer.know(f"user{number:02}")
    do(model, down)
    assert model.buffer.first_person == 5
    do(model, down, up)
    assert model.buffer.first_person == 5
    do(model, *[down] * 20)
    assert model.buffer.first_person == 46
    do(model, *[up] * 20)
    assert model.buffer.first_person == 0


@pytest.mark.parametrize("size", [1, 2, 3])
def test_scrolling_in_a_window_of_few_rows(model: Model, size: int) -> None:
    model.columns = model.rows = size
    for number in range(40):
        model.buffer.scrollback.add(Line("note", str(number)))
    do(model, "page-up", "shift-up", "page-up", "page-down", "shift-down", "escape")
    assert not model.buffer.scrollback.viewport.is_scrolled
