"""The window on a terminal: taken, painted, and given back."""

import math
from collections.abc import Iterator

import pytest

from pylingo.client.settings import Preferences
from pylingo.client.terminal.capabilities import read_capabilities
from pylingo.client.terminal.display import FRAME, Display
from pylingo.client.terminal.input_events import Focus
from pylingo.client.terminal.line import Line
from pylingo.client.terminal.model import Model, Notify, Resized
from pylingo.client.terminal.painter import as_usual
from pylingo.reactor.engine.loop import Reactor
from tests.fakes.clock import Clock
from tests.fakes.pty import Pty

SHOWN = b"\x1b[?2026l"


class Bench:
    """A display on a terminal of the test's own."""

    def __init__(self, pty: Pty) -> None:
        self.pty = pty
        self.clock = Clock()
        self.reactor = Reactor(self.clock, most_late=math.inf)
        self.model = Model("x", Preferences())
        self.sizes: list[tuple[int, int]] = []
        self.kind = read_capabilities("xterm-256color")
        self.display = Display(self.reactor, self.model, self.kind, lambda data: None, self.happen, pty.fd)
        self.focus: list[bool] = []

    def happen(self, event: Resized | Focus) -> None:
        if isinstance(event, Focus):
            self.focus.append(event.is_here)
            return
        self.sizes.append((event.columns, event.rows))
        self.model.columns, self.model.rows = event.columns, event.rows


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setenv("TERM", "xterm-256color")
    for name in ("TMUX", "TERM_PROGRAM", "LC_TERMINAL"):
        monkeypatch.delenv(name, raising=False)
    with Pty() as pty:
        made = Bench(pty)
        yield made
        made.display.leave()
        made.reactor.close()


def test_taking_paints_and_leaving_restores(bench: Bench) -> None:
    bench.display.take()
    assert SHOWN in bench.pty.read()
    assert not bench.pty.is_restored
    assert bench.sizes == []
    bench.display.take()
    assert bench.pty.read() == b"", "it is taken"
    bench.display.leave()
    assert bench.pty.is_restored
    bench.display.take()
    assert SHOWN in bench.pty.read()


def test_a_terminal_that_was_released_is_first_brought_to_its_usual_keys(bench: Bench) -> None:
    """The process was stopped without notice, so what had begun was never ended."""
    more, usual = (sequence.encode() for sequence in bench.kind.keyboard)
    bench.display.take()
    written = bench.pty.read()
    assert more in written
    assert usual not in written
    bench.display.release()
    bench.display.take()
    written = bench.pty.read()
    assert -1 < written.find(usual) < written.find(more)
    bench.display.leave()
    bench.display.take()
    assert bench.pty.read().count(usual) == 1, "by leaving"


@pytest.mark.parametrize("layout", ["top", "inline"])
def test_a_terminal_that_a_killed_program_had_is_brought_to_its_usual_state(bench: Bench, layout: str) -> None:
    bench.model.preferences.layout = layout
    usual = as_usual(bench.kind).encode()
    bench.display.take()
    bench.display.leave()
    assert usual not in bench.pty.read()
    bench.display.spoil()
    bench.display.take()
    assert bench.pty.read().startswith(usual)
    bench.display.leave()
    bench.display.spoil()
    bench.display.end()
    assert usual in bench.pty.read()
    assert bench.pty.is_restored
    bench.display.end()
    assert bench.pty.read() == b"", "nobody has had it since"


def test_the_end_of_the_program_does_not_need_a_terminal(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone() -> None:
        raise OSError

    monkeypatch.setattr(bench.display, "take", gone)
    bench.display.spoil()
    bench.display.end()


def test_a_terminal_that_was_given_up_is_not_taken_again(bench: Bench) -> None:
    bench.display.take()
    bench.display.give_up()
    bench.pty.read()
    bench.display.take()
    assert bench.pty.read() == b""
    assert bench.pty.is_restored


def test_frames_keep_their_distance_except_after_a_key(bench: Bench) -> None:
    bench.display.take()
    bench.pty.read()
    bench.model.buffer.scrollback.add(Line("note", "one"))
    bench.display.paint_soon()
    bench.display.paint_soon()
    bench.reactor.tick(0)
    assert bench.pty.read() == b"", "the last frame was just now"
    bench.clock.now += FRAME
    bench.reactor.tick(0)
    assert b"one" in bench.pty.read()
    bench.model.buffer.scrollback.add(Line("note", "two"))
    bench.display.paint()
    assert b"two" in bench.pty.read()


@pytest.mark.parametrize("layout", ["top", "bottom", "inline", "plain"])
def test_the_messages_are_shown_bare_and_the_window_comes_back(bench: Bench, layout: str) -> None:
    bench.model.preferences.layout = layout
    for number in range(60):
        bench.model.buffer.scrollback.add(Line("note", f"line {number}."))
    bench.display.take()
    before = bench.pty.read()
    bench.model.is_bare = True
    assert bench.display.change_layout()
    assert bench.pty.is_restored
    assert (b"\x1b[?1049l" in bench.pty.read()) == (layout in ("top", "bottom"))
    bench.display.take()
    assert not bench.display.has_lines
    written = bench.pty.read()
    assert b"line 0.\r\n" in written.replace(b"\r\r", b"\r")
    assert b"any key brings the window back" in written
    for number in range(60, 120):
        bench.model.buffer.scrollback.add(Line("note", f"line {number}."))
    bench.display.paint()
    assert bench.pty.read() == b"", "nothing is painted"
    assert not bench.display.change_layout(), "a resize is no other layout"
    bench.model.is_bare = False
    assert bench.display.change_layout()
    bench.display.take()
    after = bench.pty.read()
    assert bench.display.has_lines == (layout == "plain")
    if layout in ("inline", "plain"):
        shown = [number for number in range(120) if f"line {number}.".encode() in before + after]
        assert shown == list(range(120)), "what came meanwhile is printed as well"
        assert b"line 59." not in after
    else:
        assert b"\x1b[?1049h" in after
        assert b"line 119." in after


def test_the_bell_rings_once_with_the_next_frame(bench: Bench) -> None:
    bench.display.take()
    bench.pty.read()
    bench.display.ring()
    bench.display.paint()
    assert bench.pty.read() == b"\a"
    bench.display.paint()
    assert bench.pty.read() == b""


def test_a_notification_is_shown_once_with_the_next_frame(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM_PROGRAM", "WezTerm")
    bench.display.take()
    bench.pty.read()
    bench.display.ring()
    for name in ("bob", "cy"):
        bench.display.notify(Notify(name, "hi", f"@{name}"))
    bench.display.paint()
    assert bench.pty.read() == b"\a\x1b]777;notify;cy;hi\x1b\\", "the newest one"
    bench.display.paint()
    assert bench.pty.read() == b""
    bench.model.preferences.notify_with = "9"
    bench.display.notify(Notify("cy", "hi", "@cy"))
    bench.display.leave()
    assert b"cy" not in bench.pty.read()
    bench.display.take()
    assert b"\x1b]9" not in bench.pty.read(), "the person is here"


def test_the_title_is_kept_changed_and_given_back(bench: Bench) -> None:
    bench.model.buffer.room = "lobby"
    bench.display.take()
    begin = bench.pty.read()
    assert begin.index(b"\x1b[22;2t") < begin.index(b"\x1b]2;#lobby - PyLingo\x1b\\")
    bench.display.paint()
    assert bench.pty.read() == b"", "it has not changed"
    bench.model.missed = 1
    bench.display.paint()
    assert bench.pty.read() == b"\x1b]2;(1) #lobby - PyLingo\x1b\\"
    bench.display.leave()
    assert bench.pty.read().endswith(b"\x1b[23;2t")


def test_a_title_that_is_kept_already_is_not_kept_again(bench: Bench) -> None:
    """After a stop without notice the title of the shell is below ours."""
    bench.display.take()
    bench.display.release()
    bench.pty.read()
    bench.display.take()
    again = bench.pty.read()
    assert b"\x1b[22;2t" not in again
    assert b"\x1b]2;PyLingo" in again, "the shell may have changed it"


@pytest.mark.parametrize(("term", "layout"), [("linux", "top"), ("xterm", "plain")])
def test_where_there_is_no_title_none_is_set(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, term: str, layout: str
) -> None:
    monkeypatch.setenv("TERM", term)
    model = Model("x", Preferences(layout=layout))
    display = Display(bench.reactor, model, read_capabilities("linux"), lambda data: None, bench.happen, bench.pty.fd)
    display.take()
    display.leave()
    written = bench.pty.read()
    assert not any(part in written for part in (b"\x1b]2", b"\x1b[22;2t", b"\x1b[23;2t"))


def test_taking_means_that_the_person_is_here(bench: Bench) -> None:
    bench.display.take()
    assert bench.focus == [True]


def test_painting_finds_another_size(bench: Bench) -> None:
    bench.model.columns = 40
    bench.display.take()
    assert bench.sizes == [(80, 24)]


def test_another_layout_leaves_the_terminal_to_be_taken_again(bench: Bench) -> None:
    bench.display.take()
    bench.model.preferences.colors = False
    assert not bench.display.change_layout(), "only the colours are others"
    bench.model.preferences.layout = "plain"
    assert not bench.display.has_lines
    assert bench.display.change_layout()
    assert bench.pty.is_restored
    bench.display.take()
    assert bench.display.has_lines
    assert bench.pty.is_restored, "the terminal edits the lines"
