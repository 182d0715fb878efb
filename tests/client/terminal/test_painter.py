"""The painter's output, on a terminal of pyte's: every row is the view's, the cursor stands in the input row.

pyte does not know emoji as terminals do: those are for the tests in tmux.
"""

from typing import Any

import pyte
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pylingo.client.events import QueryReply, Received, Status
from pylingo.client.settings import Preferences
from pylingo.client.terminal.capabilities import read_capabilities
from pylingo.client.terminal.cells import width
from pylingo.client.terminal.input_events import Focus, Key, Mouse, Paste, Text
from pylingo.client.terminal.model import Do, Event, Model, Resized
from pylingo.client.terminal.painter import BEGIN, END, Painter
from pylingo.client.terminal.people_list import EDGE
from pylingo.client.terminal.rows import Row
from pylingo.client.terminal.theme import make_theme
from pylingo.client.terminal.update import update
from pylingo.client.terminal.view import screen
from pylingo.client.themes import THEMES
from pylingo.shared.messages import Away, Joined, Left, Message, Moderated, Notice, Private, Renamed, Users
from tests.fakes.emulator import Emulator

TERMINAL = read_capabilities("xterm-256color")
THEME = make_theme(TERMINAL, True)
MOUSE = "\x1b[?1000h", "\x1b[?1000l"
KINDS = ["xterm-256color", "tmux-256color", "linux", "vt100", "rxvt-unicode-256color"]


class Bench:
    """A model, its painter and the terminal that is painted on."""

    def __init__(
        self, columns: int = 80, rows: int = 24, layout: str = "top", kind: str = "xterm-256color", **likes: Any
    ) -> None:
        terminal = read_capabilities(kind)
        self.model = Model("localhost:5000", Preferences(layout=layout, **likes), columns, rows)
        self.theme = make_theme(terminal, True, self.model.preferences.theme)
        self.painter = Painter(terminal, self.theme)
        self.screen = Emulator(columns, rows)
        self.stream = pyte.Stream(self.screen)
        self.now = 0.0
        self.at = 1_700_000_000_000_000
        self.paint()

    def happen(self, *events: Event) -> None:
        for event in events:
            self.now += 0.01
            self.at += 10_000
            if isinstance(event, Resized):
                self.screen.resize(event.rows, event.columns)
            if Do.REPAINT in update(self.model, event, self.now, self.at):
                self.painter.forget(self.theme)

    def paint(self) -> str:
        frame = self.painter.frame(self.model, self.now)
        self.stream.feed(frame)
        return frame

    def say(self, text: str, from_: str = "bob") -> None:
        self.at += 1
        self.happen(Received(Message("lobby", from_, text, self.at)))

    def check(self) -> None:
        """Everything on the terminal is as the view has it."""
        view = screen(self.model, self.now)
        for index, row in enumerate(view.body):
            assert self.row(view.body_top + index, 0, view.side_column) == words(row).rstrip()
        for index, row in enumerate(view.side):
            assert self.row(view.body_top + index, view.side_column) == (words(EDGE) + words(row)).rstrip()
        if view.status is not None:
            assert self.row(view.status_row) == words(view.status).rstrip()
        for index, text in enumerate(view.input.all):
            assert self.row(view.input_top + index) == text.rstrip()
        assert view.side_column == view.columns or len(view.side) == len(view.body)
        assert self.screen.cursor.y == view.cursor_row
        assert self.screen.cursor.x == min(width(view.input.before), view.columns - 1)
        assert not self.screen.cursor.hidden

    def row(self, index: int, begin: int = 0, end: int | None = None) -> str:
        line = self.screen.buffer[index]  # `display` is slow
        return "".join(line[column].data for column in range(begin, end or self.screen.columns)).rstrip()


def words(row: Row) -> str:
    return "".join(span.text for span in row)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("layout", ["top", "bottom"])
def test_a_chat_is_painted(layout, kind):
    bench = Bench(layout=layout, kind=kind)
    bench.check()
    for number in range(40):
        bench.say(f"message {number} " + "with many words " * (number % 12))
        bench.happen(Text("x" * (number % 3)) if number % 3 else Key("left"))
        bench.paint()
        bench.check()


def test_a_link_on_two_rows_leads_to_one_address():
    bench = Bench(columns=40)
    address = "http://b.example/" + "y" * 40
    bench.say(f"see {address} there")
    frame = bench.paint()
    bench.check()
    assert frame.count(f";{address}\x1b\\") == 2
    assert frame.count("\x1b]8;;\x1b\\") == 2, "each part is closed"
    bench.say("no link")
    assert "\x1b]8" not in bench.paint()


CHARACTERS = st.sampled_from("ab c\u00e9\u4e2d\u3042\ud55c!  ")
WORDS = st.text(CHARACTERS, min_size=1, max_size=120)
LINKS = st.integers(0, 200).map(lambda size: "http://b.example/" + "y" * size)
TEXTS = st.one_of(WORDS, st.builds(lambda words, link: f"{words}{link} {words}", WORDS, LINKS))
KEYS = [
    "enter",
    "left",
    "right",
    "home",
    "end",
    "backspace",
    "delete",
    "ctrl-w",
    "ctrl-u",
    "ctrl-k",
    "ctrl-y",
    "ctrl-t",
    "up",
    "down",
    "page-up",
    "page-down",
    "tab",
    "escape",
    "ctrl-r",
    "alt-1",
    "alt-2",
    "alt-page-up",
    "f8",
    "alt-enter",
    "shift-enter",
    "alt-b",
    "ctrl-_",
    "shift-up",
    "shift-down",
]
NAMES = st.sampled_from(["cy", "dee", "eve", "\u4e2d\u56fd", "n" * 32, *(f"user{number}" for number in range(30))])
COLUMNS = st.one_of(st.integers(1, 60), st.integers(90, 140))
EVENTS = st.one_of(
    st.builds(Text, TEXTS),
    st.builds(
        Key,
        st.sampled_from(KEYS),
    ),
    st.builds(Paste, st.text(st.sampled_from("ab\n\u4e2d "), max_size=400)),
    st.builds(Resized, COLUMNS, st.integers(1, 30)),
    st.builds(Mouse, st.sampled_from(["left", "right", "wheel-up"]), st.integers(0, 140), st.integers(0, 30)),
    st.sampled_from(["people", "colors", "time", "theme light", "clear"]).map(lambda command: ("do", command)),
    st.lists(NAMES, max_size=30, unique=True).map(
        lambda names: QueryReply("users", Users("lobby", names, False), True)
    ),
    st.builds(lambda name, why: Received(Away(name, why)), NAMES, st.sampled_from([None, "lunch"])),
    st.builds(lambda name, rank: Received(Moderated(rank, "root", name)), NAMES, st.sampled_from(["op", "deop"])),
    st.builds(Focus, st.booleans()),
    st.builds(lambda text: ("say", text), TEXTS),
    st.builds(lambda name: Received(Joined("lobby", name)), NAMES),
    st.builds(lambda name: Received(Left("lobby", name, "close")), NAMES),
    st.builds(lambda name: Received(Renamed(name, "fay", "lobby")), st.sampled_from(["cy", "dee"])),
    st.builds(lambda text: Received(Notice(text)), TEXTS),
    st.builds(lambda name: Received(Private(name, "ada", "psst", 1_700_000_000_000_000)), NAMES),
    st.sampled_from([Status("online"), Status("waiting", None, 3.0), Status("connecting")]),
)


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.tuples(EVENTS, st.booleans()), max_size=40),
    st.sampled_from(["top", "bottom"]),
    st.tuples(COLUMNS, st.integers(1, 30)),
    st.fixed_dictionaries(
        {"people": st.booleans(), "names": st.sampled_from(["column", "plain"]), "theme": st.sampled_from([*THEMES])}
    ),
)
def test_whatever_happens_the_terminal_shows_the_view(happenings, layout, size, likes):
    bench = Bench(*size, layout=layout, **likes)
    bench.happen(Status("online"), Received(Joined("lobby", "ada", 2)))
    for event, is_painted in happenings:
        if isinstance(event, tuple) and event[0] == "do":
            bench.happen(Key("ctrl-a"), Key("ctrl-k"), Text(f"/{event[1]}"), Key("enter"))
        elif isinstance(event, tuple):
            bench.say(event[1])
        else:
            bench.happen(event)
        if is_painted:
            bench.paint()
            bench.check()
    bench.paint()
    bench.check()


def crowd(bench: Bench, people: int) -> Bench:
    """A window in a room of so many people."""
    names = [f"user{number:04}" for number in range(people - 1)]
    bench.happen(Status("online"), Received(Joined("lobby", "ada", people)))
    bench.happen(QueryReply("users", Users("lobby", ["ada", *names], False), True))
    bench.paint()
    return bench


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("layout", ["top", "bottom"])
@pytest.mark.parametrize("names", ["column", "plain"])
def test_a_chat_is_painted_beside_its_people(layout, kind, names):
    bench = crowd(Bench(110, 14, layout=layout, kind=kind, names=names), 30)
    for number in range(20):
        bench.say(f"message {number} " + "with many words " * (number % 12), "\u4e2d\u56fd" * (number % 2) or "bob")
        bench.happen(Received(Joined("lobby", f"new{number}")), Key("f8" if number % 3 else "f7"))
        bench.paint()
        bench.check()
    assert any("+" in words(row) and "more" in words(row) for row in screen(bench.model, 0).side)
    bench.happen(Text("/people"), Key("enter"))
    bench.paint()
    bench.check()
    assert screen(bench.model, 0).side == ()


@pytest.mark.parametrize("layout", ["top", "bottom"])
@pytest.mark.parametrize("messages", [0, 3, 30])
def test_a_conversation_takes_the_columns_of_the_list_and_gives_them_back(layout, messages):
    bench = crowd(Bench(110, 14, layout=layout), 5)
    for number in range(messages):
        bench.say(str(number))
    for number in range(4):
        bench.happen(Received(Private("bob", "ada", "psst", bench.at + number)))
    for key, has_list in (("alt-2", False), ("alt-1", True), ("alt-2", False)):
        bench.happen(Key(key))
        bench.paint()
        bench.check()
        assert bool(screen(bench.model, 0).side) is has_list


@pytest.mark.parametrize(("people", "most"), [(10, 700), (1_000, 1_900)])
def test_a_message_beside_people_costs_their_names_and_no_screen(people, most):
    bench = full(crowd(Bench(200, 60), people))
    bench.paint()
    for number in range(5):
        bench.say(f"one more, number {number}")
        assert len(bench.paint().encode()) < most
        bench.check()
    bench.happen(Text("x"))
    assert len(bench.paint().encode()) < 100, "a key costs nothing of them"


def test_a_message_that_is_wider_than_we_think_leaves_the_list_alone():
    bench = crowd(Bench(100, 8), 20)
    bench.stream.feed("\x1b[?7l")
    bench.say("wide")
    frame = bench.painter.frame(bench.model, bench.now).replace("wide", "w" * 99)
    bench.stream.feed(frame)
    view = screen(bench.model, bench.now)
    rows = [bench.row(view.body_top + index, view.side_column) for index in range(len(view.side))]
    assert rows == [words(EDGE) + words(row) for row in view.side]


def full(bench: Bench) -> Bench:
    """So many messages that every further one scrolls."""
    for number in range(bench.model.rows + 5):
        bench.say(f"number {number}")
        bench.paint()
    return bench


@pytest.mark.parametrize("size", [(80, 24), (200, 60)])
@pytest.mark.parametrize("layout", ["top", "bottom"])
def test_a_message_of_one_row_costs_below_400_bytes(size, layout):
    bench = full(Bench(*size, layout=layout))
    bench.happen(Text("a draft " * (size[0] // 10)))
    bench.paint()
    for number in range(20):
        bench.say(f"one more, number {number}")
        assert len(bench.paint().encode()) < 400
        bench.check()


@pytest.mark.parametrize("size", [(80, 24), (200, 60)])
@pytest.mark.parametrize("char", ["x", "\u4e2d"])
def test_a_key_costs_below_200_bytes(size, char):
    bench = full(Bench(*size))
    for name in [None] * (size[0] // width(char) - 8) + ["left", "right", "backspace", "ctrl-a", "right", "ctrl-e"]:
        bench.happen(Key(name) if name else Text(char))
        costs = len(bench.paint().encode())
        if name:
            bench.check()
        if char.isascii() or name is None:
            assert costs < 200


def test_typing_in_the_middle_of_a_long_row_costs_no_more_than_what_is_right_of_it():
    bench = full(Bench(200, 60))
    bench.happen(Text("y" * 150), Key("home"))
    bench.paint()
    bench.happen(Text("x"))
    assert len(bench.paint().encode()) < 200 + len(BEGIN + END)
    bench.check()


@pytest.mark.parametrize("layout", ["top", "bottom"])
def test_a_further_row_of_the_input_costs_a_few_rows_and_no_screen(layout):
    bench = full(Bench(200, 60, layout=layout))
    bench.happen(Text("first"))
    bench.paint()
    for _ in range(5):
        bench.happen(Key("alt-enter"))
        assert len(bench.paint().encode()) < 400 + 200
        bench.check()
        bench.happen(Text("x"))
        assert len(bench.paint().encode()) < 60 + len(BEGIN + END)
        bench.check()
    bench.say("meanwhile")
    assert len(bench.paint().encode()) < 400
    bench.check()
    bench.happen(Key("up"), Key("up"))
    assert len(bench.paint().encode()) < 200
    bench.check()


def test_nothing_is_written_where_nothing_has_changed():
    bench = full(Bench())
    assert bench.paint() == ""


def test_the_messages_scroll_in_their_region_and_the_rest_stays():
    bench = full(Bench())
    bench.say("short")
    frame = bench.paint()
    assert frame.count("\n") == 1
    assert frame.startswith(BEGIN)
    assert frame.endswith(END)


def test_a_flood_between_two_frames_is_one_screen():
    bench = full(Bench())
    for number in range(10_000):
        bench.say(f"flood {number}")
    assert len(bench.paint()) < 80 * 24 * 2
    bench.check()


def test_a_wrong_guess_at_a_width_does_no_harm_beyond_its_row():
    """A terminal that shows a letter narrower than we think: the cursor is where the terminal has written."""
    bench = full(Bench())
    bench.happen(Text("\u4e2d" * 5 + "ab"), Key("left"))
    bench.screen.reset()
    stream = pyte.Stream(bench.screen)
    stream.feed(bench.painter.enter())
    bench.painter.forget(THEME)
    stream.feed(bench.painter.frame(bench.model, bench.now).replace("\u4e2d", "n"))
    assert bench.screen.cursor.x == len("> nnnnna")


def test_the_terminal_is_brought_back():
    bench = full(Bench())
    bench.stream.feed(bench.painter.enter())
    bench.stream.feed(bench.painter.leave())
    assert pyte.modes.DECAWM in bench.screen.mode
    assert bench.screen.margins in (None, (0, 23))
    assert not bench.screen.cursor.hidden
    left = bench.painter.leave()
    for mode in ("\x1b[?2004l", "\x1b[?1004l", "\x1b[?1049l", "\x1b[?7h", END):
        assert mode in left


def test_the_keyboard_is_as_before_on_either_screen():
    """kitty keeps the protocols of its two screens apart."""
    entered, left = (
        text.partition(mode)
        for text, mode in (
            (Painter(TERMINAL, THEME).enter(), "\x1b[?1049h"),
            (Painter(TERMINAL, THEME).leave(), "\x1b[?1049l"),
        )
    )
    assert TERMINAL.keyboard[0] in entered[2]
    assert TERMINAL.keyboard[1] in left[0]


def test_the_mouse_is_ours_but_for_selecting():
    bench = Bench()
    bench.painter.enter()
    assert MOUSE[0] in bench.paint()
    bench.happen(Mouse("left", 0, 5))
    assert MOUSE[1] in bench.paint()
    assert not any(mode in bench.paint() for mode in MOUSE)
    bench.happen(Text("x"))
    assert MOUSE[0] in bench.paint()
    bench.model.preferences.mouse = False
    assert MOUSE[1] in bench.paint()
    bench.painter.enter()
    bench.painter.forget(THEME)
    assert not any(mode in bench.paint() for mode in MOUSE)
    assert MOUSE[1] in bench.painter.leave()
