"""The layout `inline`: what is printed stays, the input row is under it, and nothing is left behind."""

import pyte
import pytest

from client.settings import Preferences
from client.terminal.capabilities import read_capabilities
from client.terminal.inline import Inline
from client.terminal.keys import Key, Paste, Text
from client.terminal.model import Connection, Event, Model, Received, Resized
from client.terminal.theme import make_theme
from client.terminal.update import update
from shared.messages import Joined, Message, Sent

TERMINAL = read_capabilities("xterm-256color")
AT = 1_700_000_000_000_000


class Bench:
    """A model and the terminal on which it is printed."""

    def __init__(self, columns: int = 40, rows: int = 10) -> None:
        self.model = Model("localhost:5000", Preferences(layout="inline"), columns, rows)
        self.inline = Inline(TERMINAL, make_theme(TERMINAL, False))
        self.screen = pyte.HistoryScreen(columns, rows, history=1_000)
        self.stream = pyte.Stream(self.screen)
        self.stream.feed("$ pylingo\r\n" + self.inline.enter())
        self.at = AT
        self.happen(Connection("online"), Received(Joined("lobby", "ada", 2)))

    def happen(self, *events: Event) -> str:
        effects = []
        for event in events:
            self.at += 1_000
            effects += update(self.model, event, 0.0, lambda: self.at)
        frame = self.inline.frame(self.model, 0.0)
        self.stream.feed(frame)
        return frame

    def say(self, text: str) -> str:
        self.at += 1
        return self.happen(Received(Message("lobby", "bob", text, self.at)))

    @property
    def rows(self) -> list[str]:
        above = ["".join(line[x].data for x in range(self.screen.columns)) for line in self.screen.history.top]
        return [row.rstrip() for row in (*above, *self.screen.display)]


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
    [key] = bench.model.scrollback.unsent
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


def test_a_narrower_window_leaves_no_ghost():
    """The terminal breaks the input row into two, with the cursor in the second: both are cleared."""
    bench = Bench(40, 10)
    bench.happen(Text("x" * 25))
    y = bench.screen.cursor.y
    row = bench.rows[y]
    bench.screen.resize(10, 20)
    for index, part in enumerate((row[:20], row[20:])):
        bench.stream.feed(f"\x1b[{y + index + 1};1H\x1b[K{part}")
    bench.inline.forget(make_theme(TERMINAL, False))
    bench.happen(Resized(20, 10))
    assert sum("xxx" in row for row in bench.rows) == 1
    bench.say("after")
    assert sum("xxx" in row for row in bench.rows) == 1


@pytest.mark.parametrize("event", [Paste("\n".join("abcdefgh")), Connection("waiting", 9.0, None, "it broke")])
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


def test_what_was_printed_is_not_printed_again_after_a_repaint():
    bench = Bench()
    bench.say("once")
    bench.inline.forget(make_theme(TERMINAL, False))
    bench.happen(Resized(40, 10))
    assert sum("once" in row for row in bench.rows) == 1
