"""The title of the window: its words, and which terminals have one."""

import pytest

from pylingo.client.terminal.buffer import Buffer
from pylingo.client.terminal.cells import width
from pylingo.client.terminal.window_title import has_title, set_title, title_words
from tests.fakes.window import make


def test_the_place_and_the_program() -> None:
    model = make()
    assert title_words(model) == "PyLingo"
    model.buffers = [Buffer("lobby"), Buffer(person="grace")]
    assert title_words(model) == "#lobby - PyLingo"
    model.active = 1
    assert title_words(model) == "@grace - PyLingo"


def test_the_number_counts_what_calls_for_the_person_in_all_buffers() -> None:
    model = make()
    model.buffers = [Buffer("lobby"), Buffer("ops", new=9, urgent=2), Buffer(person="grace", new=1, urgent=1)]
    assert title_words(model) == "(3) #lobby - PyLingo"
    model.missed = 2
    assert title_words(model) == "(5) #lobby - PyLingo"
    model.buffers = [Buffer("lobby"), Buffer("ops", new=9)]
    model.missed = 0
    assert title_words(model) == "#lobby - PyLingo"


@pytest.mark.parametrize(
    ("room", "shown"),
    [
        ("a\x1b\\\x07b", "#a\N{REPLACEMENT CHARACTER}\\\N{REPLACEMENT CHARACTER}b - PyLingo"),
        ("a#[fg=red]", "#a# [fg=red] - PyLingo"),
        ("[fg=red]", "# [fg=red] - PyLingo"),
        ("\u202eab", "#\N{REPLACEMENT CHARACTER}ab - PyLingo"),
    ],
)
def test_nothing_in_a_name_is_alive(room: str, shown: str) -> None:
    model = make()
    model.buffer.room = room
    assert title_words(model) == shown


def test_a_long_name_is_cut() -> None:
    model = make()
    model.buffer.room = "\u4e2d" * 64
    assert width(title_words(model)) <= 60 + len(" - PyLingo")


def test_the_sequence() -> None:
    assert set_title("(1) #lobby - PyLingo") == "\x1b]2;(1) #lobby - PyLingo\x1b\\"


@pytest.mark.parametrize(
    "term", ["xterm", "xterm-256color", "xterm-kitty", "tmux-256color", "screen.xterm-256color", "foot", "st-256color"]
)
def test_terminals_with_a_title(term: str) -> None:
    assert has_title(term)


@pytest.mark.parametrize("term", ["", "linux", "vt100", "dumb", "cons25", "stterm"])
def test_terminals_that_might_show_the_words(term: str) -> None:
    assert not has_title(term)
