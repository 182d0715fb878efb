"""The messages without the window: whole lines, which the terminal wraps itself."""

import pyte
import pytest

from pylingo.client.events import Received
from pylingo.client.terminal import bare as module
from pylingo.client.terminal.bare import BACK, Bare, bare_lines
from pylingo.client.terminal.capabilities import read_capabilities
from pylingo.client.terminal.input_events import Focus, Key, Paste, Text
from pylingo.client.terminal.line import Line
from pylingo.client.terminal.model import Do, Event, Model, Resized
from pylingo.client.terminal.rows import wrapped
from pylingo.client.terminal.update import update
from pylingo.client.terminal.view import body_height
from pylingo.shared.messages import Message
from tests.fakes.window import DATE, NOON, TIME, make, opened, said

TERMINAL = read_capabilities("xterm-256color")


def filled(*texts: str, columns: int = 40) -> Model:
    model = make(columns=columns)
    for number, text in enumerate(texts):
        model.buffer.scrollback.add(said(text, at=NOON + number))
    return model


def test_lines_are_whole_and_have_no_newlines_but_their_own() -> None:
    model = filled("word " * 40, "a\n  b\nc", "\n" * 30)
    model.buffer.scrollback.add(Line("own", "mine", NOON, "ada", is_action=True))
    model.buffer.scrollback.add(Line("note", "* so", NOON))
    model.buffer.scrollback.add(Line("marker", "--- new ---", NOON))
    assert bare_lines(model) == [
        DATE,
        f"{TIME} bob: {'word ' * 40}",
        f"{TIME} bob: a\n  b\nc",
        f"{TIME} bob: {chr(10) * 30}",
        f"{TIME} * ada mine",
        f"{TIME} * so",
        "--- new ---",
    ]
    model.preferences.times = False
    assert bare_lines(model)[1].startswith("bob: word")


def test_a_view_that_is_scrolled_up_shows_what_is_in_it_and_above() -> None:
    model = filled(*(f"m{number}" for number in range(50)))
    model.buffer.scrollback.viewport.scroll_up(10, body_height(model), lambda line: wrapped(model, line))
    assert [line.split()[-1] for line in bare_lines(model)[1:]] == [f"m{number}" for number in range(40)]


def test_the_newest_lines_are_shown_if_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_LINES", 3)
    assert [line.split()[-1] for line in bare_lines(filled("a", "b", "c", "d"))] == ["b", "c", "d"]
    monkeypatch.setattr(module, "MOST_CHARACTERS", 30)
    assert [line.split()[-1] for line in bare_lines(filled("a", "b", "c", "d"))] == ["c", "d"]
    assert len(bare_lines(filled("x" * 90))) == 1, "the newest in any case"


def test_it_is_printed_once_and_its_last_row_is_taken_away() -> None:
    model = filled("hello", "word " * 12)
    bare, screen = Bare(TERMINAL), pyte.Screen(40, 10)
    stream = pyte.Stream(screen)
    stream.feed("$ pylingo\r\n" + bare.enter() + bare.frame(model, 0.0))
    rows = [row.rstrip() for row in screen.display]
    assert rows[:3] == ["$ pylingo", DATE, f"{TIME} bob: hello"]
    assert "".join(screen.display[3:5]).rstrip() == f"{TIME} bob: {'word ' * 12}".rstrip(), "the terminal wraps"
    assert BACK in rows
    model.buffer.scrollback.add(said("later"))
    assert bare.frame(model, 1.0) == ""
    bare.forget({})
    assert bare.frame(model, 1.0) == ""
    stream.feed(bare.leave())
    assert not any(BACK in row for row in screen.display)
    assert f"{TIME} bob: hello" in [row.rstrip() for row in screen.display]


def test_nothing_in_it_is_a_sequence() -> None:
    frame = Bare(TERMINAL).frame(filled("see http://b.example/ \ufffd[2J", columns=20), 0.0)
    assert all(char.isprintable() or char in "\r\n" for char in frame)
    assert frame.endswith(BACK[:19])


@pytest.mark.parametrize("event", [Text("hello"), Key("enter"), Key("ctrl-c"), Key("alt-l"), Paste("x\n" * 9)])
def test_any_key_brings_the_window_back_and_does_nothing_else(event: Event) -> None:
    model = filled("hello")
    model.state = "online"
    model.buffer.editor.insert("draft")
    assert update(model, Key("alt-l"), 0.0, NOON) == [Do.REPAINT]
    assert model.is_bare
    update(model, Focus(True), 0.0, NOON)
    update(model, Resized(30, 8), 0.0, NOON)
    update(model, Received(Message("lobby", "bob", "meanwhile", NOON + 1)), 0.0, NOON)
    assert model.is_bare
    assert update(model, event, 0.0, NOON) == [Do.REPAINT]
    assert not model.is_bare
    assert (model.buffer.editor.text, model.question) == ("draft", None)
    assert model.buffer.scrollback.lines[-1].text == "meanwhile"
    update(model, event, 0.0, NOON)
    assert model.is_bare == (event == Key("alt-l"))


def test_the_command_does_it_as_well() -> None:
    model = make()
    model.buffer.editor.insert("/bare")
    assert update(model, Key("enter"), 0.0, NOON) == [Do.REPAINT]
    assert model.is_bare
    assert model.buffer.editor.text == ""


def test_a_message_that_is_folded_in_the_window_is_whole() -> None:
    long = "\n".join(map(str, range(50)))
    assert bare_lines(filled(long))[1] == f"{TIME} bob: {long}"
    model = make()
    model.buffer.scrollback.add(opened(long))
    assert bare_lines(model)[1] == f"{TIME} bob: {long}"
