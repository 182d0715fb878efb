"""The window on a terminal: taken, painted, and given back."""

import math
from collections.abc import Iterator

import pytest

from pylingo.client.settings import Preferences
from pylingo.client.terminal.capabilities import read_capabilities
from pylingo.client.terminal.display import FRAME, Display
from pylingo.client.terminal.line import Line
from pylingo.client.terminal.model import Model, Resized
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
        self.display = Display(self.reactor, self.model, self.kind, lambda data: None, self.resized, pty.fd)

    def resized(self, size: Resized) -> None:
        self.sizes.append((size.columns, size.rows))
        self.model.columns, self.model.rows = size.columns, size.rows


@pytest.fixture
def bench() -> Iterator[Bench]:
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


def test_the_bell_rings_once_with_the_next_frame(bench: Bench) -> None:
    bench.display.take()
    bench.pty.read()
    bench.display.ring()
    bench.display.paint()
    assert bench.pty.read() == b"\a"
    bench.display.paint()
    assert bench.pty.read() == b""


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
