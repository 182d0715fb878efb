"""The layout `inline`: what is printed stays, the input row is under it, and nothing is left behind."""

from typing import Any

import pyte
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pylingo.client.events import Received, Status
from pylingo.client.settings import Preferences
from pylingo.client.terminal.capabilities import read_capabilities
from pylingo.client.terminal.cells import width
from pylingo.client.terminal.inline import ASK_PLACE, PATIENCE, Inline
from pylingo.client.terminal.input_events import CursorReport, Key, Paste, Text
from pylingo.client.terminal.input_rows import input_rows
from pylingo.client.terminal.model import Event, Model, Resized
from pylingo.client.terminal.prompts import prompt
from pylingo.client.terminal.theme import make_theme
from pylingo.client.terminal.update import update
from pylingo.client.themes import THEMES
from pylingo.client.wording import clock_time, date_line, local_day
from pylingo.shared.messages import Joined, Message, Sent
from tests.fakes.emulator import HistoryEmulator

TERMINAL = read_capabilities("xterm-256color")
AT = 1_700_000_000_000_000


class Bench:
    """A model and the terminal on which it is printed."""

    def __init__(self, columns: int = 40, rows: int = 10, has_colors: bool = False, **likes: Any) -> None:
        self.model = Model("localhost:5000", Preferences(layout="inline", **likes), columns, rows)
        self.inline = Inline(TERMINAL, make_theme(TERMINAL, has_colors, self.model.preferences.theme))
        self.screen = HistoryEmulator(columns, rows, history=1_000)
        self.stream = pyte.Stream(self.screen)
        self.stream.feed("$ pylingo\r\n" + self.inline.enter())
        self.at = AT
        self.now = 0.0
        self.happen(Status("online"), Received(Joined("lobby", "ada", 2)))

    def happen(self, *events: Event) -> str:
        effects = []
        for event in events:
            self.at += 1_000
            effects += update(self.model, event, self.now, self.at)
        frame = self.inline.frame(self.model, self.now)
        self.stream.feed(frame)
        return frame

    def say(self, text: str) -> str:
        self.at += 1
        return self.happen(Received(Message("lobby", "bob", text, self.at)))

    def check(self) -> None:
        """The input is on the screen as it should be, nothing is below it, and the cursor stands in it."""
        typed = input_rows(self.model, prompt(self.model, self.now))
        top = self.screen.cursor.y - len(typed.above)
        rows = [row.rstrip() for row in self.screen.display]
        assert rows[top : top + typed.height] == [row.rstrip() for row in typed.all]
        assert not any(rows[top + typed.height :])
        assert self.screen.cursor.x == width(typed.before)

    @property
    def rows(self) -> list[str]:
        above = ["".join(line[x].data for x in range(self.screen.columns)) for line in self.screen.history.top]
        return [row.rstrip() for row in (*above, *self.screen.display)]


def test_the_candidates_for_tab_stand_before_the_line():
    bench = Bench(columns=60)
    for name in ("alfred", "alice", "alan"):
        bench.model.buffer.know(name)
    bench.happen(Text("al"))
    for key, row in (
        ("tab", "( [alan] alice      >) alan:"),
        ("shift-tab", "(<[alfred]           ) alfred:"),
        ("home", "[lobby] alfred:"),
    ):
        bench.happen(Key(key))
        assert [text for text in bench.rows if text][-1] == row


def test_messages_are_printed_above_the_input_row():
    bench = Bench()
    bench.happen(Text("a draft"))
    for number in range(20):
        bench.say(f"number {number}")
    rows = [row for row in bench.rows if row]
    assert rows[0] == "$ pylingo"
    assert [row.partition("bob: ")[2] for row in rows if "bob: " in row] == [f"number {number}" for number in range(20)]
    assert rows[-1] == "[lobby] a draft"
    assert sum("a draft" in row for row in rows) == 1
    assert bench.screen.cursor.x == len("[lobby] a draft")


def test_own_words_are_printed_once_when_the_server_has_them():
    bench = Bench()
    bench.happen(Text("hello"), Key("enter"))
    assert not any("ada: hello" in row for row in bench.rows)
    [key] = bench.model.buffer.scrollback.unsent
    bench.say("first")
    bench.happen(Received(Sent("lobby", bench.at + 5, key=key)))
    rows = [row for row in bench.rows if "first" in row or "hello" in row]
    assert ["first" in row for row in rows] == [True, False]


def test_the_cursor_stands_in_the_line():
    bench = Bench()
    bench.happen(Text("abc"), Key("left"), Key("left"))
    assert bench.screen.cursor.x == len("[lobby] a")
    bench.say("meanwhile")
    assert bench.screen.cursor.x == len("[lobby] a")
    assert bench.rows[bench.screen.cursor.y].endswith("abc")


def test_a_draft_of_several_rows_stands_under_the_messages():
    bench = Bench(rows=12)
    bench.happen(Text("one"), Key("alt-enter"), Text("two"), Key("alt-enter"), Text("three"), Key("up"), Key("left"))
    bench.check()
    for number in range(20):
        bench.say(f"number {number}")
        bench.check()
    rows = [row for row in bench.rows if row]
    assert [row.partition("bob: ")[2] for row in rows if "bob: " in row] == [f"number {number}" for number in range(20)]
    assert rows[-3:] == ["[lobby] one", "  two", "  three"]
    bench.stream.feed(bench.inline.leave())
    assert bench.rows[-1] == bench.rows[-2] == bench.rows[-3] == ""
    assert bench.rows[-4].endswith("number 19")


def test_the_date_and_the_column_of_names_are_printed():
    bench = Bench(70, 12, names="column")
    bench.say("hello " * 20)
    rows = [row for row in bench.rows if row]
    assert rows[1] == date_line(local_day(AT))
    time = clock_time(AT)
    margin = " " * len(time)
    assert rows[2] == f"{time}        -- \u2502 you are in lobby as ada; 1 other is here"
    assert rows[3].startswith(f"{time}       bob \u2502 hello hello")
    assert rows[4].startswith(f"{margin}           \u2502 hello hello")


HAPPENINGS = st.one_of(
    st.sampled_from(["one", "a longer text that takes more than a row, and then a bit more", "\u4e2d" * 30]).map(Text),
    st.sampled_from(["enter", "alt-enter", "up", "down", "left", "home", "backspace", "ctrl-u", "ctrl-r"]).map(Key),
    st.just(Paste("a\nb\nc")),
    st.integers(0, 9).map(str),
)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(HAPPENINGS, max_size=40),
    st.one_of(st.integers(8, 50), st.integers(60, 120)),
    st.integers(3, 20),
    st.fixed_dictionaries(
        {
            "names": st.sampled_from(["column", "plain"]),
            "theme": st.sampled_from([*THEMES]),
            "has_colors": st.booleans(),
            "people": st.booleans(),
        }
    ),
)
def test_whatever_happens_the_input_is_under_all_messages(
    happenings: list[Event | str], columns: int, rows: int, likes: dict[str, Any]
):
    bench = Bench(columns, rows, **likes)
    said = []
    for number, happening in enumerate(happenings):
        if isinstance(happening, str):
            said.append(f"<{number}>")
            bench.say(said[-1])
        else:
            bench.happen(happening)
        bench.check()
    text = "".join(bench.rows).replace(" ", "")
    places = [text.index(words) for words in said]
    assert places == sorted(places)
    assert all(text.count(words) == 1 for words in said)


def narrow(bench: Bench, columns: int) -> str:
    """Make the window narrower, as the program is told of it."""
    bench.inline.forget(make_theme(TERMINAL, False))
    return bench.happen(Resized(columns, bench.screen.lines))


def break_rows(bench: Bench, columns: int) -> None:
    """Make the window narrower as a terminal that rewraps does: two input rows, the cursor in the second."""
    y = bench.screen.cursor.y
    row = bench.rows[y]
    bench.screen.resize(bench.screen.lines, columns)
    for index, part in enumerate((row[:columns], row[columns:])):
        bench.stream.feed(f"\x1b[{y + index + 1};1H\x1b[K{part}")


def cut_rows(bench: Bench, columns: int) -> None:
    """Make the window narrower as a terminal that cuts rows off does: one row, the cursor in its last column."""
    bench.screen.resize(bench.screen.lines, columns)
    bench.screen.cursor.x = min(bench.screen.cursor.x, columns - 1)


def test_a_terminal_that_breaks_rows_keeps_no_ghost():
    bench = Bench(40, 10)
    bench.happen(Text("x" * 25))
    break_rows(bench, 20)
    assert narrow(bench, 20) == ASK_PLACE
    bench.happen(CursorReport(bench.screen.cursor.x))
    assert sum(row.count("x") for row in bench.rows) == 25
    bench.say("after")
    assert sum(row.count("x") for row in bench.rows) == 25
    assert sum("after" in row for row in bench.rows) == 1


@pytest.mark.parametrize("typed", [10, 25, 31, 35])
def test_a_terminal_that_cuts_rows_off_keeps_all_messages(typed: int):
    bench = Bench(60, 10)
    for number in range(5):
        bench.say(f"m{number}")
    bench.happen(Text("x" * typed))
    for columns in (40, 30, 24, 20):
        cut_rows(bench, columns)
        if narrow(bench, columns) == ASK_PLACE:
            bench.happen(CursorReport(bench.screen.cursor.x))
        bench.say(f"at {columns}")
    rows = [row for row in bench.rows if "bob:" in row or "at" in row]
    assert [row.split()[-1] for row in rows if "m" in row] == [f"m{number}" for number in range(5)]
    assert [row.split()[-1] for row in rows if "at" in row] == ["40", "30", "24", "20"]
    assert sum(row.count("x") for row in bench.rows) == typed


@pytest.mark.parametrize("cut", [True, False])
def test_a_terminal_that_does_not_answer_keeps_all_messages(cut: bool):
    bench = Bench(40, 10)
    bench.say("before")
    bench.happen(Text("x" * 25))
    (cut_rows if cut else break_rows)(bench, 20)
    assert narrow(bench, 20) == ASK_PLACE
    assert bench.say("meanwhile") == "", "the answer is waited for"
    bench.now = PATIENCE
    bench.say("after")
    assert [word for row in bench.rows for word in ("before", "meanwhile", "after") if word in row] == [
        *("before", "meanwhile", "after"),
    ]


def test_the_answer_to_an_earlier_question_is_none_to_a_later_one():
    bench = Bench(60, 10)
    bench.say("before")
    bench.happen(Text("x" * 45))
    cut_rows(bench, 40)
    assert narrow(bench, 40) == ASK_PLACE
    cut_rows(bench, 30)
    assert narrow(bench, 30) == ASK_PLACE
    assert bench.happen(CursorReport(len("[lobby] " + "x" * 45) % 30)) == "", "by chance the column of a broken row"
    assert bench.happen(CursorReport(29)) != ""
    assert any("before" in row for row in bench.rows)


def test_a_terminal_that_breaks_several_rows_keeps_no_ghost():
    bench = Bench(40, 12)
    bench.happen(Text("x" * 31 + "y" * 37 + "z" * 30))
    y = bench.screen.cursor.y
    rows = bench.rows[y - 2 : y + 1]
    bench.screen.resize(bench.screen.lines, 20)
    for index, part in enumerate(part for row in rows for part in (row[:20], row[20:])):
        bench.stream.feed(f"\x1b[{y - 1 + index};1H\x1b[K{part}")
    assert narrow(bench, 20) == ASK_PLACE
    bench.happen(CursorReport(bench.screen.cursor.x))
    assert not any("[lobby]" in row for row in bench.rows), "the first rows of the draft are out of sight"
    assert sum(row.count("y") for row in bench.rows) < 37
    assert sum(row.count("z") for row in bench.rows) == 30
    bench.happen(*[Key("up")] * 4)
    assert sum(row.count("x") for row in bench.rows) == 31


def test_a_window_made_narrower_and_wide_again_needs_no_answer():
    bench = Bench(60, 10)
    bench.happen(Text("x" * 45))
    assert narrow(bench, 40) == ASK_PLACE
    assert "xxx" in narrow(bench, 60)


def test_a_message_wider_than_we_think_stays_in_its_row():
    bench = Bench(40, 10)
    bench.say("before")
    bench.stream.feed("x" * 200 + "\r\n")  # as if its width had been taken for less
    bench.stream.feed(bench.inline.leave())
    assert sum("xxx" in row for row in bench.rows) == 1
    bench.stream.feed("y" * 60)
    assert sum("yyy" in row for row in bench.rows) == 2, "rows are wrapped again"


@pytest.mark.parametrize("event", [Paste("\n".join("abcdefgh")), Status("waiting", None, 9.0)])
def test_questions_and_the_connection_stand_before_the_line(event):
    bench = Bench(60)
    bench.happen(event)
    row = bench.rows[bench.screen.cursor.y]
    assert row.startswith("Paste 8 lines" if isinstance(event, Paste) else "[offline, next try")


def test_nothing_is_written_where_nothing_has_changed():
    assert Bench().happen() == ""


def test_the_input_row_is_taken_away_at_the_end():
    bench = Bench()
    bench.happen(Text("a draft"))
    bench.stream.feed(bench.inline.leave())
    assert not any("draft" in row for row in bench.rows)
    assert bench.screen.cursor.x == 0


def test_the_keyboard_is_as_before_at_the_end():
    inline = Inline(TERMINAL, {})
    assert TERMINAL.keyboard[0] in inline.enter()
    assert TERMINAL.keyboard[1] in inline.leave()


def test_printed_messages_are_not_printed_again_after_a_repaint():
    bench = Bench()
    bench.say("once")
    bench.inline.forget(make_theme(TERMINAL, False))
    bench.happen(Resized(40, 10))
    assert sum("once" in row for row in bench.rows) == 1
